"""Laws of parameters N and training tokens D."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.base import Law, Terms
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR
from scalebayes.parameters import Param


def _log_terms(N, D, A, alpha, B, beta):
    """log A/N^alpha and log B/D^beta."""
    return jnp.log(A) - alpha * jnp.log(N), jnp.log(B) - beta * jnp.log(D)


def _chinchilla(N, D, A, B, alpha, beta, E):
    in_N, in_D = _log_terms(N, D, A, alpha, B, beta)
    return E + jnp.exp(in_N) + jnp.exp(in_D)


def _chinchilla_tied(N, D, A, B, alpha, E):
    return _chinchilla(N, D, A, B, alpha, alpha, E)


def _kaplan(N, D, N_c, D_c, alpha_N, alpha_D):
    in_N, in_D = _log_terms(N, D, 1.0, alpha_N / alpha_D, D_c, 1.0)
    return jnp.exp(alpha_D * jnp.logaddexp(in_N + alpha_N / alpha_D * jnp.log(N_c), in_D))


def _skaling(N, D, A, B, alpha, beta, E, k):
    return E + jnp.exp(k * jnp.logaddexp(*_log_terms(N, D, A, alpha, B, beta)))


def _additive(A, B, alpha, beta, **_):
    return Terms(jnp.log(A), alpha, jnp.log(B), beta)


def _additive_tied(A, B, alpha, **_):
    return Terms(jnp.log(A), alpha, jnp.log(B), alpha)


def _kaplan_terms(N_c, D_c, alpha_N, alpha_D, **_):
    ratio = alpha_N / alpha_D
    return Terms(ratio * jnp.log(N_c), ratio, jnp.log(D_c), jnp.ones_like(ratio))


CHINCHILLA = Law(
    "chinchilla",
    _chinchilla,
    {
        "A": Param(AMPLITUDE, "loss N^alpha"),
        "B": Param(AMPLITUDE, "loss D^beta"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A/N^alpha + B/D^beta",
    reference="Hoffmann et al. 2022, arXiv 2203.15556; Besiroglu et al. 2024, arXiv 2404.10102",
    terms=_additive,
)

CHINCHILLA_TIED = Law(
    "chinchilla_tied",
    _chinchilla_tied,
    {
        "A": Param(AMPLITUDE, "loss N^alpha"),
        "B": Param(AMPLITUDE, "loss D^alpha"),
        "alpha": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A/N^alpha + B/D^alpha",
    reference="Muennighoff et al. 2023, arXiv 2305.16264; Gadre et al. 2024, arXiv 2403.08540",
    terms=_additive_tied,
)

# N_c and D_c sit inside a power of about a tenth: what the loss sees is N_c^alpha_N, so their logs are wide.
KAPLAN = Law(
    "kaplan",
    _kaplan,
    {
        "N_c": Param(dist.LogNormal(-1.0, 3.0), "N loss^(1/alpha_N)"),
        "D_c": Param(dist.LogNormal(-1.0, 3.0), "D loss^(1/alpha_D)"),
        "alpha_N": Param(dist.LogNormal(-2.0, 0.6), ""),
        "alpha_D": Param(dist.LogNormal(-2.0, 0.6), ""),
    },
    formula="[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D",
    reference="Kaplan et al. 2020, arXiv 2001.08361, equation 1.5",
    terms=_kaplan_terms,
)

SKALING = Law(
    "skaling",
    _skaling,
    {
        "A": Param(AMPLITUDE, "loss^(1/k) N^alpha"),
        "B": Param(AMPLITUDE, "loss^(1/k) D^beta"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
        "k": Param(dist.LogNormal(0.0, 0.4), ""),
    },
    formula="E + (A/N^alpha + B/D^beta)^k",
    reference="formula as given in arXiv 2608.07222; Busbridge et al. 2025, arXiv 2502.08606, supervised form",
    terms=_additive,
)
