"""This file keeps the best run of each setting of a sweep, and estimates how far noise alone makes it too good."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import log_ndtr

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.runs import Runs
from scalebayes.runs.column_roles import distinct, is_name, is_outcome
from scalebayes.runs.no_table import no_table
from scalebayes.runs.settings import TOLERANCE, levels, settings

SPARE = 5  # degrees of freedom of the residuals; the noise is estimated only if there are at least this many


@known_settings
def best_of(runs: Runs, by: Sequence[str] = ("N", "D"), *, tolerance: float = TOLERANCE, lowest: bool = True) -> Runs:
    """Keep the best run of each setting, which is the tuned loss of a sweep over learning rates or batch sizes.

    The best of n noisy runs is partly luck: its loss is lower than the mean loss of its hyper-parameters. This function
    estimates the difference. It writes the estimate to `metadata["best_of"]`, and the check `best of settings` of a fit
    reports it. The values of the runs are not changed.

    The standard deviation of the noise comes from runs that repeat a setting with the same hyper-parameters. If too few
    runs do so, it comes from the residuals of a parabola in the log of each hyper-parameter.

    Args:
        runs: The table of all runs.

        by: The columns that define a setting: runs with equal values in them are of one setting. The default is N and
            D.

        tolerance: The relative difference, from 0 to below 1, up to which two positive values of such a column count as
            equal. It allows for rounding. The default is 0.015.

        lowest: True if the lowest observable is the best, as for a loss; False if the highest is the best, as for an
            accuracy. The default is True.

    Returns:
        The best run of each setting as `Runs`, in the order of the table.

    Raises:
        InputError: `runs` is no table, a column of `by` is missing, or the tolerance is outside of [0, 1).

    >>> sweep = Runs(N=[1e8, 1e8, 1e9, 1e9], D=[2e9] * 4, lr=[1e-3, 2e-3] * 2, loss=[3.2, 3.1, 2.7, 2.9])
    >>> best = best_of(sweep)
    >>> best.y.tolist(), best.metadata["best_of"]["settings"], best.metadata["best_of"]["rows"]
    ([3.1, 2.7], 2, [2, 2])
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    if not isinstance(tolerance, Real) or isinstance(tolerance, bool) or not 0 <= tolerance < 1:
        raise InputError(f"tolerance is a relative difference from 0 to 1, such as 0.015, not {tolerance!r}")
    runs, columns = _columns(runs, by)
    code = settings([runs.labels[name] if name in runs.labels else runs.inputs[name] for name in columns], tolerance)
    sign = 1.0 if lowest else -1.0
    order = np.lexsort((sign * runs.y, code))
    chosen = np.sort(order[np.unique(code[order], return_index=True)[1]])
    counts = np.bincount(code)
    about: dict[str, Any] = {
        "by": list(columns),
        "runs": len(runs),
        "settings": len(counts),
        "rows": [int(counts.min()), int(counts.max())],
        "lowest": bool(lowest),
    }
    tuned = tuned_of(runs, code, columns)
    if edges := _edges(tuned, code, chosen):
        about["edges"] = edges
    noise = Noise.of(runs, code, columns, tuned, sign)
    if noise is not None:
        shift = np.array([shift_of_least(noise.mean[code == k], noise.sd) for k in range(len(counts))])
        typical = float(np.median(shift))
        relative = abs(typical) if noise.log else abs(typical) / max(float(np.median(np.abs(runs.y))), 1e-300)
        about |= {"noise": noise.sd, "from": noise.source, "log": noise.log}
        about |= {"shift": sign * typical, "relative": relative}
    return runs.take(chosen).noted(best_of=about)


def _columns(runs: Runs, by: Any) -> tuple[Runs, tuple[str, ...]]:
    """The runs with the columns that had to be derived, and the names in scalebayes of the columns of a setting."""
    names = (by,) if isinstance(by, str) else by
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"by={by!r} names no columns; write the columns that make a setting, by=('N', 'D')")
    if not names:
        raise InputError("by is empty; name the columns that make a setting, by=('N', 'D')")
    theirs = {table: ours for ours, table in runs.origin.aliases.items()}
    found = []
    for name in names:
        name = name if name in runs.inputs or name in runs.labels else theirs.get(name, name)
        if name in ("N", "D", "C") and len({"N", "D", "C"} & set(runs.inputs)) == 2:
            runs = runs.derive(name)
        if name not in runs.inputs and name not in runs.labels:
            raise unknown("column in by", name, [*runs.inputs, *runs.labels])
        found.append(name)
    return runs, tuple(dict.fromkeys(found))


