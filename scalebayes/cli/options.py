"""What several commands share: options, and the fit that they read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalebayes.cli.flags import quoted
from scalebayes.cli.parse import number, pairs
from scalebayes.cli.wait import heed, keep_compiled, stage
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit
    from scalebayes.runs import Runs

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
NCounts = Annotated[
    str | None, typer.Option("--N-counts", metavar="WHAT", help="What N counts, such as total or non-embedding.")
]
Unit = Annotated[
    str | None,
    typer.Option(metavar="UNIT", help="Unit of the observable, such as nats/token; by default what its name says."),
]
Units = Annotated[
    list[str] | None,
    typer.Option(metavar="OURS=UNIT", help="What a column counts in, as in N=M, D=B or C=1e21; repeatable."),
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


@dataclass(frozen=True)
class Asked:
    """The table that a command was asked to read, as `read_runs` takes it."""

    runs: str
    where: str | None
    columns: Mapping[str, str | float | None]
    N_counts: str | None
    unit: str | None
    units: Mapping[str, str]

    def read(self, observable: str, range: tuple[float, float] | None = None) -> "Runs":
        """The runs, with the observable that the command or its law is about."""
        import scalebayes as sb

        with stage("Reading runs"):
            return sb.read_runs(
                self.runs,
                self.where,
                self.columns,
                observable=observable,
                range=range,
                N_counts=self.N_counts,
                unit=self.unit,
                units=self.units,
            )


def table(
    runs: str,
    where: str | None,
    columns: list[str] | None,
    N_counts: str | None,
    unit: str | None,
    units: list[str] | None,
    unique_tokens: str | None = None,
) -> Asked:
    """The table of the options that every command with runs has.

    Raises:
        InputError: an option that isn't written as it should be; before anything is read.

    >>> table("runs.csv", None, ["N=124M", "loss=val"], None, None, ["D=B"], "118M").columns
    {'N': 124000000.0, 'loss': 'val', 'U': 118000000.0}
    """
    named = {ours: column(theirs) for ours, theirs in pairs(columns or (), "--columns", "N=params").items()}
    if unique_tokens is not None:
        named["U"] = number(unique_tokens, "--unique-tokens")
    return Asked(runs, where, named, N_counts, unit, pairs(units or (), "--units", "N=M"))


def column(theirs: str) -> str | float | None:
    """What read_runs takes for a column: its name, the number of every run, or None.

    >>> column("config.n_params"), column("124M"), column("")
    ('config.n_params', 124000000.0, None)
    """
    try:
        return number(theirs) if theirs else None
    except InputError:
        return theirs


def load_jax() -> None:
    """Import what fits need, and set up the cache of compiled programs."""
    with stage("Loading JAX"):
        keep_compiled()
    heed()


def opened(path: Path) -> "Fit":
    """The fit in a file.

    Raises:
        InputError: it holds several.
    """
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.first_answer import settle
    from scalebayes.runs.reading.decode import EXTENSIONS

    if path.suffix.lower() in EXTENSIONS and path.is_file():
        fit = f"scalebayes fit {quoted(str(path))} --out {quoted(path.stem + '.nc')}"
        raise InputError(f"{path} is a table and no saved fit; fit it first: {fit}")
    found = sb.load(path.expanduser())
    if not isinstance(found, sb.Fit):
        raise InputError(
            f"{path} holds a {type(found).__name__} and not one fit; ask it in Python: sb.load, sb.predict"
        )
    settle(found)  # the commands print what failed
    return found
