"""This file has the priors of a parameter that is of one of two kinds: mixtures of two Normals or two LogNormals."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import ndtr
from numpyro.distributions import constraints


class TwoNormals(dist.Distribution):
    """A mixture of two Normals.

    The first has the weight `share`, and `loc_1` and `scale_1` are its mean and sd. The second has the rest of the
    weight. It has plain numbers as arguments, so that a prior can be made when a module is imported, and be kept in a
    file.

    >>> prior = TwoNormals(0.1, -2.5, 1.0, 0.3, 1.0)
    >>> round(float(prior.cdf(-2.0)), 3), float(prior.log_prob(0.0)) > float(prior.log_prob(3.0))
    (0.079, True)
    """

    def __init__(
        self, share: Any, loc_1: Any, scale_1: Any, loc_2: Any, scale_2: Any, *, validate_args: bool | None = None
    ) -> None:
        self.share, self.loc_1, self.scale_1, self.loc_2, self.scale_2 = share, loc_1, scale_1, loc_2, scale_2
        super().__init__(validate_args=validate_args)

    @property
    def support(self) -> Any:
        """All real numbers."""
        return constraints.real

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """The log density at a value."""
        first = dist.Normal(self.loc_1, self.scale_1).log_prob(value)
        second = dist.Normal(self.loc_2, self.scale_2).log_prob(value)
        return jnp.logaddexp(jnp.log(self.share) + first, jnp.log1p(-self.share) + second)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw values (*sample_shape)."""
        key_kind, key_value = jax.random.split(key)
        of_first = jax.random.uniform(key_kind, sample_shape) < self.share
        loc, scale = jnp.where(of_first, self.loc_1, self.loc_2), jnp.where(of_first, self.scale_1, self.scale_2)
        return loc + scale * jax.random.normal(key_value, sample_shape)

    def cdf(self, value: Any) -> Any:
        """The probability of less than a value."""
        first, second = ndtr((value - self.loc_1) / self.scale_1), ndtr((value - self.loc_2) / self.scale_2)
        return self.share * first + (1 - self.share) * second


class TwoLogNormals(TwoNormals):
    """A mixture of two LogNormals: the log of the parameter has the prior `TwoNormals` of the same arguments.

    >>> prior = TwoLogNormals(0.3, -2.2, 0.7, -0.6, 0.45)
    >>> round(float(prior.cdf(0.2)), 3), float(prior.log_prob(0.2)) > float(prior.log_prob(5.0))
    (0.249, True)
    """

    @property
    def support(self) -> Any:
        """The positive numbers."""
        return constraints.positive

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """The log density at a value."""
        log = jnp.log(value)
        return super().log_prob(log) - log

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw values (*sample_shape)."""
        return jnp.exp(super().sample(key, sample_shape))

    def cdf(self, value: Any) -> Any:
        """The probability of less than a value."""
        return super().cdf(jnp.log(value))
