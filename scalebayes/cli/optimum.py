"""The command `scalebayes optimum` finds the best N and D for a compute budget."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import STATISTICS, about, apart, doubts, failed_lines, group_text, groups_of, outside_text
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.fit_text import percent
from scalebayes.cli.opened import ANSWERS, members, opened
from scalebayes.cli.options import AnyFit, Group, Json, Of, Plot, Prob, Seed
from scalebayes.cli.parse import check_prob, numbers
from scalebayes.cli.pictures import frontier_picture, one_group, slow
from scalebayes.cli.saving import answered, joined
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    import xarray as xr

Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # quantity -> median, mean, ... of each budget


def optimum(
    file: AnyFit,
    *,
    C: Annotated[
        str,
        typer.Option("--C", metavar="C", help="Training compute in FLOPs, such as 5.76e23, 1e21,1e22 or 1e20:1e26:7."),
    ],
    of: Of = None,
    group: Group = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Find the best N and D for a compute budget.

    The cost is C = 6 N D. Several budgets are separated by commas. lo:hi:n stands for n budgets from lo to hi that are
    evenly spaced in the log. If the fit has a discrepancy, the optimum is that of the law with its discrepancy, unless
    --of law is given.
    """
    check_prob(prob)
    budgets, picture = numbers(C, "--C"), checked_figure(plot)
    asked = opened(file, *ANSWERS)
    import scalebayes as sb

    own = groups_of(asked, group)
    if picture is not None:
        one_group(own)
    best = patiently("Finding the optimum", lambda: sb.optimum(asked, C=budgets, of=of, group=own, seed=seed))  # type: ignore[arg-type]
    budgets = best["C"].values.tolist()
    groups = best["group"].values.tolist() if "group" in best.coords else []
    many = "dataset" in best.dims
    parts = {name: part for name, (_, part) in apart(asked, best).items()} if many else {"": best}
    each = {name: (part, quantities(part, prob)) for name, part in parts.items()}

    def draw() -> Any:
        return frontier_picture(asked, best, prob=prob, of=of, group=own, seed=seed)

    answer: Any
    if json:
        rows = [
            {
                **({"dataset": name} if many else {}),
                "C": budget,
                **({"group": groups[i]} if groups else {}),
                **{what: of_budget[i] for what, of_budget in table.items()},
                "efolds": float(one["distance"].max("axis").values[i]),
            }
            for name, (one, table) in each.items()
            for i, budget in enumerate(budgets)
        ]
        about_best = {"cost": best.attrs["cost"], "of": best.attrs["of"], "prob": prob, "budgets": rows}
        answer = {**about(asked, best), **about_best}
        if far := outside_text(asked, best):
            show.message(f"warning: {far}")
    else:
        fits = list(members(asked).values())
        tables = {name: table for name, (_, table) in each.items()}
        far = outside_text(asked, best)
        below = [
            show.prose(meaning(asked, best, list(tables.values()), prob)),
            show.prose(f"warning: {far}") if far else "",
            doubts(asked, best),
        ]
        text = optimum_text(budgets, groups, tables, fits[0].runs.observable)
        answer = joined(failed_lines(asked), text, "\n".join(filter(None, below)))
    answered(answer, plot=lambda: drawn(draw, picture, slow(asked)))


def meaning(found: Any, best: "xr.Dataset", tables: Sequence[Rows], prob: float) -> str:
    """Explain the numbers of an optimum below the table that the command prints."""
    from scalebayes.runs.describe import in_unit

    fits = list(members(found).values())
    mode = all(fit.is_mode for fit in fits)
    shown = "at the mode; map has no intervals" if mode else f"median and {percent(prob)} interval"
    told = f"C = 6 N D in FLOPs, {in_unit(fits[0].runs.observable, fits[0].runs.unit)}: {shown}."
    if best.attrs["of"] == "curve":
        taken = ", at the mean of the discrepancy given the runs" if mode else ""
        told += f" The optimum is that of the law with its discrepancy{taken}; --of law gives the law's own, with its "
        told += "exponent."
    elif best.attrs["of"] == "differs":
        told += " Where a fit has a discrepancy the optimum is that of the law with it; --of law gives the law's own."
    else:
        told += f" {exponent_text(tables)}"
    if "recalibrated" in best.attrs:
        told += f" {show.sentence(best.attrs['recalibrated'])}"
    return told


def quantities(dataset: "xr.Dataset", prob: float) -> dict[str, list[dict[str, Any]]]:
    """Return what the command prints of an optimum: quantity -> median, mean, sd, lower and upper for each budget.

    The budgets are in the order given.
    """
    import scalebayes as sb

    names = [str(name) for name, x in dataset.data_vars.items() if "draw" in x.dims]
    return {
        name: [{s: row[s] for s in STATISTICS} for row in show.records(sb.interval(dataset[[name]], prob))]
        for name in names
    }


def optimum_text(budgets: Sequence[float], groups: Sequence[str], tables: Mapping[str, Rows], observable: str) -> str:
    """Return the rows that the command prints, for each data set and budget; `groups` is empty or has one for each.

    If a line is too long, intervals are put under the medians.
    """
    heads = {"N": "N*", "D": "D*", "D_per_N": "D*/N*", observable: f"{observable}*"}
    each = list(tables.values())
    if not (same_exponent(each) or no_exponent(each)):
        heads["N_exponent"] = "N* exponent"
    many = [] if "" in tables else ["data set"]
    grouped = ["group"] if groups else []
    number = {name: max(show.most_digits(table[name]) for table in each) for name in heads}
    text = ""
    for gap in (" ", "\n"):
        rows = [
            [
                *([dataset] if many else []),
                *([group_text(groups[i])] if groups else []),
                show.given("C", budget),
                *(cell(name, table[name][i], number[name], gap) for name in heads),
            ]
            for dataset, table in tables.items()
            for i, budget in enumerate(budgets)
        ]
        text = show.grid([*many, *grouped, "C", *heads.values()], rows, left=len(many) + len(grouped))
        if max(map(len, text.splitlines())) <= show.width():
            break
    return text


def cell(name: str, row: Mapping[str, Any], number: int, gap: str = " ") -> str:
    """Return a cell of the command's table: a median, with its interval in brackets if there is one."""
    if not row["lower"] < row["upper"]:
        return show.count(row["median"], 4) if name in show.COUNTS else show.figure(row["median"], 4)
    median, lower, upper = (
        show.count(row[s], number) if name in show.COUNTS else show.figure(row[s], number)
        for s in ("median", "lower", "upper")
    )
    return f"{median}{gap}[{lower}, {upper}]"


def no_exponent(tables: Sequence[Rows]) -> bool:
    """Return whether the command has no exponent of N* to print, as for a law with its discrepancy."""
    return all(math.isnan(row["median"]) for table in tables for row in table["N_exponent"])


def same_exponent(tables: Sequence[Rows]) -> bool:
    """Return whether one exponent of N* is printed for all budgets and data sets, because it is the same."""
    medians = [row["median"] for table in tables for row in table["N_exponent"]]
    return max(medians) - min(medians) < 1e-9


def exponent_text(tables: Sequence[Rows]) -> str:
    """Say below the command's table how N* and D* grow with the budget, or explain the column of the exponents."""
    if not same_exponent(tables):
        return "N* exponent: d log N* / d log C."
    row = tables[0]["N_exponent"][0]
    return f"N* grows as C^a and D* as C^(1 - a), a = {cell('', row, show.most_digits([row]))}."
