"""The discrepancy of a fit at given points, given the runs, draw by draw."""

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

TOGETHER = 64  # draws whose matrices are in memory at once


class Conditional(NamedTuple):
    """delta of a fit at points, Normal in each draw: mean and sd (draw, point); a draw of it (draw, point), or None."""

    mean: np.ndarray
    sd: np.ndarray
    drawn: np.ndarray | None


def conditional(fit: "Fit", points: Mapping[str, np.ndarray], group: np.ndarray, key: Any = None) -> Conditional:
    """log f - log(law) at points given the runs; inside `jax.enable_x64()`.

    Args:
        points: law input -> (point,), in the runs' own units. group: number of each point's group (point,), one that
            no run has for a new one. key: for draws, joint over the points of a draw.
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
    """The key of a discrepancy's draws in an answer; None for a fit that is its mode alone, which takes the mean.

    One draw of the process is no mode, and another seed would give another.
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
    """log y - log f of the rows, of one draw of law, noise and factors of the rows' scales, in the runs' own units."""
    location = model.fn(**rows.inputs, **law)
    scale = model.form.row_scale(location, noise, rows.se, rows.count)
    scale = scale if factor is None else scale * factor
    return Residuals(places, jnp.log(rows.y) - jnp.log(location), scale, rows.mask)


_conditional = jax.jit(_conditional_impl, static_argnums=0)


def leave_one_out(fit: "Fit") -> np.ndarray:
    """log p(observable of a run | the other runs, draw) (chain, draw, run), in the observable's own units.

    Where runs have scales of their own, it is given those of the other runs; the run's own is integrated out.
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
            # What is left when the row's own noise is taken out says what the other runs leave open.
            rest = jnp.maximum(variance - seen.scale**2, 0.0)
            return model.form.mixture.log_density(noise, off, rest, seen.scale / factor) - jnp.log(rows.y)
        return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(rows.y)

    return jax.lax.map(one, arrays, batch_size=TOGETHER)


_leave_one_out = jax.jit(_leave_one_out_impl, static_argnums=0)


def own_units(fit: "Fit") -> Rows:
    """The padded rows in the runs' own units, as the draws are."""
    rows, reference = fit.problem.rows, fit.reference
    return rows._replace(
        inputs={name: x * reference.inputs[name] for name, x in rows.inputs.items()},
        y=rows.y * reference.scale,
        se=None if rows.se is None else rows.se * reference.scale,
    )


def flat(fit: "Fit") -> tuple[Any, ...]:
    """Draws of law, noise and discrepancy (draw,), and the factors of the padded rows' scales (draw, run) or None."""
    groups = (fit.law_draws, fit.noise_draws, fit.discrepancy_draws)
    draws = [{name: x.ravel() for name, x in each.items()} for each in groups]
    if not fit.problem.model.latent:
        return (*draws, None)
    factor = fit.sample_stats["noise_factor"]
    factor = factor.reshape(-1, factor.shape[-1])
    padding = np.ones((len(factor), len(fit.problem.rows.mask) - factor.shape[1]))
    return (*draws, np.concatenate([factor, padding], axis=1))
