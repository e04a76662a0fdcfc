"""This file forecasts held-out runs by a fit, a stack or a recalibrated fit: draws, and the predictive density."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from scalebayes.backtesting.proper_scores import Forecast, mixture
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import keys_of
from scalebayes.forecasting.density import densities
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.predict import curve
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.compile import dispatched
from scalebayes.infer.traces import jitted
from scalebayes.runs import Runs
from scalebayes.seeds import as_key

# The smallest number of draws of a forecast: a fit with fewer posterior draws gives several forecasts from each.
DRAWS = 4000
# Number of runs whose forecasts are computed together; fewer are filled up to it, so that one program is compiled.
TOGETHER = 64

# The inputs of each law (run,): member of a stack -> input -> values.
Inputs = dict[str, dict[str, np.ndarray]]


def forecast_of(asked: Fit | Stack | Recalibrated, runs: Runs, inputs: Inputs, seed: Any) -> Forecast:
    """The forecast, to be scored, of held-out runs by a fit, a stack or a recalibrated fit.

    Args:
        asked: The fit, stack or recalibrated fit.

        runs: The runs to forecast.

        inputs: The inputs of each member's law (run,), by the member's name; a single fit has the name "".

        seed: An int or a JAX key.
    """
    if isinstance(asked, Stack):
        return _of_stack(asked, runs, inputs, seed)
    if isinstance(asked, Recalibrated):
        return _widened(asked, runs, inputs[""], seed)
    return forecast(asked, runs, inputs[""], seed)


def _of_stack(stack: Stack, runs: Runs, inputs: Inputs, seed: Any) -> Forecast:
    """The mixture of the members' forecasts.

    Each member gives as many draws as the stack has of it, evenly spaced among the draws of its own forecast.
    """
    drawn, densities_of, weights = [], [], []
    for name, key in keys_of(stack, seed).items():
        of_member, share = forecast(stack.members[name], runs, inputs[name], key), len(stack.picks[name][0])
        chosen = np.linspace(0, len(of_member.log_draws) - 1, share).round().astype(int)
        drawn.append(of_member.log_draws[chosen])
        densities_of.append(of_member.log_density)
        weights.append(share / stack.draws)
    return Forecast(np.concatenate(drawn), logsumexp(np.log(weights)[:, None] + np.array(densities_of), axis=0))


def _widened(recalibrated: Recalibrated, runs: Runs, inputs: dict[str, np.ndarray], seed: Any) -> Forecast:
    """The forecast of a fit, widened about its median m by the factor k, on the noise's scale.

    A draw z' of the fit becomes m + k (z' - m). The density at z is that of the fit at m + (z - m) / k, divided by k.
    """
    unwidened = forecast(recalibrated.fit, runs, inputs, seed)
    factor, link = recalibrated.factor, recalibrated.link
    with jax.enable_x64():
        z = np.asarray(link.of(np.exp(unwidened.log_draws)))
        middle = np.median(z, axis=0)
        narrow = middle + (np.asarray(link.of(runs.y)) - middle) / factor
        wide = np.log(np.asarray(link.inverse(middle + factor * (z - middle))))
        at = np.asarray(link.inverse(narrow))
        density = forecast(recalibrated.fit, runs.observed_as(at), inputs, seed).log_density
        # Densities are those of y, so that the slope dz/dy enters at both points.
        slopes = np.log(np.asarray(link.slope(runs.y))) - np.log(np.asarray(link.slope(at)))
        density = density + slopes - np.log(factor)
    return Forecast(wide, np.asarray(density))


def forecast(fit: Fit, runs: Runs, inputs: dict[str, np.ndarray], seed: Any) -> Forecast:
    """The forecast, to be scored, of held-out runs by one fit.

    `inputs` are those of its law (run,). The runs' counts and known errors are taken into account.
    """
    codes = group_codes(fit, runs)
    key, parts = as_key(seed), []
    with jax.enable_x64():
        for start in range(0, len(runs), TOGETHER):
            at = np.arange(start, min(start + TOGETHER, len(runs)))
            filled = np.concatenate([at, np.full(TOGETHER - len(at), at[-1])])
            there = {name: x[filled] for name, x in inputs.items()}
            part = _forecast(fit, runs.take(filled), there, codes[filled], jax.random.fold_in(key, start))
            parts.append(Forecast(part.log_draws[:, : len(at)], part.log_density[: len(at)]))
    return Forecast(*(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)))


def _forecast(fit: Fit, runs: Runs, inputs: dict[str, np.ndarray], codes: np.ndarray, key: Any) -> Forecast:
    flat = {name: x.reshape(-1, 1) for name, x in fit.law_draws.items()}
    noise = {name: x.reshape(-1, 1) for name, x in fit.noise_draws.items()}
    if fit.discrepancy is None:
        values, extra = curve(fit.law.fn, {name: x[None] for name, x in inputs.items()}, flat), None
        location = np.broadcast_to(np.asarray(values), (fit.size, len(runs)))
    else:
        found = conditional(fit, inputs, codes)
        location, extra = found.law * np.exp(found.mean), found.sd
    known = (None if x is None else x[None] for x in (runs.se, runs.count))
    repeats = -(-DRAWS // len(location))
    drawn, density = dispatched(_marginals, fit.noise.form, repeats, key, location, extra, noise, runs.y[None], *known)
    return Forecast(np.asarray(drawn), np.asarray(density))


@jitted(0, 1)
def _marginals(form, repeats, key, location, extra, values, y, se, count):
    values = form.of_new_run(values)
    of = form.distribution(location, values, se, count)
    shift = None if extra is None else (0.0, extra)
    density = mixture(densities(form, location, values, y, se, count, shift))
    if extra is None:
        return jnp.log(of.sample(key, (repeats,))).reshape(-1, location.shape[1]), density
    key_noise, key_process = jax.random.split(key)
    moved = extra * jax.random.normal(key_process, (repeats, *location.shape))
    drawn = jnp.log(of.sample(key_noise, (repeats,))) + moved
    return drawn.reshape(-1, location.shape[1]), density
