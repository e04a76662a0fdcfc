"""The options that several commands share, each declared once, alone or in a block of those that go together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scalebayes.cli import complete

# What is read

RunsPath = Annotated[
    str, typer.Argument(metavar="RUNS", help="Runs: a CSV, Parquet, JSON or SQLite file, or a tracker's folder.")
]
FitFile = Annotated[Path, typer.Argument(metavar="FIT", help="A file that 'scalebayes fit --out' wrote.")]
AnyFit = Annotated[
    Path,
    typer.Argument(metavar="FIT", help="A file that --out of fit, fit-many, stack or recalibrate wrote."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="INPUT=COLUMN", help="Column of a law's input, as in x=C; repeatable."),
]


@dataclass(frozen=True)
class Reading:
    """How a table of runs is read."""

    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Rows to keep, as in \"flops < 1e21 and split == 'fit'\".")
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="Column to read, as in N=params_non_emb, or the number of every run, as in N=124M; "
            "'C=' reads none; repeatable.",
        ),
    ] = None
    N_counts: Annotated[
        str | None, typer.Option("--N-counts", metavar="WHAT", help="What N counts, such as total or non-embedding.")
    ] = None
    unique_tokens: Annotated[
        str | None,
        typer.Option(
            "--unique-tokens", metavar="U", help="Tokens of the corpus, as in 118M: the same as --columns U=118M."
        ),
    ] = None
    unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="Unit of the observable, such as nats/token; by default what its name says."),
    ] = None
    units: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=UNIT", help="What a column counts in, as in N=M, D=B or C=1e21; repeatable."),
    ] = None
    observable: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that the law describes, by default the law's own, such as loss."),
    ] = None


@dataclass(frozen=True)
class Curve:
    """Which curve of a chart, a log or a tracker's runs is read."""

    run: Annotated[
        str | None,
        typer.Option("--run", metavar="NAME", help="Read this run alone, by its curve of losses against steps, x."),
    ] = None
    tokens_per_step: Annotated[
        str | None,
        typer.Option(metavar="TOKENS", help="Of a curve: tokens of a batch, such as 0.5M, so that x is of tokens."),
    ] = None


# How it is fitted

Law = Annotated[
    str,
    typer.Option(
        metavar="LAW",
        help="Law: 'scalebayes laws' lists them; settings as in broken_power:breaks=2.",
        autocompletion=complete.laws,
    ),
]
SeveralLaws = Annotated[
    list[str] | None,
    typer.Option(
        "--law",
        metavar="LAW",
        help="Law, settings as in broken_power:breaks=2; repeatable.",
        autocompletion=complete.laws,
    ),
]
LawsOrRecommended = Annotated[
    list[str] | None,
    typer.Option(
        "--law",
        metavar="LAW",
        help="Law, settings as in broken_power:breaks=2; 'recommended' for that of the command forecast; repeatable.",
        autocompletion=complete.laws_and_recommended,
    ),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="METHOD",
        help="Method: nuts, laplace or map; settings as in nuts:draws=4000,chains=4.",
        autocompletion=complete.methods,
    ),
]
Discrepancy = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS",
        help="How the curve may depart from the law: gp, or parts of it as in matern,bend,drift; by default none.",
        autocompletion=complete.discrepancies,
    ),
]
Discrepancies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PARTS",
        help="How the curve may depart from the law: none, gp, or parts of it as in matern,bend; by default none; "
        "repeatable.",
        autocompletion=complete.discrepancies,
    ),
]
Window = Annotated[
    str | None,
    typer.Option(metavar="EFOLDS", help="Fit the last e-folds alone, as in 2; auto for as many as forecasts want."),
]
Priors = Annotated[
    str | None,
    typer.Option(
        metavar="flat",
        help="'flat' for flat priors: with map, maximum likelihood.",
        autocompletion=lambda: ["flat"],
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What runs of one input are: ladder, of finished runs, or curve, of one run; by default told apart.",
        autocompletion=lambda: ["ladder", "curve"],
    ),
]
Fallback = Annotated[
    bool, typer.Option(help="Go on from laplace, where its k-hat fails, to more proposals and to nuts.")
]


@dataclass(frozen=True)
class Model:
    """What a law is fitted with."""

    noise: Annotated[
        str | None,
        typer.Option(
            metavar="NOISE",
            help="Noise, by default the law's own: student_t, normal, ...; settings as in huber:delta=1e-3.",
            autocompletion=complete.noises,
        ),
    ] = None
    inputs: Inputs = None
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Parameter to hold fixed, in the runs' own units; repeatable."),
    ] = None


# What is asked of a fit


@dataclass(frozen=True)
class Points:
    """Where a forecast is asked."""

    N: Annotated[str | None, typer.Option("--N", metavar="N", help="Parameters, such as 70e9 or 1B,7B,70B.")] = None
    D: Annotated[str | None, typer.Option("--D", metavar="D", help="Training tokens, such as 1.4T.")] = None
    C: Annotated[
        str | None, typer.Option("--C", metavar="C", help="Training compute in FLOPs, such as 1e20:1e24:5.")
    ] = None
    x: Annotated[str | None, typer.Option("--x", metavar="X", help="The input of runs that have one alone.")] = None

    def typed(self) -> dict[str, str]:
        """Input -> what was typed for it, of those that were."""
        return {name: text for name, text in vars(self).items() if text is not None}


Observed = Annotated[
    bool, typer.Option("--observed/--curve", help="A new run with its noise, or the law's curve without it.")
]
Group = Annotated[
    str | None,
    typer.Option(metavar="GROUP", help="Of the runs, where a discrepancy has an offset a group; by default a new one."),
]
Prob = Annotated[float, typer.Option("--prob", metavar="P", help="Probability of the intervals, between 0 and 1.")]

# Of all commands

Seed = Annotated[int, typer.Option(metavar="INT", min=0, max=2**32 - 1, help="Seed of the random numbers.")]
Out = Annotated[str | None, typer.Option(metavar="FILE", help="Save the result to this NetCDF file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, numbers in full precision.")]
