"""`savage_dickey` gives the Bayes factor of a law with a parameter held at a point, from the fit of the free law."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpyro.distributions import biject_to

from scalebayes.comparison import kernel_density as density
from scalebayes.errors import InputError, unknown
from scalebayes.fitting import first_answer as asked
from scalebayes.fitting.result import Fit
from scalebayes.infer import diagnostics
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import TextPrior, Traced, prior_text
from scalebayes.parameters.units import log_unit
from scalebayes.status import Status

# Number of effective draws within a bandwidth of the point: with fewer, the Bayes factor is only bounded from above.
FEW = 30
# |log10 Bayes factor| below which the sentence uses each phrase.
STRENGTH = ((0.5, "hardly tell"), (1.0, "speak"), (2.0, "speak strongly"), (np.inf, "speak decisively"))


@dataclass(frozen=True)
class SavageDickey:
    """The Bayes factor of a restriction of a law.

    Attributes:
        restriction: The restriction as text, such as "E = 0".

        log10_bayes_factor: The log10 Bayes factor of the restricted law over the free one. Above 0 the runs support
            the restriction.

        se: The Monte-Carlo standard error of `log10_bayes_factor`; NaN where that is only a bound.

        at_most: Whether `log10_bayes_factor` is an upper bound, at 95 %, because too few draws are near the point for
            an estimate.

        near: The effective number of draws within a bandwidth of the point.

        sentence: The result as a sentence, which is also what `print` shows.
    """

    restriction: str
    log10_bayes_factor: float
    se: float
    at_most: bool
    near: float
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class _Axis:
    """The one number that the restriction sets: its draws, the point, its log prior density there, and its range."""

    draws: np.ndarray
    point: float
    log_prior: float
    low: float = -np.inf
    high: float = np.inf


def savage_dickey(fit: Fit, /, **point: Any) -> SavageDickey:
    """The Bayes factor of a restriction: a parameter is held at a number (E=0) or equals another one (alpha="beta").

    The Savage-Dickey ratio is BF = p(point | runs) / p(point): the posterior density over the prior density at the
    point, both under the free law. The densities are over the log of a positive parameter, or over log(alpha / beta)
    for two of them. At the end of its support they are over the parameter itself.

    In the restricted law, the other parameters have their priors of the free law, given the point. For alpha = beta,
    the prior of the common value is the product of both densities, normalised. A wider prior of the parameter favours
    the restriction.

    The posterior density is a kernel estimate with a Normal as parametric start (Hjort and Glad 1995). It is cut at
    the end of the support and has Silverman's bandwidth at the effective sample size. Its error is from a block
    bootstrap.

    Args:
        fit: A fit of the free law, by NUTS or Laplace.

        **point: One parameter and its point: a number in the runs' own units, as in E=0, or the name of another
            parameter, as in alpha="beta".

    Returns:
        A `SavageDickey`, with `log10_bayes_factor`, its standard error `se`, `at_most` where it is only a bound, and
        a `sentence`.

    Raises:
        InputError: There is no such parameter; its prior is flat, or has no positive and finite density at the point;
            the fit has fewer than 100 draws; or the fit is by Laplace and the point is the end of the support.

    Warns:
        FitWarning: The fit failed a check. The warning comes once for each fit, as in `predict`.

    Source: Dickey 1971, doi 10.1214/aoms/1177693507; Verdinelli and Wasserman 1995, doi 10.1080/01621459.1995.10476554.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1e0, 1e1, 1e2, 1e3, 1e4, 1e5], loss=[3.01, 2.38, 1.91, 1.49, 1.21, 0.953])
    >>> fitted = sb.fit(runs, "power", method="laplace")
    >>> print(savage_dickey(fitted, alpha=0.1))
    The runs speak decisively for alpha = 0.1: log10 Bayes factor 2.0... (Monte-Carlo error 0.0...), it depends on ...
    """
    if not isinstance(fit, Fit):
        raise InputError(f"savage_dickey takes a fit made by sb.fit, not {type(fit).__name__}")
    if len(point) != 1:
        raise InputError(
            f"savage_dickey takes one parameter and its point, such as E=0 or alpha='beta'; {len(point)} were given"
        )
    ((name, value),) = point.items()
    with jax.enable_x64():
        _check(fit, name)
        axis = _pair(fit, name, value) if isinstance(value, str) else _single(fit, name, value)
    effective, inflation = _effective(fit, axis.draws)
    estimate = density.at(axis.draws, axis.point, effective, axis.low, axis.high)
    estimate = estimate._replace(se=estimate.se * inflation)
    few = estimate.near < FEW
    ratio = ((estimate.log_bound if few else estimate.log_density) - axis.log_prior) / np.log(10)
    restriction = f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}"
    sentence = _sentence(fit, name, restriction, ratio, estimate, few)
    asked.warn({"": fit})
    return SavageDickey(
        restriction, float(ratio), np.nan if few else estimate.se / np.log(10), few, estimate.near, sentence
    )


def _check(fit: Fit, name: str) -> Param:
    """The parameter, after a check that its prior has a density and that the fit has draws of its posterior."""
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
    param = _check(fit, name)
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


def _single(fit: Fit, name: str, value: Any) -> _Axis:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise InputError(f"{name}={value!r}: the point is a finite number, or another parameter's name")
    prior, unit = _prior(_check(fit, name)), _unit(fit, name)
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
        axis = _Axis(np.asarray(to.inv(draws)), float(free), float(log_prior))
    else:
        if fit.method.name == "laplace":
            raise InputError(
                f"{name}={value:g} is where Laplace's proposals, in the log of the distance from there, hardly come; "
                "fit with method='nuts'"
            )
        axis = _Axis(draws, x, _at_the_end(prior, x, 1 if x == low else -1), low, high)
    if not np.isfinite(axis.log_prior):
        what = "infinite" if axis.log_prior > 0 else "zero"
        raise InputError(
            f"the prior of {name!r}, {prior_text(_check(fit, name).prior)}, has density {what} at {value:g}, where the "
            "ratio says nothing; fit with one that is positive and finite there, such as a HalfNormal for E = 0"
        )
    return axis


def _at_the_end(prior: Any, end: float, side: int) -> float:
    """Log density at an end of the support: finite, or ±inf where the density is a power of the distance from it."""
    near, far = (1e-300, 1e-150) if end == 0 else (1e-12 * abs(end), 1e-6 * abs(end))
    log_near, log_far = (_log_density(prior, end + side * step) for step in (near, far))
    power = (log_far - log_near) / np.log(far / near)
    return float(log_near) if abs(power) < 1e-3 else -np.inf * np.sign(power)


def _pair(fit: Fit, one: str, other: str) -> _Axis:
    """The log ratio of two positive parameters, or the difference of two real ones, with 0 as the point."""
    if one == other:
        raise InputError(f"{one}={other!r}: two different parameters")
    params = [_check(fit, one), _check(fit, other)]
    if params[0].dimension != params[1].dimension:
        told = " and ".join(repr(p.dimension) for p in params)
        raise InputError(f"{one} = {other} means nothing across units: their dimensions differ, {told}")
    priors = [_prior(p) for p in params]
    positive = [_ends(p) == (0.0, np.inf) for p in priors]
    if not (all(positive) or all(_ends(p) == (-np.inf, np.inf) for p in priors)):
        told = " and ".join(prior_text(p) for p in priors)
        raise InputError(f"{one} = {other}: both have priors over the positive numbers or over all; these are {told}")
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
    return _Axis(on(fit.draws[one]) - on(fit.draws[other]), 0.0, log_prior)


def _effective(fit: Fit, draws: np.ndarray) -> tuple[float, float]:
    """The effective sample size, and the factor by which weights inflate an error estimated from resampled draws."""
    chains = float(min(diagnostics.ess_bulk(draws[None])[0], draws.size))
    effective = min(chains, fit.numbers.get("importance_ess", chains))
    return effective, float(np.sqrt(chains / effective))


def _sentence(fit: Fit, name: str, restriction: str, ratio: float, found: density.Found, few: bool) -> str:
    strength = next(words for limit, words in STRENGTH if abs(ratio) < limit)
    prior = prior_text(_check(fit, name).prior)
    depends = f"it depends on the prior of {name}, {prior}"
    if few:
        told = f"log10 Bayes factor at most {ratio:.2f}"
        told += f", for {found.near:.0f} effective draws are near; {depends}"
        against = "against" if ratio < 0 else "no more for"
        text = f"The runs {strength if ratio < -0.5 else 'speak'} {against} {restriction}: {told}"
    else:
        told = f"log10 Bayes factor {ratio:.2f} (Monte-Carlo error {found.se / np.log(10):.2f}), {depends}"
        side = "for" if ratio > 0 else "against"
        what = f"{restriction} from a free {name}" if abs(ratio) < 0.5 else f"{side} {restriction}"
        text = f"The runs {strength} {what}: {told}"
    failed = ", ".join(check.name for check in fit.checks.of(Status.FAIL))
    return f"{text}; don't rely on it, for the fit failed: {failed}." if failed else f"{text}."
