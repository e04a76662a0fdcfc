"""This file has the checks that a fit of the recommended configuration has beside those of every fit."""

from dataclasses import replace

from scalebayes.checks import evidence, limits
from scalebayes.checks.registry import make_check
from scalebayes.fitting.result import Fit
from scalebayes.runs import ladder_or_curve as kinds
from scalebayes.runs.averaging import averaged_text
from scalebayes.status import Check, Checks, Status


def told(fit: Fit, runs: int = 0, apart: int = 0, loose: int = 0) -> Fit:
    """Add the checks of the recommended configuration to a fit.

    Args:
        fit: The fit.

        runs: The number of runs before averaging; 0 where nothing was averaged.

        apart: The number of runs that weren't averaged, since their cells had excess scatter.

        loose: The number of runs that are still in cells with excess scatter.
    """
    found = []
    if read := kinds.kind_text(fit.runs):
        found.append(_kind(fit, read))
    if "averaged" in fit.runs.metadata:
        kept = f"; {apart} of them aren't averaged, since their cells scattered more than the noise" if apart else ""
        left = (
            f" {loose} are still in cells that scatter more than the noise: fit fewer runs, or all of them by "
            "sb.fit(runs, 'end_chinchilla', discrepancy='gp')."
            if loose
            else " No cell's runs scatter more than their noise."
        )
        found.append(
            make_check(
                "averaged_cells",
                Status.REVIEW if loose else Status.PASS,
                f"{averaged_text(fit.runs)}{kept}.{left}",
            )
        )
    n = runs or len(fit.runs)
    if n <= limits.MOSTLY_PRIOR_RUNS:
        found.append(
            make_check(
                "mostly_prior",
                Status.REVIEW,
                f"{n} runs say little about what lies beyond them: the width of a forecast there is mostly that of the "
                "priors. It is right for sweeps like those that the priors were taken from; with more runs, or longer "
                "ones, it depends on your own.",
            )
        )
    return replace(fit, checks=Checks((*fit.checks, *found)))


def _kind(fit: Fit, read: str) -> Check:
    """The check that says how runs of one input were read, and what a ladder along N alone or D alone leaves open."""
    size, other = kinds.size_of(fit.runs, next(iter(fit.problem.columns.values()))), {"N": "D", "D": "N"}
    if fit.runs.metadata["kind"][0] != kinds.LADDER or size not in other:
        return make_check("kind", Status.PASS, f"Read as {read}.")
    return make_check(
        "kind",
        Status.REVIEW,
        f"read as {read}. How the ladder goes on depends on {other[size]}, which the fit doesn't have. In backtests on "
        f"{evidence.LADDERS} ladders along N or D whose other scale was the same in every run, {_worth('ladder')}; "
        f"with kind='curve' {_worth('curve')}. So compare both, or add a column {other[size]} and fit N and D.",
    )


def _worth(kind: str) -> str:
    """The error and the coverage of forecasts of ladders along N or D in backtests, in words.

    >>> _worth("ladder")
    'forecasts were 2 % too low on average and 90 % intervals held 95 %'
    """
    error, held = evidence.LADDERS_ERROR[kind].value, evidence.LADDERS_HELD[kind]
    way = "low" if error < 0 else "high"
    return f"forecasts were {100 * abs(error):.0f} % too {way} on average and 90 % intervals held {held}"
