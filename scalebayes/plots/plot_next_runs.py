"""This file has `plot_next_runs`: how much one further run at each N and D would tell, and which runs were chosen."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.planning.design.result import NextRuns
from scalebayes.plots import style
from scalebayes.plots.axis import plain_axis, set_axis, text_of
from scalebayes.plots.bands import percent
from scalebayes.plots.key import key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FULL = 0.3  # share of the cells of the lattice of all N and D that are candidates, from which on cells are drawn
STEPS = 5  # number of values whose colours the legend shows
WIDE = 28  # characters of a line of the legend's title
CHOSEN, NUMBER = 15.0, 8.5  # points of the disc of a run that was chosen, and of its number
CHOICE = "#BB5566"  # the runs that were chosen, on cells from light to dark


@known_settings
def plot_next_runs(chosen: NextRuns, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how much narrower one further run at each N and D would make the target's interval, and the runs chosen.

    The darker a candidate, the more it tells if it alone is trained. The numbers are the order of the runs that were
    chosen. They are chosen for what they tell per FLOP and given those before, so that they need not lie where it is
    darkest. Grey lines have equal compute, C = 6 N D. For a law without N and D the same is drawn against its input.

    Args:
        chosen: What `sb.next_runs` returned.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes.

    Raises:
        InputError: These are no such runs, or they were saved by an earlier release, which kept only those chosen.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> preset = sb.laws.published("besiroglu2024")
    >>> N, D = (x.ravel() for x in np.meshgrid([1e8, 3e8, 1e9], [2e9, 6e9, 2e10]))
    >>> runs = sb.Runs(N=N, D=D, loss=[float(preset.law(N=a, D=b, **preset.values)) for a, b in zip(N, D)])
    >>> fitted = sb.fit(runs, preset.law, priors={"noise_scale": 0.005}, method="laplace", on_fail="ignore")
    >>> found = sb.next_runs(fitted, budget=1e20, target={"N": 1e10, "D": 2e11}, n=3)
    >>> ax = plot_next_runs(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('N (parameters)', "D (in the runs' unit)")
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_next_runs_data(chosen)
    ax = style.opened(ax)
    across, up = str(data.attrs["across"]), str(data.attrs["up"])
    x, y, value = data[across].values, data[up].values, data["narrower"].values
    most = float(value.max())
    handles = []
    if across == "N":
        colours = _map()(value / most if most > 0 else value)
        _draw_map(ax, x, y, colours)
        handles = _handles(most)
    else:
        style.dots(ax, x, y)
    set_axis(ax.xaxis, across, log=bool((x > 0).all()))
    if across == "N":
        set_axis(ax.yaxis, up)
        ax.grid(False)
        _draw_budgets(ax, x, y)
    else:
        plain_axis(ax.yaxis, "interval narrower by (share)")
    for axis, name in ((ax.xaxis, across), (ax.yaxis, up)):
        if name not in ("N", "narrower"):  # the unit of D, such as bytes, isn't kept with the runs to train
            axis.set_label_text(shown(f"{name} (in the runs' unit)"))
    _draw_chosen(ax, data[f"chosen_{across}"].values, data[f"chosen_{up}"].values)
    about = f"the interval of {chosen.target} is narrower by" if handles else f"the interval of {chosen.target}"
    key(ax, runs=None, title=fill(shown(about), WIDE), more=[*handles, *_marks(len(chosen.table))])
    return ax


@known_settings
def plot_next_runs_data(chosen: NextRuns) -> xr.Dataset:
    """Compute what `plot_next_runs` draws.

    Args:
        chosen: What `sb.next_runs` returned.

    Returns:
        A Dataset with `narrower` (candidate,), by which share the interval is expected to become narrower if this run
        alone is trained, its `cost`, and the columns that the law takes (candidate,), such as N and D. `chosen_...`
        (chosen,) has the same columns of the runs that were chosen, in their order. The attributes `across` and `up`
        name the axes.

    Raises:
        InputError: As `plot_next_runs`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.0, 1.51, 1.25, 1.13])
    >>> fitted = sb.fit(runs, "offset_power", method="laplace", on_fail="ignore")
    >>> pool = {"x": [1e3, 1e5], "cost": [1.0, 1.0]}
    >>> found = sb.next_runs(fitted, budget=1.0, target={"x": 1e6}, candidates=pool)
    >>> data = plot_next_runs_data(found)
    >>> bool(data["narrower"][1] > data["narrower"][0]), data["chosen_x"].values.tolist()
    (True, [100000.0])
    """
    if not isinstance(chosen, NextRuns):
        raise InputError(f"plot_next_runs draws what sb.next_runs returns, not {type(chosen).__name__}; ask that first")
    alone = chosen.alone
    if not len(alone):
        raise InputError("these runs were saved by an earlier release, without the candidates; ask sb.next_runs again")
    columns = [str(name) for name in alone if name not in ("cost", "ratio")]
    across, up = ("N", "D") if {"N", "D"} <= set(columns) else (columns[0], "narrower")
    table = chosen.table
    found = {name: ("candidate", alone[name].to_numpy(np.float64)) for name in (*columns, "cost")}
    narrower = 1 - alone["ratio"].to_numpy(np.float64)
    first = {name: ("chosen", table[name].to_numpy(np.float64)) for name in columns if name in table}
    picked = {f"chosen_{name}": values for name, values in first.items()}
    if up == "narrower":
        place = [int(np.argmin(np.abs(found[across][1] - x))) for x in first[across][1]]
        picked["chosen_narrower"] = "chosen", narrower[place]
    return xr.Dataset(
        {**found, "narrower": ("candidate", narrower), **picked},
        attrs={"across": across, "up": up, "target": chosen.target},
    )


def _map() -> Any:
    """The colours from light, for a run that tells nothing, to dark."""
    return style.ordered_map().reversed()


def _draw_map(ax: "Axes", x: np.ndarray, y: np.ndarray, colours: np.ndarray) -> None:
    """Draw cells where the candidates are a lattice, and dots where they are scattered."""
    columns, rows = np.unique(x), np.unique(y)
    ax.set_xscale("log")
    ax.set_yscale("log")
    if min(len(columns), len(rows)) < 2 or len(x) < FULL * len(columns) * len(rows):
        style.dots(ax, x, y, color=colours)
        return
    cells = np.ones((len(rows), len(columns), 4))
    cells[np.searchsorted(rows, y), np.searchsorted(columns, x)] = colours
    ax.pcolormesh(_edges(columns), _edges(rows), cells, zorder=1, rasterized=True)


def _edges(places: np.ndarray) -> np.ndarray:
    """The edges of cells around places on a log axis.

    >>> _edges(np.array([1.0, 100.0])).round(6).tolist()
    [0.1, 10.0, 1000.0]
    """
    logs = np.log(places)
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.r_[2 * logs[0] - middle[0], middle, 2 * logs[-1] - middle[-1]])


def _draw_budgets(ax: "Axes", x: np.ndarray, y: np.ndarray) -> None:
    """Draw lines of equal compute, at powers of ten."""
    ends, sides = np.array(ax.get_xlim()), ax.get_ylim()
    low, high = np.log10(6 * x.min() * y.min()), np.log10(6 * x.max() * y.max())
    step = max(int(np.ceil((high - low) / STEPS)), 1)
    for power in range(int(np.ceil(low)), int(high) + 1, step):
        ax.plot(ends, other_size(10.0**power, ends), color="0.55", linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
        where = float(other_size(10.0**power, sides[1]))
        if ends[0] <= where <= ends[1]:  # one that ends at the left would have its text on the cells
            with style.as_given(ax):
                ax.annotate(text_of("C")(10.0**power), (where, sides[1]), (2, 2), textcoords="offset points",
                            color="0.35", fontsize="small", annotation_clip=False)  # fmt: skip
    ax.set_xlim(*ends)
    ax.set_ylim(*sides)


def _draw_chosen(ax: "Axes", x: np.ndarray, y: np.ndarray) -> None:
    for place, at in enumerate(zip(x, y, strict=True)):
        ax.plot(*at, "o", markersize=CHOSEN, color=CHOICE, markeredgecolor="white", zorder=4 + place / 100)
        number: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": "white", "fontsize": NUMBER}
        ax.annotate(str(place + 1), at, zorder=4.005 + place / 100, **number)


def _handles(most: float) -> list[Any]:
    from matplotlib.patches import Patch

    values = np.linspace(0.0, most, STEPS)
    return [
        Patch(color=_map()(value / most if most > 0 else 0.0), label=percent(float(f"{value:.2g}"))) for value in values
    ]


def _marks(count: int) -> list[Any]:
    from matplotlib.lines import Line2D

    mark: dict[str, Any] = {"color": "none", "marker": "o", "markerfacecolor": CHOICE, "markeredgecolor": "white"}
    return [Line2D([], [], markersize=10, label="chosen, in this order", **mark)] if count else []
