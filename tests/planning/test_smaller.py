"""The price of a model smaller than the optimum: against the closed form, what limits forbid, and what is refused."""

import jax
import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import departing, fit_of, simulated
from tests.planning.test_limits import COSTS, PRESET, RUNS, draws_of

TIMES = [2.0, 4.0, 64.0]


@pytest.fixture(scope="module")
def fit():
    """A fit that holds 6 draws around published values."""
    return fit_of(PRESET.law, draws_of(6, seed=5), RUNS)


def test_the_price_is_the_closed_form(fit):
    """Fails if a smaller model's price at 6 N D isn't A/N^alpha (k^alpha - 1) + B/D^beta (k^-beta - 1), or the compute
    that makes up for it isn't (1 - beta/alpha (k^alpha - 1))^(-1/beta) / k, infinite where the base is negative.
    """
    best = sb.optimum(fit, C=[1e21, 1e24], smaller=TIMES)
    p = {name: x[..., None, None] for name, x in fit.law_draws.items()}
    N, D, k = best["N"].values[..., None], best["D"].values[..., None], np.array(TIMES)
    up = k ** p["alpha"] - 1
    paid = p["A"] / N ** p["alpha"] * up + p["B"] / D ** p["beta"] * (k ** -p["beta"] - 1)
    np.testing.assert_allclose(best["smaller_paid"], paid, rtol=1e-9)
    base = 1 - p["beta"] / p["alpha"] * up
    compute = np.where(base > 0, np.abs(base) ** (-1 / p["beta"]) / k, np.inf)
    np.testing.assert_allclose(best["smaller_compute"], np.broadcast_to(compute, paid.shape), rtol=1e-7)
    never = np.isinf(compute).mean(axis=(0, 1))
    np.testing.assert_allclose(best["out_of_reach"], np.broadcast_to(never, (2, 3)))
    assert never[0, 0] == 0 and never[0, 2] == 1, "the table is to have both"
    assert dict(best["out_of_reach"].sizes) == {"budget": 2, "smaller": 3}
    assert best["smaller"].values.tolist() == TIMES


@pytest.mark.slow_cases("transformer", "moe", "mine")
@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
def test_the_price_at_any_cost(fit, cost):
    """Fails if the smaller model spends another budget than it is told, or the compute that makes up for its size
    doesn't buy the loss of the optimum.
    """
    C = 1e24
    best = sb.optimum(fit, C=C, cost=cost, smaller=2)
    compute = best["smaller_compute"].values[0, :, 0, 0]
    for i in range(6):
        params = {name: x[0, i] for name, x in fit.law_draws.items()}
        one = fit_of(PRESET.law, {name: [x] for name, x in params.items()}, RUNS)
        N = best["N"].values[0, i, 0] / 2
        at = sb.optimum(one, C=[C, C * compute[i]], cost=cost, subject_to={"N": N})["loss"].values.ravel()
        loss = best["loss"].values[0, i, 0]
        assert at[0] - loss == pytest.approx(best["smaller_paid"].values[0, i, 0, 0], rel=1e-7)
        assert compute[i] > 1 and at[1] == pytest.approx(loss, rel=1e-9)


def test_no_more_tokens_than_a_limit_allows(fit):
    """Fails if the tokens of a smaller model break a limit that they have, or a limit of N alone changes its price."""
    free = sb.optimum(fit, C=1e24, smaller=TIMES[:2])
    most = float(free["D"].max()) * 2
    best = sb.optimum(fit, C=1e24, smaller=TIMES[:2], subject_to={"max_D": most, "min_N": 1e8})
    needed = free["smaller_compute"] * free["D"] * np.array(TIMES[:2])  # as N is divided, D is multiplied
    forbidden = needed > most
    np.testing.assert_allclose(best["smaller_compute"], np.where(forbidden, np.inf, free["smaller_compute"]), rtol=1e-7)
    assert 0 < forbidden.mean() < 1
    given = sb.optimum(fit, C=1e24, smaller=2, subject_to={"D": 1e12})
    with jax.enable_x64():
        loss = PRESET.law.fn(N=given["N"].values / 2, D=1e12, **{n: x[..., None] for n, x in fit.law_draws.items()})
    np.testing.assert_allclose(given["smaller_paid"].values[..., 0], np.asarray(loss) - given["loss"], rtol=1e-7)
    assert given["out_of_reach"].item() == 1
    needed = free["smaller_compute"][..., :1] * free["D_per_N"] * 4
    most = float(needed.median())
    per_N = sb.optimum(fit, C=1e24, smaller=2, subject_to={"max_D_per_N": most})
    np.testing.assert_array_equal(np.isinf(per_N["smaller_compute"]), needed > most)
    assert per_N["out_of_reach"].item() == 0.5


def test_a_table_has_a_row_for_each(fit):
    """Fails if the intervals lack a smaller model, warn of an infinite factor, or give it a mean."""
    best = sb.optimum(fit, C=[1e21, 1e24], smaller=TIMES)
    table = sb.interval(best)
    rows = table[table["quantity"] == "smaller_compute"]
    assert rows["smaller"].tolist() == TIMES * 2 and rows["C"].tolist() == [1e21] * 3 + [1e24] * 3
    assert rows["mean"].isna().tolist() == [False, bool(np.isinf(best["smaller_compute"][..., 0, 1]).any()), True] * 2
    assert table[table["quantity"] == "N"]["smaller"].isna().all() and len(table) == 2 * 6 + 2 * 2 * 3
    many = sb.interval(sb.optimum(sb.Fits(("a", "b"), (fit, fit)), C=1e22, smaller=2)[["smaller_paid"]])
    assert many["dataset"].tolist() == ["a", "b"] and many["median"].nunique() == 1
    stack = sb.stack({"a": fit, "b": fit}, {"a": 0.5, "b": 0.5}, draws=12)
    mixed = sb.optimum(stack, C=1e22, smaller=2)
    assert mixed["smaller_paid"].median().item() == pytest.approx(many["median"].iloc[0], rel=1e-9)


@pytest.mark.parametrize(
    ("smaller", "said"),
    [(1.0, "such as 2 or 4, not 1"), ([2, 0.5], "not 0.5"), ([2, 2], "given once"), ("half", "smaller: a number")],
)
def test_what_is_no_smaller_model(fit, smaller, said):
    """Fails if a model that isn't smaller is priced as one."""
    with pytest.raises(sb.InputError, match=said):
        sb.optimum(fit, C=1e22, smaller=smaller)


def test_a_curve_is_refused_with_its_cure():
    """Fails if the price of a law's model stands beside the optimum of a curve without a word."""
    tiny = {"matern_scale": 1e-2, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    curve = departing(simulated(12, 3), PRESET.law, draws_of(2, 3), sb.GP("matern"), tiny)
    with pytest.raises(sb.InputError, match="add of='law'"):
        sb.optimum(curve, C=1e22, smaller=2)
    assert sb.optimum(curve, C=1e22, smaller=2, of="law")["smaller_paid"].min() > 0
