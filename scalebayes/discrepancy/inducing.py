"""This file has the algebra of Normal vectors whose covariance has low rank beside a diagonal and offsets of groups.

The covariance of the process between two places is q = K_xu K_uu^-1 K_uy, with u the process at a few inducing places,
and exact where a place meets itself. So seen places depend on each other through u alone, and each has an independent
rest of variance k - q. This is the "fully independent conditional" (Snelson and Ghahramani 2006, "Sparse Gaussian
processes using pseudo-inputs"; Quinonero-Candela and Rasmussen 2005, JMLR 6, 1939-1959). A place that was not seen
keeps its exact prior, so that far beyond the runs the variance is all of the prior's. Where the inducing places are all
places, it is the process itself.

With D the diagonal and the offsets of groups, whose inverse is known in closed form, L the Cholesky factor of K_uu and
A = L^-1 K_uf, Woodbury's identity gives the inverse covariance W = D^-1 - D^-1 A' B^-1 A D^-1 with B = 1 + A D^-1 A'.
No eigenvalue of B is below 1, so that no digits are lost to it. The time is that of the number of places times the
square of the number of inducing places; the number of groups doesn't count.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.discrepancy.dense import drawn, inverse_of_root, inverted

# Share of the inducing places' mean variance added to each, so that two of them may coincide; and the least such
# addition, for a process that is zero at all runs. Larger ones move an answer, smaller ones lose digits.
RIDGE, LEAST = 1e-8, 1e-14


class Parts(NamedTuple):
    """The parts of a covariance of places that were seen; a pytree.

    Attributes:
        inner: The covariance of the inducing places (inducing, inducing).
        across: The covariance between inducing places and places (inducing, place).
        own: The variance of the process without offsets at each place, and of the noise there (place,).
        offset: The variance of a group's offset.
        group: The number of each place's group, from 0 and below the number of places (place,), or None for no offsets.
        mask: 0 where a place is padding.
    """

    inner: Any
    across: Any
    own: Any
    offset: Any
    group: Any
    mask: Any


class Solved(NamedTuple):
    """What the inverse W of a covariance consists of.

    Attributes:
        precision: 1 / the diagonal of D, or 0 for padding (place,).
        weight: The sum of `precision` over each group (group,), of which there are as many as places; the last are
            empty.
        root: L^-1 (inducing, inducing).
        white: A (inducing, place).
        half: A D^-1 (inducing, place).
        whole: B^-1 (inducing, inducing).
        log_determinant: The log of the determinant of the covariance.
    """

    precision: Any
    weight: Any
    root: Any
    white: Any
    half: Any
    whole: Any
    log_determinant: Any


def solved(parts: Parts) -> Solved:
    """The inverse of a covariance, and its determinant."""
    root = whitened(parts.inner)
    white = root @ parts.across
    kept = parts.mask > 0
    rest = jnp.where(kept, parts.own - jnp.sum(white**2, axis=0), 1.0)
    precision = jnp.where(kept, 1 / rest, 0.0)
    weight = precision if parts.group is None else _summed(parts, precision)
    half = _through(parts, precision, weight, white)
    whole, logs = inverted(jnp.eye(len(root)) + half @ white.T)
    logs += jnp.log(rest).sum()
    if parts.group is not None:
        logs += jnp.log1p(parts.offset * weight).sum()
    return Solved(precision, weight, root, white, half, whole, logs)


def applied(parts: Parts, by: Solved, x: Any) -> Any:
    """The inverse covariance times vectors x (..., place)."""
    through = _through(parts, by.precision, by.weight, x)
    return through - ((through @ by.white.T) @ by.whole) @ by.half


def diagonal(parts: Parts, by: Solved) -> Any:
    """The diagonal of the inverse covariance (place,)."""
    own = by.precision
    if parts.group is not None:
        own = own - own**2 * _of_places(parts, _shrinkage(parts, by.weight))
    return own - jnp.sum(by.half * (by.whole @ by.half), axis=0)


@jax.custom_jvp
def whitened(inner: Any) -> Any:
    """The inverse of the Cholesky factor of the inducing places' covariance, with the ridge."""
    return inverse_of_root(jnp.linalg.cholesky(_ridged(inner)))


@whitened.defjvp
def _whitened_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    root = whitened(primals[0])
    size = len(root)
    moved = root @ (tangents[0] + RIDGE / size * jnp.trace(tangents[0]) * jnp.eye(size)) @ root.T
    return root, -(jnp.tril(moved) - jnp.diag(jnp.diagonal(moved)) / 2) @ root


@jax.custom_jvp
def log_density(residual: Any, parts: Parts) -> Any:
    """The log density of residuals (place,) around zero, without the term -log(2 pi) / 2 of each.

    Its derivatives are written out, as those of the dense form are. With a = W r, H = (a a' - W) / 2 and R = K_uu^-1
    K_uf, the change of the covariance has the weight H; that of K_uf the weight 2 R (H - diag H), and that of K_uu the
    weight -R (H - diag H) R'. As A W = B^-1 A D^-1, no matrix of places by places is made.
    """
    by = solved(parts)
    return -(residual @ applied(parts, by, residual) + by.log_determinant) / 2


