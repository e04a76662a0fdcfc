"""This file has `plot_forecast`: the fan of a forecast beyond the runs, and what turned out to be true."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.compute import flops
from scalebayes.display.figures import as_typed
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Group
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis
from scalebayes.plots.bands import Prob, band, draw_band, percent
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import points_along, pointwise
from scalebayes.plots.subject import Subject, beyond_runs, columns_in, one_subject
from scalebayes.runs import Runs
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAN = (0.5, 0.8, 0.95)  # the probabilities of the bands
REACH = 100.0  # the multiple of the runs' largest compute up to which the forecast goes
NEAR = 2.0  # a run whose D/N is within this factor of the fan's is drawn dark, any other light
CROWDED = 4  # number of decades beyond the runs from which on only every second is labelled
DECADE = 0.07  # grey that each factor of ten beyond the runs adds to the ground


@known_settings
def plot_forecast(
    fit: Asked,
    *,
    truth: Runs | None = None,
    at: Mapping[str, Any] | None = None,
    prob: Prob = FAN,
    reach: float = REACH,
    observed: bool = False,
    group: Group = None,
    seed: Seed = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the forecast beyond the runs as a fan along compute, and what is known of the truth.

    The ground is the greyer the further it is from the runs, and the axis above counts multiples of their largest
    compute. The fan is at one D/N; runs at about this D/N are dark, others light. Each run of the truth is drawn with
    the interval of a new run at its own N and D.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`.

        truth: Runs that the fit hasn't seen. The default is None.

        at: Values of the other inputs by name. For a law of N and D it is one of N, D and D_per_N. The default is
            None: the median D/N of the truth, or of the runs where no truth is given, and the median of further inputs.

        prob: The probability of the bands, or several of them. The default is (0.5, 0.8, 0.95).

        reach: The multiple of the runs' largest compute up to which the fan goes, at least; it goes as far as the
            truth. The default is 100. For a law without N and D it is a multiple of its input.

        observed: True for a fan of new runs, with their noise. The default is False: of the curve.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes.

    Raises:
        InputError: `fit` is none or `Fits`, the truth lacks a column, or an input can't be used.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> ax = plot_forecast(sb.fit(runs, "power", method="map"), truth=sb.Runs(x=[1e3], loss=[1.2]))
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_forecast_data(
        fit, truth=truth, at=at, prob=prob, reach=reach, observed=observed, group=group, seed=seed
    )
    subject, ax = one_subject(fit, "plot_forecast"), style.opened(ax)
    along, name = str(data.attrs["against"]), subject.observable
    color, end = style.PALETTE[0], float(data["run_" + along].max())
    draw_band(ax, data[along], data, name, color=color, beyond=data["efolds"] > 0)
    near = data["run_near"].values
    x, y = data[f"run_{along}"].values, data[f"run_{name}"].values
    if not near.all():
        style.dots(ax, x[~near], y[~near], color=style.PALE, label="runs at another D/N", zorder=2.5)
    style.dots(ax, x[near], y[near])
    if "truth" in data.dims:
        _draw_truth(ax, data, along, name)
    set_axis(ax.xaxis, along, subject.runs)
    set_axis(ax.yaxis, name, subject.runs, log=bool((y > 0).all()))
    ax.set_xlim(float(data[along].min()) / 1.3, float(data[along].max()) * 1.3)
    _draw_ground(ax, end, float(data[along].max()))
    title = f"at D/N = {as_typed(float(f'{data.attrs["D_per_N"]:.3g}'))}" if "D_per_N" in data.attrs else ""
    key(ax, data, title=title, beyond=True, curve=True, color=color)
    style.say_failed(ax, str(data.attrs.get("failed", "")))
    return ax


@known_settings
def plot_forecast_data(
    fit: Asked,
    *,
    truth: Runs | None = None,
    at: Mapping[str, Any] | None = None,
    prob: Prob = FAN,
    reach: float = REACH,
    observed: bool = False,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_forecast` draws.

    Args:
        fit: As for `plot_forecast`.

        truth: As for `plot_forecast`.

        at: As for `plot_forecast`.

        prob: The probability of the bands, or several of them. The default is (0.5, 0.8, 0.95).

        reach: As for `plot_forecast`. The default is 100.

        observed: As for `plot_forecast`. The default is False.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (point,), its `_lower` and `_upper` (prob, point), and `efolds`
        (point,), the distance from the runs. The axis is a coordinate (point,). The runs are `run_...` (run,), and
        `run_near` says whether a run is at about the D/N of the fan. The truth, if any, is `truth_...` (truth,): the
        axis, the observable, its forecast `truth_median`, `truth_lower` and `truth_upper` (prob, truth), and
        `truth_hit` (prob, truth), whether the truth lies inside.

    Raises:
        InputError: As `plot_forecast`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = sb.fit(runs, "power", method="map")
    >>> data = plot_forecast_data(fitted, truth=sb.Runs(x=[1e3], loss=[1.2]))
    >>> data["x"].values[-1].round(3).item(), data["truth_loss"].values.tolist()
    (10000.0, [1.2])
    """
    subject, given = one_subject(fit, "plot_forecast"), dict(at or {})
    known = None if truth is None else _truth_columns(subject, truth)
    if known is not None and subject.sizes and not {"N", "D", "D_per_N"} & set(given):
        given["D_per_N"] = float(np.median(known["D_per_N"]))
    along = "C" if subject.sizes else subject.inputs[0]
    own = subject.columns[along]
    far = max(reach, 1.0 if known is None else 1.1 * float(known[along].max() / own.max()))
    multiples = np.exp(np.linspace(np.log(own.min() / own.max()), np.log(far), points_along(fit)))
    along, places, inputs = beyond_runs(subject, multiples, given)
    answer = pointwise(fit, inputs, observed=observed, group=group, seed=seed)
    ratio = inputs["D"] / inputs["N"] if subject.sizes else None
    near = np.full(len(subject.runs), True)
    if ratio is not None and np.ptp(ratio) < 1e-6 * ratio[0]:
        near = np.abs(np.log(subject.columns["D_per_N"] / ratio[0])) <= np.log(NEAR)
        told = {"D_per_N": float(ratio[0])}
    else:
        told = {}
    found = xr.Dataset(
        {
            **band(answer[subject.observable], prob),
            "efolds": ("point", answer["distance"].max("axis").values),
            f"run_{along}": ("run", own),
            f"run_{subject.observable}": ("run", subject.runs.y),
            "run_near": ("run", near),
        },
        attrs={"against": along, **told, **{name: answer.attrs[name] for name in ("failed", "review", "law")}},
    )
    found = found.drop_vars([name for name in found.coords if name != "prob"]).assign_coords({along: ("point", places)})
    if truth is None or known is None:
        return found
    return found.assign(_truth(fit, subject, truth, known, along, prob, group, seed))


