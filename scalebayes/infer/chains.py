"""This file runs the chains of NUTS: NumPyro's sampler in whitened coordinates, all chains in one trace."""

from math import gcd
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc

from scalebayes.infer.batch import mapped
from scalebayes.infer.ridge import along, follows
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows

SHRINK = 2.0 ** -np.arange(6)  # factors by which a start is pulled towards the mode until its density is acceptable


class Shape(NamedTuple):
    """The sizes of a run of chains, which are static in its trace."""

    chains: int
    warmup: int
    draws: int
    max_tree_depth: int
    thin: int = 1
    alone: bool = False  # whether the chains of one data set have all devices for themselves


@jitted(0, 9, 10)
def sample_many(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    mode: Any,
    centre: Any,
    precision: Any,
    keys: Any,
    target_accept: Any,
    spread: Any,
    shape: Shape,
    width: int,
) -> tuple[Any, dict[str, Any]]:
    """Run NUTS for many data sets; every array except the two settings has the leading axis `set`."""
    which = np.arange(shape.chains)
    one = lambda each: sample(model, *each, target_accept, spread, which, shape)  # noqa: E731
    return mapped(one, (numbers, rows, mode, centre, precision, keys), width)


@jitted(0, 10)
def sample(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    mode: Any,
    centre: Any,
    precision: Any,
    key: Any,
    target_accept: Any,
    spread: Any,
    which: Any,
    shape: Shape,
) -> tuple[Any, dict[str, Any]]:
    """Run some of NUTS's chains.

    Args:
        model: The model.
        numbers: The numbers of the model.
        rows: The runs.
        mode: The mode (free and rows' own). Where the model has a ridge that chains follow, `centre` and `precision`
            are in the coordinates along the ridge through the mode.
        centre: The middle of the whitened coordinates (free and rows' own).
        precision: The inverse covariance that whitens the coordinates (free and rows' own, twice).
        key: A JAX key for all chains.
        target_accept: The acceptance probability that the step size aims at.
        spread: The sd of the chains' starts around the centre, in posterior sds.
        which: The numbers of the chains that are run (chain,), each below `shape.chains`.
        shape: The sizes of the run.

    Returns:
        Unconstrained draws (chain, draw, free and rows' own) and statistics (chain, draw).
    """
    chains, warmup, draws, max_tree_depth, thin, _ = shape
    bent = follows(model, numbers)
    back = along(model, numbers, mode).back if bent else lambda z: z
    # The rows' own coordinates are too many for a covariance that warm-up could learn.
    dense = bent and not model.latent
    # If u is standard Normal, z = centre + whiten u has the covariance of the Gaussian approximation.
    dimension = centre.shape[0]
    whiten = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(precision), jnp.eye(dimension), lower=True).T

    def potential(u):
        value = -model.log_density(back(centre + whiten @ u), numbers, rows)
        return jnp.where(jnp.isnan(value), jnp.inf, value)

    def start(key):
        """A draw with sd `spread`, pulled towards the mode until its density is finite and not too far below there."""
        tries = spread * jax.random.normal(key, (dimension,)) * jnp.asarray(SHRINK)[:, None]
        fine = jax.vmap(potential)(tries) < potential(jnp.zeros(dimension)) + 100 + 10 * dimension
        return jnp.where(fine.any(), tries[jnp.argmax(fine)], 0.0)

    def chain(key):
        init_kernel, sample_kernel = hmc(potential, algo="NUTS")
        key_start, key_run = jax.random.split(key)
        state = init_kernel(
            start(key_start),
            warmup,
            target_accept_prob=target_accept,
            dense_mass=dense,
            inverse_mass_matrix=jnp.eye(dimension) if dense else jnp.ones(dimension),
            step_size=0.5,
            max_tree_depth=max_tree_depth,
            rng_key=key_run,
        )
        state = jax.lax.fori_loop(0, warmup, lambda _, s: sample_kernel(s), state)

        def step(state, _):
            if thin > 1:
                state = jax.lax.fori_loop(1, thin, lambda _, s: sample_kernel(s), state)
            state = sample_kernel(state)
            stats = {
                "lp": -state.potential_energy,
                "energy": state.energy,
                "diverging": state.diverging,
                "n_steps": state.num_steps,
                "acceptance_rate": state.accept_prob,
                "step_size": state.adapt_state.step_size,
            }
            return state, (back(centre + whiten @ state.z), stats)

        return jax.lax.scan(step, state, None, length=draws)[1]

    keys, here = jax.random.split(key, chains)[which], len(which)
    devices = gcd(here, len(jax.local_devices()))
    if shape.alone and devices > 1:
        return mapped(chain, keys, here // devices, "chain", devices)
    if model.process is not None and model.process.axis is None:
        # Side by side all chains would wait for the deepest tree of any, and a density whose time goes into matrices is
        # no faster for several of them at once.
        return jax.lax.map(chain, keys)
    return jax.vmap(chain)(keys)
