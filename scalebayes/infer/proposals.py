"""This file makes the proposals of importance sampling: Student-t kernels that move to where the posterior is.

The kernels are at the mode first. Proposals are drawn in chunks. While few proposals of a chunk are effective, the
kernels move to where its weighted proposals lie (Cappe et al., arXiv 0710.4242), and the chunk is dropped.

The weights, and so k-hat, miss a part of the posterior that no kernel reaches. Such parts are bent ridges, shoulders
and flat tails of one parameter. Where a law's ridge is known, the kernels lie in coordinates in which it is straight;
see `ridge`. And a share of the proposals is drawn wider around the kernels' middle (Hesterberg 1995,
doi 10.1080/00401706.1995.10484303). Every other kernel is drawn out along one parameter and, once the kernels have
moved, lies in that parameter's tails. All of it needs float64, since a kernel that is drawn out far loses digits of its
distances.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from scalebayes.infer.batch import in_batches, mapped
from scalebayes.infer.ridge import along, at_mode, follows
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows

BATCH = 64  # proposals whose posterior density is computed at once
LONG_BATCH = 256  # the same where a density is a loop over the runs
KERNELS = 128  # Student-t kernels of the mixture
SHRUNK = 0.5  # factor of a kernel's distance from the mean; with the kernel's width the sd is a little over one
TAILS, FURTHER = 4, 1.3  # for every other kernel: the power of the distance that weights its place, and its factor
STRETCH = 2.0  # sds by which every other kernel is drawn out along a parameter, or the prior's sd if that is more
EVERY, BROAD = 3, 2.0  # one proposal in EVERY comes from a Student-t that is BROAD times as wide as a kernel
CUT, FEW = 100, 60  # number of largest weights that are cut to one size, but at most one proposal in FEW
BLOCK = 512  # proposals whose density under all kernels is computed at once; more don't fit a core's cache
SUMMED = 30  # degrees of freedom; up to it whole ones are summed up from simpler draws
ENOUGH = 0.2  # effective sample size as a share of a chunk; from it on the kernels don't move any more
# Number of chunks that make up the proposals. More chunks are smaller: a move costs less, and is more at random.
CHUNKS = 3


class Kernels(NamedTuple):
    """A mixture of Student-t kernels.

    Attributes:
        centres: The centre of each kernel (kernel, free).
        root: The root of the scale matrix that all kernels share (free, free); the matrix is root times its transpose.
        stretch: A vector for each kernel (kernel, free), whose outer product is added to the kernel's scale matrix.
    """

    centres: Any
    root: Any
    stretch: Any


@jitted(0, 7, 8, 9)
def propose(
    model: Model,
    numbers: Numbers,
    rows: Rows,
    centre: Any,
    precision: Any,
    prior_sd: Any,
    key: Any,
    df: float,
    size: int,
    rounds: int,
) -> tuple[Any, Any, Any]:
    """Draw the proposals of importance sampling.

    Args:
        model: The model.
        numbers: The numbers of the model.
        rows: The runs.
        centre: The mode (free,).
        precision: The precision of the Gaussian at the mode (free, free).
        prior_sd: The prior's sd of each parameter in unconstrained coordinates (free,).
        key: A JAX key.
        df: The degrees of freedom of the Student-t.
        size: The number of proposals.
        rounds: How often at most the kernels are moved. They are moved while the effective share of a chunk is below
            `ENOUGH`. With 0 the proposals are one Student-t at the mode.

    Returns:
        The proposals (proposal, free), their log posterior density (proposal,), and the log density with which they
        were proposed (proposal,).
    """
    dimension = centre.shape[0]
    back = None
    if follows(model, numbers):
        back = along(model, numbers, centre).back
        centre, precision = at_mode(model, numbers, centre, precision)
    # Batches that fit into a core's cache are several times as fast as all proposals at once.
    together = BATCH if model.process is None or model.process.axis is None else LONG_BATCH
    root = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(precision), jnp.eye(dimension), lower=True, trans=1)

    def drawn(kernels, key, start, many):
        z, log_proposal = _drawn(kernels, df, start, many, rounds > 0, key)
        return z, in_batches(density_at, z, together), log_proposal

    def density_at(z):
        return model.log_density(back(z) if back else z, numbers, rows)

    def in_old_coordinates(proposed):
        z, *densities = proposed
        return jax.vmap(back)(z) if back else z, *densities

    if not rounds:
        return in_old_coordinates(drawn(Kernels(centre[None], root, jnp.zeros((1, dimension))), key, 0, size))

    odd, parameter = _odd(dimension)
    prior_sd = jnp.where(jnp.isfinite(prior_sd), prior_sd, 1.0)
    every_other = jnp.zeros((KERNELS, dimension)).at[odd, parameter].set(1.0)
    many = -(-size // CHUNKS)

    def unfinished(carry):
        _, kept, *_ = carry
        return kept < CHUNKS

    def once(carry):
        moves, kept, kernels, proposed, key = carry
        key, key_draw, key_chosen = jax.random.split(key, 3)
        chunk = drawn(kernels, key_draw, kept * many, many)
        weight = jax.nn.softmax(_log_ratio(chunk))
        # A chunk without any weight has an effective size that isn't a number, and so moves the kernels too.
        enough = (kept > 0) | (moves == rounds) | (weight @ weight * (ENOUGH * many) < 1)
        centres, root, sd = _moved(chunk, centre, key_chosen)
        moved = Kernels(centres, root, every_other * jnp.maximum(STRETCH * sd, prior_sd))
        kernels = jax.tree.map(lambda old, new: jnp.where(enough, old, new), kernels, moved)
        # A chunk that isn't kept is written over by the next one.
        proposed = jax.tree.map(lambda all_, own: all_.at[kept].set(own), proposed, chunk)
        return moves + ~enough, kept + enough, kernels, proposed, key

    nothing = tuple(jnp.zeros((CHUNKS, many, *own)) + centre[0] for own in ((dimension,), (), ()))
    first = Kernels(jnp.tile(centre, (KERNELS, 1)), root, every_other * prior_sd)
    proposed = jax.lax.while_loop(unfinished, once, (0, 0, first, nothing, key))[3]
    return in_old_coordinates(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:size], proposed))


@jitted(0, 2, 3, 4, 5)
def propose_many(model: Model, each: tuple[Any, ...], df: float, size: int, rounds: int, width: int) -> Any:
    """Draw the proposals of importance sampling for many data sets, `width` of them side by side.

    Every array has the leading axis `set`.

    `each` has the arguments of `propose` that differ between data sets, from `numbers` to `key`.
    """
    return mapped(lambda one: propose(model, *one, df, size, rounds), each, width)


def _drawn(kernels: Kernels, df: float, start: Any, size: int, broad: bool, key: Any) -> tuple[Any, Any]:
    """Draw from the kernels in turn (proposal, free); return the draws and their log density in the mixture.

    `start` is the number of the first proposal among those of all chunks, so that every kernel has its turn.
    """
    key_normal, key_chi2, key_along = jax.random.split(key, 3)
    count, dimension = kernels.centres.shape
    normal = jax.random.normal(key_normal, (size, dimension))
    mixing = jnp.sqrt(_chi2(key_chi2, df, size) / df)[:, None]
    middle, inverse = kernels.centres.mean(axis=0), jnp.linalg.inv(kernels.root)
    centres, along = (kernels.centres - middle) @ inverse.T, kernels.stretch @ inverse.T
    number = start + jnp.arange(size)
    mine = number % count
    u = centres[mine] + (normal + jax.random.normal(key_along, (size, 1)) * along[mine]) / mixing
    if broad:
        u = jnp.where(number[:, None] % EVERY == 0, BROAD * normal / mixing, u)

    def student_t(distance):
        return jnp.exp(-(df + dimension) / 2 * jnp.log(1 + distance / df))

    # In these coordinates a kernel's scale matrix is I + along along', whose inverse and determinant are known.
    longer = 1 + jnp.sum(along**2, axis=1)

    def density_at(u):
        distance = u @ u - 2 * centres @ u + jnp.sum(centres**2, axis=1)
        distance = jnp.maximum(distance - (along @ u - jnp.sum(centres * along, axis=1)) ** 2 / longer, 0)
        # Each draw is near its own kernel, so this mean isn't 0 where a posterior has fewer than a hundred parameters.
        return jnp.mean(student_t(distance) / jnp.sqrt(longer))

    density = in_batches(density_at, u, BLOCK)
    if broad:
        wider = student_t(jnp.sum((u / BROAD) ** 2, axis=-1)) / BROAD**dimension
        density = (1 - 1 / EVERY) * density + wider / EVERY
    constant = gammaln((df + dimension) / 2) - gammaln(df / 2) - dimension / 2 * jnp.log(df * jnp.pi)
    constant -= jnp.log(jnp.abs(jnp.diagonal(kernels.root))).sum()
    return middle + u @ kernels.root.T, jnp.log(density) + constant


def _chi2(key: Any, df: float, size: int) -> Any:
    """Draws of chi-squared with `df` degrees of freedom (proposal,).

    A few degrees are summed up, one from a Normal and two from an exponential, since JAX's Gamma compiles for seconds.
    """
    if df % 1 or df > SUMMED:
        return 2 * jax.random.gamma(key, df / 2, (size,))
    pairs, single = divmod(int(df), 2)
    key_pairs, key_single = jax.random.split(key)
    total = 2 * jax.random.exponential(key_pairs, (size, pairs)).sum(axis=1)
    return total + jax.random.normal(key_single, (size,)) ** 2 if single else total


def _moved(proposed: tuple[Any, Any, Any], centre: Any, key: Any) -> tuple[Any, Any, Any]:
    """The centres and the root of kernels at the weighted proposals, and the sds of these proposals (free,)."""
    z, log_ratio = proposed[0], _log_ratio(proposed)
    size, dimension = z.shape
    odd, parameter = _odd(dimension)
    # The largest weights are cut to one size, so that the next kernels don't all lie at a single proposal.
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
    """The log of the importance ratios (proposal,), or -inf where the posterior density isn't finite."""
    _, log_density, log_proposal = proposed
    log_ratio = log_density - log_proposal
    return jnp.where(jnp.isfinite(log_ratio), log_ratio, -jnp.inf)


def _odd(dimension: int) -> tuple[Any, Any]:
    """The numbers of the kernels that are drawn out, and the parameter along which each is drawn out."""
    odd = jnp.arange(1, KERNELS, 2)
    return odd, odd // 2 % dimension
