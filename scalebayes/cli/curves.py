"""What scalebayes forecast reads: a table of runs, or one of the curves of a chart, a log or a tracker's runs."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli.flags import quoted
from scalebayes.cli.options import Asked
from scalebayes.cli.parse import number
from scalebayes.cli.wait import stage
from scalebayes.errors import InputError, listed, nearest

if TYPE_CHECKING:
    from scalebayes.runs import Curves, Runs

SHOWN = 10  # names of runs in a message

Run = Annotated[
    str | None,
    typer.Option("--run", metavar="NAME", help="Forecast this run alone, by its curve of losses against steps, --x."),
]
TokensPerStep = Annotated[
    str | None,
    typer.Option(metavar="TOKENS", help="Of a curve: tokens of a batch, such as 0.5M, so that --x is of tokens."),
]


def runs_or_curve(
    table: Asked,
    observable: str,
    run: str | None,
    tokens_per_step: str | None,
    asked: Collection[str],
    along: str | None,
    unique_tokens: str | None = None,
) -> "Runs":
    """The table of runs that was asked for, or the curve of one run at its path.

    Args:
        run, tokens_per_step: as typed; either asks for a curve. asked: the inputs that a forecast is asked at. Where it
            is x alone, and no column is named for it, a path that holds histories is read as curves. along,
            unique_tokens: as typed; a curve has neither.

    Raises:
        InputError: as `read_runs` and `read_curves`; the path holds several curves and none is named.
    """
    import scalebayes as sb
    from scalebayes.runs.curves.given_as_runs import HistoryError
    from scalebayes.runs.trackers import keeps_logs

    curve = run is not None or tokens_per_step is not None
    if curve and along:
        raise InputError(
            f"--along {along}: a curve is read against one axis; name it with --columns {quoted(f'x={along}')}"
        )
    along_x = set(asked) == {"x"} and not along
    batch = None if tokens_per_step is None else number(tokens_per_step, "--tokens-per-step")
    if not curve and not (along_x and "x" not in table.columns and keeps_logs(table.runs)):
        try:
            return table.read(observable)
        except HistoryError:
            if not along_x:
                raise
    for flag, text in (("--N-counts", table.N_counts), ("--unique-tokens", unique_tokens)):
        if text is not None:
            raise InputError(
                f"{flag} {quoted(text)}: the input of a curve is its steps or its tokens alone; leave {flag} out"
            )
    columns: dict[str, Any] = dict(table.columns)
    with stage("Reading runs"):
        curves = sb.read_curves(
            table.runs,
            table.where,
            columns,
            observable=observable,
            unit=table.unit,
            units=table.units,
            tokens_per_step=batch,
        )
    return picked(curves, run, table.runs)


def picked(curves: "Curves", run: str | None, path: str) -> "Runs":
    """The curve that is asked for, or the only one."""
    if run is not None and run in curves:
        return curves[run]
    if run is None and len(curves) == 1:
        return next(iter(curves.values()))
    names = list(curves)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    there = f"{path} holds the curves of {len(names)} run{'s' if len(names) > 1 else ''}: {listed(names[:SHOWN])}{more}"
    if run is None:
        raise InputError(f"{there}; say which to forecast with --run {quoted(names[-1])}")
    close = nearest(run, names)
    raise InputError(f"--run {quoted(run)}: no such run; {there}; say --run {quoted((close or names)[0])}")
