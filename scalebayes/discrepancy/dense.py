"""This file has the algebra of Normal vectors with any covariance: densities, left-out members, members not seen."""

from typing import Any

import jax
import jax.numpy as jnp


@jax.custom_jvp
def log_density(residual: Any, covariance: Any) -> Any:
    """The log density of the discrepancy with noise, a Normal vector (run,) around zero.

    The term -log(2 pi) / 2 of each member is left out.

    Its derivatives are written out: -a dr + (a dS a - tr(Q dS)) / 2, with Q the inverse covariance and a = Q r. Through
    the Cholesky factor they would take several times as long.
    """
    root = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(root, residual, lower=True)
    return -white @ white / 2 - jnp.log(jnp.diagonal(root)).sum()


@log_density.defjvp
def _log_density_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    residual, covariance = primals
    moved, widened = tangents
    matrix = inverted(covariance)[0]
    pull = matrix @ residual
    change = -pull @ moved + (pull @ widened @ pull - jnp.sum(matrix * widened)) / 2
    return log_density(residual, covariance), change


@jax.custom_jvp
def inverted(matrix: Any) -> tuple[Any, Any]:
    """The inverse of a positive definite matrix, and the log of its determinant."""
    root = jnp.linalg.cholesky(matrix)
    white = inverse_of_root(root)
    return white.T @ white, 2 * jnp.log(jnp.diagonal(root)).sum()


@inverted.defjvp
def _inverted_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    found, log_determinant = inverted(primals[0])
    return (found, log_determinant), (-found @ tangents[0] @ found, jnp.sum(found * tangents[0]))


def inverse_of_root(root: Any) -> Any:
    """The inverse of a lower triangular matrix (run, run)."""
    return jax.scipy.linalg.solve_triangular(root, jnp.eye(root.shape[0]), lower=True)


def left_out(residual: Any, covariance: Any) -> tuple[Any, Any]:
    """Each residual less its mean under the process given all others, and the variance of this difference (run,).

    With Q the inverse covariance the difference is (Q r)_i / Q_ii, and its variance is 1 / Q_ii. Source: Sundararajan
    and Keerthi 2001, doi 10.1162/08997660151134343.
    """
    matrix = inverted(covariance)[0]
    variance = 1 / jnp.diagonal(matrix)
    return matrix @ residual * variance, variance


def inverse(covariance: Any) -> tuple[Any, Any]:
    """The inverse of a covariance, as `given_others` takes it."""
    matrix = inverted(covariance)[0]
    return lambda x: x @ matrix, jnp.diagonal(matrix)


def given_others(residual: Any, inverse: Any, left: Any, across: Any, prior: Any) -> tuple[Any, Any]:
    """Predict the discrepancy of small sets of members not seen, each from all members that were seen but one.

    With Q the inverse covariance of those seen, the inverse without member c is Q less Q_.c Q_c. / Q_cc.

    Args:
        residual: The residuals of the members seen (run,).
        inverse: The inverse covariance of the members seen: a function that multiplies it with vectors (..., run), and
            its diagonal (run,).
        left: For each set, the number of the seen member that is left out (set,).
        across: The covariance between members seen and not seen (run, member, set).
        prior: The covariance of each set before anything is seen (member, member, set).

    Returns:
        The means (member, set) and covariances (member, member, set) of the sets.
    """
    product, diagonal = inverse
    sets = jnp.arange(left.shape[0])
    kept = jnp.arange(residual.shape[0])[:, None] != left
    both = jnp.concatenate([across, jnp.broadcast_to(residual[:, None, None], (*across.shape[:1], 1, len(sets)))], 1)
    both = both * kept[:, None, :]
    pulled = jnp.moveaxis(product(jnp.moveaxis(both, 0, -1)), -1, 0)
    gone = pulled[left, :, sets].T
    inner = jnp.einsum("ims,ins->mns", both, pulled) - gone[:, None] * gone / diagonal[left]
    return inner[:-1, -1], prior - inner[:-1, :-1]


def conditional(residual: Any, covariance: Any, across: Any, prior: Any, key: Any) -> tuple[Any, Any, Any]:
    """Predict the discrepancy of members not seen from the members seen.

    Args:
        residual: The residuals of the members seen (run,).
        covariance: The covariance of the members seen (run, run).
        across: The covariance between members seen and not seen (run, point).
        prior: The covariance of the members not seen, before anything is seen (point, point).
        key: A JAX key for the draw, or None for no draw.

    Returns:
        The mean (point,), the sd (point,), and a joint draw (point,), or None without a key.
    """
    root = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(root, jnp.column_stack([across, residual]), lower=True)
    mean = white[:, :-1].T @ white[:, -1]
    variance = jnp.diagonal(prior) - jnp.sum(white[:, :-1] ** 2, axis=0)
    sd = jnp.sqrt(jnp.maximum(variance, 0.0))
    if key is None:
        return mean, sd, None
    return mean, sd, drawn(mean, prior - white[:, :-1].T @ white[:, :-1], key)


def drawn(mean: Any, covariance: Any, key: Any) -> Any:
    """A draw of a Normal vector with any mean (point,) and covariance (point, point)."""
    # Points that repeat or lie on a run make this matrix singular to rounding, so it has no Cholesky factor.
    values, vectors = jnp.linalg.eigh(covariance)
    normal = jax.random.normal(key, mean.shape)
    return mean + vectors @ (jnp.sqrt(jnp.maximum(values, 0.0)) * normal)
