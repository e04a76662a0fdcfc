"""This file defines seeds: every function that draws random numbers takes an int or a JAX key."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scalebayes.errors import InputError

Seed = int | np.integer | jax.Array
"""The type of a seed of random numbers: a whole number from 0 to 2**63 - 1, or one `jax.random.key`."""


def as_key(seed: Any) -> Any:
    """The JAX key of a seed.

    Args:
        seed: A whole number from 0 to 2**63 - 1, or one `jax.random.key`.

    Returns:
        The key. A key is returned unchanged.

    Raises:
        InputError: The seed is neither of them, or it is traced by JAX.

    >>> as_key(0) == as_key(jax.random.key(0))
    Array(True, dtype=bool)
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= seed < 2**63:
        return jax.random.key(int(seed))
    if isinstance(seed, Tracer):
        raise InputError("seed is traced by JAX (inside jit, grad or vmap), and draws are made outside; give a number")
    if isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key) and seed.shape == ():
        return seed
    raise InputError(f"seed is a whole number from 0 on, or one jax.random.key, not {seed!r}")


def seed_record(seed: Any) -> int | tuple[int, ...]:
    """The seed as an int, or a key as a tuple of ints, so that it can be written to a file.

    >>> seed_record(7)
    7
    """
    if isinstance(seed, (int, np.integer)):
        return int(seed)
    return tuple(np.asarray(jax.random.key_data(seed)).ravel().tolist())
