"""This file has coordinates in which the ridge of a law with a floor is straight, for models with a process.

A process explains what the law misses, so the runs hold the law's level and slope, and leave open how much of the level
is the floor E and how much the other terms. In the logs of the parameters that ridge is bent: on the 240 Chinchilla
runs the sd of the level is half a percent, and along the tangent at the mode one percent. Chains whitened there took
steps a sixth as long as the posterior is wide, and some of them stuck. Importance sampling around the mode missed the
far end of the ridge: it had 110 effective proposals of 8,000, and an interval of the floor that was a third too narrow.

Here the floor's coordinate is shifted by a function of all the others: it counts from the floor with which the law has,
at the place of the largest runs, the value that it has at the mode. Such a shift keeps volumes, so the density of the
shifted coordinates is the density of the old ones.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from numpyro.distributions import constraints

from scalebayes.infer.traces import jitted
from scalebayes.laws.law import FLOOR
from scalebayes.model.model import Model, Numbers

# The floor that the level asks for is positive by a softplus, which bends at this share of the floor at the mode. With
# a smaller share the coordinates have a sharper corner where the other terms alone reach the level.
SOFT = 0.25
FAR = -30.0  # from here on a softplus and its exponential are the same number
ABSENT = -700.0  # the log of a floor of nothing; its exponential is still a normal number
LINEAR = 1e-6  # share of the level by which a law may miss a straight line in its floor, by rounding


class Ridge(NamedTuple):
    """The two directions of a change of coordinates, each a function of coordinates (free and rows' own).

    Attributes:
        straight: From unconstrained coordinates to those in which the ridge is straight.
        back: The inverse of `straight`.
    """

    straight: Callable[[Any], Any]
    back: Callable[[Any], Any]


def follows(model: Model, numbers: Numbers) -> bool:
    """Whether draws of a model follow its ridge: there is a process over several inputs, and a free floor."""
    if model.process is None or model.process.axis is not None or FLOOR not in model.free:
        return False
    return numbers.priors[FLOOR].support in (constraints.positive, constraints.nonnegative)


def along(model: Model, numbers: Numbers, origin: Any) -> Ridge:
    """The coordinates along the ridge through the mode.

    Where the law isn't a floor and something added to it, both directions change nothing.

    Args:
        model: The model; `follows` is true for it.
        numbers: The numbers of the model.
        origin: The mode (free and rows' own).

    Returns:
        The two directions.
    """
    assert numbers.ends is not None
    k, there = model.free.index(FLOOR), numbers.ends.at_anchor()

    def level(z):
        return model.location(model.scaled(model.constrain(z, numbers), numbers), there)

    without, held = level(origin.at[k].set(ABSENT)), level(origin)
    bend = level(origin.at[k].add(jnp.log(2.0))) - 2 * held + without
    added = (jnp.abs(bend) <= LINEAR * jnp.abs(held)) & (held > without)

    def shift(z):
        share = (held - level(z.at[k].set(ABSENT))) / jnp.where(added, held - without, 1.0)
        x = share / SOFT
        # Far below 0 the softplus is the exponential, which is no positive number any more.
        log = jnp.where(x < FAR, x, jnp.log(jax.nn.softplus(jnp.maximum(x, FAR))))
        return jnp.where(added, jnp.log(SOFT) + log, 0.0)

    return Ridge(lambda z: z.at[k].add(-shift(z)), lambda y: y.at[k].add(shift(y)))


@jitted(0)
def at_mode(model: Model, numbers: Numbers, origin: Any, precision: Any) -> tuple[Any, Any]:
    """The mode, and the precision of the Gaussian there, in the coordinates along the ridge."""
    ridge = along(model, numbers, origin)
    centre = ridge.straight(origin)
    turned = jax.jacfwd(ridge.back)(centre)
    return centre, turned.T @ precision @ turned


@jitted(0)
def straightened(model: Model, numbers: Numbers, origin: Any, z: Any) -> Any:
    """Draws (chain, draw, free and rows' own) in the coordinates along the ridge."""
    straight = along(model, numbers, origin).straight
    return jax.lax.map(jax.vmap(straight), z)
