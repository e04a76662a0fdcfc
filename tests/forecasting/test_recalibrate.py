"""recalibrate: the factor that backtests give, and forecasts widened by it."""

from dataclasses import replace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from scipy import special, stats

import scalebayes as sb
from scalebayes.forecasting.recalibrate import widening
from scalebayes.model.problem import build
from tests.helpers import LAPLACE, fit_of, simulated


def few_runs(seed=0):
    rng = np.random.default_rng(seed)
    x = np.logspace(0, 4, 10)
    return sb.Runs(x=x, loss=3.0 * x**-0.2 * np.exp(0.02 * rng.normal(size=10)))


def backtest(pit, law="power"):
    """As much of a backtest as is read."""
    return xr.Dataset({"pit": (("law", "cutoff", "run"), np.asarray(pit)[None])}, {"law": [law]})


@pytest.fixture(scope="module")
def fit():
    return sb.fit(few_runs(), "power", method=LAPLACE)


@pytest.fixture(scope="module")
def wide(fit):
    return sb.recalibrate(fit, backtest([[0.001, 0.9], [0.999, 0.98]]))


def test_the_factor_is_found(seed=71):
    """Fails if forecasts that say half the error they make aren't widened by the factor that the mean of min(z^2, c^2)
    gives.
    """
    z = 2 * np.random.default_rng(seed).normal(size=(2000, 1))
    found = widening(stats.norm.cdf(z))
    # The mean of min(z^2, c^2), with c where the tail of a PIT is no longer known.
    c = stats.norm.isf(1e-4)
    a, inside = c / 2, stats.norm.cdf(c / 2) - stats.norm.cdf(-c / 2)
    expected = 4 * (inside - 2 * a * stats.norm.pdf(a)) + c**2 * (1 - inside)
    error = np.minimum(z**2, c**2).std() / np.sqrt(len(z))
    assert abs(found.raw**2 - expected) < 4 * error, f"seed {seed}"
    assert found.factor**2 == pytest.approx((2000 * found.raw**2 + 4) / 2004, rel=1e-9)
    assert (found.forecasts, found.cutoffs) == (2000, 2000)


def test_the_factor_by_hand():
    """Fails if the factor isn't the one of the docstring's formula, number by number."""
    z = np.array([[1.0, -3.0, np.nan], [2.0, 2.0, 2.0], [np.nan] * 3])
    found = widening(stats.norm.cdf(z), prior_cutoffs=3.0)
    assert found.factor == pytest.approx(np.sqrt((5 + 4 + 3) / (2 + 3)), rel=1e-9)
    assert found.raw == pytest.approx(np.sqrt(4.5), rel=1e-9) and found[2:] == (5, 2)


def test_never_narrower():
    """Fails if a backtest that went well by luck makes the next forecast narrower."""
    found = widening(np.full((50, 3), 0.5))
    assert found.factor == 1.0 and found.raw == 0.0


def test_few_cutoffs_say_little():
    """Fails if one cutoff that went badly counts as many events since many runs lie above it."""
    pit = np.array([[0.001, 0.002]])
    one, many = widening(pit), widening(np.repeat(pit, 40, axis=0))
    assert 1 < one.factor < 0.6 * one.raw and many.factor > 0.95 * many.raw
    assert widening(np.repeat(pit, 40, axis=1)).factor == pytest.approx(one.factor, rel=1e-12)


def test_certainly_wrong_is_not_infinitely_wrong():
    """Fails if a truth beyond every draw, with PIT 0 or 1, makes the factor infinite."""
    assert np.isfinite(widening(np.array([[0.0, 1.0]])).factor)


def test_what_was_overconfident_then_covers(seed=72):
    """Fails if the factor learnt from some forecasts doesn't make others of the same kind cover 90 %."""
    rng = np.random.default_rng(seed)
    seen, fresh = 1.8 * rng.normal(size=(2, 4000, 1))
    factor = widening(stats.norm.cdf(seen)).factor
    before, after = (np.mean(np.abs(fresh) < k * stats.norm.ppf(0.95)) for k in (1.0, factor))
    # 4,000 shares of .9, and a factor known to 1.1 %, which moves the share by .0035.
    assert before < 0.7 and abs(after - 0.9) < 4 * np.hypot(np.sqrt(0.09 / 4000), 0.0035), f"seed {seed}"


