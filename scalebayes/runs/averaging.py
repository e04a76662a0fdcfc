"""averaged: runs that differ in little but noise, averaged in cells with counts; and whether that was safe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from scalebayes.errors import InputError
from scalebayes.runs import Runs
from scalebayes.runs.checkpoints import checkpoints_of
from scalebayes.runs.curves.given_as_runs import checkpoints_text
from scalebayes.runs.no_table import no_table

WIDTHS = np.geomspace(0.01, 4.0, 120)[:100]  # of a cell, in e-folds: over more than 1.5 a law bends
DOUBT = 1e-3  # of scatter as large as that within a cell, under the noise


@dataclass(frozen=True, eq=False)
class Averaged:
    """Runs, and the cells in which they are averaged.

    Attributes:
        runs: before averaging. cell: number of each run's cell, from 0 on without gaps, int (run,).
        about: what the averaged runs' metadata say: `runs` and `cells`, how many; `over`, which inputs; `efolds`.

    >>> runs = Runs(x=[1.0, 1.0, 2.0], loss=[3.0, 3.2, 2.0])
    >>> two = Averaged(runs, np.array([0, 0, 1]), {"runs": 3, "cells": 2, "over": ["x"], "efolds": 0.01})
    >>> two.table().count.tolist(), two.without(np.array([True, False, False])).table().y.round(6).tolist()
    ([2.0, 1.0], [3.2, 2.0])
    """

    runs: Runs
    cell: np.ndarray
    about: Mapping[str, Any]

    def table(self) -> Runs:
        """A row a cell: the runs that a fit is of."""
        _, first = np.unique(self.cell, return_index=True)
        return self._rows(lambda values: np.bincount(self.cell, values), first).noted(averaged=dict(self.about))

    def without(self, left_out: np.ndarray) -> "Averaged":
        """The other runs in the same cells; those that lost all their runs are gone. `left_out` is bool (run,)."""
        cell = np.unique(self.cell[~left_out], return_inverse=True)[1].ravel()
        number = {"runs": len(cell), "cells": int(cell.max(initial=-1)) + 1}
        return Averaged(self.runs.take(~left_out), cell, {**self.about, **number})

    def rest(self) -> tuple[Runs, np.ndarray]:
        """For each run the mean of the others of its cell, and whether there are others, bool (run,).

        A run that is alone in its cell stands for itself.
        """
        shared = np.bincount(self.cell)[self.cell] > 1

        def others(values: np.ndarray) -> np.ndarray:
            return np.where(shared, np.bincount(self.cell, values)[self.cell] - values, values)

        return self._rows(others, np.arange(len(self.cell))), shared

    def _rows(self, summed: Callable[[np.ndarray], np.ndarray], like: np.ndarray) -> Runs:
        """Means over the runs that a row is made of.

        Args:
            summed: values (run,) -> their sums over the runs of each row (row,).
            like: a run of each row's group (row,).
        """
        runs = self.runs
        weight = np.ones(len(runs)) if runs.count is None else runs.count
        # A sum without one of its members may round to less than it can be.
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


def averaged(runs: Runs, inputs: Sequence[str], most: int = 64, apart: Any = None) -> tuple[Runs, np.ndarray]:
    """Runs averaged in cells of their inputs' logs, of one group each.

    A cell's inputs and observable are geometric means, its `count` the readings in it: the noise of its row has
    sd noise_scale / sqrt(count). Cells are of the smallest width that leaves at most `most` rows, and of 1.5 e-folds
    where none does, as with many groups: then more rows are left.

    Args:
        inputs: columns that the law uses. most: rows to be left. apart: bool (run,), rows that stay as they are.

    Returns:
        The averaged runs, whose metadata say so, and the number of each run's cell (run,).

    Raises:
        InputError: an input is missing or not positive, or the observable isn't positive.

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
    # A row that stays apart is a kind of its own.
    kind = np.where(alone, kind.max() + 1 + np.arange(len(runs)), kind)
    width, cell = 0.0, np.arange(len(runs))
    for width in WIDTHS:
        _, cell = np.unique(np.column_stack([kind, np.floor(logs / width)]), axis=0, return_inverse=True)
        cell = cell.ravel()
        if cell.max() < most:
            break
    # Cells in the order in which their first runs come.
    _, first = np.unique(cell, return_index=True)
    cell = np.argsort(np.argsort(first))[cell]
    about = {"runs": len(runs), "cells": len(first), "over": list(inputs), "efolds": float(width)}
    # The names of runs are lost in cells, and what they show with them.
    found = checkpoints_of(runs)
    told = runs if found is None else runs.noted(checkpoints=checkpoints_text(runs, found))
    return Averaged(told, cell, about).table(), cell


def scattered(cell: np.ndarray, off: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The cells whose runs scatter more than their noise does: numbers of cells.

    Args:
        cell: of each run (run,). off: log y - log f of each run (run,), f the fitted curve there. variance: of its
            noise (run,).

    >>> scattered(np.array([0, 0, 1, 1]), np.array([0.01, -0.01, 0.5, -0.5]), np.full(4, 1e-4)).tolist()
    [1]
    """
    precision = 1 / variance
    mean = np.bincount(cell, precision * off) / np.bincount(cell, precision)
    excess = np.bincount(cell, precision * (off - mean[cell]) ** 2)
    free = np.bincount(cell) - 1
    doubt = np.where(free > 0, chi2.sf(excess, np.maximum(free, 1)), 1.0)
    # Of many cells some are unlucky: doubt is shared by them all.
    return np.flatnonzero(doubt < DOUBT / max((free > 0).sum(), 1))


def averaged_text(runs: Runs) -> str:
    """How runs were averaged, in words; blank where they weren't."""
    about = runs.metadata.get("averaged")
    if not about:
        return ""
    wide = f", up to {about['efolds']:.2g} e-folds wide" if "efolds" in about else ""
    return f"{about['runs']} runs averaged in {about['cells']} cells of {', '.join(about['over'])}{wide}"
