"""Coordinates along the ridge of floor and other terms: a shift that keeps volumes, and holds the level."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.infer import proposals
from scalebayes.infer.chains import sample
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.nuts import _of_one
from scalebayes.infer.ridge import along, at_mode, follows, straightened
from scalebayes.infer.whitening import by_mode
from tests.helpers import SEARCH, simulated

RUNS = simulated(24, seed=3)


def problem_of(law="chinchilla", discrepancy="gp", runs=RUNS, **priors):
    with jax.enable_x64():
        return sb.Spec.of(law, discrepancy=discrepancy, **priors).problem(runs)


@pytest.fixture(scope="module")
def problem():
    return problem_of()


@pytest.fixture(scope="module")
def mode(problem):
    """A plausible place; the coordinates are those of any place."""
    rng = np.random.default_rng(4)
    return -1 + 0.3 * rng.standard_normal(len(problem.model.free))


def moved(mode, sd, size=20, seed=5):
    return mode + sd * np.random.default_rng(seed).standard_normal((size, len(mode)))


def level(problem, z):
    there = {name: np.exp(x) for name, x in problem.numbers.ends.anchor.items()}
    return problem.model.location(
        problem.model.scaled(problem.model.constrain(z, problem.numbers), problem.numbers), there
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("sd", [0.1, 1.0, 5.0])
def test_it_is_a_shift_that_can_be_undone(problem, mode, sd):
    """Fails if two places share coordinates, or if volumes change, which the chains' density would have to know."""
    ridge = along(problem.model, problem.numbers, jnp.asarray(mode))
    for z in jnp.asarray(moved(mode, sd)):
        y = ridge.straight(z)
        np.testing.assert_allclose(ridge.back(y), z, rtol=0, atol=1e-9)
        sign, log_volume = np.linalg.slogdet(np.asarray(jax.jacfwd(ridge.straight)(z)))
        assert sign == 1 and abs(log_volume) < 1e-9, "seed 5"


@pytest.mark.usefixtures("x64")
def test_the_level_stays_where_the_floor_can_make_up_for_the_terms(problem, mode):
    """Fails if the coordinates follow the tangent: along it the level moves by the square of the distance."""
    floor = problem.model.free.index("E")
    ridge = along(problem.model, problem.numbers, jnp.asarray(mode))
    start, by_one = (
        np.asarray(ridge.straight(jnp.asarray(mode))),
        jax.grad(lambda z: level(problem, z))(jnp.asarray(mode)),
    )
    along_it, tangent = [], []
    for step in moved(np.zeros(len(mode)), 0.1):
        step[floor] = 0
        along_it.append(level(problem, ridge.back(jnp.asarray(start + step))) - level(problem, mode))
        step[floor] = -step @ by_one / by_one[floor]
        tangent.append(level(problem, jnp.asarray(mode + step)) - level(problem, mode))
    assert np.std(along_it) < 0.3 * np.std(tangent), "seed 5"


@pytest.mark.usefixtures("x64")
def test_the_gaussian_at_the_mode_turns_with_the_coordinates(problem, mode):
    """Fails if the first run of the chains is whitened by the precision of other coordinates."""
    precision = np.diag(np.arange(1.0, len(mode) + 1))
    centre, turned = map(np.asarray, at_mode(problem.model, problem.numbers, jnp.asarray(mode), precision))
    ridge, step = along(problem.model, problem.numbers, jnp.asarray(mode)), 1e-4 * moved(np.zeros(len(mode)), 1.0, 1)[0]
    away = np.asarray(ridge.back(jnp.asarray(centre + step))) - mode
    np.testing.assert_allclose(step @ turned @ step, away @ precision @ away, rtol=1e-3)
    same = np.asarray(straightened(problem.model, problem.numbers, jnp.asarray(mode), np.tile(mode, (2, 3, 1))))
    np.testing.assert_allclose(same, np.broadcast_to(centre, same.shape))


