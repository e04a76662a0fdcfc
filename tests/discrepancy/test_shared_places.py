"""Runs that share a place, averaged inside the likelihood, against the same runs one by one."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scalebayes import GP, Drift, Laplace, Matern, Offset, Runs, Search, StudentT, laws
from scalebayes.discrepancy.kernels import Bend, Places
from scalebayes.discrepancy.process import Process, Residuals
from scalebayes.discrepancy.shared_places import Shared
from scalebayes.model.arrays import alike, longer
from scalebayes.model.layout import DENSE, INDUCING, laid_out
from scalebayes.model.problem import build
from scalebayes.noise.families import Normal
from tests.helpers import PROCESS_VALUES as VALUES
from tests.helpers import Compiled


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64():
        yield


def repeated(n=100, places=21, padding=7, seed=3):
    """Residuals of runs at fewer places in four groups, with noise of their own, and which of them share a place."""
    rng = np.random.default_rng(seed)
    at = rng.integers(0, places, n)
    mask = (np.arange(n) < n - padding) * 1.0
    at[mask == 0] = at[0]
    N, D, group = rng.uniform(-3, 0, places), rng.uniform(-3, 0, places), rng.integers(0, 4, places).astype(float)
    where = Places({"N": N[at], "D": D[at]}, np.zeros(n), group[at])
    scale = 0.01 * np.exp(0.5 * rng.normal(size=n))
    _, first, inverse = np.unique(at[: n - padding], return_index=True, return_inverse=True)
    shared = Shared(np.append(inverse, np.zeros(padding, int)), np.append(first, [first[0]] * 3))
    return Residuals(where, 0.03 * rng.normal(size=n), scale, mask), shared


def test_averages_are_sufficient():
    """Fails if density, gradient, left-out runs or predictions differ between averages and runs one by one."""
    process = Compiled(Process(tuple(one.of(["N", "D"]) for one in (Matern(), Bend(), Drift(), Offset()))))
    seen, shared = repeated()
    names, real = list(VALUES), seen.mask > 0

    def density(x, off, scale, shared):
        values = dict(zip(names, jnp.exp(x), strict=True))
        return process.log_density(values, seen._replace(off=off, scale=scale, shared=shared))

    at = jnp.log(jnp.array(list(VALUES.values()))), jnp.asarray(seen.off), jnp.asarray(seen.scale)
    with_slopes = jax.jit(jax.value_and_grad(density, (0, 1, 2)))
    (ours, slopes), (theirs, others) = (with_slopes(*at, each) for each in (shared, None))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-12)
    for one, other in zip(slopes, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9 * abs(np.asarray(other)).max())
    means = seen._replace(shared=shared)
    for one, other in zip(process.left_out(VALUES, means), process.left_out(VALUES, seen), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-12)
    assert not real.all(), "no padding to see"
    there = Places({"N": np.array([0.5, 2.0]), "D": np.array([1.0, 0.0])}, np.array([1.5, 2.0]), np.array([1.0, -1.0]))
    key = jax.random.key(0)
    for one, other in zip(
        process.conditional(VALUES, means, there, key), process.conditional(VALUES, seen, there, key), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-8)


def ladder(places, copies, groups=0, seed=0):
    """A sweep with `copies` runs at each place."""
    rng = np.random.default_rng(seed)
    N, D = (np.repeat(np.exp(rng.uniform(0, 4, places)) * base, copies) for base in (1e7, 1e9))
    loss = (1.7 + 400 / N**0.34 + 400 / D**0.28) * np.exp(0.01 * rng.normal(size=places * copies))
    group = {"group": np.repeat([f"g{i % groups}" for i in range(places)], copies)} if groups else {}
    return Runs(N=N, D=D, loss=loss, **group)


def layout_of(rows) -> Any:
    """The layout of rows that have one."""
    assert rows.layout is not None
    return rows.layout


def problem_of(runs, noise=None, **fixed):
    return build(runs, laws.get("chinchilla"), noise or Normal(), discrepancy=GP(**fixed))


def test_the_layout_is_what_the_runs_need():
    """Fails if runs at places of their own are averaged, copies aren't, or inducing places come too early or late."""
    few = problem_of(ladder(60, 1))
    assert few.rows.layout is None
    copies = problem_of(ladder(25, 4)).rows
    assert layout_of(copies).inducing is None and len(layout_of(copies).shared.first) == 32
    place, first = layout_of(copies).shared
    for x in copies.inputs.values():
        assert (x[first[place[:100]]] == x[:100]).all()
    # A place of two groups is two places.
    apart = ladder(30, 4)
    labels = [f"g{i % 2}" for i in range(len(apart))]
    two = problem_of(Runs(N=apart.column("N"), D=apart.column("D"), loss=apart.y, group=labels)).rows
    assert len(set(layout_of(two).shared.place[:120])) == 60
    many = problem_of(ladder(DENSE + 20, 1)).rows
    assert layout_of(many).shared is None and len(layout_of(many).inducing["N"]) == INDUCING
    again = problem_of(ladder(DENSE + 20, 1)).rows
    assert all((layout_of(many).inducing[n] == layout_of(again).inducing[n]).all() for n in "ND")
    masked = copies._replace(mask=copies.mask * (np.arange(len(copies.mask)) >= 4))
    fewer = laid_out(masked, problem_of(ladder(25, 4)).model.process, {})
    assert len(np.unique(layout_of(fewer).shared.place[4:100])) == 24


