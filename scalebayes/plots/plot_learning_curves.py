"""This file has `plot_learning_curves`: the runs and the curves of many fits in small multiples."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.figures import shortened
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import warn_of
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis
from scalebayes.plots.bands import Prob, draw_band
from scalebayes.plots.key import key
from scalebayes.plots.plot_curves import plot_curves_data
from scalebayes.plots.subject import Subject, subject_of
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4  # number of panels side by side
MOST = 24  # number of fits in one figure, at most
SIZE = (2.6, 2.3)  # inches of a panel
LONGEST = 26  # characters of a name above a panel; a longer one is cut in the middle
REACH = 10.0  # the factor beyond the runs up to which curves are drawn


@known_settings
def plot_learning_curves(
    fits: Fits,
    against: str | None = None,
    *,
    prob: Prob = 0.9,
    reach: float = REACH,
    same: bool = False,
    seed: Seed = 0,
    ax: Any = None,
) -> Any:
    """Draw the runs and the curve of each of many fits in a panel of its own.

    A curve is solid within the range of its runs and dashed beyond it. That of a law of N and D is at the median D/N of
    its runs, and that of any other law at the medians of its further inputs. The name of a fit that failed a check is
    red.

    Args:
        fits: What `sb.fit_many` returned, up to 24 fits. Draw a part of more: `fits[:24]`.

        against: The axis, as for `plot_curves`. The default is None: C where there are N and D, else the law's first
            input.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The factor beyond each fit's runs up to which its curve is drawn. The default is 10.

        same: True for the same axes in all panels, so that curves can be compared. The default is False: each panel
            shows its own range.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on, as many as there are fits. The default is None: a figure is opened.

    Returns:
        An array of the axes.

    Raises:
        InputError: `fits` is no `Fits`, is empty or has too many, or their laws differ in what they give.

    Warns:
        FitWarning: A fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> tables = {name: sb.Runs(x=[1.0, 10.0, 100.0], loss=[a, 2.0, 1.5]) for name, a in (("one", 3.0), ("two", 2.8))}
    >>> axes = plot_learning_curves(sb.fit_many(tables, "power", method="map", progress=False))
    >>> [ax.get_title(loc="left") for ax in axes]
    ['one', 'two']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_learning_curves_data(fits, against, prob=prob, reach=reach, seed=seed)
    along, name = str(data.attrs["against"]), str(data.attrs["observable"])
    panels = style.opened_panels(len(fits), ax, columns=COLUMNS, size=SIZE)
    columns = min(COLUMNS, len(fits))
    for place, (panel, called) in enumerate(zip(panels, fits.names, strict=True)):
        one, subject = data.isel(dataset=place), subject_of(fits[place])
        _draw(panel, one, subject, along, name)
        if place + columns < len(fits):
            panel.set_xlabel("")
        if place % columns:
            panel.set_ylabel("")
        bad = bool(one["failed_checks"].item())
        with style.as_given(panel):
            color = style.DOUBT if bad else "black"
            panel.set_title(shortened(shown(called), LONGEST), loc="left", fontsize="medium", color=color)
    if same:
        _alike(panels)
    key(panels[columns - 1], data, beyond=True, curve=True, color=style.PALETTE[0], more=_handles(data))
    return np.array(panels, object)


