"""This file finds where a law times its discrepancy is least at a cost, for each posterior draw."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.compute import LOG_6, other_size
from scalebayes.discrepancy.process import JITTER
from scalebayes.fitting.at_points import TOGETHER, flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.frontier import log_D_of
from scalebayes.planning.limits import Range

GRID = 65  # number of values of log N at which a path of the discrepancy is drawn
FINER = np.linspace(-1.0, 1.0, 17)  # steps from the least of these values, at which the law is computed once more
LIFT = 0.25  # log of the law at the grid's ends over the law at its own optimum; optima further out aren't looked for
REACH = 30.0  # e-folds of N from the law's optimum to the grid's ends, at most; a flatter law has this reach
HALF = 0.5  # e-folds of N to either side, over which the curvature of the law at another cost than 6 N D is taken
FLOOR = 1e-7  # sd added to a path; without it, a place where the discrepancy can't vary gives a singular matrix


class Lowest(NamedTuple):
    """Where a law with its discrepancy is least; every array is (chain, draw, budget).

    Attributes:
        log_N: log N of the optimum; NaN where there is none.
        log_D: log D there.
        loss: The observable there.
        at_low: Whether the optimum is at the lower end of the range that limits leave.
        at_high: Whether it is at the upper end of that range.
        profile: The observable at the candidates (chain, draw, budget, candidate).
    """

    log_N: np.ndarray
    log_D: np.ndarray
    loss: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray
    profile: np.ndarray


def least(
    fit: Fit,
    budget: np.ndarray,
    log_N: Any,
    group: int | np.ndarray,
    key: Any,
    grid: int = GRID,
    *,
    cost: Cost = six_nd,
    within: Range | None = None,
    candidates: np.ndarray | None = None,
) -> Lowest:
    """Find where law x exp(discrepancy) is least. Call it inside `jax.enable_x64()`.

    For each posterior draw, a path of the discrepancy along cost(N, D) = C is drawn given the runs. The path has `grid`
    values of log N on both sides of the law's own optimum. It ends where the law is `LIFT` above its optimum, by its
    curvature there, or where the limits end: further out the process says nothing that a plan could rest on. The
    optimum lies between the neighbours of the least value, with the discrepancy as a parabola through the three. The
    path of a budget is drawn given the runs and the path of the next lower budget, so that the optima of one draw
    belong together. The budgets of one group come one after the other; the path of a group's lowest budget is drawn
    given that of the largest budget of the group before. The results are NaN where the least value is at an end of the
    path that no limit sets, or where the law has no optimum.

    Args:
        fit: A fit with a discrepancy.

        budget: The budgets C (budget,).

        log_N: log N of the law's optimum, NaN where there is none. It broadcasts to (chain, draw, budget).

        group: The number of the group whose offset is taken, for all budgets or for each (budget,); -1 for a new group.

        key: A JAX key for the paths; None for the mean of the discrepancy given the runs.

        grid: The number of values of log N. The default is 65.

        cost: The cost of a run. The default is 6 N D.

        within: The range of log N that limits leave. The default is None: there are no limits.

        candidates: Values of log N (budget, candidate) at which the observable is asked for, too. Beyond the end of a
            draw's path the discrepancy is that at the end. The default is None: the middle of the runs' N : D.
    """
    problem, order, codes = fit.problem, np.argsort(budget), np.broadcast_to(group, len(budget))
    order = order[np.argsort(codes[order], kind="stable")]
    ends = problem.numbers.ends
    assert ends is not None
    shape = (*fit.shape, len(budget))
    start = np.broadcast_to(np.asarray(log_N), shape).reshape(-1, len(budget))[:, order]
    middle = (np.log(other_size(budget[order], 1)) + np.log(fit.reference.inputs["N"] / fit.reference.inputs["D"])) / 2
    nowhere = np.full(len(budget), np.inf)
    low, high, log_D = (-nowhere, nowhere, nowhere) if within is None else (within.low, within.high, within.log_D)
    candidates = np.reshape(middle[np.argsort(order)], (-1, 1)) if candidates is None else candidates
    found = _least(
        problem.model,
        grid,
        None if cost is six_nd else cost,
        own_units(fit),
        ends.seen_at(problem.rows),
        ends,
        {name: np.float64(fit.reference.inputs[name]) for name in ("N", "D")},
        codes[order].astype(np.float64) if problem.rows.group is not None else None,
        tuple(x[order] for x in (np.log(budget), low, high, log_D, candidates)),
        (flat(fit), np.where(np.isnan(start), middle, start), _split(key, len(start))),
    )
    back = np.argsort(order)
    at, there, lowest, at_low, at_high, profile = (
        np.asarray(x)[:, back].reshape(*shape, *np.shape(x)[2:]) for x in found
    )
    if within is not None:
        only = within.low >= within.high  # nothing is left to choose
        at_low, at_high = only | (at_low & (within.low_by != "")), only | (at_high & (within.high_by != ""))
        at = np.where(at_low, within.low, np.where(at_high, within.high, at))
    none = np.isnan(at) | np.isnan(np.broadcast_to(np.asarray(log_N), shape))
    return Lowest(
        np.where(none, np.nan, at),
        np.where(none, np.nan, there),
        np.where(none, np.nan, lowest),
        at_low & ~none,
        at_high & ~none,
        profile,
    )


def _least_impl(model, grid, cost, rows, seen_at, ends, reference, groups, budgets, draws):
    steps = jnp.linspace(0.0, 1.0, grid)

    def one(each):
        (law, noise, process, factor), starts, key = each
        seen = residuals(model, rows, seen_at, law, noise, factor)

        def height(u, v):
            return jnp.log(model.fn(N=jnp.exp(u), D=jnp.exp(v), **law))

        def at_budget(before, budget):
            (log_C, low, high, log_D, candidates), start, group, key = budget

            def tokens(u):
                v = log_C - LOG_6 - u if cost is None else log_D_of(cost, u, jnp.broadcast_to(log_C, u.shape))
                return jnp.where(low >= high, log_D, v)  # nothing is left to choose

            middle = jnp.clip(start, low, high)
            if cost is None:
                curvature = jax.grad(jax.grad(lambda u: height(u, log_C - LOG_6 - u)))(middle)
            else:  # the bisection that gives D has no derivative
                three = middle + jnp.array([-HALF, 0.0, HALF])
                below, here, above = height(three, log_D_of(cost, three, jnp.broadcast_to(log_C, (3,))))
                curvature = (below - 2 * here + above) / HALF**2
            reach = jnp.where(curvature > 2 * LIFT / REACH**2, jnp.sqrt(2 * LIFT / curvature), REACH)
            left, right = jnp.maximum(middle - reach, low), jnp.minimum(middle + reach, high)
            u = left + (right - left) * steps
            v = tokens(u)
            own = None if group is None else jnp.full(grid, group)
            there = ends.places({"N": jnp.exp(u) / reference["N"], "D": jnp.exp(v) / reference["D"]}, own)
            delta = _path(model.process, process, seen, before, there, key)
            whole = height(u, v) + delta
            edge = jnp.argmin(whole)
            best = jnp.clip(edge, 1, grid - 2)
            inside = (whole[best] <= whole[best - 1]) & (whole[best] <= whole[best + 1])
            # Between the neighbours the law is no parabola, while the discrepancy is as good as one.
            near = height(u[best] + FINER * (u[1] - u[0]), tokens(u[best] + FINER * (u[1] - u[0])))
            near += _between(delta, best, FINER)
            lowest_near = jnp.clip(jnp.argmin(near), 1, len(FINER) - 2)
            part = jnp.asarray(FINER)[lowest_near] + _turn(near, lowest_near) * (FINER[1] - FINER[0])
            # At an end that a limit sets, the end itself is the optimum.
            at_low, at_high = ~inside & (edge == 0) & (left == low), ~inside & (edge == grid - 1) & (right == high)
            at = jnp.where(at_low, u[0], jnp.where(at_high, u[-1], u[best] + part * (u[1] - u[0])))
            ending = jnp.where(at_low, delta[0], jnp.where(at_high, delta[-1], _between(delta, best, part)))
            at_D = tokens(at)
            lowest = jnp.exp(height(at, at_D) + ending)
            profile = jnp.exp(height(candidates, tokens(candidates)) + jnp.interp(candidates, u, delta))
            found = jnp.where(inside, at, jnp.nan), at_D, lowest, at_low, at_high, profile
            return (there, delta, jnp.ones(grid)), found

        nothing = jax.tree.map(lambda x: jnp.zeros(grid, x.dtype), seen_at.places)
        each_budget = (budgets, starts, groups, _split(key, len(budgets[0])))
        return jax.lax.scan(at_budget, (nothing, jnp.zeros(grid), jnp.zeros(grid)), each_budget)[1]

    return in_batches(one, draws, TOGETHER)


_least = jax.jit(_least_impl, static_argnums=(0, 1, 2))


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
