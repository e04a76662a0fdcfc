"""This file finds the one number that a restriction of a law sets: its draws in a fit, and its prior density there."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpyro.distributions import biject_to

from scalebayes.comparison import kernel_density as density
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.result import Fit
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import TextPrior, Traced, prior_text
from scalebayes.parameters.units import log_unit


@dataclass(frozen=True)
class Axis:
    """The one number that the restriction sets: its draws, the point, its log prior density there, and its range."""

    draws: np.ndarray
    point: float
    log_prior: float
    low: float = -np.inf
    high: float = np.inf


def axis_of(fit: Fit, name: str, value: Any) -> Axis:
    """The axis of a restriction whose Bayes factor is asked: of a parameter at a number, or of two that are equal.

    Args:
        fit: The fit of the free law.

        name: The parameter.

        value: A number in the runs' own units, or the name of another parameter.

    Raises:
        InputError: The ratio of the densities doesn't exist, or can't be estimated from this fit.
    """
    param_of(fit, name)
    return _pair(fit, name, value) if isinstance(value, str) else _single(fit, name, value)


def param_of(fit: Fit, name: str) -> Param:
    """The parameter that a Bayes factor restricts, after a check that its prior has a density and the fit has draws."""
    params = fit.problem.params
    if name not in params:
        raise unknown("parameter", name, fit.draws)
    param = params[name]
    if param.fixed:
        raise InputError(f"{name!r} is fixed at {param.prior:g} in this fit; fit the law with {name} free")
    if isinstance(param.prior, str):
        raise InputError(f"the prior of {name!r} is flat: a Bayes factor needs a proper one; fit with a distribution")
    if isinstance(param.prior, TextPrior):
        raise InputError(f"the prior of {name!r}, {param.prior!r}, is known as text alone; fit again in this session")
    if fit.method.name not in ("nuts", "laplace", "map"):
        raise InputError(f"savage_dickey needs a posterior, and {fit.method.name} draws none; use method='nuts'")
    if fit.draws[name].size < 100:
        cure = "use method='nuts'" if fit.method.name == "map" else "draw more"
        raise InputError(f"savage_dickey needs draws, and this fit has {fit.draws[name].size}; {cure}")
    return param


def _unit(fit: Fit, name: str) -> Any:
    """The factor from the prior's units to the runs' own: one number, or one for each draw."""
    param = param_of(fit, name)
    if not param.scaled or not param.dimension:
        return 1.0
    return np.exp(np.asarray(log_unit(param.dimension, {**fit.law_draws, **fit.noise_draws}, fit.reference.logs)))


def _ends(prior: Any) -> tuple[float, float]:
    """Both ends of a prior's support."""
    low, high = (float(x) for x in biject_to(prior.support)(np.array([-np.inf, np.inf])))
    # A sigmoid is clipped a rounding error short of its ends: such an end is rounded.
    tidy = [end if np.isinf(end) or abs(end - round(end, 12)) > 1e-14 else round(end, 12) for end in (low, high)]
    return tidy[0], tidy[1]


def _log_density(prior: Any, x: Any) -> Any:
    return np.asarray(prior.log_prob(np.asarray(x, np.float64)), np.float64)


def _prior(param: Param) -> Any:
    return Traced.of(param.distribution).distribution


def _single(fit: Fit, name: str, value: Any) -> Axis:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise InputError(f"{name}={value!r}: the point is a finite number, or another parameter's name")
    prior, unit = _prior(param_of(fit, name)), _unit(fit, name)
    if value and np.ndim(unit):
        raise InputError(
            f"the unit of {name!r} depends on other parameters, so that {value:g} isn't one point of its prior; fit "
            f"with a prior in the runs' own units, priors={{{name!r}: ...}}"
        )
    x, draws = float(value) / float(np.mean(unit)), fit.draws[name] / unit
    low, high = _ends(prior)
    if not low <= x <= high:
        raise InputError(f"{name}={value:g} lies outside the support of its prior, {prior_text(prior)}")
    if low < x < high:
        to = biject_to(prior.support)
        free = to.inv(np.asarray(x))
        log_prior = _log_density(prior, x) + float(to.log_abs_det_jacobian(free, np.asarray(x)))
        axis = Axis(np.asarray(to.inv(draws)), float(free), float(log_prior))
    else:
        if fit.method.name == "laplace":
            raise InputError(
                f"{name}={value:g} is where Laplace's proposals, in the log of the distance from there, hardly come; "
                "fit with method='nuts'"
            )
        axis = Axis(draws, x, _at_the_end(prior, x, 1 if x == low else -1), low, high)
    if not np.isfinite(axis.log_prior):
        what = "infinite" if axis.log_prior > 0 else "zero"
        raise InputError(
            f"the prior of {name!r}, {prior_text(param_of(fit, name).prior)}, has density {what} at {value:g}, where "
            "the ratio says nothing; fit with one that is positive and finite there, such as a HalfNormal for E = 0"
        )
    return axis


def _at_the_end(prior: Any, end: float, side: int) -> float:
    """Log density at an end of the support: finite, or ±inf where the density is a power of the distance from it."""
    near, far = (1e-300, 1e-150) if end == 0 else (1e-12 * abs(end), 1e-6 * abs(end))
    log_near, log_far = (_log_density(prior, end + side * step) for step in (near, far))
    power = (log_far - log_near) / np.log(far / near)
    return float(log_near) if abs(power) < 1e-3 else -np.inf * np.sign(power)


def _pair(fit: Fit, one: str, other: str) -> Axis:
    """The log ratio of two positive parameters, or the difference of two real ones, with 0 as the point."""
    if one == other:
        raise InputError(f"{one}={other!r}: two different parameters")
    params = [param_of(fit, one), param_of(fit, other)]
    if params[0].dimension != params[1].dimension:
        dimensions = " and ".join(repr(p.dimension) for p in params)
        raise InputError(f"{one} = {other} means nothing across units: their dimensions differ, {dimensions}")
    priors = [_prior(p) for p in params]
    positive = [_ends(p) == (0.0, np.inf) for p in priors]
    if not (all(positive) or all(_ends(p) == (-np.inf, np.inf) for p in priors)):
        texts = " and ".join(prior_text(p) for p in priors)
        raise InputError(f"{one} = {other}: both have priors over the positive numbers or over all; these are {texts}")
    # Where both parameters have one dimension and priors in reference units, the unit cancels in the ratio.
    units = (
        [1.0, 1.0] if all(positive) and params[0].scaled and params[1].scaled else [_unit(fit, one), _unit(fit, other)]
    )
    if any(np.ndim(u) for u in units):
        raise InputError(f"{one} = {other}: the unit of one prior depends on other parameters; give both own units")
    on = np.log if all(positive) else np.asarray
    samples = [
        on(np.asarray(p.sample(jax.random.key(i), (4000,))) * u)
        for i, (p, u) in enumerate(zip(priors, units, strict=True))
    ]

    def log_product(t):
        x = np.exp(t) if all(positive) else t
        jacobian = t if all(positive) else 0.0
        return sum(_log_density(p, x / u) - np.log(u) + jacobian for p, u in zip(priors, units, strict=True))

    log_prior = density.log_integral(log_product, min(s.min() for s in samples), max(s.max() for s in samples))
    return Axis(on(fit.draws[one]) - on(fit.draws[other]), 0.0, log_prior)
