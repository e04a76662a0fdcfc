"""The optimum of a law with its discrepancy: against the law's own, against a known bend, and what it says it is of."""

from dataclasses import replace
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.fitting.in_own_units import flat, own_units, residuals
from scalebayes.model.problem import build
from scalebayes.planning.curve_path import drawn_path, no_path
from scalebayes.planning.optimum_of_curve import GRID, least
from scalebayes.planning.optimum_of_law import closed_form
from tests.helpers import departing, simulated

PRESET = sb.laws.published("besiroglu2024")
SCALES = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}


def held(runs, discrepancy, values, draws=400, spread=0.0, seed=0):
    """A fit that holds Besiroglu et al.'s law and given values of a discrepancy, and was never fitted.

    spread: sd of the log of A and B over the draws.
    """
    rng = np.random.default_rng(seed)
    moved = {name: np.exp(spread * rng.standard_normal(draws)) for name in ("A", "B")}
    arrays = {n: np.broadcast_to(x * moved.get(n, 1.0), (draws,)).copy() for n, x in PRESET.values.items()}
    return departing(runs, PRESET.law, arrays, discrepancy, values)


@pytest.mark.slow
def test_a_discrepancy_of_nothing_has_the_laws_optimum(seed=3):
    """Fails if the search along the path, under a discrepancy of almost nothing, finds another optimum than the law's
    closed form.
    """
    tiny = {name: 1e-9 if name.endswith("_scale") else x for name, x in SCALES.items()}
    runs, C = simulated(12, seed), [1e20, 1e22, 1e24]
    fit = held(runs, sb.GP("matern", "drift"), tiny | {"drift_scale": 1e-9}, draws=20, spread=0.3)
    curve, law = sb.optimum(fit, C=C), sb.optimum(fit, C=C, of="law")
    assert (curve.attrs["of"], law.attrs["of"]) == ("curve", "law")
    assert law["N_exponent"].notnull().all() and curve["N_exponent"].isnull().all()
    # A parabola through three points of a curve that isn't quite one; the intervals of N are a hundred times wider.
    np.testing.assert_allclose(np.log(curve["N"].values), np.log(law["N"].values), atol=2e-3, err_msg=f"seed {seed}")
    np.testing.assert_allclose(6 * curve["N"].values * curve["D"].values, np.broadcast_to(C, (1, 20, 3)), rtol=1e-12)
    np.testing.assert_allclose(curve["loss"].values, law["loss"].values, rtol=1e-6, err_msg=f"seed {seed}")


BEND, AT = 0.004, 8.0


def bent(rows, seed):
    """Runs whose loss bends away from the law, by BEND (log D/N - AT)^2 in log."""
    runs = simulated(rows, seed, noise_scale=0.0)
    rng = np.random.default_rng(seed)
    departure = BEND * (np.log(runs.column("D") / runs.column("N")) - AT) ** 2
    loss = runs.y * np.exp(departure + 0.003 * rng.standard_normal(rows))
    return sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=loss)


def best_of_the_truth(budget):
    """log N where the bent curve is least, by brute force."""
    u = np.linspace(10, 35, 250_001)
    N, D = np.exp(u), budget / 6 / np.exp(u)
    v = PRESET.values
    loss = v["E"] + v["A"] * N ** -v["alpha"] + v["B"] * D ** -v["beta"]
    return u[np.argmin(np.log(loss) + BEND * (np.log(D / N) - AT) ** 2)]


def test_a_bend_that_the_runs_show_moves_the_optimum(seed=5):
    """Fails if a plan keeps to the law's optimum where the runs say that the law is wrong, or its interval misses the
    truth.
    """
    runs, C = bent(48, seed), np.array([1e20, 1e21])
    fit = held(
        runs,
        sb.GP("matern", "drift"),
        SCALES | {"matern_scale": 0.2, "matern_length_N": 6.0, "matern_length_D": 6.0, "drift_scale": 0.004},
    )
    curve, law = sb.optimum(fit, C=C), sb.optimum(fit, C=C, of="law")
    assert (curve["distance"].values == 0).all(), "the optimum is to be inside the runs"
    drawn = np.log(curve["N"].values[0])
    for i, budget in enumerate(C):
        true, plain = best_of_the_truth(budget), float(np.log(law["N"].values[0, 0, i]))
        low, middle, high = np.nanquantile(drawn[:, i], [0.01, 0.5, 0.99])
        where = (
            f"C = {budget:g}, seed {seed}: truth {true:.3f}, law {plain:.3f}, curve {low:.3f} {middle:.3f} {high:.3f}"
        )
        assert abs(plain - true) > 0.5, f"the bend moves nothing; {where}"
        assert abs(middle - true) < abs(plain - true) / 4, where
        assert low < true < high, where


