"""This file has Student-t noise as a scale mixture: every row has an unknown precision w, and is Normal given w.

A residual is Normal with variance scale^2 / w, where w ~ Gamma(df/2, rate df/2). So over w the residual is Student-t
with the row's scale. The factor 1 / w multiplies the whole variance of the row, with its count and its known standard
error, so that the noise is the same as without a discrepancy. The sampler moves x = (log w - m) / d, where m and d are
the mean and the sd of log w to about a hundredth, at every df. So x has mean about 0 and sd about 1, a free df makes no
funnel, and the density of x is exact all the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions.transforms import AffineTransform, ExpTransform

NODES = 128  # points of the trapezoidal rule in log w
# In sds of log w: how far the rule goes below the lower of the likeliest log w and its prior mean, and above its prior
# mean. About 1e-10 of the integral lies beyond.
BELOW, ABOVE = 12.0, 6.0


class Mixture(NamedTuple):
    """The functions of a noise that is Normal given one coordinate x for each row.

    Every function takes the noise's parameters first, and then the arguments that are named here.

    Attributes:
        coordinate: () -> the distribution of x, with mean about 0 and sd about 1.
        factor: (x) -> the factor of the row's scale.
        likeliest: (square of the row's residual over its scale) -> the likeliest x given this square.
        log_density: (off, variance, scale) -> the log density of residuals `off` around zero, with x integrated out.
            A residual is the sum of noise of the row's scale and of a Normal with this variance.
    """

    coordinate: Callable[[Mapping[str, Any]], Any]
    factor: Callable[[Mapping[str, Any], Any], Any]
    likeliest: Callable[[Mapping[str, Any], Any], Any]
    log_density: Callable[[Mapping[str, Any], Any, Any, Any], Any]


def _moments(half: Any) -> tuple[Any, Any]:
    """The mean and sd of log w to 1e-2: digamma(half) - log(half) and the root of trigamma(half), half = df/2.

    The recurrences lead to half + 1, where the first terms of the asymptotic series are taken.
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
    """`Mixture.log_density` by the trapezoidal rule in log w.

    The rule is exact to rounding for an integrand that is analytic and falls off at both ends. The prior sets the
    largest precision that counts. The smallest is the one that suits the residual if there were noise alone.
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
