"""This file has the laws of the data: repetition, filtering, further training, transfer and vocabularies."""

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law
from scalebayes.laws.n_and_d import kaplan
from scalebayes.laws.one_scale import AMPLITUDE, EXPONENT, FLOOR, PART
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import Beta

MOST = 60.0  # log of the ratio of all data to unique data; beyond it repeated data add nothing more
EPOCHS = 64  # epochs of `data_filtering`; tokens past the last one count as tokens of the last one


def _effective(log_unique, log_all, star):
    """The log of u + u R* (1 - exp(-R/R*)), R = all/u - 1: the worth of repeated data, or of excess parameters."""
    excess = jnp.expm1(jnp.clip(log_all - log_unique, 0.0, MOST))
    return log_unique + jnp.log1p(-star * jnp.expm1(-excess / star))


def _data_constrained(N, D, U, A, B, alpha, beta, E, R_D_star, R_N_star):
    log_U = jnp.minimum(jnp.log(U), jnp.log(D))
    log_G = (jnp.log(alpha) + jnp.log(A) - jnp.log(beta) - jnp.log(B)) / (alpha + beta)
    # N = G C^(beta / (alpha + beta)) and D = C / N give the compute-optimal N for U tokens.
    log_U_N = jnp.minimum(log_G + beta / alpha * (log_G + log_U), jnp.log(N))
    in_N = jnp.log(A) - alpha * _effective(log_U_N, jnp.log(N), R_N_star)
    in_D = jnp.log(B) - beta * _effective(log_U, jnp.log(D), R_D_star)
    return E + jnp.exp(in_N) + jnp.exp(in_D)


def _data_filtering(D, U, A, b, tau, E):
    """The curve falls as D^-b_j in epoch j, b_j = b 2^(-(j - 1) / tau), and past epoch `EPOCHS` as in that epoch."""
    epoch = jnp.arange(1, EPOCHS)
    passed = jnp.clip(jnp.log(D)[..., None] - jnp.log(U)[..., None] - jnp.log(epoch), 0.0)
    halved = jnp.exp2(-jnp.arange(EPOCHS) / jnp.asarray(tau)[..., None])
    # Past the end of epoch j the slope is b_(j+1) instead of b_j.
    change = halved[..., 1:] - halved[..., :-1]
    return E + jnp.exp(jnp.log(A) - b * (jnp.log(D) + jnp.sum(change * passed, axis=-1)))


def _continual(N, D, r, A, B, K, alpha, beta, eta, gamma, eps, E):
    in_N, in_D = jnp.log(A) - alpha * jnp.log(N), jnp.log(B) + eta * jnp.log(r) - beta * jnp.log(D)
    return E + jnp.exp(in_N) + jnp.exp(in_D) + jnp.exp(jnp.log(K) - gamma * jnp.log(r + eps))


def _transfer(N, D, k, a, b, N_c, D_c, alpha_N, alpha_D):
    gained = jnp.log(k) + a * jnp.log(D) + b * jnp.log(N)
    return kaplan(N, jnp.exp(jnp.logaddexp(jnp.log(D), gained)), N_c, D_c, alpha_N, alpha_D)


def _finetune(x, D, A, alpha, beta, E):
    return E + jnp.exp(jnp.log(A) - alpha * jnp.log(x) - beta * jnp.log(D))


def _finetune_rectified(D, B, D_l, beta, E):
    return E + jnp.exp(jnp.log(B) - jnp.logaddexp(jnp.log(D_l), beta * jnp.log(D)))


def _vocabulary(N_nv, N_v, H, A1, a1, A2, a2, B, beta, E):
    parts = (jnp.log(A1) - a1 * jnp.log(N_nv), jnp.log(A2) - a2 * jnp.log(N_v), jnp.log(B) - beta * jnp.log(H))
    return jnp.exp(parts[0]) + jnp.exp(parts[1]) + jnp.exp(parts[2]) - E


DATA_CONSTRAINED = Law(
    "data_constrained",
    _data_constrained,
    {
        "A": Param(PART, "loss N^alpha"),
        "B": Param(PART, "loss D^beta"),
        "alpha": Param(dist.LogNormal(-1.05, 0.5), ""),
        "beta": Param(dist.LogNormal(-1.05, 0.5), ""),
        "E": Param(FLOOR, "loss"),
        "R_D_star": Param(dist.LogNormal(2.0, 1.0), ""),
        "R_N_star": Param(dist.LogNormal(1.5, 1.0), ""),
    },
    formula="E + A/N'^alpha + B/D'^beta; D' = U (1 + R_D* (1 - exp(-R_D/R_D*))), R_D = D/U - 1; "
    "N' = U_N (1 + R_N* (1 - exp(-R_N/R_N*))), R_N = N/U_N - 1, U_N = min(N, the compute-optimal N for U)",
    reference="Muennighoff et al. 2023, arXiv 2305.16264",
    bases={"U": "D"},
    trend={"N": -1, "D": -1},
)

