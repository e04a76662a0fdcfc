"""This file says what every decision says of its fit: how far it lies from the runs, and what to review."""

from collections.abc import Mapping

import numpy as np

from scalebayes.fitting import bearing
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.distance import distance, exactness, outside, review
from scalebayes.planning.costs.record import Cost


def distances_of(fit: Fit, cost: Cost, N: np.ndarray, D: np.ndarray) -> dict[str, np.ndarray]:
    """The distance of N and D (budget,), and of the inputs that follow by a cost, from a fit's runs: axis -> (budget,).

    It is in e-folds.
    """
    return distance(fit, {"N": N, "D": D} | {name: np.asarray(fn(N, D)) for name, fn in cost.inputs.items()})


def distance_of_median(fit: Fit, cost: Cost, N: np.ndarray, D: np.ndarray) -> dict[str, np.ndarray]:
    """The distance of the median of N and D (chain, draw, budget) from a fit's runs, in e-folds: axis -> (budget,)."""
    return distances_of(fit, cost, _median(N), _median(D))


def _median(values: np.ndarray) -> np.ndarray:
    """The median over the draws with an optimum (budget,); NaN where no draw has one."""
    found = ~np.isnan(values).all(axis=(0, 1))
    middle = np.full(values.shape[-1], np.nan)
    middle[found] = np.nanmedian(values[..., found], axis=(0, 1))
    return middle


def review_of(fit: Fit, cost: Cost, distances: Mapping[str, np.ndarray], of_law: bool) -> str:
    """What to review in a decision: the exact law beyond the runs, and the checks that bear on it, at its cost.

    Args:
        fit: The fit.

        cost: The cost of a run.

        distances: The distance of the decision from the runs: axis -> (budget,).

        of_law: Whether the decision is by the law alone.
    """
    questions = bearing.of_optimum(outside(distances))
    return review(fit, exactness(fit, distances, of_law=of_law), questions, cost.of_training)
