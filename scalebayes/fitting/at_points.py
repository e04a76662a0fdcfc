"""This file gives the discrepancy of a fit at given points, conditional on the runs, for each posterior draw."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy.process import Residuals
from scalebayes.model.arrays import padded
from scalebayes.model.model import Rows

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

TOGETHER = 64  # number of draws whose matrices are in memory at once; more of them take more memory


class Conditional(NamedTuple):
    """The discrepancy delta at points, which is Normal in each posterior draw.

    Attributes:
        mean: The mean of delta (draw, point).

        sd: The standard deviation of delta (draw, point).

        drawn: A draw of delta for each posterior draw (draw, point); None where no key was given.
    """

    mean: np.ndarray
    sd: np.ndarray
    drawn: np.ndarray | None


def conditional(fit: "Fit", points: Mapping[str, np.ndarray], group: np.ndarray, key: Any = None) -> Conditional:
    """The discrepancy of a fit at points, delta = log f - log(law), given its runs; call it inside `jax.enable_x64()`.

    Args:
        fit: A fit with a discrepancy.

        points: A mapping from law input to values (point,), in the runs' own units.

        group: The number of each point's group (point,). A number that no run has stands for a new group.

        key: A JAX key for draws, which are joint over the points. The default is None: no draws.
    """
    problem, size, count = fit.problem, padded(len(group)), len(group)
    ends = problem.numbers.ends
    assert ends is not None and problem.model.process is not None
    reference, rows = fit.reference, problem.rows
    fill = lambda x: np.concatenate([x, np.full(size - count, x[0])])  # noqa: E731
    there = {name: fill(np.asarray(x, np.float64)) / reference.inputs[name] for name, x in points.items()}
    draws = fit.size
    keys = None if key is None else jax.random.split(key, draws)
    found = _conditional(
        problem.model,
        own_units(fit),
        ends.places(rows.inputs, rows.group),
        ends.places(there, fill(group.astype(np.float64)) if rows.group is not None else None),
        flat(fit),
        keys,
    )
    mean, sd, drawn = (None if x is None else np.asarray(x)[:, :count] for x in found)
    assert mean is not None and sd is not None
    return Conditional(mean, sd, drawn)


def discrepancy_key(fit: "Fit", key: Any) -> Any:
    """The key for a fit's draws of the discrepancy in an answer; None for a fit with one draw, which takes the mean.

    One draw of the process would be no mode, and it would differ with the seed.
    """
    return None if fit.is_mode else jax.random.fold_in(key, 1)


def _conditional_impl(model, rows, places, there, arrays, keys):
    def one(each):
        (law, noise, process, factor), key = each
        return model.process.conditional(process, residuals(model, rows, places, law, noise, factor), there, key)

    return jax.lax.map(one, (arrays, keys), batch_size=TOGETHER)


def residuals(
    model: Any, rows: Rows, places: Any, law: Mapping[str, Any], noise: Mapping[str, Any], factor: Any = None
) -> Residuals:
    """The residuals log y - log f of a fit's rows in one of its posterior draws, in the runs' own units.

    Args:
        model: The model of the fit.

        rows: The padded rows.

        places: The places of the rows, as the process takes them.

        law: A mapping from parameter of the law to its value.

        noise: A mapping from parameter of the noise to its value.

        factor: The factor of each row's noise scale (row,). The default is None: all are 1.
    """
    location = model.fn(**rows.inputs, **law)
    scale = model.form.row_scale(location, noise, rows.se, rows.count)
    scale = scale if factor is None else scale * factor
    return Residuals(places, jnp.log(rows.y) - jnp.log(location), scale, rows.mask)


_conditional = jax.jit(_conditional_impl, static_argnums=0)


def leave_one_out(fit: "Fit") -> np.ndarray:
    """For each draw of a fit, the log density of each run given the other runs (chain, draw, run).

    The density is in the observable's own units.

    Where each run has a noise scale of its own, the density is conditional on the scales of the other runs. The scale
    of the run itself is integrated out.
    """
    problem, n = fit.problem, len(fit.runs)
    ends, rows = problem.numbers.ends, problem.rows
    assert ends is not None
    with jax.enable_x64():
        found = _leave_one_out(problem.model, own_units(fit), ends.places(rows.inputs, rows.group), flat(fit))
    return np.asarray(found)[:, :n].reshape(*fit.shape, n)


def _leave_one_out_impl(model, rows, places, arrays):
    def one(each):
        law, noise, process, factor = each
        seen = residuals(model, rows, places, law, noise, factor)
        off, variance = model.process.left_out(process, seen)
        if factor is not None:
            # The variance without the row's own noise is that of delta given the other runs.
            rest = jnp.maximum(variance - seen.scale**2, 0.0)
            return model.form.mixture.log_density(noise, off, rest, seen.scale / factor) - jnp.log(rows.y)
        return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(rows.y)

    return jax.lax.map(one, arrays, batch_size=TOGETHER)


_leave_one_out = jax.jit(_leave_one_out_impl, static_argnums=0)


def own_units(fit: "Fit") -> Rows:
    """The padded rows of a fit in the runs' own units, which are those of its draws."""
    rows, reference = fit.problem.rows, fit.reference
    return rows._replace(
        inputs={name: x * reference.inputs[name] for name, x in rows.inputs.items()},
        y=rows.y * reference.scale,
        se=None if rows.se is None else rows.se * reference.scale,
    )


def flat(fit: "Fit") -> tuple[Any, ...]:
    """A fit's draws of law, noise and discrepancy (draw,), and of the factors of the padded rows' scales (draw, run).

    The factors are None where the noise has no scale for each run. Chains are joined in order.
    """
    groups = (fit.law_draws, fit.noise_draws, fit.discrepancy_draws)
    draws = [{name: x.ravel() for name, x in each.items()} for each in groups]
    if not fit.problem.model.latent:
        return (*draws, None)
    factor = fit.sample_stats["noise_factor"]
    factor = factor.reshape(-1, factor.shape[-1])
    padding = np.ones((len(factor), len(fit.problem.rows.mask) - factor.shape[1]))
    return (*draws, np.concatenate([factor, padding], axis=1))
