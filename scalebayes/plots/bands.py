"""This file makes bands of draws, and draws them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.fitting.summary import check_prob, columns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Prob = float | Sequence[float]
"""The probability of a band, or of several that are drawn over each other."""

SOFTEST, STRONGEST = 0.18, 0.36  # opacity of the widest band and of the narrowest


def probs_of(prob: Prob) -> list[float]:
    """The probabilities of the bands, each checked, from the widest band to the narrowest."""
    several = [float(one) for one in np.ravel(np.asarray(prob, np.float64))]
    for one in several:
        check_prob(one)
    return sorted(several, reverse=True)


def band(draws: xr.DataArray, prob: Prob, name: str | None = None) -> dict[str, xr.DataArray]:
    """The median of draws and the ends of their equal-tailed intervals, as `sb.interval` computes them.

    Args:
        draws: The draws (chain, draw, ...); NaN where a draw has no value.

        prob: The probability of each band.

        name: The beginning of the names of the variables. The default is None: that of the draws.

    Returns:
        `NAME` (...), the median, and `NAME_lower` and `NAME_upper` (prob, ...), from the widest band to the narrowest.
        With one draw, as from MAP, there is no interval, and the ends are NaN.

    >>> draws = xr.DataArray(np.arange(101.0).reshape(1, 101, 1), dims=("chain", "draw", "point"), name="loss")
    >>> {name: x.values.round(9).tolist() for name, x in band(draws, 0.9).items()}
    {'loss': [50.0], 'loss_lower': [[5.0]], 'loss_upper': [[95.0]]}
    """
    rest = [dim for dim in draws.dims if dim not in ("chain", "draw")]
    values = draws.transpose("chain", "draw", *rest).values
    flat = values.reshape(-1, *values.shape[2:])
    probs = probs_of(prob)
    columns = [columns_of(flat, one, 0) for one in probs]
    coords = {dim: draws.coords[dim] for dim in rest if dim in draws.coords}
    name = name or str(draws.name)
    ends = {
        f"{name}_{end}": xr.DataArray(
            np.stack([one[end] for one in columns]), {"prob": probs, **coords}, ("prob", *rest)
        )
        for end in ("lower", "upper")
    }
    return {name: xr.DataArray(columns[0]["median"], coords, rest), **ends}


def draw_band(
    ax: "Axes",
    x: Any,
    data: xr.Dataset,
    name: str,
    *,
    color: Any,
    line: Any = "-",
    label: str = "",
    beyond: Any = None,
    marker: str = "",
    zorder: float = 2.0,
) -> None:
    """Draw the median as a line over its bands; beyond the runs the line is dashed.

    Args:
        ax: The axes.

        x: The places along the axis (point,).

        data: A Dataset with the variables of `band` (point,).

        name: The name of the median.

        color: The colour.

        line: The line style. The default is a solid line.

        label: The text in the legend. The default is "": none.

        beyond: Whether each point is outside the range of the runs (point,). The default is None: none is.

        marker: The shape of the runs that belong to the line, which the legend shows on it. The default is "": none.

        zorder: The order in which lines are drawn; the bands lie below. The default is 2.
    """
    x, middle = np.asarray(x), np.asarray(data[name])
    for place, prob in enumerate(data["prob"].values):
        lower, upper = (np.asarray(data[f"{name}_{end}"].sel(prob=prob)) for end in ("lower", "upper"))
        ax.fill_between(x, lower, upper, color=color, alpha=opacity(place, data.sizes["prob"]), linewidth=0, zorder=1)
    far = np.zeros(len(x), bool) if beyond is None else np.asarray(beyond, bool)
    near = ~far
    far = far | np.r_[far[1:], False] | np.r_[False, far[:-1]]  # so that the dashed line meets the solid one
    look: dict[str, Any] = {"color": color, "linewidth": 1.8, "zorder": zorder}
    shape = {"marker": marker, "markevery": [], "markeredgecolor": "white"} if marker else {}
    ax.plot(x, np.where(near, middle, np.nan), linestyle=line, label=label, **look, **shape)
    if not near.all():
        ax.plot(x, np.where(far, middle, np.nan), linestyle=(0, (3, 2)), **look)


def opacity(place: int, count: int) -> float:
    """The opacity of a band at a place among several, of which the first is the widest."""
    return SOFTEST if count == 1 else SOFTEST + (STRONGEST - SOFTEST) * place / (count - 1)


def percent(prob: float) -> str:
    """The probability of a band as text.

    >>> percent(0.9), percent(0.995)
    ('90 %', '99.5 %')
    """
    return f"{100 * prob:.4g} %"
