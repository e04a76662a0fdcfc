"""This file has `plot_pairs`: the draws of every two parameters against each other, with published values marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings, shown, unknown
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import warn_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.laws.published import PRESETS
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis, token_of
from scalebayes.plots.given_floor import density_of
from scalebayes.plots.key import key
from scalebayes.plots.parameter_draws import Parameter, parameters_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWS = 1500  # number of draws that are drawn, at most; more of them are a blot
SIDE = 1.75  # inches of a panel
CLEAR = 0.25  # opacity of a draw


@known_settings
def plot_pairs(
    fit: Fit | Recalibrated,
    names: Sequence[str] | None = None,
    *,
    beside: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw the posterior draws of every two parameters against each other, with published values marked.

    On the diagonal is the density of each parameter. A narrow slanted cloud says that the runs determine a combination
    of two parameters, and neither of them alone.

    Args:
        fit: A `Fit`, or a `Recalibrated`, whose fit is drawn.

        names: The parameters, two or more. The default is None: those of the law that are free.

        beside: The names of published values of the same law, as for `sb.laws.published`. The default is None: all
            there are, where D counts tokens, and none where it counts something else, such as bytes.

        ax: An array of axes to draw on, a row and a column for each parameter. The default is None: a figure is opened.

    Returns:
        An array of axes (parameter, parameter). Those above the diagonal are None.

    Raises:
        InputError: `fit` is no fit or has one draw, a parameter isn't free, or published values are of another law.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.0, 1.51, 1.25, 1.13])
    >>> axes = plot_pairs(sb.fit(runs, "offset_power", method="laplace", on_fail="ignore"))
    >>> axes.shape, axes[2, 0].get_xlabel(), axes[2, 0].get_ylabel()
    ((3, 3), 'A (loss x^alpha)', 'E (loss)')
    >>> matplotlib.pyplot.close(axes[0, 0].figure)
    """
    data = plot_pairs_data(fit, names, beside=beside)
    one, parameters = parameters_of(fit, list(data["parameter"].values), "plot_pairs")
    count = len(parameters)
    panels = np.array(style.opened_panels(count**2, ax, columns=count, size=(SIDE, SIDE)), object).reshape(count, count)
    ends = [_ends(parameter, data) for parameter in parameters]
    for i, j in np.ndindex(count, count):
        panel: Any = panels[i, j]
        if j > i:
            panel.set_visible(False)
            continue
        if i == j:
            _draw_density(panel, data, parameters[i])
        else:
            _draw_pair(panel, data, parameters[j].name, parameters[i].name)
            panel.set_yscale("log" if parameters[i].log else "linear")
            panel.set_ylim(ends[i])
            set_axis(panel.yaxis, parameters[i].name, one.runs, log=parameters[i].log)
            panel.set_ylabel(parameters[i].label if j == 0 else "")
        panel.set_xscale("log" if parameters[j].log else "linear")
        panel.set_xlim(ends[j])
        set_axis(panel.xaxis, parameters[j].name, one.runs, log=parameters[j].log)
        panel.set_xlabel(parameters[j].label if i == count - 1 else "")
        panel.tick_params(labelbottom=i == count - 1, labelleft=j == 0 and i > 0)
    key(panels[0, 0], runs=None, more=_handles(data))
    panels[0, 0].get_legend().set_in_layout(False)  # it stands where the panels above the diagonal would be
    style.say_failed(panels[0, 0], str(data.attrs["failed"]))
    panels[np.triu_indices(count, 1)] = None
    return panels