# The slope changes at D = U, where the first epoch ends, and at the end of each further epoch.
DATA_FILTERING = Law(
    "data_filtering",
    _data_filtering,
    {
        "A": Param(AMPLITUDE, "loss D^b"),
        "b": Param(EXPONENT, ""),
        "tau": Param(dist.LogNormal(1.5, 1.0), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A U^-b_1 prod_j (D_j/D_(j-1))^-b_j over the epochs j, D_j the tokens seen up to the end of epoch j; "
    "b_j = b 2^(-(j - 1)/tau); tokens past epoch 64 count as tokens of epoch 64",
    reference="formula as given in Goyal et al. 2024, arXiv 2404.07177",
    bases={"U": "D"},
    trend={"D": -1},
)

CONTINUAL = Law(
    "continual",
    _continual,
    {
        "A": Param(AMPLITUDE, "loss N^alpha"),
        "B": Param(AMPLITUDE, "loss D^beta"),
        "K": Param(dist.LogNormal(-3.0, 1.0), "loss"),
        "alpha": Param(EXPONENT, ""),
        "beta": Param(EXPONENT, ""),
        "eta": Param(EXPONENT, ""),
        "gamma": Param(EXPONENT, ""),
        "eps": Param(dist.LogNormal(-2.0, 0.7), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A/N^alpha + B r^eta/D^beta + K/(r + eps)^gamma, r the share of the new domain in the data",
    reference="formula as given in Que et al. 2024, D-CPT, arXiv 2406.01375",
    bases={"r": ""},
    shares=("r",),
    trend={"N": -1, "D": -1},
)

# The priors of log N_c and log D_c are wide for the reason given at KAPLAN in n_and_d.py.
TRANSFER = Law(
    "transfer",
    _transfer,
    {
        "k": Param(dist.LogNormal(0.0, 1.5), "D^(1-a) N^(-b)"),
        "a": Param(Beta(2.0, 4.0), ""),
        "b": Param(EXPONENT, ""),
        "N_c": Param(dist.LogNormal(-1.0, 3.0), "N loss^(1/alpha_N)"),
        "D_c": Param(dist.LogNormal(-1.0, 3.0), "D loss^(1/alpha_D)"),
        "alpha_N": Param(dist.LogNormal(-2.0, 0.6), ""),
        "alpha_D": Param(dist.LogNormal(-2.0, 0.6), ""),
    },
    formula="kaplan at N and D + k D^a N^b, D tokens of fine-tuning, k D^a N^b the tokens that pretraining is worth",
    reference="formula as given in Hernandez et al. 2021, arXiv 2102.01293",
    trend={"N": -1, "D": -1},
)

FINETUNE = Law(
    "finetune",
    _finetune,
    {
        "A": Param(AMPLITUDE, "loss x^alpha D^beta"),
        "alpha": Param(dist.LogNormal(-1.6, 0.6), ""),
        "beta": Param(dist.LogNormal(-1.6, 0.6), ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + A / (x^alpha D^beta), D the tokens of fine-tuning, x any scale of the pretraining",
    reference="formula as given in Zhang et al. 2024, arXiv 2402.17193",
    trend={"x": -1, "D": -1},
)

FINETUNE_RECTIFIED = Law(
    "finetune_rectified",
    _finetune_rectified,
    {
        "B": Param(dist.LogNormal(0.3, 1.0), "loss D^beta"),
        "D_l": Param(dist.LogNormal(0.0, 1.0), "D^beta"),
        "beta": Param(EXPONENT, ""),
        "E": Param(FLOOR, "loss"),
    },
    formula="E + B / (D_l + D^beta), D_l the data that pretraining is worth",
    reference="formula as given in Lin et al. 2024, arXiv 2402.02314",
    trend={"D": -1},
)

# The loss is normalised by the loss of a unigram model, so it may be negative.
VOCABULARY = Law(
    "vocabulary",
    _vocabulary,
    {
        "A1": Param(PART, "loss N_nv^a1"),
        "a1": Param(EXPONENT, ""),
        "A2": Param(PART, "loss N_v^a2"),
        "a2": Param(EXPONENT, ""),
        "B": Param(PART, "loss H^beta"),
        "beta": Param(EXPONENT, ""),
        "E": Param(dist.LogNormal(0.0, 0.5), "loss"),
    },
    formula="-E + A1/N_nv^a1 + A2/N_v^a2 + B/H^beta, N_nv the parameters outside the vocabulary, N_v those in it, "
    "H the characters",
    reference="formula as given in Tao et al. 2024, arXiv 2407.13623",
    range=(float("-inf"), float("inf")),
    noise="normal_raw",
    trend={"N_nv": -1, "N_v": -1, "H": -1},
)


LAWS = {
    law.name: law
    for law in (DATA_CONSTRAINED, DATA_FILTERING, CONTINUAL, TRANSFER, FINETUNE, FINETUNE_RECTIFIED, VOCABULARY)
}
