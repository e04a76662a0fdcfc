"""This file has `plot_floor`: how a long forecast moves with the irreducible loss, and what is known of that."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.figures import as_typed, figure
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Group
from scalebayes.fitting.summary import check_prob, columns_of
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.predict import predict
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis
from scalebayes.plots.bands import draw_band, percent
from scalebayes.plots.given_floor import LEAST, density_of, floors_of, quantiles_given
from scalebayes.plots.key import key
from scalebayes.plots.subject import beyond_runs, one_subject
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MULTIPLES = (10.0, 100.0, 300.0)  # of the runs' largest compute
PLACES = 41  # number of values of the floor
SHOWN = 0.99  # probability of the range of floors along the axis
BAR = 9.0  # points between the bars at the right
HIGH = 0.22  # height of the strip with the floor's posterior, as a share of the axes


@known_settings
def plot_floor(
    fit: Asked,
    multiples: Sequence[float] = MULTIPLES,
    *,
    floor: str = "E",
    at: Mapping[str, Any] | None = None,
    prob: float = 0.9,
    group: Group = None,
    seed: Seed = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the forecast at multiples of the runs' compute as a function of the irreducible loss E, with its posterior.

    The irreducible loss moves long forecasts most, and it is often fixed by hand. This figure says what that does: each
    line is the forecast, given a value of E and the runs, with the band of all that is left unknown then. The strip
    above is the posterior of E; the bars at the right are the forecasts that leave E free.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`, of a law with a free floor.

        multiples: Multiples of the runs' largest compute, at one D/N; of the largest input where the law takes no N and
            D. The default is (10, 100, 300).

        floor: The name of the floor. The default is "E".

        at: Values of the other inputs by name. For a law of N and D it is one of N, D and D_per_N. The default is
            None: the runs' medians.

        prob: The probability of the bands. The default is 0.9.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes; the strip above is among its `child_axes`.

    Raises:
        InputError: `fit` is none or `Fits`, the law has no such floor, it is fixed, or there are too few draws.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.0, 1.51, 1.25, 1.13])
    >>> fitted = sb.fit(runs, "offset_power", method="laplace", on_fail="ignore")
    >>> data = plot_floor_data(fitted, [100.0])
    >>> bool((data["loss"].diff("E") > 0).all()), bool(data["explained"][0] > 0.9)
    (True, True)
    >>> ax = plot_floor(fitted)
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_floor_data(fit, multiples, floor=floor, at=at, prob=prob, group=group, seed=seed)
    subject, ax = one_subject(fit, "plot_floor"), style.opened(ax)
    name, places = subject.observable, data[floor].values
    shades = style.shades(data["multiple"].values)
    for place, multiple in enumerate(data["multiple"].values):
        one = data.isel(multiple=place)
        ends = [float(one[f"any_{name}{end}"]) for end in ("", "_lower", "_upper")]
        label = f"{as_typed(multiple)}x: {figure(ends[0])} ({figure(ends[1])} to {figure(ends[2])})"
        draw_band(ax, places, one, name, color=shades[place], label=label)
        _draw_free(ax, BAR * (place + 1), ends, shades[place])
    posterior = data[f"{floor}_quantiles"].values
    for value in posterior:
        ax.axvline(value, color=style.RUNS, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)
    set_axis(ax.xaxis, floor, subject.runs, log=False)
    ax.set_xlabel(ax.get_xlabel().replace("unit not said", subject.runs.unit or "unit not said"))
    set_axis(ax.yaxis, name, subject.runs, log=False)
    strip = _draw_posterior(ax, data, floor, prob)
    what = "compute" if data.attrs["against"] == "C" else data.attrs["against"]
    key(
        ax,
        data,
        title=f"multiple of the runs' {what}:\nforecast with {floor} left free",
        runs=None,
        shift=BAR * (data.sizes["multiple"] + 1),
    )
    style.say_failed(strip, str(data.attrs.get("failed", "")))
    return ax


@known_settings
def plot_floor_data(
    fit: Asked,
    multiples: Sequence[float] = MULTIPLES,
    *,
    floor: str = "E",
    at: Mapping[str, Any] | None = None,
    prob: float = 0.9,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_floor` draws: quantiles of the forecast given the floor.

    Near each value e of the floor, the draws are weighted by a Normal kernel, as wide as it takes for 300 different
    draws. Each forecast is moved to e along the weighted regression line of forecasts on floors, and the quantiles are
    those of the weighted forecasts. The values of the floor go from one end of its interval to the other. Source:
    Beaumont, Zhang and Balding 2002, Genetics 162, 2025, who condition simulations this way.

    Args:
        fit: As for `plot_floor`.

        multiples: Multiples of the runs' largest compute. The default is (10, 100, 300).

        floor: The name of the floor. The default is "E".

        at: As for `plot_floor`.

        prob: The probability of the bands. The default is 0.9.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (multiple, E) given E, and its `_lower` and `_upper` (prob,
        multiple, E), with one band; under `any_...` (multiple,) the same with E left free; `explained` (multiple,), the
        share of the forecast's variance that a line in E explains; `draws_near` (E,), the effective number of
        different draws that a value of E rests on: where it is below 100 the quantiles are NaN. `E_density` (at,) is
        the density of E's posterior at `E_at` (at,), by ArviZ, and `E_quantiles` has its lower end, median and upper
        end. The attribute `without` is the share of a stack's draws whose law has no floor; they are left out.

    Raises:
        InputError: As `plot_floor`.
    """
    check_prob(prob)
    subject = one_subject(fit, "plot_floor")
    times = np.atleast_1d(np.asarray(multiples, np.float64))
    along, places, inputs = beyond_runs(subject, times, dict(at or {}))
    floors = floors_of(fit, floor)
    answer = predict(fit, inputs, group=group, seed=seed)
    draws = answer[subject.observable].transpose("chain", "draw", "point").values.reshape(-1, len(times))
    kept = np.isfinite(floors)
    floors, draws = floors[kept], draws[kept]
    at_E, density, width = density_of(floors)
    ends = columns_of(floors, prob, 0)
    grid = np.linspace(ends["lower"], ends["upper"], PLACES)
    near, given = quantiles_given(floors, draws, grid, width, prob)
    if np.isnan(given).all():
        most = int(near.max())
        raise InputError(
            f"at no value of {floor} are there {LEAST:g} different draws to say what follows from it, but {most}; "
            "fit with more draws, such as method=sb.Laplace(draws=8000)"
        )
    free = columns_of(draws, prob, 0)
    of_floor = columns_of(floors, prob, 0)
    name = subject.observable
    about = {key: answer.attrs[key] for key in ("failed", "review", "law")}
    return xr.Dataset(
        {
            name: (("multiple", floor), given[0]),
            f"{name}_lower": (("prob", "multiple", floor), given[1:2]),
            f"{name}_upper": (("prob", "multiple", floor), given[2:]),
            f"any_{name}": ("multiple", free["median"]),
            **{f"any_{name}_{end}": ("multiple", free[end]) for end in ("lower", "upper")},
            "explained": ("multiple", [np.corrcoef(floors, y)[0, 1] ** 2 for y in draws.T]),
            "draws_near": (floor, near),
            f"{floor}_density": ("at", density),
            f"{floor}_quantiles": ("end", [of_floor[end] for end in ("lower", "median", "upper")]),
        },
        {
            "multiple": times,
            "prob": [float(prob)],
            along: ("multiple", places),
            floor: grid,
            f"{floor}_at": ("at", at_E),
            "end": ["lower", "median", "upper"],
        },
        {"against": along, "floor": floor, "without": float(1 - kept.mean()), **about},
    )


