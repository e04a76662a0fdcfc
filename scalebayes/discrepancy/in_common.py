"""This file predicts a discrepancy of which one part is common to several recipes and known at some places.

delta = s + o: the part s, with the covariance rho K, is the same for all recipes, and the part o, with (1 - rho) K, is
each recipe's own. Given s at the places where any recipe has runs, recipes are independent of each other: o is
predicted from the recipe's own residuals less s, and s from its values at the places.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy import dense
from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import Process, Residuals

# Share of the common part's mean variance added to each place, and the least such addition, so that two places may
# nearly coincide. Larger ones move an answer, smaller ones lose digits.
RIDGE, LEAST = 1e-8, 1e-14


class CommonPlaces(NamedTuple):
    """Where the common part is known, and which of these places each run of one recipe has.

    Attributes:
        inputs: The inputs of the places in reference units (place,), by their names.
        of_row: The number of the place of each padded row (run,).
    """

    inputs: dict[str, np.ndarray]
    of_row: np.ndarray


class CommonDraws(NamedTuple):
    """The draws of the common part of one posterior; the same for all its recipes.

    Attributes:
        share: The share rho of the variance of delta that recipes have in common (chain, draw).
        departure: The common part s at its places (chain, draw, place).
    """

    share: np.ndarray
    departure: np.ndarray


class Known(NamedTuple):
    """The common part in one posterior draw; a pytree.

    Attributes:
        at: The places.
        of_row: The number of the place of each row (run,).
        share: The share rho.
        departure: The common part at the places (place,).
    """

    at: Places
    of_row: Any
    share: Any
    departure: Any


def smooth(process: Process, values: Mapping[str, Any], a: Places, b: Places) -> Any:
    """The covariance of a discrepancy without the offsets of groups, which recipes don't share (run of a, run of b)."""
    return process.covariance(values, a._replace(group=None), b._replace(group=None))


def covariance(process: Process, values: Mapping[str, Any], share: Any, at: Places) -> Any:
    """The covariance of the common part at its places (place, place), with a ridge."""
    found = share * smooth(process, values, at, at)
    return found + (RIDGE * jnp.mean(jnp.diagonal(found)) + LEAST) * jnp.eye(found.shape[0])


def own_part(values: Mapping[str, Any], share: Any, seen: Residuals, known: Known) -> tuple[dict[str, Any], Residuals]:
    """The parameters of a recipe's own part, and its residuals less the common part.

    Every component but the offsets has a scale, an sd, and so its own part has the scale times sqrt(1 - rho).
    """
    scales = [name for name in values if name.endswith("_scale") and name != "offset_scale"]
    own = {**values, **{name: values[name] * jnp.sqrt(1 - share) for name in scales}}
    return own, seen._replace(off=seen.off - known.departure[known.of_row])


def conditional(
    process: Process, values: Mapping[str, Any], seen: Residuals, known: Known, there: Places, keys: Any = None
) -> tuple[Any, Any, Any]:
    """Predict delta at places, as `Process.conditional` does.

    Args:
        process: The process.
        values: Its parameters.
        seen: The residuals of the recipe's runs.
        known: The common part.
        there: The places (point,).
        keys: A JAX key for the draw of the own part and one for that of the common part, or None for no draw.

    Returns:
        The mean (point,), the sd (point,), and a joint draw (point,), or None without keys.
    """
    key_own, key_common = (None, None) if keys is None else keys
    mean, sd, drawn = process.conditional(*own_part(values, known.share, seen, known), there, key_own)
    of_places = covariance(process, values, known.share, known.at)
    across, prior = (known.share * smooth(process, values, one, there) for one in (known.at, there))
    also = dense.conditional(known.departure, of_places, across, prior, key_common)
    return mean + also[0], jnp.sqrt(sd**2 + also[1] ** 2), None if keys is None else drawn + also[2]


def keys_of(draws: int) -> np.ndarray:
    """The data of a key for each draw of the common part (draw, ...).

    It is the same for every recipe and every seed, so that the part has one value for all recipes of an answer.
    """
    return np.asarray(jax.random.key_data(jax.random.split(jax.random.key(0), draws)))
