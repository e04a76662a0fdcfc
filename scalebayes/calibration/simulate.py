"""This file simulates data sets from parameters of a prior or a posterior, and makes problems of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to

from scalebayes.calibration.ranks import thinned
from scalebayes.errors import InputError
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.infer.compile import compiled_once
from scalebayes.model.arrays import padded
from scalebayes.model.layout import laid_out
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem
from scalebayes.parameters.priors import TextPrior
from scalebayes.parameters.units import log_unit

# Number of data sets whose matrices are in memory at once.
TOGETHER = 64


class Simulations(NamedTuple):
    """Simulated data sets.

    Attributes:
        values: The true value of each free parameter, in the units of its prior (sim,).

        y: The observable in the runs' own unit (sim, run).
    """

    values: dict[str, np.ndarray]
    y: np.ndarray


def from_prior(problem: Problem, size: int, key: Any) -> Simulations:
    """Simulate data sets at the runs' inputs, with parameters from the priors. Call it inside `double()`.

    Raises:
        InputError: A prior can't be drawn from, because it is flat or is known from a file as text only.
    """
    model, numbers, params = problem.model, problem.numbers, problem.params
    for name in model.free:
        if isinstance(params[name].prior, (str, TextPrior)):
            raise InputError(
                f"the prior of {name!r} is {params[name].prior!r} and has no draws; give it a distribution"
            )
    key_values, key_delta, key_noise = jax.random.split(key, 3)
    each = zip(model.free, jax.random.split(key_values, len(model.free)), strict=True)
    values = {name: np.asarray(numbers.priors[name].distribution.sample(k, (size,))) for name, k in each}
    rows = unpadded(problem)
    delta = departures(problem, values, jax.random.split(key_delta, size)) if model.process else None
    return Simulations(values, _observed(problem, rows, values, delta, jax.random.split(key_noise, size)))


def from_posterior(fit: Fit, size: int, key: Any) -> Simulations:
    """Simulate the runs of a fit anew at the same inputs, with parameters from its posterior.

    With a discrepancy, the new runs have the departure from the law that is drawn given the runs of the fit. Call it
    inside `double()`.
    """
    problem, draws = fit.problem, fit.size
    if draws < size:
        raise InputError(f"the fit has {draws} draws, and {size} simulations take one each; ask for fewer, n={draws}")
    key_delta, key_noise = jax.random.split(key)
    chosen = {name: x.ravel()[thinned(draws, size)] for name, x in fit.draws.items()}
    values, rows, delta = prior_units(problem, chosen), unpadded(problem), None
    if fit.discrepancy is not None:
        few = replace(fit, draws={name: x[None] for name, x in chosen.items()})
        group = np.full(len(fit.runs), -1.0) if rows.group is None else np.asarray(rows.group)
        there = {name: problem.column(column) for name, column in problem.columns.items()}
        delta = conditional(few, there, group, key_delta).drawn
    return Simulations(values, _observed(problem, rows, values, delta, jax.random.split(key_noise, size)))


def unpadded(problem: Problem) -> Rows:
    """The rows without padding of a problem whose runs are simulated anew."""
    return jax.tree.map(lambda x: x[: len(problem.runs)], problem.rows._replace(layout=None))


def prior_units(problem: Problem, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """True parameters of simulations in the units of their priors, from values in the runs' own units.

    All have one shape.
    """
    full = {**problem.numbers.fixed, **draws}
    sites = {site.name: site for site in problem.model.sites if not site.fixed}
    return {
        name: np.asarray(draws[name] * np.exp(-log_unit(site.dimension, full, problem.numbers.log_reference)))
        if site.scaled and site.dimension
        else np.asarray(draws[name])
        for name, site in sites.items()
    }


def unconstrained(problem: Problem, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The unconstrained coordinates (..., free) of parameters that were simulated in the units of their priors."""
    priors = problem.numbers.priors
    return np.stack([np.asarray(biject_to(priors[n].support).inv(values[n])) for n in problem.model.free], axis=-1)


