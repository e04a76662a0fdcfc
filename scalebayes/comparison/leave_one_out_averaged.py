"""This file has the leave-one-out scores of a fit whose runs were averaged in cells."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy.process import SeenAt
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.in_own_units import flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.infer.double import double
from scalebayes.model.model import Rows
from scalebayes.runs import Runs

# Number of draws computed together. Each has a covariance of all runs and all cells in memory.
TOGETHER = 8


def leave_one_out_averaged(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Leave-one-out scores, for a comparison, of each run of a fit of averaged runs.

    The fit has a Gaussian process and Normal noise.

    A run i of the cell c is predicted from the other cells and from q, the mean of the other runs of c. The fit's
    table without run i would have q in the place of the cell. As in averaging, the mean of runs counts as one run at
    their mean inputs. If the runs of each cell have the same inputs and no standard errors of their own, the result is
    that of a fit of all runs.

    What the fit saw of run i is the ratio p(mean of c | other cells) / p(q | other cells) of its likelihoods with and
    without the run. It differs from p(y_i | the other runs) by the density of the distance between y_i and q.

    Args:
        fit: A fit that has an `origin` and a discrepancy.

    Returns:
        log p(observable of a run | the other runs, draw), in the observable's own units, and the log of that ratio up
        to a constant for each run. Both are (draw, run), with the draws of all chains in order.
    """
    problem, origin = fit.problem, fit.origin
    ends, rows = problem.numbers.ends, problem.rows
    # Only `forecaster` averages, and its noise is Normal: under a mixture, a mean of runs isn't distributed as a run.
    assert origin is not None and ends is not None and not problem.model.latent
    rest, shared = origin.rest()
    # A mean has the group of its cell, which is also the group of the cell's runs.
    group = group_codes(fit, origin.runs).astype(np.float64) if rows.group is not None else None
    own, near = (_rows(fit, runs) for runs in (origin.runs, rest))
    with double():
        there = tuple(
            ends.places({name: x / fit.reference.inputs[name] for name, x in one.inputs.items()}, group)
            for one in (near, own)
        )
        found = _leave_one_out(
            problem.model,
            own_units(fit),
            ends.seen_at(rows),
            (near, own),
            there,
            origin.cell,
            shared,
            flat(fit)[:3],
        )
    terms, seen = (np.asarray(x) for x in found)
    return terms, seen


def _rows(fit: Fit, runs: Runs) -> Rows:
    """The rows of runs, in the runs' own units and without padding."""
    inputs = {name: runs.column(column, fit.law.domains.get(name)) for name, column in fit.problem.columns.items()}
    return Rows(inputs, runs.y, np.ones(len(runs)), runs.se, runs.count)


def _leave_one_out_impl(model, rows, at, apart, there, cell, shared, arrays):
    def one(each: Any):
        law, noise, process = each
        seen = residuals(model, rows, at, law, noise)
        near, own = (
            residuals(model, x, SeenAt(places, None, None), law, noise) for x, places in zip(apart, there, strict=True)
        )
        (at_rest, here), covariance = model.process.given_others(process, seen, cell, there)
        # The variance of the mean of the rest of the cell, and the weight of that mean in the prediction of the run.
        variance = covariance[0, 0] + near.scale**2
        gain = jnp.where(shared, covariance[0, 1] / variance, 0.0)
        off = own.off - here - gain * (near.off - at_rest)
        term = _normal(off, covariance[1, 1] - gain * covariance[0, 1] + own.scale**2)
        whole = _normal(*model.process.left_out(process, seen))[cell]
        return term - jnp.log(apart[1].y), whole - jnp.where(shared, _normal(near.off - at_rest, variance), 0.0)

    return in_batches(one, arrays, TOGETHER)


_leave_one_out = jax.jit(_leave_one_out_impl, static_argnums=0)


def _normal(off: Any, variance: Any) -> Any:
    return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2
