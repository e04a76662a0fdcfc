"""This file has the residuals of a fit's runs in each posterior draw, as the checks standardise them at the mode."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from scalebayes.checks.residuals import standardised
from scalebayes.fitting.in_own_units import TOGETHER, flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.predict import curve
from scalebayes.infer.batch import in_batches
from scalebayes.infer.double import double
from scalebayes.infer.traces import jitted


def residual_draws(fit: Fit) -> np.ndarray:
    """The standardised residuals of the runs in each posterior draw (draw, run), by `checks.residuals.standardised`.

    With a discrepancy, a run's residual is that from the prediction by all other runs, over the sd of that prediction.
    Where each run has a noise scale of its own, the noise counts with its common scale, so that an outlier shows.

    Args:
        fit: The fit.
    """
    problem, count = fit.problem, len(fit.runs)
    with double():
        if fit.discrepancy is None:
            location, scale = _of_law(fit)
        else:
            ends, rows = problem.numbers.ends, problem.rows
            assert ends is not None
            off, variance = _left_out(problem.model, own_units(fit), ends.seen_at(rows), flat(fit))
            location, scale = fit.runs.y * np.exp(-np.asarray(off)[:, :count]), np.sqrt(np.asarray(variance)[:, :count])
        # `standardised` takes the units of the model; a scale on the log or the logit has no unit.
        unit = problem.reference.scale
        scale = scale / unit if problem.model.form.on == "raw" else scale
        return np.stack([standardised(problem, *one) for one in zip(location / unit, scale, strict=True)])


def _of_law(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """The law at the runs, and the scale of the noise there (draw, run), in the runs' own units."""
    columns = {name: fit.problem.column(column) for name, column in fit.problem.columns.items()}
    law, noise = ({n: x.reshape(-1, 1) for n, x in draws.items()} for draws in (fit.law_draws, fit.noise_draws))
    location = np.asarray(curve(fit.law.fn, columns, law))
    scale = fit.noise.form.row_scale(location, noise, fit.runs.se, fit.runs.count)
    return location, np.broadcast_to(np.asarray(scale), location.shape)


def _left_out_impl(model: Any, rows: Any, at: Any, arrays: Any) -> Any:
    def one(each):
        law, noise, process, factor = each
        seen = residuals(model, rows, at, law, noise, factor)
        off, variance = model.process.left_out(process, seen)
        if factor is None:
            return off, variance
        return off, jnp.maximum(variance - seen.scale**2, 0.0) + (seen.scale / factor) ** 2

    return in_batches(one, arrays, TOGETHER)


_left_out = jitted(0)(_left_out_impl)
