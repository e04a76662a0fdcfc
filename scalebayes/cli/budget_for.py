"""The command `scalebayes budget-for` says what compute a loss takes, and how surely."""

import math
from typing import Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, group_text, groups_of, outside_text
from scalebayes.cli.fit_text import percent
from scalebayes.cli.opened import members
from scalebayes.cli.optimum import cell
from scalebayes.cli.options import Group, Json, Of, Prob, Seed
from scalebayes.cli.parse import check_prob, numbers
from scalebayes.cli.plan import Table, fitted
from scalebayes.cli.planning_options import CostOptions, LimitOptions
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError


def budget_for(
    runs: Table,
    *,
    loss: Annotated[str, typer.Option(metavar="LOSS", help="The loss to reach, such as 2.0 or 2.2,2.0,1.9.")],
    sure: Annotated[
        float, typer.Option(metavar="P", help="The probability with which the budget that is enough reaches it.")
    ] = 0.9,
    cost: CostOptions,
    limits: LimitOptions,
    of: Of = None,
    group: Group = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    json: Json = False,
) -> None:
    """Say what compute a loss takes, and how surely.

    The compute is split between parameters and tokens in the best way. A loss below the floor of the law can't be
    reached by any budget, and the share of the draws in which that is so is told.
    """
    check_prob(prob)
    if not 0 < sure < 1:
        raise InputError(f"--sure is between 0 and 1, such as 0.9; not {sure!r}")
    targets, chosen, subject_to = numbers(loss, "--loss"), cost.chosen(), limits.named()
    asked = fitted(runs, seed)
    import scalebayes as sb

    settings = {"loss": targets, "prob": sure, "cost": chosen, "subject_to": subject_to, "of": of, "seed": seed}
    settings["group"] = groups_of(asked, group)
    needed = patiently("Finding the compute", lambda: sb.budget_for(asked, **settings))
    if "dataset" in needed.dims:
        raise InputError("budget-for takes one fit, a stack or a recalibrated fit; of many fits, ask each")
    fit = next(iter(members(asked).values()))
    tables: dict[str, list[dict[str, Any]]] = {
        name: show.records(sb.interval(needed[[name]], prob)) for name in ("C", "N", "D")
    }
    statistics = ("median", "lower", "upper")
    groups = needed["group"].values.tolist() if "group" in needed.coords else []
    rows = [
        {
            fit.runs.observable: target,
            **({"group": groups[i]} if groups else {}),
            "enough": float(needed["enough"].values[i]),
            "out_of_reach": float(needed["out_of_reach"].values[i]),
            **{name: {s: table[i][s] for s in statistics} for name, table in tables.items()},
            "efolds": float(needed["distance"].max("axis").values[i]),
        }
        for i, target in enumerate(needed["loss"].values.tolist())
    ]
    if json:
        document = {
            **about(asked, needed, cost=chosen),
            "cost": needed.attrs["cost"],
            "of": needed.attrs["of"],
            "prob": prob,
        }
        return show.document({**document, "sure": sure, "targets": rows})
    if failed := failed_lines(asked):
        print(f"{failed}\n")
    print("\n".join(sentence_of(row, fit.runs.observable, sure) for row in rows))
    observable = fit.runs.observable
    own = ["group"] if groups else []
    body = [
        [
            show.figure(row[observable], 4),
            *(group_text(row["group"]) for _ in own),
            *(reach(name, row[name]) for name in ("C", "N", "D")),
        ]
        for row in rows
    ]
    print("\n" + show.grid([observable, *own, "C", "N", "D"], body))
    told = f"C is the least compute, with N and D there: median and {percent(prob)} interval, at the cost "
    told += f"{needed.attrs['cost']}. It is the curve's loss that is reached; a run scatters around it."
    print("\n" + show.prose(told))
    if far := outside_text(asked, needed):
        print(show.prose(f"warning: {far}"))
    if review := doubts(asked, needed, cost=chosen):
        print(review)


def sentence_of(row: dict[str, Any], observable: str, sure: float) -> str:
    """Return the line that the command prints first for a loss."""
    target, lost = f"{observable} {show.figure(row[observable], 4)}", row["out_of_reach"]
    if "group" in row:
        target += f" of {row['group'] or 'a new group'}"
    if math.isfinite(row["enough"]):
        told = f"{target}: {show.figure(row['enough'], 3)} FLOPs reach it with probability {sure:g}"
    else:
        told = f"{target}: no budget reaches it with probability {sure:g}"
    return f"{told}; out of reach in {percent(lost)} of the draws" if lost else told


def reach(name: str, row: dict[str, Any]) -> str:
    """Return a cell of the table: a median with its interval; a compute that is out of reach is infinite."""
    if all(math.isfinite(row[s]) for s in ("median", "lower", "upper")):
        return cell(name, row, max(2, show.most_digits([row])))
    if not math.isfinite(row["lower"]):
        return "out of reach" if name == "C" else "-"
    text = show.count if name in show.COUNTS else show.figure
    median, lower, upper = (text(row[s], 3) if math.isfinite(row[s]) else "inf" for s in ("median", "lower", "upper"))
    return f"{median} [{lower}, {upper}]"
