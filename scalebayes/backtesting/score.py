"""score: how good the forecasts of runs were that a fit never saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.forecast_of import forecast_of
from scalebayes.backtesting.proper_scores import scores_of
from scalebayes.compute import DERIVED
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit, warn_of
from scalebayes.forecasting.distance import about, distance
from scalebayes.forecasting.of_fits import doubts
from scalebayes.forecasting.of_stack import Stack, farthest
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table
from scalebayes.seeds import Seed

PROBS = (0.5, 0.8, 0.9, 0.95)


def score(fit: Fit | Stack | Recalibrated, runs: Runs, *, probs: Sequence[float] = PROBS, seed: Seed = 0) -> xr.Dataset:
    """How good a fit's forecasts of new runs were, run by run.

    The forecast of a row is of the reading itself, noise included: with `count` in the row noise / sqrt(count), with
    a known standard error that in quadrature. It is the mixture of the noise's distributions over the draws; with a
    discrepancy, of Normals on the log with the variance of the process there added. A MAP fit is scored by its mode.
    A stack is scored as the mixture of its members' forecasts, a recalibrated fit as its forecast is widened.

    Args:
        fit: a fit, a `Stack` or a `Recalibrated`.

        runs: held out; of the observable and the unit that were fitted.

        probs: of the intervals.

        seed: an int or a JAX key.

    Returns:
        Dataset over run, and prob: `median` of the forecast; `log_error` = log median - log y; `log_score`, the log
        density of y itself; `crps` on the log; `pit`, the forecast's probability of less than y; `lower` and `upper`
        of the equal-tailed intervals, `covered` (1 where they hold y) and `log_width` = log upper - log lower;
        `distance` (run, axis) from the runs fitted, in e-folds, as `predict` has it. `y` and the law's inputs are
        coordinates.

    Raises:
        InputError: the runs lack a column of the law, are of another observable or unit, or have a value that the
            noise can't; the noise is no density, or may be negative and has no log; `fit` is of many data sets.

    Warns:
        FitWarning: the fit failed a check, as for `predict`; the attribute `failed` has it.

    >>> from scalebayes.fitting import fit as fit_law
    >>> x = np.geomspace(1, 1e4, 12)
    >>> y = 1.2 + 2 * x**-0.4 * np.exp(0.01 * np.sin(np.arange(12.0)))
    >>> fitted = fit_law(Runs(x=x[:9], loss=y[:9]), "offset_power", method="laplace", on_fail="ignore")
    >>> scores = score(fitted, Runs(x=x[9:], loss=y[9:]))
    >>> scores["covered"].dims, bool((abs(scores["log_error"]) < 0.05).all())
    (('prob', 'run'), True)
    """
    probs = check_probs(probs)
    fits = _fits(fit)
    inputs = {name: _inputs(one, runs) for name, one in fits.items()}
    columns = {name: {one.problem.columns[n]: x for n, x in inputs[name].items()} for name, one in fits.items()}
    far = [
        xr.DataArray(np.column_stack(list(found.values())), {"axis": list(found)}, ("run", "axis"))
        for found in (distance(one, columns[name]) for name, one in fits.items())
    ]
    axes, furthest = farthest(far)
    labels = {name: x.astype(str) for name, x in runs.labels.items() if name in ("run_id", "group")}
    every = {name: x for own in columns.values() for name, x in own.items()}
    found = scores_of(forecast_of(fit, runs, inputs, seed), np.log(runs.y), probs)
    warn_of(fit)
    return xr.Dataset(
        {
            **{name: (("prob", "run") if x.ndim == 2 else "run", x) for name, x in found.items()},
            "distance": (("run", "axis"), furthest),
        },
        {"y": ("run", runs.y), **{name: ("run", x) for name, x in {**every, **labels}.items()}, "prob": list(probs)}
        | {"axis": axes},
        {"scale": "log", **_about(fit, fits)},
    )


def _fits(asked: Fit | Stack | Recalibrated) -> dict[str, Fit]:
    """The fits that are scored, by the names of a stack's members, or one under ""."""
    if isinstance(asked, Stack):
        return {name: asked.members[name] for name in asked.picks}
    return {"": one_fit(asked.fit if isinstance(asked, Recalibrated) else asked, "score")}


def _about(asked: Fit | Stack | Recalibrated, fits: dict[str, Fit]) -> dict[str, str]:
    """What failed of the fits, the law, and the observable's unit; of a stack, of which member."""
    told = {name: about(fit) for name, fit in fits.items()}
    first = next(iter(told.values()))
    if isinstance(asked, Recalibrated):
        return {**first, "recalibrated": asked.sentence}
    if not isinstance(asked, Stack):
        return first
    law = ", ".join(f"{name} {asked.weights[name]:.3g}" for name in fits)
    return {
        **first,
        "law": law,
        "failed": doubts({name: xr.Dataset(attrs=one) for name, one in told.items()}, "failed"),
    }


def check_probs(probs: Sequence[float]) -> tuple[float, ...]:
    """Probabilities of intervals, or why they can't be."""
    try:
        given = tuple(float(prob) for prob in probs)
    except (TypeError, ValueError):
        given = ()
    if not given or not all(0 < prob < 1 for prob in given) or len(set(given)) < len(given):
        raise InputError(f"probs is a list of different numbers between 0 and 1, such as [0.5, 0.9]; not {probs!r}")
    return given


def check_noise(noise: Any) -> None:
    """Refuse a noise that has no log score of the log.

    Raises:
        InputError: it is an objective, or its observable may be negative.
    """
    if not noise.form.density:
        raise InputError(f"noise {noise!r} is an objective and not a density: there is no log score; leave scale free")
    if noise.form.range[0] < 0:
        raise InputError(
            f"scores are on the log of the observable, and of noise {noise!r} it may be negative; use noise='normal' "
            "or 'student_t'"
        )


def _inputs(fit: Fit, runs: Runs) -> dict[str, np.ndarray]:
    """The law's inputs at held-out runs (run,), once these are found to be of what was fitted."""
    check_noise(fit.noise)
    if not isinstance(runs, Runs):
        raise no_table(runs)
    if runs.observable != fit.runs.observable:
        raise unknown("observable of the runs", runs.observable, [fit.runs.observable])
    for what in ("unit", "N_counts"):
        own, theirs = getattr(fit.runs, what), getattr(runs, what)
        if own != theirs and own and theirs:
            raise InputError(f"{what} of the runs is {theirs!r}, and the fit's is {own!r}; bring them to one")
    low, high = fit.noise.form.range
    off = runs.y[~((runs.y > low) & (runs.y < high))]
    if off.size:
        raise InputError(f"noise {fit.noise!r} has no {runs.observable} of {off[0]:g}; leave such runs out")
    for column in fit.problem.columns.values():
        runs = runs.derive(column) if column in DERIVED else runs
    return {name: runs.column(column, fit.law.domains.get(name)) for name, column in fit.problem.columns.items()}
