"""The command `scalebayes summary` shows what a saved result holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli import next_runs, pooled, recipes, strategies
from scalebayes.cli.answer import checks_of, failed_lines
from scalebayes.cli.backtest import backtest_document, backtest_text
from scalebayes.cli.calibrate import calibration_document, calibration_text
from scalebayes.cli.compare import comparison_document, comparison_text
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_many import fits_document, fits_text
from scalebayes.cli.fit_text import (
    about_fit,
    checks_text,
    failed_text,
    fitted_text,
    parameters_text,
    warn_failed,
)
from scalebayes.cli.opened import opened
from scalebayes.cli.options import Json, Plot, Prob
from scalebayes.cli.parse import check_prob
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.register import registered_document
from scalebayes.cli.saving import answered, joined
from scalebayes.cli.stack import stack_document, stack_text

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

Result = Annotated[Path, typer.Argument(metavar="FILE", help="The file of a result, which a command wrote with --out.")]


def summary(file: Result, *, prob: Prob = 0.9, plot: Plot = None, json: Json = False) -> None:
    """Show what a saved result holds.

    For a fit, this is its parameters and checks. For any other result, it is what its command printed.
    """
    check_prob(prob)
    picture = checked_figure(plot)
    result = opened(file)
    answer = document(result, prob) if json else text(result, prob)
    answered(answer, plot=picture_of(result, picture, prob))


def text(result: Any, prob: float) -> str:
    """Return a result of any kind as the text that the command prints."""
    match type(result).__name__:
        case "Comparison":
            return comparison_text(result)
        case "Backtest":
            return backtest_text(result)
        case "Calibration":
            return calibration_text(result)
        case "Fits":
            return joined(failed_lines(result), fits_text(result, prob), checks_text(checks_of(result)))
        case "Pooled":
            return pooled.text(result, prob)
        case "Stack":
            return joined(failed_lines(result), stack_text(result), checks_text(result.checks))
        case "Registered":
            return show.lines(repr(result))
        case "RecipeComparison":
            told = recipes.table_text(result, prob), recipes.meaning(result, prob)
            return recipes.answer_text(result, *told, prob)
        case "Strategies":
            told = strategies.table_text(result, prob), strategies.meaning(result, prob)
            return recipes.answer_text(result, *told, prob)
        case "NextRuns":
            return next_runs.answer_text(result)
        case "Recalibrated":
            return joined(show.prose(show.sentence(result.sentence)), fit_text(result.fit, prob))
    return fit_text(result, prob)


def document(result: Any, prob: float) -> dict[str, Any]:
    """Return the JSON document that the command prints of a result of any kind."""
    match type(result).__name__:
        case "Comparison":
            return comparison_document(result)
        case "Backtest":
            return backtest_document(result)
        case "Calibration":
            return calibration_document(result)
        case "Fits":
            return fits_document(result, prob)
        case "Pooled":
            return pooled.document(result, prob)
        case "Stack":
            return stack_document(result)
        case "Registered":
            return registered_document(result)
        case "RecipeComparison":
            return recipes.document(result, prob)
        case "Strategies":
            return strategies.document(result, prob)
        case "NextRuns":
            return next_runs.document(result)
        case "Recalibrated":
            widening = {"recalibrated": result.sentence, **result.widening._asdict(), "label": result.label}
            return {**about_fit(result.fit, prob), **widening}
    warn_failed(result)
    return about_fit(result, prob)


def fit_text(fitted: "Fit", prob: float) -> str:
    """Return the text that the command prints of a fit, with units, versions and all its checks."""
    return joined(
        failed_text(fitted.checks),
        show.lines(repr(fitted.runs)),
        fitted_text(fitted, every=True),
        parameters_text(fitted, prob),
        checks_text(fitted.checks, every=True),
    )
