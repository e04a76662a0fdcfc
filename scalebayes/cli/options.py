"""Declares the options that say what a saved fit is asked, and those that most commands have."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

FitFile = Annotated[
    Path, typer.Argument(metavar="FIT", help="The file of one fit, which fit or forecast wrote with --out.")
]
AnyFit = Annotated[
    Path,
    typer.Argument(metavar="FIT", help="The file that fit, fit-many, stack, recalibrate or forecast wrote with --out."),
]


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


Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="INPUT=VALUE", help="Value of any other input of the law, as in U=118M; repeatable."
    ),
]
Plot = Annotated[
    str | None,
    typer.Option("--plot", metavar="FILE", help="Draw the answer to this file, whose name ends in .png, .svg or .pdf."),
]
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
        "new group. predict, optimum and budget-for take a,b,c too, one group for each point, budget or loss; a blank "
        "one is a new group.",
    ),
]
Of = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="OF",
        help="Optimise the 'law' alone, or the 'curve', which is the law with its discrepancy; by default the curve, "
        "if the fit has a discrepancy.",
        autocompletion=lambda: ["law", "curve"],
    ),
]
Prob = Annotated[
    float,
    typer.Option(
        "--prob", metavar="P", help="Probability of each interval, between 0 and 1: 0.9 gives 90 % intervals."
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="INT", min=0, max=2**32 - 1, help="Seed of the random numbers, a whole number.")
]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Save the result to this NetCDF file; by default it is not saved.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, with numbers in full precision, instead of text.")
]