@pytest.mark.parametrize(
    ("law", "discrepancy", "runs", "expected"),
    [
        ("chinchilla", "gp", RUNS, True),
        ("chinchilla", None, RUNS, False),
        (sb.laws.get("chinchilla").fix(E=1.8), "gp", RUNS, False),
        ("offset_power", "gp", sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2]), False),
    ],
    ids=["process over two inputs", "no process", "the floor is fixed", "process along one axis"],
)
def test_which_chains_follow_it(law, discrepancy, runs, expected):
    """Fails if chains that are fine as they are pay for it, or if a fixed floor is looked for."""
    problem = problem_of(law, discrepancy, runs)
    assert follows(problem.model, problem.numbers) is expected


@pytest.mark.usefixtures("x64")
def test_a_floor_that_is_not_added_stays_as_it_is():
    """Fails if the level of a law whose E is no summand is held by an E that doesn't give that level."""
    params = {"A": dist.LogNormal(0.0, 1.0), "E": dist.LogNormal(0.0, 1.0), "alpha": dist.LogNormal(-1.0, 0.5)}
    law = sb.Law("root", lambda N, D, A, E, alpha: jnp.sqrt(E + A / N**alpha) + 0 * D, params)
    problem = problem_of(law)
    assert follows(problem.model, problem.numbers)
    origin = jnp.full(len(problem.model.free), -1.0)
    ridge, z = along(problem.model, problem.numbers, origin), origin + 0.7
    np.testing.assert_array_equal(ridge.straight(z), z)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_chains_that_share_the_cores_are_those_of_one_program():
    """Fails if a core's chain has another chain's key, or if the draws are left in the coordinates along the ridge."""
    x = np.geomspace(1.0, 1e4, 12)
    runs = sb.Runs(x=x, loss=2.0 * x**-0.3 + 1.0, group=["a", "b"] * 6)
    problem = problem_of("offset_power", sb.GP("offset"), runs)
    model, numbers = problem.model, problem.numbers
    assert follows(model, numbers)
    mode = SimpleNamespace(z=np.full(len(model.free), -1.0), precision=10 * np.eye(len(model.free)))
    shape = sb.NUTS(draws=5, warmup=20, chains=2).shape(alone=True)
    each = (numbers, problem.rows, mode.z, *by_mode(model, numbers, mode), jax.random.key(1))
    settings = (np.float64(0.9), np.float64(1.0))
    z, stats = _of_one(model, each, settings, shape)
    together, _ = sample(model, *each, *settings, np.arange(2), shape)
    # Rounding differs between the two programs and grows along a chain; a wrong key moves draws by whole sds.
    np.testing.assert_allclose(z, together, rtol=1e-3)
    assert (z[0] != z[1]).all()
    density = [float(model.log_density(one, numbers, problem.rows)) for one in z[:, -1]]
    np.testing.assert_allclose(stats["lp"][:, -1], density, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_proposals_along_the_ridge_are_weighted_as_any(monkeypatch):
    """Fails if proposals come back in the ridge's coordinates, or if their weights estimate another evidence."""
    x = np.geomspace(1.0, 1e4, 12)
    loss = (2.0 * x**-0.3 + 1.0) * np.exp(0.01 * np.cos(7 * x))
    problem = problem_of("offset_power", sb.GP("offset"), sb.Runs(x=x, loss=loss, group=["a", "b"] * 6))
    assert follows(problem.model, problem.numbers)
    mode = numpy_mode(problem, jax.random.key(0), SEARCH)
    found = {}
    for bent in (True, False):
        monkeypatch.setattr(proposals, "follows", lambda *problem, bent=bent: bent)
        jax.clear_caches()  # the programs are kept by their arguments, which are the same
        at = problem.model, problem.numbers, problem.rows, mode.z, mode.precision, mode.start_sd, jax.random.key(6)
        z, log_density, log_proposal = map(np.asarray, proposals.propose(*at, 5.0, 4000, 4))
        own = [float(problem.model.log_density(one, problem.numbers, problem.rows)) for one in z[:3]]
        np.testing.assert_allclose(log_density[:3], own, rtol=1e-9)
        ratio = np.exp(log_density - log_proposal - mode.log_density)
        found[bent] = ratio.mean(), ratio.std() / np.sqrt(len(ratio))
    jax.clear_caches()
    (one, one_se), (other, other_se) = found.values()
    assert max(one_se / one, other_se / other) < 0.1
    assert abs(one - other) < 4 * np.hypot(one_se, other_se), "seed 6"
