"""scalebayes backtest: what forecasts of the user's own larger runs, by fits to the smaller, were worth."""

from json import loads
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit import answered, checked_target, fixed_of, method_of, priors_of, range_of, window_of
from scalebayes.cli.fit_text import HANG, percent
from scalebayes.cli.options import (
    Columns,
    Fix,
    Inputs,
    Json,
    NCounts,
    Observable,
    Priors,
    RunsPath,
    Seed,
    UniqueTokens,
    Unit,
    Units,
    Where,
    Window,
    load_jax,
    table,
)
from scalebayes.cli.parse import named, numbers, pairs
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError, unknown

if TYPE_CHECKING:
    from scalebayes.backtesting.result import Backtest

DISCREPANCIES = {"none": None, "gp": "gp"}
PROB = 0.9


def backtest(
    runs: RunsPath,
    law: Annotated[
        list[str] | None,
        typer.Option(
            help="Law, by default chinchilla; settings as in broken_power:breaks=2; 'recommended' for that of the "
            "command forecast; repeatable."
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the cutoffs, by default C = 6 N D, or x.")
    ] = None,
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="VALUES",
            help="Largest to fit, such as 1e20,1e21; by default those that leave 50, 70 and 90 % of the runs.",
        ),
    ] = None,
    discrepancy: Annotated[
        list[str] | None,
        typer.Option(help="How the curve may depart from the law, none or gp; by default none; repeatable."),
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="Noise, by default the law's own: student_t, normal, ...; settings as in fit.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="Method: laplace, nuts or map; settings as in laplace:draws=8000.")
    ] = "laplace",
    window: Window = None,
    where: Where = None,
    inputs: Inputs = None,
    columns: Columns = None,
    N_counts: NCounts = None,
    unique_tokens: UniqueTokens = None,
    unit: Unit = None,
    units: Units = None,
    observable: Observable = None,
    fix: Fix = None,
    priors: Priors = None,
    min_rows: Annotated[int, typer.Option(metavar="INT", help="Fewest runs to fit.")] = 5,
    seed: Seed = 0,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Save the scores to this NetCDF file.")] = None,
    json: Json = False,
) -> None:
    """Fit laws to the smaller runs and score their forecasts of the larger.

    For each cutoff the runs up to it are fitted and those beyond it forecast. The trivial forecast, which knows no law
    (the last value, and part of the last slope), is scored beside them.
    """
    bound = pairs(inputs or (), "--input", "x=C")
    asked = table(runs, where, columns, N_counts, unit, units, unique_tokens)
    fixed, kept = fixed_of(fix), window_of(window)
    cutoffs = None if cutoff is None else numbers(cutoff, "--cutoff")
    law_names = [named(text, "--law", "broken_power:breaks=2") for text in law or ["chinchilla"]]
    noise_name, noise_settings = named(noise or "", "--noise", "huber:delta=1e-3,scale=1")
    method_name, method_settings = named(method, "--method", "laplace:draws=8000")
    for one in discrepancy or ():
        if one not in DISCREPANCIES:
            raise unknown("--discrepancy", one, DISCREPANCIES)
    target = None if out is None else checked_target(out)
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.spec import noise_of

    laws = [name if name == "recommended" else sb.laws.get(name, **settings) for name, settings in law_names]
    known = [one for one in laws if isinstance(one, sb.Law)] or [sb.laws.get("chinchilla")]
    if len(of := {one.observable for one in known}) > 1 and observable is None:
        raise InputError(f"--law: the laws are of {' and '.join(sorted(of))}; say which column with --observable")
    chosen_method = method_of(method_name, method_settings)
    chosen_noise = sb.noises.get(noise_name, noise_settings) if noise_name else None
    noises = [
        chosen_noise or sb.noises.get(noise_of(one, DISCREPANCIES[departure]))
        for one in known
        for departure in discrepancy or ["none"]
    ]
    given = asked.read(observable or known[0].observable, range_of(known[0]))
    found = patiently(
        "Compiling and fitting",
        lambda: sb.backtest(
            given,
            laws,
            by=by,
            cutoffs=cutoffs,
            discrepancy=[DISCREPANCIES[one] for one in discrepancy or ["none"]],
            noise=chosen_noise,
            window=kept,
            method=chosen_method,
            priors=priors_of(priors, fixed, *(one.params for one in [*known, *noises])),
            inputs=bound,
            min_rows=min_rows,
            seed=seed,
            progress=False,
        ),
    )
    rows = show.records(found.table())
    if json:
        about = {**found.data.attrs, "versions": loads(found.data.attrs["versions"])}
        return answered({**about, "table": rows, "told": told(found)}, found, target)
    blocks = [
        show.prose(failed_line(found), HANG),
        show.lines(repr(given)),
        table_text(rows, found.data.attrs["by"]),
        show.prose(meaning(found)),
        "\n".join(show.prose(f"{name}: {text}.", 2) for name, text in told(found).items()),
    ]
    answered("\n\n".join(block for block in blocks if block), found, target)


