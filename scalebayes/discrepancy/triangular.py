"""This file inverts a triangular matrix by products of its blocks, without LAPACK.

LAPACK's solver for many right-hand sides starts threads at any size. On cores that other work shares, each call then
waits for them: at 64 rows it took 10 to 50 ms instead of 0.1. A Cholesky factor of up to 96 rows, a solution for one
right-hand side and XLA's products of matrices have no such threads.
"""

from typing import Any

import jax
import jax.numpy as jnp

BLOCK = 12  # the largest number of rows that are inverted by substitution, row by row; each row is compiled on its own


def inverse_of_root(root: Any) -> Any:
    """The inverse of a lower triangular matrix (run, run).

    Blocks on the diagonal are inverted by substitution and then joined in pairs. A size that isn't a small number times
    a power of two is left to LAPACK; all padded sizes are such numbers.
    """
    size = width = root.shape[0]
    while width > BLOCK and width % 2 == 0:
        width //= 2
    if width > BLOCK:
        return jax.scipy.linalg.solve_triangular(root, jnp.eye(size), lower=True)
    inverse = _substituted(_blocks(root, width, 0, 1))
    while width < size:
        first, second = inverse[0::2], inverse[1::2]
        below = -second @ _blocks(root, width, 1, 2) @ first
        above = jnp.concatenate([first, jnp.zeros_like(first)], axis=2)
        inverse = jnp.concatenate([above, jnp.concatenate([below, second], axis=2)], axis=1)
        width *= 2
    return inverse[0]


def _blocks(root: Any, width: int, below: int, step: int) -> Any:
    """Every `step`-th block of the diagonal, or the block `below` it (block, width, width)."""
    starts = range(0, root.shape[0], step * width)
    return jnp.stack([root[i + below * width : i + (below + 1) * width, i : i + width] for i in starts])


def _substituted(blocks: Any) -> Any:
    """The inverses of small lower triangular blocks (block, width, width)."""
    count, width, _ = blocks.shape
    unit = jnp.eye(width)
    rows: list[Any] = []
    for i in range(width):
        row = jnp.broadcast_to(unit[i], (count, width))
        if rows:
            row = row - jnp.sum(blocks[:, i, :i, None] * jnp.stack(rows, axis=1), axis=1)
        rows.append(row / blocks[:, i, i, None])
    return jnp.stack(rows, axis=1)