def observed(problem: Problem, y: np.ndarray) -> Problem:
    """The problem with a simulated observable (run,). Its reference, priors and ends stay those of the first runs."""
    size = len(problem.rows.mask)
    scaled = np.concatenate([y, np.full(size - len(y), y[0])]) / problem.reference.scale
    return replace(problem, runs=problem.runs.observed_as(y), rows=problem.rows._replace(y=scaled))


def doubled(problem: Problem) -> Problem:
    """The problem for a calibration by the posterior: all runs once, and then all runs again."""
    count = len(problem.runs)
    twice = np.tile(np.arange(count), 2)
    size = padded(2 * count)
    index = np.concatenate([twice, np.zeros(size - 2 * count, int)])
    rows = jax.tree.map(lambda x: x[index], problem.rows._replace(layout=None))
    rows = rows._replace(mask=(np.arange(size) < 2 * count).astype(np.float64))
    ends = problem.numbers.ends
    rows = laid_out(rows, problem.model.process, ends.plain if ends else {})
    return replace(problem, runs=problem.runs.take(twice), rows=rows)


def log_likelihoods(problem: Problem, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The joint log likelihood of the simulated runs up to a constant (draw,), which is ranked like a parameter.

    Parameters are in the units of their priors.
    """
    arguments = (problem.model, problem.numbers, problem.rows, unconstrained(problem, values))
    return np.asarray(compiled_once(_log_likelihoods, *arguments))


def departures(problem: Problem, values: Mapping[str, np.ndarray], keys: Any) -> np.ndarray:
    """Simulated log shifts of the discrepancy at the runs (sim, run), at parameters in their priors' units (sim,)."""
    return np.asarray(compiled_once(_departures, problem.model, problem.numbers, unpadded(problem), values, keys))


def _departures_impl(model: Model, numbers: Numbers, rows: Rows, values: Any, keys: Any) -> Any:
    assert model.process is not None and numbers.ends is not None
    process, places = model.process, numbers.ends.places(rows.inputs, rows.group)

    def one(each):
        values, key = each
        scaled = model.scaled(values, numbers)
        covariance = process.covariance({site.name: scaled[site.name] for site in model.process_sites}, places, places)
        # Rows with the same inputs make the matrix singular to rounding.
        size, vectors = jnp.linalg.eigh(covariance)
        return vectors @ (jnp.sqrt(jnp.maximum(size, 0.0)) * jax.random.normal(key, size.shape))

    return in_batches(one, (values, keys), TOGETHER)


_departures = jax.jit(_departures_impl, static_argnums=0)


def _observed(problem: Problem, rows: Rows, values: Any, delta: Any, keys: Any) -> np.ndarray:
    y = compiled_once(_noisy, problem.model, problem.numbers, rows, values, delta, keys)
    return np.asarray(y) * problem.reference.scale


def _noisy_impl(model, numbers, rows, values, delta, keys):
    def one(each):
        values, delta, key = each
        scaled = model.scaled(values, numbers)
        location, noise = model.location(scaled, rows.inputs), model.noise_values(scaled)
        if delta is None:
            return model.form.distribution(location, noise, rows.se, rows.count).sample(key)
        # As in the likelihood, the noise is on the log, with its scale at the law's value.
        scale = jnp.broadcast_to(model.form.row_scale(location, noise, rows.se, rows.count), location.shape)
        return location * jnp.exp(delta + model.form.residual(noise, scale).sample(key))

    return in_batches(one, (values, delta, keys), TOGETHER)


_noisy = jax.jit(_noisy_impl, static_argnums=0)


def _log_likelihoods_impl(model, numbers, rows, z):
    # With all rows masked, the log density is that of the prior.
    empty = rows._replace(mask=jnp.zeros_like(rows.mask))
    one = lambda z: model.log_density(z, numbers, rows) - model.log_density(z, numbers, empty)  # noqa: E731
    return in_batches(one, z, TOGETHER)


_log_likelihoods = jax.jit(_log_likelihoods_impl, static_argnums=0)
