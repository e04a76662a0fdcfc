"""This file has the laws of one scale x, which `fit(..., inputs={"x": "C"})` binds to a column."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.implicit import balance
from scalebayes.laws.law import Law
from scalebayes.laws.with_length import with_length
from scalebayes.parameters.param import Param

# These priors are on parameters in reference units. There the observable is about one at the middle of the runs.
AMPLITUDE = dist.LogNormal(-1.2, 1.0)  # the height of a term that falls with a scale
PART = dist.LogNormal(-1.4, 0.9)  # such a height in a law with more terms, each of which is a smaller part of the loss
EXPONENT = dist.LogNormal(-1.05, 0.6)
FLOOR = dist.HalfNormal(1.0)  # the loss that no scale takes away
PLACE = dist.LogNormal(-2.0, 2.0)  # a knee or a break: it lies more likely below the middle of the runs than above


def _power(x, A, alpha):
    return jnp.exp(jnp.log(A) - alpha * jnp.log(x))


def _offset_power(x, A, alpha, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.log(x))


def _shifted_power(x, A, alpha, g):
    return jnp.exp(jnp.log(A) + alpha * jnp.logaddexp(-jnp.log(x), jnp.log(g)))


def _vit_saturation(x, A, alpha, g, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.logaddexp(jnp.log(x), jnp.log(g)))


def _m4(x, A, alpha, a, E, K):
    """The law m4: with y = E + K s its equation is s / (1 - s)^a = A x^-alpha K^(a - 1)."""
    c = jnp.log(A) - alpha * jnp.log(x) + (a - 1) * jnp.log(K)
    return E + K * jax.nn.sigmoid(balance(c, a))


def _onset_power(x, A, alpha, d, k, E):
    begun = jax.nn.softplus(k * (jnp.log(x) - jnp.log(d))) / k
    return E + A * jnp.exp(-alpha * begun)


POWER = Law(
    "power",
    _power,
    {"A": Param(dist.LogNormal(0.0, 0.5), "loss x^alpha"), "alpha": Param(dist.LogNormal(-1.6, 0.7), "")},
    formula="A x^-alpha",
    reference="Hestness et al. 2017, arXiv 1712.00409; Kaplan et al. 2020, arXiv 2001.08361",
    trend={"x": -1},
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
    trend={"x": -1},
)

# The curve flattens at x = 1/g. Its prior puts this place beyond the middle of the runs, since a curve that flattens
# before is a constant on the runs.
SHIFTED_POWER = Law(
    "shifted_power",
    _shifted_power,
    {
        "A": Param(dist.LogNormal(0.0, 0.5), "loss x^alpha"),
        "alpha": Param(EXPONENT, ""),
        "g": Param(dist.LogNormal(-3.0, 2.0), "x^-1"),
    },
    formula="A (1/x + g)^alpha",
    reference="Alabdulmohsin et al. 2022, arXiv 2209.06640, M3",
    trend={"x": -1},
)

VIT_SATURATION = Law(
    "vit_saturation",
    _vit_saturation,
    {
        "A": Param(AMPLITUDE, "loss x^alpha"),
        "alpha": Param(EXPONENT, ""),
        "g": Param(PLACE, "x"),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A (x + g)^-alpha",
    reference="formula as given in Zhai et al. 2021, arXiv 2106.04560",
    trend={"x": -1},
)

M4 = Law(
    "m4",
    _m4,
    {
        "A": Param(AMPLITUDE, "loss^(1-a) x^alpha"),
        "alpha": Param(EXPONENT, ""),
        "a": Param(dist.LogNormal(-0.5, 0.7), ""),
        "E": Param(dist.HalfNormal(0.7), "loss"),
        "K": Param(dist.LogNormal(0.8, 0.7), "loss"),
    },
    formula="the y between E and E + K that solves (y - E) / (E + K - y)^a = A x^-alpha",
    reference="Alabdulmohsin et al. 2022, arXiv 2209.06640, M4; its E0 is E + K here, so that it lies above E",
    trend={"x": -1},
)

ONSET_POWER = Law(
    "onset_power",
    _onset_power,
    {
        "A": Param(dist.LogNormal(0.0, 0.7), "loss"),
        "alpha": Param(EXPONENT, ""),
        "d": Param(PLACE, "x"),
        "k": Param(dist.LogNormal(0.7, 0.7), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A exp(-alpha s), s = log(1 + (x/d)^k) / k",
    reference="an offset power law that begins to fall at x = d: the law of Caballero et al. 2022, arXiv 2210.14891, "
    "with one break and no slope before it",
    trend={"x": -1},
)


@with_length(1, 6)
def broken_power(breaks: int = 1) -> Law:
    """The law E + A x^-c0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i), with i from 1 to `breaks`.

    The breaks are in order: d_1 is the first break, and break i lies at d_i = d_(i-1) exp(gap_i).
    """

    def fn(x, A, c0, E, **rest):
        u, log_d, height = jnp.log(x), 0.0, jnp.log(A) - c0 * jnp.log(x)
        for i in range(1, breaks + 1):
            log_d = jnp.log(rest["d1"]) if i == 1 else log_d + rest[f"gap{i}"]
            f = rest[f"f{i}"]
            height = height - rest[f"c{i}"] * f * jax.nn.softplus((u - log_d) / f)
        return E + jnp.exp(height)

    params = {"A": Param(AMPLITUDE, "loss x^c0"), "c0": Param(EXPONENT, "")}
    for i in range(1, breaks + 1):
        params |= {f"c{i}": Param(dist.Normal(0.0, 0.3), ""), f"f{i}": Param(dist.LogNormal(-1.0, 0.7), "")}
        params[f"d{i}" if i == 1 else f"gap{i}"] = (
            Param(dist.LogNormal(0.0, 2.0), "x") if i == 1 else Param(dist.LogNormal(0.7, 0.7), "")
        )
    return Law(
        "broken_power",
        fn,
        {**params, "E": Param(FLOOR, "loss")},
        inputs=("x",),
        formula="E + A x^-c0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i), d_i = d_(i-1) exp(gap_i)",
        reference="Caballero et al. 2022, arXiv 2210.14891",
        settings={"breaks": breaks},
    )


LAWS = {
    **{law.name: law for law in (POWER, OFFSET_POWER, SHIFTED_POWER, VIT_SATURATION, M4, ONSET_POWER)},
    "broken_power": broken_power,
}
