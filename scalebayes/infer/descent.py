"""This file moves many starts to their optima: by steps of L-BFGS, and by Newton's method to the end."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from scalebayes.model.hierarchy import Hierarchy
from scalebayes.model.model import Model

PATIENCE = 60  # Newton steps; past them a start goes on only while it is lower than the ends of all others
# Newton's method stops where a step is to change the loss, or changes it, by a smaller share than these. The second is
# near the rounding of a sum over runs; below it a start would creep along a kink for hundreds of steps.
PREDICTED, FALLEN = 1e-13, 1e-14
# Two starts have met where their losses differ by a share of at most the first of these, and no unconstrained
# coordinate by more than the second. Only one of them goes through the further stages of the noise.
LOSS_MET, Z_MET = 1e-9, 1e-3
FULL = 0.5  # share of the predicted fall from which on Newton's full step is taken, and no shorter one is tried


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


class _Place(NamedTuple):
    """Where the loop over Newton steps is: in which stage, at which start, and after how many steps of it there.

    Attributes:
        stage: The number of the stage.
        start: The number of the start.
        steps: The number of steps that this start has made in this stage.
        ended: Whether each start has ended in this stage (start,).
        met: The start in whose place each start is (start,): itself, unless it has met another one.
    """

    stage: Any
    start: Any
    steps: Any
    ended: Any
    met: Any


def unmoved(z: Any) -> Ends:
    """Starts (start, free) from which nothing has moved yet: what a loop over `Ends` begins with."""
    starts, free = z.shape
    return Ends(z, jnp.zeros(starts), jnp.zeros_like(z), jnp.zeros((starts, free, free)))


def lbfgs(loss: Any, z: Any, steps: int) -> Any:
    """Move starts (start, free) by some steps of L-BFGS, each with the best of a ladder of step lengths.

    A line search with gradients took a third of the time that the search needs to compile, and found the same optima.
    The starts are returned in the order of their losses, the lowest first.
    """
    preconditioned = optax.scale_by_lbfgs()
    ladder = jnp.asarray([4.0**-k for k in range(-1, 7)])

    def one(z):
        def step(carry, _):
            z, state, _ = carry
            value, gradient = jax.value_and_grad(loss)(z)
            direction, state = preconditioned.update(gradient, state, z)
            along = z - ladder[:, None] * jnp.asarray(direction)
            tries = jax.vmap(loss)(along)
            best = jnp.argmin(tries)
            better = tries[best] < value
            return (jnp.where(better, along[best], z), state, jnp.where(better, tries[best], value)), None

        begin = (z, preconditioned.init(z), jnp.zeros((), z.dtype))
        return jax.lax.scan(step, begin, None, length=steps)[0]

    z, _, value = jax.vmap(one)(z)
    return z[jnp.argsort(value)]


def polished(model: Model | Hierarchy, loss: Any, z: Any, stages: Any, steps: Any) -> Ends:
    """Move starts (start, free) to their optima of `loss(z, stage)` by Newton's method, through the noise's stages.

    The starts are moved one after the other, in one loop whose every round is one Newton step of one start. So a start
    that has ended costs nothing more, and data sets that run side by side don't wait for each other's starts. After
    `PATIENCE` steps in a stage a start goes on only while it is lower than all ends, since a start on a far plateau may
    take hundreds of steps. The lowest start should be the first.

    Args:
        model: The model.
        loss: A function of coordinates z (free,) and of a stage of the noise.
        z: The starts (start, free).
        stages: The stages of the noise (stage,).
        steps: The largest number of steps of a start in each stage.

    Returns:
        The ends. A start that met another one, before the last stage, has the end of that one.
    """
    # A noise with kinks needs short steps to reach a kink; a smooth noise needs few step lengths.
    shrink, rungs = (1 / 3, 20) if model.form.soften else (1 / 4, 8)
    count, numbers = len(z), jnp.arange(len(z))
    stages = jnp.asarray(stages)

    def unfinished(carry):
        return carry[1].stage < len(stages)

    def one_step(carry):
        ends, place = carry
        i = place.start
        # A data set that has ended waits for those beside it, and tries no step length meanwhile.
        tried = jnp.where(unfinished(carry), rungs, 0)
        moved, going = _newton(loss, ends.z[i], stages[place.stage], shrink, tried)
        lowest = jnp.min(ends.loss, where=place.ended, initial=jnp.inf)
        going &= (place.steps + 1 < steps) & ((place.steps + 1 < PATIENCE) | (moved.loss < lowest))
        near = jnp.abs(ends.loss - moved.loss) <= LOSS_MET * jnp.abs(moved.loss)
        near &= jnp.abs(ends.z - moved.z).max(axis=1) <= Z_MET
        near &= place.ended & ~going
        ends = jax.tree.map(lambda all, one: all.at[i].set(one), ends, moved)
        met = jnp.where(near.any() & (place.met == i), jnp.argmax(near), place.met)
        alive = met == numbers
        ended = (place.ended | ((numbers == i) & ~going)) & alive
        waiting = alive & ~ended
        over = ~waiting.any()  # whether all starts have ended in this stage
        following = jnp.where(going, i, jnp.argmax(jnp.where(over, alive, waiting)))
        return ends, _Place(
            place.stage + over,
            following,
            jnp.where(going, place.steps + 1, 0),
            ended & ~over,
            met,
        )

    first = _Place(0, 0, 0, jnp.zeros(count, bool), numbers)
    ends, place = jax.lax.while_loop(unfinished, one_step, (unmoved(z), first))
    return jax.tree.map(lambda x: x[place.met], ends)


def _newton(loss, z, stage, shrink, rungs):
    """One step of Newton's method from z (free,), with positive curvature; return its `Ends` and whether to go on.

    The full step is taken if the loss falls by a good share of what is predicted. Otherwise ever shorter steps are
    tried, until the loss rises again. Loss, gradient and Hessian are computed in one place, since each copy of them
    takes seconds to compile.
    """
    f = partial(loss, stage=stage)

    def slope(z):
        value, gradient = jax.value_and_grad(f)(z)
        return gradient, (value, gradient)

    hessian, (value, gradient) = jax.jacfwd(slope, has_aux=True)(z)
    values, vectors = jnp.linalg.eigh(jnp.where(jnp.isfinite(hessian), hessian, 0.0))
    size = jnp.maximum(jnp.abs(values), 1e-10 * jnp.abs(values).max() + 1e-30)
    direction = -(vectors / size) @ (vectors.T @ gradient)
    decrement = -gradient @ direction / 2

    # Where the loss is about to fall by nothing, a shorter step gains nothing.
    rungs = jnp.where(decrement > PREDICTED * jnp.abs(value), rungs, jnp.minimum(rungs, 1))

    def searching(carry):
        rung, _, _, found = carry
        return (rung < rungs) & ~found

    def shorter(carry):
        rung, length, best, _ = carry
        new = f(z + shrink**rung * direction)
        lower = new < best
        # The search ends with a good full step, or at the first length that is no better than the one before it.
        found = jnp.where(lower, (rung == 0) & (new <= value - FULL * decrement), best < value)
        return rung + 1, jnp.where(lower, shrink**rung, length), jnp.minimum(new, best), found

    none = jnp.zeros_like(value)
    _, length, best, _ = jax.lax.while_loop(searching, shorter, (0, none, value, jnp.zeros((), bool)))
    going = (decrement > PREDICTED * jnp.abs(value)) & (value - best > FALLEN * jnp.abs(value))
    return Ends(jnp.where(length > 0, z + length * direction, z), best, gradient, hessian), going


def positive(matrix: Any) -> Any:
    """The Hessian with its eigenvalues made positive for a Newton step, so that it has a Cholesky factor."""
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    size = jnp.maximum(jnp.abs(values), 1e-12 * jnp.abs(values).max() + 1e-30)
    return (vectors * size) @ vectors.T
