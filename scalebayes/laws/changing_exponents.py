"""This file has the laws of N and D whose exponents change with N."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law
from scalebayes.laws.n_and_d import chinchilla
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR
from scalebayes.parameters.param import Param

MOST = 50.0  # largest exponent of exp in `farseer`; far outside the runs a larger one would overflow


def _pearce(N, D, A, B, alpha, beta, E, w):
    N_total = jnp.exp(jnp.logaddexp(jnp.log(N), jnp.log(w) + jnp.log(N) / 3))
    return chinchilla(N_total, D, A, B, alpha, beta, E)


def _farseer(N, D, E, a3, g, B, a2, b, a1, a, b1, D_0):
    log_N = jnp.log(N)
    slope = jnp.exp(b1 - a1 * jnp.exp(a * log_N))
    start = jnp.minimum(a2 * jnp.exp(-b * log_N), MOST)
    return E * jnp.exp(-a3 * jnp.exp(g * log_N)) + jnp.exp(jnp.log(B) + start - slope * (jnp.log(D) - jnp.log(D_0)))


PEARCE = Law(
    "pearce",
    _pearce,
    {
        "A": Param(AMPLITUDE, "loss N^alpha"),
        "B": Param(AMPLITUDE, "loss D^beta"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
        "w": Param(dist.LogNormal(-1.0, 1.5), "N^(2/3)"),
    },
    formula="E + A/(N + w N^(1/3))^alpha + B/D^beta, N without embeddings",
    reference="formula as given in Pearce and Song 2024, arXiv 2406.12907",
    trend={"N": -1, "D": -1},
)

# The exponent of D depends on N, so that a unit of D is part of the law. It is D_0, by default the middle of the runs.
# The published form has D_0 = 1 token, E = exp(b3), B = exp(b2), and a3, a1 and b with the opposite sign.
FARSEER = Law(
    "farseer",
    _farseer,
    {
        "E": Param(dist.LogNormal(-0.3, 0.5), "loss"),
        "a3": Param(dist.LogNormal(-2.0, 0.7), "N^(-g)"),
        "g": Param(dist.LogNormal(-1.6, 0.5), ""),
        "B": Param(dist.LogNormal(-1.8, 0.7), "loss"),
        "a2": Param(dist.LogNormal(-0.7, 0.7), "N^b"),
        "b": Param(dist.LogNormal(-2.0, 0.5), ""),
        "a1": Param(dist.LogNormal(-2.0, 0.7), "N^(-a)"),
        "a": Param(dist.LogNormal(-2.0, 0.5), ""),
        "b1": Param(dist.Normal(-1.05, 0.5), ""),
        "D_0": Param("reference", "D"),
    },
    formula="E exp(-a3 N^g) + B exp(a2 N^-b) (D/D_0)^-p, p = exp(b1 - a1 N^a)",
    reference="formula as given in Li et al. 2025, Farseer, arXiv 2506.10972",
    trend={"D": -1},
)

LAWS = {law.name: law for law in (PEARCE, FARSEER)}
