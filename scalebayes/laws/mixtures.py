"""This file has the laws of mixtures: the loss by the share of each domain in the data."""

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law
from scalebayes.laws.n_and_d import chinchilla
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR
from scalebayes.laws.with_length import with_length
from scalebayes.parameters.param import Param

GONE = -80.0  # log of what a domain that isn't in the mixture adds; it stands for the log of zero


def _learnt(h, c, g):
    """The log of c h^g; at h = 0 it is `GONE` however small g is, and its slopes there are finite."""
    there = h > 0
    return jnp.where(there, jnp.log(c) + g * jnp.log(jnp.where(there, h, 1.0)), GONE)


@with_length(2, 12)
def mixture_exp(domains: int = 2) -> Law:
    """The law c + k exp(sum_j t_j r_j), r_j the share of domain j; the shares add up to one, so the last t_j is 0."""
    shares = [f"r{j}" for j in range(1, domains + 1)]

    def fn(c, k, **rest):
        return c + k * jnp.exp(sum(rest[f"t{j}"] * rest[r] for j, r in enumerate(shares, 1)))

    slopes = {f"t{j}": Param(dist.StudentT(3.0, 0.0, 1.5), "") for j in range(1, domains)}
    return Law(
        "mixture_exp",
        fn,
        {
            "c": Param(FLOOR, "loss"),
            "k": Param(dist.LogNormal(-0.7, 0.7), "loss"),
            **slopes,
            f"t{domains}": Param(0.0, "", positive=False),
        },
        inputs=tuple(shares),
        formula="c + k exp(sum_j t_j r_j), r_j the share of domain j",
        reference="formula as given in Ye et al. 2024, arXiv 2403.16952",
        bases=dict.fromkeys(shares, ""),
        domains=dict.fromkeys(shares, (0.0, math.inf)),
        shares=tuple(shares),
        settings={"domains": domains},
    )


@with_length(1, 12)
def mixture_additive(domains: int = 2) -> Law:
    """The law chinchilla with a term of the mixture: E + 1/sum_i(c_i h_i^g_i) + A/N^alpha + B/D^beta."""
    weights = [f"h{i}" for i in range(1, domains + 1)]

    def fn(N, D, A, B, alpha, beta, E, **rest):
        learnt = [_learnt(rest[h], rest[f"c{i}"], rest[f"g{i}"]) for i, h in enumerate(weights, 1)]
        return chinchilla(N, D, A, B, alpha, beta, E) + jnp.exp(
            -jax.nn.logsumexp(jnp.stack(jnp.broadcast_arrays(*learnt)), axis=0)
        )

    return Law(
        "mixture_additive",
        fn,
        {
            "A": Param(AMPLITUDE, "loss N^alpha"),
            "B": Param(AMPLITUDE, "loss D^beta"),
            "alpha": Param(EXPONENT, ""),
            "beta": Param(EXPONENT, ""),
            "E": Param(FLOOR, "loss"),
            **{f"c{i}": Param(dist.LogNormal(2.0, 0.7), "loss^-1") for i in range(1, domains + 1)},
            **{f"g{i}": Param(EXPONENT, "") for i in range(1, domains + 1)},
        },
        inputs=("N", "D", *weights),
        formula="E + 1/sum_i(c_i h_i^g_i) + A/N^alpha + B/D^beta, h_i the share of domain i",
        reference="formula as given in Shukor et al. 2025, arXiv 2507.09404",
        bases=dict.fromkeys(weights, ""),
        domains=dict.fromkeys(weights, (0.0, math.inf)),
        shares=tuple(weights),
        settings={"domains": domains},
        trend={"N": -1, "D": -1},
    )


LAWS = {"mixture_exp": mixture_exp, "mixture_additive": mixture_additive}
