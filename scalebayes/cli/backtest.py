"""scalebayes backtest: what forecasts of the user's own larger runs, by fits to the smaller, were worth."""

from json import loads
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.complete import RECOMMENDED
from scalebayes.cli.fit_text import HANG, percent
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import (
    Curve,
    Discrepancies,
    Json,
    Kind,
    LawsOrRecommended,
    Method,
    Model,
    Out,
    Priors,
    Reading,
    RunsPath,
    Seed,
    Window,
)
from scalebayes.cli.parse import numbers
from scalebayes.cli.reading import check_laws_of_curve, runs_or_curve, table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed, window_of
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.backtesting.result import Backtest

PROB = 0.9


def backtest(
    runs: RunsPath,
    *,
    law: LawsOrRecommended = None,
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
    model: Model,
    priors: Priors = None,
    method: Method = "laplace",
    discrepancy: Discrepancies = None,
    window: Window = None,
    kind: Kind = None,
    curve: Curve,
    reading: Reading,
    min_rows: Annotated[int, typer.Option(metavar="INT", help="Fewest runs to fit.")] = 5,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Fit the smaller runs and score forecasts of the larger.

    For each cutoff the runs up to it are fitted and those beyond it forecast. The law is chinchilla unless --law says
    another. The trivial forecast, which knows no law (the last value, and part of the last slope), is scored beside
    them.
    """
    asked, settings = table(runs, reading), typed(model, method, priors)
    last = window_of(window)
    cutoffs = None if cutoff is None else numbers(cutoff, "--cutoff")
    law = law or ["chinchilla"]
    for text in law:
        law_typed(text)
    target = checked_target(out, "backtest.nc")
    load_jax()
    import scalebayes as sb

    departures = [discrepancy_of(text) for text in discrepancy or ["none"]]
    laws = [text if text == RECOMMENDED else law_of(text) for text in law]
    known = [one for one in laws if isinstance(one, sb.Law)] or [sb.laws.get("chinchilla")]
    if len(of := {one.observable for one in known}) > 1 and reading.observable is None:
        raise InputError(f"--law: the laws are of {' and '.join(sorted(of))}; say which column with --observable")
    sampler = settings.method_of()
    noises = [settings.noise_of(one, departure) for one in known for departure in departures]
    check_laws_of_curve(curve, [one for one in laws if isinstance(one, sb.Law)])
    given = runs_or_curve(asked, curve, known[0].observable, range_of(known[0]))
    found = patiently(
        "Compiling and fitting",
        lambda: sb.backtest(
            given,
            laws,
            by=by,
            cutoffs=cutoffs,
            discrepancy=departures,
            noise=None if settings.noise is None else noises[0],
            window=last,
            method=sampler,
            priors=settings.priors_of(*(one.params for one in [*known, *noises])),
            inputs=settings.inputs,
            kind=kind,  # type: ignore[arg-type]
            min_rows=min_rows,
            seed=seed,
            progress=False,
        ),
    )
    answered(backtest_document(found) if json else backtest_text(found, show.lines(repr(given))), found, target)


def backtest_document(found: "Backtest") -> dict[str, Any]:
    """A backtest as JSON has it."""
    about = {**found.data.attrs, "versions": loads(found.data.attrs["versions"])}
    return {**about, "table": show.records(found.table()), "told": told(found)}


def backtest_text(found: "Backtest", runs: str = "") -> str:
    """A backtest as tables, one a cutoff, with what each law's forecasts covered.

    Args:
        found: to show.

        runs: what the runs were, where they are known.
    """
    return joined(
        show.prose(failed_line(found), HANG),
        runs,
        table_text(show.records(found.table()), found.data.attrs["by"]),
        show.prose(meaning(found)),
        "\n".join(show.prose(f"{name}: {text}.", 2) for name, text in told(found).items()),
    )


def told(found: "Backtest") -> dict[str, str]:
    """What the forecasts of each law covered, at the median distance of all."""
    efolds, probs = float(found.data["efolds"].median()), found.data["prob"].values
    near = float(probs[abs(probs - PROB).argmin()])
    return {name: found.sentence(name, efolds, near) for name in found.laws}


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
