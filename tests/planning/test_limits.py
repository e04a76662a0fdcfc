"""The optimum with costs and limits: closed forms, brute force, first-order conditions, and limits that contradict."""

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.planning.frontier import polished
from scalebayes.planning.least import least
from scalebayes.planning.limits import Limits, allowed
from scalebayes.planning.optimum_of_law import closed_form
from tests.helpers import departing, fit_of, simulated

PRESET = sb.laws.published("besiroglu2024")
RUNS = sb.Runs(N=[1e8, 1e9, 1e10, 3e9], D=[2e10, 4e10, 2e11, 1e12], loss=[3.0, 2.6, 2.2, 2.1])
COSTS = {
    "six_nd": sb.costs.six_nd,
    "with_inference": sb.costs.with_inference(3e12),
    "moe": sb.costs.moe(active=2e9, total=16e9),
    "mine": sb.Cost("mine", lambda N, D: 6 * N * D + 40 * N**0.5 * D),
    "transformer": sb.costs.transformer(aspect=128, vocabulary=32_000, context=2048),
}
LIMITS = [
    {},
    {"max_N": 7e9},
    {"min_N": 9e10},
    {"max_D": 3e11},
    {"min_D": 2e13},
    {"max_D_per_N": 5.0},
    {"min_D_per_N": 200.0},
    {"max_N": 5e9, "max_D": 1e12},
    {"min_N": 1e9, "max_N": 6e10, "min_D_per_N": 10.0},
    {"N": 2e10},
    {"D": 5e11},
    {"N_in": [1e9, 8e9, 7e10, 5e11]},
]
# How limits cut off the frontier doesn't depend on the cost: all are tried with two, a few with each.
PAIRS = [
    pytest.param(
        *(cost, limits),
        id=f"{name}-{limits}",
        marks=[pytest.mark.slow] * (name not in ("six_nd", "with_inference") and i not in (0, 5)),
    )
    for name, cost in COSTS.items()
    for i, limits in enumerate(LIMITS)
]


def draws_of(size, seed, spread=0.1):
    """Values of Besiroglu et al.'s law, scattered in the log: name -> (draw,)."""
    rng = np.random.default_rng(seed)
    return {name: x * np.exp(spread * rng.standard_normal(size)) for name, x in PRESET.values.items()}


@pytest.fixture(scope="module")
def fit():
    """A fit that holds 6 draws around published values."""
    return fit_of(PRESET.law, draws_of(6, seed=5), RUNS)


@pytest.mark.usefixtures("x64")
def test_the_search_on_the_frontier_is_the_closed_form():
    """Fails if Newton's method on the frontier of 6 N D isn't Hoffmann et al.'s closed form at 1e18 to 1e26."""
    params, C = draws_of(50, seed=1), np.geomspace(1e18, 1e26, 40)
    found = least(PRESET.law.fn, params, sb.costs.six_nd, C, allowed(Limits(), sb.costs.six_nd, C))
    log_N, _ = closed_form(PRESET.law.terms(**{name: x[:, None] for name, x in params.items()}), C)
    np.testing.assert_allclose(found.log_N, log_N, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.log_N + found.log_D, np.broadcast_to(np.log(C / 6), (50, 40)), rtol=1e-14)


