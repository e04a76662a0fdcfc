"""This file estimates the noise of the runs of a sweep, and how far it puts the best run below its mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import log_ndtr

from scalebayes.runs import Runs
from scalebayes.runs.column_roles import distinct
from scalebayes.runs.settings import levels, settings

SPARE = 5  # degrees of freedom of the residuals; the noise is estimated only if there are at least this many


@dataclass(frozen=True)
class SweepNoise:
    """The noise of the runs of a sweep, and the estimated mean of each run without that noise.

    Attributes:
        sd: The standard deviation of a run. It is on the log scale if `log` is True.

        mean: The mean of each run on the same scale, (run,). The sign is such that the lowest mean is the best.

        source: Where the estimate comes from: "repeats" or "a parabola".

        log: Whether `sd` and `mean` are those of the log of the observable.
    """

    sd: float
    mean: np.ndarray
    source: str
    log: bool

    @classmethod
    def of(
        cls, runs: Runs, code: np.ndarray, by: Sequence[str], tuned: Mapping[str, np.ndarray], sign: float
    ) -> Self | None:
        """Estimate the noise of runs; None if there are too few runs.

        Args:
            runs: The table of all runs.

            code: The number of each run's setting, int (run,).

            by: The columns that define a setting.

            tuned: The hyper-parameters by name, (run,).

            sign: 1 if the lowest observable is the best, -1 if the highest is the best.
        """
        log = runs.range[0] >= 0 and bool((runs.y > 0).all())
        y = sign * (np.log(runs.y) if log else runs.y)
        cell = settings([code.astype(float), *(levels(x).astype(float) for x in tuned.values())], 0.0)
        if sd_and_mean := _within(y, code, cell):
            return cls(*sd_and_mean, "repeats", log)
        sizes = [runs.inputs[name] for name in by if name in runs.inputs]
        sd_and_mean = _parabola(y, code, _design(tuned, sizes, len(y)))
        return cls(*sd_and_mean, "a parabola", log) if sd_and_mean else None


def _better(mean: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Whether each run's mean is in the better half of its setting, bool (run,). Bad runs are often noisier."""
    middle = np.array([np.median(mean[code == k]) for k in range(code.max() + 1)])
    return mean <= middle[code]


def _within(y: np.ndarray, code: np.ndarray, cell: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The standard deviation within cells, of the better runs if there are enough, and the mean of each run's cell."""
    mean = (np.bincount(cell, y) / np.bincount(cell))[cell]
    for used in (_better(mean, code), np.full(len(y), True)):
        spare = int(used.sum()) - len(np.unique(cell[used]))
        if spare >= SPARE:
            return float(np.sqrt(np.sum((y - mean)[used] ** 2) / spare)), mean
    return None


def _parabola(y: np.ndarray, code: np.ndarray, design: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The standard deviation and the means (run,) from a linear fit of `design` (run, terms) and a level per setting.

    The fit is repeated on the better runs if there are enough of them.
    """
    every = np.full(len(y), True)
    first = y - _residuals(y, code, design)[0]
    for used in (_better(first, code), every):
        residuals, rank = _residuals(y[used], code[used], design[used])
        spare = residuals.size - len(np.unique(code[used])) - rank
        if spare >= SPARE:
            mean = first.copy()
            mean[used] = y[used] - residuals
            return float(np.sqrt(np.sum(residuals**2) / spare)), mean
    return None


def _residuals(y: np.ndarray, code: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, int]:
    """The residuals of y (run,) after a level per setting and the design are fitted, and the rank of the design."""
    count = np.maximum(np.bincount(code), 1)
    y, *terms = (x - (np.bincount(code, x) / count)[code] for x in (y, *design.T))
    centred = np.column_stack([np.zeros(len(y)), *terms])
    coefficients, _, rank, _ = np.linalg.lstsq(centred, y, rcond=1e-9)
    return y - centred @ coefficients, int(rank)


def _design(tuned: Mapping[str, np.ndarray], sizes: Sequence[np.ndarray], runs: int) -> np.ndarray:
    """The columns of a linear fit, (run, terms): a parabola per hyper-parameter, whose minimum moves with the sizes.

    A hyper-parameter that is text, or that has blank cells, gets a column for each of its values but the first.
    """
    terms = [np.zeros((runs, 0))]
    moves = [np.log(x) for x in sizes if (x > 0).all() and np.ptp(x) > 0]
    for values in tuned.values():
        if values.dtype.kind == "f" and not np.isnan(values).any():
            x = np.log(values) if (values > 0).all() else values
            t = (x - x.mean()) / x.std()
            powers = [t, t**2] if distinct(values) > 2 else [t]
            terms += [term[:, None] for term in (*powers, *(t * (u - u.mean()) / u.std() for u in moves))]
        else:
            level = levels(values)
            terms.append((level[:, None] == np.arange(1, level.max() + 1)).astype(float))
    return np.concatenate(terms, axis=1)


def shift_of_least(mean: np.ndarray, sd: float) -> float:
    """The expected lowest value of noisy runs of a sweep, minus their lowest mean.

    It is 0 for one run and negative for more.

    Args:
        mean: The mean of each run, (run,).

        sd: The standard deviation of the noise of each run, in the unit of `mean`.

    Returns:
        The expected difference, in the unit of `mean`.

    >>> round(shift_of_least(np.zeros(2), 1.0), 3), shift_of_least(np.zeros(1), 1.0)
    (-0.564, 0.0)
    """
    if not sd > 0 or len(mean) < 2:
        return 0.0
    off = (mean - mean.min()) / sd
    at = np.linspace(-9.0, 9.0, 2001)
    # E[min] = a + the integral of P(min > t) over t > a, where a is so low that no run is below it.
    above = np.exp(np.sum(log_ndtr(off[:, None] - at), axis=0))
    return float((at[0] + np.trapezoid(above, at)) * sd)
