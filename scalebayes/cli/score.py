"""The command `scalebayes score` scores registered forecasts, or those of a fit, by runs that came since."""

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import percent
from scalebayes.cli.opened import members, opened
from scalebayes.cli.options import Json, Seed
from scalebayes.cli.reading import table
from scalebayes.cli.saving import joined
from scalebayes.cli.table_options import Reading, RunsPath
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    import xarray as xr

PROB = 0.9  # probability of the intervals of a fit; a record has its own
SHOWN = 20  # rows that are printed; of those after them only the number is


def score(
    scored: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file that register wrote, or the file of a fit or a stack.")
    ],
    runs: RunsPath,
    *,
    reading: Reading,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Score registered forecasts by runs trained since then.

    A run belongs to the registered point whose inputs it has, to 1e-6 of each; other runs are left out. The file of a
    fit, a stack or a recalibrated fit is scored by all runs of the table, which it should never have seen.
    """
    asked = opened(scored, "Registered", "Fit", "Stack", "Recalibrated")
    import scalebayes as sb

    if isinstance(asked, sb.Registered):
        observable, span, prob = asked.observable, asked.members[0].noise.form.range, asked.prob
    else:
        seen = next(iter(members(asked).values())).runs
        observable, span, prob = seen.observable, seen.range, PROB
    given = table(runs, reading).read(observable, span)
    scores = patiently(f"Scoring {len(given)} runs", lambda: sb.score(asked, given, probs=[prob], seed=seed))
    if json:
        return show.document(document(scores, observable, prob))
    print(text(scores, observable, prob))


def rows_of(scores: "xr.Dataset") -> list[dict[str, Any]]:
    """Return the scores of each run, by their names, with its inputs and what was observed."""
    flat = scores.isel(prob=0)
    names = ["run_id", "group", "point", "row", *_inputs(scores), "y"]
    each = {name: flat[name].values for name in names if name in flat.coords}
    each |= {name: flat[name].values for name in ("median", "lower", "upper")}
    each |= {"hit": flat["covered"].values.astype(bool)}
    each |= {name: flat[name].values for name in ("pit", "crps", "log_score")}
    each |= {"efolds": flat["distance"].max("axis").values}
    return [{name: x[i] for name, x in each.items()} for i in range(flat.sizes["run"])]


def document(scores: "xr.Dataset", observable: str, prob: float) -> dict[str, Any]:
    """Return the JSON document that the command prints of scores."""
    rows = rows_of(scores)
    of_record = ("registered", "note", "points", "open", "waiting")
    told = {name: scores.attrs[name] for name in ("law", "unit", "failed", *of_record) if name in scores.attrs}
    means = {name: fmean(row[name] for row in rows) for name in ("crps", "log_score")}
    hits = {"hits": sum(row["hit"] for row in rows), "scored": len(rows)}
    return {"observable": observable, **told, "prob": prob, **hits, **means, "runs": rows}


def text(scores: "xr.Dataset", observable: str, prob: float) -> str:
    """Return the text that the command prints of scores: how many were hit, each run, and what the scores mean."""
    rows, inputs, said = rows_of(scores), _inputs(scores), scores.attrs
    number = show.most_digits(rows)
    cells = [
        [
            *(show.given(name, row[name]) for name in inputs),
            show.figure(row["y"], number),
            *show.estimate(row, ("median", "lower", "upper"), number),
            "hit" if row["hit"] else "miss",
            f"{row['pit']:.2f}",
            show.figure(row["crps"], 3),
            f"{row['log_score']:.2f}",
            f"{row['efolds']:.1f}",
        ]
        for row in rows[:SHOWN]
    ]
    heads = [*inputs, observable, "median", "lower", "upper", "", "PIT", "CRPS", "log score", "e-folds"]
    more = f"{len(rows) - SHOWN} more runs; --json has them all" if len(rows) > SHOWN else ""
    hits = sum(row["hit"] for row in rows)
    verdict = f"{hits} of {len(rows)} runs {'lies' if hits == 1 else 'lie'} in the {percent(prob)} interval"
    since = f" registered {said['registered']}" if "registered" in said else ""
    note = f" ({said['note']})" if said.get("note") else ""
    mean = f"Mean CRPS {show.figure(fmean(row['crps'] for row in rows), 3)}, "
    mean += f"mean log score {fmean(row['log_score'] for row in rows):.2f}."
    return joined(
        show.prose(f"fail    {said['failed']}", 8) if said.get("failed") else "",
        show.prose(f"{verdict}{since}{note}. {mean}"),
        "\n".join(filter(None, [show.grid(heads, cells), more])),
        show.prose(
            f"lower to upper: {percent(prob)} interval of a new run. PIT: the forecast's probability of a lower "
            f"{observable}, even over 0 to 1 where forecasts are right. CRPS is on the log of {observable}, and lower "
            f"is better. log score is the log density of {observable}, and higher is better. e-folds: how far the run "
            "lies outside the runs that were fitted."
        ),
        show.prose(show.sentence(said.get("waiting", ""))),
    )


def _inputs(scores: "xr.Dataset") -> list[str]:
    """Return the names of the inputs among the coordinates of scores."""
    told = ("run", "run_id", "group", "point", "row", "y", "prob", "axis")
    return [str(name) for name, x in scores.coords.items() if x.dims == ("run",) and name not in told]