@pytest.mark.parametrize(("cost", "limits"), PAIRS)
def test_no_point_of_a_grid_is_better(fit, cost, limits):
    """Fails if a point that the budget pays for and the limits allow has a lower loss than the optimum; if the optimum
    breaks a limit or the budget; or if it is better than any point near it may be.
    """
    C = [3e21, 1e24] if cost.name != "with_inference" else [3e23, 1e25]  # to serve 2e10 parameters takes 1.2e23
    if limits.get("min_N") == 9e10 or limits.get("min_D") == 2e13:
        C = [1e25, 3e26]  # smaller budgets don't pay for them
    best = sb.optimum(fit, C=C, cost=cost, subject_to=limits)
    N, D, loss = (best[name].values[0] for name in ("N", "D", "loss"))
    meets = met(limits, N, D, slack=1e-9)
    assert meets.all(), f"{limits} broken by N = {N[~meets]}, D = {D[~meets]}"
    assert (np.asarray(cost(N, D)) <= np.array(C) * (1 + 1e-9)).all(), "over the budget"
    step = 0.02
    u = np.log(np.array(limits["N_in"])) if "N_in" in limits else np.arange(np.log(1e7), np.log(1e14), step)
    u = np.log([limits["N"]]) if "N" in limits else u
    v = np.log([limits["D"]]) if "D" in limits else np.arange(np.log(1e8), np.log(1e16), step)
    grid_N, grid_D = (x.ravel() for x in np.meshgrid(np.exp(u), np.exp(v), indexing="ij"))
    allowed_there = met(limits, grid_N, grid_D, slack=1e-12)
    spent = np.asarray(cost(grid_N, grid_D))
    # The law as it is published, in NumPy: what JAX is given would be of another shape for each budget.
    p = {name: x[0, :, None] for name, x in fit.law_draws.items()}
    of_N, of_D = p["A"] * np.exp(-p["alpha"] * u), p["B"] * np.exp(-p["beta"] * v)
    heights = (p["E"][..., None] + of_N[:, :, None] + of_D[:, None, :]).reshape(len(of_N), -1)
    for j, budget in enumerate(C):
        there = allowed_there & (spent <= budget)
        assert there.any()
        for i in range(N.shape[0]):
            height = heights[i, there]
            assert loss[i, j] <= height.min() * (1 + 1e-9), f"{limits}, draw {i}, C = {budget:g}"
            # The loss changes by less than a share .6 for an e-fold of N or D; a given N or D may miss two steps.
            assert loss[i, j] >= height.min() * (1 - 0.6 * 3 * step)


def met(limits, N, D, slack):
    """Whether points meet limits, up to a share of them."""
    low, high = 1 - slack, 1 + slack
    fine = np.ones(np.shape(N), bool)
    for name, what in (("N", N), ("D", D), ("D_per_N", D / N)):
        fine &= what >= limits.get(f"min_{name}", 0.0) * low
        fine &= what <= limits.get(f"max_{name}", np.inf) * high
        if name in limits:
            fine &= np.isclose(what, limits[name], rtol=max(slack, 1e-12))
    if "N_in" in limits:
        fine &= np.isclose(np.asarray(N)[..., None], limits["N_in"], rtol=1e-9).any(axis=-1)
    return fine


def test_serving_obeys_the_first_order_condition(fit):
    """Fails if the optimum with inference isn't where Sardana et al.'s condition on N and D holds, to 1e-8."""
    tokens = 3e12
    best = sb.optimum(fit, C=np.geomspace(1e20, 1e26, 13), cost=sb.costs.with_inference(tokens))
    N, D = (best[name].values for name in ("N", "D"))
    p = {name: x[..., None] for name, x in fit.law_draws.items()}
    gain = p["alpha"] * p["A"] * N ** -(p["alpha"] + 1) / (p["beta"] * p["B"] * D ** -(p["beta"] + 1))
    np.testing.assert_allclose(gain, (6 * D + 2 * tokens) / (6 * N), rtol=1e-8)
    np.testing.assert_allclose(6 * N * D + 2 * N * tokens, np.broadcast_to(best["C"].values, N.shape), rtol=1e-8)
    plain = sb.optimum(fit, C=1e24)
    assert (sb.optimum(fit, C=1e24, cost=sb.costs.with_inference(tokens))["N"] < plain["N"]).all()


def test_repeated_data_want_smaller_models():
    """Fails if the optimum of Muennighoff et al. for 25 B unique tokens at 9.3e21 FLOPs isn't below 8.67 B, which they
    trained, with more epochs than that model had.
    """
    preset = sb.laws.published("muennighoff2023")
    runs = sb.Runs(N=[1e8, 1e9, 8e9], D=[1e10, 1e11, 2e11], U=[1e10, 2.5e10, 2.5e10], loss=[3.5, 2.9, 2.6])
    fit = fit_of(preset.law, {name: [x] for name, x in preset.values.items()}, runs)
    best = sb.optimum(fit, C=9.3e21, subject_to={"unique_tokens": 25e9})
    N, D = best["N"].item(), best["D"].item()
    assert N < 8.67e9 and D / 25e9 > 178e9 / 25e9 and best["binds"].sel(limit="unique_tokens").item() == 1
    with jax.enable_x64():
        grid = np.geomspace(1e9, 3e10, 4001)
        height = np.asarray(preset.law.fn(N=grid, D=9.3e21 / 6 / grid, U=25e9, **preset.values))
    assert best["loss"].item() <= height.min() * (1 + 1e-12) and abs(np.log(N / grid[height.argmin()])) < 2e-3
    unlimited = sb.optimum(fit, C=9.3e21, subject_to={"unique_tokens": 1e15})
    assert unlimited["loss"].item() < best["loss"].item() and unlimited["binds"].item() == 0


