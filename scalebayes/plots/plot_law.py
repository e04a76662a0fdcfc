"""This file has `plot_law`, which draws a law at given parameters; it needs no runs."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes import laws
from scalebayes.compute import other_size
from scalebayes.display.figures import as_typed
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.infer.double import double
from scalebayes.laws.law import Law
from scalebayes.plots import style
from scalebayes.plots.axis import label_of, set_axis, text_of
from scalebayes.plots.key import key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 257  # number of places along the curve
WIDEST = (1.0, 1e6)  # the range of an input where neither the caller nor the law says one
# Multiples of the floor E that the falling part of the law has at the ends of the range, where nobody gives one.
STEEP, FLAT = 3.0, 0.03


@known_settings
def plot_law(
    law: str | Law, *, against: str | None = None, unit: str = "", ax: "Axes | None" = None, **values: Any
) -> "Axes":
    """Draw a law on log axes at given parameters. No runs are needed.

    Args:
        law: The name of a law, or a `Law`.

        against: The input along the axis; the law must take it, or take N and D, with which it may be C too. The
            default is None: the input that is given as a range, else the law's first.

        unit: The unit of the law's values, for the axis, such as "nats/token". The default is "": it isn't said.

        ax: Axes to draw on. The default is None: a figure is opened.

        **values: The parameters and the inputs of the law by name. The input along the axis is a range (low, high), or
            left out. One of the others may be a list, and each of its values gives a curve. A parameter that the law
            fixes may be left out.

    Returns:
        The axes.

    Raises:
        InputError: The law isn't known, a value is missing or unknown, or more than one value is a list.

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = plot_law("offset_power", A=20.0, alpha=0.3, E=1.7)
    >>> ax.get_xlabel(), ax.get_xscale(), len(ax.lines)
    ('x', 'log', 2)
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_law_data(law, against=against, **values)
    chosen, ax = laws.get(law), style.opened(ax)
    along, name = str(data.attrs["against"]), chosen.observable
    varied = data.attrs["varied"]
    title = label_of(varied) if varied in (*chosen.inputs, "C") else varied
    for place, curve in enumerate(data["curve"].values):
        one = data.sel(curve=curve)
        ordered = varied and data.sizes["curve"] > 1 and (data[varied] > 0).all()
        shade = style.shades(data[varied].values)[place] if ordered else style.colour(place)
        label = text_of(varied)(float(one[varied])) if varied else shown(chosen.name)
        ax.plot(data[along], one[name], color=shade, linestyle=style.dashes(place), linewidth=1.8, label=label)
    if "E" in data.attrs:
        floor = float(data.attrs["E"])
        ax.axhline(floor, color=style.RUNS, linestyle=":", linewidth=1.2, label=f"E = {as_typed(floor)}", zorder=1)
    set_axis(ax.xaxis, along, log=along not in chosen.domains)
    set_axis(ax.yaxis, name, log=bool((data[name] > 0).all()), unit=unit)
    if data.sizes["curve"] == 1 and not varied:
        with style.as_given(ax):
            ax.set_title(shown(f"{name} = {chosen.formula}") if chosen.formula else "", loc="left")
    key(ax, title=title, runs=None)
    return ax


@known_settings
def plot_law_data(law: str | Law, *, against: str | None = None, **values: Any) -> xr.Dataset:
    """Compute what `plot_law` draws: the law along one input.

    Args:
        law: The name of a law, or a `Law`.

        against: The input along the axis, as for `plot_law`.

        **values: The parameters and the inputs of the law by name, as for `plot_law`.

    Returns:
        A Dataset with the observable (curve, point). The input along the axis is a coordinate (point,), and the value
        that differs between the curves, if any, is one (curve,). The attributes `against` and `varied` name the two,
        and `E` is the floor, where all curves have the same.

    Raises:
        InputError: As `plot_law`.

    >>> found = plot_law_data("offset_power", A=20.0, alpha=0.5, E=1.5, x=(1.0, 400.0))
    >>> found["loss"].values[0, [0, -1]].round(9).tolist()
    [21.5, 2.5]
    """
    chosen = laws.get(law)
    ranges = [name for name, value in values.items() if isinstance(value, tuple) and len(value) == 2]
    along = against or (ranges[0] if ranges else _first_free(chosen, values))
    lists = [name for name, value in values.items() if name != along and np.ndim(value) > 0]
    if len(lists) > 1 or set(ranges) - {along}:
        raise InputError(f"one value may be a list, and one input a range; here {', '.join({*lists, *ranges})} are")
    numbers = {name: np.asarray(value, np.float64) for name, value in values.items() if name != along}
    varied = lists[0] if lists else ""
    if varied:
        numbers[varied] = numbers[varied][:, None]
    with double():
        low, high = values[along] if along in ranges else _range(chosen, along, numbers)
        if not low < high or (along not in chosen.domains and low <= 0):
            raise InputError(f"{along} is a range (low, high), such as {along}=(1e6, 1e12), not {values[along]!r}")
        plain = along in chosen.domains
        places = np.linspace(low, high, POINTS) if plain else np.exp(np.linspace(np.log(low), np.log(high), POINTS))
        places[[0, -1]] = low, high
        found = np.atleast_2d(np.asarray(_at(chosen, along, places, numbers)))
    curves = numbers[varied].ravel() if varied else np.zeros(1)
    floor = numbers.get("E", np.array(np.nan))
    return xr.Dataset(
        {chosen.observable: (("curve", "point"), np.broadcast_to(found, (len(curves), POINTS)))},
        {along: ("point", places), "curve": np.arange(len(curves)), **({varied: ("curve", curves)} if varied else {})},
        {"against": along, "varied": varied, "law": chosen.name}
        | ({"E": float(floor)} if floor.ndim == 0 and np.isfinite(floor) and floor > 0 else {}),
    )


def _first_free(law: Law, values: Any) -> str:
    """The first input that isn't given as a number or a list."""
    free = [name for name in law.inputs if name not in values]
    return free[0] if free else law.inputs[0]


def _at(law: Law, along: str, places: np.ndarray, numbers: Any) -> Any:
    """The law at places along an axis; along C, with one of N and D, the other follows."""
    if along in law.inputs:
        return law(**{**numbers, along: places})
    if along != "C" or not {"N", "D"} <= set(law.inputs) or len({"N", "D"} & set(numbers)) != 1:
        raise InputError(f"law {law.name!r} takes {', '.join(law.inputs)}; draw it against one of these, not {along!r}")
    given, other = ("N", "D") if "N" in numbers else ("D", "N")
    return law(**{**numbers, other: other_size(places, numbers[given])})


def _range(law: Law, along: str, numbers: Any) -> tuple[float, float]:
    """Where the law falls to its floor, if it has one within 40 decades; else six decades from one on."""
    if along in law.domains:
        low, high = law.domains[along]
        return max(low, -10.0), min(high, 10.0)
    grid = np.logspace(-10, 30, 401)
    found = np.atleast_2d(np.asarray(_at(law, along, grid, numbers)))
    floor = found[:, -1:]
    above = (found - floor) / np.abs(floor)
    falls = np.isfinite(above).all() and (above[:, -40] < FLAT / 30).all() and (above[:, 0] > STEEP).all()
    if not falls:
        return WIDEST
    return float(grid[(above < STEEP).all(axis=0).argmax()]), float(grid[(above < FLAT).all(axis=0).argmax()])
