"""The compute that a loss costs: inverse of the forecast, closed form, out of reach, and the probability of a loss."""

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.fitting.many.result import Fits
from tests.helpers import departing, fit_of, simulated

PRESET = sb.laws.published("besiroglu2024")
RUNS = sb.Runs(N=[1e8, 1e9, 1e10, 3e9], D=[2e10, 4e10, 2e11, 1e12], loss=[3.0, 2.6, 2.2, 2.1])


@pytest.fixture(scope="module")
def fit():
    """A fit that holds 40 draws around published values."""
    rng = np.random.default_rng(4)
    return fit_of(PRESET.law, {n: x * np.exp(0.05 * rng.standard_normal(40)) for n, x in PRESET.values.items()}, RUNS)


@pytest.mark.slow_cases(
    "Cost(six_nd: C = 6 N D)-{'N': 7000000000.0}",
    "Cost(six_nd: C = 6 N D)-{'max_D_per_N': 5.0}",
    "Cost(six_nd: C = 6 N D)-{'max_D': 1000000000000.0, 'min_N': 1000000000.0}",
)
@pytest.mark.parametrize(
    ("cost", "limits"),
    [
        (sb.costs.six_nd, {}),
        (sb.costs.with_inference(1e12), {"max_N": 2e10}),
        (sb.costs.six_nd, {"max_D": 1e12, "min_N": 1e9}),
        (sb.costs.six_nd, {"max_D_per_N": 5.0}),
        (sb.costs.six_nd, {"N": 7e9}),
    ],
    ids=str,
)
def test_budget_for_is_the_inverse_of_the_forecast(fit, cost, limits):
    """Fails if the law at the N and D of a draw's budget isn't the loss that was asked for, to 1e-8; if that budget's
    own optimum is another; or if N and D cost another compute.
    """
    losses = [2.6, 2.2]
    needed = sb.budget_for(fit, loss=losses, cost=cost, subject_to=limits)
    C, N, D = (needed[name].values[0] for name in ("C", "N", "D"))
    there = np.isfinite(C)
    assert there.mean() > 0.9
    for i in range(len(C)):
        params = {name: x[0, i] for name, x in fit.law_draws.items()}
        with jax.enable_x64():
            loss = np.asarray(PRESET.law(N=N[i], D=D[i], **params))
        np.testing.assert_allclose(loss[there[i]], np.array(losses)[there[i]], rtol=1e-8)
    np.testing.assert_allclose(np.asarray(cost(N, D))[there], C[there], rtol=1e-8)
    for i, j in np.argwhere(there)[:6]:
        best = sb.optimum(one_draw(fit, i), C=C[i, j], cost=cost, subject_to=limits)
        assert best["loss"].item() == pytest.approx(losses[j], rel=1e-8)
        assert best["N"].item() == pytest.approx(N[i, j], rel=1e-6)


def one_draw(fit, i):
    """The fit that holds one draw of another."""
    return fit_of(PRESET.law, {name: x[0, i : i + 1] for name, x in fit.law_draws.items()}, RUNS)


def test_the_budget_of_two_power_laws_is_the_closed_form(fit):
    """Fails if the compute isn't that of Hoffmann et al.'s frontier, L* = E + K C^-(alpha beta / (alpha + beta))."""
    p = {name: x[0] for name, x in fit.law_draws.items()}
    a, b = p["alpha"], p["beta"]
    gap = 2.3 - p["E"]
    # At the optimum A/N^a = b/(a+b) gap and B/D^b = a/(a+b) gap.
    N = (p["A"] * (a + b) / (b * gap)) ** (1 / a)
    D = (p["B"] * (a + b) / (a * gap)) ** (1 / b)
    needed = sb.budget_for(fit, loss=2.3)
    np.testing.assert_allclose(needed["C"].values[0, :, 0], 6 * N * D, rtol=1e-8)
    np.testing.assert_allclose(needed["N"].values[0, :, 0], N, rtol=1e-8)


def test_what_is_out_of_reach_is_said_and_how_surely(fit):
    """Fails if a loss below a draw's floor has a budget, if the share of such draws is wrong, or if the budget that is
    enough doesn't reach the loss in that share of the draws.
    """
    floor = fit.law_draws["E"][0]
    losses = [float(np.sort(floor)[30]) + 0.05, float(floor.min()) - 0.01]
    needed = sb.budget_for(fit, loss=losses, prob=0.5)
    assert needed["out_of_reach"].values.tolist()[1] == 1.0 and np.isinf(needed["enough"].values[1])
    assert (np.isinf(needed["C"].values[0, :, 0]) == (floor >= losses[0])).all()
    assert needed["out_of_reach"].values[0] == pytest.approx((floor >= losses[0]).mean())
    enough = needed["enough"].item(0)
    reached = (sb.optimum(fit, C=enough * (1 + 1e-9))["loss"] <= losses[0]).mean().item()
    assert 0.5 <= reached < 0.5 + 2 / 40
    assert np.isinf(sb.budget_for(fit, loss=losses[0], prob=0.95)["enough"].item())
    capped = sb.budget_for(fit, loss=2.0, subject_to={"max_N": 1e9, "max_D": 1e11})
    assert capped["out_of_reach"].item() == 1.0


