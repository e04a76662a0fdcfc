"""The optimum: closed form against search, published values, and where there is none."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.model.problem import build
from scalebayes.parameters.units import rescale
from scalebayes.planning.optimum_of_law import REACH, closed_form, search
from tests.cases import LAWS, ids
from tests.helpers import fit_of, prior_draws

WITH_TERMS = [case for case in LAWS if case.law.terms is not None]
each_law = pytest.mark.parametrize("case", WITH_TERMS, ids=ids(WITH_TERMS))
in_float64 = pytest.mark.usefixtures("x64")

RUNS = sb.Runs(N=[1e8, 1e9, 1e10, 3e9], D=[2e10, 4e10, 2e11, 1e12], loss=[3.0, 2.6, 2.2, 2.1])
MIDDLE = {"N": 1e9, "D": 2e10, "loss": 3.0}
# Compute of the middle of the runs, and budgets near and far from it.
BUDGETS = 6 * MIDDLE["N"] * MIDDLE["D"] * np.logspace(-4, 8, 7)


def in_paper_units(law, size, seed):
    """Prior draws in the units of runs about the middle: name -> (1, draw, 1)."""
    logs = {name: math.log(value) for name, value in MIDDLE.items()}
    values = rescale(prior_draws(law, size, seed), law.dimensions, logs)
    return {name: np.asarray(x)[None, :, None] for name, x in values.items()}


@each_law
@in_float64
def test_closed_form_is_the_search(case, seed=21):
    """Fails if the closed form and the search send a budget to different model sizes."""
    params = in_paper_units(case.law, 100, seed)
    closed, closed_exponent = map(np.asarray, closed_form(case.law.terms(**params), BUDGETS))
    found, found_exponent = map(np.asarray, search(case.law.fn, params, BUDGETS, MIDDLE))
    middle = (np.log(BUDGETS / 6) + math.log(MIDDLE["N"] / MIDDLE["D"])) / 2
    inside, outside = abs(closed - middle) < REACH - 0.5, abs(closed - middle) > REACH + 0.5
    assert np.isfinite(found[inside]).all(), f"{case.name}: no optimum found where there is one, seed {seed}"
    assert np.isnan(found[outside]).all(), f"{case.name}: an optimum found beyond the search's reach, seed {seed}"
    both = np.isfinite(found)
    assert both.mean() > 0.5, f"{case.name}: hardly an optimum to compare, seed {seed}"
    worst = np.unravel_index(np.argmax(np.where(both, abs(found - closed), 0)), both.shape)
    where = f"{case.name}: draw and budget {worst}, seed {seed}"
    np.testing.assert_allclose(found[both], closed[both], rtol=0, atol=1e-7, err_msg=where)
    np.testing.assert_allclose(found_exponent[both], closed_exponent[both], rtol=0, atol=1e-6, err_msg=where)


@each_law
@in_float64
def test_exponent_is_the_slope_of_the_optimum(case, seed=22, step=1e-3):
    """Fails if N_exponent, which people quote, isn't d log N* / d log C."""
    params = in_paper_units(case.law, 50, seed)
    for way in (
        lambda budget: closed_form(case.law.terms(**params), budget),
        lambda budget: search(case.law.fn, params, budget, MIDDLE),
    ):
        _, exponent = way(BUDGETS)
        up, down = (np.asarray(way(BUDGETS * math.exp(sign * step))[0]) for sign in (1, -1))
        slope = (up - down) / (2 * step)
        there = np.isfinite(slope) & np.isfinite(exponent)
        assert there.mean() > 0.5
        np.testing.assert_allclose(
            np.asarray(exponent)[there], slope[there], atol=1e-4, err_msg=f"{case.name}, seed {seed}"
        )


@pytest.mark.parametrize(
    ("preset", "N", "D_per_N", "N_exponent"),
    [("hoffmann2022", 4.04e10, 58.9, 0.4565), ("besiroglu2024", 7.24e10, 18.3, 0.5126)],
)
def test_published_optima(preset, N, D_per_N, N_exponent):
    """Fails if Chinchilla's budget split doesn't come out as it was published, or isn't the least loss at its
    budget.
    """
    preset = sb.laws.published(preset)
    best = sb.optimum(fit_of(preset.law, preset.values, RUNS), C=5.76e23)
    assert float(f"{best['N'].item():.3g}") == N
    assert round(best["D_per_N"].item(), 1) == D_per_N
    assert round(best["N_exponent"].item(), 4) == N_exponent
    assert best["D_exponent"].item() == pytest.approx(1 - best["N_exponent"].item())
    assert 6 * best["N"].item() * best["D"].item() == pytest.approx(5.76e23, rel=1e-12)
    with jax.enable_x64():
        loss = float(preset.law(N=best["N"].item(), D=best["D"].item(), **preset.values))
        beside = [
            float(preset.law(N=best["N"].item() * f, D=best["D"].item() / f, **preset.values)) for f in (0.9, 1.1)
        ]
    assert best["loss"].item() == pytest.approx(loss, rel=1e-12)
    assert loss < min(beside)


