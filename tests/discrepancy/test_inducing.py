"""The process by inducing places against its own covariance, against the exact process, and far beyond the runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scalebayes import Bend, Drift, Matern, Offset
from scalebayes.discrepancy import process as process_module
from scalebayes.discrepancy.inducing import LEAST, RIDGE
from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import Process, Residuals
from scalebayes.model.layout import INDUCING, spread_out
from tests.helpers import PROCESS_VALUES, Compiled

VALUES = {**PROCESS_VALUES, "matern_scale": 0.01, "bend_scale": 0.015}
NAMES = list(VALUES)
GROUPED, PLAIN = (Matern(), Bend(), Drift(), Offset()), (Matern(), Bend(), Drift())


@pytest.fixture
def low_rank(monkeypatch):
    """Predictions go by the inducing places however few places there are."""
    monkeypatch.setattr(process_module, "EXACT", 0)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64():
        yield


def process_of(components):
    return Compiled(Process(tuple(one.of(["N", "D"]) for one in components)))


def sweep(n, padding, seed, widest=-4.0):
    """Residuals of runs spread over e-folds of N and D in five groups, the last rows padding."""
    rng = np.random.default_rng(seed)
    logs = {"N": rng.uniform(widest, 0, n), "D": rng.uniform(widest, 0, n)}
    places = Places(logs, np.zeros(n), rng.integers(0, 5, n).astype(float))
    scale = 0.005 / np.sqrt(rng.integers(1, 5, n))
    return Residuals(places, 0.02 * rng.normal(size=n), scale, (np.arange(n) < n - padding) * 1.0)


def by_hand(process, values, seen, grouped):
    """The covariance of the unpadded residuals, written as it is defined, and its low-rank part without offsets."""
    kept = np.flatnonzero(seen.mask)
    at = Places({n: x[kept] for n, x in seen.places.logs.items()}, np.zeros(len(kept)), None)
    group = seen.places.group[kept]

    @jax.jit
    def of(values):
        inner = process.covariance(values, seen.inducing, seen.inducing)
        inner = inner + (RIDGE * jnp.trace(inner) / len(inner) + LEAST) * jnp.eye(len(inner))
        across = process.covariance(values, seen.inducing, at)
        low = across.T @ jnp.linalg.solve(inner, across)
        exact = process.covariance(values, at, at)
        shared = values["offset_scale"] ** 2 * (group[:, None] == group) if grouped else 0.0
        whole = low + jnp.diag(jnp.diagonal(exact) - jnp.diagonal(low)) + shared
        jitter = 1e-9 * (jnp.diagonal(exact) + (values["offset_scale"] ** 2 if grouped else 0.0))
        return whole + jnp.diag(seen.scale[kept] ** 2 + jitter), inner, across, shared

    return of(values)


@pytest.mark.slow_cases("plain", "grouped")
@pytest.mark.parametrize("components", [GROUPED, PLAIN], ids=["grouped", "plain"])
def test_it_is_the_normal_of_its_covariance(low_rank, components):
    """Fails if density, gradient, curvature, left-out runs or predictions aren't those of the low-rank covariance."""
    process, seen, grouped = process_of(components), sweep(30, 4, seed=3), components is GROUPED
    seen = seen._replace(inducing=Places({n: x[:7] + 0.1 for n, x in seen.places.logs.items()}, np.zeros(7), None))
    kept = np.flatnonzero(seen.mask)
    off = seen.off[kept]

    def ours(x):
        return process.log_density(dict(zip(NAMES, x, strict=True)), seen)

    def theirs(x):
        covariance = by_hand(process, dict(zip(NAMES, x, strict=True)), seen, grouped)[0]
        root = jnp.linalg.cholesky(covariance)
        return -(off @ jnp.linalg.solve(covariance, off)) / 2 - jnp.log(jnp.diagonal(root)).sum()

    x = jnp.array(list(VALUES.values()))
    covariance, inner, across, _ = by_hand(process, VALUES, seen, grouped)
    expected = multivariate_normal(np.zeros(26), np.asarray(covariance)).logpdf(off) + 13 * np.log(2 * np.pi)
    one, other = (jax.jit(lambda x, f=f: (f(x), jax.grad(f)(x), jax.jacfwd(jax.grad(f))(x)))(x) for f in (ours, theirs))
    assert float(one[0]) == pytest.approx(expected, rel=1e-9)
    assert np.allclose(one[1], other[1], rtol=1e-6)
    assert np.allclose(one[2], other[2], rtol=1e-5, atol=1e-8 * abs(other[2]).max())
    at = jax.grad(lambda off, scale: process.log_density(VALUES, seen._replace(off=off, scale=scale)), (0, 1))
    inverse = np.linalg.inv(covariance)
    pull = inverse @ off
    pulls = (-pull, (pull**2 - np.diag(inverse)) * seen.scale[kept])
    for slope, exact in zip(jax.jit(at)(seen.off, seen.scale), pulls, strict=True):
        assert np.allclose(slope[kept], exact, rtol=1e-7) and (slope[26:] == 0).all()
    left, variance = process.left_out(VALUES, seen)
    np.testing.assert_allclose(variance[:26], 1 / np.diag(inverse), rtol=1e-8)
    np.testing.assert_allclose(left[:26], inverse @ off / np.diag(inverse), rtol=1e-7, atol=1e-12)
    there = Places(
        {"N": np.array([-1.0, 2.0, 4.0]), "D": np.array([-2.0, 1.0, 5.0])},
        np.array([0.0, 3.0, 9.0]),
        np.array([1.0, 0.0, -1.0]),
    )
    bare = there._replace(group=None)
    smooth = across.T @ np.linalg.solve(inner, process.covariance(VALUES, seen.inducing, bare))
    both = smooth + (VALUES["offset_scale"] ** 2 * (seen.places.group[kept][:, None] == there.group) if grouped else 0)
    prior = np.asarray(process.covariance(VALUES, there, there))
    exact = prior - both.T @ inverse @ both
    mean, sd, _ = process.conditional(VALUES, seen, there)
    np.testing.assert_allclose(mean, both.T @ inverse @ off, rtol=1e-6)
    np.testing.assert_allclose(sd, np.sqrt(np.diag(exact)), rtol=1e-7)
    n = 4000
    keys = jax.random.split(jax.random.key(5), n)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: process.conditional(VALUES, seen, there, key)[2]))(keys))
    sizes = np.sqrt(np.diag(exact))
    assert (abs(np.cov(drawn.T) - exact) < 5 * np.sqrt(2 / n) * np.outer(sizes, sizes)).all(), "seed 5"
    others = Places({n: x - 0.3 for n, x in there.logs.items()}, there.beyond, there.group)
    found, spread = process.given_others(VALUES, seen, np.array([2, 5, 5]), (there, others))
    for k, gone in enumerate((2, 5, 5)):
        rest = np.delete(np.arange(26), gone)
        pull = np.linalg.solve(np.asarray(covariance)[np.ix_(rest, rest)], np.asarray(both)[rest, k])
        assert float(found[0, k]) == pytest.approx(float(pull @ off[rest]), rel=1e-6)
        assert float(spread[0, 0, k]) == pytest.approx(float(prior[k, k] - pull @ both[rest, k]), rel=1e-6)