def test_the_table_of_budgets(fit):
    """Fails if `interval` hides a draw that is out of reach, or invents moments of a compute that has none."""
    table = sb.interval(sb.budget_for(fit, loss=[2.3, float(np.median(fit.law_draws["E"])) + 0.001]))
    rows = table[table["quantity"] == "C"].sort_values("loss", ascending=False)
    assert np.isfinite(rows["upper"].iloc[0]) and np.isinf(rows["upper"].iloc[1]) and "mean" not in rows


@pytest.mark.slow
def test_a_curve_of_almost_no_discrepancy_costs_what_the_law_does(seed=3):
    """Fails if the budget of a law with a discrepancy of almost nothing isn't that of the law, to the interpolation
    between twelve budgets.
    """
    tiny = {"matern_scale": 1e-9, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    rng = np.random.default_rng(seed)
    draws = {n: x * np.exp(0.03 * rng.standard_normal(8)) for n, x in PRESET.values.items()}
    fit = departing(simulated(12, seed), PRESET.law, draws, sb.GP("matern"), tiny)
    curve, law = (sb.budget_for(fit, loss=[2.4, 2.2], of=of) for of in (None, "law"))
    assert (curve.attrs["of"], law.attrs["of"]) == ("curve", "law")
    np.testing.assert_allclose(np.log(curve["C"]), np.log(law["C"]), atol=0.03)
    np.testing.assert_allclose(np.log(curve["N"]), np.log(law["N"]), atol=0.05)


def test_probability_is_the_share_of_draws(fit):
    """Fails if the probability of a loss isn't the share of the draws at or below it, at a point and at a budget."""
    loss = sb.predict(fit, N=7e9, D=1e12)["loss"].values[0, :, 0]
    target = float(np.sort(loss)[9])
    assert sb.probability(fit, loss=target, N=7e9, D=1e12).item() == pytest.approx(0.25)
    at_best = sb.optimum(fit, C=1e23)["loss"].values[0, :, 0]
    chance = sb.probability(fit, loss=[float(np.sort(at_best)[19]), 0.5, 9.0], C=1e23)
    np.testing.assert_allclose(chance.values[0], [0.5, 0.0, 1.0])
    assert sb.probability(fit, loss=2.2, N=7e9, C=1e22).sizes == {"point": 1, "target": 1}


def test_many_fits_a_stack_and_a_recalibrated_fit_answer():
    """Fails if the questions about budgets aren't answered by every kind of result."""
    rng = np.random.default_rng(7)

    def around(name):
        preset = sb.laws.published(name)
        draws = {n: x * np.exp(0.05 * rng.standard_normal(40)) for n, x in preset.values.items()}
        return fit_of(preset.law, draws, RUNS)

    fits = Fits(("a", "b"), (around("besiroglu2024"), around("besiroglu2024")))
    needed = sb.budget_for(fits, loss=2.5)
    assert needed["C"].dims == ("dataset", "chain", "draw", "target") and needed["enough"].dims == ("dataset", "target")
    for i, one in enumerate(fits):
        alone = sb.budget_for(one, loss=2.5)
        np.testing.assert_allclose(needed["enough"].values[i], alone["enough"].values, rtol=1e-12)
    assert sb.probability(fits, loss=2.5, C=1e23).dims == ("dataset", "budget", "target")
    stack = sb.stack({"chinchilla": fits[0], "kaplan": around("kaplan2020")}, {"chinchilla": 0.6, "kaplan": 0.4})
    mixed, best = sb.budget_for(stack, loss=2.5), sb.optimum(stack, C=1e23, subject_to={"max_N": 2e10})
    assert 0 <= mixed["out_of_reach"].item() <= 1 and mixed["C"].sizes["draw"] == stack.draws
    assert np.isfinite(best["N_best"]).all() and 0 <= best["binds"].item() <= 1 and best["regret"].item() >= 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"loss": -1}, "loss"),
        ({"loss": 2.2, "prob": 90}, "prob"),
        ({"loss": 2.2, "subject_to": {"N_in": [1e9]}}, "ask for each size"),
        ({"loss": 2.2, "group": "a"}, "leave it out"),
        ({"loss": 2.2, "of": "mean"}, "law"),
        ({"loss": 2.2, "cost": "6nd"}, "sb.costs"),
    ],
    ids=str,
)
def test_questions_that_are_none_name_their_cure(fit, asked, said):
    """Fails if a question without an answer is answered."""
    with pytest.raises(sb.InputError, match=said):
        sb.budget_for(fit, **asked)


def test_probability_of_nothing_names_its_cure(fit):
    """Fails if a probability without a run or a budget is given."""
    with pytest.raises(sb.InputError, match="N= and D="):
        sb.probability(fit, loss=2.2)
    with pytest.raises(sb.InputError, match="observed=True"):
        sb.probability(fit, loss=2.2, C=1e22, observed=True)
