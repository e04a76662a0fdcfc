"""This file has `plot_residuals`: the residuals of a fit's runs against sizes and against the order of the table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.checks import limits
from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit, warn_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis
from scalebayes.plots.bands import band, percent
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import lighter
from scalebayes.plots.residual_draws import residual_draws
from scalebayes.plots.subject import Subject, columns_in, subject_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = "order"  # the row of the table, which tells of what changed while the runs were trained
COLUMNS = 3  # number of panels side by side
PANEL = (3.3, 2.9)  # inches of a panel
AROUND = 6  # share of the runs, as a divisor, whose median the line of a panel is at each run
NOISE = 2.0  # scales of the noise at which dotted lines stand; of Normal noise 95 % of the runs lie between


@known_settings
def plot_residuals(
    fit: Fit | Recalibrated, against: str | Sequence[str] | None = None, *, prob: float = 0.9, ax: Any = None
) -> Any:
    """Draw the residuals of the runs against their sizes and against the order of the table.

    A residual is that of the log of the observable, or of its logit, or of the observable itself, as the noise has it,
    over the scale of the noise. With a discrepancy it is that from the prediction of the run by all others. A line that
    isn't flat, the median of neighbouring runs, says that the law is wrong there. The bars are what the posterior
    leaves open.

    Args:
        fit: A `Fit`, or a `Recalibrated`, whose fit is drawn. Of a fit with a discrepancy, 250 draws are asked.

        against: What the runs are drawn against, a panel each: a numeric column of theirs, C or D_per_N, or "order",
            the row of the table. The default is None: C, N, D, D_per_N and the order, or each input of the law and the
            order.

        prob: The probability of the bars. The default is 0.9.

        ax: Axes to draw on, as many as there are panels. The default is None: a figure is opened.

    Returns:
        The axes; for several panels an array of them.

    Raises:
        InputError: `fit` is no fit, or what to draw against isn't known.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> ax = plot_residuals(sb.fit(runs, "power", method="map"), "x")
    >>> ax.get_ylabel()
    'residual (scales of the noise)'
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_residuals_data(fit, against, prob=prob)
    names = [str(name) for name in data["axis"].values]
    panels = style.opened_panels(len(names), ax, columns=COLUMNS, size=PANEL if len(names) > 1 else None)
    runs = _fit_of(fit).runs
    for place, (panel, name) in enumerate(zip(panels, names, strict=True)):
        _draw(panel, data, name)
        set_axis(panel.xaxis, name, runs, log=name != ORDER and bool((data[f"run_{name}"] > 0).all()))
        set_axis(panel.yaxis, "residual", runs, log=False)
        panel.set_ylabel("residual (scales of the noise)" if place % COLUMNS == 0 or ax is not None else "")
        if name == ORDER:
            panel.set_xlabel("row of the table")
    last = panels[min(COLUMNS, len(panels)) - 1]
    key(last, more=_handles(data, prob))
    style.say_failed(panels[0], str(data.attrs.get("failed", "")))
    return panels[0] if isinstance(against, str) else np.array(panels, object)


@known_settings
def plot_residuals_data(
    fit: Fit | Recalibrated, against: str | Sequence[str] | None = None, *, prob: float = 0.9
) -> xr.Dataset:
    """Compute what `plot_residuals` draws.

    Args:
        fit: As for `plot_residuals`.

        against: As for `plot_residuals`.

        prob: The probability of the bars. The default is 0.9.

    Returns:
        A Dataset with the median of the residual (run,) over the posterior, in scales of the noise, and its
        `residual_lower` and `residual_upper` (prob, run). `run_...` (run,) are what it is drawn against, with their
        names as the coordinate `axis`, and `trend` (axis, run) is the median residual of the runs around each; it is
        NaN where there are fewer than 20 runs.

    Raises:
        InputError: As `plot_residuals`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> data = plot_residuals_data(sb.fit(runs, "power", method="map"))
    >>> data["axis"].values.tolist(), data.sizes["run"]
    (['x', 'order'], 3)
    """
    one = _fit_of(fit)
    subject = subject_of(one)._replace(runs=one.runs)
    columns = _against(subject, against)
    light = lighter(one)
    assert isinstance(light, Fit)
    draws = xr.DataArray(residual_draws(light)[None], dims=("chain", "draw", "run"), name="residual")
    found = band(draws, prob)
    middle = found["residual"].values
    warn_of(one)
    return xr.Dataset(
        {
            **found,
            **{f"run_{name}": ("run", x) for name, x in columns.items()},
            "trend": (("axis", "run"), np.stack([_trend(x, middle) for x in columns.values()])),
        },
        {"axis": list(columns)},
        about(one),
    )


