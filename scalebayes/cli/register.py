"""The command `scalebayes register` puts forecasts of runs that aren't trained yet on record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, groups_of, points_text, values_of
from scalebayes.cli.opened import opened
from scalebayes.cli.options import Group, Inputs, Json, Points, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.saving import checked_target, joined
from scalebayes.errors import InputError, shown

if TYPE_CHECKING:
    from scalebayes.backtesting.on_record import Registered

SCORED = ("Fit", "Stack", "Recalibrated")  # types whose forecasts can be scored
KEEP = (
    "The file is refused once a byte of it is changed. Publish the SHA-256 where its date is kept, such as in a "
    "commit, and nobody has to take your word for it."
)


def register(
    file: Annotated[
        Path, typer.Argument(metavar="FIT", help="The file that fit, stack, recalibrate or forecast wrote with --out.")
    ],
    *,
    points: Points,
    inputs: Inputs = None,
    group: Group = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="Note that stays with the record; by default there is none.")
    ] = "",
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The new file of the record. A file that is there is never replaced."),
    ] = None,
    json: Json = False,
) -> None:
    """Put forecasts of runs that aren't trained yet on record.

    The file is dated, and has the forecasts with all that is needed to score them. Once the runs are trained,
    'scalebayes score FILE RUNS' scores those whose inputs are the registered ones.
    """
    check_prob(prob)
    if out is None:
        raise InputError("--out is missing: the file of the record, as in --out next.nc")
    target = checked_target(out, "next.nc", replaces=lambda _: False)
    values = values_of(points.typed(), inputs)
    asked = opened(file, *SCORED)
    import scalebayes as sb

    record = sb.register(asked, target, prob=prob, group=groups_of(asked, group), note=note, seed=seed, **values)
    if json:
        document = {**about(asked, record.forecast, values), **registered_document(record)}
        return show.document({**document, "saved": str(target)})
    rows = show.records(record.table())
    print(
        joined(
            failed_lines(asked),
            points_text(asked, record.forecast, rows, True, prob),
            doubts(asked, record.forecast, values),
            f"registered {record.date} in {shown(str(target))}\nSHA-256 {record.digest}\n{show.prose(KEEP)}",
        )
    )


def registered_document(record: "Registered") -> dict[str, Any]:
    """Return the part of a command's JSON about registered forecasts."""
    return {
        "observable": record.observable,
        "unit": record.forecast.attrs["unit"],
        "registered": record.date,
        "note": record.note,
        "prob": record.prob,
        "points": show.records(record.table()),
        "fitted": [{**({"name": one.name} if one.name else {}), **one.fitted} for one in record.members],
        "seed": record.seed,
        "versions": record.versions,
        "sha256": record.digest,
    }
