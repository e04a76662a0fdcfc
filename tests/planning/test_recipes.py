"""Two recipes: a fit against itself, gains and crossings of laws worked out by hand, groups, and what is refused."""

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.forecasting.recalibrate import Widening
from tests.helpers import departing, fit_of, simulated

PRESET = sb.laws.published("besiroglu2024")
RUNS = sb.Runs(N=[1e8, 1e9, 1e10, 3e9], D=[2e10, 4e10, 2e11, 1e12], loss=[3.0, 2.6, 2.2, 2.1])
BUDGETS = np.geomspace(1e20, 1e24, 5)


def drawn(draws=200, seed=0, spread=0.02, runs=RUNS, **factors):
    """A fit whose draws scatter around Besiroglu et al.'s values, times factors."""
    rng = np.random.default_rng(seed)
    values = {name: x * factors.get(name, 1.0) for name, x in PRESET.values.items()}
    return fit_of(
        PRESET.law, {name: x * np.exp(spread * rng.standard_normal(draws)) for name, x in values.items()}, runs
    )


def scaled(fit, s):
    """The same draws, for a recipe whose models of N on D tokens are as good as the other's of N / s on D / s."""
    draws = {name: x.ravel() for name, x in fit.draws.items()}
    draws |= {"A": draws["A"] * s ** draws["alpha"], "B": draws["B"] * s ** draws["beta"]}
    return fit_of(PRESET.law, draws, RUNS)


def test_a_fit_against_itself_is_a_tie():
    """Fails if a recipe beats itself, crosses itself, or needs another compute than its own; or if a second copy of a
    fit, as read from a file, counts as an independent one.
    """
    fit, copy = drawn(), drawn()
    for other in (fit, copy):
        found = sb.compare_recipes(fit, other, C=BUDGETS)
        assert found.probability().tolist() == [0.5] * 5
        assert (found.data["gain"] == 1).all() and found.crossing().share == 0
        assert found.data.attrs["shared_draws"] == 1


def test_independent_fits_are_paired_at_random():
    """Fails if two fits that only have the same posterior are compared draw by draw, which would hide their spread."""
    found = sb.compare_recipes(drawn(seed=1, draws=400), drawn(seed=2, draws=300), C=BUDGETS)
    assert found.pairs == 400 and found.data.attrs["shared_draws"] == 0
    assert np.all(abs(found.probability() - 0.5) < 0.12)  # .025 is one standard error of independent pairs, at most
    low, high = np.quantile(found.data["gain"].values[0], [0.05, 0.95], axis=0)
    assert (low < 0.9).all() and (high > 1.1).all()
    again = sb.compare_recipes(drawn(seed=1, draws=400), drawn(seed=2, draws=300), C=BUDGETS)
    assert found.data.equals(again.data)


@pytest.mark.parametrize("s", [0.5, 0.98, 1.7])
def test_the_gain_of_a_scaled_law_is_its_closed_form(s):
    """Fails if the compute-equivalent gain isn't s^2 where the other recipe needs s times the N and the D."""
    for seed in range(3):
        fit = drawn(draws=1, seed=seed, spread=0.1)
        found = sb.compare_recipes(fit, scaled(fit, s), C=[3e19, 1e22, 7e23])
        np.testing.assert_allclose(found.data["gain"].values, s**2, rtol=1e-6)
        assert found.table()["gain_lower"].isna().all() and np.isnan(found.probability()).all()


@pytest.mark.slow
def test_the_gain_is_what_budget_for_says():
    """Fails if the compute that the other recipe needs isn't the one at which its optimum has that loss."""
    a, b = drawn(draws=1, seed=5), drawn(draws=1, seed=6, A=1.3)
    for asked in ({}, {"cost": sb.costs.with_inference(1e12), "subject_to": {"max_D_per_N": 40.0}}):
        found = sb.compare_recipes(a, b, C=BUDGETS, **asked).data
        needed = sb.budget_for(b, loss=found["loss_a"].values.ravel(), **asked)["C"].values.ravel()
        np.testing.assert_allclose(found["gain"].values.ravel(), needed / BUDGETS, rtol=1e-6)
        best = sb.optimum(b, C=BUDGETS, **asked)["loss"].values
        np.testing.assert_allclose(found["loss_b"].values, best, rtol=1e-12)


