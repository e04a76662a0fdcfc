"""This file defines what every method returns, `Draws`, and what a method has to be, `Runnable`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scalebayes.infer.batch import Batch
from scalebayes.infer.mode import Mode
from scalebayes.model.problem import Problem


@dataclass(frozen=True)
class Draws:
    """Equally weighted posterior draws, with the statistics that explain them.

    Attributes:
        z: The draws in unconstrained coordinates (chain, draw, free). Where rows have scales of their own, their
            coordinates follow on the last axis.
        stats: The statistics of each draw (chain, draw), such as `lp`, `diverging`, `n_steps` and `energy`. An array of
            another shape is over proposals, such as `log_weight`.
        numbers: The statistics that are a single number, such as `khat` and `importance_ess`.
        mode: The mode at which the method started, as NumPy arrays.
    """

    z: np.ndarray
    stats: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]
    mode: Mode


class Runnable(Protocol):
    """An inference method: a frozen record of its settings that can run."""

    @property
    def name(self) -> str:
        """The name of the method in a fit."""
        ...

    def run(self, problem: Problem, key: Any) -> Draws:
        """Draw from the posterior of a problem; the call is made inside `double()`."""
        ...

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draw for each data set of a batch with its key (set,); the draws are those of `run` for one at a time."""
        ...
