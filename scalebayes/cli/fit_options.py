"""Declares the options that say what is fitted to the runs, and how, alone or in blocks that go together."""

from dataclasses import dataclass
from typing import Annotated

import typer

from scalebayes.cli import complete

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
Pool = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Fit the recipes of this column together: exponents and floor shares are partially pooled, amplitudes are "
        "each recipe's own; by default the runs are of one recipe.",
        autocompletion=complete.columns,
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


Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="INPUT=COLUMN", help="Take this input of the law from this column, as in x=C; repeatable."
    ),
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
            metavar="NAME=VALUE",
            help="Hold this parameter fixed at this value, in the runs' own units; repeatable.",
            autocompletion=complete.parameters,
        ),
    ] = None
