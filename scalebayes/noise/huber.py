"""This file has Huber's function as a distribution, with its expected information and its relaxations."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import erf
from numpyro.distributions import constraints


class HuberDistribution(dist.Distribution):
    """The distribution with density exp(-h(z)) / (scale Z(delta)), z = value / scale, h Huber's function.

    h(z) = z^2/2 for |z| <= delta, else delta (|z| - delta/2). So the middle is Gaussian and the tails are exponential.
    Z(delta) = sqrt(2 pi) erf(delta / sqrt 2) + 2/delta exp(-delta^2/2).

    >>> round(float(HuberDistribution(100.0, 1.0).log_prob(0.0)), 6)  # a standard Normal
    -0.918939
    """

    pytree_data_fields = ("delta", "scale")

    def __init__(self, delta: Any, scale: Any) -> None:
        self.delta, self.scale = delta, scale
        super().__init__(batch_shape=jnp.broadcast_shapes(jnp.shape(delta), jnp.shape(scale)), validate_args=False)

    @property
    def support(self) -> Any:
        """All real numbers."""
        return constraints.real

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """The log density at a value."""
        return -huber(value / self.scale, self.delta) - jnp.log(self.scale) - jnp.log(sum(_huber_masses(self.delta)))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw values; a share of them comes from the exponential tails, the others from the Gaussian middle."""
        shape = sample_shape + self.batch_shape
        middle, tails = _huber_masses(self.delta)
        key_part, key_middle, key_tail, key_sign = jax.random.split(key, 4)
        in_tail = jax.random.uniform(key_part, shape) < tails / (middle + tails)
        tail = self.delta + jax.random.exponential(key_tail, shape) / self.delta
        sign = jax.random.rademacher(key_sign, shape)
        inside = jax.random.truncated_normal(key_middle, -self.delta, self.delta, shape)
        return self.scale * jnp.where(in_tail, sign * tail, inside)


def huber(z: Any, delta: Any) -> Any:
    """Huber's function of the noise, of each z: z^2/2 up to |z| = delta, and linear beyond it.

    >>> float(huber(3.0, 1.0))
    2.5
    """
    size = jnp.abs(z)
    inner = jnp.minimum(size, delta)
    return inner * (size - inner / 2)


def _huber_masses(delta: Any) -> tuple[Any, Any]:
    """The unnormalised mass of the middle, and that of both tails together."""
    return math.sqrt(2 * math.pi) * erf(delta / math.sqrt(2)), 2 / delta * jnp.exp(-(delta**2) / 2)


def huber_residual(values: Mapping[str, Any], scale: Any) -> HuberDistribution:
    """The distribution of a residual under Huber's noise, given the noise's parameters and the scale of the row."""
    return HuberDistribution(values["noise_delta"], scale)


def huber_information(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Huber's noise's expected information of location and of log scale, for a residual of unit scale.

    For the location it is E[h'^2], which is P(|z| < delta) by integration by parts. For the log scale it is
    E[(z h')^2] - 1, which follows from the truncated moments of the middle and of the tails.
    """
    d = values["noise_delta"]
    middle, tails = _huber_masses(d)
    edge = jnp.exp(-(d**2) / 2)
    fourth = 3 * middle - 2 * edge * (d**3 + 3 * d)
    beyond = 2 * edge * d**2 * (d + 2 / d + 2 / d**3)
    return middle / (middle + tails), (fourth + beyond) / (middle + tails) - 1


def soften_huber(values: Mapping[str, Any], stage: Any) -> dict[str, Any]:
    """Relax Huber's noise: the quadratic part of h grows with the stage, and the tails' slope delta / scale stays.

    So the objective is the same far from zero.
    """
    return {"noise_delta": values["noise_delta"] * stage, "noise_scale": values["noise_scale"] * stage}
