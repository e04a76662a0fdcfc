"""This file makes the forecast of runs, to be scored, from what a fit says of each: components of a mixture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from scalebayes.backtesting.proper_scores import Forecast, mixture
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.density import densities
from scalebayes.forecasting.predict import curve
from scalebayes.infer.compile import dispatched
from scalebayes.infer.double import double
from scalebayes.infer.traces import jitted
from scalebayes.noise.links import Link
from scalebayes.noise.noise import Form
from scalebayes.runs import Runs
from scalebayes.seeds import as_key

# The smallest number of draws of a forecast: a fit with fewer posterior draws gives several forecasts from each.
DRAWS = 4000
# Number of runs whose forecasts are computed together; fewer are filled up to it, so that one program is compiled.
TOGETHER = 64


class Components(NamedTuple):
    """What a fit says of new runs: with its noise, one distribution for each posterior draw and each run.

    Attributes:
        location: The law, times exp of the mean of the discrepancy, in the observable's own units (draw, run).

        sd: The sd of the discrepancy (draw, run); None where the fit has none.

        noise: A mapping from parameter of the noise to its draws (draw,).
    """

    location: np.ndarray
    sd: np.ndarray | None
    noise: Mapping[str, np.ndarray]

    def at(self, runs: np.ndarray) -> "Components":
        """Those of the runs with these numbers."""
        return self._replace(location=self.location[:, runs], sd=None if self.sd is None else self.sd[:, runs])


def components(fit: Fit, inputs: Mapping[str, np.ndarray], codes: np.ndarray) -> Components:
    """What a fit says of new runs at some inputs; call it inside `double()`.

    Args:
        fit: The fit.

        inputs: The inputs of its law (run,).

        codes: The number of each run's group among the fit's groups (run,).
    """
    noise = {name: x.reshape(-1) for name, x in fit.noise_draws.items()}
    if fit.discrepancy is not None:
        found = conditional(fit, inputs, codes)
        return Components(found.law * np.exp(found.mean), found.sd, noise)
    flat = {name: x.reshape(-1, 1) for name, x in fit.law_draws.items()}
    values = curve(fit.law.fn, {name: x[None] for name, x in inputs.items()}, flat)
    return Components(np.broadcast_to(np.asarray(values), (fit.size, len(codes))), None, noise)


def forecast_by(form: Form, of: Callable[[np.ndarray], Components], runs: Runs, seed: Any) -> Forecast:
    """The forecast of runs on their own. The runs' counts and known errors are taken into account.

    Args:
        form: The form of the noise.

        of: A function from the numbers of some of the runs to what the fit says of them.

        runs: The runs.

        seed: An int or a JAX key.
    """
    key, parts = as_key(seed), []
    with double():
        for start in range(0, len(runs), TOGETHER):
            at = np.arange(start, min(start + TOGETHER, len(runs)))
            filled = np.concatenate([at, np.full(TOGETHER - len(at), at[-1])])
            part = _forecast(form, of(filled), runs.take(filled), jax.random.fold_in(key, start))
            parts.append(Forecast(part.log_draws[:, : len(at)], part.log_density[: len(at)]))
    return Forecast(*(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)))


def mixed(forecasts: Sequence[Forecast], shares: Sequence[int]) -> Forecast:
    """The mixture of the forecasts of a stack's members.

    Args:
        forecasts: The members' forecasts.

        shares: The number of draws that each member gives. They are evenly spaced among the draws of its forecast.
    """
    drawn = [
        one.log_draws[np.linspace(0, len(one.log_draws) - 1, share).round().astype(int)]
        for one, share in zip(forecasts, shares, strict=True)
    ]
    weights = np.array(shares) / sum(shares)
    density = logsumexp(np.log(weights)[:, None] + np.array([one.log_density for one in forecasts]), axis=0)
    return Forecast(np.concatenate(drawn), np.asarray(density))


def widened(
    forecast: Callable[[Runs], Forecast], runs: Runs, factor: float, link: Link, middle: np.ndarray | None = None
) -> Forecast:
    """A forecast that is widened about its median m by the factor k, on the noise's scale.

    A draw z' of the forecast becomes m + k (z' - m). The density at z is that of the forecast at m + (z - m) / k,
    divided by k.

    Args:
        forecast: A function from runs to the forecast of them that is to be widened.

        runs: The runs.

        factor: The factor k.

        link: The scale on which draws are moved.

        middle: The medians of the observable (run,). The default is None: those of the forecast's draws.
    """
    narrow = forecast(runs)
    with double():
        z = np.asarray(link.of(np.exp(narrow.log_draws)))
        middle = np.median(z, axis=0) if middle is None else np.asarray(link.of(middle))
        nearer = middle + (np.asarray(link.of(runs.y)) - middle) / factor
        wide = np.log(np.asarray(link.inverse(middle + factor * (z - middle))))
        at = np.asarray(link.inverse(nearer))
        density = forecast(runs.observed_as(at)).log_density
        # Densities are those of y, so that the slope dz/dy enters at both points.
        slopes = np.log(np.asarray(link.slope(runs.y))) - np.log(np.asarray(link.slope(at)))
        density = density + slopes - np.log(factor)
    return Forecast(wide, np.asarray(density))


def _forecast(form: Form, said: Components, runs: Runs, key: Any) -> Forecast:
    noise = {name: x[:, None] for name, x in said.noise.items()}
    known = (None if x is None else x[None] for x in (runs.se, runs.count))
    repeats = -(-DRAWS // len(said.location))
    drawn, density = dispatched(_marginals, form, repeats, key, said.location, said.sd, noise, runs.y[None], *known)
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
