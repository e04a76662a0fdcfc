"""The command `scalebayes savage-dickey` finds the Bayes factor of a law that holds one parameter at a point."""

from dataclasses import asdict
from typing import Annotated

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import failed_text, warn_failed
from scalebayes.cli.flags import here
from scalebayes.cli.opened import opened
from scalebayes.cli.options import FitFile, Json
from scalebayes.cli.parse import number, pairs
from scalebayes.cli.saving import joined
from scalebayes.errors import unknown


def savage_dickey(
    fit: FitFile,
    point: Annotated[
        str,
        typer.Argument(
            metavar="NAME=POINT",
            help="A parameter and its point: a number as in E=0, or another parameter as in alpha=beta.",
        ),
    ],
    *,
    json: Json = False,
) -> None:
    """Weigh a restriction of a law by its Bayes factor.

    The restriction holds one parameter at a number in the runs' own units, or equal to another parameter. A wider prior
    of the parameter favours the restriction.
    """
    ((name, value),) = pairs([point], "NAME=POINT", "E=0 or alpha=beta").items()
    fitted = opened(fit, "Fit")
    import scalebayes as sb

    params = fitted.problem.params
    if value not in params and value.isidentifier():
        raise unknown("parameter", value, params)
    at = value if value in params else number(value, name, "0.35 or 70B")
    factor = sb.savage_dickey(fitted, **{name: at})
    if json:
        warn_failed(fitted)
        return show.document({"law": fitted.law.name, **asdict(factor)})
    print(joined(failed_text(fitted.checks), show.prose(here(factor.sentence, show.NO_BREAK))))
