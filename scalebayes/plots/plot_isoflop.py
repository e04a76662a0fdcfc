"""This file has `plot_isoflop`: the valley of the loss over N at each budget, with the posterior of its minimum."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import known_settings
from scalebayes.fitting.groups import Group
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.inputs import positive
from scalebayes.planning.optimum import optimum
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis, text_of
from scalebayes.plots.bands import Prob, band, draw_band
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import departs, lighter, pointwise
from scalebayes.plots.subject import Subject, one_subject
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VALLEYS = 5  # number of budgets where nobody says which
LEVEL = 0.05  # e-folds of compute within which runs are of one budget
FEWEST = 4  # number of runs that make a budget
NEAR = 0.2  # e-folds of compute from a budget within which a run is drawn with it
PLACES, PLACES_DEPARTING = 41, 17  # number of values of N in a valley
MARGIN = 0.7  # e-folds of N by which a valley goes beyond its runs and beyond the interval of its minimum


@known_settings
def plot_isoflop(
    fit: Asked,
    C: Any = None,
    *,
    prob: Prob = 0.9,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the valley of the observable over N at each budget, with the posterior of its minimum.

    At the floor of each valley a bar has the interval of the optimal N, and a diamond its median. Runs are drawn with
    the nearest budget if their compute is within 20 % of it; all others are left out.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`, of a law of N and D. Of a fit with a discrepancy, 250
            of its draws are asked for the optimum.

        C: The budgets, in FLOPs. The default is None: five of the budgets that at least four of the runs share, or,
            where there are no such budgets, five spread over the runs' compute.

        prob: The probability of the bands and of the bars, or several of them. The default is 0.9.

        of: "law" or "curve": which minimum is drawn, as for `optimum`. The default is None.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes.

    Raises:
        InputError: `fit` is none or `Fits`, the law isn't one of N and D, or a budget can't be used.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> ax = plot_isoflop(fitted, [1e21, 1e22])
    >>> [text.get_text() for text in ax.get_legend().get_texts()][:2]
    ['1e21', '1e22']
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_isoflop_data(fit, C, prob=prob, of=of, group=group, seed=seed)
    subject, ax = one_subject(fit, "plot_isoflop", sizes=True), style.opened(ax)
    name = subject.observable
    shades = style.shades(data["C"].values)
    for place, budget in enumerate(data["C"].values):
        one = data.isel(budget=place)
        draw_band(ax, one["N"], one, name, color=shades[place], label=text_of("C")(float(f"{budget:.3g}")))
        own = data["run_budget"].values == place
        style.dots(ax, data["run_N"].values[own], data[f"run_{name}"].values[own], color=[shades[place]])
        _draw_minimum(ax, one, shades[place])
    set_axis(ax.xaxis, "N", subject.runs)
    set_axis(ax.yaxis, name, subject.runs, log=bool((data[name] > 0).all()))
    key(ax, data, title="C (FLOPs)", more=_handles())
    style.say_failed(ax, str(data.attrs.get("failed", "")))
    return ax


@known_settings
def plot_isoflop_data(
    fit: Asked,
    C: Any = None,
    *,
    prob: Prob = 0.9,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_isoflop` draws.

    Args:
        fit: As for `plot_isoflop`.

        C: The budgets, as for `plot_isoflop`.

        prob: The probability of the bands and of the bars, or several of them. The default is 0.9.

        of: As for `plot_isoflop`. The default is None.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (budget, point), its `_lower` and `_upper` (prob, budget, point),
        and the coordinate N (budget, point); and with `minimum` (budget,), the median of the optimal N, its `_lower`
        and `_upper` (prob, budget), and `least` (budget,), the median of the least observable. The budgets are the
        coordinate C (budget,). The runs are `run_N`, `run_C` and the observable (run,), and `run_budget`, the place of
        the budget that a run is drawn with, -1 for none. Draws without a minimum are left out; `no_minimum` (budget,)
        is their share.

    Raises:
        InputError: As `plot_isoflop`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> round(plot_isoflop_data(fitted, 5.76e23)["minimum"].item() / 1e10, 1)
    7.2
    """
    subject = one_subject(fit, "plot_isoflop", sizes=True)
    budgets = np.sort(positive("C", C)) if C is not None else _budgets(subject.columns["C"])
    best = optimum(lighter(fit), C=budgets, of=of, group=group, seed=seed)
    minimum = band(best["N"], prob, "minimum")
    away = np.abs(np.log(subject.columns["C"][:, None] / budgets))
    which = np.where(away.min(axis=1) <= NEAR, away.argmin(axis=1), -1)
    places = PLACES_DEPARTING if departs(fit) else PLACES
    N = np.stack([_places(subject, which == k, minimum, k, places) for k in range(len(budgets))])
    answer = pointwise(
        fit,
        subject.filled({"N": N.ravel(), "D": other_size(budgets[:, None], N).ravel()}, {}),
        group=group,
        seed=seed,
    )
    valleys = {
        name: (
            (*x.dims[:-1], "budget", "point"),
            x.values.reshape(*x.shape[:-1], *N.shape),
        )
        for name, x in band(answer[subject.observable], prob).items()
    }
    found = xr.Dataset(
        {
            **minimum,
            "least": band(best[subject.observable], prob, "least")["least"],
            **{f"run_{name}": ("run", subject.columns[name]) for name in ("N", "C")},
            f"run_{subject.observable}": ("run", subject.runs.y),
            "run_budget": ("run", which),
        },
        attrs={name: answer.attrs[name] for name in ("failed", "review", "law")} | {"of": best.attrs["of"]},
    ).assign(valleys)
    coords = {"C": ("budget", budgets), "N": (("budget", "point"), N), "no_minimum": best["no_minimum"]}
    return found.drop_vars([name for name in found.coords if name != "prob"]).assign_coords(coords)


