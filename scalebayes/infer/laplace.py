"""Laplace: draws from a Student-t at the mode, reweighted to the posterior."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from scalebayes.diagnostics import pareto_smoothed
from scalebayes.errors import InputError, known_settings
from scalebayes.infer.batch import Batch, apart, compiled_once, mapped
from scalebayes.infer.draws import Draws
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, find_modes
from scalebayes.model import Model, Numbers, Rows
from scalebayes.problem import Problem

BATCH = 64
LONG_BATCH = 256  # where a density is a loop over the runs
KERNELS = 128
WIDTH, SHRUNK = 1.0, 0.5  # of a kernel, and of the kernels' distances from their mean: together a little over one sd
EVERY, BROAD = 3, 2.0  # one proposal in EVERY is of a Student-t BROAD times as wide as a kernel
STRETCH = 2.0  # sds by which every other kernel is drawn out along one parameter, or the prior's sd if that is more
CUT = 100  # weights that are made one size
KHAT = 0.7  # from which on the weights say nothing of the posterior
ENOUGH = 0.25  # of the proposals, as effective sample size


@known_settings
@dataclass(frozen=True)
class Laplace:
    """Importance sampling from a multivariate Student-t at the mode, Pareto-smoothed.

    The proposal's scale is the inverse of minus the Hessian at the mode (of the expected information where the
    noise gives it). Where its weights leave few effective draws, a mixture of Student-t at the weighted proposals takes
    its place (Cappe et al., arXiv 0710.4242). The weights are smoothed (Vehtari et al., arXiv 1507.02646) and
    resampled, stratified, to equally weighted draws in one chain. k-hat above 0.7 says that the posterior isn't near
    enough to the proposal: use NUTS.

    Args:
        draws: returned. proposals: drawn; more of them than draws leave fewer duplicates. df: of the proposal.
        rounds: under a discrepancy, how often at most the proposal is moved to where the weights are, while they leave
            few of them.

    >>> Laplace(draws=1000).name
    'laplace'
    """

    draws: int = 4000
    proposals: int = 8000
    df: float = 5.0
    rounds: int = 4
    search: Search = SEARCH

    def __post_init__(self) -> None:
        if self.draws < 1 or self.proposals < 100 or not self.df > 0 or self.rounds < 0:
            raise InputError("Laplace: draws is at least 1, proposals at least 100, df positive, rounds at least 0")

    @property
    def name(self) -> str:
        return "laplace"

    def run(self, problem: Problem, key: Any) -> Draws:
        key_mode, key_draws, key_resample = jax.random.split(key, 3)
        mode = numpy_mode(problem, key_mode, self.search)
        arguments = (problem.model, problem.numbers, problem.rows, mode.z, mode.precision, mode.start_sd, key_draws)
        proposed = jax.device_get(
            compiled_once(propose, *arguments, np.float64(self.df), self.proposals, self._rounds(problem.model))
        )
        draws = self._weighted(mode, proposed, key_resample)
        if not np.isfinite(draws.numbers["khat"]):
            raise InputError("laplace: hardly a proposal has a finite posterior density; use method='nuts'")
        return draws

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        key_mode, key_draws, key_resample = jax.vmap(lambda key: jax.random.split(key, 3))(keys).T
        modes = compiled_once(find_modes, batch.model, batch.numbers, batch.rows, key_mode, self.search, batch.width)
        arguments = (batch.model, batch.numbers, batch.rows, modes.z, modes.precision, modes.start_sd, key_draws)
        proposed = compiled_once(
            propose_many, *arguments, np.float64(self.df), self.proposals, self._rounds(batch.model), batch.width
        )
        each = zip(apart(modes, len(batch)), apart(proposed, len(batch)), key_resample, strict=True)
        return [self._weighted(mode, one, key) for mode, one, key in each]

    def _rounds(self, model: Model) -> int:
        """A posterior of a law alone is near its proposal, or else NUTS is quick."""
        return self.rounds if model.process is not None else 0

    def _weighted(self, mode: Mode, proposed: tuple[Any, Any, Any], key: Any) -> Draws:
        """Equally weighted draws of proposals; k-hat is infinite where hardly one has a finite density."""
        z, log_density, log_proposal = map(np.asarray, proposed)
        log_ratio = log_density - log_proposal
        log_ratio = np.where(np.isfinite(log_ratio), log_ratio, -np.inf)
        if np.isfinite(log_ratio).sum() < 25:
            none = {"lp": np.full((1, self.draws), mode.log_density), "log_weight": np.full(len(z), -np.inf)}
            return Draws(np.tile(mode.z, (1, self.draws, 1)), none, {"khat": np.inf, "importance_ess": 0.0}, mode)
        log_weight, khat = pareto_smoothed(log_ratio)
        weight = np.exp(log_weight)
        seed = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        chosen = stratified(weight, self.draws, seed)
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


@partial(jax.jit, static_argnums=(0, 8, 9))
def propose(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    centre: Any,
    precision: Any,
    prior_sd: Any,
    key: Any,
    df: Any,
    size: int,
    rounds: int,
) -> tuple[Any, Any, Any]:
    """Proposals (proposal, free), their log posterior density and their log density as proposals (proposal,).

    At first they are of a Student-t at `centre`; for at most `rounds` more, while the importance weights leave less
    than `ENOUGH` of the proposals, of a mixture of `KERNELS` Student-t where the weighted proposals before lie, every
    other one drawn out along one parameter. With rounds a share of each is drawn wider about the middle (Hesterberg
    1995, doi 10.1080/00401706.1995.10484303). A shoulder of the posterior, or a flat tail of one parameter, that the
    kernels miss is missed by their weights as well, and so by k-hat. `prior_sd` (free,) is of each parameter's prior.
    """
    dimension = centre.shape[0]
    # Batches that fit a core's cache are several times quicker than all proposals at once.
    together = BATCH if model.process is None or model.process.axis is None else LONG_BATCH
    root = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(precision), jnp.eye(dimension), lower=True, trans=1)
    constant = gammaln((df + dimension) / 2) - gammaln(df / 2) - dimension / 2 * jnp.log(df * jnp.pi)

    def student_t(distance):
        return -(df + dimension) / 2 * jnp.log1p(distance / df)

    def draw(centres, root, stretch, key):
        key_normal, key_chi2, key_along = jax.random.split(key, 3)
        normal = jax.random.normal(key_normal, (size, dimension))
        mixing = jnp.sqrt(jax.random.gamma(key_chi2, df / 2, (size,)) / (df / 2))[:, None]
        middle, inverse = centres.mean(axis=0), jnp.linalg.inv(root)
        kernels, along = (centres - middle) @ inverse.T, stretch @ inverse.T
        mine = jnp.arange(size) % len(centres)
        u = kernels[mine] + (normal + jax.random.normal(key_along, (size, 1)) * along[mine]) / mixing
        if rounds:
            u = jnp.where(jnp.arange(size)[:, None] % EVERY == 0, BROAD * normal / mixing, u)
        # A kernel's covariance is I + along along', whose inverse and determinant are known.
        longer = 1 + jnp.sum(along**2, axis=1)
        distance = jnp.sum((u[:, None, :] - kernels[None, :, :]) ** 2, axis=-1)
        distance -= (u @ along.T - jnp.sum(kernels * along, axis=1)) ** 2 / longer
        log_kernels = student_t(distance) - jnp.log(longer) / 2
        log_proposal = jax.scipy.special.logsumexp(log_kernels, axis=1) - jnp.log(len(centres))
        if rounds:
            broad = student_t(jnp.sum((u / BROAD) ** 2, axis=-1)) - dimension * jnp.log(BROAD)
            log_proposal = jnp.logaddexp(jnp.log1p(-1 / EVERY) + log_proposal, broad - jnp.log(EVERY))
        z = middle + u @ root.T
        log_density = jax.lax.map(lambda z: model.log_density(z, numbers, rows), z, batch_size=together)
        return z, log_density, log_proposal + constant - jnp.log(jnp.abs(jnp.diagonal(root))).sum()

    if not rounds:
        return draw(centre[None], root, jnp.zeros((1, dimension)), key)

    def ratio(proposed):
        _, log_density, log_proposal = proposed
        log_ratio = log_density - log_proposal
        return jnp.where(jnp.isfinite(log_ratio), log_ratio, -jnp.inf)

    def unfinished(carry):
        round, _, proposed, _ = carry
        weight = jax.nn.softmax(ratio(proposed))
        return (round == 0) | ((round <= rounds) & ~(weight @ weight * (ENOUGH * size) < 1))

    def once(carry):
        round, (centres, root, stretch), _, key = carry
        key, key_draw, key_chosen = jax.random.split(key, 3)
        proposed = draw(centres, root, stretch, key_draw)
        z, log_ratio = proposed[0], ratio(proposed)
        # The largest weights are cut to one size, so that the next kernels don't sit on a single proposal.
        weight = jax.nn.softmax(jnp.minimum(log_ratio, jax.lax.top_k(log_ratio, min(CUT, size))[0][-1]))
        z = jnp.where(weight[:, None] > 0, z, centre)
        mean = weight @ z
        spread = (z - mean).T @ (weight[:, None] * (z - mean))
        place = (jnp.arange(KERNELS) + jax.random.uniform(key_chosen, (KERNELS,))) / KERNELS
        chosen = jnp.minimum(jnp.searchsorted(jnp.cumsum(weight), place), size - 1)
        ridge = 1e-9 * jnp.diag(jnp.diagonal(spread)) + 1e-12 * jnp.eye(dimension)
        root = WIDTH * jnp.linalg.cholesky(spread + ridge)
        stretch = every_other * jnp.maximum(STRETCH * jnp.sqrt(jnp.diagonal(spread)), prior_sd)
        return round + 1, (mean + SHRUNK * (z[chosen] - mean), root, stretch), proposed, key

    prior_sd = jnp.append(prior_sd, jnp.ones(dimension - len(prior_sd)))  # of the runs' own coordinates, if any
    odd = jnp.arange(1, KERNELS, 2)
    every_other = jnp.zeros((KERNELS, dimension)).at[odd, odd // 2 % dimension].set(1.0)
    nothing = jnp.zeros((size, dimension)) + centre, jnp.zeros(size) + centre[0], jnp.zeros(size) + centre[0]
    first = jnp.tile(centre, (KERNELS, 1)), root, every_other * prior_sd
    return jax.lax.while_loop(unfinished, once, (0, first, nothing, key))[2]


@partial(jax.jit, static_argnums=(0, 8, 9, 10))
def propose_many(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    centre: Any,
    precision: Any,
    prior_sd: Any,
    keys: Any,
    df: Any,
    size: int,
    rounds: int,
    width: int,
) -> tuple[Any, Any, Any]:
    """`propose` of many data sets; every array has the leading axis set."""
    one = lambda each: propose(model, *each, df, size, rounds)  # noqa: E731
    return mapped(one, (numbers, rows, centre, precision, prior_sd, keys), width)


def stratified(weight: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Indices drawn in proportion to the weights, one from each of `size` equal strata, in random order.

    >>> sorted(stratified(np.array([0.5, 0.0, 0.5]), 4, np.random.default_rng(0)).tolist())
    [0, 0, 2, 2]
    """
    position = (np.arange(size) + rng.uniform(size=size)) / size
    chosen = np.searchsorted(np.cumsum(weight) / np.sum(weight), position)
    return rng.permutation(np.minimum(chosen, len(weight) - 1))