def test_with_all_places_inducing_it_is_the_exact_process():
    """Fails if the low-rank form isn't exact where every place is an inducing one, or loses digits on the way."""
    process, seen = process_of(GROUPED), sweep(40, 6, seed=8)
    low = seen._replace(inducing=Places({n: x[:34] for n, x in seen.places.logs.items()}, np.zeros(34), None))
    assert float(process.log_density(VALUES, low)) == pytest.approx(float(process.log_density(VALUES, seen)), rel=1e-5)
    for one, other in zip(process.left_out(VALUES, low), process.left_out(VALUES, seen), strict=True):
        np.testing.assert_allclose(one[:34], other[:34], rtol=1e-4, atol=1e-7)


def test_the_density_is_finite_at_extreme_parameters():
    """Fails if the density is infinite, NaN or another than by its covariance where lengths and scales are extreme."""
    process, seen = process_of(PLAIN), sweep(120, 0, seed=4)
    low = seen._replace(inducing=inducing_of(seen))
    for length, scale, noise in ((6000.0, 3.0, 0.002), (0.01, 1e-6, 1e-5), (50.0, 1.0, 1e-3)):
        values = {**VALUES, "matern_length_N": length, "matern_length_D": length, "matern_scale": scale}
        far = low._replace(scale=np.full(120, noise), off=100 * seen.off)
        covariance, _, _, _ = by_hand(process, values, far, False)
        exact = multivariate_normal(np.zeros(120), np.asarray(covariance)).logpdf(far.off) + 60 * np.log(2 * np.pi)
        assert float(process.log_density(values, far)) == pytest.approx(exact, rel=1e-3), (length, scale, noise)


