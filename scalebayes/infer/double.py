"""This file has the context in which everything is computed: float64, and one thread for each call of LAPACK.

JAX takes the factors of matrices from SciPy's OpenBLAS, which starts threads at the sizes that a process has. They save
no time there, and on cores that other work shares each call waits for them: a factor of 128 rows took 6 ms, not 0.2.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import jax
from threadpoolctl import ThreadpoolController


@contextmanager
def double() -> Iterator[None]:
    """Compute in float64, with one thread for each call of OpenBLAS.

    float64 is a setting of the calling thread. The limit is one of the process; of several threads, the one that set it
    first is the one that sets it and takes it back.

    >>> import jax.numpy as jnp
    >>> with double():
    ...     print(jnp.ones(1).dtype)
    float64
    """
    with _openblas().limit(limits=1), jax.enable_x64():
        yield


@cache
def _openblas() -> ThreadpoolController:
    """The controller of every OpenBLAS that is loaded once SciPy's is."""
    import scipy.linalg  # noqa: F401  loads the library that JAX calls

    return ThreadpoolController().select(internal_api="openblas")
