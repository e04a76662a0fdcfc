"""What is asked of many, of a stack and of a widened fit is asked of each fit in one way."""

import math

import jax
import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.forecasting.ask import ask, keys_of
from scalebayes.forecasting.of_stack import Stack
from tests.helpers import POINT, fit_of, simulated

RUNS = simulated(20, seed=3)


def member(shift):
    """A fit that holds 400 draws, E moved by a shift."""
    preset, rng = sb.laws.published("besiroglu2024"), np.random.default_rng(1)
    draws = {name: np.full(400, float(x)) for name, x in preset.values.items()}
    return fit_of(preset.law, draws | {"E": draws["E"] + shift + 0.01 * rng.standard_normal(400)}, RUNS)


MEMBERS = {"none": member(5.0), "low": member(0.0), "high": member(0.3)}
STACK = Stack(MEMBERS, {"none": 0.0, "low": 0.25, "high": 0.75}, "given", 1000, 0)


def test_a_member_has_its_key_by_its_place_among_all():
    """Fails if the key of a stack's member moves with the weight of another."""
    with jax.enable_x64():
        keys = keys_of(STACK, 7)
        assert list(keys) == ["low", "high"]
        assert keys["low"] == jax.random.fold_in(jax.random.key(7), 1)
        seen = {}

        def remember(fit, group, key):
            seen[fit] = key
            return xr.Dataset()

        ask(STACK, remember, group=None, seed=7, mix=lambda stack, answers: xr.Dataset())
    assert [seen[MEMBERS[name]] for name in keys] == list(keys.values())


@pytest.mark.parametrize("question", [lambda x: sb.predict(x, N=1, D=1), lambda x: sb.optimum(x, C=1e20)])
def test_a_table_that_is_asked_is_told_to_be_fitted(question):
    """Fails if asking a table or a name ends in an AttributeError."""
    for asked in (RUNS, "fit.nc", None):
        with pytest.raises(sb.InputError, match=r"a table is fitted first: sb.fit\(runs\)"):
            question(asked)


def test_a_stack_is_scored_as_the_mixture_of_its_members():
    """Fails if the score of a stack isn't the log of the weighted mean of its members' densities."""
    held = simulated(5, seed=9)
    found = sb.score(STACK, held, seed=1)
    each = {name: sb.score(MEMBERS[name], held, seed=1)["log_score"].values for name in ("low", "high")}
    expected = np.logaddexp(math.log(0.25) + each["low"], math.log(0.75) + each["high"])
    np.testing.assert_allclose(found["log_score"].values, expected, rtol=1e-9)
    low, high = (sb.score(MEMBERS[name], held, seed=1)["median"].values for name in ("low", "high"))
    assert ((found["median"].values >= low) & (found["median"].values <= high)).all()
    assert found.attrs["law"] == "low 0.25, high 0.75"


def test_a_widened_fit_is_scored_as_it_forecasts():
    """Fails if the density of a widened forecast isn't one: it is held to a closed form, Normal on the log."""
    fit, held = MEMBERS["low"], simulated(4, seed=10)
    pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.001, 0.999]] * 3])}, {"law": ["chinchilla"]})
    wide = sb.recalibrate(fit, pit, law="chinchilla")
    plain, found = sb.score(fit, held), sb.score(wide, held)
    np.testing.assert_allclose(found["log_width"].values, wide.factor * plain["log_width"].values, rtol=1e-6)
    # The law's own spread is a hundredth of E, the noise a hundredth of the loss: their sum is nearly Normal.
    sd = plain["log_width"].sel(prob=0.9).values / (2 * 1.6448536)
    middle = np.log(plain["median"].values)
    z = (np.log(held.y) - middle) / (wide.factor * sd)
    expected = -(z**2) / 2 - np.log(wide.factor * sd * np.sqrt(2 * np.pi)) - np.log(held.y)
    np.testing.assert_allclose(found["log_score"].values, expected, atol=0.15)
    assert found.attrs["recalibrated"] == wide.sentence


def test_many_are_scored_one_by_one():
    """Fails if scoring Fits ends in an AttributeError, or names no cure."""
    with pytest.raises(sb.InputError, match=r"score takes one fit, not Fits; of many, ask each: fits\[0\]"):
        sb.score(sb.Fits(("a",), (MEMBERS["low"],)), RUNS)


def test_a_widened_backtest_of_the_recommended_forecaster_is_found_by_its_name():
    """Fails if recalibrate guesses the name of what was backtested."""
    pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.01, 0.99]]])}, {"law": ["recommended"]})
    fit = sb.forecaster(sb.Runs(C=[1e18, 1e19, 1e20, 1e21], loss=[3.5, 3.1, 2.8, 2.55]), on_fail="ignore", method=POINT)
    assert fit.label == "recommended" and sb.recalibrate(fit, pit).label == "recommended"


def test_the_law_may_still_come_first_with_a_warning():
    """Fails if a program written for the order of before stops working."""
    with pytest.warns(DeprecationWarning, match=r"sb.prior_predictive\(runs, law\): give the runs first"):
        old = sb.prior_predictive("chinchilla", RUNS, draws=20)
    assert old.identical(sb.prior_predictive(RUNS, "chinchilla", draws=20))
