"""This file averages the residuals of runs that share a place, which is exact: the averages are sufficient.

Runs share a place where they have the same inputs and the same group, so that the process has one value for all of
them. With 1 / w_i the variance of each run's noise, the product over these runs of Normal densities around the process
is that of their mean sum w_i r_i / W with variance 1 / W, W = sum w_i, times a factor without the process.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from scalebayes.discrepancy.kernels import Places


class Shared(NamedTuple):
    """Which runs share a place; a pytree of index arrays.

    Attributes:
        place: The number of each run's place (run,).
        first: The number of a run at each place (place,). Places of padding have no runs.
    """

    place: Any
    first: Any


class Layout(NamedTuple):
    """Where runs lie, as the process of a discrepancy takes it; a pytree.

    Attributes:
        shared: Which runs share a place; None where each has its own.
        inducing: The inputs of the inducing places in reference units (inducing,), by their names; None where there are
            few places.
    """

    shared: Shared | None
    inducing: dict[str, Any] | None


class Known(NamedTuple):
    """Residuals with the variance of their noise; a pytree of arrays (run,), or (place,) where they are averages.

    Attributes:
        places: Where they are.
        off: The residuals; 0 for padding.
        variance: The variances; 1 for padding.
        mask: 0 where a row is padding.
    """

    places: Places
    off: Any
    variance: Any
    mask: Any


def averaged(runs: Known, shared: Shared) -> tuple[Known, Any]:
    """The averages at the places, and the log density of the runs over that of the averages, as one number."""
    kept = runs.mask > 0
    precision = jnp.where(kept, 1 / runs.variance, 0.0)
    nothing = jnp.zeros_like(runs.off, shape=shared.first.shape)
    total = nothing.at[shared.place].add(precision)
    there = total > 0
    variance = jnp.where(there, 1 / jnp.where(there, total, 1.0), 1.0)
    mean = nothing.at[shared.place].add(precision * runs.off) * jnp.where(there, variance, 0.0)
    within = precision * (runs.off - mean[shared.place]) ** 2 + jnp.where(kept, jnp.log(runs.variance), 0.0)
    places = Places(
        {name: x[shared.first] for name, x in runs.places.logs.items()},
        runs.places.beyond[shared.first],
        None if runs.places.group is None else runs.places.group[shared.first],
    )
    found = Known(places, mean, variance, there * jnp.ones_like(mean))
    return found, (jnp.log(variance).sum() - within.sum()) / 2


def left_out(runs: Known, means: Known, shared: Shared, off: Any, variance: Any) -> tuple[Any, Any]:
    """Each run's residual less its mean given all other runs, and the variance of this difference (run,).

    Args:
        runs: The runs.
        means: Their averages.
        shared: Which runs share a place.
        off: Each average less its mean given all other averages (place,).
        variance: The variance of that difference (place,).
    """
    # The mean and the variance of the process at each place given all runs. With these, the inverse covariance of the
    # runs has the diagonal w - w^2 var, and its product with the residuals is w (r - mean).
    mean = means.off - means.variance * off / variance
    left = means.variance - means.variance**2 / variance
    kept = runs.mask > 0
    precision = 1 / runs.variance
    inverse = jnp.where(kept, precision - precision**2 * left[shared.place], 1.0)
    pull = jnp.where(kept, precision * (runs.off - mean[shared.place]), 0.0)
    return pull / inverse, 1 / inverse
