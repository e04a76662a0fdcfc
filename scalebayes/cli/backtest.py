"""The command `scalebayes backtest` fits the user's smaller runs and scores the forecasts of the larger runs."""

from json import loads
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import complete
from scalebayes.cli import format as show
from scalebayes.cli.complete import RECOMMENDED
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_options import Discrepancies, Kind, LawsOrRecommended, Method, Model, Priors, Window
from scalebayes.cli.fit_text import HANG, percent
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Out, Plot, Seed
from scalebayes.cli.parse import numbers
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.reading import check_laws_of_curve, runs_or_curve, table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed, window_of
from scalebayes.cli.table_options import Curve, Reading, RunsPath
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.backtesting.result import Backtest

PROB = 0.9  # probability of the interval whose coverage and width are reported


def backtest(
    runs: RunsPath,
    *,
    law: LawsOrRecommended = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that the cutoffs are values of; by default C = 6 N D, or x if the runs have no compute.",
            autocompletion=complete.columns,
        ),
    ] = None,
    cutoffs: Annotated[
        str | None,
        typer.Option(
            metavar="VALUES",
            help="Largest values to fit, such as 1e20,1e21; by default the three that have 50, 70 and 90 % of the "
            "runs below them.",
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
    min_rows: Annotated[int, typer.Option(metavar="INT", help="Smallest number of runs that is fitted.")] = 5,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Fit the smaller runs and score forecasts of the larger.

    For each cutoff, the runs up to it are fitted, and the runs beyond it are forecast. The law is chinchilla unless
    --law names another. A trivial forecast is scored too. It uses no law, only the last value and part of the last
    slope.
    """
    asked, settings = table(runs, reading), typed(model, method, priors)
    last = window_of(window)
    ends = None if cutoffs is None else numbers(cutoffs, "--cutoffs")
    law = law or ["chinchilla"]
    for text in law:
        law_typed(text)
    target, picture = checked_target(out, "backtest.nc"), checked_figure(plot)
    load_jax()
    import scalebayes as sb

    departures = [discrepancy_of(text) for text in discrepancy or ["none"]]
    laws = [text if text == RECOMMENDED else law_of(text) for text in law]
    known = [one for one in laws if isinstance(one, sb.Law)] or [sb.laws.get("chinchilla")]
    if len(of := {one.observable for one in known}) > 1 and reading.observable is None:
        raise InputError(f"--law: the laws are of {' and '.join(sorted(of))}; say which column with --observable")
    sampler = settings.method_of()
    specs = [sb.Spec.of(one, settings.noise_of(one, departure), departure) for one in known for departure in departures]
    noises = [spec.noise for spec in specs]
    check_laws_of_curve(curve, [one for one in laws if isinstance(one, sb.Law)])
    given = runs_or_curve(asked, curve, known[0].observable, range_of(known[0]))
    if laws != [RECOMMENDED]:
        settings.check_fixed(specs, given)
    scored = patiently(
        "Compiling and fitting",
        lambda: sb.backtest(
            given,
            laws,
            by=by,
            cutoffs=ends,
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
    answer = backtest_document(scored) if json else backtest_text(scored, show.lines(repr(given)))
    answered(answer, scored, target, picture_of(scored, picture))


def backtest_document(scored: "Backtest") -> dict[str, Any]:
    """Return the JSON document that the command prints of a backtest."""
    about = {**scored.data.attrs, "versions": loads(scored.data.attrs["versions"])}
    return {**about, "table": show.records(scored.table()), "told": told(scored)}


def backtest_text(scored: "Backtest", runs: str = "") -> str:
    """Return the text that the command prints of a backtest: a table for each cutoff, and what the intervals covered.

    Args:
        scored: The backtest to show.

        runs: A description of the runs; the default is "", for none.

    Returns:
        The text, with failed checks first.
    """
    return joined(
        show.prose(failed_line(scored), HANG),
        runs,
        table_text(show.records(scored.table()), scored.data.attrs["by"]),
        show.prose(meaning(scored)),
        "\n".join(show.prose(f"{name}: {text}.", 2) for name, text in told(scored).items()),
    )


def told(scored: "Backtest") -> dict[str, str]:
    """Return law -> the command's sentence on what its forecasts covered, at the median distance of all forecasts.

    Only forecasts beyond the fitted runs count.
    """
    efolds, probs = float(scored.data["efolds"].median()), scored.data["prob"].values
    near = float(probs[abs(probs - PROB).argmin()])
    return {name: scored.sentence(name, efolds, near) for name in scored.laws}


def table_text(rows: list[dict[str, Any]], by: str) -> str:
    """Return the text that the command prints for each cutoff of a backtest, with one row for each forecaster."""
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
    # All blocks are cut from one grid, so that their columns have the same widths.
    head, *lines = show.grid(["law", "RMSE", "log score", "CRPS", *shares, "width"], cells).splitlines()
    blocks = []
    for end in ends:
        places = [i for i, row in enumerate(ordered) if row["cutoff"] == end]
        row = ordered[places[0]]
        about = (
            f"{by} up to {size(by, end)}: {row['fitted']} runs fitted, {row['scored']} scored, "
            f"{row['efolds']:.1f} e-folds out (at most {row['efolds_max']:.1f})"
        )
        blocks.append("\n".join([show.prose(about), head, *(lines[i] for i in places)]))
    return "\n\n".join(blocks)


def size(by: str, value: float) -> str:
    """Return a cutoff as the command prints it, with three digits."""
    return show.count(value) if by in show.COUNTS else show.figure(value, 3)


def failed_line(scored: "Backtest") -> str:
    """Return the line that the command prints first, of the fits with a failed check; "" if none failed."""
    by = scored.data.attrs["by"]
    failed = [row for row in show.records(scored.table()) if row["status"] == "fail"]
    names = ", ".join(f"{row['law']} up to {size(by, row['cutoff'])}" for row in failed)
    return f"fail    fits: checks failed of {names}: don't rely on their scores." if failed else ""


def meaning(scored: "Backtest") -> str:
    """Explain the columns of the table that the command prints of a backtest."""
    about = scored.data.attrs
    return (
        f"e-folds: median distance in {about['by']} beyond the largest fitted run. RMSE (of the forecast's median) and "
        f"CRPS are on the log of {about['observable']}, and lower is better. log score is the log density of "
        f"{about['observable']}, and higher is better. 50% is the per cent of runs inside the 50 % interval, and so "
        "on. "
        f"width is the median width of the {percent(PROB)} interval on the log."
    )
