"""This file has `plot_recipes`: the losses of two recipes along budgets, where they cross, and the gain in compute."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.figures import figure, shortened
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.planning.recipes.result import RecipeComparison
from scalebayes.plots import style
from scalebayes.plots.axis import plain_axis, set_axis
from scalebayes.plots.bands import band, draw_band, percent
from scalebayes.plots.key import key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 12  # characters of a recipe's name along the axis of the gain; a longer one is cut in the middle
SIZE = (4.4, 4.2)  # inches of a panel
GAIN = "#000000"  # the gain, which belongs to neither recipe
BEYOND = 3.0  # the factor beyond the finite values up to which the axis of the gain goes where some are infinite or 0
ROOM = 1.15  # the factor by which the axis of the gain goes beyond the finite values
FEWEST = 0.01  # share of the pairs that cross, below which no crossing is drawn


@known_settings
def plot_recipes(compared: RecipeComparison, *, prob: float = 0.9, ax: Any = None) -> Any:
    """Draw two recipes along budgets: the loss of each at its optimum, where they cross, and the gain in compute.

    The crossing is that of the pairs of draws that cross at all, whose share the legend says. The gain is the compute
    that the second recipe needs to reach the loss of the first, over the compute of the first.

    Args:
        compared: What `sb.compare_recipes` returned, for two budgets or more.

        prob: The probability of the bands and of the interval of the crossing. The default is 0.9.

        ax: Two axes to draw on. The default is None: a figure is opened.

    Returns:
        An array of the two axes.

    Raises:
        InputError: It is no comparison of recipes, or has one budget.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> law, values = sb.laws.get("chinchilla"), sb.laws.published("besiroglu2024").values
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> old = sb.fit(runs, law, priors=values, method="map", on_fail="ignore")
    >>> new = sb.fit(runs, law, priors=values | {"A": values["A"] * 0.9}, method="map", on_fail="ignore")
    >>> axes = plot_recipes(sb.compare_recipes(new, old, C=[1e21, 1e24], names=("new", "old")))
    >>> [ax.get_ylabel() for ax in axes]
    ['loss (unit not said)', 'compute of old for the loss of new\\n(multiples of that of new)']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_recipes_data(compared, prob=prob)
    a, b = map(shown, compared.names)
    losses, gain = style.opened_panels(2, ax, columns=2, size=SIZE)
    C = data["C"].values
    _draw_crossing(losses, data)
    for place, (one, name) in enumerate((("loss_a", a), ("loss_b", b))):
        look = {"color": style.colour(place), "line": style.dashes(place)}
        draw_band(losses, C, data, one, label=name, **look)
    _draw_gain(gain, data)
    for panel in (losses, gain):
        set_axis(panel.xaxis, "C")
    name, unit = data.attrs["observable"], data.attrs["unit"] or "unit not said"
    set_axis(losses.yaxis, "loss", log=bool((data["loss_a"] > 0).all() and (data["loss_b"] > 0).all()))
    losses.set_ylabel(shown(f"{name} ({unit})"))
    set_axis(gain.yaxis, "gain")
    one, other = (shortened(name, LONGEST) for name in (a, b))
    plain_axis(gain.yaxis, f"compute of {other} for the loss of {one}\n(multiples of that of {one})")
    handles = losses.get_legend_handles_labels()[0]
    key(gain, data if compared.pairs > 1 else None, runs=None, more=handles)
    style.say_failed(losses, str(data.attrs["failed"]))
    return np.array([losses, gain], object)


@known_settings
def plot_recipes_data(compared: RecipeComparison, *, prob: float = 0.9) -> xr.Dataset:
    """Compute what `plot_recipes` draws.

    Args:
        compared: What `sb.compare_recipes` returned.

        prob: The probability of the bands and of the interval of the crossing. The default is 0.9.

    Returns:
        A Dataset with the medians of `loss_a`, `loss_b` and `gain` (budget,), their `_lower` and `_upper` (prob,
        budget), and `P` (budget,), the probability that a has the lower loss, along the coordinate C (budget,). A gain
        is infinite where b is out of reach of a. `crossing` (end,) has the lower end, the median and the upper end of
        the budget where the two cross, and `crossing_share` is the share of the pairs of draws that cross.

    Raises:
        InputError: As `plot_recipes`.

    >>> import scalebayes as sb
    >>> law, values = sb.laws.get("chinchilla"), sb.laws.published("besiroglu2024").values
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> old = sb.fit(runs, law, priors=values, method="map", on_fail="ignore")
    >>> new = sb.fit(runs, law, priors=values | {"A": values["A"] * 0.9}, method="map", on_fail="ignore")
    >>> plot_recipes_data(sb.compare_recipes(new, old, C=[1e21, 1e24]))["gain"].values.round(2).tolist()
    [1.35, 1.35]
    """
    if not isinstance(compared, RecipeComparison):
        raise InputError(
            f"plot_recipes draws what sb.compare_recipes returns, not {type(compared).__name__}; compare two fits first"
        )
    if len(np.unique(compared.data["C"].values)) < 2:
        raise InputError("plot_recipes draws along budgets, and this comparison has one; give sb.compare_recipes more")
    data = compared.data.drop_vars("axis").sortby("C")
    table, crossing = compared.table(prob).sort_values("C", kind="stable"), compared.crossing(prob)
    return xr.Dataset(
        {
            **band(data["loss_a"], prob),
            **band(data["loss_b"], prob),
            "gain": ("budget", table["gain"].to_numpy()),
            **{
                f"gain_{end}": (("prob", "budget"), table[f"gain_{end}"].to_numpy()[None]) for end in ("lower", "upper")
            },
            "P": ("budget", table["P"].to_numpy()),
            "crossing": ("end", [crossing.lower, crossing.median, crossing.upper]),
            "crossing_share": crossing.share,
        },
        {"C": ("budget", data["C"].values), "prob": [float(prob)], "end": ["lower", "median", "upper"]},
        {name: data.attrs[name] for name in ("a", "b", "observable", "unit", "failed", "review")},
    )


def _draw_crossing(ax: "Axes", data: xr.Dataset) -> None:
    """Draw the interval of the budget where the two cross, with its median."""
    share, (lower, middle, upper) = float(data["crossing_share"]), data["crossing"].values
    if share < FEWEST:
        return
    where = figure(middle, 2)
    if np.isfinite(lower):
        ax.axvspan(lower, upper, color="0.5", alpha=0.15, linewidth=0, zorder=0.5)
        where = f"{where} ({figure(lower, 2)} to {figure(upper, 2)}),\nin {percent(round(share, 2))} of the draws"
    label = f"they cross at C = {where}"
    ax.axvline(middle, color="0.4", linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1, label=label)


def _draw_gain(ax: "Axes", data: xr.Dataset) -> None:
    """Draw the gain with its band; where an end is infinite or 0, the band runs out of the axes."""
    names = ("gain", "gain_lower", "gain_upper")
    every = np.concatenate([data[name].values.ravel() for name in names] + [np.ones(1)])
    inside = every[np.isfinite(every) & (every > 0)]
    low, high = inside.min(), inside.max()
    within = data.assign({name: data[name].clip(low / BEYOND**2, high * BEYOND**2) for name in names})
    ax.axhline(1.0, color="0.3", linewidth=1.0, zorder=1.5)
    draw_band(ax, data["C"].values, within, "gain", color=GAIN)
    bottom = BEYOND if (every == 0).any() else ROOM
    top = BEYOND if np.isposinf(every).any() else ROOM
    ax.set_yscale("log")
    ax.set_ylim(low / bottom, high * top)
