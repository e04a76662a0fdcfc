"""Writes a fit as text for the command line: what was fitted, its parameters and its checks."""

from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.flags import check_record, here

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

    from scalebayes.fitting.result import Fit
    from scalebayes.planning.costs.record import Cost
    from scalebayes.status import Check, Checks

HANG = 8  # columns of the word "review" and its gap, by which the further lines of a check are indented


def one_draw(fit: "Fit") -> bool:
    """Return whether a command prints only a mode of the fit, without intervals."""
    return fit.is_mode


def percent(prob: float) -> str:
    """Return a probability in per cent, as a command prints it.

    >>> percent(0.9), percent(0.995)
    ('90 %', '99.5 %')
    """
    return f"{100 * prob:.6g} %"


def fitted_text(fit: "Fit", every: bool = False) -> str:
    """Return the lines that a command prints of what was fitted: law, noise, discrepancy, rows used and method.

    With `every` units and versions follow.
    """
    from scalebayes.runs.averaging import averaged_text
    from scalebayes.runs.ladder_or_curve import kind_text
    from scalebayes.runs.window import window_text

    chains, draws = fit.shape
    size = "" if one_draw(fit) else f", {draws} draws" if chains == 1 else f", {chains} chains of {draws} draws"
    params = fit.problem.params
    bound = [f"{name} = {column}" for name, column in fit.problem.columns.items() if name != column]
    # Parameters that a noise fixes by its settings are left out: its name shows them.
    fixed = [f"{name} = {show.given('', p.prior)}" for name, p in params.items() if p.fixed and name in fit.law.params]
    rows = {
        "law": f"{fit.law.name}: {fit.runs.observable} = {fit.law.formula}"
        + (f", {', '.join(bound)}" if bound else ""),
        "noise": repr(fit.noise),
        "discrepancy": repr(fit.discrepancy) if fit.discrepancy else "",
        "kind": kind_text(fit.runs).replace("kind='curve'", "--kind curve").replace("kind='ladder'", "--kind ladder"),
        "window": window_text(fit.runs),
        "averaged": averaged_text(fit.runs),
        "fixed": ", ".join(fixed),
        "flat": ", ".join(name for name, p in params.items() if isinstance(p.prior, str)),
        "method": f"{fit.method.name}, seed {fit.seed}{size}",
    }
    if every:
        units = {**fit.reference.inputs, fit.runs.observable: fit.reference.scale}
        rows["units"] = "the model worked in " + ", ".join(f"{name} {show.given('', x)}" for name, x in units.items())
        rows["versions"] = ", ".join(f"{name} {version}" for name, version in fit.versions.items())
    return show.fields(rows)


def parameters_text(fit: "Fit", prob: float) -> str:
    """Return the table of parameters that a command prints, and what its interval is."""
    table = fit.summary(prob)
    rows = list(zip(table.index, show.records(table), strict=True))
    if one_draw(fit):
        body = show.grid(["parameter", "mode"], [[name, show.figure(row["median"], 5)] for name, row in rows])
        return f"{body}\n{show.prose('The mode alone: map has no intervals; nuts and laplace do.')}"
    shown = [c for c in ("median", "mean", "sd", "lower", "upper") if c in table]
    counted = [c for c in ("ess_bulk", "ess_tail") if c in table]
    cells = [
        [name, *show.estimate(row, shown, show.most_digits([row])), *(f"{row[c]:.0f}" for c in counted)]
        + ([f"{row['r_hat']:.3f}"] if "r_hat" in table else [])
        for name, row in rows
    ]
    body = show.grid(["parameter", *shown, *counted, *(["r_hat"] if "r_hat" in table else [])], cells)
    return f"{body}\n{show.prose(f'lower to upper: {percent(prob)} interval, equal tails.')}"


def failed_text(checks: "Checks") -> str:
    """Return the failed checks as the text that a command prints first."""
    return _lines(checks, "fail")


def checks_text(checks: "Checks", every: bool = False) -> str:
    """Return the text that a command prints of the checks to review and the number that passed.

    With `every` it also has those that pass.
    """
    passed = sum(check.status == "pass" for check in checks)
    summary = f"All {len(checks)} checks pass." if passed == len(checks) else f"{passed} of {len(checks)} checks pass."
    lines = [_lines(checks, "review"), _lines(checks, "pass") if every else "", summary]
    return "\n".join(line for line in lines if line)


