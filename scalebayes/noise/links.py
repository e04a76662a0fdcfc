"""Links: the scale on which a run's residual lives, the log of the observable, its logit, or the observable itself."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import transforms


class Link(NamedTuple):
    """A scale of residuals.

    Attributes:
        of: observable -> its value on the scale. slope: the derivative of `of`.
        back: transforms from the scale to the observable.
        range: the open interval in which `of` is finite.
    """

    of: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    back: tuple[Any, ...]
    range: tuple[float, float]

    def inverse(self, value: Any) -> Any:
        """The observable at a value on the scale.

        >>> float(LINKS["logit"].inverse(0.0))
        0.5
        """
        for transform in self.back:
            value = transform(value)
        return value

    def around(self, location: Any, residual: Any) -> Any:
        """The distribution of the observable whose residual around `location` is distributed as given.

        >>> float(LINKS["log"].around(2.0, dist.Normal(0.0, 0.1)).icdf(0.5))
        2.0
        """
        shift = [transforms.AffineTransform(self.of(location), 1.0), *self.back]
        return dist.TransformedDistribution(residual, shift, validate_args=False)


def _logit(f: Any) -> Any:
    return jnp.log(f) - jnp.log1p(-f)


LINKS: Mapping[str, Link] = MappingProxyType(
    {
        "log": Link(jnp.log, lambda f: 1 / f, (transforms.ExpTransform(),), (0.0, float("inf"))),
        "logit": Link(_logit, lambda f: 1 / (f * (1 - f)), (transforms.SigmoidTransform(),), (0.0, 1.0)),
        "raw": Link(lambda f: f, jnp.ones_like, (), (-float("inf"), float("inf"))),
    }
)
