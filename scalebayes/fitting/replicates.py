"""This file draws the parameters of a fit from their priors, and its runs anew from the posterior."""

from typing import Any

import jax
import numpy as np

from scalebayes.fitting.at_points import conditional, discrepancy_key
from scalebayes.infer.double import double

SEED = 0  # seed of all draws in this file, so that the data tree of a fit is the same each time
PRIOR_DRAWS = 2000  # number of draws from the priors


def has_prior_draws(fit: Any) -> bool:
    """Whether a fit can have draws of the prior: all free parameters have priors that can be drawn from.

    A flat prior can't. The prior of a pooled recipe depends on the other recipes, so it has none.
    """
    return not fit.pool and not any(isinstance(fit.problem.params[name].prior, str) for name in fit.problem.model.free)


def prior(fit: Any) -> dict[str, np.ndarray]:
    """Draws of a fit's free parameters from their priors (chain = 1, draw), in the runs' own units."""
    problem = fit.problem
    names = problem.model.free
    with double():
        keys = jax.random.split(jax.random.key(SEED), len(names))
        drawn = {
            name: problem.numbers.priors[name].distribution.sample(key, (PRIOR_DRAWS,))
            for name, key in zip(names, keys, strict=True)
        }
        paper = problem.model.paper(drawn, problem.numbers)
        return {name: np.asarray(paper[name], np.float64)[None] for name in names}


def posterior_predictive(fit: Any) -> np.ndarray:
    """The observable of a fit's runs, drawn anew with its noise (chain, draw, run).

    Each run has its own known standard error and count. The discrepancy is that at the runs, conditional on their
    observed values.
    """
    runs, problem = fit.runs, fit.problem
    columns = {name: problem.column(column) for name, column in problem.columns.items()}
    key = jax.random.key(SEED)
    with double():
        values = _law(fit.law.fn, columns, {name: x[..., None] for name, x in fit.law_draws.items()})
        if fit.discrepancy is not None:
            group = problem.rows.group
            own = np.zeros(len(runs)) if group is None else np.asarray(group)[: len(runs)]
            found = conditional(fit, columns, own, discrepancy_key(fit, key))
            delta = found.mean if found.drawn is None else found.drawn
            values = values * np.exp(delta).reshape(values.shape)
        noise = {name: x[..., None] for name, x in fit.noise_draws.items()}
        return np.asarray(fit.noise.form.distribution(values, noise, runs.se, runs.count).sample(key), np.float64)


def _law_impl(fn, columns, params):
    return fn(**columns, **params)


_law = jax.jit(_law_impl, static_argnums=0)