def inducing_of(seen):
    """The inducing places that a problem with these runs would have."""
    inputs = {n: np.exp(x[seen.mask > 0]) for n, x in seen.places.logs.items()}
    at = {n: np.log(x) for n, x in spread_out(inputs, "D").items()}
    return Places(at, np.zeros(len(at["N"])), None)


TRUTH = {**VALUES, "matern_length_N": 3.0, "matern_length_D": 3.0}
FURTHER, ALONG = np.log(10.0) * np.array([0.5, 1.0, 2.0, -0.3, 1.0]), np.log(10.0) * np.array([0.5, 1.0, 2.0, 1.0, 0.0])
# Points up to a hundred times the runs' N and D, and two to the side of them; the last group is a new one.
BEYOND = Places({"N": FURTHER, "D": ALONG}, np.maximum(FURTHER + ALONG, 0), np.array([0.0, 1.0, 2.0, 3.0, -1.0]))


def both_forms(n, seed):
    """The process, runs by inducing places and the same runs in full, and a generator.

    Residuals are drawn from the process itself, so that it has something to say beyond the runs.
    """
    process, seen, rng = process_of(GROUPED), sweep(n, 0, seed), np.random.default_rng(seed)
    root = np.linalg.cholesky(process.covariance(TRUTH, seen.places, seen.places) + 1e-10 * np.eye(n))
    seen = seen._replace(off=root @ rng.normal(size=n) + seen.scale * rng.normal(size=n))
    low = seen._replace(inducing=inducing_of(seen))
    assert len(low.inducing.beyond) == INDUCING
    return process, low, seen, rng


def near_truth(rng):
    """Parameters as a posterior of such a sweep scatters around those of the process."""
    return {name: x * np.exp(0.15 * rng.normal()) for name, x in TRUTH.items()}


@pytest.mark.parametrize("seed", [11, 12])
def test_the_density_is_that_of_the_exact_process(seed):
    """Fails if the posterior of 220 runs in groups by the inducing places differs from the exact one.

    It is the exact one where the difference of log densities is the same for all parameters; where its sd is 0.5,
    posterior means move by a small part of their sds.
    """
    process, low, seen, rng = both_forms(220, seed)
    moved = [near_truth(rng) for _ in range(30)]
    apart = [float(process.log_density(one, low) - process.log_density(one, seen)) for one in moved]
    assert np.std(apart) < 0.5, f"seed {seed}"


@pytest.mark.parametrize("seed", [31, 32])
def test_predictions_from_many_places_are_near_those_of_the_exact_process(seed):
    """Fails if predictions from 300 places, more than are computed in full, are further off than the changelog says."""
    process, low, seen, rng = both_forms(300, seed)
    at = jax.jit(lambda values, runs: process.conditional(values, runs, BEYOND)[:2])
    for _ in range(10):
        values = near_truth(rng)
        (mean, sd), (exact, sure) = at(values, low), at(values, seen)
        assert (abs(mean - exact) / sure).max() < 0.25 and abs(sd / sure - 1).max() < 0.05, f"seed {seed}"


def test_far_beyond_the_runs_the_variance_is_the_priors(low_rank):
    """Fails if the variance of the process far from all runs isn't all of its prior's variance."""
    process = process_of((Matern(), Drift()))
    seen = sweep(120, 0, seed=2)
    seen = seen._replace(inducing=inducing_of(seen))
    there = Places({"N": np.array([60.0]), "D": np.array([60.0])}, np.array([120.0]), np.array([-1.0]))
    prior = float(process.covariance(VALUES, there, there)[0, 0])
    mean, sd, _ = process.conditional(VALUES, seen, there)
    assert float(sd[0]) ** 2 == pytest.approx(prior, rel=1e-9) and abs(float(mean[0])) < 1e-9
