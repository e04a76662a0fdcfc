"""This file has the house style of figures: colours, line styles, the figure that is opened, and legends.

Nothing here changes Matplotlib's global settings. A figure that is opened here has the sizes of `SETTINGS`; axes that
the caller gives keep the caller's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# For things that have no order, such as laws or data sets. The first three are Paul Tol's "high-contrast" colours,
# which differ for every common kind of colour blindness, and by their lightness, so that they differ in grey too.
PALETTE = ("#004488", "#DDAA33", "#BB5566", "#000000", "#6699CC", "#997700", "#EE99AA")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (2, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# For things that have an order, such as sizes: light to dark, in every kind of colour blindness and in grey.
ORDERED = "viridis_r"
LIGHTEST, DARKEST = 0.16, 1.0  # the part of `ORDERED` that is used: below it, a line can't be seen on white
RUNS = "#555555"  # runs, where their colour says nothing
PALE = "#BBBBBB"  # runs that are not what the figure is about
TRUTH = "#BB5566"  # what turned out to be true
DOUBT = "#AA0000"  # the sentence that says which checks failed
SIZE = (7.2, 4.5)  # inches of a figure with one panel
WIDER = 3.4  # inches by which each further panel beside the first makes the figure wider
BESIDE = 1.7  # inches for the legend beside panels whose size is given
LARGEST_DOT, SMALLEST_DOT = 30.0, 11.0  # area of a dot in square points
FEW_DOTS = 40  # number of runs from which on their dots are smaller
TEXT, SMALL = 12.0, 10.5  # points of labels, and of ticks and legends: at half size they are still read
LONGEST = 60  # characters of a sentence above a figure; a longer one is cut
SETTINGS: dict[Any, Any] = {
    "font.size": SMALL,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.dpi": 120.0,
    "savefig.dpi": 200.0,
}


def opened(ax: "Axes | None" = None) -> "Axes":
    """The axes that are drawn on: those of the caller, or those of a new figure of one panel.

    Args:
        ax: The caller's axes. The default is None: a figure is opened.
    """
    return ax if ax is not None else opened_panels(1)[0]


def opened_panels(
    count: int, ax: Any = None, *, columns: int | None = None, size: tuple[float, float] | None = None
) -> "list[Axes]":
    """The axes that are drawn on, where a figure has several panels.

    Args:
        count: The number of panels.

        ax: The caller's axes, as many as there are panels. The default is None: a figure is opened.

        columns: The number of panels side by side; further ones stand below. The default is None: all stand side by
            side.

        size: Inches of a panel. The default is None: panels that stand side by side are `WIDER` wide beside the first.

    Raises:
        InputError: There are more or fewer axes than panels.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from scalebayes.errors import InputError

    if ax is not None:
        given = list(np.ravel(np.asarray(ax, object)))
        if len(given) != count:
            raise InputError(f"ax has {len(given)} axes, and {count} are drawn; leave it out, or give {count}")
        return given
    with mpl.rc_context(SETTINGS):
        across = min(columns or count, count)
        down = -(-count // across)
        width, height = size or (WIDER, SIZE[1])
        inches = (SIZE[0] + width * (across - 1) if size is None else width * across + BESIDE, height * down)
        figure, axes = plt.subplots(down, across, figsize=inches, layout="constrained", squeeze=False)
        for one in axes.flat:  # Matplotlib makes ticks when it draws, which is after this context
            one.tick_params(labelsize=SMALL)
        for one in axes.flat[count:]:
            figure.delaxes(one)
        interactive = plt.isinteractive()
    # A notebook's backend is loaded with the first figure, and turns the mode on in which a notebook shows figures. The
    # end of the context took that back, and only the first figure was ever shown.
    if interactive:
        plt.ion()
    return list(axes.flat[:count])


@contextmanager
def as_given(ax: "Axes") -> Iterator[None]:
    """A context in which new text on axes has the size of their ticks, whatever the global settings are."""
    import matplotlib as mpl

    labels = [*ax.xaxis.get_ticklabels(), *ax.yaxis.get_ticklabels()]
    size = labels[0].get_fontsize() if labels else SMALL
    with mpl.rc_context({"font.size": size, "legend.fontsize": size, "legend.title_fontsize": size}):
        yield


def shades(values: Sequence[float] | np.ndarray, low: float | None = None, high: float | None = None) -> Any:
    """The colours (value, 4) of values that have an order, on a log scale: the larger, the darker.

    Args:
        values: The values, all positive.

        low: The value with the lightest colour. The default is None: the least of the values.

        high: The value with the darkest colour. The default is None: the largest of the values.
    """
    import matplotlib as mpl

    at = np.log(np.asarray(values, np.float64))
    first, last = (np.log(x) if x is not None else y for x, y in ((low, at.min()), (high, at.max())))
    share = (at - first) / (last - first) if last > first else np.full(at.shape, 1.0)
    return mpl.colormaps[ORDERED](LIGHTEST + (DARKEST - LIGHTEST) * np.clip(share, 0.0, 1.0))


def ordered_map() -> Any:
    """The part of Matplotlib's map `ORDERED` that can be seen on white, as a map of its own; it begins dark."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps[ORDERED](np.linspace(DARKEST, LIGHTEST, 256)))


def colour(place: int) -> str:
    """The colour of the thing at a place among things that have no order; it comes again after the last one."""
    return PALETTE[place % len(PALETTE)]


def dashes(place: int) -> Any:
    """The line style that goes with `colour`, so that lines differ without colour."""
    return DASHES[place % len(DASHES)]


def marker(place: int) -> str:
    """The shape of the runs that goes with `colour`."""
    return MARKERS[place % len(MARKERS)]


def beside(ax: "Axes", points: float) -> Any:
    """Coordinates in shares of the axes, moved to the right by points, so that a figure's width changes no distance."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.figure
    return ax.transAxes + ScaledTranslation(points / 72, 0.0, figure.dpi_scale_trans)


def dots(
    ax: "Axes", x: Any, y: Any, *, color: Any = RUNS, marker: str = "o", label: str = "", zorder: float = 3.0
) -> None:
    """Draw runs as dots above all lines, smaller where there are many, with an edge that tells close ones apart.

    Args:
        ax: The axes.

        x: The places along the horizontal axis (run,).

        y: The places along the vertical axis (run,).

        color: One colour, or one for each run (run, 4). The default is a neutral one.

        marker: Matplotlib's name of the shape. The default is a disc.

        label: The text in the legend. The default is "": none.

        zorder: The order in which things are drawn. The default is 3, above lines.
    """
    size = float(np.clip(LARGEST_DOT * np.sqrt(FEW_DOTS / max(np.size(x), 1)), SMALLEST_DOT, LARGEST_DOT))
    color = [color] if isinstance(color, str) else color
    edge = {"edgecolors": "white", "linewidths": 0.4}
    ax.scatter(x, y, c=color, s=size, marker=marker, label=label, zorder=zorder, **edge)


def say_failed(ax: "Axes", failed: str) -> None:
    """Say above the axes which checks the fit failed, since a picture travels without its warning."""
    if failed:
        text = f"failed checks: {failed}"
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
        with as_given(ax):
            ax.set_title(text, loc="left", color=DOUBT, fontsize="medium")
