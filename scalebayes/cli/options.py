"""What several commands share: options, and the fit that they read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalebayes.cli.wait import heed, keep_compiled, stage
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.fitting import Fit

Prob = Annotated[float, typer.Option("--prob", metavar="P", help="Probability of the intervals, between 0 and 1.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, numbers in full precision.")]
FitFile = Annotated[Path, typer.Argument(metavar="FIT", help="A file that 'scalebayes fit --out' wrote.")]

# Of the commands that forecast.
Parameters = Annotated[str | None, typer.Option("--N", metavar="N", help="Parameters, such as 70e9 or 1B,7B,70B.")]
Tokens = Annotated[str | None, typer.Option("--D", metavar="D", help="Training tokens, such as 1.4T.")]
Compute = Annotated[
    str | None, typer.Option("--C", metavar="C", help="Training compute in FLOPs, such as 1e20:1e24:5.")
]

# Of the commands that read runs.
RunsPath = Annotated[
    str, typer.Argument(metavar="RUNS", help="Runs: a CSV, Parquet, JSON or SQLite file, or a tracker's folder.")
]
Where = Annotated[
    str | None, typer.Option(metavar="EXPR", help="Rows to keep, as in \"flops < 1e21 and split == 'fit'\".")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="INPUT=COLUMN", help="Column of a law's input, as in x=C; repeatable."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OURS=THEIRS",
        help="Column to read, as in N=params_non_emb, or the number of every run, as in N=124M; "
        "'C=' reads none; repeatable.",
    ),
]
UniqueTokens = Annotated[
    str | None,
    typer.Option(
        "--unique-tokens", metavar="U", help="Tokens of the corpus, as in 118M: the same as --columns U=118M."
    ),
]
Observable = Annotated[
    str | None, typer.Option(help="Column that the law describes, by default the law's own, such as loss.")
]
Window = Annotated[
    str | None,
    typer.Option(metavar="EFOLDS", help="Fit the last e-folds alone, as in 2; auto for as many as forecasts want."),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Parameter to hold fixed, in the runs' own units; repeatable."),
]
Priors = Annotated[
    str | None, typer.Option(metavar="flat", help="'flat' for flat priors: with map, maximum likelihood.")
]
Seed = Annotated[int, typer.Option(metavar="INT", min=0, max=2**32 - 1, help="Seed of the random numbers.")]


def load_jax() -> None:
    """Import what fits need, and set up the cache of compiled programs."""
    with stage("Loading JAX"):
        keep_compiled()
        import scalebayes.fitting  # noqa: F401
    heed()


def opened(path: Path) -> "Fit":
    """The fit in a file.

    Raises:
        InputError: it holds several.
    """
    load_jax()
    import scalebayes as sb

    found = sb.load(path.expanduser())
    if not isinstance(found, sb.Fit):
        raise InputError(
            f"{path} holds a {type(found).__name__} and not one fit; ask it in Python: sb.load, sb.predict"
        )
    return found
