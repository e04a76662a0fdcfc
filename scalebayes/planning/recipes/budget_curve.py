"""This file has the least loss as a curve over log C, for each draw: where it reaches a loss, and where two cross.

Between the nodes, which are evenly spaced in log C, the curve is a cubic with the slopes of the nodes (Hermite). With
nodes .2 e-folds apart, the compute at which a sum of power laws reaches a loss is right to 1e-8. Where a limit begins
to bind, the curve bends at once, and it is right to 1e-4.
"""

from typing import NamedTuple

import numpy as np

HALVINGS = 48  # of the interval between two nodes; the last step is below the rounding of the interpolation


class Crossing(NamedTuple):
    """Where two curves cross; every array is (draw,).

    Attributes:
        log_C: log C of the last crossing; NaN where there is none.
        times: The number of crossings.
        falls: Whether the difference is negative behind the last crossing.
    """

    log_C: np.ndarray
    times: np.ndarray
    falls: np.ndarray


def nodes_of(C: np.ndarray, step: float, furthest: float) -> tuple[np.ndarray, slice]:
    """Nodes in log C, evenly spaced, which reach beyond the budgets on both sides.

    The smallest and the largest budget are nodes; so is every budget where the budgets are evenly spaced in the log.

    Args:
        C: The budgets (budget,).

        step: The largest distance of two nodes.

        furthest: By which factor the nodes reach beyond the budgets.

    Returns:
        The nodes (node,), and those from the smallest to the largest budget as a slice.

    >>> nodes, inside = nodes_of(np.array([1e20, 1e21, 1e22]), step=0.2, furthest=10.0)
    >>> nodes[inside][[0, 12, -1]].round(3).tolist(), len(nodes)
    ([46.052, 48.354, 50.657], 49)
    """
    low, high = np.log(C.min()), np.log(C.max())
    gaps = max(len(np.unique(C)) - 1, 1)
    count = gaps * int(np.ceil((high - low) / gaps / step - 1e-9)) if high > low else 0
    step = (high - low) / count if count else step
    beyond = int(np.ceil(np.log(furthest) / step - 1e-9))
    return low + step * np.arange(-beyond, count + beyond + 1), slice(beyond, beyond + count + 1)


def reached(nodes: np.ndarray, curve: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least log C at which each draw's curve is at or below a target (draw, budget).

    It is inf where no node is as low as the target, and -inf where the first node is.

    Args:
        nodes: The nodes in log C (node,), evenly spaced.

        curve: The curve at the nodes (draw, node); NaN where a draw has no value.

        target: The losses to reach (draw, budget); NaN gives NaN.

    >>> nodes = np.linspace(0.0, 10.0, 51)
    >>> reached(nodes, np.exp(-0.3 * nodes)[None], np.array([[np.exp(-0.3 * 4.55), 2.0, 0.01]])).round(6).tolist()
    [[4.55, -inf, inf]]
    """
    found = np.full(target.shape, np.nan)
    for k in range(target.shape[1]):  # one budget at a time, so that memory stays that of the curve
        met = curve <= target[:, k, None]
        first = np.where(met.any(axis=1), met.argmax(axis=1), len(nodes))
        found[:, k] = np.where(first == 0, -np.inf, np.where(first == len(nodes), np.inf, np.nan))
        (draw,) = np.nonzero((first > 0) & (first < len(nodes)))
        found[draw, k] = _root(nodes, curve[draw] - target[draw, k, None], first[draw] - 1)
    return np.where(np.isnan(target), np.nan, found)


def crossing(nodes: np.ndarray, difference: np.ndarray) -> Crossing:
    """Where the difference of two curves changes its sign, for each draw; of several places it is the last.

    Args:
        nodes: The nodes in log C (node,), evenly spaced.

        difference: The difference at the nodes (draw, node). A zero has the sign of the node before.

    >>> nodes = np.linspace(0.0, 10.0, 51)
    >>> found = crossing(nodes, np.stack([3.3 - nodes, 0 * nodes + 1]))
    >>> found.log_C.round(9).tolist(), found.times.tolist(), found.falls.tolist()
    ([3.3, nan], [1, 0], [True, False])
    """
    sign = np.sign(np.nan_to_num(difference))
    for j in range(1, sign.shape[1]):
        sign[:, j] = np.where(sign[:, j] == 0, sign[:, j - 1], sign[:, j])
    turns = sign[:, 1:] * sign[:, :-1] < 0
    count = turns.sum(axis=1)
    last = turns.shape[1] - 1 - turns[:, ::-1].argmax(axis=1) if turns.shape[1] else np.zeros(len(turns), int)
    log_C = np.full(len(sign), np.nan)
    (draw,) = np.nonzero(count)
    log_C[draw] = _root(nodes, difference[draw], last[draw])
    return Crossing(log_C, count, (count > 0) & (sign[:, -1] < 0))


def _root(nodes: np.ndarray, values: np.ndarray, left: np.ndarray) -> np.ndarray:
    """The root of each draw's cubic between the nodes `left` and `left` + 1, between which its sign changes."""
    if not len(left):
        return np.empty(0)
    step, rows = nodes[1] - nodes[0], np.arange(len(left))
    slopes = _slopes(values)
    y0, y1, m0, m1 = values[rows, left], values[rows, left + 1], slopes[rows, left], slopes[rows, left + 1]
    low, high = np.zeros(len(left)), np.ones(len(left))
    for _ in range(HALVINGS):
        t = (low + high) / 2
        at = (1 + 2 * t) * (1 - t) ** 2 * y0 + t * (1 - t) ** 2 * m0 + t**2 * (3 - 2 * t) * y1 + t**2 * (t - 1) * m1
        behind = np.where(y1 <= 0, at <= 0, at > 0)
        low, high = np.where(behind, low, t), np.where(behind, t, high)
    return nodes[left] + step * (low + high) / 2


def _slopes(values: np.ndarray) -> np.ndarray:
    """The slope at each node for a step of one: of five nodes, or of fewer where there are no five or one is NaN."""
    slopes = np.gradient(values, axis=1, edge_order=2 if values.shape[1] > 2 else 1)
    count = values.shape[1]
    if count >= 5:
        five = np.stack(
            [values[:, starts : starts + 5] @ weights for starts, weights in map(_five, [count] * count, range(count))],
            axis=1,
        )
        slopes = np.where(np.isnan(five), slopes, five)
    return np.nan_to_num(slopes)


def _five(count: int, node: int) -> tuple[int, np.ndarray]:
    """The first of the five nodes that give the slope at a node, and their weights."""
    start = min(max(node - 2, 0), count - 5)
    return start, _WEIGHTS[node - start]


# The weights of five nodes for the slope at the first, the second, ..., and the fifth of them.
_WEIGHTS = (
    np.array(
        [[-25, 48, -36, 16, -3], [-3, -10, 18, -6, 1], [1, -8, 0, 8, -1], [-1, 6, -18, 10, 3], [3, -16, 36, -48, 25]]
    )
    / 12.0
)
