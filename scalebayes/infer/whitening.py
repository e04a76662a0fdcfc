"""This file finds the coordinates of NUTS's chains: their centre, and the precision by which they are whitened."""

from typing import Any

import numpy as np

from scalebayes.infer.compile import compiled_once
from scalebayes.infer.mode import Mode
from scalebayes.infer.ridge import at_mode, follows, straightened
from scalebayes.model.model import Model, Numbers


def by_mode(model: Model, numbers: Numbers, mode: Mode) -> tuple[Any, Any]:
    """The mode and the precision of the Gaussian there, along the ridge where the model's chains follow one."""
    if not follows(model, numbers):
        return mode.z, mode.precision
    return compiled_once(at_mode, model, numbers, mode.z, mode.precision)


def by_draws(model: Model, numbers: Numbers, mode: Mode, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and inverse covariance of draws (chain, draw, free and rows' own), along the ridge where there is one.

    The rows' own coordinates count as uncorrelated.
    """
    if follows(model, numbers):
        z = np.asarray(compiled_once(straightened, model, numbers, mode.z, z))
    free, flat = len(model.free), z.reshape(-1, z.shape[-1])
    covariance = np.diag(flat.var(axis=0))
    covariance[:free, :free] = np.cov(flat[:, :free].T)
    precision = np.linalg.inv(covariance + 1e-12 * np.eye(flat.shape[-1]))
    return flat.mean(axis=0), precision
