"""This file marks what was asked for on a figure: a diamond at each median, with its interval."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.plots.bands import band, percent
from scalebayes.plots.key import with_more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM = 1.1  # factor between a mark and the end of the axis, at least
LOOK: dict[str, Any] = {"color": "black", "marker": "D", "markersize": 5.5, "markeredgecolor": "white"}


def mark(ax: "Axes", x: Any, draws: xr.DataArray, prob: float) -> None:
    """Mark the medians of draws and their intervals on a figure, and say so in its legend.

    Args:
        ax: The axes of the figure.

        x: The places along the axis (point,).

        draws: The draws (chain, draw, point).

        prob: The probability of the intervals.
    """
    from matplotlib.lines import Line2D

    found = {name: np.atleast_1d(values.values) for name, values in band(draws, prob).items()}
    middle, lower, upper = (found[f"{draws.name}{end}"] for end in ("", "_lower", "_upper"))
    told = "asked"
    if np.isfinite(lower).any():
        ax.vlines(x, lower[0], upper[0], color=LOOK["color"], linewidth=1.6, zorder=4.5)
        told = f"asked, with {percent(prob)}"
    ax.plot(x, middle, linestyle="none", zorder=4.6, **LOOK)
    left, right = ax.get_xlim()
    ax.set_xlim(min(left, float(np.min(x)) / ROOM), max(right, float(np.max(x)) * ROOM))
    with_more(ax, Line2D([], [], linestyle="-" if len(told) > len("asked") else "none", label=told, **LOOK))
