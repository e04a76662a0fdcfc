"""This file has the laws of the number of parameters N and the number of training tokens D."""

import math

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law, Literature, Terms
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR
from scalebayes.parameters.param import Param


def log_terms(N, D, A, alpha, B, beta):
    """The two terms of the law chinchilla on the log scale: log A/N^alpha and log B/D^beta."""
    return jnp.log(A) - alpha * jnp.log(N), jnp.log(B) - beta * jnp.log(D)


def chinchilla(N, D, A, B, alpha, beta, E):
    """The law E + A/N^alpha + B/D^beta."""
    in_N, in_D = log_terms(N, D, A, alpha, B, beta)
    return E + jnp.exp(in_N) + jnp.exp(in_D)


def _chinchilla_tied(N, D, A, B, alpha, E):
    return chinchilla(N, D, A, B, alpha, alpha, E)


def kaplan(N, D, N_c, D_c, alpha_N, alpha_D):
    """The law [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D."""
    in_N, in_D = log_terms(N, D, 1.0, alpha_N / alpha_D, D_c, 1.0)
    return jnp.exp(alpha_D * jnp.logaddexp(in_N + alpha_N / alpha_D * jnp.log(N_c), in_D))


def _skaling(N, D, A, B, alpha, beta, E, k):
    return E + jnp.exp(k * jnp.logaddexp(*log_terms(N, D, A, alpha, B, beta)))


def _nested(N, D, A, B, alpha, beta, E, q):
    in_N, in_D = log_terms(N, D, A, alpha, B, beta)
    return E + jnp.exp(q * jnp.logaddexp(in_N / q, in_D / q))


def _kaplan_steps(N, S, N_c, S_c, alpha_N, alpha_S):
    return jnp.exp(alpha_N * (jnp.log(N_c) - jnp.log(N))) + jnp.exp(alpha_S * (jnp.log(S_c) - jnp.log(S)))


def _rosenfeld(N, D, e0, a, b, c, alpha, beta, eta):
    in_N, in_D = log_terms(N, D, a, alpha, b, beta)
    log_e = jnp.logaddexp(jnp.logaddexp(in_N, in_D), jnp.log(c))
    return e0 * jnp.exp(log_e - jnp.logaddexp(2 * log_e, 2 * jnp.log(eta)) / 2)


def _gadre(N, D, a, b, eta, E):
    terms = _gadre_terms(a, b, eta)
    return E + jnp.exp(terms.log_A - 2 * eta * jnp.log(N)) + jnp.exp(terms.log_B - 2 * eta * jnp.log(D))


def _additive(A, B, alpha, beta, **_):
    return Terms(jnp.log(A), alpha, jnp.log(B), beta)


def _additive_tied(A, B, alpha, **_):
    return Terms(jnp.log(A), alpha, jnp.log(B), alpha)


def _kaplan_terms(N_c, D_c, alpha_N, alpha_D, **_):
    ratio = alpha_N / alpha_D
    return Terms(ratio * jnp.log(N_c), ratio, jnp.log(D_c), jnp.ones_like(ratio))


def _nested_terms(A, B, alpha, beta, q, **_):
    return Terms(jnp.log(A) / q, alpha / q, jnp.log(B) / q, beta / q)


def _gadre_terms(a, b, eta, **_):
    """The terms of `gadre`, since (a M^eta + b M^-eta) C^-eta = 6^-eta (a N^-2eta + b D^-2eta)."""
    return Terms(jnp.log(a) - eta * jnp.log(6.0), 2 * eta, jnp.log(b) - eta * jnp.log(6.0), 2 * eta)


CHINCHILLA = Law(
    "chinchilla",
    chinchilla,
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
    trend={"N": -1, "D": -1},
    literature={
        "alpha": Literature(
            Param(dist.LogNormal(math.log(0.345), 0.2), ""),
            "hoffmann2022 .339, besiroglu2024 .348, muennighoff2023 .353",
        ),
        "beta": Literature(
            Param(dist.LogNormal(math.log(0.33), 0.25), ""),
            "hoffmann2022 .285, besiroglu2024 .366, muennighoff2023 .353",
        ),
        "E": Literature(
            Param(dist.LogNormal(math.log(1.79), 0.1), "loss", scaled=False),
            "hoffmann2022 1.693, besiroglu2024 1.817, muennighoff2023 1.869, in nats per token of English text",
        ),
    },
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
    trend={"N": -1, "D": -1},
)

