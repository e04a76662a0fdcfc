"""This file has `plot_prior_posterior`: what the runs have told of each parameter, beside its prior."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting import replicates
from scalebayes.fitting.result import Fit
from scalebayes.fitting.summary import check_prob, columns_of
from scalebayes.forecasting.ask import check_alone, warn_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis
from scalebayes.plots.bands import percent
from scalebayes.plots.given_floor import density_of
from scalebayes.plots.key import key
from scalebayes.plots.parameter_draws import Parameter, parameters_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3  # number of panels side by side
SIZE = (3.0, 2.3)  # inches of a panel
SHOWN = 0.98  # probability of the part of the prior that a panel shows, at least


@known_settings
def plot_prior_posterior(
    fit: Fit | Recalibrated, names: str | Sequence[str] | None = None, *, prob: float = 0.9, ax: Any = None
) -> Any:
    """Draw the posterior density of each parameter over its prior: how much the runs have told of it.

    Each density is scaled to its own peak, lest a narrow posterior hide its prior. Above each panel stands the width of
    the posterior as a share of the prior's: near 100 %, the answer is the prior's.

    Args:
        fit: A `Fit`, or a `Recalibrated`, whose fit is drawn.

        names: The parameters. The default is None: all that are free in the law and in the noise.

        prob: The probability of the darker part of the posterior. The default is 0.9.

        ax: Axes to draw on, as many as there are parameters. The default is None: a figure is opened.

    Returns:
        The axes; for several parameters an array of them.

    Raises:
        InputError: `fit` is no fit or has one draw, a parameter isn't free, or a prior is flat.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.0, 1.51, 1.25, 1.13])
    >>> fitted = sb.fit(runs, "offset_power", method="laplace", on_fail="ignore")
    >>> axes = plot_prior_posterior(fitted)
    >>> len(axes), axes[0].get_xlabel()
    (4, 'A (loss x^alpha)')
    >>> bool(plot_prior_posterior_data(fitted, "alpha")["narrowed"][0] < 0.5)
    True
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_prior_posterior_data(fit, names, prob=prob)
    one, parameters = parameters_of(fit, names, "plot_prior_posterior")
    size = SIZE if len(parameters) > 1 else None
    panels = style.opened_panels(len(parameters), ax, columns=COLUMNS, size=size)
    for panel, parameter in zip(panels, parameters, strict=True):
        _draw(panel, data.sel(parameter=parameter.name), parameter)
        set_axis(panel.xaxis, parameter.name, one.runs, log=parameter.log)
        panel.set_xlabel(parameter.label)
    key(panels[min(COLUMNS, len(panels)) - 1], runs=None, more=_handles(prob))
    if failed := str(data.attrs["failed"]):
        style.say_failed(panels[0], failed)
    return panels[0] if isinstance(names, str) else np.array(panels, object)


@known_settings
def plot_prior_posterior_data(
    fit: Fit | Recalibrated, names: str | Sequence[str] | None = None, *, prob: float = 0.9
) -> xr.Dataset:
    """Compute what `plot_prior_posterior` draws.

    Args:
        fit: As for `plot_prior_posterior`.

        names: As for `plot_prior_posterior`.

        prob: The probability of the interval. The default is 0.9.

    Returns:
        A Dataset with `prior` and `posterior` (parameter, at), densities along the axis, which is that of the log for a
        positive parameter; the places `prior_at` and `posterior_at` (parameter, at) in the runs' own units;
        `quantiles` (parameter, end), the lower end, the median and the upper end of the posterior's interval; and
        `narrowed` (parameter,), the width of that interval over the width of the prior's, along the axis.

    Raises:
        InputError: As `plot_prior_posterior`.
    """
    check_prob(prob)
    one, parameters = parameters_of(fit, names, "plot_prior_posterior")
    check_alone(one, "plot_prior_posterior")
    flat = [name for name in one.problem.model.free if isinstance(one.problem.params[name].prior, str)]
    if flat or not replicates.has_prior_draws(one):
        raise InputError(
            f"the prior of {', '.join(flat)} is flat and has no density; give it a distribution (priors=), or draw "
            "sb.plot_pairs(fit)"
        )
    drawn = replicates.prior(one)
    parts: dict[str, list[Any]] = {}
    for parameter in parameters:
        ends = []
        for of, values in (("prior", drawn[parameter.name].reshape(-1)), ("posterior", parameter.draws)):
            at, density, _ = density_of(parameter.scaled(values))
            parts.setdefault(of, []).append(density)
            parts.setdefault(f"{of}_at", []).append(parameter.back(at))
            found = columns_of(parameter.scaled(values), prob, 0)
            ends.append([float(found[end]) for end in ("lower", "median", "upper")])
        widths = [end[2] - end[0] for end in ends]
        parts.setdefault("prior_quantiles", []).append(parameter.back(np.array(ends[0])))
        parts.setdefault("quantiles", []).append(parameter.back(np.array(ends[1])))
        parts.setdefault("narrowed", []).append(widths[1] / widths[0])
    warn_of(one)
    last = {"quantiles": "end", "prior_quantiles": "end"}
    return xr.Dataset(
        {
            name: (("parameter",) if name == "narrowed" else ("parameter", last.get(name, "at")), np.array(x))
            for name, x in parts.items()
        },
        {"parameter": [one.name for one in parameters], "end": ["lower", "median", "upper"]},
        about(one),
    )


def _draw(ax: "Axes", data: xr.Dataset, parameter: Parameter) -> None:
    at, density = data["posterior_at"].values, data["posterior"].values / float(data["posterior"].max())
    low, _, high = data["quantiles"].values
    inside = (at >= low) & (at <= high)
    color = style.PALETTE[0]
    ax.fill_between(at, density, color=color, alpha=0.3, linewidth=0, zorder=1)
    ax.fill_between(at[inside], density[inside], color=color, alpha=0.5, linewidth=0, zorder=1)
    prior = data["prior"].values / float(data["prior"].max())
    ax.plot(data["prior_at"].values, prior, color="0.25", linewidth=1.6, linestyle=(0, (5, 1.5)), zorder=2)
    ax.set_xscale("log" if parameter.log else "linear")
    share = np.cumsum(prior) / prior.sum()
    ends = np.interp([(1 - SHOWN) / 2, (1 + SHOWN) / 2], share, parameter.scaled(data["prior_at"].values))
    ends = parameter.back(ends)
    ax.set_xlim(min(ends[0], at[0]), max(ends[1], at[-1]))
    ax.set_ylim(0, 1.08)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    with style.as_given(ax):
        ax.set_title(f"{100 * float(data['narrowed']):.2g} % of the prior's width", loc="right", fontsize="medium")


def _handles(prob: float) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color="0.25", linewidth=1.6, linestyle=(0, (5, 1.5)), label="prior"),
        Patch(color=style.PALETTE[0], alpha=0.65, linewidth=0, label=f"posterior, {percent(prob)}"),
        Patch(color=style.PALETTE[0], alpha=0.3, linewidth=0, label="posterior, the rest"),
    ]
