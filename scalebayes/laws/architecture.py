"""This file has the laws of architecture and training: experts, sparsity, precision, distillation, parallel passes."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law
from scalebayes.laws.n_and_d import chinchilla, log_terms
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR, PART
from scalebayes.laws.with_length import with_length
from scalebayes.parameters.param import Param

SMALL = 1e-30  # in the unit of L0; where L0 is not above E0 it takes the place of L0 - E0, whose log would be -inf


def _routed(N, n, A, alpha, c, N_cut, n_start, n_gap):
    inverse = 1 / (n - 1 + 1 / (1 / n_start - 1 / (n_start + n_gap))) + 1 / (n_start + n_gap)
    gain = c * (jnp.log(N) - jnp.log(N_cut)) * -jnp.log(inverse)
    return jnp.exp(jnp.log(A) - alpha * jnp.log(N) + gain)


def _offset_routed(N, n, A, alpha, c, N_cut, n_start, n_gap, E):
    return E + _routed(N, n, A, alpha, c, N_cut, n_start, n_gap)


def _fine_grained_moe(N, D, G, g, gamma, a, alpha, b, beta, c):
    in_N = jnp.logaddexp(jnp.log(g) - gamma * jnp.log(G), jnp.log(a)) - alpha * jnp.log(N)
    return c + jnp.exp(in_N) + jnp.exp(jnp.log(b) - beta * jnp.log(D))


def _sparse_moe(N, D, S, a, alpha, b, beta, c, lam, d, delta, gamma, e):
    log_active = jnp.log1p(-S)
    both = jnp.log(d) - delta * log_active - gamma * jnp.log(N)
    return chinchilla(N, D, a, b, alpha, beta, e) + jnp.exp(jnp.log(c) - lam * log_active) + jnp.exp(both)


def _sparse_weights(N, D, S, a_S, b_S, c_S, b_N, a_D, b_D, c):
    in_N = jnp.logaddexp(jnp.log(a_S) + b_S * jnp.log1p(-S), jnp.log(c_S)) - b_N * jnp.log(N)
    return c + jnp.exp(in_N) + jnp.exp(b_D * (jnp.log(a_D) - jnp.log(D)))


def _distillation(N, D, L_T, L_S, A, B, alpha, beta, gamma, c0, c1, d1, f1):
    gap = jnp.logaddexp(0.0, (jnp.log(L_T) - jnp.log(L_S) - jnp.log(d1)) / f1)
    size = gamma * jnp.logaddexp(*log_terms(N, D, A, alpha, B, beta))
    return L_T + jnp.exp(-c0 * jnp.log(L_T) - c1 * f1 * gap + size)


def _parallel(N, P, A, alpha, k, E):
    return E + jnp.exp(alpha * (jnp.log(A) - jnp.log(N) - jnp.log1p(k * jnp.log(P))))


def _loss_to_loss(L0, K, kappa, E0, E1):
    above = jnp.maximum(L0 - E0, SMALL)
    return E1 + jnp.where(L0 > E0, jnp.exp(jnp.log(K) + kappa * jnp.log(above)), 0.0)


ROUTED = Law(
    "routed",
    _routed,
    {
        "A": Param(dist.LogNormal(0.0, 0.4), "loss N^alpha"),
        "alpha": Param(dist.LogNormal(-2.0, 0.6), ""),
        "c": Param(dist.LogNormal(-5.0, 0.7), ""),
        "N_cut": Param(dist.LogNormal(5.0, 2.0), "N"),
        "n_start": Param(dist.LogNormal(0.5, 0.4), ""),
        "n_gap": Param(dist.LogNormal(5.5, 0.7), ""),
    },
    formula="log L = log A - alpha log N + c log(N/N_cut) log Eh; "
    "1/Eh = 1/(n - 1 + 1/(1/n_start - 1/n_max)) + 1/n_max, n_max = n_start + n_gap, n the number of experts",
    reference="Clark et al. 2022, arXiv 2202.01169, with its a = -alpha, b = -c log N_cut and d = log A",
    bases={"n": ""},
    domains={"n": (1.0, float("inf"))},
)

# What lies above the floor falls faster than the loss itself, so alpha and c are larger than those of `routed`. A floor
# takes up some of what experts gain less at large N, so N_cut, where they gain nothing, lies further beyond the runs.
OFFSET_ROUTED = Law(
    "offset_routed",
    _offset_routed,
    {
        "A": Param(dist.LogNormal(-0.8, 0.8), "loss N^alpha"),
        "alpha": Param(dist.LogNormal(-1.3, 0.7), ""),
        "c": Param(dist.LogNormal(-4.5, 0.8), ""),
        "N_cut": Param(dist.LogNormal(7.0, 2.0), "N"),
        "n_start": Param(dist.LogNormal(0.5, 0.4), ""),
        "n_gap": Param(dist.LogNormal(5.5, 0.7), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A N^-alpha exp(c log(N/N_cut) log Eh); "
    "1/Eh = 1/(n - 1 + 1/(1/n_start - 1/n_max)) + 1/n_max, n_max = n_start + n_gap, n the number of experts",
    reference="the law of Clark et al. 2022, arXiv 2202.01169, with an irreducible loss added to it",
    bases={"n": ""},
    domains={"n": (1.0, float("inf"))},
)

FINE_GRAINED_MOE = Law(
    "fine_grained_moe",
    _fine_grained_moe,
    {
        "g": Param(PART, "loss N^alpha"),
        "gamma": Param(EXPONENT, ""),
        "a": Param(PART, "loss N^alpha"),
        "alpha": Param(EXPONENT, ""),
        "b": Param(PART, "loss D^beta"),
        "beta": Param(EXPONENT, ""),
        "c": Param(FLOOR, "loss"),
    },
    formula="c + (g/G^gamma + a)/N^alpha + b/D^beta, G the granularity",
    reference="formula as given in Krajewski et al. 2024, arXiv 2402.07871",
    bases={"G": ""},
    trend={"N": -1, "D": -1, "G": -1},
)

SPARSE_MOE = Law(
    "sparse_moe",
    _sparse_moe,
    {
        "a": Param(PART, "loss N^alpha"),
        "alpha": Param(EXPONENT, ""),
        "b": Param(PART, "loss D^beta"),
        "beta": Param(EXPONENT, ""),
        "c": Param(dist.LogNormal(-3.0, 1.0), "loss"),
        "lam": Param(dist.LogNormal(-1.6, 0.6), ""),
        "d": Param(dist.LogNormal(-3.0, 1.0), "loss N^gamma"),
        "delta": Param(dist.LogNormal(-1.6, 0.6), ""),
        "gamma": Param(EXPONENT, ""),
        "e": Param(FLOOR, "loss"),
    },
    formula="e + a/N^alpha + b/D^beta + c/(1-S)^lam + d/((1-S)^delta N^gamma), S the share of inactive experts",
    reference="formula as given in Abnar et al. 2025, arXiv 2501.12370",
    bases={"S": ""},
    domains={"S": (0.0, 1.0)},
    trend={"N": -1, "D": -1, "S": 1},
)

SPARSE_WEIGHTS = Law(
    "sparse_weights",
    _sparse_weights,
    {
        "a_S": Param(AMPLITUDE, "loss N^b_N"),
        "b_S": Param(EXPONENT, ""),
        "c_S": Param(AMPLITUDE, "loss N^b_N"),
        "b_N": Param(EXPONENT, ""),
        "a_D": Param(dist.LogNormal(-3.0, 2.0), "D loss^(1/b_D)"),
        "b_D": Param(EXPONENT, ""),
        "c": Param(FLOOR, "loss"),
    },
    formula="(a_S (1-S)^b_S + c_S) N^-b_N + (a_D/D)^b_D + c, S the sparsity, N the number of weights that aren't zero",
    reference="formula as given in Frantar et al. 2023, arXiv 2309.08520",
    bases={"S": ""},
    domains={"S": (0.0, 1.0)},
    trend={"N": -1, "D": -1, "S": -1},
)


@with_length(1, 3)
def precision(precisions: int = 1) -> Law:
    """The law chinchilla in N_eff, the parameters that low precision leaves, plus the cost of quantising afterwards."""
    bits = [f"P{i}" for i in range(1, precisions + 1)]

    def fn(N, D, P_post, A, B, alpha, beta, E, C_T, g_D, g_N, g_post, **rest):
        # Each P leaves the share 1 - exp(-P/g) of the parameters.
        left = sum(jnp.log(-jnp.expm1(-rest[P] / rest[f"g{i}"])) for i, P in enumerate(bits, 1))
        cost = jnp.log(C_T) + g_D * jnp.log(D) - g_N * jnp.log(N) - P_post / g_post
        in_N, in_D = log_terms(N, D, A, alpha, B, beta)
        return E + jnp.exp(in_N - alpha * left) + jnp.exp(in_D) + jnp.exp(cost)

    return Law(
        "precision",
        fn,
        {
            "A": Param(PART, "loss N^alpha"),
            "B": Param(PART, "loss D^beta"),
            "alpha": Param(EXPONENT, ""),
            "beta": Param(EXPONENT, ""),
            "E": Param(FLOOR, "loss"),
            "C_T": Param(dist.LogNormal(-2.0, 1.0), "loss N^g_N D^(-g_D)"),
            "g_D": Param(EXPONENT, ""),
            "g_N": Param(EXPONENT, ""),
            "g_post": Param(dist.LogNormal(0.0, 0.7), ""),
            **{f"g{i}": Param(dist.LogNormal(0.7, 0.7), "") for i in range(1, precisions + 1)},
        },
        inputs=("N", "D", *bits, "P_post"),
        formula="E + A/N_eff^alpha + B/D^beta + C_T D^g_D/N^g_N exp(-P_post/g_post); "
        "N_eff = N prod_i (1 - exp(-P_i/g_i)), P_i the bits in training, P_post the bits after it",
        reference="formula as given in Kumar et al. 2024, arXiv 2411.04330",
        bases=dict.fromkeys((*bits, "P_post"), ""),
        settings={"precisions": precisions},
        trend={"N": -1, **dict.fromkeys((*bits, "P_post"), -1)},
    )


# N and D are those of the student. L_T and L_S are losses in the unit of the observable.
DISTILLATION = Law(
    "distillation",
    _distillation,
    {
        "A": Param(dist.LogNormal(-1.5, 0.8), "loss^((1+c0)/gamma) N^alpha"),
        "B": Param(dist.LogNormal(-1.5, 0.8), "loss^((1+c0)/gamma) D^beta"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "gamma": Param(dist.LogNormal(0.0, 0.25), ""),
        "c0": Param(dist.LogNormal(0.0, 0.7), ""),
        "c1": Param(EXPONENT, ""),
        "d1": Param(dist.LogNormal(0.0, 0.7), ""),
        "f1": Param(dist.LogNormal(-1.0, 0.7), ""),
    },
    formula="L_T + L_T^-c0 (1 + (L_T/(L_S d1))^(1/f1))^(-c1 f1) (A/N^alpha + B/D^beta)^gamma, L_T the teacher's loss, "
    "L_S the student's loss without a teacher",
    reference="formula as given in Busbridge et al. 2025, arXiv 2502.08606",
    bases={"L_T": "loss", "L_S": "loss"},
    trend={"N": -1, "D": -1},
)

PARALLEL = Law(
    "parallel",
    _parallel,
    {
        "A": Param(dist.LogNormal(-3.0, 2.0), "N loss^(1/alpha)"),
        "alpha": Param(EXPONENT, ""),
        "k": Param(dist.LogNormal(-1.0, 0.7), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + (A / (N (k log P + 1)))^alpha, P the number of parallel passes",
    reference="formula as given in Chen et al. 2025, ParScale, arXiv 2505.10475",
    bases={"P": ""},
    domains={"P": (1.0, float("inf"))},
    trend={"N": -1, "P": -1},
)

# No model reaches an L0 below E0. There the law stays at E1.
LOSS_TO_LOSS = Law(
    "loss_to_loss",
    _loss_to_loss,
    {
        "K": Param(dist.LogNormal(0.0, 0.5), "loss L0^(-kappa)"),
        "kappa": Param(dist.LogNormal(0.0, 0.3), ""),
        "E0": Param(dist.HalfNormal(0.5), "L0"),
        "E1": Param(dist.HalfNormal(0.5), "loss"),
    },
    formula="E1 + K (L0 - E0)^kappa for L0 above E0, else E1; L0 the loss on other data",
    reference="formula as given in Brandfonbrener et al. 2024, arXiv 2411.12925",
    trend={"L0": 1},
)

LAWS = {
    **{law.name: law for law in (ROUTED, OFFSET_ROUTED, FINE_GRAINED_MOE, SPARSE_MOE, SPARSE_WEIGHTS)},
    "precision": precision,
    **{law.name: law for law in (DISTILLATION, PARALLEL, LOSS_TO_LOSS)},
}