def test_crossings_where_they_were_put():
    """Fails if two laws don't cross where they were made to, the draws that don't cross aren't counted, or the one that
    is better above the crossing is mistaken.
    """
    a, s = drawn(draws=1), 0.8
    where = np.array([3e20, 5e22, 6e23])
    excess = sb.optimum(a, C=where)["loss"].values.ravel() - a.draws["E"].item()
    draws = {name: np.full(5, x.item()) for name, x in a.draws.items()}
    draws |= {name: draws[name] * s for name in ("A", "B")}
    # In the fourth draw b is better throughout; the fifth is a itself, a tie.
    draws["E"] = draws["E"] + np.concatenate([(1 - s) * excess, [0.0, 0.0]])
    draws["A"][4], draws["B"][4] = a.draws["A"].item(), a.draws["B"].item()
    b = fit_of(PRESET.law, draws, RUNS)
    found = sb.compare_recipes(a, b, C=[1e20, 7.7e21, 1e24])
    crossings = np.sort(found.data["crossing"].values.ravel())
    np.testing.assert_allclose(crossings[:3], where, rtol=1e-6)
    assert np.isnan(crossings[3:]).all()
    told = found.crossing()
    assert (told.share, told.a_wins_beyond, told.again) == (0.6, 1.0, 0.0)
    assert told.median == pytest.approx(5e22, rel=1e-6)
    # At 7.7e21 a is ahead in the first draw alone, and the tie counts half.
    assert found.probability().tolist() == pytest.approx([0.1, 0.3, 0.7])
    assert "In 60 % of the draws they cross between C = 1e20 and 1e24, at 5.00e22" in str(found)
    turned = sb.compare_recipes(b, a, C=[1e20, 1e24])
    assert turned.crossing().a_wins_beyond == 0 and "above it b is better" in str(turned)


def test_a_loss_below_the_others_floor_is_out_of_reach():
    """Fails if a loss that the other recipe never reaches counts as a large gain, or drops out of the intervals."""
    a, b = drawn(draws=40, spread=0.0, E=0.9), drawn(draws=40, seed=1, spread=0.0)
    b.draws["E"][0, :10] *= 0.8
    found = sb.compare_recipes(a, b, C=[1e20, 1e25])
    row = found.table().iloc[1]
    assert row["out_of_reach"] == 0.75 and np.isinf(row["gain"]) and np.isfinite(row["gain_lower"])
    assert "b doesn't reach a's loss at C = 1e25 in 75 % of the draws" in str(found)
    assert sb.compare_recipes(b, a, C=1e25).table()["gain"].item() < 0.01


def of_groups(draws=120):
    """A fit of two groups, of which the runs of `new` have 2 % less loss, with a wide departure that both share."""
    runs = simulated(24, seed=4)
    group = np.array(["new", "old"] * 12)
    runs = sb.Runs(N=runs["N"], D=runs["D"], loss=runs.y * np.where(group == "new", 0.98, 1.0), group=group)
    values = {"matern_scale": 0.05, "matern_length_N": 3.0, "matern_length_D": 3.0, "matern_fade": 0.3}
    held = {name: np.full(draws, x) for name, x in PRESET.values.items()}
    return departing(runs, PRESET.law, held, sb.GP("matern", "offset"), values | {"offset_scale": 0.02})


