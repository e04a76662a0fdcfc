"""Writes what several commands say about an answer: its points, its meaning, its distance from the runs, its doubts."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import HANG, bearing_on, failed_text, lines_of, outside, percent, trust, warn_failed
from scalebayes.cli.flags import check_record, here
from scalebayes.cli.opened import members
from scalebayes.cli.parse import numbers, pairs
from scalebayes.errors import InputError, listed

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.fitting.result import Fit
    from scalebayes.planning.costs.record import Cost
    from scalebayes.status import Check, Checks

STATISTICS = ("median", "mean", "sd", "lower", "upper")
MOST = 10  # checks of many fits that are printed; of those after them only the number is


def values_of(typed: Mapping[str, str], others: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the numbers that were typed for each input, as a list of floats even for one number.

    Commas separate numbers, and lo:hi:n is a range, as in `parse.numbers`.

    Args:
        typed: The text that was typed, by the name of the input.

        others: What was typed for --input, such as "U=118M"; the default is None, for nothing.

    Raises:
        InputError: A text is no such list of numbers, or an input is given twice. The message names the option, such
            as --N.

    >>> values_of({"N": "70B", "D": "1e9,2T"})
    {'N': [70000000000.0], 'D': [1000000000.0, 2000000000000.0]}
    """
    values = {name: numbers(text, f"--{name}") for name, text in typed.items()}
    for name, text in pairs(others or (), "--input", "U=118M").items():
        if name in values:
            raise InputError(f"--input: {name} is given twice, as --{name} too; give it once")
        values[name] = numbers(text, f"--input {name}")
    return values


def groups_of(asked: Any, typed: str | None) -> str | list[str | None] | None:
    """Return what was typed for --group: one name for all points, or a list with one for each; a blank one is None.

    Commas separate the names. The name of one group of the runs may have commas itself.
    """
    known = {str(one) for fit in members(asked).values() for one in fit.runs.labels.get("group", ())}
    if typed is None or "," not in typed or typed in known:
        return typed
    return [one.strip() or None for one in typed.split(",")]


def group_text(name: str) -> str:
    """Return the cell of a group in a table that a command prints; a blank name is that of a new group."""
    return name or "(new)"


def checks_of(asked: Any) -> "Checks":
    """Return the checks of a result as a command prints them; those of several fits carry the names of the fits."""
    from scalebayes.status import Checks

    fits = members(asked)
    if "" in fits:
        return fits[""].checks
    if hasattr(asked, "compared"):  # a stack also has the checks of its weights
        return asked.checks
    return Checks(tuple(one.within(name) for name, fit in fits.items() for one in fit.checks))


def failed_lines(asked: Any) -> str:
    """Return the failed checks as the text that a command prints first; for many fits, the first few of them."""
    from scalebayes.status import Checks, Status

    checks = checks_of(asked)
    failed = checks.of(Status.FAIL)
    if len(failed) <= MOST:
        return failed_text(checks)
    more = f"fail    {len(failed) - MOST} more checks of these fits failed; scalebayes summary has them all"
    return f"{failed_text(Checks(failed[:MOST]))}\n{show.prose(more, HANG)}"


def apart(asked: Any, answer: "xr.Dataset") -> "dict[str, tuple[Fit, xr.Dataset]]":
    """Return name -> fit and its part of the answer that a command prints.

    Each member of a stack has the whole answer, which is of all.
    """
    many = "dataset" in answer.dims
    return {name: (fit, answer.sel(dataset=name) if many else answer) for name, fit in members(asked).items()}


def bearing(
    asked: Any, answer: "xr.Dataset", inputs: Iterable[str] | None = None, cost: "Cost | None" = None
) -> "list[Check]":
    """Return the checks to review that a command prints with its answer; those of several fits carry the fits' names.

    Args:
        asked: The fit, or other result, that was asked.

        answer: The answer of `asked`.

        inputs: The inputs of a forecast; the default is None, for an optimum.

        cost: The cost of a run that the answer takes; the default is None, for C = 6 N D.

    Returns:
        The checks, in the order of the fits.
    """
    return [
        check.within(name) if name else check
        for name, (fit, own) in apart(asked, answer).items()
        for check in bearing_on(fit, own, inputs, cost)
    ]


def doubts(asked: Any, answer: "xr.Dataset", inputs: Iterable[str] | None = None, cost: "Cost | None" = None) -> str:
    """Return the text that a command prints of the checks to review that bear on its answer.

    It has the first `MOST`, and the number of the others.

    Args:
        asked: What was asked.

        answer: Its answer.

        inputs: The inputs of a forecast, or None for an optimum.

        cost: The cost of a run that the answer takes, or None for C = 6 N D.
    """
    checks = bearing(asked, answer, inputs, cost)
    more = f"review  {len(checks) - MOST} more; scalebayes summary has them all" if len(checks) > MOST else ""
    return "\n".join(filter(None, [lines_of(checks[:MOST]), more]))


