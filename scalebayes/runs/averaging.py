"""This file averages runs with nearly the same inputs in cells, and finds cells whose runs scatter too much."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc

from scalebayes.errors import InputError, known_settings
from scalebayes.runs import Runs
from scalebayes.runs.checkpoints import checkpoints_of
from scalebayes.runs.curves.given_as_runs import checkpoints_text
from scalebayes.runs.no_table import no_table

# Widths of a cell in e-folds of an input, tried from the smallest on. The largest is 1.5: a law bends over wider cells.
WIDTHS = np.geomspace(0.01, 4.0, 120)[:100]
# Probability of a scatter as large as that within a cell, if the noise alone causes it. The cells with a probability
# below this limit, which is shared among all cells, have excess scatter.
DOUBT = 1e-3


@dataclass(frozen=True, eq=False)
class Averaged:
    """Runs, and the cells in which they are averaged.

    Attributes:
        runs: The runs before averaging.

        cell: The number of each run's cell, int (run,). The numbers begin at 0 and have no gaps.

        about: The entry `averaged` of the metadata of the averaged runs. `runs` and `cells` are numbers of runs and of
            cells, `over` lists the inputs, and `efolds` is the width of a cell in e-folds.

    >>> runs = Runs(x=[1.0, 1.0, 2.0], loss=[3.0, 3.2, 2.0])
    >>> two = Averaged(runs, np.array([0, 0, 1]), {"runs": 3, "cells": 2, "over": ["x"], "efolds": 0.01})
    >>> two.table().count.tolist(), two.without(np.array([True, False, False])).table().y.round(6).tolist()
    ([2.0, 1.0], [3.2, 2.0])
    """

    runs: Runs
    cell: np.ndarray
    about: Mapping[str, Any]

    def table(self) -> Runs:
        """The averaged runs, one row per cell. A fit uses these rows."""
        _, first = np.unique(self.cell, return_index=True)
        return self._rows(lambda values: np.bincount(self.cell, values), first).noted(averaged=dict(self.about))

    def without(self, left_out: np.ndarray) -> "Averaged":
        """Leave out the runs where `left_out`, bool (run,), is True, and the cells that then have no run."""
        cell = np.unique(self.cell[~left_out], return_inverse=True)[1].ravel()
        number = {"runs": len(cell), "cells": int(cell.max(initial=-1)) + 1}
        return Averaged(self.runs.take(~left_out), cell, {**self.about, **number})

    def rest(self) -> tuple[Runs, np.ndarray]:
        """For each run the mean of the other runs of its cell, and whether there are other runs, bool (run,).

        A run that is alone in its cell gets its own values.
        """
        shared = np.bincount(self.cell)[self.cell] > 1

        def others(values: np.ndarray) -> np.ndarray:
            return np.where(shared, np.bincount(self.cell, values)[self.cell] - values, values)

        return self._rows(others, np.arange(len(self.cell))), shared

    def _rows(self, summed: Callable[[np.ndarray], np.ndarray], like: np.ndarray) -> Runs:
        """The means over the runs of each row, as `Runs`.

        Args:
            summed: A function from values (run,) to their sums over the runs of each row, (row,).

            like: The position of one run per row, from which the row takes its group, int (row,).
        """
        runs = self.runs
        weight = np.ones(len(runs)) if runs.count is None else runs.count
        # The counts of a row sum to at least 1; after the subtraction in `rest`, rounding can give slightly less.
        total = np.maximum(summed(weight), 1.0)

        def mean(values: np.ndarray) -> np.ndarray:
            return summed(weight * values) / total

        columns: dict[str, Any] = {name: np.exp(mean(np.log(runs.column(name)))) for name in self.about["over"]}
        y = np.exp(mean(np.log(runs.y)))
        columns[runs.observable] = y
        if runs.se is not None:
            variance = np.maximum(summed((weight * runs.se / runs.y) ** 2), 0.0)
            columns[f"{runs.observable}_se"] = np.sqrt(variance) / total * y
        if "group" in runs.labels:
            columns["group"] = [runs.labels["group"][i] for i in like]
        return Runs(
            observable=runs.observable,
            unit=runs.unit,
            range=runs.range,
            N_counts=runs.N_counts,
            metadata=runs.metadata,
            count=total,
            **columns,
        )


@known_settings
def averaged(runs: Runs, inputs: Sequence[str], most: int = 64, apart: Any = None) -> tuple[Runs, np.ndarray]:
    """Average runs whose inputs are nearly the same, so that a fit has fewer rows.

    The runs are put into cells of equal width in the logs of their inputs. A cell holds runs of one group only. It
    becomes one row: its inputs and its observable are the geometric means of its runs, and its `count` is the number of
    its readings. The noise of that row has the standard deviation noise_scale / sqrt(count).

    The width is the smallest that leaves at most `most` rows. It is never above 1.5 e-folds, so that more than `most`
    rows are left if there are many groups.

    Args:
        runs: The table of all runs.

        inputs: The names of the columns that the law takes as inputs.

        most: The largest number of rows to leave. Runs with at most this many rows are returned unchanged. The default
            is 64.

        apart: Which rows are not averaged, bool (run,). The default is None, for none of them.

    Returns:
        The averaged runs, and the number of each run's cell, int (run,). `metadata["averaged"]` of the averaged runs
        says how they were averaged.

    Raises:
        InputError: `runs` is no table, an input is missing, or an input or the observable is not positive.

    >>> runs = Runs(x=[1.0, 1.0, 2.0], loss=[3.0, 3.2, 2.0])
    >>> table, cell = averaged(runs, ["x"], most=2)
    >>> table.count.tolist(), cell.tolist()
    ([2.0, 1.0], [0, 0, 1])
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    if not (runs.y > 0).all():
        raise InputError(f"averaging in cells takes means of logs, and {runs.observable} isn't positive everywhere")
    logs = np.stack([np.log(runs.column(name)) for name in inputs], axis=1)
    alone = np.zeros(len(runs), bool) if apart is None else np.asarray(apart, bool)
    if len(runs) <= most:
        return runs, np.arange(len(runs))
    group = runs.labels.get("group")
    kind = np.zeros(len(runs), int) if group is None else np.unique(np.asarray(group, str), return_inverse=True)[1]
    # A row that is not averaged gets a group that no other row has.
    kind = np.where(alone, kind.max() + 1 + np.arange(len(runs)), kind)
    width, cell = 0.0, np.arange(len(runs))
    for width in WIDTHS:
        _, cell = np.unique(np.column_stack([kind, np.floor(logs / width)]), axis=0, return_inverse=True)
        cell = cell.ravel()
        if cell.max() < most:
            break
    # The cells are numbered in the order of their first runs.
    _, first = np.unique(cell, return_index=True)
    cell = np.argsort(np.argsort(first))[cell]
    about = {"runs": len(runs), "cells": len(first), "over": list(inputs), "efolds": float(width)}
    # Averaging loses the names of the runs, so the signs that rows are checkpoints are written to the metadata before.
    signs = checkpoints_of(runs)
    with_signs = runs if signs is None else runs.noted(checkpoints=checkpoints_text(runs, signs))
    return Averaged(with_signs, cell, about).table(), cell


