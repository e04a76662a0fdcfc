"""This file has the costs that need no model's shape: 6 N D, experts, serving, and data that repeat."""

import jax.numpy as jnp
import numpy as np

from scalebayes.compute import flops
from scalebayes.errors import InputError
from scalebayes.planning.costs.record import Cost, positive_number

six_nd = Cost("six_nd", flops, "C = 6 N D", "Kaplan et al. 2020, arXiv 2001.08361, section 2.1")


def moe(active: float, total: float) -> Cost:
    """The training cost of a mixture of experts whose law has the total parameters as N: 6 N (active / total) D.

    Where N counts the active parameters alone, the cost is `six_nd`.

    Args:
        active: The parameters that work on a token, of a model of the family.

        total: All parameters of the same model.

    Returns:
        The cost.

    Raises:
        InputError: One isn't positive, or more parameters are active than there are.

    >>> moe(active=1e9, total=1e10)(1e10, 1e11)
    6e+20
    """
    share = positive_number("active", active) / positive_number("total", total)
    if share > 1:
        raise InputError(f"moe: active={active:g} is more than total={total:g}; swap them")
    return Cost("moe", lambda N, D: flops(N * share, D), f"C = 6 ({share:g} N) D")


def with_inference(tokens: float, training: Cost = six_nd) -> Cost:
    """The cost of training and of serving: that of training, and 2 N FLOPs for each token that is served.

    Source: Sardana et al. 2023, arXiv 2401.00448, equation 3.

    Args:
        tokens: The tokens that the model will read and write when it is used.

        training: The cost of training. The default is `six_nd`.

    Returns:
        The cost.

    Raises:
        InputError: `tokens` is negative or not finite.

    >>> with_inference(1e12)(1e9, 2e10)
    2.12e+21
    """
    if not (np.isfinite(tokens) and tokens >= 0):
        raise InputError(f"with_inference: tokens is 0 or more, not {tokens!r}")
    return Cost(
        "with_inference",
        lambda N, D: training.fn(N, D) + 2 * N * tokens,
        f"{training.formula} + 2 N {tokens:.4g}",
        "Sardana et al. 2023, arXiv 2401.00448",
        training.inputs,
        training.of_training,
    )


def repeated(unique: float, training: Cost = six_nd) -> Cost:
    """The cost of D tokens of which only some are unique: more epochs cost more, and the law is told what repeats.

    A law that knows repetition, such as `data_constrained`, is given its input U = min(D, unique).

    Args:
        unique: The number of unique tokens that there are.

        training: The cost of training. The default is `six_nd`.

    Returns:
        The cost.

    Raises:
        InputError: `unique` isn't positive and finite.

    >>> sorted(repeated(unique=25e9).inputs)
    ['U']
    """
    limit = positive_number("unique", unique)
    return Cost(
        "repeated",
        training.fn,
        f"{training.formula}, {limit:.4g} unique tokens",
        training.source,
        {**training.inputs, "U": lambda N, D: jnp.minimum(D, limit) + 0 * N},
        training.of_training,
    )
