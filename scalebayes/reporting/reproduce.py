"""This file makes the section of a report that says how to make it again: call, versions, and hash of the runs."""

from collections.abc import Mapping
from typing import Any

from scalebayes.fitting.finish import versions
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import RECOMMENDED
from scalebayes.forecasting.ask import Asked
from scalebayes.noise import families as noises
from scalebayes.reporting.assumptions import MOST, named_fits
from scalebayes.reporting.tags import Html, joined, section, table, tag, terms
from scalebayes.runs.window import window_text


def reproduce(asked: Asked, command: str) -> Html:
    """The section with what is needed to make the report again.

    Args:
        asked: What is reported.

        command: The command line that made the report; "" for none.
    """
    fits = named_fits(asked)
    first = next(iter(fits.values()))
    parts: list[Any] = []
    if command:
        parts += [tag("p", "This report was made by the command"), _code(command)]
    if "" in fits:
        parts += [tag("p", "In Python the fit and its report are made by"), _code(call_of(first))]
        if not isinstance(first.seed, int):
            parts.append(tag("p", f"The fit's random key, made from the seed, has the numbers {first.seed}."))
    rows = [[name or "the runs", len(fit.scored_runs), _hash(fit)] for name, fit in list(fits.items())[:MOST]]
    caption = "SHA-256 of each table of runs: the names and values of its columns, and the unit of the observable"
    parts.append(table(caption, ["table", "rows", "hash"], rows, left=3))
    if len(fits) > MOST:
        parts.append(tag("p", f"{len(fits) - MOST} more tables are left out here; the saved result has them."))
    parts.append(terms([("Fitted with", _text(first.versions)), ("Reported with", _text(versions()))]))
    return section("reproduce", "How to reproduce", joined(parts))


def call_of(fit: Fit) -> str:
    """The calls in Python that make a fit, as far as its record says.

    What the record has no call for, such as a law or a prior of the user's own, is in a comment.
    """
    about = fit.scored_runs.metadata
    where = list(about.get("filters", ()))
    read = [repr(about.get("source") or "runs.csv"), *([f"where={' and '.join(where)!r}"] if where else [])]
    seed = f"seed={fit.seed}" if isinstance(fit.seed, int) else "seed=0"
    notes = [f"# the window: {text}"] if (text := window_text(fit.runs)) else []
    if fit.label == RECOMMENDED:
        call = f"sb.forecaster(runs, {seed})"
    else:
        settings = [repr(fit.law.name)]
        own = repr(noises.get(fit.noise.name)) if fit.noise.name in noises.names() else ""
        settings.append(f"noise={fit.noise.name!r}")
        notes += [] if own == repr(fit.noise) else [f"# the noise: {fit.noise!r}"]
        if fit.discrepancy:
            names = ", ".join(repr(one.name) for one in fit.discrepancy.components)
            settings.append(f"discrepancy=sb.GP({names})")
        settings += [f"method=sb.{fit.method!r}".replace("=Search(", "=sb.Search("), seed]
        call = f"sb.fit(runs, {', '.join(settings)})"
        notes.append("# priors: those of the law, unless the table of priors says otherwise")
    lines = ["import scalebayes as sb", "", f"runs = sb.read_runs({', '.join(read)})", f"fit = {call}", *notes]
    return "\n".join([*lines, 'sb.report(fit, "report.html")'])


def _code(text: str) -> Html:
    return tag("pre", tag("code", text), tabindex="0")


def _hash(fit: Fit) -> Html:
    return tag("code", fit.scored_runs.hash)


def _text(of: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in of.items())
