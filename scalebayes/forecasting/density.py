"""This file gives the log density of runs under each draw of a fit, for scores and for comparisons."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.infer.double import double
from scalebayes.runs import Runs

MIXED = 16  # number of draws whose mixtures of noise are in memory at once; more of them take more memory


def log_density(fit: Fit, runs: Runs, *, new: bool) -> np.ndarray:
    """The log density of each run on its own in a forecast by the fit, for each draw, in the observable's own units.

    Args:
        fit: The fit.

        runs: Runs that the fit hasn't seen (run,), with the columns that its law takes.

        new: True for the noise of a new run, which may be wider; False for the noise of the runs that the fit has seen.

    Returns:
        The log densities (draw, run), with the draws of all chains in order.
    """
    problem, form = fit.problem, fit.noise.form
    inputs = {name: runs.column(column, fit.law.domains.get(name)) for name, column in problem.columns.items()}
    law, noise = ({n: x.reshape(-1, 1) for n, x in of.items()} for of in (fit.law_draws, fit.noise_draws))
    with double():
        if new:
            noise = dict(form.of_new_run(noise))
        shift = None
        if fit.discrepancy is not None:
            found = conditional(fit, inputs, group_codes(fit, runs))
            shift = found.mean, found.sd
        return np.asarray(_scored(fit.law.fn, form, law, noise, inputs, runs.y, runs.se, runs.count, shift))


def densities(form, location, noise, y, se, count, shift):
    """The forecast's log density of y for each run under each draw (draw, run), inside a traced program of the caller.

    Args:
        form: The form of the noise.

        location: The values of the law (draw, run).

        noise: A mapping from parameter of the noise to its draws (draw, 1).

        y: The observable of the runs (1, run) or (run,).

        se: The known standard errors of the runs, or None.

        count: The counts of the runs, or None.

        shift: The mean and the sd of the discrepancy on the log of the observable, each (draw, run), or None.
    """
    if shift is None:
        return form.log_likelihood(y, location, noise, se, count)
    # A discrepancy has a noise that is Normal on the log, or a mixture of such. The sum of process and noise is then
    # Normal on the log too, or a mixture.
    mean, sd = shift
    off, scale = jnp.log(y) - jnp.log(location) - mean, form.row_scale(location, noise, se, count)
    if form.mixture is not None:
        scale = jnp.broadcast_to(scale, off.shape)
        integrated = lambda each: form.mixture.log_density(*each)  # noqa: E731
        return in_batches(integrated, (noise, off, sd**2, scale), MIXED) - jnp.log(y)
    variance = sd**2 + scale**2
    return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(y)


def _scored_impl(fn, form, law, noise, inputs, y, se, count, shift):
    return densities(form, fn(**inputs, **law), noise, y, se, count, shift)


_scored = jax.jit(_scored_impl, static_argnums=(0, 1))


def mean_over_draws(log_density: np.ndarray) -> np.ndarray:
    """The log of the forecast's mean density over the draws (run,), given the log densities (draw, run).

    >>> mean_over_draws(np.log([[1.0], [3.0]])).round(6).tolist()
    [0.693147]
    """
    return logsumexp(log_density, axis=0) - np.log(len(log_density))
