"""This file has the method NUTS: it runs the chains, and runs them again where they were poor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.infer import diagnostics
from scalebayes.infer.batch import Batch, apart, filled_to_few
from scalebayes.infer.chains import Shape, sample, sample_many
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.draws import Draws
from scalebayes.infer.long_wait import warn_of_chains
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, find_modes
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem

THIN = (1, 8)  # steps for each draw that is kept, in the second and the third run of the chains
ENOUGH = 4000  # number of all draws; from this number on, chains are poor where r-hat is above 1 + RHAT
# RHAT is r-hat less one: up to it the check of the chains passes. FAILED is an r-hat: above it the check fails, and the
# chains are poor however few draws they have.
RHAT, FAILED = 0.01, 1.05
DIVERGED = 0.01  # share of divergent draws; from it on the check fails, and the chains of a second run are poor


@known_settings
@dataclass(frozen=True)
class NUTS:
    """The method of the No-U-Turn sampler (Hoffman and Gelman, arXiv 1111.4246), with NumPyro's kernel.

    Coordinates are whitened by the Cholesky factor of the inverse Hessian at the mode. The chains start
    over-dispersed, from a Normal around the mode with an sd of `spread` posterior sds. Where r-hat, effective sample
    sizes or divergences say that the chains were poor, they are run again, whitened by the covariance of their draws.
    Where they are poor once more, they run eight times as long and every eighth draw is kept. A check says how often
    they were run.

    Args:
        draws: The number of draws that each chain keeps. The default is 1000.
        warmup: The number of steps of each chain that adapt the step size and the mass matrix. The default is 200.
        chains: The number of chains, which run side by side. The default is 4.
        target_accept: The acceptance probability that the step size aims at, between 0 and 1. The default is 0.8.
            Further runs of poor chains aim at 0.95 or more.
        max_tree_depth: The largest depth of the sampler's trees; a draw takes at most 2^max_tree_depth - 1 steps. The
            default is 10.
        spread: The sd of the chains' starts around the mode, in posterior sds. The default is 2.
        tries: How often the chains are run at most: 1, 2 or 3 (the default). The third run is the long one. Draws that
            are poor after the last run are kept, and their checks say so.
        search: The settings of the search for the mode. The default is `Search()`.

    Raises:
        InputError: A setting is out of its range.

    >>> NUTS(chains=2).name
    'nuts'
    """

    draws: int = 1000
    warmup: int = 200
    chains: int = 4
    target_accept: float = 0.8
    max_tree_depth: int = 10
    spread: float = 2.0
    tries: int = 1 + len(THIN)
    search: Search = SEARCH

    def __post_init__(self) -> None:
        if min(self.draws, self.chains, self.max_tree_depth) < 1 or self.warmup < 20:
            raise InputError("NUTS: draws, chains and max_tree_depth are at least 1, warmup at least 20")
        if self.tries not in range(1, 2 + len(THIN)):
            raise InputError(f"NUTS: tries is 1, 2 or {1 + len(THIN)}, not {self.tries!r}")
        if not 0 < self.target_accept < 1 or not self.spread > 0:
            raise InputError("NUTS: target_accept is between 0 and 1, spread is positive")

    @property
    def name(self) -> str:
        """The name of the method."""
        return "nuts"

    def run(self, problem: Problem, key: Any) -> Draws:
        """Draw from the posterior of a problem; the call is made inside `jax.enable_x64()`."""
        key_mode, key_chains = jax.random.split(key)
        mode = numpy_mode(problem, key_mode, self.search)
        fixed = (problem.model, problem.numbers, problem.rows)
        shape, accept, whitened = self.shape(alone=True), self.target_accept, (mode.z, mode.precision, key_chains)
        settings = (np.float64(accept), np.float64(self.spread))
        z, stats = _of_one(fixed, whitened, settings, shape)
        run = 1
        while run < self.tries and _poor(z, stats, run):
            shape = self._again(run)._replace(alone=True)
            accept = max(self.target_accept, 0.95)
            whitened = (*_by_draws(z, len(problem.model.free)), jax.random.fold_in(key_chains, run))
            settings = (np.float64(accept), np.float64(self.spread))
            z, stats = _of_one(fixed, whitened, settings, shape)
            run += 1
        return self._draws(z, stats, run, shape.thin, mode)

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draw for each data set of a batch with its key (set,); the draws are those of `run`."""
        key_mode, key_chains = jax.vmap(jax.random.split)(keys).T
        modes = compiled_once(find_modes, batch.model, batch.numbers, batch.rows, key_mode, self.search, batch.width)
        settings = (np.float64(self.target_accept), np.float64(self.spread), self.shape())
        found = _sampled(batch, modes.z, modes.precision, key_chains, *settings)
        draws = [
            self._draws(z, stats, 1, 1, mode)
            for (z, stats), mode in zip(apart(found, len(batch)), apart(modes, len(batch)), strict=True)
        ]
        settings = (np.float64(max(self.target_accept, 0.95)), np.float64(self.spread))
        for run in range(1, self.tries):
            poor = [i for i, one in enumerate(draws) if _poor(one.z, one.stats, run)]
            if not poor:
                break
            # Sets that are computed one at a time need no filling up, since the batch's shape isn't compiled.
            full = filled_to_few(poor, _width(batch) * len(jax.local_devices())) if _together(batch) else poor
            centre, precision = zip(*(_by_draws(draws[i].z, len(batch.model.free)) for i in full), strict=True)
            again, key = self._again(run), _again_keys(key_chains, np.array(full), run)
            found = _sampled(batch.take(full), np.stack(centre), np.stack(precision), key, *settings, again)
            for i, (z, stats) in zip(poor, apart(found, len(poor)), strict=True):
                draws[i] = self._draws(z, stats, run + 1, again.thin, draws[i].mode)
        return draws

    def shape(self, alone: bool = False) -> Shape:
        """The sizes of the first run of the chains."""
        return Shape(self.chains, self.warmup, self.draws, self.max_tree_depth, alone=alone)

    def _again(self, run: int) -> Shape:
        """The sizes of a further run of the chains.

        Chains are poor where the curvature at the mode says little about the posterior's shape. So the second run is
        whitened by the draws' covariance. Where that isn't enough, the posterior isn't near a Gaussian in any such
        coordinates, and the third run is longer.
        """
        thin = THIN[run - 1]
        return self.shape()._replace(warmup=self.warmup * min(thin, 5), thin=thin)

    def _draws(self, z: np.ndarray, stats: dict[str, np.ndarray], run: int, thin: int, mode: Mode) -> Draws:
        numbers = {"runs": float(run), "thin": float(thin), "max_tree_depth": float(self.max_tree_depth)}
        return Draws(z, stats, numbers, mode)


