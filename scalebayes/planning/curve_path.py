"""This file draws a path of the discrepancy along a frontier, and finds where a curve is least on it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import JITTER

FINER = np.linspace(0.0, 1.0, 17)  # from the one neighbour of the least value to the other; the law is computed there
# Where limits are paid for, the share of a half of the path without limits that lies before each of its places, from
# the limit out: above a power of 1 the places are closer together near the limit than far from it.
HALF = np.linspace(0.0, 1.0, 33) ** 1.25
MARGIN = 0.05  # share of that path that either half has at least, so that no two places are one
FLOOR = 1e-7  # sd added to a path; without it, a place where the discrepancy can't vary gives a singular matrix


class Path(NamedTuple):
    """A path of the discrepancy along a frontier.

    Attributes:
        places: Its places (place,).
        back: What the runs' residuals are multiplied with, of each place (run's place, place).
        off: The discrepancy less its mean given the runs (place,).
        drawn: Whether there is a path at all.
    """

    places: Places
    back: Any
    off: Any
    drawn: Any


def drawn_path(process, values, runs, before, there, key):
    """A draw of delta at places (place,), given the runs and the path of the budget before; and it as a `Path`.

    Without a key it is the mean of delta there, given both.

    Args:
        process: The process.

        values: The values of its parameters.

        runs: What the runs say of delta.

        before: The path of the budget before, of as many places.

        there: The places.

        key: A JAX key for the draw, or None.
    """
    across = process.across(values, runs.known, there)
    back = runs.root @ across
    places = jax.tree.map(lambda *x: jnp.concatenate(x), before.places, there)
    whole = jnp.concatenate([before.back, back], axis=1)
    size, drawn = back.shape[1], before.drawn
    prior = process.covariance(values, places, places)
    kept = jnp.concatenate([jnp.full(size, drawn), jnp.full(size, True)])
    own = FLOOR**2 + JITTER * jnp.diagonal(prior)
    covariance = jnp.where(kept[:, None] & kept[None, :], prior - whole.T @ whole, 0.0)
    root = jnp.linalg.cholesky(covariance + jnp.diag(jnp.where(kept, own, 1.0)))
    # The joint vector is root times independent Normals. The first of them follow from what is known; the rest are new.
    white = jax.scipy.linalg.solve_triangular(root[:size, :size], jnp.where(drawn, before.off, 0.0), lower=True)
    off = root[size:, :size] @ white
    if key is not None:
        off = off + root[size:, size:] @ jax.random.normal(key, (size,))
    return across.T @ runs.weights + off, Path(there, back, off, jnp.array(True))


def no_path(runs, places):
    """What stands for a path before the first budget: as many places as the paths have, of which none is drawn."""
    runs, size = runs.weights.shape[0], places.beyond.shape[0]
    return Path(places, jnp.zeros((runs, size)), jnp.zeros(size), jnp.array(False))


class OnPath(NamedTuple):
    """Where a curve is least on a path: log N, the observable, and whether that is between the ends or at a limit.

    `place` is the place of the path with the least value.
    """

    at: Any
    loss: Any
    inside: Any
    at_low: Any
    at_high: Any
    place: Any


def around_limit(middle, ends, low, high):
    """Places between two ends, of which the one in the middle is a limit: `low` or `high`, whichever is nearer the law.

    Without the limit itself, a curve that is least shortly beyond it can't be told from one that is least within it.
    The one in the middle is that of the law's optimum where neither limit lies between the ends.

    Args:
        middle: log N of the law's optimum without limits, between the ends.

        ends: log N of the two ends.

        low: The lower limit of log N; -inf for none.

        high: The upper limit of log N; inf for none.
    """
    left, right = ends
    near = jnp.where(jnp.abs(middle - low) < jnp.abs(middle - high), low, high)
    near = jnp.where(low > middle, low, jnp.where(high < middle, high, near))
    margin = MARGIN * (right - left)
    near = jnp.clip(jnp.where((near > left) & (near < right), near, middle), left + margin, right - margin)
    return jnp.concatenate([near - (near - left) * HALF[:0:-1], near + (right - near) * HALF])


def lowest_on(height, tokens, u, delta, at_limit):
    """Where exp(height + delta) is least on a path, of whose two ends `at_limit` says whether a limit sets them."""
    whole = height(u, tokens(u)) + delta
    edge = jnp.argmin(whole)
    best = jnp.clip(edge, 1, len(u) - 2)
    inside = (whole[best] <= whole[best - 1]) & (whole[best] <= whole[best + 1])
    # Between the neighbours the law is no parabola, while the discrepancy is as good as one.
    near = u[best - 1] + FINER * (u[best + 1] - u[best - 1])
    values = height(near, tokens(near)) + _between(u, delta, best, near)
    finest = jnp.argmin(values)
    least = jnp.clip(finest, 1, len(FINER) - 2)
    turn = near[least] + _turn(values, least) * (near[1] - near[0])
    # At an end that a limit sets, the end itself is the optimum, unless a finer place shortly before it is better.
    at_low, at_high = ~inside & (edge == 0) & at_limit[0], ~inside & (edge == len(u) - 1) & at_limit[1]
    inside |= (at_low & (finest > 0)) | (at_high & (finest < len(FINER) - 1))
    at_low, at_high = at_low & ~inside, at_high & ~inside
    at = jnp.where(at_low, u[0], jnp.where(at_high, u[-1], turn))
    ending = jnp.where(at_low, delta[0], jnp.where(at_high, delta[-1], _between(u, delta, best, turn)))
    return OnPath(at, jnp.exp(height(at, tokens(at)) + ending), inside, at_low, at_high, u[edge])


def _turn(values, at):
    """The turning point of the parabola through a value and its neighbours, in steps from the value, at most half."""
    low, middle, high = values[at - 1], values[at], values[at + 1]
    bend = low - 2 * middle + high
    return jnp.where(bend > 0, jnp.clip((low - high) / (2 * bend), -0.5, 0.5), 0.0)


def _between(u, values, at, there):
    """The value at log N `there` of the parabola through a value of a path and its neighbours."""
    before, after = u[at] - u[at - 1], u[at + 1] - u[at]
    # Where nothing is left to choose, all places are one, and so are their values.
    before, after = jnp.where(before > 0, before, 1.0), jnp.where(after > 0, after, 1.0)
    rise, next_rise = (values[at] - values[at - 1]) / before, (values[at + 1] - values[at]) / after
    slope, bend = (rise * after + next_rise * before) / (before + after), (next_rise - rise) / (before + after)
    return values[at] + (there - u[at]) * slope + (there - u[at]) ** 2 * bend
