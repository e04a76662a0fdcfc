"""This file finds where a law is least on the frontier cost(N, D) = C of each budget, for each posterior draw.

On the frontier the loss is stationary where h = log(-f_u) - log(-f_v) - log(c_u) + log(c_v) is 0, with u = log N, v =
log D, f the law and c the cost. Newton's method solves h = 0 and log c = log C together. In this form the floor of a
loss drops out, and for two power laws at the cost 6 N D one step is exact. Its start is the best of a grid; where there
are many budgets, the grid is searched at some of them, and the others start between their neighbours' optima.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError
from scalebayes.infer.batch import in_batches
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import HALVINGS, LARGEST, SMALLEST, Limits, Range, log_other

GRID = 129  # values of log N between the ends of a budget's range
NODES = 17  # budgets at which the grid is searched, at most
STEPS = 12  # of Newton's method at most; two to five are taken
CLOSE = 1e-10  # of h, below which a draw's optimum counts as found
TOGETHER = 4096  # draws whose grids are in memory at the same time


class Least(NamedTuple):
    """Where a law is least; every array is (draw, budget).

    Attributes:
        log_N: log N of the optimum; NaN where there is none.
        log_D: log D there.
        loss: The law's value there.
        at_low: Whether the optimum is at the lower end of the range of N.
        at_high: Whether it is at the upper end.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    loss: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray


def least(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    budget: np.ndarray,
    within: Range,
    others: Mapping[str, float] | None = None,
) -> Least:
    """Find the optimum of every draw at every budget, within its range. Call it inside `jax.enable_x64()`.

    Where nothing is left to choose the result is the one point that is left. An end of the range without a limit is no
    optimum, so a draw whose law still falls there has NaN.

    Args:
        law: The law's function of its inputs and parameters, by name.

        params: A mapping from parameter to its draws (draw,).

        cost: The cost.

        budget: The budgets C (budget,).

        within: The range of log N that is searched.

        others: The law's inputs besides N, D and those of the cost, each a number. The default is None: none.
    """
    log_C, others = np.log(budget), dict(others or {})
    draws = len(next(iter(params.values())))
    nodes = np.unique(np.linspace(0, len(budget) - 1, NODES).round().astype(int))
    order = np.argsort(log_C, kind="stable")
    chosen = order[nodes]
    start = _gridded(law, cost, params, others, log_C[chosen], within.low[chosen], within.high[chosen])
    if len(nodes) < len(budget):
        place = np.interp(log_C, log_C[chosen], np.arange(len(chosen)))
        left = np.clip(place.astype(int), 0, len(chosen) - 2)
        start = start[:, left] + (place - left) * (start[:, left + 1] - start[:, left])
    found = _polished(law, cost, params, others, start, log_C, within.low, within.high)
    log_N, log_D, loss, slope = (np.array(x) for x in found)
    # What Newton's method has not settled, as where the law has a kink, is bisected.
    inside = (log_N > within.low) & (log_N < within.high)
    open_ = inside & ~(np.abs(slope) <= CLOSE)
    if open_.any():
        i, j = np.nonzero(open_)
        part = {name: np.broadcast_to(x, (draws,))[i] for name, x in params.items()}
        again = _bisected(law, cost, part, others, log_C[j], within.low[j], within.high[j])
        log_N[i, j], log_D[i, j], loss[i, j] = (np.asarray(x) for x in again)
    fixed = within.low >= within.high
    if fixed.any():
        log_N[:, fixed], log_D[:, fixed] = within.high[fixed], within.log_D[fixed]
        loss[:, fixed] = _values(law, cost, params, others, log_N[:, fixed], log_D[:, fixed])
    at_low, at_high = log_N <= within.low + 1e-9, log_N >= within.high - 1e-9
    none = (at_low & (within.low_by == "")) | (at_high & (within.high_by == ""))
    none &= ~fixed
    log_N, log_D, loss = (np.where(none, np.nan, x) for x in (log_N, log_D, loss))
    return Least(log_N, log_D, loss, at_low & ~none, at_high & ~none)


