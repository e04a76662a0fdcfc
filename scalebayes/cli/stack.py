"""The command `scalebayes stack` mixes several saved fits into one forecaster, weighted by how well they predict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import failed_lines
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.fit_text import checks_text
from scalebayes.cli.flags import check_record
from scalebayes.cli.opened import opened
from scalebayes.cli.options import Json, Out, Plot, Seed
from scalebayes.cli.parse import number, pairs
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.forecasting.of_stack import Stack

KINDS = ("loo", "largest", "evidence")


def stack(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FIT...",
            help="Files of saved fits of the same runs, or one file of fit-many; NAME=FIT gives a fit a name.",
        ),
    ],
    *,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WEIGHTS",
            help="How the weights are found: 'loo' (the default) or 'largest' by a score of compare, or 'evidence'; or "
            "NAME=WEIGHT for each fit, repeatable.",
            autocompletion=lambda: list(KINDS),
        ),
    ] = None,
    draws: Annotated[int, typer.Option(metavar="INT", min=1, help="Number of draws of the mixture.")] = 4000,
    refits: Annotated[
        int,
        typer.Option(
            metavar="INT",
            min=0,
            help="Largest number of exact refits for each fit, where its leave-one-out estimate is unreliable.",
        ),
    ] = 10,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Mix saved fits into one forecaster.

    With --out the mixture is saved, and predict and optimum take it like a fit. The weights loo predict each run best
    from the others, and the weights largest predict the largest runs best from the smaller ones. The weights evidence
    are the posterior probabilities of the fits. You can also give the weights yourself.
    """
    paths = named_files(files)
    chosen: Any = weights_of(weights or ["loo"])
    target, picture = checked_target(out, "stack.nc"), checked_figure(plot)
    if picture is not None and isinstance(chosen, dict):
        raise InputError(
            "--plot draws the scores by which weights are found, and weights that you give have none; leave it out"
        )
    results = {name: opened(path, "Fit", "Fits") for name, path in paths.items()}
    import scalebayes as sb

    many = next((one for one in results.values() if isinstance(one, sb.Fits)), None)
    if many is not None and len(results) > 1:
        raise InputError("one of the files holds many fits; give that file alone, or files of one fit each")
    fits: Any = many if many is not None else results
    mixed = patiently("Comparing and stacking", lambda: sb.stack(fits, chosen, draws=draws, refits=refits, seed=seed))
    unsaved = "" if target else "not saved; --out stack.nc keeps it for predict and optimum"
    text = joined(failed_lines(mixed), stack_text(mixed), checks_text(mixed.checks), unsaved)
    answer = stack_document(mixed) if json else text

    def draw() -> Any:  # a stack keeps the weights and not the scores, which the same seed gives again
        largest = chosen == "largest"
        return sb.plot_compare(sb.compare(fits, refits=refits if chosen == "loo" else 0, largest=largest, seed=seed))

    answered(answer, mixed, target, lambda: drawn(draw, picture, "comparing the fits again"))


def named_files(files: list[str]) -> dict[str, Path]:
    """Return name -> path for files typed as FIT or NAME=FIT; the default name is the file's without its ending.

    Raises:
        InputError: Two of the files have one name.

    >>> named_files(["a/power.nc", "mine=b.nc"])
    {'power': PosixPath('a/power.nc'), 'mine': PosixPath('b.nc')}
    """
    paths: dict[str, Path] = {}
    for text in files:
        name, equals, path = text.partition("=")
        if not equals or Path(text).exists():
            name, path = Path(text).stem, text
        if name in paths:
            raise InputError(f"two of the files are called '{name}'; name one, as in {quoted(f'{name}_2={path}')}")
        paths[name] = Path(path)
    return paths


def weights_of(texts: list[str]) -> Any:
    """Return what `sb.stack` takes as weights: a word, or name -> weight."""
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    each = pairs(texts, "--weights", "power=0.7")
    return {name: number(text, f"--weights {name}", "0.7") for name, text in each.items()}


def stack_text(mixed: "Stack") -> str:
    """Return the text that the command prints of a stack: one row for each member with its weight."""
    rows = [
        [
            name,
            show.figure(weight, 3),
            fit.law.name,
            repr(fit.noise),
            repr(fit.discrepancy) if fit.discrepancy else "none",
        ]
        for (name, fit), weight in zip(mixed.members.items(), mixed.weights.values(), strict=True)
    ]
    grid = show.grid(["fit", "weight", "law", "noise", "discrepancy"], rows)
    return f"{grid}\n{show.prose(f'weights: {mixed.by}; {mixed.draws} draws, seed {mixed.seed}.')}"


def stack_document(mixed: "Stack") -> dict[str, Any]:
    """Return the JSON document that the command prints of a stack."""
    return {
        "weights": dict(mixed.weights),
        "by": mixed.by,
        "draws": mixed.draws,
        "seed": mixed.seed,
        "laws": {name: fit.law.name for name, fit in mixed.members.items()},
        "checks": [check_record(check) for check in mixed.checks],
        "versions": dict(mixed.versions),
    }
