"""This file has the method Laplace: proposals from Student-t around the mode are reweighted to the posterior."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.infer.batch import Batch, apart
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.diagnostics import pareto_smoothed
from scalebayes.infer.draws import Draws
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, find_modes
from scalebayes.infer.proposals import propose, propose_many
from scalebayes.model.problem import Problem

KHAT = 0.7  # k-hat has no unit; at this value and above the importance weights can't be trusted


@known_settings
@dataclass(frozen=True)
class Laplace:
    """The method of importance sampling from multivariate Student-t, with Pareto-smoothed weights.

    The scale matrix of the proposals is the inverse of minus the Hessian at the mode. Where the noise has an expected
    information, it takes the place of the likelihood's Hessian. A third of the proposals are drawn wider, and half of
    the others are drawn out along one parameter each. With a process over several inputs, the proposals follow the bent
    ridge along which the law's floor trades places with its other terms. Where few proposals are effective, a mixture
    of Student-t at the weighted proposals takes their place (Cappe et al., arXiv 0710.4242). The weights are smoothed
    (Vehtari et al., arXiv 1507.02646). Stratified resampling then gives equally weighted draws in one chain. A k-hat of
    0.7 or more says that the proposals aren't near enough to the posterior, and NUTS should be used.

    Args:
        draws: The number of draws that are returned. The default is 4000.
        proposals: The number of proposals, at least 100. The more proposals there are for each draw, the fewer draws
            are duplicates. The default is 8000.
        df: The degrees of freedom of the Student-t. The default is 5.
        rounds: How often at most the proposals are moved to where the weights are. They are moved while fewer than a
            fifth of them are effective. With 0 the proposals are one Student-t at the mode. The default is 4.
        search: The settings of the search for the mode. The default is `Search()`.
        fallback: True (the default) tries more proposals where k-hat fails, and NUTS after them. False keeps the draws;
            `fit(..., fallback=False)` sets it.

    Raises:
        InputError: A setting is out of its range.

    >>> Laplace(draws=1000).name
    'laplace'
    """

    draws: int = 4000
    proposals: int = 8000
    df: float = 5.0
    rounds: int = 4
    search: Search = SEARCH
    fallback: bool = True

    def __post_init__(self) -> None:
        if self.draws < 1 or self.proposals < 100 or not self.df > 0 or self.rounds < 0:
            raise InputError("Laplace: draws is at least 1, proposals at least 100, df positive, rounds at least 0")

    @property
    def name(self) -> str:
        """The name of the method."""
        return "laplace"

    def run(self, problem: Problem, key: Any, near: np.ndarray | None = None) -> Draws:
        """Draw from the posterior of a problem; the call is made inside `double()`.

        `near` are points near the mode (start, free), from which alone it is searched.
        """
        key_mode, key_draws, key_resample = jax.random.split(key, 3)
        mode = numpy_mode(problem, key_mode, self.search, near)
        arguments = (problem.model, problem.numbers, problem.rows, mode.z, mode.precision, mode.start_sd, key_draws)
        proposed = jax.device_get(compiled_once(propose, *arguments, float(self.df), self.proposals, self.rounds))
        return self._weighted(mode, proposed, np.asarray(jax.random.key_data(key_resample)))

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draw for each data set of a batch with its key (set,); the draws are those of `run`."""
        key_mode, key_draws, key_resample = _split(keys)
        modes = compiled_once(find_modes, batch.model, batch.numbers, batch.rows, key_mode, self.search, batch.width)
        each = (batch.numbers, batch.rows, modes.z, modes.precision, modes.start_sd, key_draws)
        proposed = compiled_once(
            propose_many, batch.model, each, float(self.df), self.proposals, self.rounds, batch.width
        )
        seeds = jax.device_get(key_resample)
        found = zip(apart(modes, len(batch)), apart(proposed, len(batch)), seeds, strict=True)
        return [self._weighted(mode, one, key) for mode, one, key in found]

    def _weighted(self, mode: Mode, proposed: tuple[Any, Any, Any], seed: np.ndarray) -> Draws:
        """Resample proposals to equal weights; k-hat is infinite where fewer than 25 have a finite density."""
        z, log_density, log_proposal = map(np.asarray, proposed)
        log_ratio = log_density - log_proposal
        log_ratio = np.where(np.isfinite(log_ratio), log_ratio, -np.inf)
        if np.isfinite(log_ratio).sum() < 25:
            none = {"lp": np.full((1, self.draws), mode.log_density), "log_weight": np.full(len(z), -np.inf)}
            return Draws(np.tile(mode.z, (1, self.draws, 1)), none, {"khat": np.inf, "importance_ess": 0.0}, mode)
        log_weight, khat = pareto_smoothed(log_ratio)
        weight = np.exp(log_weight)
        chosen = stratified(weight, self.draws, np.random.default_rng(seed))
        return Draws(
            z[chosen][None],
            {"lp": log_density[chosen][None], "log_weight": log_weight},
            {
                "khat": khat,
                "importance_ess": float(1 / np.sum(weight**2)),
                "log_evidence": float(np.logaddexp.reduce(log_ratio) - np.log(len(log_ratio))),
            },
            mode,
        )


@jax.jit
def _split(keys: Any) -> tuple[Any, Any, Any]:
    """Split the key of each data set (set,): for the mode, for the proposals, and as data for NumPy."""
    key_mode, key_draws, key_resample = jax.vmap(lambda key: jax.random.split(key, 3))(keys).T
    return key_mode, key_draws, jax.random.key_data(key_resample)


def stratified(weight: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Resample proposals: indices in proportion to the weights, one from each of `size` equal strata, in random order.

    >>> sorted(stratified(np.array([0.5, 0.0, 0.5]), 4, np.random.default_rng(0)).tolist())
    [0, 0, 2, 2]
    """
    position = (np.arange(size) + rng.uniform(size=size)) / size
    chosen = np.searchsorted(np.cumsum(weight) / np.sum(weight), position)
    return rng.permutation(np.minimum(chosen, len(weight) - 1))