def of_sizes(
    law: Callable[..., Any], params: Mapping[str, np.ndarray], cost: Cost, budget: np.ndarray, limits: Limits
) -> Least:
    """Find the best of the sizes `limits.N_in` for every draw and budget. Call it inside `jax.enable_x64()`.

    A size is trained on the tokens that the budget pays for, or on the most that the limits allow.

    Raises:
        InputError: None of the sizes meets the limits at a budget.
    """
    assert limits.N_in is not None
    log_Ns, log_Ds, losses = [], [], []
    for N in limits.N_in:
        log_N = np.full(len(budget), np.log(N))
        log_D = log_other(cost, budget, log_N)
        most = min(np.log(limits.max_D or np.inf), np.log(N * (limits.max_D_per_N or np.inf)))
        least_ = max(np.log(limits.min_D or 1.0), np.log(N * (limits.min_D_per_N or 0.0) or 1.0))
        log_D = np.where(log_D < least_, np.nan, np.minimum(log_D, most))
        log_Ns, log_Ds = [*log_Ns, log_N], [*log_Ds, log_D]
        losses.append(_values(law, cost, params, {}, log_N, log_D))
    stacked = np.nan_to_num(np.broadcast_to(np.stack(losses), (len(losses), *np.shape(losses[0]))), nan=np.inf)
    best = stacked.argmin(axis=0)
    if (no := np.isinf(stacked.min(axis=0)).all(axis=0)).any():
        raise InputError(
            f"no size in N_in meets the limits at C = {budget[np.argmax(no)]:g}; add smaller sizes, or raise the budget"
        )
    columns = np.arange(len(budget))
    log_N, log_D = np.stack(log_Ns)[best, columns], np.stack(log_Ds)[best, columns]
    neither = np.zeros(best.shape, bool)
    return Least(log_N, log_D, stacked.min(axis=0), neither, neither)


def values_at(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    log_N: np.ndarray,
    log_D: np.ndarray,
    others: Mapping[str, float] | None = None,
) -> np.ndarray:
    """The law's value at log N and log D, which broadcast to (draw, budget), in every draw.

    The inputs that the cost gives, such as unique tokens, follow from N and D. Call it inside `jax.enable_x64()`.
    """
    return np.asarray(_values(law, cost, params, dict(others or {}), log_N, log_D))


def _height(law, cost, u, v, params, others):
    """The law at u = log N and v = log D; the inputs that the cost gives follow from the two."""
    N, D = jnp.exp(u), jnp.exp(v)
    more = {name: fn(N, D) for name, fn in cost.inputs.items()}
    return law(**{**params, **others, **more, "N": N, "D": D})


def log_D_of(cost, u, log_C):
    """The log D at which the cost of log N is the budget, by bisection, for arrays of one shape."""

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        cheap = jnp.log(cost.fn(jnp.exp(u), jnp.exp(middle))) <= log_C
        return jnp.where(cheap, middle, low), jnp.where(cheap, high, middle)

    ends = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.full_like(u, SMALLEST), jnp.full_like(u, LARGEST)))
    return (ends[0] + ends[1]) / 2


def _stationarity(law, cost, u, v, params, others):
    """The function h, which rises through 0 where the law is least on the frontier; NaN where the law rises."""
    f_u, f_v = jax.grad(lambda u, v: _height(law, cost, u, v, params, others), (0, 1))(u, v)
    c_u, c_v = jax.grad(lambda u, v: cost.fn(jnp.exp(u), jnp.exp(v)), (0, 1))(u, v)
    return jnp.log(-f_v) + jnp.log(c_u) - jnp.log(-f_u) - jnp.log(c_v)


