"""This file has the law around the mode: its values, and their derivatives by the inputs and free parameters."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.checks import limits
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.draws import Draws
from scalebayes.infer.traces import jitted
from scalebayes.model.arrays import doubled_to, longer
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS

# The smallest number of rows that the law is evaluated at: fewer runs are filled up with copies of the first.
LEAST = 64


class Around(NamedTuple):
    """The law around the mode, without its discrepancy, on the noise's scale (log, logit or the observable itself).

    Attributes:
        curve: The law's value (run,).

        slopes: The derivative by the axis of each input (run,); `axes` says what the axes are.

        tangents: The derivative by each unconstrained coordinate (run, free).
    """

    curve: np.ndarray
    slopes: Mapping[str, np.ndarray]
    tangents: np.ndarray


def around(problem: Problem, draws: Draws) -> Around:
    """The law and its derivatives around the mode of the posterior, from which checks of the residuals start."""
    n, z = len(problem.runs), draws.mode.z[: len(problem.model.free)]
    additive = tuple(name for name in problem.columns if name in problem.law.domains)
    # The number of rows is a power of two, so that tables of similar size share one compiled program.
    rows = longer(problem.rows, doubled_to(len(problem.rows.mask), LEAST))
    seen = compiled_once(_around, problem.model, problem.numbers, rows, z, additive)
    return Around(*jax.tree.map(lambda x: np.asarray(x)[:n], jax.device_get(seen)))


@jitted(0, 4)
def _around(model: Model, numbers: Numbers, rows: Rows, z: Any, additive: tuple[str, ...]) -> Any:
    def curve(z: Any, shifts: Mapping[str, Any]) -> Any:
        scaled = model.scaled(model.constrain(z, numbers), numbers)
        moved = {n: x + shifts[n] if n in additive else x * jnp.exp(shifts[n]) for n, x in rows.inputs.items()}
        return jnp.broadcast_to(LINKS[model.form.on].of(model.location(scaled, moved)), rows.y.shape)

    still = {name: jnp.zeros(()) for name in rows.inputs}
    by_z, by_input = jax.jacfwd(curve, argnums=(0, 1))(z, still)
    return curve(z, still), by_input, by_z


def axes(problem: Problem) -> dict[str, np.ndarray]:
    """The axis along which checks look at each input that varies (run,): the log of the input over its reference.

    An input that need not be positive is its own axis, without the log.
    """
    n = len(problem.runs)
    by_name = {
        name: np.asarray(x[:n]) if name in problem.law.domains else np.log(x[:n])
        for name, x in problem.rows.inputs.items()
    }
    return {name: x for name, x in by_name.items() if np.ptp(x) > 1e-9}


def decided(problem: Problem, draws: Draws, near: Around) -> np.ndarray:
    """The orthonormal directions (run, direction) in which the fit follows the runs, where no check of residuals looks.

    At the mode, the residuals are r = (I - H) e of the noise e. H = J S J' / s^2 has the tangents J, the posterior
    covariance S and the noise's scale s. An eigenvalue of H is the share of the noise in its direction that the fit
    takes up. Where it is small, the prior holds the law, and a misfit in that direction stays in the residuals.
    """
    free = len(problem.model.free)
    scale = draws.mode.scale[: len(problem.runs)]
    covariance = np.linalg.pinv(draws.mode.precision[:free, :free], hermitian=True)
    whitened = near.tangents / scale[:, None]
    if not np.isfinite(whitened).all():
        return np.empty((len(scale), 0))
    # H has the rank of the parameters at most. Its directions are the left singular vectors of a square root of it.
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    directions, sizes, _ = np.linalg.svd(whitened @ (vectors * np.sqrt(np.maximum(values, 0))), full_matrices=False)
    return directions[:, sizes**2 > limits.RESIDUALS_DECIDED]