def _of_one(
    fixed: tuple[Model, Numbers, Rows], whitened: Any, settings: Any, shape: Shape
) -> tuple[Any, dict[str, Any]]:
    """The draws and statistics of the chains of one data set."""
    warn_of_chains(*fixed, z=whitened[0], shape=shape)
    return jax.device_get(compiled_once(sample, *fixed, *whitened, *settings, shape))


def rhat_limit(draws: int) -> float:
    """The largest r-hat with which chains are not run again, for a number of all draws.

    The r-hat of few draws may exceed 1.01 by chance. The check of the chains reviews them above 1.01 all the same.

    >>> rhat_limit(4000), rhat_limit(1000), rhat_limit(100)
    (1.01, 1.04, 1.05)
    """
    return min(1 + RHAT * max(1.0, ENOUGH / draws), FAILED)


def _poor(z: np.ndarray, stats: Mapping[str, np.ndarray], run: int) -> bool:
    """Whether the chains of a run diverged, disagree, or have few effective draws in the middle or in the tails.

    After the first run a single divergence counts. The second run has short steps, so that one or two divergences there
    are no reason for a third run of eight times the length.
    """
    draws, size = np.moveaxis(z, -1, 0), z.shape[0] * z.shape[1]
    if not (np.isfinite(z).all() and (np.ptp(draws.reshape(len(draws), -1), axis=1) > 0).all()):
        return False
    disagree = z.shape[0] > 1 and diagnostics.rhat(draws).max() > rhat_limit(size)
    ess = min(diagnostics.ess_bulk(draws).min(), diagnostics.ess_tail(draws).min())
    diverged = stats["diverging"].any() if run == 1 else stats["diverging"].mean() >= DIVERGED
    return bool(disagree or diverged or ess < min(ENOUGH, size) / 10)


def _by_draws(z: np.ndarray, free: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean and inverse covariance of draws (chain, draw, free); rows' own coordinates count as uncorrelated."""
    flat = z.reshape(-1, z.shape[-1])
    covariance = np.diag(flat.var(axis=0))
    covariance[:free, :free] = np.cov(flat[:, :free].T)
    precision = np.linalg.inv(covariance + 1e-12 * np.eye(flat.shape[-1]))
    return flat.mean(axis=0), precision


def _again_keys(keys: Any, chosen: np.ndarray, run: int) -> Any:
    """The keys (chosen,) of the chosen sets for a further run."""
    return compiled_once(_folded, keys, chosen, run)


_folded = jax.jit(lambda keys, chosen, run: jax.vmap(lambda key: jax.random.fold_in(key, run))(keys[chosen]))


def _sampled(
    batch: Batch, centre: Any, precision: Any, keys: Any, target_accept: Any, spread: Any, shape: Shape
) -> tuple[Any, dict[str, Any]]:
    each, settings = (batch.numbers, batch.rows, centre, precision, keys), (target_accept, spread, shape)
    if _together(batch):
        return compiled_once(sample_many, batch.model, *each, *settings, _width(batch))
    # Sets that run one after the other need no program of their own. In one program a process over N and D never gave
    # memory back: it had 23 GiB after some sixty data sets of 24 runs.
    found: list[Any] = []
    for i in range(len(batch)):
        # A batch is filled up with copies of its last set. A copy has the same key, so its draws are not made again.
        copy = i and (jax.random.key_data(keys[i]) == jax.random.key_data(keys[i - 1])).all()
        one = jax.tree.map(lambda x, i=i: x[i], each)
        found.append(found[-1] if copy else jax.device_get(compiled_once(sample, batch.model, *one, *settings)))
    return jax.tree.map(lambda *x: np.stack(x), *found)


def _together(batch: Batch) -> bool:
    """Whether data sets share a program, side by side or on several devices."""
    return _width(batch) > 1 or len(jax.local_devices()) > 1


def _width(batch: Batch) -> int:
    """The number of sets side by side; 1 on a CPU, since at every draw all of them wait for the deepest tree of any."""
    return 1 if jax.default_backend() == "cpu" else batch.width
