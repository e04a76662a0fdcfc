"""This file says how far a forecast can be trusted: how often intervals like its own missed the truth in backtests.

What sets forecasts that missed apart from the others, before the truth is known, is how far they go: how much lower the
loss is than that of the largest run, and how wide the interval is. The sum of both on the log is the stretch. In
backtests of the recommended forecaster on ladders and small sweeps, intervals of a larger stretch missed more often, on
each kind of runs (benchmarks/reach).
"""

from typing import Any

import numpy as np

from scalebayes.checks.evidence import BACKTESTED, MISSED, STRETCH
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import RECOMMENDED

LEVELS = (0.05, 0.5, 0.95)  # of the interval that the backtests scored, and its median


def stretch(lower: Any, median: Any, upper: Any, last: Any) -> Any:
    """How far a forecast goes: its change from the largest run, and the width of its 90 % interval, added on the log.

    Args:
        lower: The lower end of the 90 % interval, on the log.

        median: The median, on the log.

        upper: The upper end, on the log.

        last: The log of the observable of the largest run.

    >>> round(float(stretch(0.5, 0.6, 0.7, 0.9)), 3)
    0.5
    """
    return abs(median - last) + (upper - lower)


def missed(stretched: Any) -> Any:
    """The share of backtested 90 % intervals with a stretch like these that missed the truth.

    >>> bool(missed(0.05) < missed(1.0))
    True
    """
    shares = np.array([one.value for one in MISSED])
    return shares[np.searchsorted([one.value for one in STRETCH], stretched)]


def judged(fit: Fit) -> bool:
    """Whether the backtests say something about the forecasts of a fit: it is a ladder or sweep as recommended."""
    kind = fit.runs.metadata.get("kind", ("ladder",))[0]
    return fit.label == RECOMMENDED and kind == "ladder"


def trust_text(worst: float) -> str:
    """What a share of intervals that missed means, in words.

    >>> trust_text(0.16).startswith("of backtested forecasts that go as far as this one, 16 %")
    True
    """
    return (
        f"of backtested forecasts that go as far as this one, {100 * worst:.0f} % of the 90 % intervals missed the "
        f"truth (of those that go least far, {MISSED[0]}; {BACKTESTED} backtests on ladders and small sweeps)"
    )
