"""The command `scalebayes strategies` compares named ways to split a budget with the optimum."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import percent
from scalebayes.cli.flags import here
from scalebayes.cli.opened import opened
from scalebayes.cli.options import AnyFit, Group, Json, Of, Out, Prob, Seed
from scalebayes.cli.parse import check_prob, named, number, numbers
from scalebayes.cli.planning_options import CostOptions, LimitOptions
from scalebayes.cli.recipes import KINDS, answer_text, interval_text
from scalebayes.cli.saving import answered, checked_target
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.planning.strategies.result import Strategies

EXAMPLE = '--strategy "large:N=280B,D=300B" or --strategy 70/30:share_N=0.7'


def strategies(
    file: AnyFit,
    *,
    C: Annotated[
        str | None, typer.Option("--C", metavar="C", help="Budgets in FLOPs, such as 1e22 or 1e18:1e23:6.")
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:SETTINGS",
            help="A strategy: large:N=280B,D=300B, or with --C 70/30:share_N=0.7, 20:D_per_N=20, small:N=1B, kaplan, "
            "optimum; repeatable. By default the usual ones.",
        ),
    ] = None,
    max_C: Annotated[
        str | None, typer.Option("--max-C", metavar="C", help="The most FLOPs that a run may cost.")
    ] = None,
    cost: CostOptions,
    limits: LimitOptions,
    of: Of = None,
    group: Group = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    json: Json = False,
) -> None:
    """Compare ways to split a budget with the optimum.

    A strategy is a way to split it that has a name, such as a large model on little data. A share says how the
    budget's growth is split: from the middle of the runs on, share_N=0.7 has N grow as C^0.7. The regret is the loss
    less that of the optimum of the same cost. The optimum obeys the limits; a strategy that breaks one is told so.
    """
    check_prob(prob)
    budgets = None if C is None else numbers(C, "--C")
    typed = strategies_of(strategy)
    within = limits.named() | ({} if max_C is None else {"max_C": number(max_C, "--max-C")})
    chosen = cost.chosen()
    target = checked_target(out, "strategies.nc")
    asked = opened(file, *KINDS)
    import scalebayes as sb

    settings: dict[str, Any] = {"C": budgets, "cost": chosen, "subject_to": within, "of": of, "group": group}
    found = patiently("Comparing strategies", lambda: sb.strategies(asked, typed, seed=seed, **settings))
    text = answer_text(found, table_text(found, prob), meaning(found, prob), prob)
    answered(document(found, prob) if json else text, found, target)


def document(found: "Strategies", prob: float) -> dict[str, Any]:
    """Return the JSON document that the command prints."""
    attrs = found.data.attrs
    rows = [{**row, "breaks": row.get("breaks", "")} for row in show.records(found.table(prob))]
    return {
        **{name: attrs[name] for name in ("observable", "unit", "cost", "of")},
        "prob": prob,
        "sentences": found.sentences(prob),
        "strategies": rows,
        **{name: here(attrs[name]) for name in ("failed", "review")},
    }


def strategies_of(typed: list[str] | None) -> dict[str, Any] | None:
    """Return name -> strategy for what was typed; None for the usual ones.

    Raises:
        InputError: Two have one name.

    >>> strategies_of(["large:N=280B,D=300B", "kaplan"])
    {'large': {'N': 280000000000, 'D': 300000000000}, 'kaplan': 'kaplan'}
    """
    if not typed:
        return None
    found: dict[str, Any] = {}
    for text in typed:
        name, settings = named(text, "--strategy", EXAMPLE)
        if name in found:
            raise InputError(f"--strategy: '{name}' is given twice; name one of them another")
        found[name] = settings or name
    return found


def table_text(found: "Strategies", prob: float) -> str:
    """Return the rows that the command prints; if a line is too long, intervals are put under the numbers."""
    table = found.table(prob)
    breaks = ["breaks"] if "breaks" in table else []
    heads = ["strategy", "C", "N", "D", found.data.attrs["observable"], "regret", *breaks, "e-folds"]
    text = ""
    for gap in (" [", "\n["):
        rows = [
            [
                row["strategy"],
                show.given("C", float(f"{row['C']:.3g}")),
                *(show.count(row[name]) for name in ("N", "D")),
                interval_text(row, "loss", 4, ("lower", "upper")).replace(" [", gap),
                interval_text(row, "regret", 2).replace(" [", gap),
                *(row[name] for name in breaks),
                f"{row['efolds']:.1f}",
            ]
            for row in show.records(table)
        ]
        text = show.grid(heads, rows)
        if max(map(len, text.splitlines())) <= show.width():
            break
    return text


def meaning(found: "Strategies", prob: float) -> str:
    """Explain the numbers of the table below it."""
    drawn = found.data.sizes["chain"] * found.data.sizes["draw"] > 1
    shown = f"medians of the loss, means of the regret, {percent(prob)} intervals" if drawn else "at the mode"
    broken = " (that optimum keeps within the limits)" if (found.data["breaks"].values != "").any() else ""
    return (
        f"{found.data.attrs['cost']} in FLOPs; {shown}. regret: the loss less that of the optimum of the same "
        f"cost{broken}. e-folds: how far N and D lie outside the runs."
    )
