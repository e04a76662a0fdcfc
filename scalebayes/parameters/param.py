"""This file defines `Param`, a parameter with its prior and its dimension, and the flat prior."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import biject_to, constraints

from scalebayes.errors import InputError
from scalebayes.parameters.units import parse_dimension


class Flat(dist.Distribution):
    """The flat prior: a constant density over the unconstrained coordinate.

    The coordinate is log A for a positive parameter A, and E for a real parameter E. The prior is improper, so it can't
    be sampled. A fit with it is a maximum likelihood fit, whatever the coordinate.

    >>> float(Flat(constraints.positive).log_prob(1.0))
    -0.0
    """

    pytree_aux_fields = ("_support",)

    def __init__(self, support: Any) -> None:
        self._support = support
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        """The support of the parameter."""
        return self._support

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """Minus the log derivative of the bijection from the unconstrained coordinate, at a value."""
        bijection = biject_to(self._support)
        free = bijection.inv(value)
        return -bijection.log_abs_det_jacobian(free, value)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Refuse to draw, since the prior is improper."""
        raise InputError("a flat prior can't be sampled: give a proper prior, or draw from the law's own priors")


@dataclass(frozen=True)
class Param:
    """One parameter of a law, a noise or a discrepancy: its prior, its dimension, and the units of its prior.

    Args:
        prior: A NumPyro distribution over a scalar, or a number (the parameter is fixed there, in the runs' own units),
            or "flat" (a constant density over the unconstrained coordinate), or "reference" (the parameter is fixed at
            one unit of the runs' reference).
        dimension: The parameter's unit, as powers of the law's inputs and of `loss`, such as `loss N^alpha` or
            `N loss^(1/alpha_N)`; "" is a pure number. The default is None: the unit isn't known, and the whole law is
            evaluated in the runs' own units.
        scaled: True (the default) where the prior is on the parameter in reference units, False where it is on the
            parameter in the runs' own units.
        positive: The support of a parameter whose prior is no distribution: the positive numbers where it is True (the
            default), all real numbers where it is False.
        within: A NumPyro constraint that is the support of such a parameter in place of `positive`. The default is
            None.

    Raises:
        InputError: The prior is none of these, or the dimension can't be read.

    >>> Param(dist.LogNormal(-1.0, 0.5), "loss N^alpha").dimension
    'loss N^alpha'
    """

    prior: Any
    dimension: str | None = None
    scaled: bool = True
    positive: bool = True
    within: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.prior, bool) or not isinstance(self.prior, (int, float, np.number, str, dist.Distribution)):
            raise InputError(
                f"a prior is a NumPyro distribution, a number or 'flat', not {type(self.prior).__name__} {self.prior!r}"
            )
        if isinstance(self.prior, str) and self.prior not in ("flat", "reference"):
            raise InputError(f"unknown prior {self.prior!r}: give a NumPyro distribution, a number or 'flat'")
        if isinstance(self.prior, dist.Distribution) and (self.prior.batch_shape or self.prior.event_shape):
            raise InputError(f"a prior is over one number; this one has shape {self.prior.shape()}")
        if isinstance(self.prior, (int, float, np.number)) and not np.isfinite(self.prior):
            raise InputError(f"a fixed parameter is a finite number, not {self.prior!r}")
        if self.dimension is not None:
            parse_dimension(self.dimension)

    @property
    def fixed(self) -> bool:
        """Whether the parameter is fixed at a number, and so isn't an unknown."""
        return isinstance(self.prior, (int, float, np.number)) or self.prior == "reference"

    @property
    def distribution(self) -> Any:
        """The prior as a NumPyro distribution; "flat" gives a `Flat`."""
        if isinstance(self.prior, str):
            return Flat(self.support)
        return self.prior

    @property
    def support(self) -> Any:
        """The NumPyro constraint that says which values the parameter can have."""
        if isinstance(self.prior, dist.Distribution):
            return self.prior.support
        if self.within is not None:
            return self.within
        return constraints.positive if self.positive else constraints.real