def _truth_columns(subject: Subject, truth: Runs) -> dict[str, np.ndarray]:
    if not isinstance(truth, Runs):
        raise InputError(f"truth is a table of runs, as sb.read_runs gives, not {type(truth).__name__}")
    if truth.observable != subject.observable:
        raise InputError(f"truth has {truth.observable!r}, and the forecast is of {subject.observable!r}")
    return columns_in(truth, subject.inputs)


def _truth(
    fit: Asked, subject: Subject, truth: Runs, known: Any, along: str, prob: Prob, group: Group, seed: Seed
) -> dict[str, Any]:
    """The runs of the truth with the forecasts at their own inputs: of new runs, where the fit can say how they are."""
    noisy = all(one.noise.form.density and not one.is_mode for one in fits_of(fit))
    inputs = {name: known[name] for name in subject.inputs}
    answer = pointwise(fit, inputs, observed=noisy, group=group, seed=seed)
    ends = band(answer[subject.observable], prob, "truth_median")
    lower, upper = ends["truth_median_lower"].values, ends["truth_median_upper"].values
    return {
        f"truth_{along}": ("truth", flops(known["N"], known["D"]) if along == "C" else known[along]),
        f"truth_{subject.observable}": ("truth", truth.y),
        "truth_median": ("truth", ends["truth_median"].values),
        "truth_lower": (("prob", "truth"), lower),
        "truth_upper": (("prob", "truth"), upper),
        "truth_hit": (("prob", "truth"), (lower <= truth.y) & (truth.y <= upper)),
    }


def _draw_ground(ax: "Axes", end: float, furthest: float) -> None:
    """Grey the ground by the distance from the runs, and count multiples of their largest compute above the axes."""
    from matplotlib.ticker import NullLocator

    steps = int(np.ceil(np.log10(furthest / end) - 1e-6))
    for step in range(steps):
        ax.axvspan(end * 10.0**step, end * 10.0 ** (step + 1), color="0.4", alpha=DECADE * (step + 1), lw=0, zorder=0)
    above = ax.secondary_xaxis("top", functions=(partial(np.multiply, 1 / end), partial(np.multiply, end)))
    above.xaxis.set_minor_locator(NullLocator())
    multiples = [10.0**step for step in range(0, steps + 1, 1 + steps // CROWDED)]
    above.set_xticks(multiples, [f"{as_typed(one)}x" for one in multiples], minor=False)
    with style.as_given(ax):
        above.set_xlabel("times the runs' largest", loc="right", fontsize="medium")
    above.tick_params(length=3, labelsize=ax.xaxis.get_ticklabels()[0].get_fontsize())
    above.spines["top"].set_visible(False)


def _draw_truth(ax: "Axes", data: xr.Dataset, along: str, name: str) -> None:
    x, y, widest = data[f"truth_{along}"].values, data[f"truth_{name}"].values, data["prob"].values[0]
    lower, upper = (data[f"truth_{end}"].sel(prob=widest).values for end in ("lower", "upper"))
    inside, count = int(data["truth_hit"].sel(prob=widest).sum()), len(y)
    if np.isfinite(lower).all():
        label = f"{percent(widest)} of new runs"
        ax.vlines(x, lower, upper, color=style.PALETTE[0], linewidth=1.2, label=label, zorder=3)
        label = f"truth, {inside} of {count} inside"
    else:
        label = "truth"
    style.dots(ax, x, y, color=style.TRUTH, marker="D", label=label, zorder=4)
