"""This file makes the first section of a report: what the checks say, before any number is given."""

from collections.abc import Sequence

from scalebayes.fitting.many.result import Fits
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.reporting.tags import Html, bullets, joined, section, table, tag
from scalebayes.status import Check, Checks, Status

MOST = 20  # checks of one status that are listed, and rows of a table of fits; of those after them the number is given
LEADS = {
    Status.FAIL: (
        "Do not rely on this",
        "A check failed. The answers below are printed for the record; mend what failed before any of them is used.",
    ),
    Status.REVIEW: (
        "Read this before you rely on it",
        "No check failed. What follows bears on how far the answers can be trusted.",
    ),
    Status.PASS: (
        "All checks pass",
        "Nothing in these runs speaks against the fit. What lies beyond the runs is still a forecast.",
    ),
}


def checks_of(asked: Asked) -> Checks:
    """The checks of what is reported; those of several fits carry the names of the fits."""
    if isinstance(asked, Fits):
        return Checks(
            tuple(one.within(name) for name, fit in zip(asked.names, asked, strict=True) for one in fit.checks)
        )
    if isinstance(asked, Recalibrated):
        return asked.fit.checks
    return asked.checks


def verdict(asked: Asked) -> Html:
    """The section with the verdict: its heading says the worst status, and what failed is told first."""
    checks = checks_of(asked)
    title, lead = LEADS[checks.status]
    parts = [tag("p", lead)]
    for status, heading in ((Status.FAIL, "Failed"), (Status.REVIEW, "To review")):
        if found := checks.of(status):
            parts += [tag("h3", heading), _listed(found)]
    if isinstance(asked, Fits):
        parts.append(_statuses(asked))
    if isinstance(asked, Recalibrated):
        parts.append(tag("p", f"{asked.sentence[:1].upper()}{asked.sentence[1:]}."))
    if isinstance(asked, Stack):
        unused = [name for name in asked.members if name not in asked.picks]
        parts += [tag("p", f"Members without weight, whose checks don't count: {', '.join(unused)}.")] if unused else []
    if passed := checks.of(Status.PASS):
        summary = tag("summary", f"{len(passed)} of {len(checks)} checks pass")
        parts.append(tag("details", summary, _listed(passed)))
    return section("verdict", title, joined(parts), class_=f"verdict {checks.status.value}")


def _statuses(fits: Fits) -> Html:
    """The status of each fit, those that failed first."""
    order = [status.value for status in (Status.FAIL, Status.REVIEW, Status.PASS)]
    worst = fits.status.sort_values("status", key=lambda column: column.map(order.index), kind="stable")
    columns = ["law", "runs", "status", "failed", "review"]
    rows = [[name, *row] for name, row in zip(worst.index[:MOST], worst[columns].to_numpy(), strict=False)]
    more = [tag("p", f"{len(worst) - MOST} more fits are left out here.")] if len(worst) > MOST else []
    return joined([table("Status of each fit", ["data set", *columns], rows, left=6), *more])


def _listed(checks: Sequence[Check]) -> Html:
    items = [Html(tag("strong", one.name) + tag("span", f": {one.sentence}")) for one in checks[:MOST]]
    return bullets([*items, *([f"and {len(checks) - MOST} more"] if len(checks) > MOST else [])])