def scattered(cell: np.ndarray, off: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """In a table of averaged runs, find cells with excess scatter: runs differ by more than their noise explains.

    Args:
        cell: The number of each run's cell, int (run,).

        off: The residual log y - log f of each run from the fitted curve f, (run,).

        variance: The variance of each run's noise, (run,).

    Returns:
        The numbers of these cells, int.

    >>> scattered(np.array([0, 0, 1, 1]), np.array([0.01, -0.01, 0.5, -0.5]), np.full(4, 1e-4)).tolist()
    [1]
    """
    precision = 1 / variance
    mean = np.bincount(cell, precision * off) / np.bincount(cell, precision)
    excess = np.bincount(cell, precision * (off - mean[cell]) ** 2)
    free = np.bincount(cell) - 1
    doubt = np.where(free > 0, chdtrc(np.maximum(free, 1), excess), 1.0)
    # Among many cells some have a large scatter by chance, so the limit is divided by their number.
    return np.flatnonzero(doubt < DOUBT / max((free > 0).sum(), 1))


def averaged_text(runs: Runs) -> str:
    """How runs were averaged, in words; blank if they were not averaged."""
    about = runs.metadata.get("averaged")
    if not about:
        return ""
    wide = f", up to {about['efolds']:.2g} e-folds wide" if "efolds" in about else ""
    return f"{about['runs']} runs averaged in {about['cells']} cells of {', '.join(about['over'])}{wide}"