def test_what_binds_and_what_it_costs(fit):
    """Fails if a limit that doesn't bind is said to, if one that binds isn't, or if what is paid isn't the difference
    to the optimum without limits.
    """
    free = sb.optimum(fit, C=1e24)
    middle = float(free["N"].median())
    best = sb.optimum(fit, C=1e24, subject_to={"max_N": middle, "min_D": 1e9})
    above = free["N"].values[0, :, 0] > middle
    assert best["binds"].sel(limit="max_N").item() == pytest.approx(above.mean()) and 0 < above.mean() < 1
    assert best["binds"].sel(limit="min_D").item() == 0
    np.testing.assert_allclose(best["paid"], best["loss"] - free["loss"], atol=1e-12)
    assert ((best["paid"].values[0, :, 0] > 1e-12) == above).all() and (best["paid"] >= -1e-12).all()


def test_the_best_choice_is_best_in_expected_loss(fit):
    """Fails if another N has a lower expected loss at the budget, or if the regret isn't the expected loss there less
    that of the optima.
    """
    C = 1e24
    best = sb.optimum(fit, C=C)
    grid = np.exp(np.linspace(*np.log([best["N"].min(), best["N"].max()]), 2001))
    mean = sb.predict(fit, N=grid, D=C / 6 / grid)["loss"].mean(("chain", "draw")).values
    assert abs(np.log(best["N_best"].item() / grid[mean.argmin()])) < 0.02
    assert best["regret"].item() == pytest.approx(mean.min() - float(best["loss"].mean()), rel=0.01, abs=1e-7)
    chosen = sb.optimum(fit, C=C, subject_to={"N_in": [1e9, 1e11, 1e12]})
    assert chosen["N_best"].item() == pytest.approx(1e11)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_N": 3e10},
        *(
            pytest.param(limits, marks=pytest.mark.slow)
            for limits in ({}, {"min_N": 1e11}, {"N": 3e10}, {"max_N": 1e9, "max_D": 1e11})
        ),
    ],
    ids=str,
)
def test_a_curve_keeps_its_limits(limits, seed=3):
    """Fails if the optimum of a law with a discrepancy of almost nothing isn't that of the law at the same cost and
    limits, on either side of a limit and where nothing is left to choose.
    """
    tiny = {"matern_scale": 1e-9, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    fit = departing(simulated(12, seed), PRESET.law, draws_of(8, seed), sb.GP("matern"), tiny)
    cost = sb.costs.with_inference(1e12)
    C = [5e24, 1e25] if {"min_N", "N"} & set(limits) else [1e22, 5e24]  # smaller ones can't serve so large models
    asked = dict(C=C, cost=cost, subject_to=limits)
    curve, law = sb.optimum(fit, **asked), sb.optimum(fit, **asked, of="law")
    assert (curve.attrs["of"], law.attrs["of"]) == ("curve", "law")
    np.testing.assert_allclose(np.log(curve["N"]), np.log(law["N"]), atol=2e-3, err_msg=str(limits))
    np.testing.assert_allclose(np.log(curve["D"]), np.log(law["D"]), atol=2e-3, err_msg=str(limits))
    np.testing.assert_allclose(curve["loss"], law["loss"], rtol=1e-6, err_msg=str(limits))
    if limits:
        np.testing.assert_allclose(curve["binds"], law["binds"], atol=0.13, err_msg=str(limits))
        np.testing.assert_allclose(curve["paid"], law["paid"], atol=3e-6, err_msg=str(limits))
        assert (curve["paid"] >= -1e-12).all(), f"{limits}: a limit that earns something"
    assert abs(np.log(curve["N_best"] / law["N_best"])).max() < 0.05


@pytest.mark.slow
def test_what_a_curve_pays_is_of_one_curve(seed=4):
    """Fails if what limits cost isn't the loss of a curve within them less that of the same curve without: if it is
    negative, if a limit that doesn't bind costs something, or if it is the law's alone where the curve bends.
    """
    wide = {"matern_scale": 0.05, "matern_length_N": 3.0, "matern_length_D": 3.0, "matern_fade": 0.3}
    fit = departing(simulated(12, seed), PRESET.law, draws_of(300, seed, spread=0.0), sb.GP("matern"), wide)
    C = [1e22, 1e24]
    most = float(sb.optimum(fit, C=C)["N"].isel(budget=1).median())  # many optima lie shortly beyond it
    best, law = (sb.optimum(fit, C=C, subject_to={"max_N": most}, of=of) for of in ("curve", "law"))
    paid = best["paid"].values[0]
    assert (paid[np.isfinite(paid)] >= 0).all() and np.isfinite(paid).mean() > 0.8
    known = (best["N"].values[0, :, 1] > most * (1 - 1e-6)) & np.isfinite(paid[:, 1])
    assert known.sum() > 40
    share = (paid[known, 1] > 0).mean()
    assert share > 0.9, f"{share:.3f} of the curves whose limit binds pay for it"
    assert law["paid"].values[0, :, 1].std() < 1e-9 < 1e-2 < paid[known, 1].std(), "the law is one, the curves are many"
    # The paths of the curves end shortly beyond 1e14: a limit there still cuts off the optimum of one draw.
    loose = sb.optimum(fit, C=C, subject_to={"max_N": 1e17})["paid"].values
    assert np.nanmax(loose) == 0.0
    one = departing(simulated(12, seed), PRESET.law, draws_of(1, seed), sb.GP("matern"), wide)  # the mean, no draw
    without = sb.optimum(one, C=C)
    within = sb.optimum(one, C=C, subject_to={"max_N": float(without["N"].min()) / 3})
    assert (within["paid"] > 1e-3).all()
    np.testing.assert_allclose(within["paid"], within["loss"] - without["loss"], atol=1e-5)


@pytest.mark.slow
def test_a_curve_chooses_of_sizes(seed=4):
    """Fails if the best of a list of sizes isn't the size with the least curve, if it breaks a limit, or if the choice
    of least expected loss isn't one of the list.
    """
    tiny = {"matern_scale": 1e-9, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    fit = departing(simulated(12, seed), PRESET.law, draws_of(8, seed), sb.GP("matern"), tiny)
    C, limits = [1e22, 1e24], {"N_in": [1e9, 8e9, 7e10, 5e11], "max_D": 2e12}
    curve, law = sb.optimum(fit, C=C, subject_to=limits), sb.optimum(fit, C=C, subject_to=limits, of="law")
    for name in ("N", "D", "N_best", "D_best"):
        np.testing.assert_allclose(curve[name], law[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(curve["loss"], law["loss"], rtol=1e-6)
    np.testing.assert_allclose(curve["paid"], law["paid"], atol=1e-6)
    np.testing.assert_allclose(curve["regret"], law["regret"], atol=1e-6)
    assert (curve["D"] <= 2e12 * (1 + 1e-9)).all() and (law["D_best"] <= 2e12 * (1 + 1e-9)).all()
    wide = tiny | {"matern_scale": 0.03}
    other = departing(simulated(12, seed), PRESET.law, draws_of(100, seed, spread=0.0), sb.GP("matern"), wide)
    best = sb.optimum(other, C=1e24, subject_to={"N_in": [2e10, 5e10, 1.2e11]})
    share = [float(np.isclose(best["N"], N).mean()) for N in (2e10, 5e10, 1.2e11)]
    assert sum(share) == 1 and min(share) > 0.02, "curves that bend choose different sizes"
    assert float(best["N_best"][0]) in (pytest.approx(2e10), pytest.approx(5e10), pytest.approx(1.2e11))
    assert (best["paid"].dropna("draw") >= 0).all()


def test_a_budget_in_dollars_is_one_in_flops(fit):
    """Fails if a budget in dollars, device hours or days isn't the FLOPs that they pay for."""
    h100 = sb.Hardware("h100", 989e12, 0.4, 2.0)
    C = 989e12 * 0.4 * 3600 * 1e6
    for asked in (dict(dollars=2e6), dict(gpu_hours=1e6), dict(days=1e6 / 24 / 100, devices=100)):
        assert sb.optimum(fit, on=h100, **asked)["C"].item() == pytest.approx(C, rel=1e-12)


def test_many_budgets_start_between_few(fit):
    """Fails if a budget between those whose grid is searched has another optimum than when it is asked alone."""
    C = np.geomspace(1e20, 1e25, 101)
    asked = dict(cost=COSTS["with_inference"], subject_to={"max_N": 2e10})
    all_, one = sb.optimum(fit, C=C, **asked), sb.optimum(fit, C=C[37], **asked)
    np.testing.assert_allclose(all_["N"].values[..., 37], one["N"].values[..., 0], rtol=1e-9)


@pytest.mark.usefixtures("x64")
def test_newtons_method_ends_where_h_is_zero():
    """Fails if Newton's method stops before it is there, from starts up to three e-folds away."""
    params, C = draws_of(20, seed=2), np.geomspace(1e19, 1e25, 5)
    within = allowed(Limits(), COSTS["mine"], C)
    best = least(PRESET.law.fn, params, COSTS["mine"], C, within)
    for off in (-3.0, 3.0):
        found = polished(PRESET.law.fn, COSTS["mine"], params, best.log_N + off, np.log(C), within.low, within.high)
        np.testing.assert_allclose(np.asarray(found[0]), best.log_N, atol=1e-9)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"min_N": 1e10, "max_N": 1e9}, r"min_N=1e\+10 and max_N=1e\+09 contradict each other"),
        ({"N": 1e10, "max_N": 1e9}, r"N=1e\+10 and max_N=1e\+09 contradict"),
        ({"min_N": 1e12, "min_D": 1e13}, r"min_N=1e\+12 and min_D=1e\+13 contradict each other at C = 1e\+22"),
        ({"min_N": 1e25}, r"min_N=1e\+25 alone costs more than C = 1e\+22"),
        ({"N": 1e9, "D": 1e10}, r"sb.predict\(fit, N=, D=\)"),
        ({"maxN": 1e9}, "did you mean 'max_N'"),
        ({"max_N": -1}, "limit max_N is a positive number, not -1"),
        ({"N_in": []}, "limit N_in is a list of positive sizes"),
        ({"N_in": [1e9], "min_N": 1e10}, "N_in has no size between"),
        ({"N_in": [1e9, 2e9], "D": 1e9}, "leave one of them out"),
        ({"N_in": [1e22]}, "no size in N_in meets the limits"),
        ({"unique_tokens": 1e9}, r"knows no repetition.*say max_D=1e\+09"),
        ([1e9], "subject_to is a mapping such as"),
    ],
    ids=str,
)
def test_limits_that_cannot_be_met_name_their_cure(fit, limits, said):
    """Fails if limits that contradict each other, the budget or the law are taken, or the error doesn't name them."""
    with pytest.raises(sb.InputError, match=said):
        sb.optimum(fit, C=1e22, subject_to=limits)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "dollars"),
        ({"C": 1e22, "dollars": 1e6}, "one"),
        ({"dollars": 1e6}, "on="),
        ({"dollars": -1e6, "on": "h100"}, "positive"),
        ({"dollars": 1e6, "on": "h1000"}, "h100"),
        ({"days": 3, "on": "h100"}, "devices"),
        ({"C": 1e22, "cost": "six"}, "sb.costs"),
        ({"C": -1.0}, "positive"),
    ],
    ids=str,
)
def test_budgets_that_are_none_name_their_cure(fit, asked, said):
    """Fails if a budget that says nothing, or two things, is taken."""
    with pytest.raises(sb.InputError, match=said):
        sb.optimum(fit, **asked)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: sb.Cost("falls", lambda N, D: D / N), "falls from N"),
        (lambda: sb.Cost("none", lambda N: N), "takes N and D"),
        (lambda: sb.Cost("negative", lambda N, D: N * D - 1e15), "positive"),
        (lambda: sb.costs.moe(active=2e9, total=1e9), "swap them"),
        (lambda: sb.costs.with_inference(-1), "0 or more"),
        (lambda: sb.costs.repeated(0), "positive number"),
    ],
)
def test_a_cost_that_is_none_is_refused(make, said):
    """Fails if a cost that falls, isn't positive, or takes other arguments is made."""
    with pytest.raises(sb.InputError, match=said):
        make()


def test_a_budget_far_below_the_runs_is_answered(fit):
    """Fails if a budget a million times below the runs is refused, or its distance isn't told."""
    best = sb.optimum(fit, C=1e13)
    assert np.isfinite(best["N"]).all() and float(best["distance"].max()) > 10


def test_a_cost_without_a_formula_is_told_by_its_name():
    """Fails if an answer, or a cost that is made from another, shows nothing where a cost has no formula as text."""
    mine = sb.Cost("mine", lambda N, D: 8 * N * D)
    assert (mine.formula, repr(mine)) == ("mine", "Cost(mine: mine)")
    assert sb.costs.with_inference(1e12, mine).formula == "mine + 2 N 1e+12"
    assert sb.costs.repeated(1e9, mine).formula == "mine, 1e+09 unique tokens"
