"""The command `scalebayes recalibrate` widens a fit's intervals if its backtest showed them to be too narrow."""

from pathlib import Path
from typing import Annotated

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import checks_text, failed_text, fitted_text, warn_failed
from scalebayes.cli.opened import opened
from scalebayes.cli.options import FitFile, Json, Out
from scalebayes.cli.saving import answered, checked_target, joined


def recalibrate(
    fit: FitFile,
    backtest: Annotated[
        Path, typer.Argument(metavar="BACKTEST", help="The file that 'scalebayes backtest --out' wrote.")
    ],
    *,
    law: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the fit's law in the backtest; by default the fit's own label."),
    ] = None,
    prior_cutoffs: Annotated[
        float,
        typer.Option(
            metavar="X", min=0.0, help="Weight of the prior guess that the intervals are right, counted in cutoffs."
        ),
    ] = 4.0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Widen a fit's intervals by what its backtest missed.

    The result can be given to predict and optimum like a fit. An interval is never made narrower.
    """
    target = checked_target(out, "wider.nc")
    fitted, scores = opened(fit, "Fit"), opened(backtest, "Backtest")
    import scalebayes as sb

    recalibrated = sb.recalibrate(fitted, scores, law=law, prior_cutoffs=prior_cutoffs)
    if json:
        warn_failed(fitted)
        document = {"law": fitted.law.name, "label": recalibrated.label, **recalibrated.widening._asdict()}
        return answered({**document, "sentence": recalibrated.sentence}, recalibrated, target)
    text = joined(
        failed_text(fitted.checks),
        fitted_text(fitted),
        show.prose(show.sentence(recalibrated.sentence)),
        checks_text(fitted.checks),
        "" if target else "not saved; --out wider.nc keeps it for predict and optimum",
    )
    answered(text, recalibrated, target)
