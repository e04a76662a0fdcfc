"""This file has `report`, which writes one HTML file with all that a fit says and how far it can be trusted."""

import math
from pathlib import Path
from typing import Any

from scalebayes.backtesting.result import Backtest
from scalebayes.display.progress import told
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.summary import check_prob
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.plots.plot_forecast import REACH
from scalebayes.reporting.answers import answers
from scalebayes.reporting.assumptions import assumptions
from scalebayes.reporting.checklist import checklist
from scalebayes.reporting.page import page
from scalebayes.reporting.past_forecasts import TITLE, past_forecasts
from scalebayes.reporting.pictures import pictures
from scalebayes.reporting.planner import planner
from scalebayes.reporting.reproduce import reproduce
from scalebayes.reporting.verdict import verdict
from scalebayes.safe_files.write import target, write
from scalebayes.seeds import Seed


@known_settings
def report(
    fit: Asked,
    path: Any,
    points: Any = None,
    *,
    C: Any = None,
    backtest: Backtest | None = None,
    prob: float = 0.9,
    seed: Seed = 0,
    command: str = "",
    progress: bool | None = None,
) -> Path:
    """Write a report of a fit as one HTML file, which needs no other file, no server and no network.

    The report begins with the verdict of the checks; where a check failed, it leads with that. Then come answers with
    intervals, figures, what was assumed, backtests, how to reproduce it, and a checklist of what a study of scaling
    laws should report. For a law of N and D with a closed form there is a planner: the reader of the page changes a
    budget, prices and limits, and the page computes forecast and optimum anew from draws that it holds.

    Args:
        fit: A `Fit`, `Fits`, a `Stack` or a `Recalibrated`.

        path: The path of the file, such as "report.html". A file that is there is replaced.

        points: Where the report forecasts, as `predict` takes it: a mapping from input to values, or a data frame. The
            default is None: 10 and 100 times the runs' largest compute, at their median D/N.

        C: Budgets for which the report gives the optimal N and D. The default is None: the compute of the points.

        backtest: What `backtest` returned, for the section on backtests. The default is None: the section says how to
            make one.

        prob: The probability of the intervals. The default is 0.9.

        seed: An int or a JAX key, as for `predict`. The default is 0.

        command: The command line that makes the report, which it quotes. The default is "": it quotes calls in Python.

        progress: Whether to show a line of progress. The default is None: in a terminal or a notebook.

    Returns:
        The path.

    Raises:
        InputError: `fit` or `backtest` is none, points or budgets can't be used, or the file can't be written.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import tempfile, scalebayes as sb
    >>> fitted = sb.fit(sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5]), "power", method="map", on_fail="ignore")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = report(fitted, f"{folder}/report.html", {"x": 1e3}).read_text(encoding="utf-8")
    >>> written.startswith("<!DOCTYPE html>")
    True
    """
    where = target(path)
    if not fits_of(fit):
        raise InputError("these Fits are empty: there is nothing to report")
    if backtest is not None and not isinstance(backtest, Backtest):
        raise InputError(f"backtest is what sb.backtest(runs, ...) returns, not {type(backtest).__name__}")
    check_prob(prob)
    with told(f"writing {where.name}", progress):
        write(where, _content(fit, points, C, backtest, prob, seed, command).encode())
    return where


def _content(fit: Asked, points: Any, C: Any, backtest: Backtest | None, prob: float, seed: Seed, command: str) -> str:
    answered = answers(fit, points, C, prob, seed)
    efolds = 0.0 if answered.forecast is None else float(answered.forecast["distance"].max())
    made = planner(fit, answered.forecast, prob)
    sections = [
        ("answers", "Answers", answered.html),
        ("planner", "Planner", made.html),
        ("figures", "Figures", pictures(fit, max(REACH, math.exp(efolds)), seed)),
        ("assumptions", "What was assumed", assumptions(fit)),
        ("backtests", TITLE, past_forecasts(fit, backtest, prob, efolds)),
        ("reproduce", "How to reproduce", reproduce(fit, command)),
        ("checklist", "Reporting checklist", checklist(fit)),
    ]
    return page(_title(fit), verdict(fit), sections, made.script)


def _title(asked: Asked) -> str:
    first = fits_of(asked)[0]
    if isinstance(asked, Fits):
        laws = " and ".join(dict.fromkeys(fit.law.name for fit in asked))
        return f"Fits of {laws} to many data sets"
    if isinstance(asked, Stack):
        return f"A stack of laws for {first.runs.observable}"
    departure = " with a discrepancy" if first.discrepancy else ""
    return f"{first.law.name}{departure} fitted to {first.runs.observable}"