def test_shape_and_labels():
    """Fails if optima aren't labelled with their budgets and draws, or don't grow with the budget."""
    preset = sb.laws.published("besiroglu2024")
    draws = {name: np.array([value, 1.1 * value]) for name, value in preset.values.items()}
    best = sb.optimum(fit_of(preset.law, draws, RUNS), C=[1e21, 1e23, 1e25])
    assert dict(best["N"].sizes) == {"chain": 1, "draw": 2, "budget": 3}
    assert best["C"].values.tolist() == [1e21, 1e23, 1e25]
    assert (np.diff(best["N"].values, axis=-1) > 0).all() and (np.diff(best["loss"].values, axis=-1) < 0).all()


def test_a_law_of_one_scale_is_refused():
    """Fails if the optimum of a law of one scale, which has nothing to split, ends in a KeyError."""
    law, C, loss = sb.laws.get("power"), [1e18, 1e19, 1e20], [3.0, 2.6, 2.3]
    fit = fit_of(law, {"A": 10.0, "alpha": 0.05}, sb.Runs(x=C, loss=loss))
    with pytest.raises(sb.InputError, match=r"law 'power' takes x; fit runs that have N and D$"):
        sb.optimum(fit, C=1e21)
    bound = build(sb.Runs(C=C, loss=loss), law, sb.Normal(), {"noise_scale": 0.01}, {"x": "C"})
    with pytest.raises(sb.InputError, match="law 'power' takes x = C"):
        sb.optimum(replace(fit, problem=bound), C=1e21)


def own(fn):
    """A law of N and D without a closed form, its parameters a and b free to be given draws."""
    return sb.Law("own", fn, {"a": dist.LogNormal(6.0, 1.0), "b": dist.LogNormal(7.0, 1.0)}, inputs=("N", "D"))


def test_a_law_without_closed_form():
    """Fails if the search finds another optimum for a user's own law than the one worked out by hand."""
    law = own(lambda N, D, a, b: 1.8 + a * N**-0.3 + b * D**-0.4)
    best = sb.optimum(fit_of(law, {"a": [400.0, 500.0], "b": [2000.0, 1500.0]}, RUNS), C=[1e20, 1e24])
    a, b, C = np.array([[400.0], [500.0]]), np.array([[2000.0], [1500.0]]), np.array([1e20, 1e24])
    expected = (0.3 * a / (0.4 * b)) ** (1 / 0.7) * (C / 6) ** (0.4 / 0.7)
    np.testing.assert_allclose(best["N"].values[0], expected, rtol=1e-7)
    np.testing.assert_allclose(best["N_exponent"].values, 0.4 / 0.7, atol=1e-6)


def test_no_optimum_is_nan_or_an_error():
    """Fails if a law that only wants more parameters is given the end of the search's range as its optimum."""
    monotone = own(lambda N, D, a, b: 1.8 + a * N**-0.3 + 0 * b * D)
    with pytest.raises(sb.InputError, match="law 'own' has no minimum along C = 6 N D at any of these budgets"):
        sb.optimum(fit_of(monotone, {"a": 400.0, "b": 1.0}, RUNS), C=[1e20, 1e24])
    some = own(lambda N, D, a, b: 1.8 + a * N**-0.3 + b * D**-0.4)
    best = sb.optimum(fit_of(some, {"a": [400.0, 400.0], "b": [2000.0, 0.0]}, RUNS), C=[1e20, 1e24])
    assert best["no_minimum"].values.tolist() == [0.5, 0.5]
    table = sb.interval(best)
    assert (table["no_minimum"] == 0.5).all() and table["median"].notna().all()
    for name in ("N", "D", "D_per_N", "loss", "N_exponent", "D_exponent"):
        assert np.isfinite(best[name].values[0, 0]).all() and np.isnan(best[name].values[0, 1]).all(), name


def test_a_budget_without_optimum_leaves_the_others():
    """Fails if one budget without an optimum raises, or spoils the others of a list."""
    law = own(lambda N, D, a, b: 1.8 + a * N**-0.3 + b * jnp.where(N * D > 1e10, D**-0.4, D * 0))
    best = sb.optimum(fit_of(law, {"a": 400.0, "b": 2e3}, RUNS), C=[100.0, 1e24])
    assert np.isnan(best["N"].values[0, 0, 0]) and np.isfinite(best["N"].values[0, 0, 1])
    assert np.isnan(best["distance"].values[0]).all() and np.isfinite(best["distance"].values[1]).all()


@pytest.mark.parametrize("closed", [True, False])
def test_units_dont_bound_the_search(closed):
    """Fails if an optimum below one, with N in billions and D in trillions, isn't found."""
    law = sb.laws.get("chinchilla") if closed else replace(sb.laws.get("chinchilla"), terms=None)
    runs = sb.Runs(N=RUNS.column("N") / 1e9, D=RUNS.column("D") / 1e12, loss=RUNS.y)
    v = dict(sb.laws.published("besiroglu2024").values)
    v |= {"A": v["A"] / 1e9 ** v["alpha"], "B": v["B"] / 1e12 ** v["beta"]}
    N = sb.optimum(fit_of(law, v, runs), C=1e17 / 1e21)["N"].item()
    assert pytest.approx(0.0248, rel=0.01) == N


@pytest.mark.parametrize("budget", [0.0, -1e21, math.inf, math.nan, "big", [[1e21]], []], ids=repr)
def test_bad_budgets_are_refused(budget):
    """Fails if a budget that is no positive number comes out as NaN, or as another library's error."""
    preset = sb.laws.published("besiroglu2024")
    with pytest.raises(sb.InputError, match=r"^C: "):
        sb.optimum(fit_of(preset.law, preset.values, RUNS), C=budget)