def test_groups_share_all_but_their_offset():
    """Fails if what two groups share, such as a departure far beyond the runs, hides that one of them is better."""
    fit = of_groups()
    found = sb.compare_recipes(fit, groups=("new", "old"), C=[1e20, 1e25])
    assert found.names == ("new", "old") and found.data.attrs["of"] == "curve"
    assert np.nanstd(np.log(found.data["loss_a"].values[0, :, 1])) > 0.03  # far out, the departure is wide
    ratio = (found.data["loss_b"] / found.data["loss_a"]).values[0]
    there = np.isfinite(ratio).all(axis=1)  # far out, some draws have no optimum within the path of the departure
    assert there.mean() > 0.6
    np.testing.assert_allclose(ratio[there, 0], ratio[there, 1], rtol=1e-12)
    assert found.probability().min() > 0.9
    assert np.nanmedian(ratio[:, 0]) == pytest.approx(1 / 0.98, abs=0.006)
    gain = found.data["gain"].values[0]
    assert (ratio[gain > 1] > 1).all()
    # A curve may rise with the budget; the least compute that reaches a loss is then less than the budget.
    assert (gain > 1)[:, 0].sum() > 0.95 * (ratio > 1)[:, 0].sum()
    assert found.crossing().share == 0
    same = sb.compare_recipes(fit, groups=("new", "new"), C=[1e20, 1e25])
    assert same.probability().tolist() == [0.5, 0.5]
    with pytest.raises(sb.InputError, match="unknown group 'older'"):
        sb.compare_recipes(fit, groups=("new", "older"), C=1e21)
    with pytest.raises(sb.InputError, match="the law alone has no offset for a group"):
        sb.compare_recipes(fit, groups=("new", "old"), C=1e21, of="law")


def test_a_stack_and_a_recalibrated_fit_are_recipes():
    """Fails if a mixture can't be compared, or widened losses are as narrow as the fit's own."""
    a, b = drawn(seed=1), drawn(seed=2, A=1.02)
    stack = sb.stack({"one": a, "other": b}, {"one": 0.5, "other": 0.5}, draws=200)
    assert sb.compare_recipes(stack, stack, C=1e22).probability().item() == 0.5
    assert 0.3 < sb.compare_recipes(stack, b, C=1e22).probability().item() < 0.9
    wide = sb.Recalibrated(a, Widening(2.0, 2.0, 10, 2), "chinchilla")
    plain, widened = (sb.compare_recipes(one, b, C=1e22).data["loss_a"].values for one in (a, wide))
    assert np.log(widened).std() == pytest.approx(2 * np.log(plain).std(), rel=1e-6)


def test_each_recipe_may_have_its_cost():
    """Fails if a mixture of experts, a tenth of whose parameters work on a token, isn't ten times as cheap."""
    fit = drawn(draws=3)
    found = sb.compare_recipes(fit, fit, C=1e22, cost=(sb.costs.moe(active=1e9, total=1e10), sb.costs.six_nd))
    np.testing.assert_allclose(found.data["gain"].values, 10.0, rtol=1e-6)
    assert found.probability().item() == 1


def other_runs(**settings):
    return sb.Runs(N=RUNS["N"], D=RUNS["D"], loss=RUNS.y, **settings)


@pytest.mark.parametrize(
    ("b", "asked", "told"),
    [
        (lambda: drawn(runs=other_runs(unit="nats")), {}, "their unit differs, '' and 'nats'"),
        (lambda: sb.fit_many, {}, "not function"),
        (lambda: None, {}, r"groups=\('x', 'y'\)"),
        (lambda: drawn(), {"groups": ("x",)}, "one group for a and one for b"),
        (lambda: drawn(), {"names": ("x", "x")}, "two different names"),
        (lambda: drawn(), {"cost": "6nd"}, "one for each recipe"),
        (lambda: drawn(), {"C": -1.0}, "C is a positive number"),
        (lambda: drawn(), {"of": "best"}, "unknown of 'best'"),
        (lambda: drawn(), {"subject_to": {"min_N": 1e21}}, "min_N=1e[+]21 alone costs more than C = 1e[+]21"),
    ],
)
def test_what_cant_be_compared_is_refused(b, asked, told):
    """Fails if two recipes whose losses don't mean the same are compared, or a wrong question has no cure."""
    with pytest.raises(sb.InputError, match=told):
        sb.compare_recipes(drawn(), b(), **{"C": 1e21} | asked)


def test_other_parameters_need_another_cost():
    """Fails if N with embeddings and N without them are taken for the same compute."""
    a, b = (drawn(runs=other_runs(N_counts=what)) for what in ("total", "non-embedding"))
    with pytest.raises(sb.InputError, match=r"give a cost for each, cost=\(\.\.\., \.\.\.\)"):
        sb.compare_recipes(a, b, C=1e21)
    mine = sb.Cost("mine", lambda N, D: 6 * N * D)
    assert sb.compare_recipes(a, b, C=1e21, cost=(sb.costs.six_nd, mine)).pairs == 200
