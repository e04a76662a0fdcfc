"""Normal vectors of any covariance: density, what the others say of each member, and members not seen."""

from typing import Any

import jax
import jax.numpy as jnp


@jax.custom_jvp
def log_density(residual: Any, covariance: Any) -> Any:
    """Log density of a Normal vector (run,) around zero, but for -log(2 pi) / 2 a member.

    Its derivatives are written out, -a dr + (a dS a - tr(Q dS)) / 2 with Q the inverse and a = Q r: through the
    Cholesky factor they would take several times as long.
    """
    root = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(root, residual, lower=True)
    return -white @ white / 2 - jnp.log(jnp.diagonal(root)).sum()


@log_density.defjvp
def _log_density_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    residual, covariance = primals
    moved, widened = tangents
    inverse = _inverse(covariance)
    pull = inverse @ residual
    change = -pull @ moved + (pull @ widened @ pull - jnp.sum(inverse * widened)) / 2
    return log_density(residual, covariance), change


@jax.custom_jvp
def _inverse(matrix: Any) -> Any:
    """The inverse of a positive definite matrix."""
    root = jnp.linalg.cholesky(matrix)
    white = jax.scipy.linalg.solve_triangular(root, jnp.eye(matrix.shape[0]), lower=True)
    return white.T @ white


@_inverse.defjvp
def _inverse_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    inverse = _inverse(primals[0])
    return inverse, -inverse @ tangents[0] @ inverse


def left_out(residual: Any, covariance: Any) -> tuple[Any, Any]:
    """Each residual off what the others say of it, and the variance of that (run,).

    With Q the inverse covariance, it is (Q r)_i / Q_ii, of variance 1 / Q_ii. Source: Sundararajan and Keerthi 2001,
    doi 10.1162/08997660151134343.
    """
    inverse = _inverse(covariance)
    variance = 1 / jnp.diagonal(inverse)
    return inverse @ residual * variance, variance


def given_others(residual: Any, covariance: Any, left: Any, across: Any, prior: Any) -> tuple[Any, Any]:
    """Small sets of members not seen, each given those seen but one.

    With Q the inverse covariance, that without member c is Q less Q_.c Q_c. / Q_cc.

    Args:
        residual, covariance: of those seen (run,), (run, run). left: number of the one that is left out (set,).
        across: between seen and not seen (run, member, set). prior: covariance of each set (member, member, set).

    Returns:
        Their means (member, set) and covariances (member, member, set).
    """
    inverse = _inverse(covariance)
    sets = jnp.arange(left.shape[0])
    kept = jnp.arange(residual.shape[0])[:, None] != left
    both = jnp.concatenate([across, jnp.broadcast_to(residual[:, None, None], (*across.shape[:1], 1, len(sets)))], 1)
    both = both * kept[:, None, :]
    pulled = jnp.einsum("ij,jms->ims", inverse, both)
    gone = pulled[left, :, sets].T
    inner = jnp.einsum("ims,ins->mns", both, pulled) - gone[:, None] * gone / jnp.diagonal(inverse)[left]
    return inner[:-1, -1], prior - inner[:-1, :-1]


def conditional(residual: Any, covariance: Any, across: Any, prior: Any, key: Any) -> tuple[Any, Any, Any]:
    """Members not seen given those seen: mean and sd (point,), and a joint draw (point,) or None without a key.

    Args:
        residual, covariance: of those seen (run,), (run, run). across: between seen and not seen (run, point).
        prior: covariance of those not seen (point, point).
    """
    root = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(root, jnp.column_stack([across, residual]), lower=True)
    mean = white[:, :-1].T @ white[:, -1]
    left = prior - white[:, :-1].T @ white[:, :-1]
    sd = jnp.sqrt(jnp.maximum(jnp.diagonal(left), 0.0))
    if key is None:
        return mean, sd, None
    # Points that repeat, or sit on a run, leave a matrix that is singular to rounding.
    values, vectors = jnp.linalg.eigh(left)
    normal = jax.random.normal(key, mean.shape)
    return mean, sd, mean + vectors @ (jnp.sqrt(jnp.maximum(values, 0.0)) * normal)