class Noise:
    """The noise of the runs of a sweep, and the estimated mean of each run without that noise.

    Attributes:
        sd: The standard deviation of a run. It is on the log scale if `log` is True.

        mean: The mean of each run on the same scale, (run,). The sign is such that the lowest mean is the best.

        source: Where the estimate comes from: "repeats" or "a parabola".

        log: Whether `sd` and `mean` are those of the log of the observable.
    """

    def __init__(self, sd: float, mean: np.ndarray, source: str, log: bool) -> None:
        self.sd, self.mean, self.source, self.log = sd, mean, source, log

    @classmethod
    def of(
        cls, runs: Runs, code: np.ndarray, by: Sequence[str], tuned: Mapping[str, np.ndarray], sign: float
    ) -> "Noise | None":
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
        if found := _within(y, code, cell):
            return cls(*found, "repeats", log)
        found = _parabola(y, code, _design(tuned, [runs.inputs[name] for name in by if name in runs.inputs], len(y)))
        return cls(*found, "a parabola", log) if found else None


def tuned_of(runs: Runs, code: np.ndarray, by: Sequence[str]) -> dict[str, np.ndarray]:
    """The hyper-parameters: columns that vary within a setting and hold no outcome, no seed and no name of a run."""
    found = {}
    for name, values in {**runs.inputs, **runs.labels}.items():
        number = values.dtype.kind == "f"
        seed = "seed" in name.lower() or name in ("run_id", *runs.derived) or is_name(name, values)
        if name in by or seed or distinct(values) < 2 or (number and is_outcome(name, values)):
            continue
        own = levels(values, 0.0)
        if len(np.unique(np.column_stack([code, own]), axis=0)) > code.max() + 1:
            found[name] = values
    return found


def _edges(tuned: Mapping[str, np.ndarray], code: np.ndarray, chosen: np.ndarray) -> dict[str, list[int]]:
    """By hyper-parameter, three numbers of settings, counted where at least three of its values were tried.

    The first counts settings whose best run has the smallest value, the second those whose best run has the largest
    value, and the third all of these settings.
    """
    found = {}
    for name, values in tuned.items():
        if values.dtype.kind != "f" or np.isnan(values).any():
            continue
        low = high = of = 0
        for row in chosen:
            tried = values[code == code[row]]
            if distinct(tried) >= 3:
                low, high, of = low + (values[row] == tried.min()), high + (values[row] == tried.max()), of + 1
        if low or high:
            found[name] = [int(low), int(high), of]
    return found


def _better(mean: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Whether each run's mean is in the better half of its setting, bool (run,). Bad runs are often noisier."""
    middle = np.array([np.median(mean[code == k]) for k in range(code.max() + 1)])
    return mean <= middle[code]


def _within(y: np.ndarray, code: np.ndarray, cell: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The standard deviation within cells, of the better runs if there are enough, and the mean of each run's cell."""
    mean = (np.bincount(cell, y) / np.bincount(cell))[cell]
    for kept in (_better(mean, code), np.full(len(y), True)):
        left = int(kept.sum()) - len(np.unique(cell[kept]))
        if left >= SPARE:
            return float(np.sqrt(np.sum((y - mean)[kept] ** 2) / left)), mean
    return None


def _parabola(y: np.ndarray, code: np.ndarray, design: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The standard deviation and the means (run,) from a linear fit of `design` (run, terms) and a level per setting.

    The fit is repeated on the better runs if there are enough of them.
    """
    every = np.full(len(y), True)
    first = y - _left(y, code, design)[0]
    for kept in (_better(first, code), every):
        left, terms = _left(y[kept], code[kept], design[kept])
        spare = left.size - len(np.unique(code[kept])) - terms
        if spare >= SPARE:
            mean = first.copy()
            mean[kept] = y[kept] - left
            return float(np.sqrt(np.sum(left**2) / spare)), mean
    return None


def _left(y: np.ndarray, code: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, int]:
    """The residuals of y (run,) after a level per setting and the design are fitted, and the rank of the design."""
    count = np.maximum(np.bincount(code), 1)
    y, *terms = (x - (np.bincount(code, x) / count)[code] for x in (y, *design.T))
    centred = np.column_stack([np.zeros(len(y)), *terms])
    fitted, _, rank, _ = np.linalg.lstsq(centred, y, rcond=1e-9)
    return y - centred @ fitted, int(rank)


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
            terms += [one[:, None] for one in (*powers, *(t * (u - u.mean()) / u.std() for u in moves))]
        else:
            own = levels(values)
            terms.append((own[:, None] == np.arange(1, own.max() + 1)).astype(float))
    return np.concatenate(terms, axis=1)


def shift_of_least(mean: np.ndarray, sd: float) -> float:
    """The expected lowest value of noisy runs, minus their lowest mean. It is 0 for one run and negative for more.

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
