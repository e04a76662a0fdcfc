"""predict and interval: values, distances, noise, refusals."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import LAPLACE, POINT, departing, fit_of

RNG = np.random.default_rng(5)
N = np.repeat([1e7, 1e8, 1e9], 4)
D = np.tile([1e9, 3e9, 1e10, 3e10], 3)
RUNS = sb.Runs(N=N, D=D, loss=(1.8 + 400 / N**0.34 + 2000 / D**0.37) * np.exp(0.005 * RNG.standard_normal(12)))


@pytest.fixture(scope="module")
def fit():
    """Draws in four chains, as those of NUTS are."""
    one = sb.fit(RUNS, method=LAPLACE, on_fail="ignore")
    return replace(one, draws=MappingProxyType({name: x.reshape(4, 500) for name, x in one.draws.items()}))


def test_curve_is_the_law_at_each_draw(fit):
    """Fails if a forecast mixes up points, chains or parameters."""
    got = sb.predict(fit, N=[1e9, 1e10], D=2e10)
    assert got["loss"].dims == ("chain", "draw", "point")
    v = {name: x[2, 17] for name, x in fit.draws.items()}
    for i, n in enumerate((1e9, 1e10)):
        expected = v["E"] + v["A"] / n ** v["alpha"] + v["B"] / 2e10 ** v["beta"]
        assert got["loss"].values[2, 17, i] == pytest.approx(expected, rel=1e-12)


def test_the_curve_is_the_median_of_a_new_run(fit):
    """Fails if the curve isn't the median of a new run, or a new run doesn't scatter more than the curve."""
    curve, new = (sb.predict(fit, N=1e8, D=1e10, observed=o)["loss"].values.ravel() for o in (False, True))
    share = (new < curve).mean()
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / new.size), "seed 0"
    assert new.std() > curve.std()


def test_distance(fit):
    """Fails if a forecast far from the runs passes for one among them, or the distance isn't in e-folds beyond them."""
    got = sb.predict(fit, N=[1e8, 1e9 * np.e, 1e6], D=[3e9, 3e10, 1e9])["distance"]
    assert got["axis"].values.tolist() == ["N", "D", "C", "D_per_N"]
    inside, beyond, below = got.values
    assert (inside == 0).all()
    assert beyond == pytest.approx([1, 0, 1, 0])
    # 1e9 tokens for 1e6 parameters: below every N, and within the runs' D / N of 1 to 3,000.
    assert below == pytest.approx([np.log(10), 0, np.log(10), 0])


def test_inputs_may_be_left_to_compute(fit):
    """Fails if C given in place of D means another point."""
    direct = sb.predict(fit, N=1e9, D=1e10)["loss"].values
    by_compute = sb.predict(fit, N=1e9, C=6e19)["loss"].values
    np.testing.assert_allclose(by_compute, direct, rtol=1e-12)


def test_a_one_scale_law_is_asked_by_its_column():
    """Fails if a law of x bound to C doesn't answer by C, by x and by N and D alike."""
    fit = sb.fit(RUNS.derive("C"), "power", inputs={"x": "C"}, method=POINT)
    a, b, c = (sb.predict(fit, **q)["loss"].item() for q in ({"C": 6e20}, {"x": 6e20}, {"N": 1e10, "D": 1e10}))
    assert a == b == c


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        ({"N": 1e9}, "needs D"),
        ({"N": 1e9, "d": 1e10}, "did you mean 'D'"),
        ({"N": -1e9, "D": 1e10}, "N: -1000000000.0 is not a positive"),
        ({"N": float("nan"), "D": 1e10}, "N: nan"),
        ({"N": [1e9, 1e8], "D": [1e9, 1e8, 1e7]}, "N 2, D 3"),
        ({"N": "70B", "D": 1e10}, "N: a number"),
        ({"N": 1e9, "D": 1e10, "C": 1e20}, "C isn't 6 N D"),
    ],
)
def test_bad_inputs(fit, inputs, match):
    """Fails if wrong inputs give a forecast of something else than was asked."""
    with pytest.raises(sb.InputError, match=match):
        sb.predict(fit, **inputs)


