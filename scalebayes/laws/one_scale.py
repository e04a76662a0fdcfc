"""Laws of one scale x: bind x to a column with `fit(..., inputs={"x": "C"})`."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.implicit import balance
from scalebayes.laws.law import Law, with_length
from scalebayes.parameters.param import Param

# Priors are on parameters in reference units, where the observable is about one at the middle of the runs.
AMPLITUDE = dist.LogNormal(-1.2, 1.0)
PART = dist.LogNormal(-1.4, 0.9)  # of a law with further terms, which the loss is shared out to
EXPONENT = dist.LogNormal(-1.05, 0.6)
FLOOR = dist.HalfNormal(1.0)
PLACE = dist.LogNormal(-2.0, 2.0)  # of a knee or a break: likelier before the middle of the runs than after


def _power(x, A, alpha):
    return jnp.exp(jnp.log(A) - alpha * jnp.log(x))


def _offset_power(x, A, alpha, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.log(x))


def _shifted_power(x, A, alpha, g):
    return jnp.exp(jnp.log(A) + alpha * jnp.logaddexp(-jnp.log(x), jnp.log(g)))


def _vit_saturation(x, A, alpha, g, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.logaddexp(jnp.log(x), jnp.log(g)))


def _m4(x, A, alpha, a, E, K):
    """With y = E + K s the equation is s / (1 - s)^a = A x^-alpha K^(a - 1)."""
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

# g^-1 is where the curve flattens: after the middle of the runs, or it is a constant.
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
    formula="the y of (y - E) / (E + K - y)^a = A x^-alpha, between E and E + K",
    reference="Alabdulmohsin et al. 2022, arXiv 2209.06640, M4, with its E0 written E + K so that it lies above E",
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
    reference="an offset power law that begins to fall at x = d; Caballero et al. 2022, arXiv 2210.14891, without "
    "the slope before its one break",
    trend={"x": -1},
)


@with_length(1, 6)
def broken_power(breaks: int = 1) -> Law:
    """E + A x^-c0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i), i = 1 to `breaks`.

    The breaks are in order: d_1 is the first, and d_i = d_(i-1) exp(gap_i) the others.
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
