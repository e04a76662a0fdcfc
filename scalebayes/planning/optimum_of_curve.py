"""This file finds where a law times its discrepancy is least at a cost, for each posterior draw."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.compute import LOG_6, other_size
from scalebayes.fitting.in_own_units import TOGETHER, flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.curve_path import HALF, OnPath, around_limit, drawn_path, lowest_on, no_path
from scalebayes.planning.frontier import log_D_of
from scalebayes.planning.limits import Range

GRID = 65  # number of values of log N at which a path of the discrepancy is drawn
FREE = 2 * len(HALF) - 1  # the same, for the optimum without limits: only its loss is asked for
SAME = 1e-9  # difference of log N or log D below which two places are one
LIFT = 0.25  # log of the law at the grid's ends over the law at its own optimum; optima further out aren't looked for
REACH = 30.0  # e-folds of N from the law's optimum to the grid's ends, at most; a flatter law has this reach
BEND = 0.5  # e-folds of N to either side, over which the curvature of the law at another cost than 6 N D is taken


class Lowest(NamedTuple):
    """Where a law with its discrepancy is least; every array is (chain, draw, budget).

    Attributes:
        log_N: log N of the optimum; NaN where there is none.
        log_D: log D there.
        loss: The observable there.
        at_low: Whether the optimum is at the lower end of the range that limits leave.
        at_high: Whether it is at the upper end of that range.
        profile: The observable at the candidates (chain, draw, budget, candidate).
        paid: The observable less that at the optimum of the same curve without limits; NaN where that wasn't asked
            for, or isn't there.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    loss: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray
    profile: np.ndarray
    paid: np.ndarray


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
    free: Any = None,
    sizes: np.ndarray | None = None,
) -> Lowest:
    """Find where law x exp(discrepancy) is least. Call it inside `double()`.

    For each posterior draw, a path of the discrepancy along cost(N, D) = C is drawn given the runs. The path has `grid`
    values of log N on both sides of the law's own optimum. It ends where the law is `LIFT` above its optimum, by its
    curvature there, or where the limits end: further out the process says nothing that a plan could rest on. The
    optimum lies between the neighbours of the least value, with the discrepancy as a parabola through the three. The
    path of a budget is drawn given the runs and the path of the next lower budget, so that the optima of one draw
    belong together. The budgets of one group come one after the other; the path of a group's lowest budget is drawn
    given that of the largest budget of the group before. The results are NaN where the least value is at an end of the
    path that no limit sets, or where the law has no optimum.

    What limits cost is told of one curve: the path is drawn along the frontier without limits, too, around the law's
    optimum there, jointly with the rest.

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

        free: log N of the law's optimum without limits, which broadcasts to (chain, draw, budget), where it is asked
            what the limits cost. The default is None.

        sizes: log D of each size that can be trained (budget, size), NaN where it can't be; the candidates are log N of
            these sizes, and the best of them is chosen. The default is None: any N may be chosen.
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
    freely = None if free is None else np.broadcast_to(np.asarray(free), shape).reshape(-1, len(budget))[:, order]
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
        tuple(None if x is None else x[order] for x in (np.log(budget), low, high, log_D, candidates, sizes)),
        (
            flat(fit),
            np.where(np.isnan(start), middle, start),
            None if freely is None else np.where(np.isnan(freely), middle, freely),
            _split(key, len(start)),
        ),
    )
    back = np.argsort(order)
    at, there, lowest, at_low, at_high, profile, paid = (
        np.asarray(x)[:, back].reshape(*shape, *np.shape(x)[2:]) for x in found
    )
    if within is not None and sizes is None:
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
        np.where(none, np.nan, paid),
    )


def _least_impl(model, grid, cost, rows, seen_at, ends, reference, groups, budgets, draws):
    def one(each):
        (law, noise, process, factor), starts, freely, key = each
        seen = residuals(model, rows, seen_at, law, noise, factor)
        runs = model.process.given_runs(process, seen)

        def height(u, v):
            return jnp.log(model.fn(N=jnp.exp(u), D=jnp.exp(v), **law))

        def at_budget(before, budget):
            (log_C, low, high, log_D, candidates, sizes), start, free, group, key = budget

            def frontier(u):
                return log_C - LOG_6 - u if cost is None else log_D_of(cost, u, jnp.broadcast_to(log_C, u.shape))

            def tokens(u):
                return jnp.where(low >= high, log_D, frontier(u))  # nothing is left to choose

            def around(middle):
                """The ends of a path on both sides of the law's optimum, where the law is `LIFT` above it."""
                if cost is None:
                    curvature = jax.grad(jax.grad(lambda u: height(u, log_C - LOG_6 - u)))(middle)
                else:  # the bisection that gives D has no derivative
                    three = middle + jnp.array([-BEND, 0.0, BEND])
                    below, here, above = height(three, frontier(three))
                    curvature = (below - 2 * here + above) / BEND**2
                reach = jnp.where(curvature > 2 * LIFT / REACH**2, jnp.sqrt(2 * LIFT / curvature), REACH)
                return middle - reach, middle + reach

            left, right = around(jnp.clip(start, low, high))
            left, right = jnp.maximum(left, low), jnp.minimum(right, high)
            at_limit = left == low, right == high
            u = left + (right - left) * jnp.linspace(0.0, 1.0, grid) if sizes is None else candidates
            v = tokens(u) if sizes is None else jnp.where(jnp.isnan(sizes), frontier(u), sizes)
            limits = (low, high) if sizes is None else (-jnp.inf, jnp.inf)
            u_free = jnp.zeros(0) if free is None else around_limit(free, around(free), *limits)
            count, every = len(u), jnp.concatenate([u, u_free])
            N, D = jnp.exp(every), jnp.exp(jnp.concatenate([v, frontier(u_free)]))
            own = None if group is None else jnp.full(len(every), group)
            there = ends.places({"N": N / reference["N"], "D": D / reference["D"]}, own)
            delta, path = drawn_path(model.process, process, runs, before, there, key)
            if sizes is None:
                found = lowest_on(height, tokens, u, delta[:count], at_limit)
                at_D = tokens(found.at)
                profile = jnp.exp(height(candidates, tokens(candidates)) + jnp.interp(candidates, u, delta[:count]))
            else:
                profile = jnp.where(jnp.isnan(sizes), jnp.inf, jnp.exp(height(u, v) + delta[:count]))
                best, no = jnp.argmin(profile), jnp.array(False)
                found, at_D = OnPath(u[best], profile[best], no, no, no, u[best]), v[best]
            paid = jnp.nan
            if free is not None:
                delta_free, v_free, own = delta[count:], frontier(u_free), len(HALF) - 1
                for end in (0, count - 1):  # a place of both paths is drawn twice, with the process's jitter between
                    apart = jnp.maximum(jnp.abs(u_free[own] - u[end]), jnp.abs(v_free[own] - v[end]))
                    delta_free = delta_free.at[own].set(jnp.where(apart < SAME, delta[end], delta_free[own]))
                other = lowest_on(height, frontier, u_free, delta_free, (False, False))
                # Two paths of one curve differ in their last digits; an optimum that no limit moves pays nothing.
                there_too, near = ((x >= low) & (x <= high) for x in (other.at, other.place))
                same = (low < high) & (sizes is None) & (there_too | (found.inside & near))
                paid = jnp.where(same, 0.0, jnp.maximum(found.loss - other.loss, 0.0))
                paid = jnp.where(other.inside, paid, jnp.nan)
            there_at = jnp.where(found.inside | (sizes is not None), found.at, jnp.nan)
            answer = there_at, at_D, found.loss, found.at_low, found.at_high, profile, paid
            return path, answer

        size = (grid if budgets[-1] is None else budgets[-1].shape[-1]) + (0 if freely is None else FREE)
        nothing = jax.tree.map(lambda x: jnp.zeros(size, x.dtype), seen_at.places)
        each_budget = (budgets, starts, freely, groups, _split(key, len(budgets[0])))
        return jax.lax.scan(at_budget, no_path(runs, nothing), each_budget)[1]

    return in_batches(one, draws, TOGETHER)


_least = jax.jit(_least_impl, static_argnums=(0, 1, 2))


def _split(key, count):
    return None if key is None else jax.random.split(key, count)