def _gridded_impl(law, cost, params, others, log_C, low, high):
    u = low + (high - low) * jnp.linspace(0.0, 1.0, GRID)[:, None]  # (grid, budget)
    v = log_D_of(cost, u, jnp.broadcast_to(log_C, u.shape))

    def one(params):
        heights = _height(law, cost, u, v, params, others)
        best = jnp.argmin(jnp.where(jnp.isnan(heights), jnp.inf, heights), axis=0)
        return jnp.take_along_axis(u, best[None], axis=0)[0]

    return in_batches(one, params, TOGETHER // 32)


_gridded = jax.jit(_gridded_impl, static_argnums=(0, 1))


def _newton(law, cost, params, others, start, log_C, low, high):
    """Newton's method for one draw from log N (budget,); return log N, log D, the law's value and h."""

    def both(z, log_C):
        u, v = z
        return jnp.stack(
            [_stationarity(law, cost, u, v, params, others), jnp.log(cost.fn(jnp.exp(u), jnp.exp(v))) - log_C]
        )

    def step(u, v, log_C, low, high):
        z = jnp.stack([u, v])
        value, ((a, b), (c, d)) = both(z, log_C), jax.jacfwd(both)(z, log_C)
        move = -(value[0] * d - value[1] * b) / (a * d - b * c)
        move = jnp.clip(jnp.where(jnp.isfinite(move), move, 0.0), -2.0, 2.0)
        new = jnp.clip(u + move, low, high)
        return new, v - (value[1] + c * (new - u)) / d  # v follows u along the frontier's slope

    def unfinished(state):
        count, _, _, moved = state
        return (count < STEPS) & (moved > CLOSE / 100)

    def again(state):
        count, u, v, _ = state
        new, v = jax.vmap(step)(u, v, log_C, low, high)
        return count + 1, new, v, jnp.max(jnp.abs(new - u))

    u = jnp.clip(start, low, high)
    _, u, v, _ = jax.lax.while_loop(unfinished, again, (0, u, _near_D(cost, u, log_C), jnp.inf))
    v = _refined_D(cost, u, v, log_C)
    slope = jax.vmap(lambda u, v: _stationarity(law, cost, u, v, params, others))(u, v)
    return u, v, _height(law, cost, u, v, params, others), slope


def _polished_impl(law, cost, params, others, start, log_C, low, high):
    """Newton's method for every draw at every budget: starts (draw, budget), the others (budget,)."""
    one = lambda each: _newton(law, cost, each[0], others, each[1], log_C, low, high)  # noqa: E731
    return in_batches(one, (params, start), TOGETHER // 64)


_polished = jax.jit(_polished_impl, static_argnums=(0, 1))


def _near_D(cost, u, log_C):
    """A log D near the frontier: Newton's method in log D from that of 6 N D, which costs less than a bisection."""
    return _refined_D(cost, u, log_C - np.log(6.0) - u, log_C, 6)


def _refined_D(cost, u, v, log_C, steps=3):
    """Log D on the frontier, by Newton's method on the cost in D, which lies on one side of a convex cost's root."""
    slope = jax.grad(lambda v, u: cost.fn(jnp.exp(u), jnp.exp(v)))

    def again(_, v):
        gap = cost.fn(jnp.exp(u), jnp.exp(v)) - jnp.exp(log_C)
        # A step in D, not in log D: a cost that is a straight line in D is solved at once.
        D = jnp.exp(v) - gap / (jax.vmap(slope)(v, u) / jnp.exp(v))
        return jnp.log(jnp.maximum(D, jnp.exp(v) / 50))

    return jax.lax.fori_loop(0, steps, again, v)


def _bisected_impl(law, cost, params, others, log_C, low, high):
    """The optimum of pairs of a draw and a budget (pair,): the grid's best turn of the slope, bisected."""

    def one(each):
        params, log_C, low, high = each

        def slope(u):
            v = log_D_of(cost, u, log_C)
            f_u, f_v = jax.grad(lambda u, v: _height(law, cost, u, v, params, others), (0, 1))(u, v)
            c_u, c_v = jax.grad(lambda u, v: cost.fn(jnp.exp(u), jnp.exp(v)), (0, 1))(u, v)
            return f_u - f_v * c_u / c_v

        u = low + (high - low) * jnp.linspace(0.0, 1.0, GRID)
        heights = _height(law, cost, u, log_D_of(cost, u, jnp.full_like(u, log_C)), params, others)
        best = jnp.nanargmin(heights)

        def halve(_, ends):
            left, right = ends
            middle = (left + right) / 2
            rising = slope(middle) > 0
            return jnp.where(rising, left, middle), jnp.where(rising, middle, right)

        ends = u[jnp.maximum(best - 1, 0)], u[jnp.minimum(best + 1, GRID - 1)]
        left, right = jax.lax.fori_loop(0, HALVINGS, halve, ends)
        at = jnp.where(right >= high, high, jnp.where(left <= low, low, (left + right) / 2))
        v = log_D_of(cost, at, log_C)
        return at, v, _height(law, cost, at, v, params, others)

    return in_batches(one, (params, log_C, low, high), TOGETHER)


_bisected = jax.jit(_bisected_impl, static_argnums=(0, 1))


def _values_impl(law, cost, params, others, log_N, log_D):
    params = {name: jnp.asarray(x)[:, None] for name, x in params.items()}
    return _height(law, cost, log_N, log_D, params, others)


_values = jax.jit(_values_impl, static_argnums=(0, 1))
