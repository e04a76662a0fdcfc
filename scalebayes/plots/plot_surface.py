"""This file has `plot_surface`: contours of the forecast over N and D, with the runs and the optimal path."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import known_settings
from scalebayes.fitting.groups import Group
from scalebayes.forecasting.ask import Asked
from scalebayes.planning.optimum import optimum
from scalebayes.plots import style
from scalebayes.plots.axis import label_of, set_axis
from scalebayes.plots.bands import Prob, band, opacity
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import departs, lighter, pointwise
from scalebayes.plots.subject import one_subject, spread
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE, SIDE_DEPARTING = 33, 13  # number of values of N and of D
BUDGETS, BUDGETS_DEPARTING = 33, 7  # number of budgets along the optimal path
LEVELS = 9  # number of contours, about
EDGE = 0.06  # share of the axes from each of their sides where no label of a contour stands
BEYOND = 3.0  # the factor by which the surface goes beyond the runs on every side
PATH = "#BB5566"  # the optimal path and its band


@known_settings
def plot_surface(
    fit: Asked,
    *,
    prob: Prob = 0.9,
    beyond: float = BEYOND,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw contours of the median forecast over N and D, with the runs and the optimal path with its band.

    The runs have the colour of their own observable, on the scale of the contours, so that a run that the law misses
    stands out. At each budget the band is the interval of the optimal N, along the line of equal compute.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`, of a law of N and D. Of a fit with a discrepancy, 250
            of its draws are asked for the optimum.

        prob: The probability of the band of the path, or several of them. The default is 0.9.

        beyond: The factor by which the surface goes beyond the runs on every side. The default is 3.

        of: "law" or "curve": which optimum is drawn, as for `optimum`. The default is None.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes.

    Raises:
        InputError: `fit` is none or `Fits`, or the law isn't one of N and D.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> ax = plot_surface(fitted)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('N (parameters)', 'D (tokens)')
    >>> matplotlib.pyplot.close(ax.figure)
    """
    from scalebayes.plots.ticks import TickText

    data = plot_surface_data(fit, prob=prob, beyond=beyond, of=of, group=group, seed=seed)
    subject, ax = one_subject(fit, "plot_surface", sizes=True), style.opened(ax)
    name = subject.observable
    N, D, surface = data["N"].values, data["D"].values, data[name].values
    log = bool((surface > 0).all())
    levels = _levels(surface, log)
    scale = _scale(surface, data[f"run_{name}"].values, log)
    set_axis(ax.xaxis, "N", subject.runs)
    set_axis(ax.yaxis, "D", subject.runs)
    ax.grid(False)
    ax.set_xlim(N[0], N[-1])
    ax.set_ylim(D[0], D[-1])
    lines = ax.contour(N, D, surface.T, levels=levels, cmap=style.ordered_map(), norm=scale, linewidths=1.2, zorder=1)
    with style.as_given(ax):
        texts = dict(zip(levels, TickText(lambda x: f"{x:.6g}").format_ticks(levels.tolist()), strict=True))
        spots = _label_spots(ax, lines, data)
        ax.clabel(lines, fmt=texts, fontsize="small", inline=True, inline_spacing=4, manual=spots)
    for place, one in enumerate(data["prob"].values):
        low, high = (data[f"path_N_{end}"].sel(prob=one).values for end in ("lower", "upper"))
        there = np.isfinite(low) & np.isfinite(high)
        C = data["C"].values[there]
        x = np.r_[low[there], high[there][::-1]]
        y = other_size(np.r_[C, C[::-1]], x)
        ax.fill(x, y, color=PATH, alpha=2 * opacity(place, data.sizes["prob"]), linewidth=0, zorder=1.5)
    ax.plot(data["path_N"].values, data["path_D"].values, color=PATH, linewidth=2.0, label="optimal path", zorder=2)
    runs = style.ordered_map()(scale(data[f"run_{name}"].values))
    style.dots(ax, data["run_N"].values, data["run_D"].values, color=runs)
    key(ax, data, title=f"contours: {label_of(name, subject.runs)}", color=PATH, more=_handles())
    style.say_failed(ax, str(data.attrs.get("failed", "")))
    return ax


