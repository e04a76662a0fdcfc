"""This file has `next_runs`, which chooses the runs to train next that tell most about a target under a budget."""

from numbers import Integral
from typing import Any

import jax
import numpy as np
import pandas as pd

from scalebayes.display.figures import figure
from scalebayes.display.table import Table
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit, warn_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost, checked_cost, positive_number
from scalebayes.planning.design.candidates import Candidates, candidates_of
from scalebayes.planning.design.checks import design_checks
from scalebayes.planning.design.choose import Batch, chosen
from scalebayes.planning.design.joint_draws import count_of, joint_of
from scalebayes.planning.design.result import NextRuns
from scalebayes.planning.design.targets import Target, target_of
from scalebayes.planning.design.within_draws import Member
from scalebayes.seeds import Seed, as_key
from scalebayes.status import Checks


@known_settings
def next_runs(
    fit: Fit | Stack | Recalibrated,
    *,
    budget: float,
    target: Any,
    candidates: Any = None,
    n: int = 10,
    cost: Cost = six_nd,
    seed: Seed = 0,
) -> NextRuns:
    """Choose the runs to train next that tell most about a target at the least cost.

    The variance of the target that is expected after a run follows from the posterior draws: it is what the best linear
    estimate from the run leaves. It is exact where target and log loss are jointly Normal over the posterior. The noise
    of a new run counts, and so does the discrepancy's process where the fit has one. Runs are chosen one after the
    other, by the variance saved per FLOP, given those chosen before; no run is exchanged later.

    Args:
        fit: A `Fit` with draws, such as from Laplace or NUTS; a `Stack`; or a `Recalibrated`, whose fit is asked. Of
            `Fits`, ask each.

        budget: What all chosen runs together may cost, in the units of the cost; FLOPs by default.

        target: What the runs shall tell about. The loss at points: a mapping such as {"N": 7e10, "D": 1.4e12}, a data
            frame or `Runs`. Log N of the optimum for a budget of the cost: {"C": 1e23}. A parameter: its name, such as
            "alpha". Which law of a stack is right: "law".

        candidates: A data frame, `Runs` or a mapping of runs that could be trained, each of which is chosen once at
            most. It has the columns that the law takes; further columns are kept. A column `cost` has the cost of each.
            The default is None: a grid over N and D that the budget affords.

        n: The largest number of runs. The default is 10.

        cost: The cost of a run. The default is `six_nd`. A column `cost` of the candidates goes before it.

        seed: An int or a JAX key, for the choice of draws where the fit has more than are used. The default is 0.

    Returns:
        `NextRuns`: the runs in order, the expected sd of the target after each, and when to stop. There are fewer runs
        than `n` where the budget is spent, or where no run tells anything more.

    Raises:
        InputError: The fit has one draw or its noise is no density; the target isn't known or doesn't vary; the budget,
            `n` or the cost can't be used; or the budget is below every candidate.
        SettingError: A keyword isn't known.

    Warns:
        FitWarning: The fit, or a fit that the answer rests on, failed a check, as for `predict`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> N, D = (x.ravel() for x in np.meshgrid([1e8, 3e8, 1e9], [2e9, 6e9, 2e10]))
    >>> runs = sb.Runs(N=N, D=D, loss=[float(preset.law(N=a, D=b, **preset.values)) for a, b in zip(N, D)])
    >>> fitted = sb.fit(runs, preset.law, priors={"noise_scale": 0.005}, method="laplace", on_fail="ignore")
    >>> found = next_runs(fitted, budget=1e20, target={"N": 1e10, "D": 2e11}, n=3)
    >>> found.cost <= 1e20, found.ratio < 0.8, list(found.table)
    (True, True, ['N', 'D', 'cost', 'sd', 'ratio', 'worth'])
    """
    limit, asked = positive_number("budget", budget), fit.fit if isinstance(fit, Recalibrated) else fit
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise InputError(f"n is the largest number of runs, 1 or more, not {n!r}")
    checked_cost(cost)
    fits = _fits(asked)
    found = candidates_of(fits, candidates, cost, limit)
    goal = target_of(asked, _members(asked, len(found.frame), seed), target, cost)
    warn_of(fit)
    places = {id(one): where for one, where in zip(fits, found.places, strict=True)}
    joint = joint_of(goal.members, goal.draws, goal.spots, [places[id(one.fit)] for one in goal.members])
    batch = chosen(joint, found.cost, limit, int(n))
    if not batch.variances[0].sum() > 0:
        raise InputError(
            f"{goal.label} is the same in every draw, so that no run can tell more about it; name another target"
        )
    return _result(fits, found, goal, batch, limit)


