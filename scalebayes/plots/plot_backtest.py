"""This file has `plot_backtest`: forecasts against the truth, and errors and coverage against the distance."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.result import Backtest
from scalebayes.errors import InputError, known_settings, shown, unknown
from scalebayes.plots import style
from scalebayes.plots.axis import plain_axis, set_axis
from scalebayes.plots.bands import percent
from scalebayes.plots.key import key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 6  # number of ranges of the distance, at most
FEWEST = 6  # number of different runs in each range, at least, where there are so many
SHARE = 0.9  # the interval of a share: its probability
ASIDE = 0.012  # share of the range of distances by which the bars of neighbouring forecasters stand apart
LIGHTEST = 10.0  # the share of the largest distance, as a divisor, with the lightest colour; nearer ones have it too
SIZE = (3.7, 3.9)  # inches of a panel


@known_settings
def plot_backtest(backtest: Backtest, law: str | None = None, *, prob: float = 0.9, ax: Any = None) -> Any:
    """Draw a backtest: forecasts against the truth, and errors and coverage against the distance from the fitted runs.

    The first panel has the forecasts of one forecaster with their intervals: the farther, the darker. The second has
    the root mean square of the errors of all, and the third how many of their intervals hold the truth, for ranges of
    the distance. A bar is what that many different runs leave open, with each run counted once however often it was
    forecast, since forecasts of one run go wrong together.

    Args:
        backtest: What `sb.backtest` returned.

        law: The forecaster of the first panel, one of `backtest.laws`. The default is None: the first.

        prob: The probability of the intervals, one of the backtest's. The default is 0.9.

        ax: Three axes to draw on. The default is None: a figure is opened.

    Returns:
        An array of the three axes.

    Raises:
        InputError: It is no backtest, or has no such law or no such prob.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> x = np.geomspace(1.0, 1e3, 12)
    >>> found = sb.backtest(sb.Runs(x=x, loss=1 + 2 / x), ["power"], method="map", progress=False)
    >>> axes = plot_backtest(found, prob=0.9)
    >>> [ax.get_ylabel() for ax in axes]
    ['forecast by power (unit not said)', 'rms error of the forecast', 'share of truths inside 90 %']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_backtest_data(backtest, prob=prob)
    laws = [str(name) for name in data["law"].values]
    law = law or laws[0]
    if law not in laws:
        raise unknown("law of the backtest", law, laws)
    panels = style.opened_panels(3, ax, columns=3, size=SIZE)
    handles = _draw_forecasts(panels[0], data.sel(law=law), law)
    width = float(np.ptp(data["efolds"].values))
    for place, name in enumerate(laws):
        own = data.sel(law=name)
        look: dict[str, Any] = {"color": style.colour(place), "marker": style.marker(place)}
        x = data["distance"].values + ASIDE * width * (place - (len(laws) - 1) / 2)
        line: dict[str, Any] = {
            "linestyle": style.dashes(place),
            "linewidth": 1.6,
            "markersize": 6,
            "markeredgecolor": "white",
        }
        panels[1].plot(data["distance"].values, own["rms"].values, **look, **line)
        ends = own["cover_lower"].values, own["cover_upper"].values
        panels[2].vlines(x, *ends, color=look["color"], linewidth=1.4, zorder=2)
        panels[2].plot(x, own["cover"].values, label=shown(name), zorder=3, **look, **line)
    panels[2].axhline(prob, color="0.3", linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=1)
    for panel in panels[1:]:
        plain_axis(panel.xaxis, shown(f"distance (e-folds of {data.attrs['by']})"))
        panel.set_xlim(-3 * ASIDE * width, None)
    set_axis(panels[1].yaxis, "error", log=bool((data["rms"] > 0).all()))
    panels[1].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    panels[1].set_ylabel("rms error of the forecast")
    plain_axis(panels[2].yaxis, f"share of truths inside {percent(prob)}")
    panels[2].set_ylim(-0.03, 1.03)
    key(panels[2], runs=None, title="forecaster", more=handles)
    bad = [name for name in laws if (backtest.data["status"].sel(law=name) == "fail").any()]
    style.say_failed(panels[0], f"fits of {', '.join(map(shown, bad))}" if bad else "")
    return np.array(panels, object)


