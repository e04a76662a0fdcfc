"""This file has `plot_calibration`: whether ranks or PIT values are uniform, and how often intervals hold the truth."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.result import Backtest
from scalebayes.calibration.ranks import coverage, envelope
from scalebayes.calibration.result import INSIDE, OF, Calibration
from scalebayes.errors import InputError, known_settings, shown, unknown
from scalebayes.plots import style
from scalebayes.plots.axis import plain_axis
from scalebayes.plots.bands import percent
from scalebayes.plots.key import key

if TYPE_CHECKING:
    pass

LEVELS = np.linspace(0.0, 1.0, 41)[1:-1]  # probabilities of the intervals whose coverage is drawn
PLACES = 99  # places between 0 and 1 at which the ECDF of PIT values is drawn
PIT = "share of the forecast below the truth"
SIZE = (4.2, 4.0)  # inches of a panel


@known_settings
def plot_calibration(result: Calibration | Backtest, *, of: str = "passed", ax: Any = None) -> Any:
    """Draw whether a posterior or forecasts are calibrated: the ECDF of ranks or PIT values, and the coverage.

    The first panel has the ECDF less that of a uniform: a curve that rises first and falls below 0 later is that of
    intervals that are too narrow, one above 0 throughout that of values that are too high. A calibrated one stays
    inside the grey envelope with probability .95. The second panel has the share of truths inside central intervals of
    each probability; below the diagonal they are too narrow.

    Args:
        result: What `sb.calibrate` returned, with a curve for each parameter; or what `sb.backtest` returned, with one
            for each forecaster. The envelope of a backtest counts each run once, however often it was forecast.

        of: Of a calibration, the fits that are drawn: "passed", the default, for those that passed their own checks, or
            "all".

        ax: Two axes to draw on. The default is None: a figure is opened.

    Returns:
        An array of the two axes.

    Raises:
        InputError: It is neither, or no fit passed its checks.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> x = np.geomspace(1.0, 1e3, 12)
    >>> found = sb.backtest(sb.Runs(x=x, loss=1 + 2 / x), ["power"], method="map", progress=False)
    >>> axes = plot_calibration(found)
    >>> [ax.get_xlabel() for ax in axes]
    ['PIT: share of the forecast below the truth', 'probability of the interval']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_calibration_data(result, of=of)
    ecdf, cover = style.opened_panels(2, ax, columns=2, size=SIZE)
    names = [str(name) for name in data["quantity"].values]
    grey: dict[str, Any] = {"color": "0.5", "alpha": 0.25, "linewidth": 0, "zorder": 1}
    ecdf.fill_between(data["x"], data["lower"], data["upper"], **grey)
    ecdf.axhline(0.0, color="0.3", linewidth=1.0, zorder=1.5)
    cover.plot([0, 1], [0, 1], color="0.3", linewidth=1.0, zorder=1.5)
    low, high = (data[f"uniform_{end}"].values for end in ("lower", "upper"))
    cover.fill_between(data["level"], low, high, **grey)
    for place, name in enumerate(names):
        own = data.sel(quantity=name)
        look: dict[str, Any] = {
            "color": style.colour(place),
            "linestyle": style.dashes(place),
            "linewidth": 1.7,
            "zorder": 2,
        }
        ecdf.plot(own["x"], own["ecdf_difference"], **look)
        cover.plot(own["level"], own["coverage"], label=shown(name), **look)
    what = str(data.attrs["what"])
    plain_axis(ecdf.xaxis, "rank of the truth (share of the draws)" if what == "rank" else f"PIT: {PIT}")
    plain_axis(ecdf.yaxis, "ECDF minus that of a uniform")
    plain_axis(cover.xaxis, "probability of the interval")
    plain_axis(cover.yaxis, "share of truths inside")
    for panel in (ecdf, cover):
        panel.set_xlim(-0.02, 1.02)
    cover.set_ylim(-0.02, 1.02)
    title = "parameter" if what == "rank" else "forecaster"
    key(cover, runs=None, title=title, more=_handles(int(data.attrs["count"]), what))
    return np.array([ecdf, cover], object)