@known_settings
def plot_learning_curves_data(
    fits: Fits, against: str | None = None, *, prob: Prob = 0.9, reach: float = REACH, seed: Seed = 0
) -> xr.Dataset:
    """Compute what `plot_learning_curves` draws.

    Args:
        fits: As for `plot_learning_curves`.

        against: The axis, as for `plot_curves`.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The factor beyond each fit's runs up to which its curve is drawn. The default is 10.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (dataset, point), its `_lower` and `_upper` (prob, dataset, point),
        the axis and `efolds` (dataset, point), the distance from the runs. The runs are `run_...` (dataset, run). Both
        are NaN beyond a fit's own number of runs or points: a curve with a discrepancy has fewer. `failed_checks`
        (dataset,) names the checks that each fit failed.

    Raises:
        InputError: As `plot_learning_curves`.

    >>> import scalebayes as sb
    >>> tables = {f"to {end:g}": sb.Runs(x=[1.0, 10.0, end], loss=[3.0, 2.0, 1.5]) for end in (50.0, 90.0)}
    >>> data = plot_learning_curves_data(sb.fit_many(tables, "power", method="map", progress=False))
    >>> data["x"].isel(point=-1).values.round().tolist(), dict(data["run_x"].sizes)
    ([500.0, 900.0], {'dataset': 2, 'run': 3})
    """
    if not isinstance(fits, Fits):
        cure = "draw sb.plot_curves(fit)" if isinstance(fits, Fit) else "fit many: sb.fit_many(tables)"
        raise InputError(f"plot_learning_curves draws Fits, not {type(fits).__name__}; {cure}")
    if not 0 < len(fits) <= MOST:
        raise InputError(f"plot_learning_curves draws 1 to {MOST} fits, not {len(fits)}; draw a part: fits[:{MOST}]")
    given = {fit.runs.observable for fit in fits}
    if len(given) > 1:
        raise InputError(f"the fits give {' and '.join(sorted(given))}; draw those of one at a time")
    parts, along, name = [], "", given.pop()
    for fit in fits:
        part = plot_curves_data(fit, against, at=_middle(fit, against), prob=prob, reach=reach, seed=seed)
        part = part.isel(curve=0, drop=True)
        along = str(part.attrs["against"])
        part = part.reset_coords(along)
        kept = [along, name, f"{name}_lower", f"{name}_upper", "efolds", f"run_{along}", f"run_{name}"]
        parts.append(part[kept].assign(failed_checks=part.attrs["failed"]))
    warn_of(fits)
    most = {dim: max(part.sizes[dim] for part in parts) for dim in ("run", "point")}
    padded = [part.pad({dim: (0, size - part.sizes[dim]) for dim, size in most.items()}) for part in parts]
    data = xr.concat(padded, "dataset", combine_attrs="drop", data_vars="all", coords="minimal", join="exact")
    return data.assign_coords(dataset=list(fits.names)).assign_attrs(against=along, observable=name)


def _middle(fit: Fit, against: str | None) -> dict[str, float]:
    """One value of the other input of a law of N and D, so that there is one curve: the median of the runs' D/N."""
    subject = subject_of(fit)
    if not subject.sizes:
        rest = [name for name in subject.inputs if name != (against or subject.inputs[0])]
        return {name: float(np.median(subject.columns[name])) for name in rest}
    held = "N" if against == "D_per_N" else "D_per_N"
    return {held: float(np.median(subject.columns[held]))}


def _draw(ax: "Axes", data: xr.Dataset, subject: Subject, along: str, name: str) -> None:
    x, y = data[f"run_{along}"].values, data[f"run_{name}"].values
    there = np.isfinite(x) & np.isfinite(y)
    beyond = (data["efolds"].values > 0) & np.isfinite(data[name].values)
    draw_band(ax, data[along].values, data, name, color=style.PALETTE[0], beyond=beyond)
    style.dots(ax, x[there], y[there])
    set_axis(ax.xaxis, along, subject.runs, log=along not in subject.plain)
    set_axis(ax.yaxis, name, subject.runs, log=bool((y[there] > 0).all()))


def _alike(panels: "list[Axes]") -> None:
    """Give all panels the axes that hold everything in them."""
    for ends, put in (("get_xlim", "set_xlim"), ("get_ylim", "set_ylim")):
        every = np.array([getattr(panel, ends)() for panel in panels])
        for panel in panels:
            getattr(panel, put)(every[:, 0].min(), every[:, 1].max())


def _handles(data: xr.Dataset) -> list[Any]:
    from matplotlib.lines import Line2D

    bad = any(bool(one) for one in data["failed_checks"].values)
    return [Line2D([], [], color=style.DOUBT, linestyle="none", marker="$a$", label="failed a check")] if bad else []
