"""This file finds the weights of models, by stacking their log scores and by their evidence."""

import numpy as np
import scipy
from scipy.special import softmax

from scalebayes.errors import InputError

# Nats a run that the best weights could still gain: below it the iteration ends.
GAP = 1e-9
# Number of steps after which the iteration ends in any case.
STEPS = 100_000
# A weight: one below it is set to zero.
NOTHING = 1e-8


def stacking_weights(log_scores: np.ndarray) -> np.ndarray:
    """The weights of a stack whose mixture has the best log score: argmax_w sum_i log sum_k w_k exp(lpd_ik).

    w lies on the simplex.

    The sum is concave in w. A sequential quadratic programme (SLSQP) finds the start of the iteration w_k <- w_k g_k,
    where g_k is the mean over runs of exp(lpd_ik) / sum_j w_j exp(lpd_ij). No weights can gain more than log max_k g_k
    a run, and the iteration ends when this bound is small. Models with the same scores share their weight.

    Args:
        log_scores: The log predictive density of each run under each model (run, model), with the observable in the
            same unit for all.

    Returns:
        The weights (model,), which sum to one.

    Raises:
        InputError: A score is NaN or infinite, or no model gives any density to a run.

    Source: Yao, Vehtari, Simpson and Gelman 2018, doi 10.1214/17-BA1091.

    >>> stacking_weights(np.log([[1.0, 1e-9], [1.0, 1e-9], [1.0, 1e-9], [1e-9, 1.0]])).round(6).tolist()
    [0.75, 0.25]
    """
    log_scores = np.asarray(log_scores, np.float64)
    best = log_scores.max(axis=1, keepdims=True)
    if not np.isfinite(best).all() or np.isnan(log_scores).any():
        raise InputError("no weights: a run has no density under any of the models, or a score is no number")
    density = np.exp(log_scores - best)
    models = density.shape[1]

    def loss(w):
        mixture = np.maximum(density @ w, 1e-300)
        return -np.log(mixture).mean(), -(density / mixture[:, None]).mean(axis=0)

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    even = np.full(models, 1 / models)
    between = {"bounds": [(0, 1)] * models, "constraints": [simplex]}
    first = scipy.optimize.minimize(loss, even, jac=True, **between, method="SLSQP").x
    # A weight of exactly zero would stay zero in the iteration.
    first = np.clip(first, 0, None) + 1e-6
    w = first / first.sum()
    for _ in range(STEPS):
        gain = -loss(w)[1]
        if np.log(gain.max()) < GAP:
            break
        w = w * gain
    # Such a weight is what the steps left of a model that has no part in the mixture. Without it no run loses more than
    # this share of the density that its best model gives it.
    w[w < NOTHING] = 0.0
    return w / w.sum()


def evidence_weights(log_evidence: np.ndarray) -> np.ndarray:
    """The weights of compared models by their evidence: posterior probabilities (model,) from equal prior ones.

    The log evidences must be in one unit of the observable.

    >>> evidence_weights(np.log([3.0, 1.0])).round(6).tolist()
    [0.75, 0.25]
    """
    return softmax(np.asarray(log_evidence, np.float64))
