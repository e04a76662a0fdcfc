"""Window: the part of the runs that a fit looks at, the last e-folds before its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings, listed
from scalebayes.runs import Runs

AUTO = 2.0  # e-folds: the width at which learning curves were forecast best
SLOPE = 20.0  # standard errors, which every learning curve that AUTO was chosen on has in its window
STEP = 0.5  # e-folds by which a window widens


@known_settings
@dataclass(frozen=True)
class Window:
    """The runs within some e-folds of the largest.

    What a curve does early on says little of its end, and a law that must follow both follows neither.

    Args:
        efolds: of the axis, back from its largest value. on: the column that is the axis; by default the law's only
            input, or C of a law of N and D. least: the fewest runs kept, whatever the width, where there are so many.
        slope: standard errors that the slope of the runs in the window is away from 0; it widens until it is so. None
            for the same width whatever the runs.

    Raises:
        InputError: not a positive number of e-folds, or of runs.

    >>> Window(1.0, least=2).of(Runs(x=[1.0, 10.0, 20.0], loss=[3.0, 2.0, 1.9]), ["x"]).column("x").tolist()
    [10.0, 20.0]
    """

    efolds: float = AUTO
    on: str | None = None
    least: int = 8
    slope: float | None = None

    def __post_init__(self) -> None:
        whole = isinstance(self.least, int) and not isinstance(self.least, bool)
        if not self.efolds > 0 or not np.isfinite(self.efolds) or not whole or self.least < 1:
            raise InputError("efolds is a positive number, as in window=2.0, and least a whole number from 1 on")
        if self.slope is not None and not self.slope > 0:
            raise InputError("Window: slope is a positive number of standard errors, or None")

    def of(self, runs: Runs, columns: Sequence[str]) -> Runs:
        """The runs in the window, which their metadata then tell of.

        Args:
            columns: that the law takes its inputs from.

        Raises:
            InputError: no such column, or one that isn't positive; no axis where the law has several inputs.
        """
        axis = runs.name_of(self.on) if self.on else (columns[0] if len(columns) == 1 else "C")
        if axis == "C" and "C" not in runs.inputs and {"N", "D"} <= set(runs.inputs):
            runs = runs.derive("C")
        if axis not in runs.inputs:
            if self.on is None:
                runs.require(axis)
            raise InputError(
                f"window: the runs have no column {axis!r} to measure it on (they have {listed(runs.inputs)}); name "
                "one: sb.Window(..., on=...)"
            )
        log = np.log(runs.column(axis))
        y = np.log(runs.y) if (runs.y > 0).all() else runs.y
        efolds = self.efolds
        kept = self._last(log, efolds)
        while self.slope is not None and not kept.all() and steepness(log[kept], y[kept]) < self.slope:
            efolds += STEP
            kept = self._last(log, efolds)
        about = {"efolds": efolds, "on": axis, "least": self.least, "of": len(runs)}
        return runs.take(kept).noted(window=about)

    def _last(self, log: np.ndarray, efolds: float) -> np.ndarray:
        kept = log >= log.max() - efolds - 1e-9
        if kept.sum() < self.least:
            kept[np.argsort(-log, kind="stable")[: self.least]] = True
        return kept


def steepness(log: np.ndarray, y: np.ndarray) -> float:
    """The slope of y in the middle of a parabola through it, over its standard error; 0 where rows are too few.

    >>> log = np.arange(10.0)
    >>> steepness(log, -0.1 * log + 0.001 * (-1) ** log) > 100
    True
    """
    at = log - log.mean()
    columns = np.stack([np.ones_like(at), at, at**2], axis=1)
    if np.unique(at).size < 4:
        return 0.0
    found = np.linalg.lstsq(columns, y, rcond=None)[0]
    variance = np.sum((y - columns @ found) ** 2) / (len(y) - 3)
    error = np.sqrt(variance * np.linalg.inv(columns.T @ columns)[1, 1])
    return float(abs(found[1]) / error) if error > 0 else np.inf


def get(window: Any) -> Window | None:
    """A window by its name, "auto"; a `Window` or None passes through.

    Raises:
        InputError: neither.

    >>> get("auto")
    Window(efolds=2.0, on=None, least=8, slope=20.0)
    """
    if window is None or isinstance(window, Window):
        return window
    if window == "auto":
        return Window(slope=SLOPE)
    raise InputError(f"window is 'auto', sb.Window(efolds=2.0) or None, not {window!r}")


def window_text(runs: Runs) -> str:
    """What a window left of the runs, in words; blank where there was none.

    >>> window_text(Window(1.0, least=1).of(Runs(x=[1.0, 10.0], loss=[3.0, 2.0]), ["x"]))
    'the last 1 e-folds of x: 1 of 2 runs'
    """
    about = runs.metadata.get("window")
    if not about:
        return ""
    return f"the last {about['efolds']:g} e-folds of {about['on']}: {len(runs)} of {about['of']} runs"
