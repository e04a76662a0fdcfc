"""This file keeps the best run of each setting of a sweep, and estimates how far noise alone makes it too good."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.runs import Runs
from scalebayes.runs.column_roles import distinct, is_name, is_outcome
from scalebayes.runs.no_table import no_table
from scalebayes.runs.observables import COLUMN, refuse_several
from scalebayes.runs.settings import TOLERANCE, levels, settings
from scalebayes.runs.sweep_noise import SweepNoise, shift_of_least


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
    if COLUMN not in columns:
        refuse_several(runs, "the best run of a setting")
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
    noise = SweepNoise.of(runs, code, columns, tuned, sign)
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
    columns = []
    for name in names:
        name = name if name in runs.inputs or name in runs.labels else theirs.get(name, name)
        if name in ("N", "D", "C") and len({"N", "D", "C"} & set(runs.inputs)) == 2:
            runs = runs.derive(name)
        if name not in runs.inputs and name not in runs.labels:
            raise unknown("column in by", name, [*runs.inputs, *runs.labels])
        columns.append(name)
    return runs, tuple(dict.fromkeys(columns))


def tuned_of(runs: Runs, code: np.ndarray, by: Sequence[str]) -> dict[str, np.ndarray]:
    """The hyper-parameters in a table of runs: columns that vary within a setting.

    They hold no outcome, no seed and no name of a run.
    """
    tuned = {}
    for name, values in {**runs.inputs, **runs.labels}.items():
        number = values.dtype.kind == "f"
        seed = "seed" in name.lower() or name in ("run_id", *runs.derived) or is_name(name, values)
        if name in by or seed or distinct(values) < 2 or (number and is_outcome(name, values)):
            continue
        level = levels(values, 0.0)
        if len(np.unique(np.column_stack([code, level]), axis=0)) > code.max() + 1:
            tuned[name] = values
    return tuned


def _edges(tuned: Mapping[str, np.ndarray], code: np.ndarray, chosen: np.ndarray) -> dict[str, list[int]]:
    """By hyper-parameter, three numbers of settings, counted where at least three of its values were tried.

    The first counts settings whose best run has the smallest value, the second those whose best run has the largest
    value, and the third all of these settings.
    """
    edges = {}
    for name, values in tuned.items():
        if values.dtype.kind != "f" or np.isnan(values).any():
            continue
        low = high = of = 0
        for row in chosen:
            tried = values[code == code[row]]
            if distinct(tried) >= 3:
                low, high, of = low + (values[row] == tried.min()), high + (values[row] == tried.max()), of + 1
        if low or high:
            edges[name] = [int(low), int(high), of]
    return edges
