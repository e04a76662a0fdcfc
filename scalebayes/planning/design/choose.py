"""This file chooses a batch of runs under a budget, one after the other, by the variance that each saves."""

from typing import NamedTuple

import numpy as np

from scalebayes.planning.design.expected_variance import Joint, State

# What is added to the cost of each run in the score, in shares of budget / runs. At 0 the score is the variance saved
# per FLOP, which may spend the budget on tiny runs; at infinity it is the variance saved, which spends it on the first.
SURCHARGES = (0.0, 0.1, 1.0, np.inf)
# The least share of the targets' variance, as it is by then, that a run must save; less is lost in rounding.
LEAST = 1e-4
ROUNDING = 1e-9  # share by which the sum of costs may exceed the budget, since sums of floats round


class Batch(NamedTuple):
    """Runs that were chosen.

    Attributes:
        order: The numbers of the candidates, in the order in which they were chosen.

        variances: The variance of each target before, and expected after each of the runs (1 + run, target).

        alone: The expected sd of the target after one run at each candidate over its sd before (candidate,).
    """

    order: list[int]
    variances: np.ndarray
    alone: np.ndarray


def chosen(joint: Joint, cost: np.ndarray, budget: float, n: int) -> Batch:
    """Choose up to n runs that cost at most the budget together; each candidate is taken once at most.

    Each run has the highest score given those before: the variance saved over the cost plus a surcharge. Of the batches
    with different surcharges, the one with the least expected variance at the end is returned; of equal ones, the
    cheapest. A greedy batch isn't the best of all batches: none of the runs is exchanged later.

    Args:
        joint: The joint distribution of targets and candidates.

        cost: The cost of each candidate (candidate,).

        budget: What all runs together may cost.

        n: The largest number of runs.
    """
    batches = [_greedy(joint, cost, budget, n, share * budget / n) for share in SURCHARGES]
    least = min(one.variances[-1].sum() for one in batches)
    near = [one for one in batches if one.variances[-1].sum() <= least * (1 + LEAST)]
    return min(near, key=lambda one: cost[one.order].sum())


def _greedy(joint: Joint, cost: np.ndarray, budget: float, n: int, surcharge: float) -> Batch:
    state, left, free = State(joint), budget * (1 + ROUNDING), np.ones(len(cost), bool)
    variances = [state.left()]
    total = max(float(state.target.sum()), 1e-300)
    alone = np.sqrt(np.clip(1 - state.gain() / total, 0.0, 1.0))
    for _ in range(n):
        gain = state.gain()
        gain = np.where(free & (cost <= left) & (gain > LEAST * state.target.sum()), gain, 0.0)
        if not gain.any():
            break
        best = int(np.argmax(gain if np.isinf(surcharge) else gain / (cost + surcharge)))
        state.take(best)
        variances.append(state.left())
        left, free[best] = left - cost[best], False
    return Batch(state.taken, np.array(variances), alone)
