"""This file has the laws of schedules and hyper-parameters."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR
from scalebayes.parameters.param import Param


def _lr_annealing(S1, S2, L0, A, alpha, K):
    return L0 + jnp.exp(jnp.log(A) - alpha * jnp.log(S1)) - K * S2


def _optimal_power(N, D, c, p, q):
    return jnp.exp(jnp.log(c) + p * jnp.log(N) + q * jnp.log(D))


def _critical_batch(L, B_star, alpha_B):
    return jnp.exp(jnp.log(B_star) - jnp.log(L) / alpha_B)


LR_ANNEALING = Law(
    "lr_annealing",
    _lr_annealing,
    {
        "L0": Param(FLOOR, "loss"),
        "A": Param(AMPLITUDE, "loss S1^alpha"),
        "alpha": Param(EXPONENT, ""),
        "K": Param(dist.LogNormal(-3.0, 1.0), "loss S1^-1"),
    },
    formula="L0 + A S1^-alpha - K S2, S1 the schedule's forward area, S2 its annealing area",
    reference="formula as given in Tissue et al. 2024, arXiv 2408.11029",
    range=(float("-inf"), float("inf")),
    noise="normal_raw",
    bases={"S2": "S1"},
    domains={"S2": (0.0, float("inf"))},
    trend={"S1": -1, "S2": -1},
)

OPTIMAL_POWER = Law(
    "optimal_power",
    _optimal_power,
    {
        "c": Param(dist.LogNormal(0.0, 0.3), "loss N^(-p) D^(-q)"),
        "p": Param(dist.Normal(0.0, 0.3), ""),
        "q": Param(dist.Normal(0.0, 0.3), ""),
    },
    formula="c N^p D^q",
    reference="Bi et al. 2024, DeepSeek LLM, arXiv 2401.02954; Li et al. 2025, Step Law, arXiv 2503.04715",
    observable="best",
)

CRITICAL_BATCH = Law(
    "critical_batch",
    _critical_batch,
    {
        "B_star": Param(dist.LogNormal(0.0, 0.4), "loss L^(1/alpha_B)"),
        "alpha_B": Param(dist.LogNormal(-1.3, 0.5), ""),
    },
    formula="B_star / L^(1/alpha_B)",
    reference="McCandlish et al. 2018, arXiv 1812.06162; Kaplan et al. 2020, arXiv 2001.08361",
    observable="batch",
    trend={"L": -1},
)

LAWS = {law.name: law for law in (LR_ANNEALING, OPTIMAL_POWER, CRITICAL_BATCH)}
