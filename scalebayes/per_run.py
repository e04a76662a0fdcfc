"""What the others say of each run of a fit to which they were given averaged in cells."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.conditional import TOGETHER, flat, own_units, residuals
from scalebayes.model import Rows
from scalebayes.result import Fit
from scalebayes.runs import Runs


def leave_one_out_averaged(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Leave-one-out of each run of a fit of averaged runs, under its process and Normal noise.

    The other cells say that delta of a run's cell is Normal(m, v), and the mean q of the other runs of the cell,
    whose noise has variance t, that it is Normal(q, t): both together foretell the run. As in the fit itself delta is
    the same all over a cell, and a mean of runs is a run at their mean inputs; where all runs of each cell lie at the
    same inputs, and have no standard errors of their own, this is what a fit of all runs says.

    Without the run, q would stand in the fit's table in the place of c, the mean of the whole cell. What the fit saw of
    the run is the ratio p(c | other cells) / p(q | other cells), of the likelihoods with it and without it.

    Args:
        fit: with an `origin` and a discrepancy.

    Returns:
        log p(observable of a run | the other runs, draw), in the observable's own units, and the log of that ratio, but
        for a constant of each run: (draw, run) each, the draws of all chains in order.
    """
    problem, origin = fit.problem, fit.origin
    ends, rows = problem.numbers.ends, problem.rows
    # `forecaster` alone averages, and its noise is Normal: under a mixture a mean of runs is no run.
    assert origin is not None and ends is not None and not problem.model.latent
    rest, shared = origin.rest()
    with jax.enable_x64():
        found = _leave_one_out(
            problem.model,
            own_units(fit),
            ends.places(rows.inputs, rows.group),
            _rows(fit, origin.runs),
            _rows(fit, rest),
            origin.cell,
            shared,
            flat(fit)[:3],
        )
    terms, seen = (np.asarray(x) for x in found)
    return terms, seen


def _rows(fit: Fit, runs: Runs) -> Rows:
    """Runs in their own units, without padding."""
    inputs = {name: runs.column(column, fit.law.domains.get(name)) for name, column in fit.problem.columns.items()}
    return Rows(inputs, runs.y, np.ones(len(runs)), runs.se, runs.count)


def _leave_one_out_impl(model, rows, places, runs, rest, cell, shared, arrays):
    def one(each: Any):
        law, noise, process = each
        seen = residuals(model, rows, places, law, noise)
        off, variance = model.process.left_out(process, seen)
        # Of what the other cells say of a row, its own noise is no part of what they say of delta.
        mean = (seen.off - off)[cell]
        doubt = jnp.maximum(variance - seen.scale**2, 0.0)[cell]
        own, near = (residuals(model, x, None, law, noise) for x in (runs, rest))
        gain = jnp.where(shared, doubt / (doubt + near.scale**2), 0.0)
        term = _normal(own.off - mean - gain * (near.off - mean), (1 - gain) * doubt + own.scale**2)
        remains = jnp.where(shared, _normal(near.off - mean, doubt + near.scale**2), 0.0)
        return term - jnp.log(runs.y), _normal(off, variance)[cell] - remains

    return jax.lax.map(one, arrays, batch_size=TOGETHER)


_leave_one_out = jax.jit(_leave_one_out_impl, static_argnums=0)


def _normal(off: Any, variance: Any) -> Any:
    return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2
