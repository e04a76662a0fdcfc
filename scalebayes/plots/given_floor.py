"""This file conditions a forecast on the value of a floor: the draws of the floor, and quantiles given it."""

import numpy as np

from scalebayes.errors import InputError
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated

# Effective number of different draws that a value of the floor should rest on: the kernel is as wide as that takes, but
# not wider than the posterior's sd.
WANTED = 300.0
# With fewer, the ends of a 90 % band rest on less than five draws each, and nothing is drawn.
LEAST = 100.0
HALVINGS = 25  # of the range in which the width of the kernel is looked for


def floors_of(fit: Asked, floor: str) -> np.ndarray:
    """The draws of the floor, in the order of the draws of a forecast; NaN in those of a stack's members without one.

    Raises:
        InputError: No law has this parameter free, or there is one draw.
    """
    fits = fits_of(fit)
    free = [one for one in fits if floor in one.draws and floor in one.law.params]
    if not free:
        fixed = [one for one in fits if floor in one.law.params]
        law = fits[0].law.name
        raise InputError(
            f"{floor} of law {law!r} is fixed, and the figure is about what it could be; leave it free"
            if fixed
            else f"law {law!r} has no floor {floor!r} (it has {', '.join(fits[0].law.params)}); fit one with E"
        )
    if all(one.is_mode for one in free):
        raise InputError("a MAP fit has one draw and no posterior of its floor: fit with method='laplace' or 'nuts'")
    if isinstance(fit, Stack):
        found = np.full(fit.draws, np.nan)
        for name, (where, own) in fit.picks.items():
            if floor in fit.members[name].law.params:
                found[where] = fit.members[name].law_draws[floor].reshape(-1)[own]
        return found
    one = fit.fit if isinstance(fit, Recalibrated) else fits[0]
    return one.law_draws[floor].reshape(-1)


def density_of(floors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The density of the floor's posterior, and the bandwidth of its kernel, by ArviZ."""
    from arviz_stats.base.array import array_stats

    at, density, width = array_stats.kde(floors, bw="silverman")
    return np.asarray(at), np.asarray(density), float(np.squeeze(width))


def quantiles_given(
    floors: np.ndarray, draws: np.ndarray, grid: np.ndarray, width: float, prob: float
) -> tuple[np.ndarray, np.ndarray]:
    """The effective number of different draws (place,), and the quantiles (3, multiple, place) given the floor."""
    _, which = np.unique(floors, return_inverse=True)  # Laplace repeats draws, and a repeated one tells nothing new
    wanted = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    near, found = np.zeros(len(grid)), np.full((3, draws.shape[1], len(grid)), np.nan)
    widest = max(float(floors.std()), width)
    for place, value in enumerate(grid):
        away = floors - value
        low, high = width, widest
        for _ in range(HALVINGS if _count(away, which, width) < WANTED else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if _count(away, which, middle) < WANTED else (low, middle)
        weights = _weights(away, high if low > width else width)
        near[place] = 1 / (np.bincount(which, weights) ** 2).sum()
        if near[place] < LEAST:
            continue
        middle = weights @ away
        spread = weights @ (away - middle) ** 2
        for column, y in enumerate(draws.T):
            slope = (weights * (away - middle)) @ y / spread
            moved = y - slope * away
            found[:, column, place] = np.quantile(moved, wanted, weights=weights, method="inverted_cdf")
    return near, found


def _weights(away: np.ndarray, width: float) -> np.ndarray:
    """The weights of draws by a Normal kernel; they sum to one."""
    weights = np.exp(-((away / width) ** 2) / 2)
    return weights / weights.sum()


def _count(away: np.ndarray, which: np.ndarray, width: float) -> float:
    """The effective number of different draws under a kernel."""
    return float(1 / (np.bincount(which, _weights(away, width)) ** 2).sum())
