"""This file has the method MAP, which finds the posterior mode alone."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.errors import known_settings
from scalebayes.infer.batch import Batch, apart
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.draws import Draws
from scalebayes.infer.mode import SEARCH, Mode, Search, find_mode, find_modes
from scalebayes.model.problem import Problem


def numpy_mode(problem: Problem, key: Any, search: Search, near: np.ndarray | None = None) -> Mode:
    """The mode that `find_mode` finds for a problem, as NumPy arrays."""
    more = () if near is None else (near,)
    mode = compiled_once(find_mode, problem.model, problem.numbers, problem.rows, key, search, *more)
    return jax.tree.map(np.asarray, jax.device_get(mode))


@known_settings
@dataclass(frozen=True)
class MAP:
    """The method that returns the posterior mode as one draw.

    It is the mode of the density over unconstrained coordinates, which is over log A for a positive parameter A. With
    `priors="flat"` it is the maximum likelihood estimate, whatever the coordinates.

    Args:
        search: The settings of the search for the mode. The default is `Search()`.

    >>> MAP().name
    'map'
    """

    search: Search = SEARCH

    @property
    def name(self) -> str:
        """The name of the method."""
        return "map"

    def run(self, problem: Problem, key: Any) -> Draws:
        """Draw from the posterior of a problem; the call is made inside `double()`."""
        return _one_draw(numpy_mode(problem, key, self.search))

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draw for each data set of a batch with its key (set,); the draws are those of `run`."""
        modes = compiled_once(find_modes, batch.model, batch.numbers, batch.rows, keys, self.search, batch.width)
        return [_one_draw(mode) for mode in apart(modes, len(batch))]


def _one_draw(mode: Mode) -> Draws:
    return Draws(mode.z[None, None, :], {"lp": mode.log_density.reshape(1, 1)}, {}, mode)
