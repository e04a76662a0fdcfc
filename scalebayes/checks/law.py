"""Whether it is this law at all: against a constant, and against the way the runs go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from scalebayes import laws
from scalebayes.checks.residuals import WINSOR, amount, normal_scores, off, robust_scale, robust_trend
from scalebayes.checks.tangent import Around, axes
from scalebayes.errors import listed
from scalebayes.infer.draws import Draws
from scalebayes.laws.base import Law
from scalebayes.links import LINKS
from scalebayes.problem import Problem
from scalebayes.status import Check, Status

FEWEST = 6  # runs, below which chance may turn their direction
LEVEL = 1e-3  # of one table: that chance makes runs vary, or go the other way
FLAT = 0.05  # p-value above which the runs are not known to vary with any input
VARIES = 0.3  # share of the runs' variance that a curve of the inputs alone explains: below it no law is refused
CONSTANT = 0.95  # of the distances from a constant: a law whose distances are above explains nothing
CLEAR = 1.5  # typical distances from the trend, by which a trend must move the runs from one end to the other
APART = 20.0  # variance inflation, above which the inputs lie along one path and have no direction each
TINY = 0.05  # of the largest value: a positive observable below it is no score, such as a learning rate
NAME = "explains the runs"


@dataclass(frozen=True)
class Trend:
    """How the runs go along one input, the others the same, or along all of them at once.

    Attributes:
        change: of g(y) over the runs' range, with g the noise's link. p: one-sided, that it has the other sign.
        clear: whether it is more than the scatter around it.
    """

    change: float
    p: float
    clear: bool


def law_checks(problem: Problem, draws: Draws, near: Around) -> Iterator[Check]:
    """A law that explains less than a constant, or that falls where the runs rise, is not the law of these runs."""
    n = len(problem.runs)
    varying = axes(problem)
    if n < FEWEST or not varying or not np.isfinite(near.curve).all() or not np.isfinite(draws.mode.location).all():
        return
    value = np.asarray(LINKS[problem.model.form.on].of(problem.rows.y[:n]))
    location = draws.mode.location[:n]
    explained = 1 - np.abs(off(problem, location)).sum() / np.abs(value - np.median(value)).sum()
    share, p = _varies(value, varying)
    against = _against(problem, value, varying, near)
    if p < LEVEL and share > VARIES and 1 - explained > CONSTANT:
        yield Check(NAME, Status.FAIL, _refused(problem, against, constant=True))
    elif against:
        yield Check(NAME, Status.FAIL, _refused(problem, against, constant=False))
    elif p > FLAT and 1 - explained > CONSTANT:
        yield Check(
            NAME,
            Status.REVIEW,
            f"{problem.runs.observable} doesn't vary with {listed(problem.columns.values())} by more than its scatter: "
            "these runs say how high it is and nothing of how it goes on, which is the priors' alone; add runs that "
            "reach further, or with less noise.",
        )
    else:
        yield Check(
            NAME, Status.PASS, f"The law takes away {max(explained, 0):.0%} of the runs' distances from a constant."
        )


def _varies(value: np.ndarray, varying: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """R^2 and p-value of the runs' ranks on their inputs, and on the squares of these where there are runs enough."""
    score, each = normal_scores(value), [(x - x.mean()) / x.std() for x in varying.values()]
    terms = [*each, *(x**2 for x in each)] if len(score) > 4 * len(each) + 2 else each
    design = np.column_stack([np.ones(len(score)), *terms])
    fitted = design @ np.linalg.lstsq(design, score, rcond=1e-8)[0]
    used, left = np.linalg.matrix_rank(design, 1e-6) - 1, len(score) - np.linalg.matrix_rank(design, 1e-6)
    if left < 2 or not used or not np.ptp(score):
        return 0.0, 1.0
    r2 = float(1 - np.sum((score - fitted) ** 2) / np.sum((score - score.mean()) ** 2))
    return r2, float(stats.f.sf(r2 / used / max((1 - r2) / left, 1e-300), used, left))


def _against(problem: Problem, value: np.ndarray, varying: Mapping[str, np.ndarray], near: Around) -> dict[str, Trend]:
    """Inputs along which the runs go the way that the law never goes -> how far; all of them in one, where they do."""
    trend = {name: sign for name, sign in problem.law.trend.items() if name in varying}
    found = trends(problem, value, varying, near)
    level = LEVEL / max(len(trend) + 1, 1)
    wrong = {
        name: one
        for name, one in found.items()
        if one.clear and one.p < level and (name == "" or one.change * trend.get(name, 0) < 0)
    }
    return {name: one for name, one in wrong.items() if name} or wrong


