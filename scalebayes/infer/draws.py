"""What every method returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scalebayes.infer.batch import Batch
from scalebayes.infer.mode import Mode
from scalebayes.model.problem import Problem


@dataclass(frozen=True)
class Draws:
    """Equally weighted draws of the posterior, and what explains them.

    Attributes:
        z: unconstrained coordinates (chain, draw, free), and rows' own where they have scales of their own.
        stats: per draw (chain, draw), such as `lp`, `diverging`, `n_steps`, `energy`; other shapes are vectors over
            proposals, such as `log_weight`.
        numbers: one number each: `khat`, `importance_ess`.
        mode: the mode that the method started from, as NumPy arrays.
    """

    z: np.ndarray
    stats: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]
    mode: Mode


class Runnable(Protocol):
    """Frozen settings of an inference method."""

    @property
    def name(self) -> str:
        """What it is called in a fit."""
        ...

    def run(self, problem: Problem, key: Any) -> Draws:
        """Draws from the posterior of a problem; called inside `jax.enable_x64()`."""
        ...

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draws of each data set of a batch with its key (set,): those that `run` gives one at a time."""
        ...