def about(
    asked: Any, answer: "xr.Dataset", inputs: Iterable[str] | None = None, cost: "Cost | None" = None
) -> dict[str, Any]:
    """Return the part of a command's JSON about the result that was asked and the checks that bear on its answer."""
    from scalebayes.status import Status

    fits = members(asked)
    first = next(iter(fits.values()))
    document: dict[str, Any] = {"observable": first.runs.observable, "unit": first.runs.unit}
    if "" in fits:
        more = {"recalibrated": asked.sentence} if hasattr(asked, "widening") else {}
        return {"law": first.law.name, **document, **more, **trust(first, bearing(asked, answer, inputs, cost))}
    for name, fit in fits.items():
        warn_failed(fit, f"this answer rests on a fit that failed, {name!r}")
    weights = {"weights": dict(asked.weights)} if hasattr(asked, "weights") else {}
    review = [check_record(check) for check in bearing(asked, answer, inputs, cost)]
    failed = [check_record(one) for one in checks_of(asked).of(Status.FAIL)]
    return {"laws": {name: fit.law.name for name, fit in fits.items()}, **weights, **document} | {
        "failed": failed,
        "review": review,
    }


def points_text(asked: Any, answer: "xr.Dataset", points: list[dict[str, Any]], observed: bool, prob: float) -> str:
    """Return the text that a command prints of a forecast: its points, and what its numbers mean.

    A warning is added if points lie outside the runs.
    """
    fits = members(asked)
    mode = all(fit.is_mode for fit in fits.values())
    along = [str(name) for name in answer.coords if "point" in answer[name].dims and name not in ("point", "group")]
    shown = ["median"] if mode else [name for name in STATISTICS if name in points[0]]
    number = show.most_digits(points)
    many = ["data set"] if "dataset" in answer.dims else []
    grouped = ["group"] if "group" in answer.coords else []
    rows = [
        [
            *([str(row["dataset"])] if many else []),
            *(group_text(row[name]) for name in grouped),
            *(show.given(name, row[name]) for name in along),
            *show.estimate(row, shown, number),
            f"{row['efolds']:.1f}",
        ]
        for row in points
    ]
    heads = [*many, *grouped, *along, *(["at the mode"] if mode else shown), "e-folds"]
    table = show.grid(heads, rows, left=len(many) + len(grouped))
    far = outside_text(asked, answer)
    sentences = [
        show.prose(meaning(asked, observed, prob)),
        show.prose(show.sentence(answer.attrs.get("recalibrated", ""))),
        show.prose(f"warning: {far}") if far else "",
        show.prose(answer.attrs.get("trust", "")),
    ]
    return "\n".join([table, "", *filter(None, sentences)])


def meaning(asked: Any, observed: bool, prob: float) -> str:
    """Explain the numbers of a forecast below the table that the command prints."""
    from scalebayes.forecasting.distance import plain
    from scalebayes.runs.describe import in_unit

    fits = list(members(asked).values())
    fit, departs = fits[0], any(one.discrepancy for one in fits)
    what = in_unit(fit.runs.observable, fit.runs.unit)
    beyond = "e-folds: how far the point lies outside the runs."
    if names := plain(fit, fit.problem.columns.values()):
        beyond = f"{beyond[:-1]}; along {names.replace(' ', ', ')} in its own unit."
    curve = "the law's curve with its discrepancy" if departs else "the law's curve"
    if all(one.is_mode for one in fits):
        taken = ", and at the mean of the discrepancy given the runs" if departs else ""
        return f"{what}: {curve} at the mode{taken}; map has no intervals. {beyond}"
    of = (
        "a new run, its noise included"
        if observed
        else f"{curve}, the {fit.noise.form.centre} of new runs (--observed adds a run's noise)"
    )
    return f"{what}; lower to upper: {percent(prob)} interval of {of}. {beyond}"


def outside_text(asked: Any, dataset: "xr.Dataset") -> str:
    """Return the warning that a command prints if points or budgets lie outside the runs; "" if none does."""
    distance = dataset["distance"]
    if "dataset" in distance.dims:
        distance = distance.max("dataset")
    far = distance.max("axis").fillna(0.0).values  # a loss out of reach has no N and D
    if not (far > 0).any():
        return ""
    i = int(far.argmax())
    axis = str(distance["axis"].values[int(distance.fillna(0.0).values[i].argmax())]).replace("D_per_N", "D/N")
    unit = "" if axis in str(dataset.attrs.get("plain", "")).split() else "e-folds "
    which = "" if len(far) == 1 else f" are {int((far > 0).sum())} of {len(far)}"
    where = f"outside the runs{which}, by up to {far[i]:.1f} {unit}in {axis}"
    if dataset.attrs.get("of") == "curve":
        return f"{where}; out there the discrepancy follows its prior more than the runs."
    exact = exact_text(asked, dataset)
    return f"{where}; {exact}." if exact else f"{where}."


def exact_text(asked: Any, dataset: "xr.Dataset") -> str:
    """Say below a command's answer what it means outside the runs that laws are taken as exact.

    Where the fits differ, the text is by fit.
    """
    from scalebayes.forecasting.distance import exactness

    each = {
        name: exactness(fit, outside(own), of_law=dataset.attrs.get("of") == "law")
        for name, (fit, own) in apart(asked, dataset).items()
    }
    sentences = {text: [name for name, own in each.items() if own == text] for text in each.values() if text}
    clauses = [text if len(names) == len(each) else f"for {listed(names)}, {text}" for text, names in sentences.items()]
    return here("; ".join(clauses))
