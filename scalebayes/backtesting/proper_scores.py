"""This file has the proper scores of a forecast, on the log of the observable."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np


class Forecast(NamedTuple):
    """A forecast of runs.

    Attributes:
        log_draws: Draws of the log of the observable (draw, run).

        log_density: The log predictive density of the observable that was seen (run,).
    """

    log_draws: np.ndarray
    log_density: np.ndarray


def scores_of(said: Forecast, log_y: np.ndarray, probs: Sequence[float]) -> dict[str, np.ndarray]:
    """The scores of a forecast, by their names in `score`: (run,), and (prob, run) for those of intervals.

    Args:
        said: The forecast.

        log_y: The log of the observable that was seen (run,).

        probs: The probabilities of the intervals.
    """
    tails = np.array([(1 - prob) / 2 for prob in probs])
    levels = np.quantile(said.log_draws, [0.5, *tails, *(1 - tails)], axis=0)
    median, lower, upper = levels[0], levels[1 : 1 + len(probs)], levels[1 + len(probs) :]
    return {
        "median": np.exp(median),
        "log_error": median - log_y,
        "log_score": said.log_density,
        "crps": crps(said.log_draws, log_y),
        "pit": pit(said.log_draws, log_y),
        "lower": np.exp(lower),
        "upper": np.exp(upper),
        "covered": ((lower <= log_y) & (log_y <= upper)).astype(float),
        "log_width": upper - lower,
    }


def crps(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The continuous ranked probability score, E|X - y| - E|X - X'| / 2 (run,); lower is better.

    The second expectation is over pairs of different draws, so that it doesn't depend on the number of draws. Source:
    Gneiting and Raftery 2007, doi 10.1198/016214506000001437.

    Args:
        draws: The draws of the forecast (draw, run).

        y: The values that were seen (run,).

    >>> crps(np.array([[0.0], [1.0]]), np.array([0.5]))
    array([0.])
    """
    count = len(draws)
    order = 2 * np.arange(1, count + 1) - count - 1
    apart = order @ np.sort(draws, axis=0) / (count * max(count - 1, 1))
    return np.abs(draws - y).mean(axis=0) - apart


def pit(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The forecast's probability of a value below y (run,), with ties counted by half.

    It is uniform over runs if the forecasts are calibrated.

    >>> pit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0]))
    array([0.375])
    """
    return (draws < y).mean(axis=0) + (draws == y).mean(axis=0) / 2


def mixture(log_density: Any) -> Any:
    """The log score of a forecast that mixes components with equal weights (run,), from theirs (component, run).

    It is for a traced program; `mean_over_draws` of the forecasts is the same for NumPy arrays.

    >>> mixture(np.log([[0.2], [0.4]])).round(4)
    Array([-1.204], dtype=float...)
    """
    return jax.scipy.special.logsumexp(log_density, axis=0) - math.log(len(log_density))
