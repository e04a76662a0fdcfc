"""How far from the runs a question lies, and what travels with every answer: what failed, and what to doubt of it."""

from collections.abc import Iterable, Mapping

import numpy as np

from scalebayes.checks.evidence import EXACT_HELD
from scalebayes.compute import flops
from scalebayes.errors import InputError
from scalebayes.fitting import bearing
from scalebayes.fitting.result import Fit

# What no observable and no column that a law takes can be called in an answer, and no such column in its table.
PARTS = ("chain", "draw", "point", "budget", "axis", "distance", "D_per_N", "N_exponent", "D_exponent", "no_minimum")
STATISTICS = ("dataset", "model", "of", "quantity", "median", "mean", "sd", "lower", "upper", "efolds")

EXACT = (
    "the intervals take the law as exact, and in backtests on the Chinchilla runs such 90 % intervals held "
    f"{EXACT_HELD} of the larger ones: "
)
DEPART = "use sb.forecaster, or discrepancy='gp'"
# A process is over the logs of inputs, under a noise on the log of the observable; scores are on that log too.
HOLD_OUT = "fit the smaller runs, runs.where(...), and see what such intervals hold of the larger"
WIDEN = "score them on your own runs, sb.backtest(runs, ...), and widen them by that, sb.recalibrate(fit, backtest)"


def about(fit: Fit) -> dict[str, str]:
    """What travels with every answer: what failed of the fit, the law, the observable's unit, and what N counts.

    Raises:
        InputError: the observable, or a column that the law takes, has the name of another part of an answer.
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


def review(fit: Fit, exact: str, questions: Iterable[str]) -> str:
    """What to review of an answer: that the law is taken as exact, and the checks that bear on what was asked."""
    return " ".join(filter(None, [exact and f"{exact}.", bearing.as_text(bearing.bearing(fit, questions))]))


def outside(distances: Mapping[str, np.ndarray]) -> list[str]:
    """The axes along which a point lies outside the runs."""
    return [axis for axis, far in distances.items() if (far > 0).any()]


def exactness(fit: Fit, distances: Mapping[str, np.ndarray], of_law: bool = False) -> str:
    """What to review in a forecast beyond the runs where the law is taken as exact; blank for any other.

    Args:
        of_law: True for an answer of the law alone, whatever discrepancy the fit has.
    """
    if (fit.discrepancy is not None and not of_law) or not outside(distances):
        return ""
    if fit.noise.form.on == "log" and not fit.law.domains:
        return EXACT + DEPART
    return EXACT + (WIDEN if fit.noise.form.range[0] >= 0 else HOLD_OUT)


def plain(fit: Fit, axes: Iterable[str]) -> str:
    """The axes along which distance is no e-folds, with blanks between."""
    return " ".join(axis for axis in axes if fit.problem.axis_name(axis) == axis)


def distance(fit: Fit, points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """E-folds outside the runs' range: axis -> (point,). Axes: the law's inputs, and C and D_per_N of N and D."""
    columns, problem = fit.problem.columns.values(), fit.problem
    runs = with_ratios({column: problem.column(column) for column in columns})
    outside = {}
    for axis, x in with_ratios({column: points[column] for column in columns}).items():
        low, high, here = (problem.axis(axis, values) for values in (runs[axis].min(), runs[axis].max(), x))
        # A point on the edge may differ from it in the last digit.
        far = np.maximum(np.maximum(low - here, here - high), 0.0)
        outside[axis] = np.where(far < 1e-9, 0.0, far)
    return outside


def with_ratios(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns, with C = 6 N D and D_per_N where N and D are among them."""
    if not {"N", "D"} <= set(columns):
        return dict(columns)
    return {**columns, "C": flops(columns["N"], columns["D"]), "D_per_N": columns["D"] / columns["N"]}
