"""How far a forecast goes, and what is said of it: shares of backtested intervals that missed, from the benchmark."""

from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.checks.evidence import MISSED, STRETCH
from scalebayes.forecasting.trust import missed, stretch
from scalebayes.runs.ladder_or_curve import Kind, noted
from tests.helpers import fit_of

RUNS = sb.Runs(x=[1e18, 1e19, 1e20, 1e21], loss=[3.5, 3.1, 2.8, 2.55])
LADDER, CURVE = (noted(RUNS, Kind(kind, "as asked")) for kind in ("ladder", "curve"))
# Draws of the loss 2 (C / 1e21)^-alpha: its median at 1e22 is 2 * 10^-0.1, and its spread follows that of alpha.
ALPHA = 0.1 + 0.01 * np.linspace(-1, 1, 1001)


def made(runs=LADDER, label="recommended"):
    """A fit of given draws, with a label."""
    fit = fit_of(sb.laws.get("power"), {"A": 2 * 1e21**ALPHA, "alpha": ALPHA}, runs)
    return replace(fit, label=label, method=sb.Laplace())


def test_a_stretch_is_the_fall_and_the_width():
    """Fails if a forecast that rises from the largest run counts as near, or a wide one as narrow."""
    assert stretch(0.0, 0.1, 0.3, 0.6) == pytest.approx(0.5 + 0.3)
    assert stretch(0.0, 0.1, 0.3, -0.4) == pytest.approx(0.5 + 0.3)


def test_shares_are_those_of_the_fifths_and_rise():
    """Fails if a forecast gets the share of another fifth, or those that go farther are said to miss less often."""
    edges = [one.value for one in STRETCH]
    shares = [one.value for one in MISSED]
    assert missed(np.array([0.0, *edges, 99.0])).tolist() == [shares[0], *shares]
    assert edges == sorted(edges) and shares[-1] >= 3 * shares[0]


def test_a_forecast_says_how_often_others_like_it_missed():
    """Fails if the figure is of another point, or isn't the fall from the largest run plus the width."""
    fit = made()
    answer = sb.predict(fit, x=[1e20, 1e22, 1e30])
    each = [abs(np.log(2 / 2.55) - 0.1 * np.log(C / 1e21)) + 0.018 * abs(np.log(C / 1e21)) for C in (1e20, 1e22, 1e30)]
    assert answer["missed"].values.tolist() == missed(np.array(each)).tolist()
    assert f"{100 * missed(each[2]):.0f} % of the 90 % intervals missed" in answer.attrs["trust"]
    assert sb.interval(answer).attrs["trust"] == answer.attrs["trust"]
    assert "trust" not in sb.predict(fit, x=1e20).attrs  # not beyond the runs


@pytest.mark.parametrize("fit", [made(label="power"), made(CURVE), made(RUNS)], ids=["exact", "curve", "not said"])
def test_what_no_backtest_was_made_of_gets_no_figure(fit):
    """Fails if the figure is given for a law that was taken as exact, or for the curve of one run."""
    answer = sb.predict(fit, x=1e22)
    assert "missed" not in answer and "trust" not in answer.attrs


def test_a_parameter_that_the_prior_drives_is_told_where_it_moves_the_answer():
    """Fails if every forecast is doubted for a parameter that doesn't matter to it, or one that it hangs on isn't."""
    from scalebayes.checks.registry import make_check
    from scalebayes.fitting.bearing import bearing
    from scalebayes.status import Checks, Status

    rng = np.random.default_rng(0)
    draws = {"A": 2 + 1e-6 * rng.standard_normal(1000), "alpha": 0.1 + 0.01 * rng.standard_normal(1000)}
    given = fit_of(sb.laws.get("power"), draws, RUNS)
    for name, told in (("A", False), ("alpha", True)):
        check = make_check("driven_by_the_prior", Status.REVIEW, "the runs say little of it.", about=(name,))
        fit = replace(given, checks=Checks((check,)))
        assert bool(bearing(fit, ["beyond"])) is True
        assert ("driven by the prior" in sb.predict(fit, x=1e23).attrs["review"]) is told
