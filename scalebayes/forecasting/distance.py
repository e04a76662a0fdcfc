"""This file gives the distance of a question from the runs, and what every answer says of failures and doubts."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from scalebayes.checks.evidence import EXACT_HELD
from scalebayes.compute import flops
from scalebayes.errors import InputError
from scalebayes.fitting import bearing
from scalebayes.fitting.result import Fit

# The parts of every answer: an observable, or a column that a law takes, can't have one of these names. A column that a
# law takes can't have one of `STATISTICS` either, the parts of an answer's table.
PARTS = ("chain", "draw", "point", "budget", "axis", "distance", "D_per_N", "N_exponent", "D_exponent", "no_minimum")
STATISTICS = ("dataset", "model", "of", "quantity", "median", "mean", "sd", "lower", "upper", "efolds")

EXACT = (
    "the intervals take the law as exact, and in backtests on the Chinchilla runs such 90 % intervals held "
    f"{EXACT_HELD} of the larger runs: "
)
DEPART = "use sb.forecaster, or discrepancy='gp'"
# The cures where no process is possible. A process needs the logs of the inputs and a noise on the log of the
# observable; scores need the log of the observable too.
HOLD_OUT = "fit the smaller runs alone, runs.where(...), and see which share of the larger runs such intervals hold"
WIDEN = "score them on your own runs, sb.backtest(runs, ...), and widen them by that, sb.recalibrate(fit, backtest)"


def about(fit: Fit) -> dict[str, str]:
    """The attributes of every forecast and optimum: failed checks, the law, the observable's unit, and what N counts.

    Raises:
        InputError: The observable, or a column that the law takes, has the name of another part of an answer.
    """
    taken = {fit.runs.observable: PARTS} | dict.fromkeys(fit.problem.columns.values(), (*PARTS, *STATISTICS))
    for column, parts in taken.items():
        if column in parts:
            raise InputError(
                f"column {column!r} has the name of a part of every answer; read it under another, "
                f"sb.read_runs(..., columns={{'my_{column}': {column!r}}}), and fit that"
            )
    failed = bearing.as_text(bearing.failed(fit))
    return {"failed": failed, "law": fit.law.name, "unit": fit.runs.unit, "N_counts": fit.runs.N_counts or "not said"}


def review(fit: Fit, exact: str, questions: Iterable[str], cost: Any = None, draws: Any = None) -> str:
    """What to review in a forecast or an optimum: the sentence `exact`, if any, and the checks that bear on it.

    `cost` is the cost of training that C is taken for, and `draws` are those of the answer, as in `bearing.bearing`.
    """
    doubts = bearing.as_text(bearing.bearing(fit, questions, cost, draws))
    return " ".join(filter(None, [exact and f"{exact}.", doubts]))


def outside(distances: Mapping[str, np.ndarray]) -> list[str]:
    """The axes along which at least one point of a forecast lies outside the runs."""
    return [axis for axis, far in distances.items() if (far > 0).any()]


def exactness(fit: Fit, distances: Mapping[str, np.ndarray], of_law: bool = False) -> str:
    """The sentence for a forecast beyond the runs that takes the law as exact; an empty string for any other.

    Args:
        fit: The fit.

        distances: A mapping from axis to the distances of the points from the runs (point,).

        of_law: Whether the answer is that of the law alone, even if the fit has a discrepancy. The default is False.
    """
    if (fit.discrepancy is not None and not of_law) or not outside(distances):
        return ""
    if fit.noise.form.on == "log":
        return EXACT + DEPART
    return EXACT + (WIDEN if fit.noise.form.range[0] >= 0 else HOLD_OUT)


def plain(fit: Fit, axes: Iterable[str]) -> str:
    """The axes along which a forecast's distance is in the input's own unit and not in e-folds, joined by spaces."""
    return " ".join(axis for axis in axes if fit.problem.axis_name(axis) == axis)


def distance(fit: Fit, points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How far the points of a forecast lie outside the range of the runs: axis -> (point,); 0 inside.

    The axes are the columns that the law takes, and C and D_per_N where it takes N and D. The unit is e-folds; for an
    input that need not be positive it is the input's own unit.
    """
    columns, problem = fit.problem.columns.values(), fit.problem
    runs = with_ratios({column: problem.column(column) for column in columns})
    outside = {}
    for axis, x in with_ratios({column: points[column] for column in columns}).items():
        low, high, here = (problem.axis(axis, values) for values in (runs[axis].min(), runs[axis].max(), x))
        # A point on the edge of the range may differ from it in the last digit, so that tiny distances count as 0.
        far = np.maximum(np.maximum(low - here, here - high), 0.0)
        outside[axis] = np.where(far < 1e-9, 0.0, far)
    return outside


def with_ratios(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of a forecast's distance: these, and C = 6 N D and D_per_N = D / N where N and D are among them."""
    if not {"N", "D"} <= set(columns):
        return dict(columns)
    return {**columns, "C": flops(columns["N"], columns["D"]), "D_per_N": columns["D"] / columns["N"]}
