"""This file has `plot_compare`: how far each fit's score is below the best one's, and the weights of the fits."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.comparison.checks import difference
from scalebayes.comparison.result import KINDS, Comparison
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.plots import style
from scalebayes.plots.axis import plain_axis
from scalebayes.plots.key import key

if TYPE_CHECKING:
    pass

ROW, LEAST = 0.5, 2.2  # inches of the height of a fit, and of a panel at least
WIDTH = 4.0  # inches of a panel
ERRORS = 2.0  # number of standard errors to which a bar goes on each side
ASIDE = 0.2  # share of the distance of two fits by which marks of different scores stand apart
NAMES = {"loo": "leave-one-out", "largest": "the largest runs", "evidence": "evidence"}


@known_settings
def plot_compare(compared: Comparison, *, ax: Any = None) -> Any:
    """Draw how far the score of each fit is below the best one's, and the weights of the fits.

    The fit with the best leave-one-out score is above. Bars go two standard errors of the difference to each side. The
    score of the forecasts of the largest runs, where they were held out, is drawn beside.

    Args:
        compared: What `sb.compare` returned.

        ax: Two axes to draw on. The default is None: a figure is opened.

    Returns:
        An array of the two axes.

    Raises:
        InputError: It is no comparison.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> x = np.geomspace(1.0, 1e3, 12)
    >>> runs = sb.Runs(x=x, loss=1 + 2 * x**-0.5 + 0.01 * np.cos(x))
    >>> fits = {law: sb.fit(runs, law, method="laplace", on_fail="ignore") for law in ("power", "offset_power")}
    >>> axes = plot_compare(sb.compare(fits, largest=False, refits=0))
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['offset_power', 'power']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    data = plot_compare_data(compared)
    names = [shown(str(name)) for name in data["model"].values]
    panels = style.opened_panels(2, ax, columns=2, size=(WIDTH, max(LEAST, 1.2 + ROW * len(names))))
    rows = np.arange(len(names))
    scores = [str(one) for one in data["score"].values]
    for place, score in enumerate(scores):
        own, aside = data.sel(score=score), ASIDE * (place - (len(scores) - 1) / 2)
        color = style.colour(KINDS.index(score))
        x, se = own["difference"].values, own["difference_se"].values
        panels[0].hlines(rows + aside, x - ERRORS * se, x + ERRORS * se, color=color, linewidth=1.6, zorder=2)
        look: dict[str, Any] = {"marker": style.marker(KINDS.index(score)), "linestyle": "none", "markersize": 8}
        panels[0].plot(x, rows + aside, color=color, markeredgecolor="white", zorder=3, **look)
    panels[0].axvline(0.0, color="0.3", linewidth=1.0, zorder=1)
    kinds = [str(kind) for kind in data["by"].values]
    for place, kind in enumerate(kinds):
        aside, color = ASIDE * (place - (len(kinds) - 1) / 2), style.colour(KINDS.index(kind))
        weight = data["weight"].sel(by=kind).values
        panels[1].hlines(rows + aside, 0.0, weight, color=color, linewidth=2.4, zorder=2)
        mark: dict[str, Any] = {
            "marker": style.marker(KINDS.index(kind)),
            "linestyle": "none",
            "markeredgecolor": "white",
        }
        panels[1].plot(weight, rows + aside, color=color, label=NAMES[kind], markersize=8, zorder=3, **mark)
    plain_axis(panels[0].xaxis, "score minus the best (nats)")
    plain_axis(panels[1].xaxis, "weight (share)")
    panels[1].set_xlim(-0.03, 1.03)
    for panel in panels:
        panel.set_yticks(rows, names if panel is panels[0] else [""] * len(names))
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
    key(panels[1], runs=None, title="by", more=_bar())
    style.say_failed(panels[0], _failed(compared))
    return np.array(panels, object)


@known_settings
def plot_compare_data(compared: Comparison) -> xr.Dataset:
    """Compute what `plot_compare` draws.

    Args:
        compared: What `sb.compare` returned.

    Returns:
        A Dataset over the fits, the best first: `difference` and `difference_se` (score, model), the score less that of
        the fit that is best by it, in nats summed over the runs that are scored, and the standard error of this
        difference. The score "loo" is of all runs, and "largest" of the largest, where they were held out. `weight`
        (by, model) has the weights that there are.

    Raises:
        InputError: As `plot_compare`.

    >>> import scalebayes as sb
    >>> x = np.geomspace(1.0, 1e3, 12)
    >>> runs = sb.Runs(x=x, loss=1 + 2 * x**-0.5 + 0.01 * np.cos(x))
    >>> fits = {law: sb.fit(runs, law, method="laplace", on_fail="ignore") for law in ("power", "offset_power")}
    >>> data = plot_compare_data(sb.compare(fits, largest=False, refits=0))
    >>> data["model"].values.tolist(), data["difference"].sel(score="loo").values[0].item()
    (['offset_power', 'power'], 0.0)
    """
    if not isinstance(compared, Comparison):
        raise InputError(
            f"plot_compare draws what sb.compare returns, not {type(compared).__name__}; compare fits of the same runs"
        )
    order = [str(name) for name in compared.table().index]
    data = compared.data.sel(model=order)
    scores = {"loo": (data["difference"].values, data["difference_se"].values)}
    each = data["lpd_largest_i"].values[:, data["held_out"].values.astype(bool)]
    if each.size and np.isfinite(each).all():
        best = int(each.sum(axis=1).argmax())
        apart = [difference(each, place, best) for place in range(len(order))]
        scores["largest"] = np.array([one for one, _ in apart]), np.array([se for _, se in apart])
    weights = {kind: data[f"weight_{kind}"].values for kind in KINDS}
    known = {kind: x for kind, x in weights.items() if np.isfinite(x).all()}
    differences = np.array(list(scores.values()))
    return xr.Dataset(
        {
            "difference": (("score", "model"), differences[:, 0]),
            "difference_se": (("score", "model"), differences[:, 1]),
            "weight": (("by", "model"), np.array(list(known.values())).reshape(len(known), len(order))),
        },
        {"model": order, "score": list(scores), "by": list(known)},
        {name: data.attrs[name] for name in ("observable", "unit")},
    )


def _failed(compared: Comparison) -> str:
    """The names of the checks of the comparison that failed."""
    from scalebayes.status import Status

    return ", ".join(check.name for check in compared.checks.of(Status.FAIL))


def _bar() -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=style.RUNS, linewidth=1.6, label=f"{ERRORS:g} standard errors")]