def test_interval_columns(fit):
    """Fails if the table gives a mean of a noise that has none, an interval of one draw, or another quantile than
    asked.
    """
    curve = sb.interval(sb.predict(fit, N=1e9, D=1e10), prob=0.8)
    assert list(curve) == ["N", "D", "median", "mean", "sd", "lower", "upper", "efolds"]
    draws = sb.predict(fit, N=1e9, D=1e10)["loss"].values
    assert curve["lower"].item() == pytest.approx(np.quantile(draws, 0.1))
    assert "mean" not in sb.interval(sb.predict(fit, N=1e9, D=1e10, observed=True))
    point = sb.interval(sb.predict(sb.fit(RUNS, method=POINT, on_fail="ignore"), N=1e9, D=1e10))
    assert point[["lower", "upper", "sd"]].isna().all(axis=None)
    with pytest.raises(sb.InputError, match="between 0 and 1"):
        sb.interval(sb.predict(fit, N=1e9, D=1e10), prob=90)


def test_new_runs_are_refused_where_there_is_no_density(fit):
    """Fails if an objective, or a single draw, passes for a distribution of new runs."""
    draws = {name: [x, 1.1 * x] for name, x in sb.laws.published("besiroglu2024").values.items()}
    objective = fit_of(sb.laws.get("chinchilla"), draws, RUNS, sb.Huber(scale=1.0), "flat")
    for bad, match in ((objective, "objective"), (sb.fit(RUNS, method=POINT, on_fail="ignore"), "one draw")):
        with pytest.raises(sb.InputError, match=match):
            sb.predict(bad, N=1e9, D=1e10, observed=True)


def test_a_group_is_refused_where_no_offset_is_of_it(tmp_path):
    """Fails if a group is silently ignored by a discrepancy that has no offset for each group."""
    x = np.geomspace(1e2, 1e4, 12)
    runs = sb.Runs(x=x, loss=3.0 * x**-0.2, group=["a", "b"] * 6)
    known, draws = {"matern_scale": 0.1, "matern_length_x": 1.0}, {"A": np.full(5, 3.0), "alpha": np.full(5, 0.2)}
    fit = departing(runs, sb.laws.get("power"), draws, sb.GP("matern"), known)
    told = "group='a': the fit has no discrepancy with an offset for each group; leave it out"
    with pytest.raises(sb.InputError, match=told):
        sb.predict(fit, x=1e5, group="a")
    with pytest.raises(sb.InputError, match=told):
        sb.export(fit, tmp_path / "loss.jax", group="a")
    known["offset_scale"] = 0.02
    grouped = departing(runs, sb.laws.get("power"), draws, sb.GP("matern", "offset"), known)
    assert np.isfinite(sb.predict(grouped, x=1e5, group="a")["loss"]).all()
    with pytest.raises(sb.InputError, match="unknown group 'c'"):
        sb.predict(grouped, x=1e5, group="c")


def test_a_mode_with_a_discrepancy_is_the_mean_of_the_process():
    """Fails if one random draw of the process passes for the mode, so that another seed gives another number."""
    x = np.geomspace(1e2, 1e4, 12)
    runs = sb.Runs(x=x, loss=3.0 * x**-0.2 * np.exp(0.1 * np.sin(1.5 * np.log(x))))
    known = {"matern_scale": 0.1, "matern_length_x": 1.0}
    fit = departing(runs, sb.laws.get("power"), {"A": 3.0, "alpha": 0.2}, sb.GP("matern"), known)
    at = np.array([300.0, 1e5])
    ours, other = (sb.predict(fit, x=at, seed=seed)["loss"].values[0, 0] for seed in (0, 1))
    np.testing.assert_array_equal(ours, other)
    # By the covariance itself, in NumPy: across' inverse residual.
    u, v = np.log(x), np.log(at)

    def matern(a, b):
        apart = np.sqrt(3) * np.abs(a[:, None] - b[None, :])
        return 0.1**2 * (1 + apart) * np.exp(-apart)

    delta = matern(v, u) @ np.linalg.solve(matern(u, u) + 0.003**2 * np.eye(12), np.log(runs.y / (3.0 * x**-0.2)))
    assert np.abs(delta).min() > 0.005, "the process is to say something"
    np.testing.assert_allclose(ours, 3.0 * at**-0.2 * np.exp(delta), rtol=1e-6)
