"""This file checks the law against a constant, and against the direction of the runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc, stdtr

from scalebayes.checks import limits
from scalebayes.checks.law_cures import cure
from scalebayes.checks.registry import make_check
from scalebayes.checks.residuals import amount, normal_scores, off
from scalebayes.checks.robust import robust_scale, robust_trend
from scalebayes.checks.tangent import Around, axes
from scalebayes.errors import listed
from scalebayes.infer.draws import Draws
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS
from scalebayes.status import Check, Status

ID = "explains_the_runs"


@dataclass(frozen=True)
class Trend:
    """The trend of the runs along one input with the others held, or along all of them at once.

    Attributes:
        change: The change of g(y) over the runs' range, with g the noise's link.

        p: The one-sided p-value of a change with the other sign.

        clear: Whether the change is larger than the scatter around the trend.
    """

    change: float
    p: float
    clear: bool


def law_checks(problem: Problem, draws: Draws, near: Around) -> Iterator[Check]:
    """Yield the check that the law explains the runs better than a constant, and rises and falls as the runs do.

    It asks for review if the runs show no trend. There is no check if there are too few runs or no input varies.
    """
    n = len(problem.runs)
    varying = axes(problem)
    if (
        n < limits.LAW_FEWEST
        or not varying
        or not np.isfinite(near.curve).all()
        or not np.isfinite(draws.mode.location).all()
    ):
        return
    value = np.asarray(LINKS[problem.model.form.on].of(problem.rows.y[:n]))
    location = draws.mode.location[:n]
    total = np.abs(value - np.median(value)).sum()
    explained = 1 - np.abs(off(problem, location)).sum() / total if total > 0 else 0.0
    share, p = _varies(value, varying)
    along, against = _ways(problem, value, varying, near)
    constant = p < limits.LAW_LEVEL and share > limits.LAW_VARIES and 1 - explained > limits.LAW_CONSTANT
    if constant or against:
        yield make_check(ID, Status.FAIL, _refused(problem, constant, along, against))
    elif p > limits.LAW_FLAT and 1 - explained > limits.LAW_CONSTANT:
        yield make_check(
            ID,
            Status.REVIEW,
            f"{problem.runs.observable} doesn't vary with {listed(problem.columns.values())} by more than its scatter: "
            "these runs show its level but not its trend, which is then known from the priors alone; add runs that "
            "reach further, or with less noise.",
        )
    else:
        yield make_check(
            ID, Status.PASS, f"The law explains {max(explained, 0):.0%} of the runs' distances from a constant."
        )


def _varies(value: np.ndarray, varying: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """R^2 and p-value of the runs' ranks on their inputs, and on the squares of these if there are enough runs."""
    score, each = normal_scores(value), [(x - x.mean()) / x.std() for x in varying.values()]
    terms = [*each, *(x**2 for x in each)] if len(score) > 4 * len(each) + 2 else each
    design = np.column_stack([np.ones(len(score)), *terms])
    fitted = design @ np.linalg.lstsq(design, score, rcond=1e-8)[0]
    used, left = np.linalg.matrix_rank(design, 1e-6) - 1, len(score) - np.linalg.matrix_rank(design, 1e-6)
    if left < 2 or not used or not np.ptp(score):
        return 0.0, 1.0
    r2 = max(float(1 - np.sum((score - fitted) ** 2) / np.sum((score - score.mean()) ** 2)), 0.0)
    return r2, float(fdtrc(used, left, r2 / used / max((1 - r2) / left, 1e-300)))


