"""This file moves many starts to their optima at once: by steps of L-BFGS, and by Newton's method to the end."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from scalebayes.model.model import Model

PATIENCE = 60  # Newton steps; past them only the start that is best so far keeps the search going


class Ends(NamedTuple):
    """Where Newton's method ended from each start; a pytree.

    Attributes:
        z: The end of each start (start, free).
        loss: The loss there (start,).
        gradient: The gradient of the loss before the last step (start, free). Where the search has converged, the loss
            falls in that step by at most 1e-13 of itself.
        hessian: The Hessian of the loss before the last step (start, free, free).
    """

    z: Any
    loss: Any
    gradient: Any
    hessian: Any


def unmoved(z: Any) -> Ends:
    """Starts (start, free) from which nothing has moved yet: what a loop over `Ends` begins with."""
    starts, free = z.shape
    return Ends(z, jnp.zeros(starts), jnp.zeros_like(z), jnp.zeros((starts, free, free)))


def lbfgs(loss: Any, z: Any, steps: int) -> Any:
    """Move starts (start, free) by some steps of L-BFGS, each with the best of a ladder of step lengths.

    A line search with gradients took a third of the time that the search needs to compile, and found the same optima.
    """
    preconditioned = optax.scale_by_lbfgs()
    ladder = jnp.asarray([4.0**-k for k in range(-1, 7)])

    def one(z):
        def step(carry, _):
            z, state = carry
            value, gradient = jax.value_and_grad(loss)(z)
            direction, state = preconditioned.update(gradient, state, z)
            along = z - ladder[:, None] * jnp.asarray(direction)
            tries = jax.vmap(loss)(along)
            best = jnp.argmin(tries)
            return (jnp.where(tries[best] < value, along[best], z), state), None

        return jax.lax.scan(step, (z, preconditioned.init(z)), None, length=steps)[0][0]

    return jax.vmap(one)(z)


def polished(model: Model, loss: Any, z: Any, stages: Any, steps: Any) -> Ends:
    """Move starts (start, free) to their optima of `loss(z, stage)` by Newton's method, through the noise's stages."""
    # A noise with kinks needs short steps to reach a kink; a smooth noise needs few step lengths.
    ladder = jnp.asarray([3.0**-k for k in range(20)] if model.form.soften else [4.0**-k for k in range(8)])
    newton = partial(_newton, loss, steps=steps, ladder=ladder)
    return jax.lax.scan(lambda ends, stage: (newton(ends, stage), None), unmoved(z), stages)[0]


def _newton(loss, ends, stage, steps, ladder):
    """Newton's method on all starts at once, with positive curvature and the best of a ladder of step lengths.

    After `PATIENCE` steps the search goes on only while the best start improves, since a start on a far plateau may
    take hundreds of steps. Loss, gradient and Hessian are computed in one place, since each copy of them takes seconds
    to compile.
    """
    f = partial(loss, stage=stage)

    def slope(z):
        value, gradient = jax.value_and_grad(f)(z)
        return gradient, (value, gradient)

    def step(end, going):
        hessian, (value, gradient) = jax.jacfwd(slope, has_aux=True)(end.z)
        values, vectors = jnp.linalg.eigh(jnp.where(jnp.isfinite(hessian), hessian, 0.0))
        size = jnp.maximum(jnp.abs(values), 1e-10 * jnp.abs(values).max() + 1e-30)
        direction = -(vectors / size) @ (vectors.T @ gradient)
        decrement = -gradient @ direction / 2
        tries = jax.vmap(lambda t: f(end.z + t * direction))(ladder)
        best = jnp.argmin(tries)
        better = tries[best] < value
        moved = Ends(
            jnp.where(better, end.z + ladder[best] * direction, end.z),
            jnp.where(better, tries[best], value),
            gradient,
            hessian,
        )
        kept = jax.tree.map(lambda new, old: jnp.where(going, new, old), moved, end)
        return kept, going & better & (decrement > 1e-13 * jnp.abs(value))

    def unfinished(carry):
        ends, going, i = carry
        return (i < steps) & going.any() & ((i < PATIENCE) | going[jnp.argmin(ends.loss)])

    def step_all(carry):
        ends, going, i = carry
        return *jax.vmap(step)(ends, going), i + 1

    return jax.lax.while_loop(unfinished, step_all, (ends, jnp.ones(len(ends.z), bool), 0))[0]


def positive(matrix: Any) -> Any:
    """The Hessian with its eigenvalues made positive for a Newton step, so that it has a Cholesky factor."""
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    size = jnp.maximum(jnp.abs(values), 1e-12 * jnp.abs(values).max() + 1e-30)
    return (vectors * size) @ vectors.T