def told(found: "Backtest") -> dict[str, str]:
    """What the forecasts of each law covered, at the median distance of all."""
    efolds = float(found.data["efolds"].median())
    return {name: found.sentence(name, efolds, PROB) for name in found.laws}


def table_text(rows: list[dict[str, Any]], by: str) -> str:
    """A block a cutoff, with a row a forecaster."""
    covers = [name for name in rows[0] if name.startswith("cover_")]
    wide = next(name for name in rows[0] if name.startswith("width_"))
    shares = [f"{name.removeprefix('cover_')}%" for name in covers]
    ends = sorted({row["cutoff"] for row in rows})
    ordered = [row for end in ends for row in rows if row["cutoff"] == end]
    cells = [
        [
            row["law"],
            show.figure(row["rmse"], 3),
            f"{row['log_score']:.2f}",
            show.figure(row["crps"], 3),
            *(f"{100 * row[name]:.0f}" for name in covers),
            show.figure(row[wide], 3),
        ]
        for row in ordered
    ]
    # One grid, so that columns stand under each other in every block.
    head, *lines = show.grid(["law", "RMSE", "log score", "CRPS", *shares, "width"], cells).splitlines()
    blocks = []
    for end in ends:
        own = [i for i, row in enumerate(ordered) if row["cutoff"] == end]
        row = ordered[own[0]]
        about = (
            f"{by} up to {size(by, end)}: {row['fitted']} runs fitted, {row['scored']} scored, "
            f"{row['efolds']:.1f} e-folds out (at most {row['efolds_max']:.1f})"
        )
        blocks.append("\n".join([show.prose(about), head, *(lines[i] for i in own)]))
    return "\n\n".join(blocks)


def size(by: str, value: float) -> str:
    """A cutoff to three digits."""
    return show.count(value) if by in show.COUNTS else show.figure(value, 3)


def failed_line(found: "Backtest") -> str:
    """Which fits failed a check, to be printed before anything else; blank where none did."""
    by = found.data.attrs["by"]
    failed = [row for row in show.records(found.table()) if row["status"] == "fail"]
    names = ", ".join(f"{row['law']} up to {size(by, row['cutoff'])}" for row in failed)
    return f"fail    fits: checks failed of {names}: don't rely on their scores." if failed else ""


def meaning(found: "Backtest") -> str:
    """What the columns of the table are."""
    about = found.data.attrs
    return (
        f"e-folds: of {about['by']} beyond the largest run fitted, median. RMSE of the forecast's median and CRPS: on "
        f"the log of {about['observable']}, lower is better; log score: log density of {about['observable']}, higher "
        "is better. 50%: per cent of runs inside the 50 % interval, and so on; width: of the "
        f"{percent(PROB)} interval on the log, median."
    )