def _draw_free(ax: "Axes", away: float, ends: Sequence[float], color: Any) -> None:
    """Draw at the right of the axes the forecast that leaves the floor free: its interval, and a dot at the median."""
    from matplotlib.transforms import blended_transform_factory

    where = blended_transform_factory(style.beside(ax, away), ax.transData)
    look: dict[str, Any] = {"transform": where, "color": color, "clip_on": False}
    ax.plot([1, 1], ends[1:], linewidth=3, solid_capstyle="butt", **look)
    ax.plot([1], ends[:1], "o", markeredgecolor="white", markersize=7, **look)


def _draw_posterior(ax: "Axes", data: xr.Dataset, floor: str, prob: float) -> "Axes":
    """Draw the posterior of the floor in a strip above the axes, which is returned."""
    strip = ax.inset_axes((0.0, 1.03, 1.0, HIGH), sharex=ax)
    low, _, high = data[f"{floor}_quantiles"].values
    at, density = data[f"{floor}_at"].values, data[f"{floor}_density"].values
    strip.fill_between(at, density, color=style.RUNS, alpha=0.25, linewidth=0)
    inside = (at >= low) & (at <= high)
    strip.fill_between(at[inside], density[inside], color=style.RUNS, alpha=0.35, linewidth=0)
    strip.set_ylim(0, None)
    strip.set_yticks([])
    strip.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    for side in ("left", "top", "right"):
        strip.spines[side].set_visible(False)
    with style.as_given(ax):
        strip.text(1.01, 0.0, f"posterior of {floor}\n(dark: {percent(prob)})", transform=strip.transAxes, va="bottom")
    share = np.cumsum(density) / density.sum()
    low, high = np.interp([(1 - SHOWN) / 2, (1 + SHOWN) / 2], share, at)
    ax.set_xlim(low, high)
    return strip
