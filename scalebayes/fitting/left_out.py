"""This file gives the density of each run of a fit with a discrepancy, given the other runs."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy import in_common
from scalebayes.fitting.in_own_units import TOGETHER, common_part, flat_draws, own_units, residuals
from scalebayes.infer.batch import in_batches
from scalebayes.infer.double import double
from scalebayes.infer.traces import jitted

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit


def leave_one_out(fit: "Fit") -> np.ndarray:
    """For each draw of a fit, the log density of each run given the other runs (chain, draw, run).

    The density is in the observable's own units.

    Where each run has a noise scale of its own, the density is conditional on the scales of the other runs. The scale
    of the run itself is integrated out.
    """
    problem, n = fit.problem, len(fit.runs)
    ends, rows = problem.numbers.ends, problem.rows
    assert ends is not None
    with double():
        common, known = common_part(fit, rows, None)
        at = None if common is None else (ends.places(common.inputs), common.of_row)
        found = _leave_one_out(problem.model, own_units(fit), ends.seen_at(rows), at, (flat_draws(fit), known))
    return np.asarray(found)[:, :n].reshape(*fit.shape, n)


def _leave_one_out_impl(model, rows, at, common, arrays):
    def one(each):
        (law, noise, process, factor), drawn = each
        seen = residuals(model, rows, at, law, noise, factor)
        if common is not None:
            known = in_common.Known(common[0], common[1], drawn.share, drawn.departure)
            process, seen = in_common.own_part(process, drawn.share, seen, known)
        off, variance = model.process.left_out(process, seen)
        if factor is not None:
            # The variance without the row's own noise is that of delta given the other runs.
            rest = jnp.maximum(variance - seen.scale**2, 0.0)
            return model.form.mixture.log_density(noise, off, rest, seen.scale / factor) - jnp.log(rows.y)
        return -(off**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2 - jnp.log(rows.y)

    return in_batches(one, arrays, TOGETHER)


_leave_one_out = jitted(0)(_leave_one_out_impl)
