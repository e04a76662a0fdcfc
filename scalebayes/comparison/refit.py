"""How well a fit foretells given runs: their log density under its draws, and the fit without them."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from scalebayes.errors import InputError
from scalebayes.fitting.at_points import TOGETHER, conditional
from scalebayes.fitting.fit import finished
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.infer.fallback import run_on
from scalebayes.model.problem import build
from scalebayes.parameters.priors import TextPrior
from scalebayes.runs import Runs
from scalebayes.seeds import seed_record


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


def _scored_impl(fn, form, law, noise, inputs, y, se, count, shift):
    location = fn(**inputs, **law)
    if shift is None:
        return form.log_likelihood(y, location, noise, se, count)
    # A discrepancy goes with a noise on the log that is Normal, or a mixture of such: so is its sum with the process.
    mean, sd = shift
    off, scale = jnp.log(y) - jnp.log(location) - mean, form.row_scale(location, noise, se, count)
    if form.mixture is not None:
        scale = jnp.broadcast_to(scale, off.shape)
        integrated = lambda each: form.mixture.log_density(*each)  # noqa: E731
        return jax.lax.map(integrated, (noise, off, sd**2, scale), batch_size=TOGETHER) - jnp.log(y)
    variance = sd**2 + scale**2
    return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(y)


_scored = jax.jit(_scored_impl, static_argnums=(0, 1))


def mean_over_draws(log_density: np.ndarray) -> np.ndarray:
    """log of the mean density over the draws (run,), of log densities (draw, run).

    >>> mean_over_draws(np.log([[1.0], [3.0]])).round(6).tolist()
    [0.693147]
    """
    return logsumexp(log_density, axis=0) - np.log(len(log_density))


def without(fit: Fit, left_out: np.ndarray, key: Any, *, same_model: bool) -> Fit:
    """The fit of the other runs, by the same method, and by what follows it where its k-hat fails.

    Where the runs were averaged, the others are averaged in the same cells.

    Args:
        left_out: True for those of `fit.scored_runs` that are left out, bool (run,).
        same_model: True to keep the reference, and with a discrepancy where the largest runs lie: the same priors,
            given fewer runs. False for those of the runs that are left, as if the others had never been there: what
            the law holds at the reference moves along.

    Raises:
        InputError: a prior is known as text alone, or the method can't fit what is left.
    """
    problem = fit.problem
    if text := [name for name, param in problem.params.items() if isinstance(param.prior, TextPrior)]:
        raise InputError(f"the prior of {text[0]!r} is known as text alone: it can't be fitted again; fit it anew")
    law, reference = (fit.law, problem.reference) if same_model else (problem.movable_law, None)
    with jax.enable_x64():
        origin = fit.origin and fit.origin.without(left_out)
        kept = fit.runs.take(~left_out) if origin is None else origin.table()
        again = build(kept, law, fit.noise, None, problem.columns, reference, fit.discrepancy)
        # The law has the priors in force, and a flat one doesn't say where to start.
        numbers = again.numbers._replace(starts=problem.numbers.starts)
        again = replace(again, numbers=numbers._replace(ends=problem.numbers.ends) if same_model else numbers)
        method, draws = run_on(fit.method, again, key)
        return replace(finished(again, method, seed_record(key), draws), origin=origin)
