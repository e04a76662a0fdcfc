"""The command `scalebayes next-runs` chooses the runs to train next, which tell most about a target."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import failed_lines
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.opened import opened
from scalebayes.cli.options import AnyFit, Json, Out, Plot, Points, Seed
from scalebayes.cli.parse import number
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.planning_options import CostOptions
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.planning.design.result import NextRuns

KINDS = ("Fit", "Stack", "Recalibrated")


def next_runs(
    file: AnyFit,
    *,
    budget: Annotated[str, typer.Option(metavar="FLOPS", help="What all chosen runs together may cost, such as 1e21.")],
    points: Points,
    parameter: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Choose for a parameter, such as alpha, or 'law' for a stack's laws."),
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A table of the runs that could be trained; by default a grid over N and D."),
    ] = None,
    n: Annotated[int, typer.Option("--count", metavar="COUNT", min=1, help="The largest number of runs.")] = 10,
    cost: CostOptions,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Choose the runs to train next.

    The runs are those that tell most about a target at the least cost. The target is the loss at --N and --D, the best
    N for a budget where --C is given alone, or a parameter. The table says how much of the interval's width is expected
    to be left after each run, and the sentence below it when to stop.
    """
    target, chosen = target_of(points, parameter), cost.chosen()
    limit = number(budget, "--budget")
    save_to, picture = checked_target(out, "next.nc"), checked_figure(plot)
    asked = opened(file, *KINDS)
    import scalebayes as sb

    candidates = None if runs is None else sb.read_runs(runs)
    settings = {"target": target, "candidates": candidates, "n": n, "cost": chosen, "seed": seed}
    found = patiently("Choosing runs", lambda: sb.next_runs(asked, budget=limit, **settings))
    answer = document(found) if json else joined(failed_lines(asked), answer_text(found))
    answered(answer, found, save_to, picture_of(found, picture))


def answer_text(found: "NextRuns") -> str:
    """Return what the command prints: what the runs are worth, their table, and when to stop."""
    if not len(found.table):
        return show.prose(found.stop)
    worth = (
        f"{len(found.table)} runs for {show.figure(found.cost, 3)} FLOPs narrow the interval of {found.target} to "
        f"{found.ratio:.0%} of its width"
    )
    told = (
        "width: what is expected to be left of the interval's width after this run and those above it; sd: that of the "
        f"{found.scale}, {show.figure(found.before, 3)} before. {found.stop}"
    )
    review = [show.prose(line, 8) for line in review_of(found)]
    return joined(worth, table_text(found.table), "\n".join([show.prose(told), *review]))


def document(found: "NextRuns") -> dict[str, Any]:
    """Return the JSON document that the command prints."""
    return {
        "target": found.target,
        "scale": found.scale,
        "before": found.before,
        "ratio": found.ratio,
        "cost": found.cost,
        "runs": show.records(found.table),
        "stop": found.stop,
        "review": review_of(found),
    }


def review_of(found: "NextRuns") -> list[str]:
    """Return the checks of the design that don't pass, as text."""
    return [str(check) for check in found.checks if check.status.value != "pass"]


def target_of(points: Points, parameter: str | None) -> Any:
    """Return the target that was typed, as `sb.next_runs` takes it.

    Raises:
        InputError: None was typed, or two were.
    """
    typed = points.typed()
    if bool(typed) == (parameter is not None):
        raise InputError(
            "say what the runs shall tell about: --N and --D for the loss there, --C for the best N of a budget, or "
            "--parameter alpha"
        )
    return parameter if parameter is not None else {name: number(text, f"--{name}") for name, text in typed.items()}


def table_text(table: Any) -> str:
    """Return the rows that the command prints: each run with its cost, and what is left after it."""
    rows, shown = show.records(table), [name for name in ("N", "D", "x") if name in table]
    others = [name for name in table if name not in (*shown, "cost", "sd", "ratio", "worth")]
    body = [
        [
            *(show.count(row[name]) for name in shown),
            *(str(row[name]) for name in others[:1]),
            show.figure(row["cost"], 3),
            show.figure(row["sd"], 3),
            f"{row['ratio']:.0%}",
            show.figure(row["worth"], 3),
        ]
        for row in rows
    ]
    return show.grid([*shown, *others[:1], "cost", "sd", "width", "worth"], body)
