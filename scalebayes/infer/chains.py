"""This file runs the chains of NUTS: NumPyro's sampler in whitened coordinates, all chains in one trace."""

from math import gcd
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc

from scalebayes.infer.batch import mapped
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


@jitted(0, 8, 9)
def sample_many(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    centre: Any,
    precision: Any,
    keys: Any,
    target_accept: Any,
    spread: Any,
    shape: Shape,
    width: int,
) -> tuple[Any, dict[str, Any]]:
    """Run NUTS for many data sets; every array except the two settings has the leading axis `set`."""
    one = lambda each: sample(model, *each, target_accept, spread, shape)  # noqa: E731
    return mapped(one, (numbers, rows, centre, precision, keys), width)


@jitted(0, 8)
def sample(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    centre: Any,
    precision: Any,
    key: Any,
    target_accept: Any,
    spread: Any,
    shape: Shape,
) -> tuple[Any, dict[str, Any]]:
    """Run NUTS; return unconstrained draws (chain, draw, free and rows' own) and statistics (chain, draw)."""
    chains, warmup, draws, max_tree_depth, thin, _ = shape
    # If u is standard Normal, z = centre + whiten u has the covariance of the Gaussian approximation.
    dimension = centre.shape[0]
    whiten = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(precision), jnp.eye(dimension), lower=True).T

    def potential(u):
        value = -model.log_density(centre + whiten @ u, numbers, rows)
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
            dense_mass=False,
            inverse_mass_matrix=jnp.ones(dimension),
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
            return state, (centre + whiten @ state.z, stats)

        return jax.lax.scan(step, state, None, length=draws)[1]

    keys, devices = jax.random.split(key, chains), gcd(chains, len(jax.local_devices()))
    if shape.alone and devices > 1:
        return mapped(chain, keys, chains // devices, "chain", devices)
    if model.process is not None and model.process.axis is None:
        # Side by side all chains would wait for the deepest tree of any, and a density whose time goes into matrices is
        # no faster for several of them at once.
        return jax.lax.map(chain, keys)
    return jax.vmap(chain)(keys)