@known_settings
def plot_calibration_data(result: Calibration | Backtest, *, of: str = "passed") -> xr.Dataset:
    """Compute what `plot_calibration` draws.

    Args:
        result: As for `plot_calibration`.

        of: As for `plot_calibration`. The default is "passed".

    Returns:
        A Dataset with `ecdf_difference` (quantity, x), the ECDF less that of a uniform, and the ends of the envelope
        `lower` and `upper` (x,); `coverage` and `coverage_se` (quantity, level), the share of truths inside the central
        interval of each probability, and `uniform_lower` and `uniform_upper` (level,), between which that of calibrated
        ones lies with probability .95 at each level. The attribute `count` is the number of simulations, or of
        different runs. Coverage is NaN of what has a rank alone, such as the log likelihood.

    Raises:
        InputError: As `plot_calibration`.
    """
    from scipy.stats import binom

    if of not in OF:
        raise unknown("of", of, OF)
    if isinstance(result, Calibration):
        names, values, found, count = _of_ranks(result, of)
    elif isinstance(result, Backtest):
        names, values, found, count = _of_pit(result)
    else:
        raise InputError(
            f"plot_calibration draws what sb.calibrate or sb.backtest returns, not {type(result).__name__}; of a fit, "
            "ask sb.calibrate(runs, law)"
        )
    each = np.array([[_coverage(one, level) for level in LEVELS] for one in values])
    tail = (1 - INSIDE) / 2
    low, high = (binom.ppf(q, count, LEVELS) / count for q in (tail, 1 - tail))
    return xr.Dataset(
        {
            **found,
            "coverage": (("quantity", "level"), each[..., 0]),
            "coverage_se": (("quantity", "level"), each[..., 1]),
            "uniform_lower": ("level", low),
            "uniform_upper": ("level", high),
        },
        {"quantity": names, "level": LEVELS},
        {"what": "rank" if isinstance(result, Calibration) else "pit", "count": count},
    )


def _coverage(below: np.ndarray, level: float) -> tuple[float, float]:
    """The coverage and its standard error; NaN of what only ranks are known of, such as the log likelihood."""
    return (np.nan, np.nan) if np.isnan(below).any() else coverage(below, level)


def _of_ranks(result: Calibration, of: str) -> tuple[list[str], list[np.ndarray], dict[str, Any], int]:
    data = result.data.sel(of=of)
    kept = ~data["failed"].values if of == "passed" else np.full(data.sizes["sim"], True)
    if not kept.any():
        raise InputError("no fit of this calibration passed its own checks; draw all with of='all'")
    found = {
        "ecdf_difference": (("quantity", "x"), data["ecdf_difference"].values),
        "lower": ("x", data["lower"].values),
        "upper": ("x", data["upper"].values),
        "x": ("x", data["ecdf_x"].values),
    }
    below = data["below"].values[:, kept]
    return [str(name) for name in data["param"].values], list(below), found, int(kept.sum())


def _of_pit(result: Backtest) -> tuple[list[str], list[np.ndarray], dict[str, Any], int]:
    pit = result.data["pit"].transpose("law", "cutoff", "run").values
    scored = np.isfinite(result.data["efolds"].transpose("cutoff", "run").values)
    values = [one[scored] for one in pit]
    count = int(scored.any(axis=0).sum())
    x = np.arange(1, PLACES + 1) / (PLACES + 1)
    ecdf = [np.searchsorted(np.sort(one), x, side="right") / len(one) for one in values]
    low, high = envelope(count, PLACES, INSIDE)
    found = {
        "ecdf_difference": (("quantity", "x"), np.array(ecdf) - x),
        "lower": ("x", low / count - x),
        "upper": ("x", high / count - x),
        "x": ("x", x),
    }
    return result.laws, values, found, count


def _handles(count: int, what: str) -> list[Any]:
    from matplotlib.patches import Patch

    of = f"{count} simulations" if what == "rank" else f"{count} runs"
    return [Patch(color="0.5", alpha=0.25, linewidth=0, label=f"{percent(INSIDE)} if calibrated,\n{of}")]