def _fit_of(fit: Any) -> Fit:
    return fit.fit if isinstance(fit, Recalibrated) else one_fit(fit, "plot_residuals")


def _against(subject: Subject, against: str | Sequence[str] | None) -> dict[str, np.ndarray]:
    """What the runs are drawn against: name -> values (run,)."""
    runs = subject.runs
    known = {**columns_in(runs, subject.inputs), ORDER: np.asarray(runs.rows, np.float64)}
    if against is None:
        wanted = [name for name in ("C", *known) if name in known]
        return {name: known[name] for name in dict.fromkeys(wanted)}
    found = {}
    for name in [against] if isinstance(against, str) else against:
        if name not in known and name not in runs.inputs and name not in runs.labels:
            raise unknown("column to draw against", name, dict.fromkeys((*known, *runs.inputs)))
        found[name] = known[name] if name in known else columns_in(runs, [name])[name]
    if not found:
        raise InputError("against is empty; leave it out for the sizes and the order")
    return found


def _trend(x: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """The median residual of the runs around each, by x; NaN of fewer runs than the check of residuals wants.

    Runs of one x are taken together, and have one value.

    >>> _trend(np.repeat([1.0, 2.0], 20), np.repeat([0.0, 3.0], 20))[[0, 19, 20, 39]].tolist()
    [0.0, 0.0, 3.0, 3.0]
    """
    count = len(x)
    if count < limits.RESIDUALS_ROWS:
        return np.full(count, np.nan)
    around = max(count // AROUND, limits.RESIDUALS_FEWEST)
    order = np.argsort(x, kind="stable")
    first, last = (np.searchsorted(x[order], x, side) for side in ("left", "right"))
    spare = np.maximum(around - (last - first) + 1, 0) // 2
    return np.array(
        [
            np.median(residual[order][low:high])
            for low, high in zip(np.maximum(first - spare, 0), np.minimum(last + spare, count), strict=True)
        ]
    )


def _draw(ax: "Axes", data: xr.Dataset, name: str) -> None:
    x, y, trend = data[f"run_{name}"].values, data["residual"].values, data["trend"].sel(axis=name).values
    lower, upper = (data[f"residual_{end}"].values[0] for end in ("lower", "upper"))
    ax.axhline(0.0, color="0.3", linewidth=1.0, zorder=1.5)
    for line in (-NOISE, NOISE):
        ax.axhline(line, color="0.5", linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)
    if np.isfinite(lower).all():
        ax.vlines(x, lower, upper, color=style.PALE, linewidth=1.0, zorder=1.2)
    style.dots(ax, x, y)
    if np.isfinite(trend).all():
        order = np.argsort(x, kind="stable")
        ax.plot(x[order], trend[order], color=style.TRUTH, linewidth=2.0, zorder=3.5)
    most = 1.1 * max(np.nanmax(np.abs(np.concatenate([y, lower, upper]))), NOISE)
    ax.set_ylim(-most, most)


def _handles(data: xr.Dataset, prob: float) -> list[Any]:
    from matplotlib.lines import Line2D

    found = []
    if np.isfinite(data["trend"]).all():
        found.append(Line2D([], [], color=style.TRUTH, linewidth=2.0, label="median of neighbours"))
    if np.isfinite(data["residual_lower"]).all():
        found.append(Line2D([], [], color=style.PALE, linewidth=1.5, label=f"{percent(prob)} of the posterior"))
    return [*found, Line2D([], [], color="0.5", linewidth=0.9, linestyle=(0, (1, 1.5)), label=f"{NOISE:g} scales")]
