"""This file asks for forecasts of which a figure shows each point alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.fitting.at_points import FEW
from scalebayes.fitting.groups import Group
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.predict import predict
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import Seed

# Number of places along a curve, and where a fit has a discrepancy, which takes a hundred times as long a place.
POINTS, POINTS_DEPARTING = 65, 25
LIGHT = 250  # number of draws of a fit with a discrepancy in figures that need an optimum or a whole surface


def departs(asked: Asked) -> bool:
    """Whether a forecast takes draws of a discrepancy."""
    return any(fit.discrepancy is not None for fit in fits_of(asked))


def points_along(asked: Asked) -> int:
    """The number of places along a curve."""
    return POINTS_DEPARTING if departs(asked) else POINTS


def pointwise(
    asked: Asked, inputs: Mapping[str, Any], *, observed: bool = False, group: Group = None, seed: Seed = 0
) -> xr.Dataset:
    """What `predict` returns, where the draws need not belong together from point to point.

    A fit with a discrepancy is asked for a few points at a time: joint draws at hundreds of points take minutes, and a
    band needs the draws at each point alone.

    Args:
        asked: A fit, `Fits`, a stack or a recalibrated fit.

        inputs: The values of every column that the laws take: numbers, or arrays (point,).

        observed: As for `predict`. The default is False.

        group: As for `predict`. The default is None.

        seed: As for `predict`. The default is 0.
    """
    if not departs(asked):
        return predict(asked, inputs, observed=observed, group=group, seed=seed)
    arrays = dict(zip(inputs, np.broadcast_arrays(*map(np.atleast_1d, inputs.values())), strict=True))
    count = len(next(iter(arrays.values())))
    parts = [
        predict(
            asked, {n: x[start : start + FEW] for n, x in arrays.items()}, observed=observed, group=group, seed=seed
        )
        for start in range(0, count, FEW)
    ]
    how: Any = {"data_vars": "minimal", "coords": "minimal", "compat": "override", "combine_attrs": "override"}
    joined = xr.concat(parts, "point", **how)
    return joined.assign_attrs(review=max((part.attrs["review"] for part in parts), key=len))


def lighter(asked: Asked) -> Asked:
    """The same with fewer draws where there is a discrepancy, for figures that would take minutes with all of them.

    Of 250 draws, the end of a 90 % interval has a Monte-Carlo error of .13 sd.
    """
    if not departs(asked):
        return asked
    if isinstance(asked, Stack):
        members = {name: thinned(fit) for name, fit in asked.members.items()}
        return replace(asked, members=members, draws=min(asked.draws, LIGHT))
    if isinstance(asked, Fits):
        return replace(asked, items=tuple(map(thinned, asked.items)))
    if isinstance(asked, Recalibrated):
        return replace(asked, fit=thinned(asked.fit))
    return thinned(asked)


def thinned(fit: Fit, count: int = LIGHT) -> Fit:
    """A fit with at most `count` of its draws, spread evenly over all chains, as one chain."""
    if fit.size <= count:
        return fit
    kept = np.linspace(0, fit.size - 1, count).round().astype(int)

    def of(x: np.ndarray) -> np.ndarray:
        return x.reshape(1, -1, *x.shape[2:])[:, kept]

    stats = {name: of(x) if x.shape[:2] == fit.shape else x for name, x in fit.sample_stats.items()}
    return replace(fit, draws={name: of(x) for name, x in fit.draws.items()}, sample_stats=stats)