def outside(answer: "xr.Dataset") -> dict[str, Any]:
    """Return the distances that a command prints: axis -> distance from the runs (point | budget,).

    The axes are those along which some point lies outside.
    """
    far = {str(axis): answer["distance"].sel(axis=axis).values for axis in answer["axis"].values}
    return {axis: x for axis, x in far.items() if (x > 0).any()}


def bearing_on(
    fit: "Fit", answer: "xr.Dataset", inputs: "Iterable[str] | None" = None, cost: "Cost | None" = None
) -> "list[Check]":
    """Return the checks to review of one fit that a command prints with its answer.

    Args:
        fit: The fit.

        answer: The answer of the fit.

        inputs: The inputs of a forecast; the default is None, for an optimum.

        cost: The cost of a run that the answer takes; the default is None, for C = 6 N D.

    Returns:
        The checks.
    """
    import numpy as np

    from scalebayes.fitting import bearing

    far = outside(answer)
    questions = bearing.of_optimum(far) if inputs is None else bearing.of_forecast(inputs, far)
    drawn = [x for x in answer.data_vars.values() if x.dims[:2] == ("chain", "draw") and x.shape[:2] == fit.shape]
    of = [x.values.reshape(fit.size, -1) for x in drawn]
    return bearing.bearing(fit, questions, cost and cost.of_training, np.concatenate(of, axis=1) if of else None)


def lines_of(checks: "Iterable[Check]") -> str:
    """Return checks as text for the terminal; no line is broken within a piece to be typed."""
    return "\n".join(show.prose(here(str(check), show.NO_BREAK), HANG) for check in checks)


def trust(fit: "Fit", review: "Iterable[Check]") -> dict[str, Any]:
    """Return the part of a command's JSON about the fit: failed checks, and those that bear on the answer."""
    from scalebayes.fitting.bearing import failed

    warn_failed(fit, "this answer rests on a fit that failed")
    return {"failed": [check_record(check) for check in failed(fit)], "review": [check_record(c) for c in review]}


def warn_failed(fit: "Fit", what: str = "the fit failed") -> None:
    """Print the failed checks of a fit, if there are any, as a command's line on standard error.

    Standard output holds a JSON document. The line begins with `what`.
    """
    from scalebayes.fitting.bearing import as_text, failed

    if bad := failed(fit):
        show.message(f"warning: {what}: {here(as_text(bad))}")


def _lines(checks: "Checks", status: str) -> str:
    """Return the checks of one status as text."""
    return lines_of(check for check in checks if check.status == status)


def about_fit(fit: "Fit", prob: float) -> dict[str, Any]:
    """Return the JSON document of a fit, as `scalebayes summary --json` prints it."""
    from scalebayes.parameters.priors import prior_text

    runs, table = fit.runs, fit.summary(prob)
    params = fit.problem.params
    return {
        "law": fit.law.name,
        "formula": fit.law.formula,
        "inputs": dict(fit.problem.columns),
        "noise": {"name": fit.noise.name, **fit.noise.settings},
        "discrepancy": repr(fit.discrepancy) if fit.discrepancy else None,
        "method": fit.method.name,
        "seed": fit.seed,
        "runs": {
            "rows": len(runs),
            "observable": runs.observable,
            "unit": runs.unit,
            "inputs": list(runs.inputs),
            "N_counts": runs.N_counts,
            "source": runs.metadata.get("source", ""),
            "where": list(runs.metadata.get("filters", ())),
            "derived": dict(runs.derived),
            "hash": runs.hash,
        },
        "reference": {"inputs": dict(fit.reference.inputs), "scale": fit.reference.scale},
        "priors": {name: prior_text(param.prior) for name, param in params.items()},
        "prob": prob,
        "parameters": {name: row for name, row in zip(table.index, show.records(table), strict=True)},
        "checks": [check_record(check) for check in fit.checks],
        "numbers": dict(fit.numbers),
        "versions": dict(fit.versions),
    }
