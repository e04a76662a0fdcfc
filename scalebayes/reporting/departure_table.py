"""This file makes the table from which a report's planner reads the discrepancy of a fit over log N and log D.

The page interpolates the mean and the variance in each draw with straight lines. Between two places of the table the
variance of a process may rise above that line, where both places lie near runs; so the variances around a cell are
raised until the line reaches the exact variance at the cell's centre.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.special import ndtri

from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.result import Fit
from scalebayes.infer.double import double

# Places along N, and along D: more where there are runs, since the process varies most there.
WITHIN, BEYOND = 14, 6
BELOW, ABOVE = 1.5, 200.0  # factors by which the table reaches below the smallest and above the largest of the runs
TRIED = 100  # random places at which the width of the band is held against the exact one
TRIED_ABOVE = 100.0  # factor above the largest runs up to which these lie
NEW_GROUP = -1  # the number of a group that no run has, as `predict` takes by default
SEED = 0  # of the order of the fixed normal numbers, and of the random places


class Table(NamedTuple):
    """The discrepancy of a fit over log N and log D.

    Attributes:
        log_N: The places along log N (row,).
        log_D: The places along log D (column,).
        mean: The mean of the log of the discrepancy (draw, row, column), float32.
        variance: Its variance, raised as the file says.
        normal: A fixed normal number for each draw (draw,).
        within: The least width of a band by the table over the exact one, at the random places among the runs' N and D.
        beyond: The same, at the random places beyond them.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    normal: np.ndarray
    within: float
    beyond: float


def table_of(
    fit: Fit, law: Callable[[np.ndarray, np.ndarray], np.ndarray], N: np.ndarray, D: np.ndarray, prob: float
) -> Table:
    """The table of a fit's discrepancy.

    Args:
        fit: The fit.

        law: The law of the fit at one N and D (draw,).

        N: The N of the runs (run,).

        D: The D of the runs (run,).

        prob: The probability of the band whose width is tried.
    """
    rng, sizes = np.random.default_rng(SEED), (N, D)
    axes = [_axis(np.log(x)) for x in sizes]
    centres = [(axis[1:] + axis[:-1]) / 2 for axis in axes]
    tried = np.stack([rng.uniform(np.log(x.min()), np.log(x.max() * TRIED_ABOVE), TRIED) for x in sizes], axis=1)
    grids = [np.stack(np.meshgrid(*each, indexing="ij"), axis=-1).reshape(-1, 2) for each in (axes, centres)]
    places = np.concatenate([*grids, tried])
    with double():
        points = {name: np.exp(x) for name, x in zip("ND", places.T, strict=True)}
        found = conditional(fit, points, np.full(len(places), NEW_GROUP))
    ends = np.cumsum([len(grid) for grid in grids])
    means, sds = (np.split(x, ends, axis=1) for x in (found.mean, found.sd * (not fit.is_mode)))
    shape, inner = (-1, *map(len, axes)), (-1, *map(len, centres))
    mean, variance = means[0].reshape(shape), _raised((sds[0] ** 2).reshape(shape), (sds[1] ** 2).reshape(inner))
    normal = normals(fit.size)
    by_table = [RegularGridInterpolator(axes, np.moveaxis(x, 0, -1))(tried).T for x in (mean, variance)]
    curve = np.log(np.stack([law(*np.exp(place)) for place in tried], axis=1))
    width, exact = (
        np.diff(np.quantile(curve + m + s * normal[:, None], [(1 - prob) / 2, (1 + prob) / 2], axis=0), axis=0)[0]
        for m, s in ((by_table[0], np.sqrt(by_table[1])), (means[2], sds[2]))
    )
    share = np.divide(width, exact, out=np.ones(TRIED), where=exact > 0)
    far = (tried > [np.log(x.max()) for x in sizes]).any(axis=1)
    within, beyond = (float(share[where].min(initial=np.inf)) for where in (~far, far))
    within, beyond = (x if np.isfinite(x) else float(share.min()) for x in (within, beyond))
    table = mean.astype(np.float32), variance.astype(np.float32)
    return Table(axes[0], axes[1], *table, normal, within, beyond)


def normals(count: int) -> np.ndarray:
    """Fixed normal numbers (draw,), evenly spread over their probabilities, in a random order; 0 for one draw.

    >>> normals(1).tolist(), round(float(normals(500).std()), 3)
    ([0.0], 0.999)
    """
    return np.random.default_rng(SEED).permutation(ndtri((np.arange(count) + 0.5) / count))


def _axis(logs: np.ndarray) -> np.ndarray:
    low, high = logs.min(), logs.max()
    beyond = np.linspace(high, high + np.log(ABOVE), BEYOND + 1)[1:]
    return np.concatenate([[low - np.log(BELOW)], np.unique(np.linspace(low, high, WITHIN)), beyond])


def _raised(variance: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Variances (draw, row, column) that are raised where their mean around a cell is below that at its centre."""
    low, high = slice(None, -1), slice(1, None)
    corners = [(slice(None), row, column) for row in (low, high) for column in (low, high)]
    line = np.mean([variance[corner] for corner in corners], axis=0)
    factor, needed = np.ones_like(variance), np.divide(centre, line, out=np.ones_like(line), where=line > 0)
    for corner in corners:
        factor[corner] = np.maximum(factor[corner], needed)
    return variance * factor
