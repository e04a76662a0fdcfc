"""Proposals of importance sampling: Student-t kernels that move to where the posterior is.

First at the mode, then, while few proposals are effective, where the weighted proposals lie (Cappe et al., arXiv
0710.4242). A part of the posterior that no kernel reaches is missed by the weights as well, and so by k-hat: bent
ridges, shoulders and flat tails of one parameter. So a share is drawn wider about the kernels' middle (Hesterberg 1995,
doi 10.1080/00401706.1995.10484303), and every other kernel is drawn out along one parameter and, once kernels have
moved, lies in its tails. In float64: a kernel drawn out far loses digits of its distances.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from scalebayes.infer.batch import mapped
from scalebayes.model.model import Model, Numbers, Rows

BATCH = 64
LONG_BATCH = 256  # where a density is a loop over the runs
KERNELS = 128
SHRUNK = 0.5  # kernels' distances from the mean: with a kernel's width together a little over one sd
TAILS, FURTHER = 4, 1.3  # of the other kernels: the power of the distance that weights them, and its factor
STRETCH = 2.0  # sds by which those are drawn out along a parameter, or the prior's sd if that is more
EVERY, BROAD = 3, 2.0  # one proposal in EVERY is of a Student-t BROAD times as wide as a kernel
CUT, FEW = 100, 60  # weights that are made one size, at most one proposal in FEW
BLOCK = 512  # proposals whose density is of all kernels at once: more of them don't fit a core's cache, or a machine
ENOUGH = 0.2  # of the proposals, as effective sample size


class Kernels(NamedTuple):
    """A mixture of Student-t.

    Attributes:
        centres: (kernel, free). root: of the scale that they share (free, free), whose product with its transpose it
            is. stretch: what is added to it along one direction (kernel, free), as the vector's outer product.
    """

    centres: Any
    root: Any
    stretch: Any


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

    Args:
        centre, precision: the mode, and of the Gaussian there. prior_sd: each parameter's (free,), in the coordinates
            of the density. df: of Student-t.
        size: proposals. rounds: how often at most the kernels are moved, while the weights leave less than `ENOUGH` of
            the proposals; with 0 of them, one Student-t at the mode.
    """
    dimension = centre.shape[0]
    # Batches that fit a core's cache are several times quicker than all proposals at once.
    together = BATCH if model.process is None or model.process.axis is None else LONG_BATCH
    root = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(precision), jnp.eye(dimension), lower=True, trans=1)

    def drawn(kernels, key):
        z, log_proposal = _drawn(kernels, df, size, rounds > 0, key)
        return z, jax.lax.map(lambda z: model.log_density(z, numbers, rows), z, batch_size=together), log_proposal

    if not rounds:
        return drawn(Kernels(centre[None], root, jnp.zeros((1, dimension))), key)

    odd, parameter = _odd(dimension)
    prior_sd = jnp.where(jnp.isfinite(prior_sd), prior_sd, 1.0)
    every_other = jnp.zeros((KERNELS, dimension)).at[odd, parameter].set(1.0)

    def unfinished(carry):
        round, _, proposed, _ = carry
        weight = jax.nn.softmax(_log_ratio(proposed))
        return (round == 0) | ((round <= rounds) & ~(weight @ weight * (ENOUGH * size) < 1))

    def once(carry):
        round, kernels, _, key = carry
        key, key_draw, key_chosen = jax.random.split(key, 3)
        proposed = drawn(kernels, key_draw)
        centres, root, sd = _moved(proposed, centre, key_chosen)
        stretch = every_other * jnp.maximum(STRETCH * sd, prior_sd)
        return round + 1, Kernels(centres, root, stretch), proposed, key

    nothing = jnp.zeros((size, dimension)) + centre, jnp.zeros(size) + centre[0], jnp.zeros(size) + centre[0]
    first = Kernels(jnp.tile(centre, (KERNELS, 1)), root, every_other * prior_sd)
    return jax.lax.while_loop(unfinished, once, (0, first, nothing, key))[2]


@partial(jax.jit, static_argnums=(0, 3, 4, 5))
def propose_many(model: Model, each: tuple[Any, ...], df: Any, size: int, rounds: int, width: int) -> Any:
    """`propose` of many data sets, `width` of them side by side; every array has the leading axis set.

    `each` holds what `propose` takes of a data set, from `numbers` to `key`.
    """
    return mapped(lambda one: propose(model, *one, df, size, rounds), each, width)


