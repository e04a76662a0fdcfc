"""This file has ranks, scales and trends, which a minority of outliers doesn't change much."""

import numpy as np
import pandas as pd

from scalebayes.checks import limits

# Number of rounds of reweighted least squares that find the least absolute distances.
ROUNDS = 30


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value from 1 on; equal values share the mean of their ranks.

    SciPy's own function is in a module whose import takes half a second.

    >>> ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    return pd.Series(values).rank().to_numpy()


def robust_trend(value: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of a regression by which checks find trends in spite of outliers, and its residuals (run,).

    Least absolute distances come first (Schlossmacher 1973). Values further than `limits.WINSOR` robust sds from that
    line are then moved to this distance, and least squares are fitted to the result.

    >>> x = np.arange(10.0)
    >>> y = np.r_[0.5 * x[:9], 80.0]
    >>> robust_trend(y, np.column_stack([np.ones(10), x]))[0].round(2) + 0.0
    array([0. , 0.5])
    """
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    kept = sizes > 1e-8 * sizes.max(initial=0.0)
    basis = left[:, kept]  # orthonormal, so that the equations of each round are well conditioned
    along = basis.T @ value
    floor = 1e-6 * max(np.abs(value).max(), 1e-300)
    for _ in range(ROUNDS):
        before, weighted = along, basis.T / np.maximum(np.abs(value - basis @ along), floor)
        along = np.linalg.solve(weighted @ basis, weighted @ value)
        if np.abs(basis @ (along - before)).max() < floor:
            break
    rest = value - basis @ along
    reach = limits.WINSOR * robust_scale(rest, min(design.shape[1], len(value) // 2))
    drawn = value - rest + np.clip(rest, -reach, reach)
    along = basis.T @ drawn
    return right[kept].T @ (along / sizes[kept]), value - basis @ along


def robust_scale(values: np.ndarray, fitted: int) -> float:
    """The sd of Normal noise that has the median absolute value of the residuals that are checked, `values` (run,).

    A fit of `fitted` parameters passes near that many runs. As many of the smallest residuals are left out.

    >>> round(robust_scale(np.array([0.0, 0.0, 1.0, -1.0, 1.0, 80.0]), 2), 2)
    1.48
    """
    left = np.sort(np.abs(values))[min(fitted, len(values) - 1) :]
    # Of two middle values the lower is taken, because the upper one of few runs may be an outlier.
    return float(1.4826 * left[(len(left) - 1) // 2])
