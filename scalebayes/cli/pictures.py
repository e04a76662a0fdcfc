"""Draws the answers of commands: results of every kind, forecasts as a fan or as curves, and optima along compute."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scalebayes.cli.figure import drawn
from scalebayes.cli.opened import CALLED, members
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from scalebayes.planning.costs.record import Cost

ALIKE = 1.5  # factor within which points have one D/N, so that one fan holds them all; above it there are curves
CURVES = 5  # most sizes that have a curve of their own
MARGIN = 1.3  # factor by which a picture goes beyond what was asked


def slow(asked: Any) -> str:
    """Return why the picture of an answer takes long, for the line of progress; "" for one that doesn't."""
    departs = any(fit.discrepancy for fit in members(asked).values())
    return "with a Gaussian process this may take minutes" if departs else ""


def picture_of(found: Any, target: "Path | None", prob: float = 0.9, seed: int = 0) -> "Callable[[], Path | None]":
    """Return what draws a result of any kind to a file, for `answered`.

    Args:
        found: The result.

        target: The path to draw to; None to draw nothing.

        prob: The probability of the bands; the default is 0.9.

        seed: The seed of the draws; the default is 0.
    """
    return lambda: drawn(lambda: result_picture(found, prob, seed), target, slow(found))


def result_picture(found: Any, prob: float, seed: int) -> Any:
    """Draw a result of any kind that has a figure.

    Raises:
        InputError: This kind has none.
    """
    import scalebayes as sb
    from scalebayes.plots.pointwise import lighter

    match type(found).__name__:
        case "Fit" | "Stack" | "Recalibrated":
            return sb.plot_curves(lighter(found), prob=prob, seed=seed)
        case "Fits" | "Pooled":
            return sb.plot_learning_curves(lighter(found), prob=prob, seed=seed)  # type: ignore[arg-type]
        case "Backtest":
            return sb.plot_backtest(found)
        case "Comparison":
            return sb.plot_compare(found)
        case "Calibration":
            return sb.plot_calibration(found, of="all" if found.data["failed"].values.all() else "passed")
        case "RecipeComparison":
            return sb.plot_recipes(found, prob=prob)
        case "NextRuns":
            return sb.plot_next_runs(found)
    raise InputError(f"{CALLED[type(found).__name__]} can't be drawn; leave --plot out")


def one_group(group: Any) -> str | None:
    """Return the group that a picture is of.

    Raises:
        InputError: There are several.
    """
    if group is None or isinstance(group, str):
        return group
    names = list(dict.fromkeys(group))
    if len(names) > 1:
        raise InputError("--plot draws one group, and several are asked for; draw each with its own --group")
    return names[0]


def forecast_picture(
    asked: Any, answer: "xr.Dataset", *, observed: bool, prob: float, group: Any = None, seed: int = 0
) -> Any:
    """Draw a forecast with the points that were asked for.

    Points of one D/N, and those of a law of one input, are drawn on the fan of the forecast. Points that differ in D/N
    are drawn on curves, one for each size.

    Args:
        asked: The fit, or other result, that was asked.

        answer: What `sb.predict` gave.

        observed: Whether the forecast is of new runs, with their noise.

        prob: The probability of the intervals of the points.

        group: The group that was asked for; the default is None.

        seed: The seed of the draws; the default is 0.

    Returns:
        Matplotlib's axes.
    """
    import numpy as np

    import scalebayes as sb
    from scalebayes.compute import flops
    from scalebayes.plots.marks import mark
    from scalebayes.plots.plot_forecast import REACH
    from scalebayes.plots.pointwise import lighter
    from scalebayes.plots.subject import subject_of

    subject, of = subject_of(asked), one_group(group)
    at: dict[str, Any] = {name: float(np.median(answer[name])) for name in subject.inputs if name not in ("N", "D")}
    if subject.sizes:
        N, D = (np.atleast_1d(answer[name].values).astype(float) for name in "ND")
        along, x, own = "C", flops(N, D), np.unique(N)
        few = np.unique(np.linspace(0, len(own) - 1, min(len(own), CURVES)).round().astype(int))
        of_fan, of_curves = {"D_per_N": float(np.median(D / N))}, {"N": own[few].tolist()}
        alike = bool((D / N).max() <= ALIKE * (D / N).min())
    else:
        along = subject.inputs[0]
        x, of_fan, of_curves, alike = np.atleast_1d(answer[along].values).astype(float), {}, {}, True
        at.pop(along, None)
    far = MARGIN * float(x.max() / subject.columns[along].max())
    look: dict[str, Any] = {"group": of, "seed": seed}
    many = "dataset" in answer.dims
    if many or along in subject.plain or not alike:
        reach = MARGIN * float(np.exp(answer["distance"].max()))
        at |= of_fan if many else of_curves
        ax = sb.plot_curves(lighter(asked), along, at=at, prob=prob, reach=reach, **look)
    else:
        reach = max(REACH, far)
        ax = sb.plot_forecast(lighter(asked), at={**at, **of_fan}, reach=reach, observed=observed, **look)
    if not many:
        mark(ax, x, answer[subject.observable], prob)
    return ax


def frontier_picture(
    asked: Any,
    best: "xr.Dataset",
    *,
    prob: float,
    of: Any = None,
    group: Any = None,
    seed: int = 0,
    cost: "Cost | None" = None,
    subject_to: Mapping[str, Any] | None = None,
) -> Any:
    """Draw the optimal N, D and D/N along compute, with those of the budgets that were asked for.

    Args:
        asked: The fit, or other result, that was asked.

        best: What `sb.optimum` gave.

        prob: The probability of the bands and intervals.

        of: "law" or "curve", as it was typed; the default is None.

        group: The group that was asked for; the default is None.

        seed: The seed of the draws; the default is 0.

        cost: The cost of a run; the default is None, for C = 6 N D.

        subject_to: The limits; the default is None.

    Returns:
        An array of Matplotlib's axes.
    """
    import scalebayes as sb
    from scalebayes.plots.marks import mark
    from scalebayes.plots.plot_frontier import QUANTITIES, REACH
    from scalebayes.plots.subject import subject_of

    columns, budgets = subject_of(asked).columns, best["C"].values
    look: dict[str, Any] = {"cost": cost} if cost is not None else {}
    largest = float((cost or sb.costs.six_nd)(columns["N"], columns["D"]).max())
    reach = max(REACH, MARGIN * float(budgets.max()) / largest)
    settings = {"of": of, "group": one_group(group), "seed": seed, "subject_to": subject_to}
    axes = sb.plot_frontier(asked, prob=prob, reach=reach, **settings, **look)
    if "dataset" not in best.dims:
        for ax, name in zip(axes, QUANTITIES, strict=True):
            mark(ax, budgets, best[name], prob)
    return axes
