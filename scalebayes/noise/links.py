"""This file has the links: a residual lives on the log of the observable, on its logit, or on the observable itself."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import transforms


class Link(NamedTuple):
    """A scale on which residuals live.

    Attributes:
        of: A function from the observable to its value on the scale.
        slope: The derivative of `of`.
        back: The NumPyro transforms that lead from the scale to the observable, in their order.
        range: The open interval of observables at which `of` is finite.
    """

    of: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    back: tuple[Any, ...]
    range: tuple[float, float]

    def inverse(self, value: Any) -> Any:
        """The observable that has this value on the scale.

        >>> float(LINKS["logit"].inverse(0.0))
        0.5
        """
        for transform in self.back:
            value = transform(value)
        return value

    def around(self, location: Any, residual: Any) -> Any:
        """The distribution of an observable whose residual around `location` has the distribution `residual`.

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
