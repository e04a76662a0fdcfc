"""The command `scalebayes report` writes all that a fit says, and how far to trust it, as one HTML file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import checks_of, failed_lines, values_of
from scalebayes.cli.fit_options import Kind
from scalebayes.cli.flags import check_record, typed
from scalebayes.cli.opened import ANSWERS, load_jax, members, opened
from scalebayes.cli.options import Json, Points, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.reading import runs_or_curve, table
from scalebayes.cli.saving import checked_target, is_result, joined
from scalebayes.cli.table_options import Curve, Reading
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError, shown

BEGIN = b"<!DOCTYPE html>"  # first bytes of a report: only a file that begins so is replaced


def report(
    runs: Annotated[
        str,
        typer.Argument(
            metavar="RUNS|FIT", help="A table of runs, which is fitted as forecast does; or a saved fit, fits or stack."
        ),
    ],
    *,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Write the report to this file, which needs no other file.")
    ] = "report.html",
    points: Points,
    scores: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Report the backtest in this file, which backtest wrote with --out."),
    ] = None,
    kind: Kind = None,
    curve: Curve,
    reading: Reading,
    seed: Seed = 0,
    prob: Prob = 0.9,
    json: Json = False,
) -> None:
    """Write a report as one HTML file, to hand on.

    It begins with what the checks say. Then come answers with intervals, a planner that works without a server,
    figures, what was assumed, backtests, and how to reproduce it. By default it forecasts 10 and 100 times the
    runs' largest compute; --C alone asks for the optimum at these budgets. Several values are written as in scalebayes
    predict.
    """
    check_prob(prob)
    target = checked_target(out, "report.html", is_report)
    values = values_of(points.typed())
    load_jax()
    import scalebayes as sb

    backtest = None if scores is None else opened(scores, "Backtest")
    asked = found(runs, kind, curve, reading, values, seed)
    sizes = all({"N", "D"} <= set(fit.problem.columns) for fit in members(asked).values())
    budgets = values.pop("C") if sizes and set(values) == {"C"} else None
    patiently(
        "Writing the report",
        lambda: sb.report(
            asked, target, values or None, C=budgets, backtest=backtest, prob=prob, seed=seed, command=typed()
        ),
    )
    if json:
        checks = [check_record(check) for check in checks_of(asked) if check.status != "pass"]
        return show.document({"report": str(target), "status": checks_of(asked).status.value, "checks": checks})
    print(joined(failed_lines(asked), f"report written to {shown(str(target))}"))


def found(runs: str, kind: Any, curve: Curve, reading: Reading, values: dict[str, Any], seed: int) -> Any:
    """Return the saved result at a path, or the recommended fit of the table there.

    Raises:
        InputError: Options of a table are given with a saved result, or the table or the result can't be used.
    """
    path = Path(runs).expanduser()
    given = [*vars(reading).values(), *vars(curve).values(), kind]
    if (path.is_file() and is_result(path)) or (not path.exists() and path.suffix == ".nc"):
        if any(one is not None for one in given):
            raise InputError(f"{runs} is a saved result, whose runs are read already; leave the options of a table out")
        return opened(path, *ANSWERS)
    import scalebayes as sb

    read = runs_or_curve(table(runs, reading), curve, asked=values)
    return patiently("Compiling and fitting", lambda: sb.forecaster(read, kind=kind, seed=seed, on_fail="ignore"))


def is_report(path: Path) -> bool:
    """Return whether a file that the command would replace begins like a report."""
    with path.open("rb") as file:
        return file.read(len(BEGIN)) == BEGIN
