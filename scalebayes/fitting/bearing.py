"""This file says which checks of a fit bear on a question: all that failed, and reviews that may move the answer."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from scalebayes.checks.units import compute
from scalebayes.compute import flops
from scalebayes.fitting.result import Fit
from scalebayes.runs.own_cost import has_own
from scalebayes.status import Check, Status

# From each question to the reviews that bear on it, by the identifiers of their checks. One answer may be to several
# questions: `predict` answers "any", and also "beyond" where a point lies outside the runs.
BEARING = {
    "any": (
        "number_of_runs",
        "one_row_of_a_log",
        "checkpoints",
        "inputs_vary",
        "explains_the_runs",
        "units",
        "settings",
        "best_of_settings",
        "duplicates",
        "groups",
        "scatter",
        "outliers",
        "other_columns",
        "other_columns_largest",
        "mixture_shares",
        "repetition",
        "prior_data_conflict",
        "starts",
        "mode_reached",
        "k_hat",
        "importance_ess",
        "r_hat",
        "bulk_ess",
        "tail_ess",
        "divergences",
        "refits",
        "borrowed",
    ),
    "beyond": (
        "kind",
        "residuals_largest",
        "residuals",
        "mostly_prior",
        "averaged_cells",
        "driven_by_the_prior",
        "flat_priors",
    ),
    # A point lies outside the D/N of the runs.
    "off the path": ("collinear_inputs",),
    # C was given and taken as 6 N D.
    "by compute": ("compute",),
    "optimum": (
        "compute",
        "collinear_inputs",
        "driven_by_the_prior",
        "flat_priors",
    ),
}


# The share of the variance of an answer that a parameter explains, by their squared correlation over the draws. Of a
# parameter with less, it doesn't matter to the answer that the runs say little.
EXPLAINED = 0.1


def failed(fit: Fit) -> tuple[Check, ...]:
    """The checks that a fit failed. They bear on every question to the fit."""
    return fit.checks.of(Status.FAIL)


def bearing(fit: Fit, questions: Iterable[str], cost: Any = None, draws: Any = None) -> list[Check]:
    """The reviews of a fit that bear on any of the questions, in the order of `BEARING`.

    Args:
        fit: The fit.

        questions: Keys of `BEARING`.

        cost: The cost of training that the answer takes for C, as a function of N and D. The default is None, for
            C = 6 N D. The runs' own C is held against it, whatever cost it was said to be when it was fitted.

        draws: The draws of the answer (draw, quantity), in the order of the fit's draws. The default is None: which
            parameters move the answer isn't looked at.
    """
    asked = list(questions)
    ids = dict.fromkeys(id for question in asked for id in BEARING[question])
    reviews = {check.id: check for check in fit.checks.of(Status.REVIEW)}
    judged = "compute" in ids and "compute" not in {check.id for check in failed(fit)}
    if judged and has_own(fit.runs.inputs, fit.runs.derived):
        anew = compute(fit.runs, cost or flops)
        reviews = {id: check for id, check in reviews.items() if id != "compute"}
        reviews |= {} if anew.status is Status.PASS else {"compute": anew}
    return [reviews[id] for id in ids if id in reviews and _decides(fit, reviews[id], asked, draws)]


def _decides(fit: Fit, check: Check, questions: Iterable[str], draws: Any) -> bool:
    """Whether a review bears on the answer, where it does so only for some parameters.

    The review "driven by the prior" bears on it where it is about a parameter of the law that moves the answer. For a
    question that isn't "beyond", parameters in units of the loss alone don't count: the loss at the end of the curve
    moves no optimum.
    """
    if check.id != "driven_by_the_prior":
        return True
    params = fit.law.params
    moving = set(params) if "beyond" in questions else {n for n, p in params.items() if p.dimension != "loss"}
    return any(draws is None or _moves(fit, name, draws) for name in moving & set(check.about))


def _moves(fit: Fit, name: str, draws: Any) -> bool:
    """Whether a parameter explains more than `EXPLAINED` of the variance of a quantity of the answer."""
    answer = np.asarray(draws, np.float64).reshape(len(draws), -1)
    if len(answer) != fit.size or fit.is_mode:
        return True
    answer = np.log(answer) if (answer > 0).all() else answer
    own = np.asarray(fit.draws[name], np.float64).ravel()
    own = np.log(own) if (own > 0).all() else own
    off, by = answer - answer.mean(axis=0), own - own.mean()
    spread = (off**2).sum(axis=0) * (by @ by)
    return bool(np.any((by @ off) ** 2 > EXPLAINED * spread))


def as_text(checks: Iterable[Check]) -> str:
    """The names and sentences of a fit's checks on one line; an empty string where there are none.

    >>> as_text([Check("k-hat", Status.FAIL, "Pareto k-hat 1.30; use method='nuts'."), Check("b", Status.FAIL, "No.")])
    "k-hat: Pareto k-hat 1.30; use method='nuts'. b: No."
    """
    return " ".join(f"{check.name}: {check.sentence}" for check in checks)


def of_forecast(inputs: Iterable[str], far: Iterable[str]) -> Iterator[str]:
    """The questions that a forecast asks of a fit, on which its checks may bear.

    Args:
        inputs: The names of the inputs that were given.

        far: The axes along which a point lies outside the runs.

    >>> list(of_forecast(["C", "N"], ["N", "D_per_N"]))
    ['any', 'beyond', 'off the path', 'by compute']
    """
    axes = set(far)
    yield "any"
    if axes:
        yield "beyond"
    if "D_per_N" in axes:
        yield "off the path"
    if "C" in set(inputs):
        yield "by compute"


def of_optimum(far: Iterable[str]) -> Iterator[str]:
    """The questions that an optimum asks of a fit, on which its checks may bear.

    Args:
        far: The axes along which the median optimum lies outside the runs.

    >>> list(of_optimum([]))
    ['any', 'optimum']
    """
    yield from ("any", "optimum")
    if set(far):
        yield "beyond"
