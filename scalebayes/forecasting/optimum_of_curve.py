"""This file finds where a law times its discrepancy is least along C = 6 N D, for each posterior draw."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.compute import LOG_6, other_size
from scalebayes.discrepancy.process import JITTER
from scalebayes.fitting.at_points import TOGETHER, flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches

GRID = 65  # number of values of log N at which a path of the discrepancy is drawn
LIFT = 0.25  # log of the law at the grid's ends over the law at its own optimum; optima further out aren't looked for
REACH = 30.0  # e-folds of N from the law's optimum to the grid's ends, at most; a flatter law has this reach
FLOOR = 1e-7  # sd added to a path; without it, a place where the discrepancy can't vary gives a singular matrix


def least(
    fit: Fit, budget: np.ndarray, log_N: Any, group: int | np.ndarray, key: Any, grid: int = GRID
) -> tuple[np.ndarray, np.ndarray]:
    """The log of N, and the observable, where law x exp(discrepancy) is least (chain, draw, budget).

    Call it inside `jax.enable_x64()`. For each posterior draw, a path of the discrepancy along C = 6 N D is drawn given
    the runs. The path has `grid` values of log N on both sides of the law's own optimum. It ends where the law is
    `LIFT` above its optimum, by its curvature there: further out the process says nothing that a plan could rest on.
    The optimum is that of a parabola through the least value and its neighbours. The path of a budget is drawn given
    the runs and the path of the next lower budget, so that the optima of one draw belong together. The budgets of one
    group come one after the other; the path of a group's lowest budget is drawn given that of the largest budget of the
    group before. The results are NaN
    where the least value is at an end of the path, or where the law has no optimum.

    Args:
        fit: A fit with a discrepancy.

        budget: The budgets C (budget,).

        log_N: log N of the law's optimum, NaN where there is none. It broadcasts to (chain, draw, budget).

        group: The number of the group whose offset is taken, for all budgets or for each (budget,); -1 for a new group.

        key: A JAX key for the paths; None for the mean of the discrepancy given the runs.

        grid: The number of values of log N. The default is 65.
    """
    problem, order, codes = fit.problem, np.argsort(budget), np.broadcast_to(group, len(budget))
    order = order[np.argsort(codes[order], kind="stable")]
    ends = problem.numbers.ends
    assert ends is not None
    shape = (*fit.shape, len(budget))
    start = np.broadcast_to(np.asarray(log_N), shape).reshape(-1, len(budget))[:, order]
    middle = (np.log(other_size(budget[order], 1)) + np.log(fit.reference.inputs["N"] / fit.reference.inputs["D"])) / 2
    found = _least(
        problem.model,
        grid,
        own_units(fit),
        ends.seen_at(problem.rows),
        ends,
        {name: np.float64(fit.reference.inputs[name]) for name in ("N", "D")},
        codes[order].astype(np.float64) if problem.rows.group is not None else None,
        np.log(budget[order]),
        (flat(fit), np.where(np.isnan(start), middle, start), _split(key, len(start))),
    )
    best, lowest = (np.asarray(x)[:, np.argsort(order)].reshape(shape) for x in found)
    none = np.isnan(best) | np.isnan(np.broadcast_to(np.asarray(log_N), shape))
    return np.where(none, np.nan, best), np.where(none, np.nan, lowest)


def _least_impl(model, grid, rows, seen_at, ends, reference, groups, log_C, draws):
    steps = jnp.linspace(-1.0, 1.0, grid)

    def one(each):
        (law, noise, process, factor), starts, key = each
        seen = residuals(model, rows, seen_at, law, noise, factor)

        def height(u, c):
            return jnp.log(model.fn(N=jnp.exp(u), D=jnp.exp(c - LOG_6 - u), **law))

        def at_budget(before, budget):
            c, start, group, key = budget
            curvature = jax.grad(jax.grad(height))(start, c)
            reach = jnp.where(curvature > 2 * LIFT / REACH**2, jnp.sqrt(2 * LIFT / curvature), REACH)
            u = start + reach * steps
            own = None if group is None else jnp.full(grid, group)
            there = ends.places({"N": jnp.exp(u) / reference["N"], "D": jnp.exp(c - LOG_6 - u) / reference["D"]}, own)
            delta = _path(model.process, process, seen, before, there, key)
            whole = jax.vmap(height, (0, None))(u, c) + delta
            best = jnp.clip(jnp.argmin(whole), 1, grid - 2)
            inside = (whole[best] <= whole[best - 1]) & (whole[best] <= whole[best + 1])
            part = _turn(whole, best)
            at = u[best] + part * (u[1] - u[0])
            lowest = jnp.exp(height(at, c) + _between(delta, best, part))
            return (there, delta, jnp.ones(grid)), (jnp.where(inside, at, jnp.nan), lowest)

        nothing = jax.tree.map(lambda x: jnp.zeros(grid, x.dtype), seen_at.places)
        budgets = (log_C, starts, groups, _split(key, len(log_C)))
        return jax.lax.scan(at_budget, (nothing, jnp.zeros(grid), jnp.zeros(grid)), budgets)[1]

    return in_batches(one, draws, TOGETHER)


_least = jax.jit(_least_impl, static_argnums=(0, 1))


def _split(key, count):
    return None if key is None else jax.random.split(key, count)


def _path(process, values, seen, before, there, key):
    """A draw of delta at places (place,), given the residuals of the runs and the path of the budget before.

    Without a key it is the mean of delta there.
    """
    held, delta, drawn = before
    places = jax.tree.map(lambda *x: jnp.concatenate(x), seen.places, held, there)
    covariance = process.covariance(values, places, places)
    size = len(delta)
    kept = jnp.concatenate([seen.mask, drawn, jnp.ones(size)]) > 0
    noise = jnp.concatenate([seen.scale + jnp.zeros_like(seen.off), jnp.full(2 * size, FLOOR)])
    own = jnp.where(kept, noise**2 + JITTER * jnp.diagonal(covariance), 1.0)
    root = jnp.linalg.cholesky(jnp.where(kept[:, None] & kept[None, :], covariance, 0.0) + jnp.diag(own))
    known = jnp.where(kept[:-size], jnp.concatenate([seen.off, delta]), 0.0)
    # The joint vector is root times independent Normals. The first of them follow from what is known; the rest are new.
    white = jax.scipy.linalg.solve_triangular(root[:-size, :-size], known, lower=True)
    mean = root[-size:, :-size] @ white
    return mean if key is None else mean + root[-size:, -size:] @ jax.random.normal(key, (size,))


def _turn(values, at):
    """The turning point of the parabola through a value and its neighbours, in steps from the value, at most half."""
    low, middle, high = values[at - 1], values[at], values[at + 1]
    bend = low - 2 * middle + high
    return jnp.where(bend > 0, jnp.clip((low - high) / (2 * bend), -0.5, 0.5), 0.0)


def _between(values, at, part):
    """The value of the parabola through the same three values, `part` steps from `at`."""
    low, middle, high = values[at - 1], values[at], values[at + 1]
    return middle + part * (high - low) / 2 + part**2 * (low - 2 * middle + high) / 2
