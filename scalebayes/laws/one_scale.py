"""Laws of one scale x: bind x to a column with `fit(..., inputs={"x": "C"})`."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.base import Law
from scalebayes.parameters import Param

# Priors are on parameters in reference units, where the observable is about one at the middle of the runs.
AMPLITUDE = dist.LogNormal(-1.2, 1.0)
EXPONENT = dist.LogNormal(-1.05, 0.6)
FLOOR = dist.HalfNormal(1.0)


def _power(x, A, alpha):
    return jnp.exp(jnp.log(A) - alpha * jnp.log(x))


def _offset_power(x, A, alpha, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.log(x))


POWER = Law(
    "power",
    _power,
    {"A": Param(dist.LogNormal(0.0, 0.5), "loss x^alpha"), "alpha": Param(dist.LogNormal(-1.6, 0.8), "")},
    formula="A x^-alpha",
    reference="Hestness et al. 2017, arXiv 1712.00409; Kaplan et al. 2020, arXiv 2001.08361",
)

OFFSET_POWER = Law(
    "offset_power",
    _offset_power,
    {
        "A": Param(AMPLITUDE, "loss x^alpha"),
        "alpha": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A x^-alpha",
    reference="Henighan et al. 2020, arXiv 2010.14701",
)