def _budgets(C: np.ndarray) -> np.ndarray:
    """Budgets that several runs share, or a few spread over the runs' compute."""
    order = np.sort(C)
    starts = np.r_[True, np.diff(np.log(order)) > LEVEL]
    groups = np.split(order, np.flatnonzero(starts)[1:])
    shared = np.array([float(np.median(one)) for one in groups if len(one) >= FEWEST and one[-1] / one[0] < 1.2])
    if len(shared) >= 2:
        wanted = np.linspace(np.log(shared[0]), np.log(shared[-1]), VALLEYS)
        return shared[np.unique(np.abs(np.log(shared)[:, None] - wanted).argmin(axis=0))]
    return np.exp(np.linspace(np.log(order[0]), np.log(order[-1]), VALLEYS))


def _places(subject: Subject, own: np.ndarray, minimum: Any, place: int, count: int) -> np.ndarray:
    """The values of N in a valley: those of its runs and of its minimum, and somewhat beyond."""
    ends = [subject.columns["N"][own]]
    for name in ("minimum_lower", "minimum", "minimum_upper"):
        values = np.atleast_1d(minimum[name].values[..., place])
        ends.append(values[np.isfinite(values)])
    every = np.concatenate(ends)
    every = every if len(every) else subject.columns["N"]
    return np.exp(np.linspace(np.log(every.min()) - MARGIN, np.log(every.max()) + MARGIN, count))


def _draw_minimum(ax: "Axes", one: xr.Dataset, color: Any) -> None:
    """Draw the interval of the optimal N at the valley's floor: a bar for each probability, and the median as a dot."""
    at = float(one["least"])
    for place, prob in enumerate(one["prob"].values):
        ends = [float(one[f"minimum_{end}"].sel(prob=prob)) for end in ("lower", "upper")]
        width = 4.0 + 2.5 * place
        ax.plot(ends, [at, at], color="white", linewidth=width + 2.0, solid_capstyle="butt", zorder=4)
        ax.plot(ends, [at, at], color=color, linewidth=width, solid_capstyle="butt", zorder=4.1)
    ax.plot([float(one["minimum"])], [at], "D", color=color, markeredgecolor="white", markersize=6, zorder=4.2)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D

    look = {"color": style.RUNS, "marker": "D", "markeredgecolor": "white", "markersize": 7}
    return [Line2D([], [], linewidth=4.0, label="optimal N", **look)]
