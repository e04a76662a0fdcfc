"""The command `scalebayes update` takes new runs into a saved fit, and says what has moved."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import values_of
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, percent, warn_failed
from scalebayes.cli.opened import opened
from scalebayes.cli.options import Inputs, Json, Out, Plot, Points, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.reading import table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.table_options import Reading, RunsPath
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

KNOWN = ("runs", "median", "lower", "upper", "change", "inside", "how")  # columns of the moves that are no inputs
MODE_DIGITS = 5  # digits of a mode, as of the parameters that fit prints


def update(
    file: Annotated[Path, typer.Argument(metavar="FIT", help="The file that fit or forecast wrote with --out.")],
    runs: RunsPath,
    *,
    reading: Reading,
    points: Points,
    inputs: Inputs = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Take new runs into a saved fit.

    The old and the new runs are fitted together, starting from the old posterior. RUNS are the runs that came since, or
    the table that has grown by them. --N and --D are points whose forecasts are watched; they stay watched in later
    updates. What is printed first is how they have moved, and then how the parameters have.
    """
    check_prob(prob)
    target, watch = checked_target(out, "new.nc"), values_of(points.typed(), inputs)
    picture = checked_figure(plot)
    old = opened(file, "Fit")
    import scalebayes as sb

    new = table(runs, reading).read(old.runs.observable, old.runs.range)
    settings = {"watch": watch or None, "prob": prob, "seed": seed, "on_fail": "ignore"}
    fitted = patiently("Updating", lambda: sb.update(old, new, **settings))
    draw = picture_of(fitted, picture, prob, seed)
    if json:
        warn_failed(fitted)
        return answered({**about_fit(fitted, prob), **document(old, fitted, prob)}, fitted, target, draw)
    text = joined(
        failed_text(fitted.checks),
        show.prose(sentence_of(old, fitted)),
        forecasts_text(fitted),
        parameters_moved(old, fitted, prob),
        checks_text(fitted.checks),
        "not saved; --out new.nc keeps it" if target is None else "",
    )
    answered(text, fitted, target, draw)


def document(old: "Fit", new: "Fit", prob: float) -> dict[str, Any]:
    """Return the part of the command's JSON about the update."""
    last = _last(new)
    before, after = (show.records(fit.summary(prob).reset_index(names="parameter")) for fit in (old, new))
    return {
        "update": {"runs_before": len(old.scored_runs), **{name: last[name] for name in ("runs", "dropped", "how")}},
        "moves": show.records(_moves(new)) if last["forecasts"] else [],
        "parameters_before": before,
        "parameters_after": after,
    }


def sentence_of(old: "Fit", new: "Fit") -> str:
    """Say how many runs are new, and how the update was made."""
    last, count = _last(new), len(new.scored_runs) - len(old.scored_runs)
    known = f"; {last['dropped']} rows that the fit has already were dropped" if last["dropped"] else ""
    return f"{count} new run{'s' if count > 1 else ''}, {last['runs']} in all{known}; {last['how']}."


def forecasts_text(new: "Fit") -> str:
    """Return the rows of the watched forecasts: before the last update and after it; blank if none is watched."""
    last = _last(new)
    if not last["forecasts"]:
        return ""
    table, log = show.records(_moves(new)), new.runs.metadata["updates"]
    names = [name for name in table[0] if name not in KNOWN]
    rows, end = [], 0
    for point in range(len(last["forecasts"])):
        end += sum(point < len(one["forecasts"]) for one in log)  # a point has a row for each fit since it was watched
        before, after = table[end - 2 : end]
        number = _digits(before, after)
        inside = {True: "inside", False: "outside"}.get(after["inside"], "")
        cells = [show.given(name, after[name]) if isinstance(after[name], float) else after[name] for name in names]
        change = show.figure(after["change"], 3)
        rows.append([*cells, _interval(before, number), _interval(after, number), change, inside])
    head = [*names, f"{new.runs.observable} before", "after", "change", ""]
    told = f"medians and {percent(last['prob'])} intervals of the curve"
    told = "the curve at the mode." if new.is_mode else f"{told}; inside: the median lies in the interval of before."
    return f"{show.grid(head, rows)}\n\n{show.prose(told)}"


def parameters_moved(old: "Fit", new: "Fit", prob: float) -> str:
    """Return the rows of the parameters that both fits have: before and after, and the change in sds of before."""
    before, after = (fit.summary(prob) for fit in (old, new))
    rows = []
    for name in before.index:
        if name not in after.index:
            continue
        one, other = (frame.loc[name].to_dict() for frame in (before, after))
        number = _digits(one, other)
        change = (other["median"] - one["median"]) / one["sd"] if one["sd"] > 0 else float("nan")
        rows.append([str(name), _interval(one, number), _interval(other, number), show.figure(change, 2)])
    return show.grid(["parameter", "before", "after", "change (sd)"], rows)


def _digits(*rows: dict[str, Any]) -> int:
    """Return how many digits tell the intervals of rows apart, or those of a mode where a row has no interval."""
    return show.most_digits(rows) if all(row["lower"] < row["upper"] for row in rows) else MODE_DIGITS


def _interval(row: dict[str, Any], number: int) -> str:
    """Return a median, with its interval in brackets where there is one."""
    middle, low, high = (show.figure(row[name], number) for name in ("median", "lower", "upper"))
    return f"{middle} [{low}, {high}]" if row["lower"] < row["upper"] else middle


def _last(new: "Fit") -> dict[str, Any]:
    """Return the last entry of the log of a fit's updates."""
    return new.runs.metadata["updates"][-1]


def _moves(new: "Fit") -> Any:
    """Return the table of the watched forecasts."""
    import scalebayes as sb

    return sb.moves(new)
