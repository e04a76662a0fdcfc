"""This file finds the least compute at which the optimum of a law reaches a loss, for each posterior draw."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from scalebayes.planning.costs.record import Cost
from scalebayes.planning.least import least, least_of_pairs
from scalebayes.planning.limits import Limits, allowed

LEAST, MOST = 1e6, 1e40  # budgets in FLOPs between which a loss is looked for; beyond the second it is out of reach
PER_EFOLD = 1  # budgets of the first grid for each factor e of compute
ROUNDS = 40  # of regula falsi at most; six to twelve are made
SETTLED = 1e-13  # share of a loss to which its target is met


class Reached(NamedTuple):
    """Where a loss is reached at the least compute; every array is (draw, target).

    Attributes:
        log_C: The log of the compute; inf where the loss is out of reach.
        log_N: log N there; NaN where it is out of reach.
        log_D: log D there.
    """

    log_C: np.ndarray
    log_N: np.ndarray
    log_D: np.ndarray


def reaching(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    target: np.ndarray,
    limits: Limits,
) -> Reached:
    """Find the least compute with which each draw of a law reaches each loss. Call it inside `double()`.

    The loss of the optimum falls with the budget. A grid of budgets brackets each target; regula falsi in the log of
    the budget, in its Illinois form, ends at the rounding of the loss. A target that the smallest budget meets already
    has that budget.

    Args:
        law: The law's function of its inputs and parameters, by name.

        params: A mapping from parameter to its draws (draw,).

        cost: The cost.

        target: The losses (target,); either one for all draws, or (draw, target).

        limits: The limits of N and D.
    """
    grid = np.exp(np.arange(np.log(LEAST), np.log(MOST), 1 / PER_EFOLD))
    within = allowed(limits, cost, grid, refuse=False)
    grid = grid[within.low <= within.high]
    draws = len(next(iter(params.values())))
    wanted = np.log(np.broadcast_to(target, (draws, np.shape(target)[-1])))
    nowhere = np.full(wanted.shape, np.nan)
    if not len(grid):
        return Reached(np.full(wanted.shape, np.inf), nowhere, nowhere)
    found = least(law, params, cost, grid, allowed(limits, cost, grid))
    curve = np.log(found.loss)
    met = curve[:, :, None] <= wanted[:, None, :]
    after = np.where(met.any(axis=1), met.argmax(axis=1), -1)  # (draw, target)
    log_C = np.where(after < 0, np.inf, np.log(grid)[np.maximum(after, 0)])
    log_N, log_D = (np.where(after < 0, np.nan, _taken(x, after)) for x in (found.log_N, found.log_D))
    i, j = np.nonzero(after > 0)
    if len(i):
        part = {name: np.broadcast_to(x, (draws,))[i] for name, x in params.items()}
        right = after[i, j]
        ends = [np.log(grid)[right - 1], np.log(grid)[right], curve[i, right - 1], curve[i, right]]
        starts = found.log_N[i, right - 1], found.log_N[i, right]
        log_C[i, j], log_N[i, j], log_D[i, j] = _bracketed(law, part, cost, limits, wanted[i, j], ends, starts)
    return Reached(log_C, log_N, log_D)


def _taken(values: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, np.maximum(after, 0), axis=1)


def _bracketed(law, part, cost, limits, wanted, ends, starts):
    """The log C, log N and log D of pairs of a draw and a target, from the ends of a bracket and its two losses."""
    left, right, at_left, at_right = (np.array(x) for x in ends)
    above, below = at_left - wanted, at_right - wanted  # above 0, and at most 0
    found = np.array(right), np.array(starts[1]), np.full(len(right), np.nan)
    kept = np.zeros(len(right), int)  # the end that the last round kept: -1 left, 1 right
    for _ in range(ROUNDS):
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.where(above - below > 0, (left * -below + right * above) / (above - below), (left + right) / 2)
        within = allowed(limits, cost, np.exp(at))
        share = (at - left) / np.where(right > left, right - left, 1.0)
        start = starts[0] + share * (starts[1] - starts[0])
        log_N, log_D, loss = least_of_pairs(law, part, cost, np.exp(at), within, start)
        found, miss = (at, log_N, log_D), np.log(loss) - wanted
        if (np.abs(miss) <= SETTLED).all() or (right - left <= 1e-15 * np.abs(right)).all():
            break
        higher = miss > 0
        # Illinois: an end that is kept twice counts half, so that the other one moves.
        below = np.where(higher, np.where(kept == 1, below / 2, below), miss)
        above = np.where(higher, miss, np.where(kept == -1, above / 2, above))
        starts = np.where(higher, log_N, starts[0]), np.where(higher, starts[1], log_N)
        left, right, kept = np.where(higher, at, left), np.where(higher, right, at), np.where(higher, 1, -1)
    return found
