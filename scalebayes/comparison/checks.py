"""This file has the checks of a comparison: of fits and refits, Pareto k, the two rankings, and the evidence."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.errors import listed
from scalebayes.status import Check, Checks, Status


def difference(scores: np.ndarray, a: int, b: int) -> tuple[float, float]:
    """The score of the compared model a minus that of b, summed over runs (model, run), and its standard error.

    >>> difference(np.array([[1.0, 3.0], [0.0, 0.0]]), 0, 1)
    (4.0, 2.0)
    """
    return float((scores[a] - scores[b]).sum()), standard_error(scores[a] - scores[b])


def standard_error(scores: np.ndarray) -> float:
    """The standard error of a compared model's score, the sum over runs (run,); NaN for a single run.

    >>> standard_error(np.array([1.0, 3.0]))
    2.0
    """
    return float(np.sqrt(scores.size * scores.var(ddof=1))) if scores.size > 1 else np.nan


def fits_check(checks: Mapping[str, Checks]) -> Check:
    """In a comparison, the check of whether the fits passed their own checks."""
    failed = {name: of.of(Status.FAIL) for name, of in checks.items() if of.of(Status.FAIL)}
    if not failed:
        return make_check("fits", Status.PASS, "No fit failed a check of its own.")
    failures = "; ".join(f"{name!r}: {', '.join(c.name for c in of)}" for name, of in failed.items())
    return make_check(
        "fits", Status.FAIL, f"fits failed checks of their own ({failures}): mend these first; print(fit) says how."
    )


def refits_check(refits: Mapping[str, Mapping[str, Sequence[Checks]]]) -> list[Check]:
    """In a comparison, the checks of whether the refits passed their own; none where there are no refits.

    Args:
        refits: The checks of each refit, by the name of the score and then by the name of the fit.
    """
    told, total = [], 0
    for score, fits in refits.items():
        for name, each in fits.items():
            failed = [of.of(Status.FAIL) for of in each if of.of(Status.FAIL)]
            total += len(each)
            if failed:
                which = ", ".join(dict.fromkeys(check.name for of in failed for check in of))
                told.append(f"{len(failed)} of {len(each)} of {name!r} for {score}: {which}")
    if not total:
        return []
    if not told:
        return [make_check("refits", Status.PASS, f"No refit of {total} failed a check of its own.")]
    return [
        make_check(
            "refits",
            Status.REVIEW,
            f"refits failed checks of their own ({'; '.join(told)}): these scores, and weights by them, rest on draws "
            "that can't be relied on; fit with method='nuts', longer chains or narrower priors, which the refits then "
            "have too.",
        )
    ]


def pareto_check(names: Sequence[str], bad: np.ndarray, refitted: np.ndarray) -> Check:
    """In a comparison, the check of whether runs with a high Pareto k, `bad`, have exact refits, `refitted`.

    Both are (model, run).
    """
    left = (bad & ~refitted).sum(axis=1)
    if not left.any():
        return make_check(
            "pareto_k", Status.PASS, f"Every Pareto k is low, or the run was refitted ({refitted.sum()} were)."
        )
    told = ", ".join(f"{count} of {name!r}" for name, count in zip(names, left, strict=True) if count)
    return make_check(
        "pareto_k",
        Status.REVIEW,
        f"the Pareto k of runs ({told}) is too high, and they weren't refitted: elpd_loo is off there, mostly too "
        f"good; allow more exact refits, compare(..., refits={bad.sum(axis=1).max()}).",
    )


def ranking(names: Sequence[str], loo: np.ndarray, largest: np.ndarray) -> Check:
    """In a comparison, the check of whether leave-one-out and the largest runs rank the models alike.

    The best model must be the same by both scores, or a tie. No two models may have opposite orders by more than
    their standard errors.

    Args:
        names: The names of the models.

        loo: The leave-one-out scores in nats (model, run).

        largest: The scores of the largest runs in nats (model, held-out run).
    """
    id, count = "rankings", largest.shape[1]
    inside, beyond = int(loo.sum(axis=1).argmax()), int(largest.sum(axis=1).argmax())
    held = f"the {count} largest runs, held out," if count > 1 else "the largest run, held out,"
    bests = difference(loo, inside, beyond)[0], difference(largest, beyond, inside)[0]
    tie = limits.RANKINGS_TIE
    pairs = [(inside, beyond)] if min(bests) > tie else []
    for a, b in combinations(range(len(names)), 2):
        (near, near_se), (far, far_se) = difference(loo, a, b), difference(largest, a, b)
        if near * far < 0 and abs(near) > max(near_se, tie) and abs(far) > max(far_se, tie):
            pairs.append((a, b) if near > 0 else (b, a))
    if not pairs:
        too = "too" if inside == beyond else f"{names[beyond]!r}, by too little to tell"
        return make_check(id, Status.PASS, f"{names[inside]!r} is best among the runs, and on {held} {too}.")
    a, b = pairs[0]
    (near, near_se), (far, far_se) = difference(loo, a, b), difference(largest, b, a)
    by = f"{far:.1f} ± {far_se:.1f}" if count > 1 else f"{far:.1f}"
    chance = ", which may be chance" if count < limits.RANKINGS_FEW_HELD_OUT or far <= far_se else ""
    return make_check(
        id,
        Status.REVIEW,
        f"among the runs {names[a]!r} is better than {names[b]!r}, by {near:.1f} ± {near_se:.1f} nats; on {held} "
        f"{names[b]!r} is, by {by}{chance}: what describes the runs best need not forecast best; for a forecast rely "
        "on the second score, or stack the fits by it, sb.stack(fits, weights='largest').",
    )


def no_largest_check(why: str) -> Check:
    """In a comparison, the check that says why the models have no score on the largest runs."""
    return make_check(
        "largest", Status.REVIEW, f"no score beyond the runs: {why}; backtest by hand, with runs.where(...)."
    )


def evidence_check(names: Sequence[str], log_evidence: np.ndarray, se: np.ndarray) -> list[Check]:
    """In a comparison, the check of whether every fit has an evidence that is exact enough for weights.

    There is no check where no fit has one.
    """
    lacking = [name for name, value in zip(names, log_evidence, strict=True) if not np.isfinite(value)]
    if len(lacking) == len(names):
        return []
    if lacking:
        have = "has" if len(lacking) == 1 else "have"
        told = f"{listed(lacking)} {have} no log evidence, so there are no weights by it"
        return [
            make_check(
                "evidence",
                Status.REVIEW,
                f"{told}: an evidence needs a fit of all runs, not of averages, by method='laplace', with priors that "
                "aren't flat.",
            )
        ]
    seen = f"largest Monte-Carlo error of a log evidence {se.max():.3f} nats"
    if se.max() < limits.EVIDENCE_SE:
        return [make_check("evidence", Status.PASS, f"{seen[0].upper()}{seen[1:]}.")]
    return [
        make_check("evidence", Status.REVIEW, f"{seen}: too coarse to weigh by; use sb.Laplace(proposals=100_000).")
    ]
