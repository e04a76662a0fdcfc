"""This file finds the compute at which a law with its discrepancy reaches a loss, for each posterior draw."""

from typing import Any

import numpy as np

from scalebayes.fitting.result import Fit
from scalebayes.planning import optimum_of_curve
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import Limits, allowed
from scalebayes.planning.optimum_of_law import of_law
from scalebayes.planning.reaching import LEAST, MOST, Reached

BUDGETS = 12  # budgets at which the optimum of the curve is computed
GRID = 21  # places of a path of the discrepancy, fewer than for an optimum: a loss needs less of it than its place
REACH = (
    2.0  # e-folds of compute by which they reach beyond those of the law's draws, in which a discrepancy may move it
)
QUANTILES = 0.01, 0.99  # of the compute over the draws of the law


def reaching_of_curve(
    fit: Fit, target: np.ndarray, law: Reached, limits: Limits, cost: Cost, group: np.ndarray, key: Any
) -> Reached:
    """Find the compute at which the optimum of each draw's curve reaches each loss. Call it inside `jax.enable_x64()`.

    The optimum of the curve is computed at budgets around those of the law alone, for the losses of each group at
    budgets of its own, all on one path of the discrepancy a draw. Its loss is taken to fall with the budget, as that of
    the best of all smaller budgets does, and its log is interpolated in the log of the budget. A loss that is not
    reached at the largest of the budgets is out of reach.

    Args:
        fit: A fit with a discrepancy.

        target: The losses (target,).

        law: What the law alone needs.

        limits: The limits of N and D.

        cost: The cost.

        group: The number of the group whose offset is taken for each loss (target,); -1 for a new group.

        key: A JAX key for the paths; None for the mean of the discrepancy.
    """
    group = np.broadcast_to(group, np.shape(target))
    each = {code: _budgets(law.log_C[:, group == code], limits, cost) for code in np.unique(group)}
    budget, codes = np.concatenate([*each.values()]), np.repeat([*each], [len(x) for x in each.values()])
    within = allowed(limits, cost, budget)
    log_N = of_law(fit, cost, budget, within, limits).log_N
    found = optimum_of_curve.least(fit, budget, log_N, codes, key, GRID, cost=cost, within=within)
    loss = np.log(np.where(np.isnan(found.loss), np.inf, found.loss)).reshape(-1, len(budget))
    sizes = [np.asarray(x).reshape(loss.shape) for x in (found.log_N, found.log_D)]
    result = Reached(*(np.full((len(loss), len(target)), x) for x in (np.inf, np.nan, np.nan)))
    for code in each:
        own, asked = codes == code, group == code
        answer = _on_budgets(np.log(target[asked]), np.log(budget[own]), loss[:, own], [x[:, own] for x in sizes])
        for whole, part in zip(result, answer, strict=True):
            whole[:, asked] = part
    return result


def _on_budgets(wanted: np.ndarray, log_C: np.ndarray, loss: np.ndarray, sizes: list[np.ndarray]) -> list[np.ndarray]:
    """The log C, log N and log D (draw, target) of log losses (target,), by those of budgets (draw, budget)."""
    loss = np.minimum.accumulate(loss, axis=1)
    result = [np.full((len(loss), len(wanted)), x) for x in (np.inf, np.nan, np.nan)]
    for i, row in enumerate(loss):
        # From the largest budget on: losses rise, and of equal ones the smallest budget is meant.
        keep = np.isfinite(row) & np.r_[True, row[1:] < row[:-1]]
        if not keep.any():
            continue
        falling, at = row[keep][::-1], log_C[keep][::-1]
        reached = wanted >= falling[0]
        result[0][i, reached] = np.interp(wanted[reached], falling, at)
        for which, size in enumerate(sizes, start=1):
            result[which][i, reached] = np.interp(result[0][i, reached], log_C[keep], size[i][keep])
    return result


def _budgets(log_C: np.ndarray, limits: Limits, cost: Cost) -> np.ndarray:
    """Budgets around those of the law's draws, as far as the limits can be met at them (budget,)."""
    finite = log_C[np.isfinite(log_C)]
    ends = np.quantile(finite, QUANTILES) if len(finite) else np.log([LEAST, MOST])
    budget = np.exp(np.linspace(ends[0] - REACH, min(ends[1] + REACH, np.log(MOST)), BUDGETS))
    within = allowed(limits, cost, budget, refuse=False)
    return budget[within.low <= within.high]
