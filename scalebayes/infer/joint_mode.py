"""This file finds the posterior mode of several recipes together, from which the chains of NUTS start."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.infer.compile import compiled_once
from scalebayes.infer.descent import lbfgs, polished, positive
from scalebayes.infer.mode import Mode, Search
from scalebayes.infer.traces import jitted
from scalebayes.model.hierarchy import Hierarchy, PooledRows
from scalebayes.model.joint_problem import Joint
from scalebayes.model.recipe_coordinates import PooledNumbers


def joint_mode(joint: Joint, key: Any, search: Search) -> Mode:
    """The mode of the posterior of several recipes, as NumPy arrays."""
    mode = compiled_once(_joint_mode, joint.model, joint.numbers, joint.rows, key, search)
    return jax.tree.map(np.asarray, jax.device_get(mode))


@jitted(0, 4)
def _joint_mode(model: Hierarchy, numbers: PooledNumbers, rows: PooledRows, key: Any, search: Search) -> Mode:
    """As `find_mode`. The starts are recipes that are alike, since draws of so many parameters would all lie far out.

    The mode has no `location` and no `scale`, which are each recipe's.
    """

    def loss(z: Any, stage: Any) -> Any:
        value = -model.log_density(z, numbers, rows, stage)
        return jnp.where(jnp.isfinite(value), value, 1e30)

    draws = model.starts(numbers, key, search.screened)
    at_first = lambda z: loss(z, numbers.stages[0])  # noqa: E731
    _, promising = jax.lax.top_k(-jax.lax.map(at_first, draws, batch_size=8), search.starts)
    z = draws[promising]
    if search.lbfgs_steps:
        z = lbfgs(at_first, z, search.lbfgs_steps)
    ends = polished(model, loss, z, numbers.stages, search.newton_steps)
    best = jax.tree.map(lambda x: x[jnp.argmin(ends.loss)], ends)
    precision = positive(best.hessian)
    root = jnp.linalg.cholesky(precision)
    slope = jax.scipy.linalg.solve_triangular(root, best.gradient, lower=True)
    distance = jnp.linalg.norm((ends.z - best.z) @ root, axis=1)
    nothing = jnp.zeros(0)
    return Mode(
        best.z,
        -best.loss,
        precision,
        jnp.linalg.norm(slope),
        -ends.loss,
        distance,
        draws.std(axis=0),
        nothing,
        nothing,
    )