@known_settings
def plot_backtest_data(backtest: Backtest, *, prob: float = 0.9) -> xr.Dataset:
    """Compute what `plot_backtest` draws.

    Args:
        backtest: What `sb.backtest` returned.

        prob: The probability of the intervals, one of the backtest's. The default is 0.9.

    Returns:
        A Dataset with one entry of the dim `forecast` for each run beyond each cutoff: `truth` and `efolds`
        (forecast,), and `median`, `lower`, `upper` and `error` (law, forecast), the factor by which the median is off,
        less one. By ranges of the distance, with medians `distance` (range,): `rms` (law, range), the root mean square
        of the log errors as such a factor; `cover` (law, range), the share of truths inside the interval, with
        `cover_lower` and `cover_upper`; `count` and `runs` (range,), the number of forecasts and of different runs.

    Raises:
        InputError: As `plot_backtest`.

    >>> import scalebayes as sb
    >>> x = np.geomspace(1.0, 1e3, 12)
    >>> found = sb.backtest(sb.Runs(x=x, loss=1 + 2 / x), ["power"], method="map", progress=False)
    >>> data = plot_backtest_data(found)
    >>> data["law"].values.tolist(), bool((data["error"] >= 0).all())
    (['power', 'trivial'], True)
    """
    if not isinstance(backtest, Backtest):
        raise InputError(f"plot_backtest draws what sb.backtest returns, not {type(backtest).__name__}")
    probs = backtest.data["prob"].values
    if not np.isclose(probs, prob).any():
        raise unknown("prob of the backtest", f"{prob:g}", [f"{p:g}" for p in probs])
    data = backtest.data.sel(prob=prob, method="nearest")
    cutoff, run = np.nonzero(np.isfinite(data["efolds"].transpose("cutoff", "run").values))

    def scored(name: str) -> np.ndarray:
        return data[name].transpose("law", "cutoff", "run").values[:, cutoff, run].astype(float)

    efolds = data["efolds"].transpose("cutoff", "run").values[cutoff, run]
    ranges = _ranges(efolds, run)
    log_error, covered = scored("log_error"), scored("covered")
    rms = [np.expm1(np.sqrt((log_error[:, one] ** 2).mean(axis=1))) for one in ranges]
    runs = [len(np.unique(run[one])) for one in ranges]
    cover = np.array([covered[:, one].mean(axis=1) for one in ranges]).T
    low, high = _share(cover, np.array(runs))
    return xr.Dataset(
        {
            "truth": ("forecast", data["y"].values[run]),
            "efolds": ("forecast", efolds),
            **{name: (("law", "forecast"), scored(name)) for name in ("median", "lower", "upper")},
            "error": (("law", "forecast"), np.expm1(np.abs(log_error))),
            "rms": (("law", "range"), np.array(rms).T),
            "cover": (("law", "range"), cover),
            "cover_lower": (("law", "range"), low),
            "cover_upper": (("law", "range"), high),
            "count": ("range", [len(one) for one in ranges]),
            "runs": ("range", runs),
        },
        {"law": backtest.laws, "distance": ("range", [float(np.median(efolds[one])) for one in ranges])},
        {name: data.attrs[name] for name in ("by", "observable", "unit")},
    )


def _ranges(efolds: np.ndarray, run: np.ndarray) -> list[np.ndarray]:
    """The forecasts in each range of the distance: about equally many, of enough different runs."""
    order = np.argsort(efolds, kind="stable")
    count = int(np.clip(len(np.unique(run)) // FEWEST, 1, BINS))
    while count > 1:
        parts = np.array_split(order, count)
        if min(len(np.unique(run[one])) for one in parts) >= FEWEST:
            return parts
        count -= 1
    return [order]


def _share(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of Jeffreys' interval of a share that so many runs have.

    >>> [x.round(2).tolist() for x in _share(np.array([0.9]), np.array([20]))]
    [[0.75], [0.97]]
    """
    from scipy.special import betaincinv

    a, b = share * count + 0.5, (1 - share) * count + 0.5
    tail = (1 - SHARE) / 2
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    return np.where(share == 0, 0.0, low), np.where(share == 1, 1.0, high)


def _draw_forecasts(ax: "Axes", data: xr.Dataset, law: str) -> list[Any]:
    """Draw the forecasts of one forecaster against the truth; return the handles that say how far they are."""
    from matplotlib.lines import Line2D

    truth, median, efolds = (data[name].values for name in ("truth", "median", "efolds"))
    lower, upper = data["lower"].values, data["upper"].values
    least = efolds.max() / LIGHTEST
    shades = style.shades(efolds, least)
    positive = bool((np.concatenate([truth, median]) > 0).all())
    ends = np.array([truth.min(), truth.max()])
    ax.plot(ends, ends, color="0.3", linewidth=1.0, zorder=1.5)
    if np.isfinite(lower).all():
        ax.vlines(truth, lower, upper, color=shades, linewidth=1.0, alpha=0.5, zorder=1)
    order = np.argsort(efolds)  # the darkest lie above
    style.dots(ax, truth[order], median[order], color=shades[order])
    for axis in (ax.xaxis, ax.yaxis):
        set_axis(axis, "loss", log=positive)
    unit = data.attrs["unit"] or "unit not said"
    ax.set_xlabel(shown(f"truth: {data.attrs['observable']} ({unit})"))
    ax.set_ylabel(shown(f"forecast by {law} ({unit})"))
    dot: dict[str, Any] = {"color": "none", "marker": "o", "markersize": 6.5, "markeredgecolor": "white"}
    shown_at = efolds.max() / np.array([LIGHTEST, np.sqrt(LIGHTEST), 1.0])
    return [
        Line2D([], [], markerfacecolor=shade, label=f"{far:.2g} e-folds", **dot)
        for far, shade in zip(shown_at, style.shades(shown_at, least), strict=True)
    ]
