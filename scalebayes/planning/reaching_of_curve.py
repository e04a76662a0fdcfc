"""This file finds the compute at which a law with its discrepancy reaches a loss, for each posterior draw."""

from typing import Any

import numpy as np

from scalebayes.fitting.result import Fit
from scalebayes.planning import optimum_of_curve
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import Limits, allowed
from scalebayes.planning.optimum_of_law import of_law
from scalebayes.planning.reaching import LEAST, MOST, Reached, reaching

BUDGETS = 12  # budgets at which the optimum of the curve is computed
GRID = 21  # places of a path of the discrepancy, fewer than for an optimum: a loss needs less of it than its place
REACH = 2.0  # e-folds of compute by which they reach beyond those that are looked for
MOVES = 2  # how often at most the budgets move to where the curves reach the losses
QUANTILES = 0.01, 0.99  # of the compute over the draws of the law


def reaching_of_curve(
    fit: Fit, target: np.ndarray, law: Reached, limits: Limits, cost: Cost, group: np.ndarray, key: Any
) -> Reached:
    """Find the compute at which the optimum of each draw's curve reaches each loss. Call it inside `double()`.

    The optimum of the curve is computed at a few budgets, for the losses of each group at budgets of its own, all on
    one path of the discrepancy a draw. They lie around those of the law alone first. Where the curves lie above or
    below the law, as those of a group with an offset do, they move to where the law reaches losses that are lower or
    higher by as much. The curve's loss is taken to fall with the budget, as that of the best of all smaller budgets
    does, and its log is interpolated in the log of the budget. A loss that is not reached at the largest of the budgets
    is out of reach.

    Args:
        fit: A fit with a discrepancy.

        target: The losses (target,).

        law: What the law alone needs.

        limits: The limits of N and D.

        cost: The cost.

        group: The number of the group whose offset is taken for each loss (target,); -1 for a new group.

        key: A JAX key for the paths; None for the mean of the discrepancy.
    """
    group, params = np.broadcast_to(group, np.shape(target)), {name: x.ravel() for name, x in fit.law_draws.items()}
    each = {code: _budgets(law.log_C[:, group == code], limits, cost) for code in np.unique(group)}
    curves, away = _on_paths(fit, each, limits, cost, key)
    for _ in range(MOVES):
        moved = {}
        for code, old in each.items():
            level = target[group == code] * np.exp(-away[code])
            moved[code] = _budgets(reaching(fit.law.fn, params, cost, level, limits).log_C, limits, cost)
            if not len(moved[code]) or np.abs(np.log(moved[code][[0, -1]] / old[[0, -1]])).max() < REACH / 2:
                moved[code] = old
        if all(moved[code] is old for code, old in each.items()):
            break
        each, (curves, away) = moved, _on_paths(fit, moved, limits, cost, key)
    result = Reached(*(np.full((len(law.log_C), len(target)), x) for x in (np.inf, np.nan, np.nan)))
    for code, budget in each.items():
        asked = group == code
        answer = _on_budgets(np.log(target[asked]), np.log(budget), *curves[code])
        for whole, part in zip(result, answer, strict=True):
            whole[:, asked] = part
    return result


def _on_paths(
    fit: Fit, each: dict[int, np.ndarray], limits: Limits, cost: Cost, key: Any
) -> tuple[dict[int, tuple[np.ndarray, list[np.ndarray]]], dict[int, float]]:
    """The optima of the curves at the budgets of each group, and how far they lie above the law.

    Args:
        fit: A fit with a discrepancy.

        each: A mapping from the number of a group to its budgets (budget,).

        limits: The limits of N and D.

        cost: The cost.

        key: A JAX key for the paths; None for the mean of the discrepancy.

    Returns:
        By the number of the group: the log loss of the optima (draw, budget), inf where there is none, with their log N
        and log D; and the median log of the curve's loss over the law's, over all draws and budgets.
    """
    budget, codes = np.concatenate([*each.values()]), np.repeat([*each], [len(x) for x in each.values()])
    within = allowed(limits, cost, budget)
    law = of_law(fit, cost, budget, within, limits)
    found = optimum_of_curve.least(fit, budget, law.log_N, codes, key, GRID, cost=cost, within=within)
    loss, log_N, log_D, own = (
        np.broadcast_to(x, (*fit.shape, len(budget))).reshape(-1, len(budget))
        for x in (np.log(found.loss), found.log_N, found.log_D, np.log(law.loss))
    )
    curves, away = {}, {}
    for code in each:
        there = codes == code
        curves[code] = np.where(np.isnan(loss), np.inf, loss)[:, there], [log_N[:, there], log_D[:, there]]
        above = (loss - own)[:, there]
        away[code] = float(np.median(above[np.isfinite(above)])) if np.isfinite(above).any() else 0.0
    return curves, away


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
    """Budgets around those that are looked for, as far as the limits can be met at them (budget,)."""
    finite = log_C[np.isfinite(log_C)]
    ends = np.quantile(finite, QUANTILES) if len(finite) else np.log([LEAST, MOST])
    budget = np.exp(np.linspace(ends[0] - REACH, min(ends[1] + REACH, np.log(MOST)), BUDGETS))
    within = allowed(limits, cost, budget, refuse=False)
    return budget[within.low <= within.high]
