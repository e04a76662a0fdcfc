"""The command `scalebayes export` writes the forecast of a fit as a program that JAX runs without scalebayes."""

from pathlib import Path
from typing import Annotated

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import failed_text, warn_failed
from scalebayes.cli.opened import opened
from scalebayes.cli.options import FitFile, Group, Json, Observed, Seed
from scalebayes.cli.parse import numbers
from scalebayes.cli.saving import checked_target, is_result, joined
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError, shown


def export(
    fit: FitFile,
    *,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write the program to this file, such as loss.jax; this option must be given."
        ),
    ] = None,
    quantiles: Annotated[
        str,
        typer.Option(
            metavar="VALUES", help="Quantiles that the program returns, between 0 and 1, separated by commas."
        ),
    ] = "0.05,0.25,0.5,0.75,0.95",
    observed: Observed = False,
    group: Group = None,
    draws: Annotated[
        int | None,
        typer.Option(
            metavar="INT",
            min=2,
            help="Number of posterior draws that the program holds, evenly thinned; by default all.",
        ),
    ] = None,
    seed: Seed = 0,
    platforms: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Platforms that the program runs on: cpu, cuda or rocm, separated by commas."
        ),
    ] = "cpu,cuda,rocm",
    json: Json = False,
) -> None:
    """Write a fit's forecast as a program that needs only JAX.

    The program takes the inputs of the law, in their order and in the runs' own units, and returns the quantiles.
    """
    levels = numbers(quantiles, "--quantiles")
    target = checked_target(out, "loss.jax", is_program)
    if target is None:
        raise InputError("say where to write the program: --out loss.jax")
    fitted = opened(fit, "Fit")
    import scalebayes as sb

    names = [name.strip() for name in platforms.split(",")]
    patiently(
        "Exporting",
        lambda: sb.export(
            fitted,
            target,
            quantiles=levels,
            observed=observed,
            group=group,
            draws=draws,
            seed=seed,
            platforms=names,
        ),
    )
    inputs = list(fitted.law.inputs)
    document = {"law": fitted.law.name, "inputs": inputs, "quantiles": levels, "observed": observed, "platforms": names}
    if json:
        warn_failed(fitted)
        return show.document({**document, "saved": str(target)})
    of = "a new run, its noise included" if observed else "the law's curve"
    what = (
        f"The program gives the quantiles {', '.join(f'{q:g}' for q in levels)} of {of}, at {' and '.join(inputs)}, "
        "arrays of float32 in the runs' own units. In Python, with JAX alone:"
    )
    code = "\n".join(
        [
            "  import jax, numpy as np, pathlib",
            f"  program = jax.export.deserialize(pathlib.Path({str(target)!r}).read_bytes())",
            f"  program.call({', '.join(f'np.float32([{name}])' for name in inputs)})  # (point, quantile)",
        ]
    )
    print(
        joined(
            failed_text(fitted.checks), f"{show.prose(what)}\n{shown(code, chr(10))}", f"saved to {shown(str(target))}"
        )
    )


def is_program(path: Path) -> bool:
    """Return whether the file to be written may replace one: an exported program, not a saved result or a table."""
    from scalebayes.runs.reading.decode import EXTENSIONS

    return path.suffix.lower() not in EXTENSIONS and not is_result(path)