@pytest.mark.parametrize("observed", [False, True])
def test_forecasts_are_widened_about_the_median(fit, wide, observed):
    """Fails if widening moves the median of a forecast, or its draws are scaled by another factor."""
    x = [1e5, 1e7]
    before = sb.predict(fit, x=x, observed=observed, seed=3)
    after = sb.predict(wide, x=x, observed=observed, seed=3)
    logs, widened = np.log(before["loss"].values), np.log(after["loss"].values)
    middle = np.median(logs, axis=(0, 1))
    assert wide.factor > 1.3
    np.testing.assert_allclose(widened - middle, wide.factor * (logs - middle), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(before["distance"], after["distance"])
    narrow, table = sb.interval(before), sb.interval(after)
    assert (table["lower"] < narrow["lower"]).all() and (table["upper"] > narrow["upper"]).all()
    assert after.attrs["widened"] == wide.factor and after.attrs["widened_from"] == 4
    assert "widened" not in before.attrs


def test_it_says_so(fit, wide):
    """Fails if a widened interval doesn't say by how much, and learnt from what."""
    told = f"intervals widened by {wide.factor:.2f}, learnt from 4 forecasts above 2 cutoffs in the backtest"
    assert told in repr(wide) and told in sb.predict(wide, x=1e5).attrs["recalibrated"]
    calm = sb.recalibrate(fit, backtest([[0.4, 0.6]]))
    assert calm.factor == 1.0 and "intervals are those of the fit" in repr(calm)
    np.testing.assert_allclose(sb.predict(calm, x=1e5)["loss"], sb.predict(fit, x=1e5)["loss"], rtol=1e-12)


def test_a_share_stays_a_share():
    """Fails if an error rate is widened on its log, and passes 1."""
    rng = np.random.default_rng(73)
    runs = sb.Runs(x=[1.0, 10.0, 100.0], error=[0.9, 0.5, 0.1], observable="error", range=(0, 1))
    law = sb.Law(
        "falling", lambda x, a: 1 / (1 + a * x), {"a": dist.LogNormal(0.0, 1.0)}, observable="error", range=(0, 1)
    )
    held = fit_of(law, {"a": np.exp(rng.normal(size=400))}, runs)
    with jax.enable_x64():
        fit = replace(held, problem=build(runs, law, sb.LogitNormal(), {"noise_scale": 0.1}))
    wide = sb.recalibrate(fit, backtest([[1e-4] * 3] * 50, law="falling"))
    before, after = (sb.predict(one, x=[0.01, 100.0], observed=True)["error"].values for one in (fit, wide))
    assert wide.factor > 3 and (after > 0).all() and (after < 1).all()
    logit, widened = special.logit(before), special.logit(after)
    middle = np.median(logit, axis=(0, 1))
    np.testing.assert_allclose(widened - middle, wide.factor * (logit - middle), rtol=1e-6)


def test_the_optimum_is_the_fits_own():
    """Fails if backtests, which score losses alone, move an optimum."""
    preset = sb.laws.published("besiroglu2024")
    with jax.enable_x64():
        fit = fit_of(preset.law, {name: [x, 1.01 * x] for name, x in preset.values.items()}, simulated(30, seed=2))
    wide = sb.recalibrate(fit, backtest([[0.001]] * 9, law="chinchilla"))
    before, after = sb.optimum(fit, C=1e22), sb.optimum(wide, C=1e22)
    np.testing.assert_array_equal(before["N"], after["N"])
    assert "only forecasts are widened" in after.attrs["recalibrated"]


BAD = {
    "fit": (lambda fit: sb.recalibrate("fit", backtest([[0.5]])), "recalibrate takes a fit made by sb.fit, not str"),
    "backtest": (lambda fit: sb.recalibrate(fit, None), "backtest is what sb.backtest returns"),
    "law": (
        lambda fit: sb.recalibrate(fit, backtest([[0.5]], "pover")),
        "unknown law in the backtest 'power'; did you",
    ),
    "none": (lambda fit: sb.recalibrate(fit, backtest([[np.nan]])), "no forecast was scored"),
    "range": (lambda fit: sb.recalibrate(fit, backtest([[1.5]])), "pit has values outside 0 to 1"),
    "shape": (lambda fit: widening(np.array([0.5])), "pit is an array .cutoff, run., not one of shape .1,."),
    "weight": (lambda fit: widening(np.array([[0.5]]), -1.0), "prior_cutoffs is a number from 0 on, not -1.0"),
}


@pytest.mark.parametrize("what", BAD)
def test_refused_in_words(fit, what):
    """Fails if a factor is learnt from what is no backtest of the fit's law, or no score at all."""
    make, sentence = BAD[what]
    with pytest.raises(sb.InputError, match=sentence):
        make(fit)
