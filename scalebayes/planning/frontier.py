"""This file has the traced functions of a search on the frontier cost(N, D) = C: a grid, Newton's method, bisection.

On the frontier the loss is stationary where h = log(-f_u) - log(-f_v) - log(c_u) + log(c_v) is 0, with u = log N, v =
log D, f the law and c the cost. Newton's method solves h = 0 and log c = log C together. In this form the floor of a
loss drops out, and for two power laws at the cost 6 N D one step is exact.
"""

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.infer.batch import in_batches
from scalebayes.planning.limits import HALVINGS, LARGEST, SMALLEST

GRID = 129  # values of log N between the ends of a budget's range
STEPS = 12  # of Newton's method at most; two to five are taken
CLOSE = 1e-10  # of h, below which a draw's optimum counts as found
TOGETHER = 4096  # pairs of a draw and a budget that are computed side by side, as far as memory goes


def height(law, cost, u, v, params):
    """The law at u = log N and v = log D; the inputs that the cost gives follow from the two."""
    N, D = jnp.exp(u), jnp.exp(v)
    more = {name: fn(N, D) for name, fn in cost.inputs.items()}
    return law(**{**params, **more, "N": N, "D": D})


def log_D_of(cost, u, log_C):
    """The log D at which the cost of log N is the budget, by bisection, for arrays of one shape."""

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        cheap = jnp.log(cost.fn(jnp.exp(u), jnp.exp(middle))) <= log_C
        return jnp.where(cheap, middle, low), jnp.where(cheap, high, middle)

    ends = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.full_like(u, SMALLEST), jnp.full_like(u, LARGEST)))
    return (ends[0] + ends[1]) / 2


def _stationarity(law, cost, u, v, params):
    """The function h, which rises through 0 where the law is least on the frontier; NaN where the law rises."""
    f_u, f_v = jax.grad(lambda u, v: height(law, cost, u, v, params), (0, 1))(u, v)
    c_u, c_v = jax.grad(lambda u, v: cost.fn(jnp.exp(u), jnp.exp(v)), (0, 1))(u, v)
    return jnp.log(-f_v) + jnp.log(c_u) - jnp.log(-f_u) - jnp.log(c_v)


def _gridded_impl(law, cost, params, log_C, low, high):
    u = low + (high - low) * jnp.linspace(0.0, 1.0, GRID)[:, None]  # (grid, budget)
    v = log_D_of(cost, u, jnp.broadcast_to(log_C, u.shape))

    def one(params):
        heights = height(law, cost, u, v, params)
        best = jnp.argmin(jnp.where(jnp.isnan(heights), jnp.inf, heights), axis=0)
        return jnp.take_along_axis(u, best[None], axis=0)[0]

    return in_batches(one, params, TOGETHER // 32)


gridded = jax.jit(_gridded_impl, static_argnums=(0, 1))


def _newton(law, cost, params, start, log_C, low, high):
    """Newton's method for one draw from log N (budget,); return log N, log D, the law's value and h."""

    def both(z, log_C):
        u, v = z
        return jnp.stack([_stationarity(law, cost, u, v, params), jnp.log(cost.fn(jnp.exp(u), jnp.exp(v))) - log_C])

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
    slope = jax.vmap(lambda u, v: _stationarity(law, cost, u, v, params))(u, v)
    return u, v, height(law, cost, u, v, params), slope


def _polished_impl(law, cost, params, start, log_C, low, high):
    """Newton's method for every draw at every budget: starts (draw, budget), the others (budget,)."""
    one = lambda each: _newton(law, cost, each[0], each[1], log_C, low, high)  # noqa: E731
    return in_batches(one, (params, start), TOGETHER // 64)


polished = jax.jit(_polished_impl, static_argnums=(0, 1))


def _of_pairs_impl(law, cost, params, start, log_C, low, high):
    """Newton's method for pairs of a draw and a budget: every array is (pair,)."""

    def one(each):
        params, start, log_C, low, high = each
        found = _newton(law, cost, params, *(x[None] for x in (start, log_C, low, high)))
        return tuple(x[0] for x in found)

    return in_batches(one, (params, start, log_C, low, high), TOGETHER)


of_pairs = jax.jit(_of_pairs_impl, static_argnums=(0, 1))


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


def _bisected_impl(law, cost, params, log_C, low, high):
    """The optimum of pairs of a draw and a budget (pair,): the grid's best turn of the slope, bisected."""

    def one(each):
        params, log_C, low, high = each

        def slope(u):
            v = log_D_of(cost, u, log_C)
            f_u, f_v = jax.grad(lambda u, v: height(law, cost, u, v, params), (0, 1))(u, v)
            c_u, c_v = jax.grad(lambda u, v: cost.fn(jnp.exp(u), jnp.exp(v)), (0, 1))(u, v)
            return f_u - f_v * c_u / c_v

        u = low + (high - low) * jnp.linspace(0.0, 1.0, GRID)
        heights = height(law, cost, u, log_D_of(cost, u, jnp.full_like(u, log_C)), params)
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
        return at, v, height(law, cost, at, v, params)

    return in_batches(one, (params, log_C, low, high), TOGETHER)


bisected = jax.jit(_bisected_impl, static_argnums=(0, 1))


def _values_impl(law, cost, params, log_N, log_D):
    params = {name: jnp.asarray(x)[:, None] for name, x in params.items()}
    return height(law, cost, log_N, log_D, params)


values = jax.jit(_values_impl, static_argnums=(0, 1))
