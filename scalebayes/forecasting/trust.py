"""This file says how far a forecast can be trusted: how often intervals like its own missed the truth in backtests.

What sets forecasts that missed apart from the others, before the truth is known, is how far they go: how much lower the
loss is than that of the largest run, and how wide the interval is. The sum of both on the log is the stretch. In
backtests of the recommended forecaster on ladders and small sweeps, intervals of a larger stretch missed more often, on
each kind of runs (benchmarks/reach).
"""

from typing import Any

import numpy as np
import xarray as xr

from scalebayes.checks.evidence import BACKTESTED, MISSED, STRETCH
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import RECOMMENDED
from scalebayes.runs.ladder_or_curve import LADDER

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


def with_trust(fit: Fit, answer: xr.Dataset) -> xr.Dataset:
    """Add to a forecast how often backtested intervals like its own missed the truth, where backtests say so.

    They say so of ladders and sweeps that the recommended forecaster fitted. Each point gets `missed`, and the
    attribute `trust` says in words what it is for the point that goes farthest beyond the runs.

    Args:
        fit: The fit.

        answer: The forecast of `predict`.
    """
    backtested = len(fit.law.inputs) > 1 or fit.runs.metadata.get("kind", ("",))[0] == LADDER
    if fit.label != RECOMMENDED or fit.is_mode or not backtested:
        return answer
    draws = np.log(answer[fit.runs.observable].values).reshape(fit.size, -1)
    low, median, high = np.quantile(draws, LEVELS, axis=0)
    gone = stretch(low, median, high, _last(fit))
    beyond = (answer["distance"].values > 0).any(axis=1)
    told = trust_text(float(gone[beyond].max())) if beyond.any() else ""
    return answer.assign(missed=("point", missed(gone))).assign_attrs({"trust": told} if told else {})


def _last(fit: Fit) -> float:
    """The log of the observable of the largest run: the mean over the runs with the largest product of the inputs."""
    size = np.sum([np.log(fit.runs.column(column)) for column in fit.problem.columns.values()], axis=0)
    return float(np.log(fit.runs.y)[size > size.max() - 1e-9].mean())


def trust_text(gone: float) -> str:
    """How often backtested intervals of a stretch missed the truth, in words.

    >>> trust_text(1.0).startswith("Of backtested forecasts that go as far as this one, ")
    True
    """
    return (
        f"Of backtested forecasts that go as far as this one, {100 * missed(gone):.0f} % of the 90 % intervals missed "
        f"the truth, and of those that go least far {MISSED[0]} ({BACKTESTED.value:.0f} backtests on ladders and small "
        "sweeps)."
    )
