"""This file draws a path of the discrepancy along a frontier, and finds where a curve is least on it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy.process import JITTER

FINER = np.linspace(-1.0, 1.0, 17)  # steps from the least of these values, at which the law is computed once more
FLOOR = 1e-7  # sd added to a path; without it, a place where the discrepancy can't vary gives a singular matrix


def drawn_path(process, values, seen, before, there, key):
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


class OnPath(NamedTuple):
    """Where a curve is least on a path: log N, the observable, and whether that is between the ends or at a limit."""

    at: Any
    loss: Any
    inside: Any
    at_low: Any
    at_high: Any


def lowest_on(height, tokens, u, delta, at_limit):
    """Where exp(height + delta) is least on a path, of whose two ends `at_limit` says whether a limit sets them."""
    whole = height(u, tokens(u)) + delta
    edge = jnp.argmin(whole)
    best = jnp.clip(edge, 1, len(u) - 2)
    inside = (whole[best] <= whole[best - 1]) & (whole[best] <= whole[best + 1])
    # Between the neighbours the law is no parabola, while the discrepancy is as good as one.
    near = height(u[best] + FINER * (u[1] - u[0]), tokens(u[best] + FINER * (u[1] - u[0])))
    near += _between(delta, best, FINER)
    lowest_near = jnp.clip(jnp.argmin(near), 1, len(FINER) - 2)
    part = jnp.asarray(FINER)[lowest_near] + _turn(near, lowest_near) * (FINER[1] - FINER[0])
    # At an end that a limit sets, the end itself is the optimum.
    at_low, at_high = ~inside & (edge == 0) & at_limit[0], ~inside & (edge == len(u) - 1) & at_limit[1]
    at = jnp.where(at_low, u[0], jnp.where(at_high, u[-1], u[best] + part * (u[1] - u[0])))
    ending = jnp.where(at_low, delta[0], jnp.where(at_high, delta[-1], _between(delta, best, part)))
    return OnPath(at, jnp.exp(height(at, tokens(at)) + ending), inside, at_low, at_high)


def _turn(values, at):
    """The turning point of the parabola through a value and its neighbours, in steps from the value, at most half."""
    low, middle, high = values[at - 1], values[at], values[at + 1]
    bend = low - 2 * middle + high
    return jnp.where(bend > 0, jnp.clip((low - high) / (2 * bend), -0.5, 0.5), 0.0)


def _between(values, at, part):
    """The value of the parabola through the same three values, `part` steps from `at`."""
    low, middle, high = values[at - 1], values[at], values[at + 1]
    return middle + part * (high - low) / 2 + part**2 * (low - 2 * middle + high) / 2