def _ways(
    problem: Problem, value: np.ndarray, varying: Mapping[str, np.ndarray], near: Around
) -> tuple[list[str], dict[str, float]]:
    """The inputs along which the runs go with the law, and those along which they go against it.

    The latter have the change of g(y) along each. If the inputs lie along one path, they are all the inputs for which
    the law has a direction, with the change along the path.
    """
    trend = {name: sign for name, sign in problem.law.trend.items() if name in varying}
    level = limits.LAW_LEVEL / (len(trend) + 1)
    of_runs = trends(problem, value, varying, near)
    clear = {name: seen.change for name, seen in of_runs.items() if seen.clear and seen.p < level}
    against = {name: change for name, change in clear.items() if change * trend.get(name, 0) < 0}
    if "" in clear and not against:
        against = {name: -sign * clear[""] for name, sign in trend.items()}
    return [name for name, change in clear.items() if change * trend.get(name, 0) > 0], against


def trends(problem: Problem, value: np.ndarray, varying: Mapping[str, np.ndarray], near: Around) -> dict[str, Trend]:
    """The trend of the runs along each input, by its name, to which the check of the law compares the law's direction.

    The name "" has the trend along all inputs for which the law has a direction, against that direction: it is there
    only where it is positive, so that the runs go against the law.

    A slope is the sum of the law's own slope, averaged over the runs, and the slope of the residuals in a regression
    on all inputs. The bend of the curve is thus the law's; a regression of the runs themselves would take it for a
    slope along another input. Group offsets are taken out.
    """
    n, names = len(value), list(varying)
    spread = {name: varying[name].std() for name in names}
    design = np.column_stack([(varying[name] - varying[name].mean()) / spread[name] for name in names])
    left_over = value - near.curve
    groups = 1
    if problem.rows.group is not None:
        member = np.asarray(problem.rows.group[:n]).astype(int)
        counts = np.bincount(member)
        groups = np.count_nonzero(counts)
        means = [np.bincount(member, x) / np.maximum(counts, 1) for x in (left_over, *design.T)]
        left_over = left_over - means[0][member]
        design = design - np.stack([mean[member] for mean in means[1:]], axis=1)
    degrees = n - groups - len(names)
    if degrees < 3:
        return {}
    (_, *coefficients), rest = robust_trend(left_over, np.column_stack([np.ones(n), design]))
    reach = limits.WINSOR * robust_scale(rest, len(names) + 1)
    drawn = np.clip(rest, -reach, reach)
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-8)
    covariance = inverse * (drawn @ drawn) / degrees
    slopes = np.array([np.mean(near.slopes[name]) * spread[name] for name in names]) + np.array(coefficients)
    scatter = limits.LAW_CLEAR * np.median(np.abs(rest))

    def trend(weights: np.ndarray) -> Trend:
        slope, se = float(weights @ slopes), float(np.sqrt(weights @ covariance @ weights))
        change = float(slope * np.ptp(design @ weights) / max(weights @ weights, 1.0))
        return Trend(change, float(stdtr(degrees, -abs(slope) / max(se, 1e-300))), abs(change) > scatter)

    by_name = {}
    for i, name in enumerate(names):
        if inverse[i, i] * max(float(design[:, i] @ design[:, i]), 1e-300) < limits.LAW_APART:
            by_name[name] = trend(np.eye(len(names))[i])
    signs = -np.array([problem.law.trend.get(name, 0) for name in names], float)
    if signs.any() and (along := trend(signs)).change > 0:
        by_name[""] = along
    return by_name


def _refused(problem: Problem, constant: bool, along: list[str], against: Mapping[str, float]) -> str:
    """The sentence that this is not the law of these runs, and what to type instead."""
    observable, parts = problem.runs.observable, []
    if constant:
        parts.append("explains the runs no better than a constant does")
    for rises in (True, False):
        if names := [name for name, change in against.items() if (change > 0) == rises]:
            way, far = ("rises", "falls")[not rises], amount(problem, max(abs(against[name]) for name in names))
            columns = " and ".join(problem.columns[name] for name in names)
            parts.append(f"never {way} with {columns}, where {observable} {way}, by {far} over the runs")
    return (
        f"law {problem.law.name!r} {' and '.join(parts)}: don't use it for {observable!r}; "
        f"{cure(problem, along, against)}."
    )
