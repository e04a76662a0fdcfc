"""The log density of new runs under each draw of a fit: one engine for scores and for comparisons."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.runs import Runs

MIXED = 16  # draws whose mixtures of noise are in memory at once


def log_density(fit: Fit, runs: Runs, *, new: bool) -> np.ndarray:
    """log p(observable of a run | the fit's runs, draw), each run on its own, in the observable's own units.

    Args:
        runs: none of which the fit has seen (run,); they have its columns.
        new: True for runs that a forecast is of, whose noise may be wider; False for more of the runs seen.

    Returns:
        (draw, run), the draws of all chains in order.
    """
    problem, form = fit.problem, fit.noise.form
    inputs = {name: runs.column(column, fit.law.domains.get(name)) for name, column in problem.columns.items()}
    law, noise = ({n: x.reshape(-1, 1) for n, x in of.items()} for of in (fit.law_draws, fit.noise_draws))
    with jax.enable_x64():
        if new:
            noise = dict(form.of_new_run(noise))
        shift = None
        if fit.discrepancy is not None:
            found = conditional(fit, inputs, group_codes(fit, runs))
            shift = found.mean, found.sd
        return np.asarray(_scored(fit.law.fn, form, law, noise, inputs, runs.y, runs.se, runs.count, shift))


def densities(form, location, noise, y, se, count, shift):
    """Log density of y under each draw (draw, run), each run on its own; traced inside a program of its caller.

    Args:
        form: of the noise. location: of the law (draw, run). noise: parameters (draw, 1). y: of the runs (1, run) or
            (run,). se, count: of the runs, or None. shift: mean and sd of the discrepancy on the log (draw, run), or
            None.
    """
    if shift is None:
        return form.log_likelihood(y, location, noise, se, count)
    # A discrepancy goes with a noise on the log that is Normal, or a mixture of such: so is its sum with the process.
    mean, sd = shift
    off, scale = jnp.log(y) - jnp.log(location) - mean, form.row_scale(location, noise, se, count)
    if form.mixture is not None:
        scale = jnp.broadcast_to(scale, off.shape)
        integrated = lambda each: form.mixture.log_density(*each)  # noqa: E731
        return jax.lax.map(integrated, (noise, off, sd**2, scale), batch_size=MIXED) - jnp.log(y)
    variance = sd**2 + scale**2
    return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(y)


def _scored_impl(fn, form, law, noise, inputs, y, se, count, shift):
    return densities(form, fn(**inputs, **law), noise, y, se, count, shift)


_scored = jax.jit(_scored_impl, static_argnums=(0, 1))


def mean_over_draws(log_density: np.ndarray) -> np.ndarray:
    """log of the mean density over the draws (run,), of log densities (draw, run).

    >>> mean_over_draws(np.log([[1.0], [3.0]])).round(6).tolist()
    [0.693147]
    """
    return logsumexp(log_density, axis=0) - np.log(len(log_density))