def trends(problem: Problem, value: np.ndarray, varying: Mapping[str, np.ndarray], near: Around) -> dict[str, Trend]:
    """Input -> the runs' trend along it; "" -> along all inputs of which the law says a direction, against the law's.

    The slope is the law's own, averaged over the runs, and that of the residuals in a regression on all inputs: the
    curve's bend, which a regression of the runs themselves would take for a slope of something else, is the law's.
    Group offsets are taken out. The last is minus the law's direction: positive where the runs go against it.
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
    reach = WINSOR * robust_scale(rest, len(names) + 1)
    drawn = np.clip(rest, -reach, reach)
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-8)
    covariance = inverse * (drawn @ drawn) / degrees
    slopes = np.array([np.mean(near.slopes[name]) * spread[name] for name in names]) + np.array(coefficients)
    scatter = CLEAR * np.median(np.abs(rest))

    def trend(weights: np.ndarray) -> Trend:
        slope, se = float(weights @ slopes), float(np.sqrt(weights @ covariance @ weights))
        change = float(slope * np.ptp(design @ weights) / max(weights @ weights, 1.0))
        return Trend(change, float(stats.t.sf(abs(slope) / max(se, 1e-300), degrees)), abs(change) > scatter)

    found = {}
    for i, name in enumerate(names):
        if inverse[i, i] * max(float(design[:, i] @ design[:, i]), 1e-300) < APART:
            found[name] = trend(np.eye(len(names))[i])
    signs = -np.array([problem.law.trend.get(name, 0) for name in names], float)
    if signs.any() and (along := trend(signs)).change > 0:
        found[""] = along
    return found


def _refused(problem: Problem, against: Mapping[str, Trend], constant: bool) -> str:
    observable, law = problem.runs.observable, problem.law
    parts = []
    if constant:
        parts.append("explains the runs no better than a constant does")
    if against:
        rises = next(iter(against.values())).change > 0
        names = list(against)
        if names == [""]:
            names = [name for name in law.trend if name in problem.columns]
            rises = law.trend[names[0]] < 0
        along = " and ".join(problem.columns[name] for name in names)
        far = amount(problem, max(abs(one.change) for one in against.values()))
        parts.append(
            f"{'never rises' if rises else 'never falls'} with {along}, where {observable} "
            f"{'rises' if rises else 'falls'}, by {far} over the runs"
        )
    return f"law {law.name!r} {' and '.join(parts)}: don't use it for {observable!r}; {_cure(problem, against)}."


def _cure(problem: Problem, against: Mapping[str, Trend]) -> str:
    """What to type: laws of the registry for such an observable."""
    runs = problem.runs
    trend = problem.law.trend
    rises = any(one.change > 0 if name else next(iter(trend.values()), 1) < 0 for name, one in against.items())
    if runs.observable == "loss" and rises:
        return (
            "no law of a loss rises with scale: look for what else changed (repeated data, another data set, learning "
            "rate or tokenizer) and fit runs of one kind, where=..., or say that the column is no loss, "
            "observable='score'"
        )
    if (runs.y > 0).all() and TINY < runs.y.max() < 1:
        shares = [law for law in _registered() if law.range == (0.0, 1.0)]
        told = ", ".join(f"{law.name!r} (of {', '.join(law.inputs)})" for law in shares)
        return f"laws of a score or a share are {told}; try law={_of_one('sigmoid_compute', 'C', problem)}"
    if (runs.y > 0).all() and len({"N", "D", "C"} & set(runs.inputs)) >= 2 and problem.law.name != "optimal_power":
        return (
            "law='optimal_power' goes either way with N and with D; for a score out of 100 divide the column by 100 "
            "and take law='sigmoid_compute'"
        )
    if rises and (runs.y >= 0).all() and (runs.y <= 100).all():
        return (
            "for a score out of 100 divide the column by 100 and take law='sigmoid_compute'; else fit what falls with "
            "scale, such as a loss or an error rate"
        )
    if rises:
        return (
            "fit what falls with scale, such as a loss or an error rate, or write a law that rises, "
            "sb.Law('mine', lambda N, a, b: a * N**b, {'a': ..., 'b': ...})"
        )
    if not against and (part := _one_way(problem)):
        return part
    there = set(runs.inputs)
    first = "chinchilla" if len({"N", "D", "C"} & there) >= 2 else "offset_power"
    others = [name for name in (first, "power", "offset_power") if name != problem.law.name]
    return f"compare others, such as law={_of_one(others[0], 'x', problem)}"


def _one_way(problem: Problem) -> str:
    """For one input along which the runs turn: the part that goes the law's way."""
    (name, sign), *more = problem.law.trend.items() or [("", 0)]
    if more or name not in problem.columns:
        return ""
    column, y = problem.columns[name], problem.runs.y
    x = problem.column(column)
    _, slope, square = np.polynomial.polynomial.polyfit(problem.axis(column, x), normal_scores(y), 2)
    if square == 0:
        return ""
    at = -slope / (2 * square)
    turn = float(f"{np.exp(at) if problem.axis_name(column) != column else at:.2g}")
    beyond = square * sign > 0
    kept = int((x > turn).sum() if beyond else (x < turn).sum())
    if not FEWEST <= kept < len(x) or not column.isidentifier():
        return ""
    return (
        f"the runs turn at {column} {turn:g}, and no law of one input does: fit those that go its way, "
        f'where="{column} {">" if beyond else "<"} {turn:g}"'
    )


def _registered() -> Iterator[Law]:
    for name in laws.names():
        yield laws.get(name)


def _of_one(name: str, of: str, problem: Problem) -> str:
    """How a law, which may have one input alone, is asked for on these runs."""
    law, there = laws.get(name), set(problem.runs.inputs)
    derived = {"N", "D", "C"} if len({"N", "D", "C"} & there) >= 2 else set()
    if set(law.inputs) <= there | derived:
        return repr(name)
    return f"{name!r}, inputs={{{of!r}: {next(iter(problem.columns.values()))!r}}}"