@log_density.defjvp
def _log_density_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    (residual, parts), (moved, changed) = primals, tangents
    by = solved(parts)
    pull = applied(parts, by, residual)
    value = -(residual @ pull + by.log_determinant) / 2
    own = (pull**2 - diagonal(parts, by)) / 2
    along = ((by.white @ pull)[:, None] * pull - by.whole @ by.half) / 2 - by.white * own
    of_inner = by.root.T @ (along @ by.white.T) @ by.root
    # The ridge is a share of K_uu's trace, and moves with it.
    of_ridge = RIDGE / len(of_inner) * jnp.trace(of_inner)
    change = (
        -pull @ moved
        + 2 * jnp.sum((by.root.T @ along) * changed.across)
        - jnp.sum(of_inner * changed.inner)
        - of_ridge * jnp.trace(changed.inner)
        + own @ changed.own
    )
    if parts.group is not None:
        together = _summed(parts, by.half)
        weight = by.weight / (1 + parts.offset * by.weight) - jnp.sum(together * (by.whole @ together), axis=0)
        change += jnp.sum(_summed(parts, pull) ** 2 - weight) / 2 * changed.offset
    return value, change


def left_out(residual: Any, parts: Parts) -> tuple[Any, Any]:
    """Each residual less its mean given all others, and the variance of this difference (place,); see `dense.py`."""
    product, diagonal = inverse(parts)
    variance = 1 / diagonal
    return product(residual) * variance, variance


def inverse(parts: Parts) -> tuple[Any, Any]:
    """The inverse of the covariance, as `dense.given_others` takes it; its diagonal is 1 for padding."""
    by = solved(parts)
    return partial(applied, parts, by), jnp.where(parts.mask > 0, diagonal(parts, by), 1.0)


def conditional(residual: Any, parts: Parts, across: Any, group: Any, prior: Any, key: Any) -> tuple[Any, Any, Any]:
    """Predict the process and the offset at places not seen from the places seen.

    Args:
        residual: The residuals at the places seen (place,).
        parts: The covariance of the places seen.
        across: The covariance between inducing places and the places not seen (inducing, point).
        group: The number of the group of each place not seen (point,); a number that no place has is a new group.
        prior: The covariance of the places not seen with their offsets, before anything is seen (point, point).
        key: A JAX key for the draw, or None for no draw.

    Returns:
        The mean (point,), the sd (point,), and a joint draw (point,), or None without a key.
    """
    by = solved(parts)
    white = by.root @ across
    mean, rest, weight = white.T @ (by.whole @ (by.half @ residual)), white, 0.0
    if parts.group is not None:
        code = group.astype(int)
        at = jnp.clip(code, 0, parts.mask.shape[0] - 1)
        offset = jnp.where(at == code, parts.offset, 0.0)
        mean = mean + offset * _summed(parts, applied(parts, by, residual))[at]
        rest = white - offset * _summed(parts, by.half)[:, at]
        weight = offset**2 * (by.weight / (1 + parts.offset * by.weight))[at]
    known = jnp.sum(white**2 - rest * (by.whole @ rest), axis=0) + weight
    sd = jnp.sqrt(jnp.maximum(jnp.diagonal(prior) - known, 0.0))
    if key is None:
        return mean, sd, None
    left = prior - white.T @ white + rest.T @ by.whole @ rest
    if parts.group is not None:
        left = left - jnp.where(group[:, None] == group, weight, 0.0)
    return mean, sd, drawn(mean, left, key)


def across_runs(parts: Parts, across: Any, group: Any) -> Any:
    """The covariance (place, point) of places seen and not seen, from that of inducing places and the latter."""
    root = whitened(parts.inner)
    found = (root @ parts.across).T @ (root @ across)
    return found if parts.group is None else found + parts.offset * (parts.group[:, None] == group)


def _ridged(inner: Any) -> Any:
    size = inner.shape[0]
    return inner + (RIDGE / size * jnp.trace(inner) + LEAST) * jnp.eye(size)


def _shrinkage(parts: Parts, weight: Any) -> Any:
    """The variance of each group's offset given the group's places (group,), from the sums of their precisions."""
    return parts.offset / (1 + parts.offset * weight)


def _summed(parts: Parts, x: Any) -> Any:
    """The sums of x (..., place) over the places of each group (..., group)."""
    code = parts.group.astype(int)
    return jnp.zeros_like(x).at[..., code].add(x)


def _of_places(parts: Parts, x: Any) -> Any:
    """The entry of x (..., group) at each place's group (..., place)."""
    return x[..., parts.group.astype(int)]


def _through(parts: Parts, precision: Any, weight: Any, x: Any) -> Any:
    """The inverse of the diagonal with the offsets, times x (..., place)."""
    through = precision * x
    if parts.group is None:
        return through
    return through - precision * _of_places(parts, _shrinkage(parts, weight) * _summed(parts, through))
