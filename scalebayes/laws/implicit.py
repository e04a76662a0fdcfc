"""This file solves a law's equation inside the trace; the derivatives come from the implicit function theorem."""

import jax
import jax.numpy as jnp

STEPS = 16  # Newton steps


@jax.custom_jvp
def balance(c, a):
    """Solve -softplus(-u) + a softplus(u) = c for u, as laws without a closed form need it; a > 0, a and c broadcast.

    With s = sigmoid(u) the equation is s / (1 - s)^a = exp(c) for s in (0, 1). Its left side rises with a slope between
    1 and a and bends one way only, so that Newton's method converges from any start.

    >>> float(balance(0.0, 1.0))
    0.0
    """
    a, c = jnp.broadcast_arrays(a, c)

    def step(_, u):
        s = jax.nn.sigmoid(u)
        return u - (a * jax.nn.softplus(u) - jax.nn.softplus(-u) - c) / ((1 - s) + a * s)

    return jax.lax.fori_loop(0, STEPS, step, jnp.where(c < 0, c, c / jnp.maximum(a, 1.0)))


@balance.defjvp
def _balance_jvp(primals, tangents):
    c, a = primals
    in_c, in_a = tangents
    u = balance(c, a)
    s = jax.nn.sigmoid(u)
    return u, (in_c - in_a * jax.nn.softplus(u)) / ((1 - s) + a * s)