def _fits(asked: Any) -> list[Fit]:
    fits = [asked.members[name] for name in asked.picks] if isinstance(asked, Stack) else [one_fit(asked, "next_runs")]
    for one in fits:
        if one.is_mode:
            raise InputError("a MAP fit has one draw, and no variance to save: fit with method='laplace' or 'nuts'")
    return fits


def _members(asked: Any, candidates: int, seed: Seed) -> list[Member]:
    """The fits with the draws that are used: all, or as many as there is time for, chosen at random."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(as_key(seed))).ravel())

    def some(draws: np.ndarray, count: int) -> np.ndarray:
        return draws if count >= len(draws) else draws[np.sort(rng.choice(len(draws), count, replace=False))]

    if not isinstance(asked, Stack):
        return [Member(asked, some(np.arange(asked.size), count_of(asked, candidates)))]
    shares = {name: len(own) / asked.draws for name, (_, own) in asked.picks.items()}
    count = min(count_of(asked.members[name], candidates) / share for name, share in shares.items())
    return [
        Member(asked.members[name], some(own, max(round(count * shares[name]), 2)))
        for name, (_, own) in asked.picks.items()
    ]


def _result(fits: list[Fit], found: Candidates, goal: Target, batch: Batch, budget: float) -> NextRuns:
    total = batch.variances.sum(axis=1)
    sd = np.sqrt(batch.variances.mean(axis=1))
    cost = found.cost[batch.order]
    if goal.regret is None:
        worth = -np.diff(sd) / sd[0] / (cost / budget)
    else:
        saved = -np.diff(_regrets(goal, total))
        worth = saved / np.maximum(goal.regret.slope * cost / goal.regret.C, 1e-300)
    frame = found.frame.iloc[batch.order].reset_index(drop=True)
    own = {"cost": cost, "sd": sd[1:], "ratio": sd[1:] / sd[0], "worth": worth}
    table = Table({**{str(name): frame[name] for name in frame if name not in own}, **own})
    runs = {name: np.concatenate([fit.problem.column(name) for fit in fits]) for name in _sizes(fits)}
    checks = (
        design_checks(runs, {n: found.places[0].inputs[n][batch.order] for n in runs}, goal.at) if runs else Checks(())
    )
    stop = (
        _stop(goal, table, total, budget)
        if len(table)
        else f"No run that the budget affords tells of {goal.label}: stop."
    )
    if goal.dropped:
        stop += f" {goal.dropped:.1%} of the draws have no optimum and are left out."
    alone = Table({**_columns(fits, found), "cost": found.cost, "ratio": batch.alone})
    return NextRuns(goal.label, goal.scale, float(sd[0]), table, stop, checks, alone)


def _columns(fits: list[Fit], found: Candidates) -> dict[str, np.ndarray]:
    """The columns of the candidates that the laws take (candidate,)."""
    return {
        fit.problem.columns[name]: np.broadcast_to(np.asarray(x, np.float64), found.cost.shape)
        for fit, places in zip(fits, found.places, strict=True)
        for name, x in places.inputs.items()
    }


def _sizes(fits: list[Fit]) -> tuple[str, ...]:
    return ("N", "D") if all(fit.problem.columns.get(n) == n for fit in fits for n in ("N", "D")) else ()


def _regrets(goal: Target, total: np.ndarray) -> np.ndarray:
    """The expected regret before and after each of the runs: it falls as the variance of log N* does."""
    assert goal.regret is not None
    law = float(np.concatenate(goal.draws).var(ddof=1))
    return goal.regret.at(law, float(total[0])) * total / total[0]


def _stop(goal: Target, table: pd.DataFrame, total: np.ndarray, budget: float) -> str:
    worth, ratio = table["worth"].to_numpy(), table["ratio"].to_numpy()
    if goal.regret is None:
        share = table["cost"].to_numpy() / budget
        first, final = (_percent(x) for x in share[[0, -1]])
        last = f", run {len(table)} by {_percent(ratio[-2] - ratio[-1])} for {final}" if len(table) > 1 else ""
        return (
            f"When to stop: run 1 narrows the interval by {_percent(1 - ratio[0])} for {first} of the budget{last}; "
            "only you know what a narrower interval is worth."
        )
    low, regrets = np.flatnonzero(worth < 1), _regrets(goal, total)
    last = int(low[0]) if low.size else len(worth)
    regret = (
        f"expected regret at C = {goal.regret.C:.3g}: {figure(regrets[0])} {goal.members[0].fit.runs.observable} now, "
        f"{figure(regrets[-1])} after all of these runs"
    )
    if last == 0:
        return f"When to stop: now; the FLOPs of run 1 save more in the final run itself ({regret})."
    until = "all of these runs are" if last == len(worth) else f"runs 1 to {last} are" if last > 1 else "run 1 is"
    return f"When to stop: {until} worth more than their FLOPs in the final run itself ({regret})."


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"
