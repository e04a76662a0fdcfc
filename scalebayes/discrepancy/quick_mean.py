"""This file computes the mean of delta at many places given the runs, in a quarter of the time of double precision."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import Process, Residuals

# The number of places whose covariances with the runs are computed together: with 256 runs they take 256 kB, which stay
# in a processor's cache. Four times as many take a quarter longer.
PIECE = 256


def quick_mean(process: Process, values: Mapping[str, Any], seen: Residuals, there: Places) -> Any:
    """The mean of delta at many places given the runs (point,); the call is made inside `double()`.

    The covariances with the runs are in single precision; the weights of the runs and the sums are in double precision.
    On the Chinchilla runs the mean is off by 3e-6 at most, where it varies by .016 between draws.

    Args:
        process: The process.

        values: The values of its parameters.

        seen: The residuals of the runs.

        there: The places.
    """
    given, count = process.given_runs(values, seen), there.beyond.shape[0]
    last = jax.tree.map(lambda x: x[-1:], there)
    weights = given.weights * given.known.mask
    piece = min(PIECE, count)
    cut = jax.tree.map(lambda x, end: jnp.concatenate([x, jnp.repeat(end, -count % piece)]), there, last)
    pieces = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32).reshape(-1, piece), cut)
    single, runs = (
        jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), one) for one in (dict(values), given.known.places)
    )

    def of_piece(one: Places) -> Any:
        return process.covariance(single, runs, one).T.astype(jnp.float64) @ weights

    return jax.lax.map(of_piece, pieces).ravel()[:count]
