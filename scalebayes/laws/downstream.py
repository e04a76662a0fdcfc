"""This file has the laws of results after training: errors, accuracies, samples, test-time compute and rewards."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.errors import InputError, unknown
from scalebayes.laws.law import Law
from scalebayes.laws.one_scale import EXPONENT
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import Beta

REAL = (float("-inf"), float("inf"))
SHARE = (0.0, 1.0)
LEAST = 1e-12  # least distance of a share from one; with less its logit would be infinite


def _sigmoid_compute(C, R0, R1, C_mid, b):
    return R0 + (R1 - R0) * jax.nn.sigmoid(b * (jnp.log(C) - jnp.log(C_mid)))


def _error_exponential(L, eps, k, gamma):
    return eps - k * jnp.exp(-gamma * L)


def _accuracy_sigmoid(L, a, b, k, L_mid):
    return b + a * jax.nn.sigmoid(-k * (L - L_mid))


def _repeated_sampling(k, A, b):
    return jnp.exp(-jnp.maximum(jnp.exp(jnp.log(A) - b * jnp.log(k)), LEAST))


def _train_test_compute(train, score, T, p, q):
    return jnp.exp(jnp.log(T) + p * jnp.log(train) + q * score)


def _over_rl(d, b, d_0):
    return b * d * (jnp.log(d_0) - jnp.log(d))


def _over_bon(d, a, b):
    return d * (a - b * d)


SIGMOID_COMPUTE = Law(
    "sigmoid_compute",
    _sigmoid_compute,
    {
        "R0": Param(Beta(1.0, 4.0), ""),
        "R1": Param(Beta(4.0, 2.0), ""),
        "C_mid": Param(dist.LogNormal(0.0, 2.0), "C"),
        "b": Param(EXPONENT, ""),
    },
    formula="R0 + (R1 - R0) / (1 + (C_mid/C)^b)",
    reference="formula as given in Khatri et al. 2025, arXiv 2510.13786",
    observable="pass_rate",
    range=SHARE,
    noise="logit_normal",
)

ERROR_EXPONENTIAL = Law(
    "error_exponential",
    _error_exponential,
    {
        "eps": Param(Beta(6.0, 2.0), ""),
        "k": Param(dist.LogNormal(0.2, 0.45), ""),
        "gamma": Param(dist.LogNormal(1.0, 0.3), "L^-1"),
    },
    formula="eps - k exp(-gamma L), L the loss",
    reference="Gadre et al. 2024, arXiv 2403.08540",
    observable="error",
    range=SHARE,
    noise="normal_raw",
    trend={"L": 1},
)

ACCURACY_SIGMOID = Law(
    "accuracy_sigmoid",
    _accuracy_sigmoid,
    {
        "a": Param(Beta(3.0, 3.0), ""),
        "b": Param(Beta(1.0, 5.0), ""),
        "k": Param(dist.LogNormal(1.5, 0.7), "L^-1"),
        "L_mid": Param(dist.LogNormal(0.0, 0.2), "L"),
    },
    formula="b + a / (1 + exp(k (L - L_mid))), L the loss",
    reference="Bhagia et al. 2024, arXiv 2412.04403; k is its -k, and L_mid is its L0",
    observable="accuracy",
    range=SHARE,
    noise="normal_raw",
    trend={"L": -1},
)

REPEATED_SAMPLING = Law(
    "repeated_sampling",
    _repeated_sampling,
    {"A": Param(dist.LogNormal(0.0, 0.7), "k^b"), "b": Param(EXPONENT, "")},
    formula="exp(-A k^-b), k the number of samples for each problem",
    reference="formula as given in Brown et al. 2024, arXiv 2407.21787; A is its -a",
    observable="coverage",
    range=SHARE,
    noise="logit_normal",
    trend={"k": 1},
)

TRAIN_TEST_COMPUTE = Law(
    "train_test_compute",
    _train_test_compute,
    {
        "T": Param(dist.LogNormal(0.0, 0.3), "loss train^(-p)"),
        "p": Param(dist.Normal(-0.9, 0.3), ""),
        "q": Param(dist.Normal(0.0, 0.3), ""),
    },
    formula="log test = p log train + q score + log T, test the compute at test time that reaches a score",
    reference="formula as given in Jones 2021, arXiv 2104.03113; log T is its r",
    observable="test",
    bases={"score": ""},
    domains={"score": REAL},
)


@cache
def _overoptimisation(form: str) -> Law:
    rl = form == "rl"
    return Law(
        "reward_overoptimisation",
        _over_rl if rl else _over_bon,
        {"b": Param(dist.LogNormal(0.0, 0.7), "loss d^-1"), "d_0": Param(dist.LogNormal(1.5, 0.7), "d")}
        if rl
        else {"a": Param(dist.LogNormal(0.3, 0.7), "loss d^-1"), "b": Param(dist.LogNormal(-1.0, 0.7), "loss d^-2")},
        formula="d (a - b log d), with a = b log d_0" if rl else "d (a - b d)",
        reference="formula as given in Gao et al. 2022, arXiv 2210.10760, d the root of the KL divergence",
        observable="reward",
        range=REAL,
        noise="normal_raw",
        settings={"form": form},
    )


def reward_overoptimisation(**settings: Any) -> Law:
    """The law of reward over-optimisation.

    Args:
        **settings: `form`, which is "rl" (the default) for reinforcement learning and "bon" for the best of n samples.
    """
    for name in settings:
        if name != "form":
            raise unknown("setting of law 'reward_overoptimisation'", name, ["form"])
    form = settings.get("form", "rl")
    if form not in ("rl", "bon"):
        raise InputError(f"law 'reward_overoptimisation': form is 'rl' or 'bon', not {form!r}")
    return _overoptimisation(form)


LAWS = {
    **{
        law.name: law
        for law in (SIGMOID_COMPUTE, ERROR_EXPONENTIAL, ACCURACY_SIGMOID, REPEATED_SAMPLING, TRAIN_TEST_COMPUTE)
    },
    "reward_overoptimisation": reward_overoptimisation,
}
