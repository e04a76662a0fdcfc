"""Declares each command-line option that several commands share, alone or in a block of options that go together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scalebayes.cli import complete

# Options about the table that is read

RunsPath = Annotated[
    str,
    typer.Argument(metavar="RUNS", help="The runs: a CSV, Parquet, JSON or SQLite file, or the folder of a tracker."),
]
FitFile = Annotated[
    Path, typer.Argument(metavar="FIT", help="The file of one fit, which fit or forecast wrote with --out.")
]
AnyFit = Annotated[
    Path,
    typer.Argument(metavar="FIT", help="The file that fit, fit-many, stack, recalibrate or forecast wrote with --out."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="INPUT=COLUMN", help="Take this input of the law from this column, as in x=C; repeatable."
    ),
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
        ),
    ] = None
    unique_tokens: Annotated[
        str | None,
        typer.Option(
            "--unique-tokens",
            metavar="U",
            help="Number of unique tokens of the training corpus, as in 118M; the same as --columns U=118M.",
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
            metavar="COLUMN", help="Column that the law describes; by default the law's own observable, such as loss."
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


# Options about how a law is fitted

Law = Annotated[
    str,
    typer.Option(
        metavar="LAW",
        help="The law to fit; 'scalebayes laws' lists the laws; settings follow a colon, as in broken_power:breaks=2.",
        autocompletion=complete.laws,
    ),
]
SeveralLaws = Annotated[
    list[str] | None,
    typer.Option(
        "--law",
        metavar="LAW",
        help="A law to fit; settings follow a colon, as in broken_power:breaks=2; repeatable. The default is "
        "chinchilla.",
        autocompletion=complete.laws,
    ),
]
LawsOrRecommended = Annotated[
    list[str] | None,
    typer.Option(
        "--law",
        metavar="LAW",
        help="A law to fit; settings follow a colon, as in broken_power:breaks=2; 'recommended' is what the command "
        "forecast fits; repeatable.",
        autocompletion=complete.laws_and_recommended,
    ),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="METHOD",
        help="The method: nuts, laplace, map or bootstrap; settings follow a colon, as in nuts:draws=4000,chains=4.",
        autocompletion=complete.methods,
    ),
]
Discrepancy = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS",
        help="How the curve may depart from the law: none, gp, or parts of gp as in matern,bend,drift; by default "
        "none.",
        autocompletion=complete.discrepancies,
    ),
]
Discrepancies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PARTS",
        help="How the curve may depart from the law: none, gp, or parts of gp as in matern,bend; by default none; "
        "repeatable.",
        autocompletion=complete.discrepancies,
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="EFOLDS",
        help="Fit only the runs within this many e-folds of the largest, as in 2; 'auto' takes 2 and widens the window "
        "until the slope in it is clear. By default all runs are fitted.",
    ),
]
Priors = Annotated[
    str | None,
    typer.Option(
        metavar="flat",
        help="'flat' makes all priors flat, so that map gives the maximum likelihood; by default the law's priors "
        "hold.",
        autocompletion=lambda: ["flat"],
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What runs of one input are: 'ladder' for finished runs of several sizes, 'curve' for one run on its way; "
        "by default this is judged from the table.",
        autocompletion=lambda: ["ladder", "curve"],
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        metavar="INT",
        min=1,
        help="Number of data sets that are fitted side by side; by default as many as memory has room for.",
    ),
]
Folder = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep finished batches in this folder, so that an interrupted command continues from them; by "
        "default they are not kept.",
    ),
]
Fallback = Annotated[
    bool,
    typer.Option(help="Where the k-hat of laplace fails, repeat it with more proposals, and then sample with nuts."),
]


@dataclass(frozen=True)
class Model:
    """The options about noise, inputs and fixed parameters that every command with a fit has."""

    noise: Annotated[
        str | None,
        typer.Option(
            metavar="NOISE",
            help="The noise: student_t, normal, ...; settings follow a colon, as in huber:delta=1e-3; by default the "
            "law's "
            "own noise.",
            autocompletion=complete.noises,
        ),
    ] = None
    inputs: Inputs = None
    fix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Hold this parameter fixed at this value, in the runs' own units; repeatable."
        ),
    ] = None


# Options about what a fit is asked


@dataclass(frozen=True)
class Points:
    """The inputs at which a forecast is asked for."""

    N: Annotated[
        str | None, typer.Option("--N", metavar="N", help="Number of parameters, such as 70e9 or 1B,7B,70B.")
    ] = None
    D: Annotated[str | None, typer.Option("--D", metavar="D", help="Number of training tokens, such as 1.4T.")] = None
    C: Annotated[
        str | None, typer.Option("--C", metavar="C", help="Training compute in FLOPs, such as 1e20:1e24:5.")
    ] = None
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="X", help="Input of runs that have only one input, in the runs' own unit."),
    ] = None

    def typed(self) -> dict[str, str]:
        """A dict from each input that was given to the text that was typed for it."""
        return {name: text for name, text in vars(self).items() if text is not None}


Observed = Annotated[
    bool,
    typer.Option(
        "--observed/--curve",
        help="Forecast a new run with its noise (--observed), or the law's curve without noise (--curve).",
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="GROUP",
        help="Forecast for this group of the runs, if the discrepancy has an offset for each group; by default for a "
        "new "
        "group.",
    ),
]
Prob = Annotated[
    float,
    typer.Option(
        "--prob", metavar="P", help="Probability of each interval, between 0 and 1: 0.9 gives 90 % intervals."
    ),
]

# Options that most commands have

Seed = Annotated[
    int, typer.Option(metavar="INT", min=0, max=2**32 - 1, help="Seed of the random numbers, a whole number.")
]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Save the result to this NetCDF file; by default it is not saved.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, with numbers in full precision, instead of text.")
]
