"""This file makes the section of a report that says what was assumed, and what was left out of the table of runs."""

from collections.abc import Iterator
from typing import Any

from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.parameters.priors import prior_text
from scalebayes.reporting.tags import Html, bullets, joined, section, table, tag, terms
from scalebayes.runs.averaging import averaged_text
from scalebayes.runs.describe import described
from scalebayes.runs.ladder_or_curve import kind_text
from scalebayes.runs.window import window_text

MOST = 20  # fits of which everything is told; of those after them only the number is


def named_fits(asked: Asked) -> dict[str, Fit]:
    """The fits of what is reported by their names; a single one has the name ""."""
    if isinstance(asked, Fits):
        return dict(zip(asked.names, asked, strict=True))
    if isinstance(asked, Stack):
        return {name: asked.members[name] for name in asked.picks}
    return {"": fits_of(asked)[0]}


def assumptions(asked: Asked) -> Html:
    """The section with law, priors, noise, cost, runs and method of each fit."""
    fits = named_fits(asked)
    parts: list[Any] = []
    for name, fit in list(fits.items())[:MOST]:
        parts += [tag("h3", name)] if name else []
        parts += [terms(of_fit(fit)), _priors(fit, name), tag("h4" if name else "h3", "Runs"), bullets(_runs(fit))]
    if len(fits) > MOST:
        parts.append(tag("p", f"{len(fits) - MOST} more fits are left out here; the saved result has them."))
    return section("assumptions", "What was assumed", joined(parts))


def of_fit(fit: Fit) -> Iterator[tuple[str, str]]:
    """What a fit takes as given, in words."""
    bound = [f"{name} = {column}" for name, column in fit.problem.columns.items() if name != column]
    formula = fit.law.formula or "(own law, without a formula as text)"
    yield "Law", f"{fit.law.name}: {fit.runs.observable} = {formula}{', '.join(['', *bound])}"
    yield "Source of the law", fit.law.reference
    exact = "none: the law is taken as exact beyond the runs"
    departure = f"{fit.discrepancy!r}: the curve may depart from the law, the more the further it is from the runs"
    yield "Discrepancy", departure if fit.discrepancy else exact
    yield "Noise", repr(fit.noise)
    yield "Cost of a run", cost_text(fit)
    yield "Runs read as", kind_text(fit.runs)
    yield "Window", window_text(fit.runs)
    yield "Averaged", averaged_text(fit.runs)
    chains, draws = fit.shape
    size = (
        "one draw, the mode"
        if fit.is_mode
        else f"{draws} draws"
        if chains == 1
        else f"{chains} chains of {draws} draws"
    )
    yield "Method", f"{fit.method.name}, {size}, seed {fit.seed}"


def cost_text(fit: Fit) -> str:
    """What the column C of the runs is, and what a budget is taken to pay for."""
    about = fit.runs.metadata.get("cost", {})
    if about:
        return f"the runs' C is {about.get('name', '')} {about.get('formula', '')}".strip()
    return "C = 6 N D" if {"N", "D"} <= set(fit.problem.columns.values()) else ""


def _priors(fit: Fit, name: str) -> Html:
    scales = {**fit.reference.inputs, fit.runs.observable: fit.reference.scale}
    rows = []
    for each, param in fit.problem.params.items():
        fixed = param.fixed or isinstance(param.prior, str)
        units = "" if fixed else "reference units" if param.scaled and param.dimension else "the runs' own units"
        rows.append([each, prior_text(param.prior), units if param.dimension != "" else "pure number"])
    units = ", ".join(f"{each} {value:.4g}" for each, value in scales.items())
    return joined(
        [
            table(f"Priors of {name}" if name else "Priors", ["parameter", "prior", "in"], rows, left=3),
            tag("p", f"A prior in reference units is on the parameter where one unit is {units}."),
        ]
    )


def _runs(fit: Fit) -> list[str]:
    """What the table of runs notes: its rows and columns, what was read as what, and the rows that were left out."""
    lines = [line.strip() for line in described(fit.scored_runs)]
    dropped = any(line.startswith(("left out:", "where:", "best of:")) for line in lines)
    return lines if dropped or window_text(fit.runs) else [*lines, "no row was left out when the table was read"]
