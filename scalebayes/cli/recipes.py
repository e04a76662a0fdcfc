"""The command `scalebayes recipes` says which of two ways to train is better at which budget."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_text import HANG, percent
from scalebayes.cli.flags import here
from scalebayes.cli.opened import opened
from scalebayes.cli.options import AnyFit, Json, Of, Out, Plot, Prob, Seed
from scalebayes.cli.parse import check_prob, numbers
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.planning_options import CostOptions, LimitOptions
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.planning.recipes.result import RecipeComparison
    from scalebayes.planning.strategies.result import Strategies

KINDS = ("Fit", "Stack", "Recalibrated")  # types that recipes and strategies take


def recipes(
    file: AnyFit,
    other: Annotated[
        Path | None,
        typer.Argument(metavar="FIT", help="The file of the other recipe; without it, --groups names two of one fit."),
    ] = None,
    *,
    C: Annotated[
        str, typer.Option("--C", metavar="C", help="Budgets in FLOPs, such as 1e20:1e24:9; they may cross in between.")
    ],
    groups: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Two groups of the runs, where the discrepancy has an offset for each group."),
    ] = None,
    cost: CostOptions,
    limits: LimitOptions,
    of: Of = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Compare two recipes, each at its optimum of every budget.

    A recipe is a fit of its runs, such as those of one data mixture or optimiser. For each budget the command says how
    probably the first one has the lower loss, and how much compute the other one needs to reach that loss; and it says
    where the two cross. The losses of both have to mean the same: one test set and one tokeniser.
    """
    check_prob(prob)
    budgets = numbers(C, "--C")
    two = two_of(groups)
    settings: dict[str, Any] = {"cost": cost.chosen(), "subject_to": limits.named()}
    target, picture = checked_target(out, "recipes.nc"), checked_figure(plot)
    if picture is not None and len(budgets) < 2:
        raise InputError("--plot draws the recipes along budgets; give --C two or more, such as 1e20:1e24:9")
    first = opened(file, *KINDS)
    second = None if other is None else first if other == file else opened(other, *KINDS)
    names = () if other is None or two is not None else names_of(file, other)
    import scalebayes as sb

    settings |= {"groups": two, "C": budgets, "of": of, "names": names, "seed": seed}
    found = patiently("Finding the optima of both", lambda: sb.compare_recipes(first, second, **settings))
    text = answer_text(found, table_text(found, prob), meaning(found, prob), prob)
    answer = document(found, prob) if json else text
    answered(answer, found, target, picture_of(found, picture, prob))


def answer_text(found: "RecipeComparison | Strategies", table: str, told: str, prob: float) -> str:
    """Return what recipes and strategies print: what failed, the answer in sentences, its table, and what to review."""
    attrs = found.data.attrs
    failed = show.prose(f"fail    {here(attrs['failed'])}", HANG) if attrs["failed"] else ""
    review = "\n" + show.prose(f"review  {here(attrs['review'])}", HANG) if attrs["review"] else ""
    sentences = "\n".join(show.prose(line) for line in found.sentences(prob))
    return joined(failed, sentences, table, show.prose(told) + review)


def two_of(groups: str | None) -> tuple[str | None, ...] | None:
    """Return the two groups that were typed; a blank one is a new group.

    Raises:
        InputError: There aren't two.

    >>> two_of("old,new"), two_of("old,"), two_of(None)
    (('old', 'new'), ('old', None), None)
    """
    if groups is None:
        return None
    two = tuple(one.strip() or None for one in groups.split(","))
    if len(two) != 2:
        raise InputError(f"--groups: two groups with a comma between, such as old,new; not '{groups}'")
    return two


def names_of(one: Path, other: Path) -> tuple[str, ...]:
    """Return what two files are called: by their names without the ending, or by their paths where these are the same.

    >>> names_of(Path("a/new.nc"), Path("b/old.nc")), names_of(Path("a/fit.nc"), Path("b/fit.nc"))
    (('new', 'old'), ('a/fit.nc', 'b/fit.nc'))
    """
    if one == other:
        return ()
    return (one.stem, other.stem) if one.stem != other.stem else (str(one), str(other))


def document(found: "RecipeComparison", prob: float) -> dict[str, Any]:
    """Return the JSON document that the command prints."""
    attrs = found.data.attrs
    return {
        "a": found.names[0],
        "b": found.names[1],
        **{name: attrs[name] for name in ("observable", "unit", "cost", "of")},
        "prob": prob,
        "pairs": found.pairs,
        "shared_draws": bool(attrs["shared_draws"]),
        "sentences": found.sentences(prob),
        "budgets": show.records(found.table(prob)),
        "crossing": found.crossing(prob)._asdict(),
        "failed": here(attrs["failed"]),
        "review": here(attrs["review"]),
    }


def table_text(found: "RecipeComparison", prob: float) -> str:
    """Return the rows that the command prints, one for each budget."""
    table = found.table(prob)
    a, b = map(show.shortened, found.names)
    out = bool((table["out_of_reach"] > 0).any())
    heads = ["C", f"P({a} better)", f"{a}'s loss", f"{b}'s loss", "gain", *(["out of reach"] if out else []), "e-folds"]
    rows = [
        [
            show.given("C", row["C"]),
            show.figure(row["P"], 3),
            show.figure(row["loss_a"]),
            show.figure(row["loss_b"]),
            interval_text(row, "gain", 3),
            *([percent(round(100 * row["out_of_reach"]) / 100)] if out else []),
            f"{row['efolds']:.1f}",
        ]
        for row in show.records(table)
    ]
    return show.grid(heads, rows)


def interval_text(row: dict[str, Any], name: str, digits: int, ends: tuple[str, str] | None = None) -> str:
    """Return a cell of the table: a number, with its interval in brackets if there is one."""
    lower, upper = (row[end] for end in ends or (f"{name}_lower", f"{name}_upper"))
    middle = show.figure(row[name], digits)
    return f"{middle} [{show.figure(lower, digits)}, {show.figure(upper, digits)}]" if lower == lower else middle


def meaning(found: "RecipeComparison", prob: float) -> str:
    """Explain the numbers of the table below it."""
    a, b = found.names
    shown = f"median and {percent(prob)} interval" if found.pairs > 1 else "at the mode; map has no intervals"
    return (
        f"{found.data.attrs['cost']} in FLOPs. gain: the compute with which {b} reaches {a}'s loss, over C: {shown}. "
        "e-folds: how far the farther one of the two optima lies outside its runs."
    )
