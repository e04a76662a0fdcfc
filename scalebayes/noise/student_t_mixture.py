"""Student-t noise as a scale mixture: every row has an unknown precision w, and is Normal given it.

A residual is Normal of variance scale^2 / w, with w ~ Gamma(df/2, rate df/2), so that over w it is Student-t of the
row's scale: what multiplies is the whole of it, count and known error included, and the noise is the very one that
there is without a discrepancy. The sampler moves x = (log w - m) / d, with m and d the mean and the sd of log w at
every df but for a hundredth: x has mean 0 and sd 1, so that a free df makes no funnel, and its density is exact.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions.transforms import AffineTransform, ExpTransform

NODES = 128
BELOW, ABOVE = 12.0, 6.0  # sds of log w past its mode and its mean: 1e-10 of the integrand is beyond


class Mixture(NamedTuple):
    """The functions of a noise that is Normal given a coordinate x a row; all take the noise's parameters first.

    Attributes:
        coordinate: () -> distribution of x, of mean about 0 and sd about 1.
        factor: (x) -> what the row's scale is multiplied with.
        likeliest: (square of the row's residual over its scale) -> the likeliest x given it.
        log_density: (off, variance, scale) -> log density of residuals around zero, x integrated out: of noise of the
            row's scale, and of a Normal of that variance beside it.
    """

    coordinate: Callable[[Mapping[str, Any]], Any]
    factor: Callable[[Mapping[str, Any], Any], Any]
    likeliest: Callable[[Mapping[str, Any], Any], Any]
    log_density: Callable[[Mapping[str, Any], Any, Any, Any], Any]


def _moments(half: Any) -> tuple[Any, Any]:
    """Mean and sd of log w to 1e-2, digamma(half) - log(half) and the root of trigamma(half).

    By the recurrences to half + 1, and the first terms of the asymptotic series there.
    """
    r = 1 / (half + 1)
    return jnp.log1p(1 / half) - 1 / half - r / 2 - r**2 / 12, jnp.sqrt(1 / half**2 + r + r**2 / 2 + r**3 / 6)


def _coordinate(values: Mapping[str, Any]) -> Any:
    half = values["noise_df"] / 2
    mean, sd = _moments(half)
    gamma = dist.Gamma(half, half, validate_args=False)
    return dist.TransformedDistribution(gamma, [ExpTransform().inv, AffineTransform(-mean / sd, 1 / sd)])


def _factor(values: Mapping[str, Any], x: Any) -> Any:
    mean, sd = _moments(values["noise_df"] / 2)
    return jnp.exp(-(mean + sd * x) / 2)


def _likeliest(values: Mapping[str, Any], square: Any) -> Any:
    df = values["noise_df"]
    mean, sd = _moments(df / 2)
    return (jnp.log((df + 1) / (df + square)) - mean) / sd


def _log_density(values: Mapping[str, Any], off: Any, variance: Any, scale: Any) -> Any:
    """By the trapezoidal rule in log w, which is exact to rounding for what is analytic and falls off at both ends.

    The largest precision that counts is the prior's; the smallest is what the residual would take with no Normal
    beside the noise.
    """
    df = values["noise_df"]
    mean, sd = _moments(df / 2)
    square = jnp.square(off / scale)
    high = mean + ABOVE * sd
    low = jnp.minimum(jnp.log((df + 1) / (df + square)), mean) - BELOW * sd
    step = (high - low) / (NODES - 1)
    log_w = low[..., None] + step[..., None] * jnp.arange(NODES)
    prior = dist.Gamma(df / 2, df / 2, validate_args=False).log_prob(jnp.exp(log_w)) + log_w
    whole = variance[..., None] + jnp.square(jnp.asarray(scale)[..., None]) * jnp.exp(-log_w)
    each = prior - (jnp.square(off)[..., None] / whole + jnp.log(2 * jnp.pi * whole)) / 2
    return jax.scipy.special.logsumexp(each, axis=-1) + jnp.log(step)


STUDENT_T = Mixture(_coordinate, _factor, _likeliest, _log_density)
