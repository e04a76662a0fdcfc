"""This file defines `Window`, which keeps the last e-folds of the runs for a fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings, listed
from scalebayes.runs import Runs

AUTO = 2.0  # e-folds of the axis that a window keeps; learning curves were predicted best at this width
# Standard errors of the slope. A window with window="auto" becomes wider while its slope is fewer of them away from 0.
# Every learning curve that AUTO was chosen on reaches this value at the width AUTO.
SLOPE = 20.0
STEP = 0.5  # e-folds by which a window becomes wider at a time


@known_settings
@dataclass(frozen=True)
class Window:
    """Keep the runs whose value on an axis is within some e-folds of the largest value.

    The early part of a curve says little about its end. A law that must follow both parts follows neither of them well.

    Args:
        efolds: The width of the window in e-folds of the axis, below its largest value. The default is 2.0.

        on: The column that is the axis. The default is None, which means the only input of the law, or C if the law has
            several inputs.

        least: The smallest number of runs that the window keeps, if the table has that many. The default is 8.

        slope: The number of standard errors that the slope of the runs in the window must be away from 0. The window
            becomes wider until this holds. The default is None, for a width that does not change.

    Raises:
        InputError: `efolds` or `slope` is not a positive number, or `least` is not a whole number from 1 on.

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
        """The runs in the window.

        Args:
            runs: The table of all runs.

            columns: The names of the columns that the law takes as inputs.

        Returns:
            The runs in the window. `metadata["window"]` says how they were chosen.

        Raises:
            InputError: The column of the axis is missing or not positive. If the law has several inputs, the message
                asks for the column.
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
        inside = self._last(log, efolds)
        while self.slope is not None and not inside.all() and steepness(log[inside], y[inside]) < self.slope:
            efolds += STEP
            inside = self._last(log, efolds)
        about = {"efolds": efolds, "on": axis, "least": self.least, "of": len(runs)}
        return runs.take(inside).noted(window=about)

    def _last(self, log: np.ndarray, efolds: float) -> np.ndarray:
        inside = log >= log.max() - efolds - 1e-9
        if inside.sum() < self.least:
            inside[np.argsort(-log, kind="stable")[: self.least]] = True
        return inside


def steepness(log: np.ndarray, y: np.ndarray) -> float:
    """The size of the slope of y over its standard error, by which a window of runs is chosen.

    It is 0 if there are fewer than four different values of `log`.

    The slope is that of a parabola fitted to y, at the mean of `log`.

    Args:
        log: The log of the axis, (run,).

        y: The log of the observable, (run,); the observable itself if it is not positive.

    >>> log = np.arange(10.0)
    >>> steepness(log, -0.1 * log + 0.001 * (-1) ** log) > 100
    True
    """
    at = log - log.mean()
    columns = np.stack([np.ones_like(at), at, at**2], axis=1)
    if np.unique(at).size < 4:
        return 0.0
    coefficients = np.linalg.lstsq(columns, y, rcond=None)[0]
    variance = np.sum((y - columns @ coefficients) ** 2) / (len(y) - 3)
    error = np.sqrt(variance * np.linalg.inv(columns.T @ columns)[1, 1])
    return float(abs(coefficients[1]) / error) if error > 0 else np.inf


def get(window: Any) -> Window | None:
    """The window of runs for a setting: "auto", a `Window`, or None. The two last ones are returned unchanged.

    Raises:
        InputError: The setting is none of these.

    >>> get("auto")
    Window(efolds=2.0, on=None, least=8, slope=20.0)
    """
    if window is None or isinstance(window, Window):
        return window
    if window == "auto":
        return Window(slope=SLOPE)
    raise InputError(f"window is 'auto', sb.Window(efolds=2.0) or None, not {window!r}")


def window_text(runs: Runs) -> str:
    """Which runs a window kept, in words; blank if there was no window.

    >>> window_text(Window(1.0, least=1).of(Runs(x=[1.0, 10.0], loss=[3.0, 2.0]), ["x"]))
    'the last 1 e-folds of x: 1 of 2 runs'
    """
    about = runs.metadata.get("window")
    if not about:
        return ""
    return f"the last {about['efolds']:g} e-folds of {about['on']}: {len(runs)} of {about['of']} runs"
