"""This file has `plot_curves`: runs, and the forecast along one axis with its bands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Group
from scalebayes.fitting.many.result import Fits
from scalebayes.forecasting.ask import Asked
from scalebayes.plots import style
from scalebayes.plots.axis import label_of, set_axis, text_of
from scalebayes.plots.bands import Prob, band, draw_band
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import points_along, pointwise
from scalebayes.plots.subject import SIZES, Subject, check_axis, columns_in, levels, spread, subject_of
from scalebayes.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = 4  # number of curves where nobody says at which values they are
REACH = 10.0  # the factor beyond the runs' largest value, along every axis, up to which curves are drawn


@known_settings
def plot_curves(
    fit: Asked,
    against: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    prob: Prob = 0.9,
    reach: float = REACH,
    group: Group = None,
    seed: Seed = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the runs, and the forecast along one axis as curves with bands.

    A curve is solid within the range of the runs and dashed beyond it. Where a law takes several inputs, each curve is
    at one value of another input, and the runs have the colours of their own values of it. The bands are those of the
    curve without the noise of a run.

    Args:
        fit: A `Fit`, a `Stack`, a `Recalibrated`, or `Fits`, of which each has one curve.

        against: The axis: an input of the law; C or D_per_N too where it takes N and D. The default is None: C where
            there are N and D, else the law's first input.

        at: Values of the other inputs by name: a list gives a curve for each of its values, and a number holds for all
            curves. For a law of N and D it is one of N, D, C and D_per_N. The default is None: four of the runs' own
            values of N (of D, against N), and for `Fits` one; a further input is held at the runs' median.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The factor beyond the runs up to which curves are drawn. The default is 10.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        ax: Axes to draw on. The default is None: a figure is opened.

    Returns:
        The axes.

    Raises:
        InputError: `fit` is none, an axis isn't known, or a value can't be used.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> ax = plot_curves(sb.fit(runs, "power", method="map"))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x (unit not said)', 'loss (unit not said)')
    >>> matplotlib.pyplot.close(ax.figure)
    """
    data = plot_curves_data(fit, against, at=at, prob=prob, reach=reach, group=group, seed=seed)
    subject, ax = subject_of(fit), style.opened(ax)
    along, by, name = str(data.attrs["against"]), str(data.attrs["by"]), subject.observable
    many = "dataset" in data.coords
    shades = _shades(data, by, many)
    beyond = np.zeros(data[name].shape, bool)
    for place in range(data.sizes["curve"]):
        one = data.isel(curve=place)
        beyond[place] = (one["efolds"] > 0) & np.isfinite(one[name])
        label = str(one["dataset"].item()) if many else text_of(by)(float(one[by])) if by else ""
        shape = style.marker(place) if many else ""
        draw_band(ax, data[along], one, name, color=shades[place], label=label, beyond=beyond[place], marker=shape)
    _draw_runs(ax, data, along, by, name, shades, many)
    set_axis(ax.xaxis, along, subject.runs, log=along not in subject.plain)
    set_axis(ax.yaxis, name, subject.runs, log=bool((data[f"run_{name}"] > 0).all()))
    title = "data set" if many else label_of(by, subject.runs) if by else ""
    alone = None if many or by else shades[0]
    key(ax, data, title=title, beyond=bool(beyond.any()), curve=alone is not None, color=alone)
    style.say_failed(ax, str(data.attrs.get("failed", "")))
    return ax


