"""This file makes the targets about which further runs tell: a loss, an optimum, a parameter, or which law is right."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from scalebayes.compute import other_size
from scalebayes.errors import InputError, unknown
from scalebayes.forecasting.inputs import positive
from scalebayes.forecasting.of_stack import Stack
from scalebayes.infer.double import double
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.design.candidates import Asking, places_of
from scalebayes.planning.design.joint_draws import curve_of, params_of
from scalebayes.planning.design.within_draws import Member, Places, Spots
from scalebayes.planning.least import least
from scalebayes.planning.limits import Limits, allowed, log_other
from scalebayes.planning.optimum_of_law import closed_form, search

# Steps in e-folds, for the derivatives of a law, and half the distance over which the slope of a process is taken along
# a budget. A process is rough over shorter distances: a path that falls there has its optimum nearby all the same. Over
# 1.5 e-folds to either side a law rises by about a percent.
STEP, BASIN = 0.1, 1.5
WITHOUT = 0.5  # the largest share of draws without an optimum that may be left out
FLATTEST = 0.1  # the least bend of a draw that is used, as a share of the draws' median


class Regret(NamedTuple):
    """What is lost by a plan for a budget, in the observable's own units.

    Attributes:
        C: The budget.

        now: The expected regret of training the mean log N* of the draws, under the law of each draw.

        slope: By how much the least observable falls for an e-fold of the budget.

        bend: The second derivative of the observable in log N at its optimum, the median over the draws.
    """

    C: float
    now: float
    slope: float
    bend: float

    def at(self, law: float, total: float) -> float:
        """The expected regret now, given the variance of log N* over the laws of the draws and its whole variance."""
        return self.now + self.bend / 2 * max(total - law, 0.0)


class Target(NamedTuple):
    """What further runs shall tell about.

    Attributes:
        label: What it is, for people.

        scale: The scale of its sd, for people.

        members: The fits, with those of their draws that have the target.

        draws: For each member, the law's part of the targets (draw, target).

        spots: For each member, where the targets depend on the discrepancy, or None.

        at: The points or the optimum (point,) by the names N and D where the law has both, else empty.

        regret: What is lost by a plan without the further runs, for an optimum; else None.

        dropped: The share of draws without an optimum, which are left out.
    """

    label: str
    scale: str
    members: list[Member]
    draws: list[np.ndarray]
    spots: list[Spots | None]
    at: Mapping[str, np.ndarray]
    regret: Regret | None = None
    dropped: float = 0.0


def target_of(asked: Any, members: Sequence[Member], target: Any, cost: Cost) -> Target:
    """The target that a user named.

    Args:
        asked: The fit or the stack.

        members: The fits, with the draws that are used.

        target: The inputs of points, a mapping {"C": budget}, the name of a parameter, or "law".

        cost: The cost on which the optimum of a budget lies.

    Raises:
        InputError: The target isn't known, or can't be had from these fits.
    """
    fits = [one.fit for one in members]
    if isinstance(target, str):
        which = target == "law" and isinstance(asked, Stack)
        return _which(members, list(asked.picks)) if which else _parameter(members, target)
    if isinstance(target, Mapping) and set(target) == {"C"} and all({"N", "D"} == set(f.law.inputs) for f in fits):
        return _optimum(members, target["C"], cost)
    if not isinstance(target, Mapping) and not hasattr(type(target), "columns"):
        raise InputError(
            "target is a point, {'N': 7e10, 'D': 1.4e12}; a budget whose optimum is asked, {'C': 1e23}; a parameter, "
            f"such as {next(iter(fits[0].draws))!r}; or 'law' for a stack; not {target!r:.60}"
        )
    return _points(members, places_of(fits, Asking.of(target, fits)))


def _points(members: Sequence[Member], places: Sequence[Places]) -> Target:
    draws, spots = [], []
    for member, one in zip(members, places, strict=True):
        draws.append(curve_of(member, one))
        rows = {n: np.broadcast_to(x, (len(member.picks), len(one.groups))) for n, x in one.inputs.items()}
        spots.append(None if member.fit.discrepancy is None else Spots(Places(rows, one.groups), None))
    first, count = members[0].fit, len(places[0].groups)
    at = {first.problem.columns.get(n, n): x for n, x in places[0].inputs.items()}
    where = ", ".join(f"{n} = {x[0]:.3g}" for n, x in at.items()) if count == 1 else f"{count} points"
    scale = {"log": f"log {first.runs.observable}", "raw": first.runs.observable}
    on = first.noise.form.on
    sizes = at if {"N", "D"} <= set(at) else {}
    label, on_scale = f"{first.runs.observable} at {where}", scale.get(on, f"{on} {first.runs.observable}")
    return Target(label, on_scale, list(members), draws, spots, sizes)


def _parameter(members: Sequence[Member], name: str) -> Target:
    if len(members) > 1:
        raise InputError(
            f"a parameter of a stack: ask the member that has {name!r}, stack.members['name']; or target='law' for "
            "which of the laws is right"
        )
    fit, picks = members[0]
    if name == "law":
        raise InputError(
            "target='law' asks which law of a stack is right, and this is one fit: sb.stack({...}) makes one"
        )
    if name not in fit.draws:
        raise unknown("parameter", name, fit.draws)
    values = fit.draws[name].ravel()[picks, None]
    # A parameter with a dimension spans decades, so that its log is nearer to Normal.
    log = bool(fit.problem.params[name].dimension) and bool((values > 0).all())
    return Target(name, f"log {name}" if log else name, list(members), [np.log(values) if log else values], [None], {})


def _which(members: Sequence[Member], names: Sequence[str]) -> Target:
    if len(members) < 2:
        raise InputError("one law has all the weight of this stack: nothing is left to tell apart")
    draws = [np.tile(np.eye(len(members))[i], (len(one.picks), 1)) for i, one in enumerate(members)]
    return Target(
        f"which law is right, {' or '.join(names)}", "probability", list(members), draws, [None] * len(members), {}
    )


def _optimum(members: Sequence[Member], C: Any, cost: Cost) -> Target:
    """Log N* at a budget C = cost(N, D), in each draw.

    With a discrepancy delta, the optimum of a draw moves from the law's by about -delta' / bend, with delta' the slope
    of delta in log N along the budget, over `BASIN` to either side, and bend the second derivative of the law's log.
    """
    budget = positive("C", C)
    if len(budget) > 1:
        raise InputError(f"target: one budget, {{'C': {budget[0]:g}}}; ask of the others in further calls")
    along_what = cost.formula
    kept, draws, spots, costs, lost = [], [], [], [], 0
    for member in members:
        log_N = _log_optimum(member, budget, cost)
        found = np.isfinite(log_N[:, 0])
        lost += int((~found).sum())
        if not found.any():
            continue
        member, log_N = Member(member.fit, member.picks[found]), log_N[found]
        kept.append(member)
        draws.append(log_N)
        along = _along(member, log_N, budget, cost)
        costs.append(along)
        spots.append(None)
        if member.fit.discrepancy is not None:
            # A draw that is nearly flat along the budget would count for more than all others.
            bend = np.maximum(along["bend"], FLATTEST * np.median(along["bend"]))
            pull = 1 / (2 * BASIN * np.maximum(bend, 1e-12))
            sides = np.hstack([log_N - BASIN, log_N + BASIN])
            inputs = {"N": np.exp(sides), "D": _tokens(cost, sides, budget)}
            spots[-1] = Spots(Places(inputs, np.full(2, -1)), np.stack([pull, -pull], axis=-1)[:, None])
    total = sum(len(one.picks) for one in members)
    if lost > WITHOUT * total:
        raise InputError(
            f"{lost / total:.0%} of the draws have no optimum along C = {along_what} at C = {budget[0]:g}; ask of the "
            "loss at a point first: target={'N': ..., 'D': ...}"
        )
    every = np.concatenate(draws)
    middle = float(every.mean())
    excess = [_excess(one, x, middle, budget, cost) for one, x in zip(kept, draws, strict=True)]
    slope = float(np.concatenate([one["slope"] for one in costs]).mean())
    bend = float(np.median(np.concatenate([one["bend"] * one["loss"] for one in costs])))
    N = np.exp([middle])
    return Target(
        f"the optimum at C = {budget[0]:.3g}" + ("" if cost is six_nd else f", {along_what}"),
        "log N*",
        kept,
        draws,
        spots,
        {"N": N, "D": _tokens(cost, np.log(N), budget)},
        Regret(float(budget[0]), float(np.concatenate(excess).mean()), slope, bend),
        lost / total,
    )


def _tokens(cost: Cost, log_N: np.ndarray, C: Any) -> np.ndarray:
    """D at which the cost of log N is the budget C, which broadcasts to log N."""
    if cost is six_nd:
        return other_size(C, np.exp(log_N))
    return np.exp(log_other(cost, np.broadcast_to(C, np.shape(log_N)), log_N))


def _log_optimum(member: Member, budget: np.ndarray, cost: Cost) -> np.ndarray:
    fit, params = member.fit, params_of(member)[0]
    with double():
        if cost is not six_nd:
            each = {n: np.broadcast_to(x.ravel(), len(member.picks)) for n, x in params.items()}
            found = least(fit.law.fn, each, cost, budget, allowed(Limits(), cost, budget)).log_N
        elif fit.law.terms is not None:
            found = closed_form(fit.law.terms(**params), budget)[0]
        else:
            found = search(fit.law.fn, {n: x[None] for n, x in params.items()}, budget, fit.reference.inputs)[0][0]
    return np.broadcast_to(np.asarray(found), (len(member.picks), 1))


def _law(member: Member, log_N: Any, C: Any, cost: Cost) -> np.ndarray:
    """The law at sizes of each draw (draw, size) for a budget, in the observable's own units."""
    D = _tokens(cost, log_N, C)
    with double():
        return np.asarray(member.fit.law.fn(N=np.exp(log_N), D=D, **params_of(member)[0]))


def _along(member: Member, log_N: np.ndarray, budget: np.ndarray, cost: Cost) -> dict[str, np.ndarray]:
    """The bend of the law's log along a budget at its optimum, and how the law there falls with the budget (draw,)."""
    low, at, high = (np.log(_law(member, log_N + step, budget, cost))[:, 0] for step in (-STEP, 0.0, STEP))
    less, more = (_law(member, log_N, budget * np.exp(step), cost)[:, 0] for step in (-STEP, STEP))
    return {"bend": (low - 2 * at + high) / STEP**2, "slope": (less - more) / (2 * STEP), "loss": np.exp(at)}


def _excess(member: Member, log_N: np.ndarray, middle: float, budget: np.ndarray, cost: Cost) -> np.ndarray:
    """The regret of one size in each draw (draw,), under the law of the draw."""
    return (_law(member, np.full_like(log_N, middle), budget, cost) - _law(member, log_N, budget, cost))[:, 0]
