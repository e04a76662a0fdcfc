"""This file has the method NUTS: it runs the chains, and runs them again where they were poor."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.infer import diagnostics
from scalebayes.infer.batch import Batch, apart, filled_to_few
from scalebayes.infer.chains import Shape, sample, sample_many
from scalebayes.infer.compile import compiled_once, cores
from scalebayes.infer.double import double
from scalebayes.infer.draws import Draws
from scalebayes.infer.long_wait import warn_of_chains
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, find_modes
from scalebayes.infer.ridge import follows
from scalebayes.infer.whitening import by_draws, by_mode
from scalebayes.model.model import Model
from scalebayes.model.problem import Problem

THIN = (1, 8)  # steps for each draw that is kept, in the second and the third run of the chains
ENOUGH = 4000  # number of all draws; from this number on, chains are poor where r-hat is above 1 + RHAT
# RHAT is r-hat less one: up to it the check of the chains passes. FAILED is an r-hat: above it the check fails, and the
# chains are poor however few draws they have.
RHAT, FAILED = 0.01, 1.05
# Least acceptance probability that the step size aims at along a ridge, and in further runs of poor chains. Along the
# ridge of the 240 Chinchilla runs one draw in a hundred diverged at 0.9, and one in 500 does at this.
CAREFUL = 0.95
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

    With a process over several inputs, the coordinates follow the bent ridge along which the law's floor trades places
    with its other terms, warm-up learns the covariance, and the chains of one fit share the CPU's cores.

    Args:
        draws: The number of draws that each chain keeps. The default is 1000.
        warmup: The number of steps of each chain that adapt the step size and the mass matrix. The default is 200.
        chains: The number of chains, which run side by side. The default is 4.
        target_accept: The acceptance probability that the step size aims at, between 0 and 1. The default is 0.8.
            Chains along a ridge or of pooled recipes, and further runs of poor chains, aim at 0.95 or more.
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
        """Draw from the posterior of a problem; the call is made inside `double()`."""
        key_mode, key_chains = jax.random.split(key)
        mode = numpy_mode(problem, key_mode, self.search)
        return self.from_mode(problem.model, problem.numbers, problem.rows, mode, key_chains)

    def from_mode(
        self, model: Any, numbers: Any, rows: Any, mode: Mode, key_chains: Any, careful: bool = False
    ) -> Draws:
        """Draw from the posterior of a model, or of a `Hierarchy`, around its mode; call it inside `double()`.

        `careful` says that the first run, too, has short steps.
        """
        shape, whitened = self.shape(alone=True), by_mode(model, numbers, mode)
        warn_of_chains(model, numbers, rows, mode.z, shape)
        each = (numbers, rows, mode.z, *whitened, key_chains)
        bent, run = careful or follows(model, numbers), 1
        z, stats = _of_one(model, each, self._settings(careful=bent), shape)
        while run < self.tries and _poor(z, stats, some=bent or run > 1):
            shape, key = self._again(run)._replace(alone=True), jax.random.fold_in(key_chains, run)
            each = (numbers, rows, mode.z, *by_draws(model, numbers, mode, z), key)
            z, stats = _of_one(model, each, self._settings(careful=True), shape)
            run += 1
        return self._draws(z, stats, run, shape.thin, mode, bent)

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Draw for each data set of a batch with its key (set,); the draws are those of `run`."""
        key_mode, key_chains = jax.vmap(jax.random.split)(keys).T
        modes = compiled_once(find_modes, batch.model, batch.numbers, batch.rows, key_mode, self.search, batch.width)
        each = apart(modes, len(batch.rows.mask))
        numbers = [jax.tree.map(lambda x, i=i: x[i], batch.numbers) for i in range(len(each))]
        bent = follows(batch.model, numbers[0])
        whitened = [by_mode(batch.model, one, mode) for one, mode in zip(numbers, each, strict=True)]
        found = _sampled(batch, modes.z, whitened, key_chains, self._settings(careful=bent), self.shape())
        draws = [
            self._draws(z, stats, 1, 1, mode, bent)
            for (z, stats), mode in zip(apart(found, len(batch)), each[: len(batch)], strict=True)
        ]
        for run in range(1, self.tries):
            poor = [i for i, one in enumerate(draws) if _poor(one.z, one.stats, some=bent or run > 1)]
            if not poor:
                break
            # Sets that are computed one at a time need no filling up, since the batch's shape isn't compiled.
            full = filled_to_few(poor, _width(batch) * len(jax.local_devices())) if _together(batch) else poor
            whitened = [by_draws(batch.model, numbers[i], each[i], draws[i].z) for i in full]
            again, key = self._again(run), _again_keys(key_chains, np.array(full), run)
            origin = np.stack([each[i].z for i in full])
            found = _sampled(batch.take(full), origin, whitened, key, self._settings(careful=True), again)
            for i, (z, stats) in zip(poor, apart(found, len(poor)), strict=True):
                draws[i] = self._draws(z, stats, run + 1, again.thin, draws[i].mode, bent)
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

    def _settings(self, careful: bool) -> tuple[Any, Any]:
        """The acceptance probability that the step size aims at, and the sd of the starts."""
        return np.float64(max(self.target_accept, CAREFUL if careful else 0.0)), np.float64(self.spread)

    def _draws(self, z: np.ndarray, stats: dict[str, np.ndarray], run: int, thin: int, mode: Mode, bent: bool) -> Draws:
        aimed = self._settings(careful=bent or run > 1)[0]
        numbers = {"runs": run, "thin": thin, "max_tree_depth": self.max_tree_depth, "target_accept": aimed}
        return Draws(z, stats, {name: float(x) for name, x in numbers.items()}, mode)