@known_settings
def plot_curves_data(
    fit: Asked,
    against: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    prob: Prob = 0.9,
    reach: float = REACH,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_curves` draws.

    Args:
        fit: As for `plot_curves`.

        against: The axis, as for `plot_curves`.

        at: Values of the other inputs, as for `plot_curves`.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The factor beyond the runs up to which curves are drawn. The default is 10.

        group: The group whose offset is taken, as for `predict`.

        seed: An int or a JAX key, as for `predict`. The default is 0.

    Returns:
        A Dataset with the median of the observable (curve, point), its `_lower` and `_upper` (prob, curve, point), and
        `efolds` (curve, point), the largest distance from the runs; NaN beyond `reach`. The axis is a coordinate
        (point,), and what differs between the curves is one (curve,). The runs are `run_...` (run,): the axis, what
        differs, and the observable. The attributes `against` and `by` name the axis and what differs; `failed` and
        `review` are those of `predict`.

    Raises:
        InputError: As `plot_curves`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = sb.fit(runs, "power", method="map")
    >>> data = plot_curves_data(fitted, reach=3.0)
    >>> data["x"].values[[0, -1]].round(6).tolist(), data["run_loss"].values.tolist()
    ([1.0, 300.0], [3.0, 2.0, 1.5])
    """
    subject, given = subject_of(fit), dict(at or {})
    along = against or ("C" if subject.sizes else subject.inputs[0])
    check_axis(subject, along)
    many = isinstance(fit, Fits)
    by, values = _curves_at(subject, along, given, many)
    places = spread(subject.columns[along], 1.0, reach, along not in subject.plain, points_along(fit))
    moved = {along: np.tile(places, len(values)), **({by: np.repeat(values, len(places))} if by else {})}
    moved = subject.filled(moved, given)
    answer = pointwise(fit, moved, group=group, seed=seed)
    shape = (len(answer["dataset"]) if many else len(values), len(places))
    efolds = answer["distance"].max("axis").values.reshape(shape)
    shown = efolds <= np.log(reach) + 1e-9
    found, bands = {}, band(answer[subject.observable], prob)
    for name, x in bands.items():
        ends = x.values.reshape(*x.shape[:1], *shape) if "prob" in x.dims else x.values.reshape(shape)
        found[name] = ((*x.dims[: ends.ndim - 2], "curve", "point"), np.where(shown, ends, np.nan))
    if many:
        coords: dict[str, Any] = {"dataset": ("curve", answer["dataset"].values.astype(str))}
    else:
        coords = {by: ("curve", values)} if by else {}
    return xr.Dataset(
        {**found, "efolds": (("curve", "point"), efolds), **_runs(fit, subject, along, by)},
        {along: ("point", places), "prob": bands[f"{subject.observable}_lower"]["prob"], **coords},
        {"against": along, "by": "" if many else by, **{n: answer.attrs[n] for n in ("failed", "review", "law")}},
    )


def _curves_at(subject: Subject, along: str, given: Mapping[str, Any], many: bool) -> tuple[str, np.ndarray]:
    """What differs between the curves, and its values; "" and one value where there is one curve."""
    for name in given:
        if name == along:
            raise InputError(f"at={{{name!r}: ...}}: {name} is the axis already; leave it out of at")
        check_axis(subject, name)
    lists = [name for name, value in given.items() if np.ndim(value) > 0]
    if len(lists) > (0 if many else 1):
        cure = "draw each fit alone: fits[0], fits['name']" if many else "give one list"
        raise InputError(f"at has lists for {' and '.join(lists)}: {cure}, and numbers for the rest")
    if lists:
        return lists[0], np.ravel(np.asarray(given[lists[0]], np.float64))
    in_sizes = subject.sizes and along in SIZES
    rest = ["D" if along == "N" else "N"] if in_sizes else [name for name in subject.inputs if name != along]
    free = [name for name in rest if name not in given and not (in_sizes and set(given) & set(SIZES))]
    if many or not free:
        return "", np.zeros(1)
    return free[0], levels(subject.columns[free[0]], CURVES)


def _runs(fit: Asked, subject: Subject, along: str, by: str) -> dict[str, Any]:
    """The runs that are drawn: `run_...` (run,), and of many fits `run_dataset` too."""
    own = list(zip(fit.names, fit.items, strict=True)) if isinstance(fit, Fits) else [("", None)]
    tables = [(name, subject.runs if one is None else one.scored_runs) for name, one in own]
    axes = [axis for axis in dict.fromkeys((along, by)) if axis]
    columns = [columns_in(runs, subject.inputs) for _, runs in tables]
    found: dict[str, Any] = {f"run_{x}": ("run", np.concatenate([one[x] for one in columns])) for x in axes}
    found[f"run_{subject.observable}"] = "run", np.concatenate([runs.y for _, runs in tables])
    if isinstance(fit, Fits):
        found["run_dataset"] = "run", np.repeat([name for name, _ in tables], [len(runs) for _, runs in tables])
    return found


def _shades(data: xr.Dataset, by: str, many: bool) -> Any:
    """The colour of each curve."""
    if by and not many and (data[by] > 0).all() and (data[f"run_{by}"] > 0).all():
        return style.shades(data[by].values, *_ends(data, by))
    return [style.colour(place) for place in range(data.sizes["curve"])]


def _ends(data: xr.Dataset, by: str) -> tuple[float, float]:
    """The values with the lightest and the darkest colour, so that curves and runs share them."""
    every = np.concatenate([data[by].values, data[f"run_{by}"].values])
    return float(every.min()), float(every.max())


def _draw_runs(ax: "Axes", data: xr.Dataset, along: str, by: str, name: str, shades: Any, many: bool) -> None:
    x, y = data[f"run_{along}"].values, data[f"run_{name}"].values
    if many:
        for place, of in enumerate(data["dataset"].values):
            own = data["run_dataset"].values == of
            style.dots(ax, x[own], y[own], color=shades[place], marker=style.marker(place))
    elif by and (data[f"run_{by}"] > 0).all() and (data[by] > 0).all():
        style.dots(ax, x, y, color=style.shades(data[f"run_{by}"].values, *_ends(data, by)))
    else:
        style.dots(ax, x, y)