# The loss depends on N_c through N_c^alpha_N, and on D_c alike. These exponents are about a tenth, so the priors of
# log N_c and log D_c are wide.
KAPLAN = Law(
    "kaplan",
    kaplan,
    {
        "N_c": Param(dist.LogNormal(-1.0, 3.0), "N loss^(1/alpha_N)"),
        "D_c": Param(dist.LogNormal(-1.0, 3.0), "D loss^(1/alpha_D)"),
        "alpha_N": Param(dist.LogNormal(-2.0, 0.6), ""),
        "alpha_D": Param(dist.LogNormal(-2.0, 0.6), ""),
    },
    formula="[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D",
    reference="Kaplan et al. 2020, arXiv 2001.08361, equation 1.5",
    terms=_kaplan_terms,
    trend={"N": -1, "D": -1},
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
        "k": Param(dist.LogNormal(-0.1, 0.3), ""),
    },
    formula="E + (A/N^alpha + B/D^beta)^k",
    reference="formula as given in arXiv 2608.07222; Busbridge et al. 2025, arXiv 2502.08606, supervised form",
    terms=_additive,
    trend={"N": -1, "D": -1},
)

NESTED = Law(
    "nested",
    _nested,
    {
        "A": Param(AMPLITUDE, "loss N^alpha"),
        "B": Param(AMPLITUDE, "loss D^beta"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
        "q": Param(dist.LogNormal(-0.3, 0.5), ""),
    },
    formula="E + [(A/N^alpha)^(1/q) + (B/D^beta)^(1/q)]^q",
    reference="it is chinchilla at q = 1, and kaplan at E = 0 and q = alpha_D; Hoffmann et al. 2022, arXiv 2203.15556; "
    "Kaplan et al. 2020, arXiv 2001.08361",
    terms=_nested_terms,
    trend={"N": -1, "D": -1},
)

# The prior of log N_c is wide for the reason given at KAPLAN.
KAPLAN_STEPS = Law(
    "kaplan_steps",
    _kaplan_steps,
    {
        "N_c": Param(dist.LogNormal(-4.0, 3.0), "N loss^(1/alpha_N)"),
        "S_c": Param(dist.LogNormal(-3.0, 2.0), "S loss^(1/alpha_S)"),
        "alpha_N": Param(dist.LogNormal(-2.0, 0.6), ""),
        "alpha_S": Param(dist.LogNormal(-1.0, 0.6), ""),
    },
    formula="(N_c/N)^alpha_N + (S_c/S)^alpha_S",
    reference="formula as given in Kaplan et al. 2020, arXiv 2001.08361, with S = S_min, the least number of steps",
    trend={"N": -1, "S": -1},
)

# The loss depends on a/eta, b/eta and c/eta alone. So eta, the unit of the error e, is fixed at 1.
ROSENFELD = Law(
    "rosenfeld",
    _rosenfeld,
    {
        "e0": Param(dist.LogNormal(0.7, 0.5), "loss"),
        "a": Param(AMPLITUDE, "N^alpha"),
        "b": Param(AMPLITUDE, "D^beta"),
        "c": Param(dist.HalfNormal(0.5), ""),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "eta": Param(1.0, ""),
    },
    formula="e0 |e / (e - i eta)| with e = a N^-alpha + b D^-beta + c",
    reference="formula as given in Rosenfeld et al. 2019, arXiv 1909.12673",
    trend={"N": -1, "D": -1},
)

GADRE = Law(
    "gadre",
    _gadre,
    {
        "a": Param(AMPLITUDE, "loss N^(2*eta)"),
        "b": Param(AMPLITUDE, "loss D^(2*eta)"),
        "eta": Param(dist.LogNormal(-1.75, 0.6), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + (a M^eta + b M^-eta) C^-eta with M = D/N, C = 6 N D",
    reference="Gadre et al. 2024, arXiv 2403.08540; it is chinchilla_tied with alpha = 2 eta",
    terms=_gadre_terms,
    trend={"N": -1, "D": -1},
)

LAWS = {law.name: law for law in (CHINCHILLA, CHINCHILLA_TIED, KAPLAN, KAPLAN_STEPS, SKALING, NESTED, ROSENFELD, GADRE)}
