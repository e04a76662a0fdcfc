"""This file has the prior of a positive parameter that is of one of two kinds: a mixture of two LogNormals."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import ndtr
from numpyro.distributions import constraints


class TwoLogNormals(dist.Distribution):
    """A mixture of two LogNormals.

    The first has the weight `share`, and `loc_1` and `scale_1` are the mean and the sd of its log. The second has the
    rest of the weight. It has plain numbers as arguments, so that a prior can be made when a module is imported, and
    be kept in a file.

    >>> prior = TwoLogNormals(0.3, -2.2, 0.7, -0.6, 0.45)
    >>> round(float(prior.cdf(0.2)), 3), float(prior.log_prob(0.2)) > float(prior.log_prob(5.0))
    (0.249, True)
    """

    def __init__(
        self, share: Any, loc_1: Any, scale_1: Any, loc_2: Any, scale_2: Any, *, validate_args: bool | None = None
    ) -> None:
        self.share, self.loc_1, self.scale_1, self.loc_2, self.scale_2 = share, loc_1, scale_1, loc_2, scale_2
        super().__init__(validate_args=validate_args)

    @property
    def support(self) -> Any:
        """The positive numbers."""
        return constraints.positive

    @property
    def _both(self) -> tuple[dist.LogNormal, dist.LogNormal]:
        return dist.LogNormal(self.loc_1, self.scale_1), dist.LogNormal(self.loc_2, self.scale_2)

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """The log density at a value."""
        first, second = (one.log_prob(value) for one in self._both)
        return jnp.logaddexp(jnp.log(self.share) + first, jnp.log1p(-self.share) + second)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw values (*sample_shape)."""
        key_kind, key_value = jax.random.split(key)
        of_first = jax.random.uniform(key_kind, sample_shape) < self.share
        loc, scale = jnp.where(of_first, self.loc_1, self.loc_2), jnp.where(of_first, self.scale_1, self.scale_2)
        return jnp.exp(loc + scale * jax.random.normal(key_value, sample_shape))

    def cdf(self, value: Any) -> Any:
        """The probability of less than a value."""
        first, second = (
            ndtr((jnp.log(value) - self.loc_1) / self.scale_1),
            ndtr((jnp.log(value) - self.loc_2) / self.scale_2),
        )
        return self.share * first + (1 - self.share) * second
