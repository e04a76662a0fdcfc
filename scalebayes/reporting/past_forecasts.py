"""This file makes the section of a report on backtests: forecasts of runs that a fit never saw, against the truth."""

import pandas as pd

from scalebayes.backtesting.result import Backtest
from scalebayes.display.figures import as_typed, figure
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.reporting.pictures import of_backtest
from scalebayes.reporting.tags import Html, joined, paragraphs, section, table

WHOLE = ("cutoff", "fitted", "scored")  # columns that are counts or as typed
TITLE = "Backtests"


def past_forecasts(asked: Asked, backtest: Backtest | None, prob: float, efolds: float) -> Html:
    """The section with a backtest, or with the sentence that says how to make one.

    Args:
        asked: What is reported.

        backtest: What `sb.backtest` returned; None for none.

        prob: The probability of the intervals.

        efolds: The distance of the farthest point of the report from the runs, for the sentence.
    """
    if backtest is None:
        law = fits_of(asked)[0].label or fits_of(asked)[0].law.name
        how = (
            "No backtest was handed over. A backtest fits the smaller runs, forecasts the larger ones, and counts how "
        )
        how += f"often the intervals were right: sb.report(fit, path, backtest=sb.backtest(runs, [{law!r}])), or "
        how += "scalebayes backtest with --out, and scalebayes report with --scores."
        return section("backtests", TITLE, paragraphs(how))
    frame = pd.DataFrame(backtest.table())
    rows = [[_cell(name, row[name]) for name in frame] for row in frame.to_dict("records")]
    known = backtest.data["prob"].values
    near = float(known[abs(known - prob).argmin()])
    told = [f"{law}: {backtest.sentence(law, efolds, near)}." for law in backtest.laws]
    caption = "Scores of forecasts of held-out runs; cover: the share of the truth inside an interval"
    parts = [paragraphs(*told), table(caption, [str(name) for name in frame], rows), of_backtest(backtest, near)]
    return section("backtests", TITLE, joined(parts))


def _cell(name: object, value: object) -> str:
    if isinstance(value, str):
        return value
    return as_typed(float(value)) if name in WHOLE else figure(float(value), 3)  # type: ignore[arg-type]