@known_settings
def plot_surface_data(
    fit: Asked,
    *,
    prob: Prob = 0.9,
    beyond: float = BEYOND,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_surface` draws.

    Args:
        fit: As for `plot_surface`.

        prob: The probability of the band of the path, or several of them. The default is 0.9.

        beyond: The factor by which the surface goes beyond the runs on every side. The default is 3.

        of: As for `plot_surface`. The default is None.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (N, D), and the optimal path `path_N` and `path_D` (budget,), the
        medians at the budgets C (budget,), with `path_N_lower` and `path_N_upper` (prob, budget). The runs are
        `run_N`, `run_D` and the observable (run,).

    Raises:
        InputError: As `plot_surface`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> data = plot_surface_data(fitted)
    >>> dict(data["loss"].sizes), bool(data["path_N"][-1] > data["path_N"][0])
    ({'N': 33, 'D': 33}, True)
    """
    subject = one_subject(fit, "plot_surface", sizes=True)
    light, departing = lighter(fit), departs(fit)
    side = SIDE_DEPARTING if departing else SIDE
    N, D = (spread(subject.columns[name], beyond, beyond, True, side) for name in ("N", "D"))
    C = spread(subject.columns["C"], beyond, beyond, True, BUDGETS_DEPARTING if departing and of != "law" else BUDGETS)
    inputs = subject.filled({"N": np.repeat(N, side), "D": np.tile(D, side)}, {})
    answer = pointwise(light, inputs, group=group, seed=seed)
    best = optimum(light, C=C, of=of, group=group, seed=seed)
    path = band(best["N"], prob, "path_N")
    middle = band(answer[subject.observable], prob)[subject.observable].values
    data = xr.Dataset(
        {
            **path,
            "path_D": ("budget", other_size(C, path["path_N"].values)),
            **{f"run_{name}": ("run", subject.columns[name]) for name in ("N", "D")},
            f"run_{subject.observable}": ("run", subject.runs.y),
        },
        attrs={name: answer.attrs[name] for name in ("failed", "review", "law")} | {"of": best.attrs["of"]},
    )
    data = data.drop_vars([name for name in data.coords if name != "prob"])
    surface = {subject.observable: (("N", "D"), middle.reshape(side, side))}
    return data.assign_coords(C=("budget", C), N=N, D=D).assign(surface)


def _levels(surface: np.ndarray, log: bool) -> np.ndarray:
    """Round values of the contours, evenly spaced in the log where the observable is positive."""
    from matplotlib.ticker import MaxNLocator

    low, high = np.quantile(surface, [0.01, 0.99])
    if not log:
        return np.asarray(MaxNLocator(LEVELS).tick_values(low, high))
    wanted = np.exp(np.linspace(np.log(low), np.log(high), LEVELS + 1))
    digits = int(np.ceil(-np.log10(np.diff(wanted).min()))) if len(wanted) > 1 else 2
    return np.unique(np.round(wanted, max(digits, 0)))


def _label_spots(ax: "Axes", lines: Any, data: xr.Dataset) -> list[tuple[float, float]]:
    """One place on each contour that is far from the runs, from the optimal path and from the other labels."""
    whole = ax.transData + ax.transAxes.inverted()  # as shares of the axes, so that distances are those that are seen
    taken = [
        whole.transform(np.column_stack([data[f"{of}_N"].values, data[f"{of}_D"].values])) for of in ("run", "path")
    ]
    found = []
    for path in lines.get_paths():
        at = whole.transform(path.vertices) if len(path.vertices) else np.empty((0, 2))
        inside = ((at > EDGE) & (at < 1 - EDGE)).all(axis=1)
        if inside.any():
            others = np.concatenate(taken)
            others = others[np.isfinite(others).all(axis=1)]
            away = np.linalg.norm(at[inside][:, None] - others, axis=2).min(axis=1)
            best = int(away.argmax())
            found.append(tuple(path.vertices[inside][best]))
            taken.append(at[inside][best : best + 1])
    return found


def _scale(surface: np.ndarray, runs: np.ndarray, log: bool) -> Any:
    """The scale of the colours of the contours and of the runs."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = np.quantile(np.r_[surface.ravel(), runs], [0.01, 0.99])
    return (LogNorm if log else Normalize)(low, high, clip=True)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=style.RUNS, linewidth=1.2, label="median forecast")]
