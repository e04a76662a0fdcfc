"""The best run of each setting of a sweep, and how far the lowest of several noisy runs lies below the tuned loss."""

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

SPARE = 5  # degrees of freedom, below which no noise is estimated


@known_settings
def best_of(runs: Runs, by: Sequence[str] = ("N", "D"), *, tolerance: float = TOLERANCE, lowest: bool = True) -> Runs:
    """The best run of each setting: of a sweep of learning rates, batch sizes or seeds the tuned loss.

    The best of n noisy runs is partly luck: it lies below what its hyper-parameters give on average. How far is
    estimated and noted, in the runs' `metadata["best_of"]` and in the check `best of settings` of a fit of them; the
    runs themselves are not changed. The noise is taken from runs that repeat a setting and all hyper-parameters, else
    from what a parabola in the log of each hyper-parameter leaves.

    Args:
        runs: the table of all runs.

        by: the columns that make a setting; by default N and D.

        tolerance: relative difference up to which two values of such a column are one but for rounding; by default
            0.015.

        lowest: False where the largest observable is the best, as of an accuracy; by default True.

    Returns:
        The best run of each setting, in the order of the table, as `Runs`.

    Raises:
        InputError: no such column, one that the law can't be asked for, or a tolerance that isn't from 0 to 1.

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
    """The runs, with what had to be derived, and our names of the columns that make a setting."""
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
    """The noise of a sweep's runs, and the mean of each run without it.

    Attributes:
        sd: standard deviation of a run, of its log where `log`. mean: of each run, on that scale and such that the
            least is the best (run,).
        source: "repeats" or "a parabola".
    """

    def __init__(self, sd: float, mean: np.ndarray, source: str, log: bool) -> None:
        self.sd, self.mean, self.source, self.log = sd, mean, source, log

    @classmethod
    def of(
        cls, runs: Runs, code: np.ndarray, by: Sequence[str], tuned: Mapping[str, np.ndarray], sign: float
    ) -> "Noise | None":
        """That of runs whose settings are numbered `code` (run,); None where too little shows it.

        Args:
            by: the columns of a setting. tuned: the hyper-parameters. sign: -1 where the largest is the best.
        """
        log = runs.range[0] >= 0 and bool((runs.y > 0).all())
        y = sign * (np.log(runs.y) if log else runs.y)
        cell = settings([code.astype(float), *(levels(x).astype(float) for x in tuned.values())], 0.0)
        if found := _within(y, code, cell):
            return cls(*found, "repeats", log)
        found = _parabola(y, code, _design(tuned, [runs.inputs[name] for name in by if name in runs.inputs], len(y)))
        return cls(*found, "a parabola", log) if found else None


def tuned_of(runs: Runs, code: np.ndarray, by: Sequence[str]) -> dict[str, np.ndarray]:
    """The hyper-parameters: columns that vary within a setting and are no outcome and no name, such as a seed."""
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
    """Hyper-parameter -> settings that are best at its smallest value, at its largest, and all that tried three."""
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
    """The runs whose mean is among the better half of their setting, bool (run,): bad ones are often noisier."""
    middle = np.array([np.median(mean[code == k]) for k in range(code.max() + 1)])
    return mean <= middle[code]


def _within(y: np.ndarray, code: np.ndarray, cell: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Standard deviation within cells, of the better ones where they suffice, and each run's mean of its cell."""
    mean = (np.bincount(cell, y) / np.bincount(cell))[cell]
    for kept in (_better(mean, code), np.full(len(y), True)):
        left = int(kept.sum()) - len(np.unique(cell[kept]))
        if left >= SPARE:
            return float(np.sqrt(np.sum((y - mean)[kept] ** 2) / left)), mean
    return None


def _parabola(y: np.ndarray, code: np.ndarray, design: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The same of a `design` (run, terms) and a level a setting, fitted again to the better runs where they suffice."""
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
    """What a level a setting and a design leave of y (run,), and how many of the design's terms are free."""
    count = np.maximum(np.bincount(code), 1)
    y, *terms = (x - (np.bincount(code, x) / count)[code] for x in (y, *design.T))
    centred = np.column_stack([np.zeros(len(y)), *terms])
    fitted, _, rank, _ = np.linalg.lstsq(centred, y, rcond=1e-9)
    return y - centred @ fitted, int(rank)


def _design(tuned: Mapping[str, np.ndarray], sizes: Sequence[np.ndarray], runs: int) -> np.ndarray:
    """A parabola in each hyper-parameter, whose least moves with the sizes (run, terms)."""
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
    """Expected least of runs with these means and noise, less the least mean: none for one run, negative for more.

    >>> round(shift_of_least(np.zeros(2), 1.0), 3), shift_of_least(np.zeros(1), 1.0)
    (-0.564, 0.0)
    """
    if not sd > 0 or len(mean) < 2:
        return 0.0
    off = (mean - mean.min()) / sd
    at = np.linspace(-9.0, 9.0, 2001)
    # E[min] = a + the integral of P(min > t) from an a on that no run is below.
    above = np.exp(np.sum(log_ndtr(off[:, None] - at), axis=0))
    return float((at[0] + np.trapezoid(above, at)) * sd)