def _of_one(model: Model, each: tuple[Any, ...], settings: tuple[Any, Any], shape: Shape) -> tuple[Any, Any]:
    """The draws and statistics of the chains of one data set; `each` has the arguments of `sample` from `numbers`."""
    run = lambda which: jax.device_get(compiled_once(sample, model, *each, *settings, which, shape))  # noqa: E731
    if not follows(model, each[0]) or len(jax.local_devices()) > 1 or jax.default_backend() != "cpu":
        return run(np.arange(shape.chains))

    def one(chain: int) -> Any:
        with double():  # the setting is per thread
            return run(np.array([chain]))

    # Chains with a process run one after the other in a program, so each core takes one.
    with ThreadPoolExecutor(min(cores(), shape.chains)) as threads:
        return jax.tree.map(lambda *x: np.concatenate(x), *threads.map(one, range(shape.chains)))


def rhat_limit(draws: int) -> float:
    """The largest r-hat with which chains are not run again, for a number of all draws.

    The r-hat of few draws may exceed 1.01 by chance. The check of the chains reviews them above 1.01 all the same.

    >>> rhat_limit(4000), rhat_limit(1000), rhat_limit(100)
    (1.01, 1.04, 1.05)
    """
    return min(1 + RHAT * max(1.0, ENOUGH / draws), FAILED)


def _poor(z: np.ndarray, stats: Mapping[str, np.ndarray], some: bool) -> bool:
    """Whether the chains of a run diverged, disagree, or have few effective draws in the middle or in the tails.

    After the first run a single divergence counts, unless `some` divergences may be. The second run, and the first one
    along a ridge, have short steps: one or two divergences there are no reason for a run of many times the length.
    """
    draws, size = np.moveaxis(z, -1, 0), z.shape[0] * z.shape[1]
    if not (np.isfinite(z).all() and (np.ptp(draws.reshape(len(draws), -1), axis=1) > 0).all()):
        return False
    disagree = z.shape[0] > 1 and diagnostics.rhat(draws).max() > rhat_limit(size)
    ess = min(diagnostics.ess_bulk(draws).min(), diagnostics.ess_tail(draws).min())
    diverged = stats["diverging"].mean() >= DIVERGED if some else stats["diverging"].any()
    return bool(disagree or diverged or ess < min(ENOUGH, size) / 10)


def _again_keys(keys: Any, chosen: np.ndarray, run: int) -> Any:
    """The keys (chosen,) of the chosen sets for a further run."""
    return compiled_once(_folded, keys, chosen, run)


_folded = jax.jit(lambda keys, chosen, run: jax.vmap(lambda key: jax.random.fold_in(key, run))(keys[chosen]))


def _sampled(
    batch: Batch, modes: Any, whitened: Sequence[tuple[Any, Any]], keys: Any, settings: tuple[Any, Any], shape: Shape
) -> tuple[Any, dict[str, Any]]:
    centre, precision = (np.stack(x) for x in zip(*whitened, strict=True))
    each = (batch.numbers, batch.rows, modes, centre, precision, keys)
    if _together(batch):
        return compiled_once(sample_many, batch.model, *each, *settings, shape, _width(batch))
    # Sets that run one after the other need no program of their own. In one program a process over N and D never gave
    # memory back: it had 23 GiB after some sixty data sets of 24 runs.
    found: list[Any] = []
    for i in range(len(batch)):
        # A batch is filled up with copies of its last set. A copy has the same key, so its draws are not made again.
        copy = i and (jax.random.key_data(keys[i]) == jax.random.key_data(keys[i - 1])).all()
        one = jax.tree.map(lambda x, i=i: x[i], each)
        found.append(found[-1] if copy else _of_one(batch.model, one, settings, shape))
    return jax.tree.map(lambda *x: np.stack(x), *found)


def _together(batch: Batch) -> bool:
    """Whether data sets share a program, side by side or on several devices."""
    return _width(batch) > 1 or len(jax.local_devices()) > 1


def _width(batch: Batch) -> int:
    """The number of sets side by side; 1 on a CPU, since at every draw all of them wait for the deepest tree of any."""
    return 1 if jax.default_backend() == "cpu" else batch.width