def _drawn(kernels: Kernels, df: Any, size: int, broad: bool, key: Any) -> tuple[Any, Any]:
    """Draws of the mixture (proposal, free), of the kernels by turns, and the log of its density there (proposal,)."""
    key_normal, key_chi2, key_along = jax.random.split(key, 3)
    count, dimension = kernels.centres.shape
    normal = jax.random.normal(key_normal, (size, dimension))
    mixing = jnp.sqrt(jax.random.gamma(key_chi2, df / 2, (size,)) / (df / 2))[:, None]
    middle, inverse = kernels.centres.mean(axis=0), jnp.linalg.inv(kernels.root)
    centres, along = (kernels.centres - middle) @ inverse.T, kernels.stretch @ inverse.T
    mine = jnp.arange(size) % count
    u = centres[mine] + (normal + jax.random.normal(key_along, (size, 1)) * along[mine]) / mixing
    if broad:
        u = jnp.where(jnp.arange(size)[:, None] % EVERY == 0, BROAD * normal / mixing, u)

    def student_t(distance):
        return jnp.exp(-(df + dimension) / 2 * jnp.log(1 + distance / df))

    # A kernel's scale is I + along along' here, whose inverse and determinant are known.
    longer = 1 + jnp.sum(along**2, axis=1)

    def density_at(u):
        distance = u @ u - 2 * centres @ u + jnp.sum(centres**2, axis=1)
        distance = jnp.maximum(distance - (along @ u - jnp.sum(centres * along, axis=1)) ** 2 / longer, 0)
        # No sum of these is 0 where a posterior has fewer than a hundred parameters: each draw is near its own kernel.
        return jnp.mean(student_t(distance) / jnp.sqrt(longer))

    density = jax.lax.map(density_at, u, batch_size=BLOCK)
    if broad:
        wider = student_t(jnp.sum((u / BROAD) ** 2, axis=-1)) / BROAD**dimension
        density = (1 - 1 / EVERY) * density + wider / EVERY
    constant = gammaln((df + dimension) / 2) - gammaln(df / 2) - dimension / 2 * jnp.log(df * jnp.pi)
    constant -= jnp.log(jnp.abs(jnp.diagonal(kernels.root))).sum()
    return middle + u @ kernels.root.T, jnp.log(density) + constant


def _moved(proposed: tuple[Any, Any, Any], centre: Any, key: Any) -> tuple[Any, Any, Any]:
    """Centres and root of kernels where the weighted proposals lie, and the sds of those (free,)."""
    z, log_ratio = proposed[0], _log_ratio(proposed)
    size, dimension = z.shape
    odd, parameter = _odd(dimension)
    # The largest weights are cut to one size, so that the next kernels don't sit on a single proposal.
    largest = jax.lax.top_k(log_ratio, max(1, min(CUT, size // FEW)))[0]
    cut = jnp.min(largest, where=jnp.isfinite(largest), initial=jnp.inf)
    weight = jnp.where(jnp.isfinite(cut), jax.nn.softmax(jnp.minimum(log_ratio, cut)), 1 / size)
    z = jnp.where(weight[:, None] > 0, z, centre)
    mean = weight @ z
    spread = (z - mean).T @ (weight[:, None] * (z - mean))
    ridge = 1e-9 * jnp.diag(jnp.diagonal(spread)) + 1e-12 * jnp.eye(dimension)
    sd = jnp.sqrt(jnp.diagonal(spread + ridge))
    key_body, key_tails = jax.random.split(key)
    place = (jnp.arange(KERNELS) + jax.random.uniform(key_body, (KERNELS,))) / KERNELS
    body = jnp.searchsorted(jnp.cumsum(weight), place)
    tails = jnp.cumsum(weight[:, None] * (jnp.abs(z - mean) / sd) ** TAILS, axis=0)
    place = jax.random.uniform(key_tails, odd.shape) * tails[-1, parameter]
    there = jax.vmap(lambda j, at: jnp.searchsorted(tails[:, j], at))(parameter, place)
    chosen = jnp.minimum(body.at[odd].set(there), size - 1)
    further = jnp.full((KERNELS, 1), SHRUNK).at[odd].set(FURTHER)
    return mean + further * (z[chosen] - mean), jnp.linalg.cholesky(spread + ridge), sd


def _log_ratio(proposed: tuple[Any, Any, Any]) -> Any:
    """Log of the importance ratios (proposal,), -inf where the posterior density isn't finite."""
    _, log_density, log_proposal = proposed
    log_ratio = log_density - log_proposal
    return jnp.where(jnp.isfinite(log_ratio), log_ratio, -jnp.inf)


def _odd(dimension: int) -> tuple[Any, Any]:
    """The kernels that are drawn out, and along which parameter each."""
    odd = jnp.arange(1, KERNELS, 2)
    return odd, odd // 2 % dimension
