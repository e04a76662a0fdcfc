"""Declares the options that say which table of runs is read, and how, alone or in blocks that go together."""

from dataclasses import dataclass
from typing import Annotated

import typer

from scalebayes.cli import complete

RunsPath = Annotated[
    str,
    typer.Argument(metavar="RUNS", help="The runs: a CSV, Parquet, JSON or SQLite file, or the folder of a tracker."),
]


@dataclass(frozen=True)
class Reading:
    """The options that say how a table of runs is read."""

    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            help="Keep only the rows for which this is true, as in \"flops < 1e21 and split == 'fit'\"; by default "
            "all.",
            autocompletion=complete.columns,
        ),
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="Read OURS from the column THEIRS, as in N=params_non_emb, or give one number for every run, as in "
            "N=124M; 'C=' reads no C; repeatable. By default columns are found by their names.",
        ),
    ] = None
    N_counts: Annotated[
        str | None,
        typer.Option(
            "--N-counts",
            metavar="WHAT",
            help="Say which parameters N counts, such as total or non-embedding; by default this is not said.",
            autocompletion=lambda: ["total", "non-embedding"],
        ),
    ] = None
    unique_tokens: Annotated[
        str | None,
        typer.Option(
            "--unique-tokens",
            metavar="U",
            help="Number of unique tokens of the training corpus, such as 118M.",
        ),
    ] = None
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT", help="Unit of the observable, such as nats/token; by default the unit in its column's name."
        ),
    ] = None
    units: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=UNIT", help="Unit that a column is counted in, as in N=M, D=B or C=1e21; repeatable."
        ),
    ] = None
    observable: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,...",
            help="Column that the law describes, or several, such as loss_web,loss_code, for --by observable or --pool "
            "observable; by default the law's own observable, such as loss.",
            autocompletion=complete.columns,
        ),
    ] = None


@dataclass(frozen=True)
class Curve:
    """The options that say which training curve is read from a chart, a log or a tracker."""

    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="NAME",
            help="Read only the training curve of this run: its losses against steps or tokens, x.",
        ),
    ] = None
    tokens_per_step: Annotated[
        str | None,
        typer.Option(
            metavar="TOKENS",
            help="Number of tokens in one step of a curve, such as 0.5M; x then counts tokens instead of steps.",
        ),
    ] = None
