"""This file makes the legend of a figure, which stands beside the axes and hides nothing."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.plots import style
from scalebayes.plots.bands import opacity, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 5.0  # points between the axes and the legend


def key(
    ax: "Axes",
    data: xr.Dataset | None = None,
    *,
    title: str = "",
    runs: Any = style.RUNS,
    beyond: bool = False,
    curve: bool = False,
    color: Any = None,
    more: Any = (),
    shift: float = 0.0,
) -> None:
    """Say in a legend what is drawn: labelled lines, then bands and runs, then labelled dots and bars.

    Args:
        ax: The axes.

        data: What is drawn, of which the probabilities of the bands are read. The default is None: there are no bands.

        title: The title of the legend. The default is "": none.

        runs: The colour of the runs, which may be "" for the neutral one. None where there are no runs.

        beyond: Whether a dashed line is drawn beyond the runs. The default is False.

        curve: Whether the one line is the median. The default is False.

        color: The colour of the bands. The default is None: a neutral one, since there are several.

        more: Further handles, each with its label.

        shift: How much further from the axes the legend stands, in points. The default is 0.
    """
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labelled = ax.get_legend_handles_labels()[0]
    handles = [one for one in labelled if not isinstance(one, Collection)]
    shade = color or style.RUNS
    if curve:
        handles.append(Line2D([], [], color=color or style.PALETTE[0], linewidth=1.8, label="median"))
    if data is not None and _has_bands(data):
        for place, prob in enumerate(data["prob"].values):
            # A band lies on all wider ones.
            clear = np.prod([1 - opacity(one, data.sizes["prob"]) for one in range(place + 1)])
            handles.append(
                Patch(color=shade, alpha=float(1 - clear), linewidth=0, label=f"{percent(float(prob))} band")
            )
    if beyond:
        handles.append(Line2D([], [], color=shade, linewidth=1.8, linestyle=(0, (3, 2)), label="beyond the runs"))
    if runs is not None:
        dot = {"color": "none", "marker": "o", "markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.5}
        handles.append(Line2D([], [], markerfacecolor=runs or style.RUNS, label="runs", **dot))
    handles += [*(one for one in labelled if isinstance(one, Collection)), *more]
    if handles:
        _stand(ax, handles, title, shift)


def _has_bands(data: xr.Dataset) -> bool:
    """Whether what is drawn has a band anywhere; a mode, as from MAP, has none."""
    ends = [variable for name, variable in data.data_vars.items() if str(name).endswith("_lower")]
    return not ends or any(bool(np.isfinite(one).any()) for one in ends)


def with_more(ax: "Axes", *more: Any) -> None:
    """Add handles, each with its label, to the legend that `key` made.

    Args:
        ax: The axes. Without a legend nothing is added.

        more: The handles.
    """
    legend = ax.get_legend()
    if legend is None:
        return
    handles = [one for one in legend.legend_handles if one is not None]
    for handle, text in zip(handles, legend.get_texts(), strict=True):
        handle.set_label(text.get_text())
    _stand(ax, [*handles, *more], legend.get_title().get_text(), 0.0)


def _stand(ax: "Axes", handles: Any, title: str, shift: float) -> None:
    with style.as_given(ax):
        ax.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.02),
            bbox_transform=style.beside(ax, GAP + shift), frameon=False, title=title,
            alignment="left", borderaxespad=0.0,
        )  # fmt: skip