@known_settings
def plot_pairs_data(
    fit: Fit | Recalibrated, names: Sequence[str] | None = None, *, beside: Sequence[str] | None = None
) -> xr.Dataset:
    """Compute what `plot_pairs` draws.

    Args:
        fit: As for `plot_pairs`.

        names: As for `plot_pairs`.

        beside: As for `plot_pairs`.

    Returns:
        A Dataset with `draws` (draw, parameter), up to 1,500 of the posterior, in the runs' own units; `correlation`
        (parameter, other), of all draws, of the logs of positive parameters; `density` and `density_at` (parameter,
        at), along the axis; and `published` (beside, parameter), NaN for a parameter that has no published value.

    Raises:
        InputError: As `plot_pairs`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.0, 1.51, 1.25, 1.13])
    >>> data = plot_pairs_data(sb.fit(runs, "offset_power", method="laplace", on_fail="ignore"))
    >>> data["parameter"].values.tolist(), bool(data["correlation"].sel(parameter="alpha", other="E") > 0.5)
    (['A', 'alpha', 'E'], True)
    """
    one, parameters = parameters_of(fit, names, "plot_pairs")
    if names is None:
        parameters = [each for each in parameters if each.name in one.law.params]
    if len(parameters) < 2:
        raise InputError("plot_pairs takes two parameters or more; of one, draw sb.plot_prior_posterior(fit, 'name')")
    every = np.stack([parameter.draws for parameter in parameters], axis=1)
    kept = np.unique(np.linspace(0, len(every) - 1, DRAWS).round().astype(int))
    scaled = np.stack([parameter.scaled(parameter.draws) for parameter in parameters], axis=1)
    densities = [density_of(x)[:2] for x in scaled.T]
    marked = _beside(one, beside)
    values = [[PRESETS[name].values.get(each.name, np.nan) for each in parameters] for name in marked]
    warn_of(one)
    called = [each.name for each in parameters]
    return xr.Dataset(
        {
            "draws": (("draw", "parameter"), every[kept]),
            "correlation": (("parameter", "other"), np.corrcoef(scaled.T)),
            "density": (("parameter", "at"), np.array([density for _, density in densities])),
            "density_at": (
                ("parameter", "at"),
                np.array([each.back(at) for each, (at, _) in zip(parameters, densities, strict=True)]),
            ),
            "published": (("beside", "parameter"), np.array(values, np.float64).reshape(len(marked), len(called))),
        },
        {"parameter": called, "other": called, "beside": np.array(marked, str)},
        about(one),
    )


def _beside(fit: Fit, given: Sequence[str] | None) -> list[str]:
    """The names of the published values that are marked."""
    own = [name for name, preset in PRESETS.items() if preset.law.name == fit.law.name]
    if given is None:
        return own if token_of(fit.runs) == "token" else []
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in own:
            raise unknown(f"published values of law {fit.law.name!r}", name, own)
    return names


def _ends(parameter: Parameter, data: xr.Dataset) -> tuple[float, float]:
    """The ends of a parameter's axis: of its draws and its published values, with room beside."""
    one = data.sel(parameter=parameter.name)
    values = np.concatenate([one["draws"].values, one["published"].values])
    scaled = parameter.scaled(values[np.isfinite(values)])
    room = 0.06 * max(np.ptp(scaled), 1e-9)
    low, high = parameter.back(np.array([scaled.min() - room, scaled.max() + room]))
    return float(low), float(high)


def _draw_density(ax: "Axes", data: xr.Dataset, parameter: Parameter) -> None:
    one = data.sel(parameter=parameter.name)
    ax.fill_between(one["density_at"], one["density"], color=style.PALETTE[0], alpha=0.5, linewidth=0)
    for place, value in enumerate(one["published"].values):
        if np.isfinite(value):
            ax.axvline(value, color=style.colour(place + 1), linewidth=1.8, linestyle=style.dashes(place + 1))
    ax.set_ylim(0, None)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _draw_pair(ax: "Axes", data: xr.Dataset, across: str, up: str) -> None:
    x, y = (data["draws"].sel(parameter=name).values for name in (across, up))
    ax.scatter(x, y, s=6, color=style.PALETTE[0], alpha=CLEAR, linewidths=0, rasterized=True, zorder=2)
    for place, name in enumerate(data["beside"].values):
        at = [data["published"].sel(beside=name, parameter=one).values for one in (across, up)]
        mark: dict[str, Any] = {
            "marker": style.marker(place + 1),
            "color": style.colour(place + 1),
            "markeredgecolor": "black",
        }
        ax.plot(*at, markersize=8, zorder=3, **mark)


def _handles(data: xr.Dataset) -> list[Any]:
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"color": "none", "markeredgecolor": "white"}
    found = [Line2D([], [], marker="o", markerfacecolor=style.PALETTE[0], label="posterior draws", **dot)]
    for place, name in enumerate(data["beside"].values):
        look: dict[str, Any] = {"color": style.colour(place + 1), "linestyle": style.dashes(place + 1)}
        mark: dict[str, Any] = {"marker": style.marker(place + 1), "markersize": 8, "markeredgecolor": "black"}
        found.append(Line2D([], [], label=shown(str(name)), linewidth=1.8, **look, **mark))
    return found