def test_a_batch_has_layouts_of_one_size():
    """Fails if padding a problem's rows, or filling up layouts for a batch, changes the density."""
    problems = [problem_of(ladder(places, 4, 3, seed)) for places, seed in ((22, 1), (40, 2))]
    size = max(len(one.rows.mask) for one in problems) + 16
    rows = alike([longer(one.rows, size) for one in problems])
    assert len({len(layout_of(one).shared.first) for one in rows}) == 1
    for problem, padded in zip(problems, rows, strict=True):
        z = np.linspace(-0.3, 0.4, len(problem.model.free))
        alone = problem.model.log_density(z, problem.numbers, problem.rows)
        assert float(problem.model.log_density(z, problem.numbers, padded)) == pytest.approx(float(alone), rel=1e-11)


def test_student_t_rows_keep_their_own_scales():
    """Fails if runs at one place with scales of their own are averaged with other weights than these scales."""
    problem = problem_of(ladder(15, 4), StudentT(df=4.0))
    assert problem.model.latent and problem.rows.layout is not None
    bare = problem.rows._replace(layout=None)
    z = 0.5 * np.random.default_rng(1).normal(size=len(problem.model.free) + len(problem.rows.mask))
    one, other = (problem.model.log_density(z, problem.numbers, rows) for rows in (problem.rows, bare))
    assert float(one) == pytest.approx(float(other), rel=1e-11)


@pytest.mark.slow
def test_the_posterior_is_that_of_all_runs():
    """Fails if the averaged posterior of 100 runs differs from that of runs one by one by more than its error."""
    problem = problem_of(ladder(25, 4), drift_scale=0.003)
    bare = problem.rows._replace(layout=None)
    search = Search(screened=256, starts=4, newton_steps=30, lbfgs_steps=0)
    method = Laplace(draws=1000, proposals=2000, search=search)
    averaged = method.run(problem, jax.random.key(1))
    single = method.run(replace(problem, rows=bare), jax.random.key(2))
    ours, theirs = (x.z.reshape(-1, x.z.shape[-1]) for x in (averaged, single))
    error = np.sqrt(sum(1 / one.numbers["importance_ess"] for one in (averaged, single))) * theirs.std(axis=0)
    assert max(one.numbers["khat"] for one in (averaged, single)) < 0.7
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4.5 * error).all(), "seeds 1 and 2"
    assert (abs(np.log(ours.std(axis=0) / theirs.std(axis=0))) < 0.35).all(), "seeds 1 and 2"