@pytest.mark.slow
def test_a_finer_grid_changes_nothing_that_the_draws_can_tell(seed=7):
    """Fails if the spacing of the search's grid shows in the optimum beyond Monte-Carlo error."""
    fit, C = (
        held(simulated(24, seed), sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}),
        np.array([1e20, 3e22]),
    )
    with jax.enable_x64():
        log_N = np.asarray(closed_form(PRESET.law.terms(**{n: x[..., None] for n, x in fit.law_draws.items()}), C)[0])
        keys = jax.random.split(jax.random.key(seed))
        found = [least(fit, C, log_N, -1, key, grid) for key, grid in zip(keys, (GRID, 2 * GRID - 1), strict=True)]
        once, twice = ((each.log_N, each.loss) for each in found)
    for name, one, other in zip(("log N", "loss"), once, twice, strict=True):
        # A median's error is 1.25 sd / sqrt(n) for a Normal; the sd by the quartiles, for the tails are long.
        spread = np.subtract(*np.nanquantile(one[0], [0.75, 0.25], axis=0)) / 1.35
        error = 1.25 * spread * np.sqrt(2 / one.shape[1])
        apart = abs(np.nanmedian(one[0], axis=0) - np.nanmedian(other[0], axis=0))
        assert (apart < 3.5 * error).all(), f"{name}: {apart} apart, error {error}, seed {seed}"


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_paths_of_two_budgets_are_one_draw(seed=9, draws=4000):
    """Fails if each budget has its own draw of the discrepancy, so that two optima differ by chance alone."""
    runs = simulated(12, seed)
    fit = held(runs, sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}, draws=1)
    model, rows, reference = fit.problem.model, own_units(fit), fit.reference.inputs
    ends = fit.problem.numbers.ends
    law, noise, process = ({n: x[0] for n, x in arrays.items()} for arrays in flat(fit)[:3])
    at = {"N": np.array([1e9, 1e10, 1e11, 3e9, 3e10, 2e11]), "D": np.array([1e11, 1e10, 1e9, 1e11, 1e10, 1e10])}
    both = ends.places({n: x / reference[n] for n, x in at.items()})
    first, second = (jax.tree.map(lambda x, part=part: x[part], both) for part in (slice(0, 3), slice(3, 6)))
    seen = residuals(model, rows, ends.seen_at(fit.problem.rows), law, noise)
    given = model.process.given_runs(process, seen)

    def drawn(key):
        one, other = jax.random.split(key)
        delta, path = drawn_path(model.process, process, given, no_path(given, first), first, one)
        return jnp.concatenate([delta, drawn_path(model.process, process, given, path, second, other)[0]])

    found = np.asarray(jax.vmap(drawn)(jax.random.split(jax.random.key(seed), draws)))
    known = model.process._known(process, seen)
    residual, covariance = known.off, model.process._matrix(process, known)
    across = np.asarray(model.process.covariance(process, seen.places, both) * seen.mask[:, None])
    prior = np.asarray(model.process.covariance(process, both, both))
    mean = across.T @ np.linalg.solve(covariance, residual)
    left = prior - across.T @ np.linalg.solve(covariance, across)
    sd = np.sqrt(np.diag(left))
    np.testing.assert_array_less(abs(found.mean(axis=0) - mean) / sd, 4.5 / np.sqrt(draws), f"seed {seed}")
    # The error of a correlation of Normals is at most 1 / sqrt(n), of a variance over its own sqrt(2 / n).
    apart = abs(np.cov(found.T) - left) / np.outer(sd, sd)
    np.testing.assert_array_less(apart, 4.5 * np.sqrt(2 / draws), f"seed {seed}")
    assert abs(left / np.outer(sd, sd))[:3, 3:].max() > 0.3, "hardly a correlation to see"


