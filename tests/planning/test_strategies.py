"""Named strategies: their N and D, their regret against the optimum, limits that they break, and what is refused."""

import numpy as np
import pytest

import scalebayes as sb
from tests.planning.test_recipes import RUNS, drawn, of_groups

START = {name: float(np.exp(np.log(RUNS[name]).mean())) for name in ("N", "D")}


@pytest.fixture(scope="module")
def fit():
    return drawn(draws=50)


def test_a_strategy_is_the_split_that_it_says(fit):
    """Fails if a share, a ratio, a size or Kaplan's rule gives another N or D, or they don't cost the budget."""
    named = {
        "run": dict(N=70e9, D=1.4e12),
        "size": dict(N=1e9, C=1e22),
        "tokens": dict(D=1e12, C=1e22),
        "ratio": dict(D_per_N=20, C=1e22),
        "70/30": dict(share_N=0.7, C=1e22),
        "from one": dict(share_N=0.7, C=1e22, start=dict(N=1, D=1)),
        "Kaplan": "kaplan",
    }
    found = sb.strategies(fit, named, C=1e22).data
    N, D = found["N"].values, found["D"].values
    np.testing.assert_allclose(found["C"].values, [6 * 70e9 * 1.4e12] + [1e22] * 6, rtol=1e-12)
    np.testing.assert_allclose(6 * N * D, found["C"].values, rtol=1e-9)
    grown = 1e22 / (6 * START["N"] * START["D"])
    expected = [70e9, 1e9, 1e22 / 6e12, np.sqrt(1e22 / 120), START["N"] * grown**0.7, (1e22 / 6) ** 0.7]
    np.testing.assert_allclose(N[:-1], expected, rtol=1e-9)
    assert D[3] / N[3] == pytest.approx(20, rel=1e-9)
    assert D[4] == pytest.approx(START["D"] * grown**0.3, rel=1e-9)
    assert N[-1] == pytest.approx(1.3e9 * (1e22 / 8.64e19) ** 0.73, rel=1e-9)


def test_regret_is_the_loss_less_the_optimums(fit):
    """Fails if a loss isn't that of `predict`, or a regret isn't against the optimum of the same cost and draw."""
    found = sb.strategies(fit, C=[1e18, 1e23])
    data = found.data
    loss = sb.predict(fit, N=data["N"].values, D=data["D"].values)["loss"].values
    np.testing.assert_allclose(data["loss"].values, loss, rtol=1e-9)
    best = sb.optimum(fit, C=data["C"].values)["loss"].values
    np.testing.assert_allclose(data["regret"].values, loss - best, atol=1e-9)
    assert (data["regret"].values > -1e-9).all()
    table = found.table()
    assert table["strategy"].tolist()[:2] == ["25/75", "25/75"] and len(table) == 16
    chosen = table[table["strategy"] == "optimum"]
    for C, regret in zip(chosen["C"], chosen["regret"], strict=True):
        assert regret == table[np.isclose(table["C"], C)]["regret"].min()
    assert "At C = 1.00e23 20 tokens a parameter loses least" in str(found)
    assert {"strategy", "N", "D", "C"} <= set(sb.interval(data).columns)


def test_limits_bind_the_optimum_and_name_what_breaks_them(fit):
    """Fails if a strategy that breaks a limit isn't told so, or is compared with an optimum that breaks it, too."""
    found = sb.strategies(fit, C=1e22, subject_to={"max_D": 1e11, "max_C": 1e21})
    breaks = dict(zip(found.data["strategy"].values, found.data["breaks"].values, strict=True))
    assert breaks["Kaplan"] == "max_C" and breaks["25/75"] == "max_D, max_C"
    within = sb.strategies(fit, C=1e22, subject_to={"max_D": 1e11})
    best = sb.optimum(fit, C=1e22, subject_to={"max_D": 1e11})
    row = within.data.isel(point=within.data["strategy"].values == "optimum")
    assert row["breaks"].item() == "" and row["D"].item() == pytest.approx(1e11)
    np.testing.assert_allclose(row["loss"].values, best["loss"].values, rtol=1e-7)
    twenty = within.data.isel(point=within.data["strategy"].values == "20 tokens a parameter")
    np.testing.assert_allclose(twenty["regret"].values, twenty["loss"].values - best["loss"].values, atol=1e-9)


@pytest.mark.slow
def test_a_strategy_and_the_optimum_share_the_draw_of_a_departure():
    """Fails if the regret of a strategy near the optimum is of two departures, and below 0 in half of the draws."""
    fit = of_groups(draws=40)
    best = sb.optimum(fit, C=1e21, group="new")
    named = {"near": dict(N=float(best["N_best"].item()), C=1e21)}
    data = sb.strategies(fit, named, group="new").data
    assert np.nanmin(data["regret"].values) > -1e-6
    assert np.nanstd(data["loss"].values) > 0.01  # of two departures, half of the regrets would be below 0


def test_a_stack_and_a_recalibrated_fit_have_strategies(fit):
    """Fails if a mixture or a recalibrated fit can't be asked, or its losses aren't widened."""
    from scalebayes.forecasting.recalibrate import Widening

    named = {"ratio": dict(D_per_N=20)}
    stack = sb.stack({"one": fit, "other": drawn(draws=50, seed=3)}, {"one": 0.5, "other": 0.5}, draws=60)
    assert sb.strategies(stack, named, C=1e22).data["loss"].shape == (1, 60, 1)
    wide = sb.strategies(sb.Recalibrated(fit, Widening(2.0, 2.0, 10, 2), "chinchilla"), named, C=1e22).data
    plain = sb.strategies(fit, named, C=1e22).data
    assert np.log(wide["loss"]).std() == pytest.approx(2 * float(np.log(plain["loss"]).std()), rel=1e-6)
    np.testing.assert_array_equal(wide["regret"].values, plain["regret"].values)


@pytest.mark.parametrize(
    ("named", "asked", "told"),
    [
        (None, {}, "give a budget, C=1e22"),
        ({"x": dict(share_N=0.7)}, {}, "strategy 'x': it needs a budget: C=1e22"),
        ({"x": dict(share_N=70)}, {"C": 1e22}, "share_N is between 0 and 1, such as 0.7, not 70"),
        ({"x": dict(share=0.7)}, {"C": 1e22}, "did you mean 'share_N'"),
        ({"x": "kapln"}, {"C": 1e22}, "did you mean 'kaplan'"),
        ({"x": dict(N=1e9, D=1e9, C=1e22)}, {}, "N and D give the budget; leave C out"),
        ({"x": dict(N=1e9, D_per_N=20)}, {"C": 1e22}, "one of N, D, share_N and D_per_N"),
        ({"x": dict(N=-1.0, D=1e9)}, {}, "strategy 'x': N is a positive number"),
        ({"x": dict(share_N=0.7, start=1e9)}, {"C": 1e22}, r"start=dict\(N=1e8, D=2e9\)"),
        ({"x": 0.7}, {"C": 1e22}, r"a mapping such as dict\(share_N=0.7\), not 0.7"),
        ({}, {"C": 1e22}, "strategies is a mapping"),
        (None, {"C": 1e22, "subject_to": {"max_C": -1}}, "limit max_C is a positive number"),
        (None, {"C": 1e22, "of": "best"}, "unknown of 'best'"),
    ],
)
def test_what_is_no_strategy_is_refused(fit, named, asked, told):
    """Fails if a strategy that says too little or too much is guessed at, or its error has no cure."""
    with pytest.raises(sb.InputError, match=told):
        sb.strategies(fit, named, **asked)