def test_the_answer_says_what_it_is_of(seed=11):
    """Fails if a table doesn't tell the optimum of the law from that of the law with its discrepancy."""
    runs = simulated(12, seed)
    fit = held(runs, sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}, draws=20)
    plain = replace(fit, problem=build(runs, PRESET.law, sb.Normal(), {"noise_scale": 0.003}))
    assert sb.optimum(plain, C=1e20).attrs["of"] == sb.optimum(plain, C=1e20, of="curve").attrs["of"] == "law"
    np.testing.assert_array_equal(sb.optimum(plain, C=1e20)["N"], sb.optimum(fit, C=1e20, of="law")["N"])
    assert set(sb.interval(sb.optimum(fit, C=1e20))["of"]) == {"curve"}
    assert "of" not in sb.interval(sb.optimum(fit, C=1e20, of="law"))
    both = sb.optimum(sb.Fits(("exact", "departs"), (plain, fit)), C=[1e20])
    assert both["of"].values.tolist() == ["law", "curve"]
    table = sb.interval(both)
    assert dict(zip(table["dataset"], table["of"], strict=True)) == {"exact": "law", "departs": "curve"}
    assert sb.optimum(sb.Fits(("a", "b"), (fit, fit)), C=1e20).attrs["of"] == "curve"
    with pytest.raises(sb.InputError, match="unknown of 'both'"):
        sb.optimum(fit, C=1e20, of="both")
    with pytest.raises(sb.InputError, match="the law alone has no offset for a group"):
        sb.optimum(fit, C=1e20, of="law", group="a")


@pytest.mark.slow
def test_budgets_in_any_order_and_a_seed(seed=13):
    """Fails if budgets, which are sorted inside, come out at another's place, or the same seed gives other numbers."""
    fit = held(simulated(12, seed), sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}, draws=20)
    up, down, other = (
        sb.optimum(fit, C=C, seed=s)["N"] for C, s in (([1e20, 1e22], 1), ([1e22, 1e20], 1), ([1e20, 1e22], 2))
    )
    np.testing.assert_array_equal(up.values, down.values[..., ::-1])
    assert not np.array_equal(up.values, other.values, equal_nan=True)


def test_a_mode_has_the_optimum_of_the_curve_that_predict_gives(seed=14):
    """Fails if one random path of the process passes for the mode's curve, so that another seed gives another
    optimum.
    """
    fit, C = held(bent(24, seed), sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}, draws=1), [1e20, 3e20]
    best, other = (sb.optimum(fit, C=C, seed=s) for s in (1, 2))
    np.testing.assert_array_equal(best["N"], other["N"])
    N, loss = best["N"].values[0, 0], best["loss"].values[0, 0]
    for i, budget in enumerate(C):
        near = N[i] * np.geomspace(0.5, 2, 101)
        curve = sb.predict(fit, N=near, C=budget)["loss"].values[0, 0]
        # The path's own jitter and a parabola through three points of it.
        assert loss[i] == pytest.approx(curve[50], rel=1e-5), f"seed {seed}"
        assert curve[50] <= curve.min() * (1 + 1e-6), f"seed {seed}"


def test_a_law_without_optimum_has_none_with_its_discrepancy(seed=15):
    """Fails if a law without an optimum is given the end of the search's grid as its optimum with the discrepancy."""
    fit = held(simulated(12, seed), sb.GP("matern", "drift"), SCALES | {"drift_scale": 0.004}, draws=20)
    some = {name: x.copy() for name, x in fit.draws.items()}
    some["B"][0, ::2] = 0.0
    best = sb.optimum(replace(fit, draws=MappingProxyType(some)), C=[1e20, 1e21])
    assert np.isnan(best["N"].values[0, ::2]).all() and np.isnan(best["loss"].values[0, ::2]).all()
    assert np.isfinite(best["N"].values[0, 1::2]).mean() > 0.5
    assert (best["no_minimum"].values >= 0.5).all() and (best["no_minimum"].values < 1).all()
    some["B"][:] = 0.0
    with pytest.raises(
        sb.InputError, match=r"has no minimum along .* with its discrepancy; of='law' is the optimum of the law alone"
    ):
        sb.optimum(replace(fit, draws=MappingProxyType(some)), C=[1e20, 1e21])
