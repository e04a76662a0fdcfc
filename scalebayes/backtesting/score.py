"""`score` says how good a fit's forecasts, or registered ones, are of runs that the fit never saw."""

from collections.abc import Sequence
from os import PathLike

import numpy as np
import xarray as xr

from scalebayes.backtesting.forecast_of import forecast_of
from scalebayes.backtesting.on_record import Registered
from scalebayes.backtesting.proper_scores import scores_of
from scalebayes.backtesting.record_read import read
from scalebayes.backtesting.scorable import PROBS, check_noise, check_probs, check_runs, check_values, columns_of
from scalebayes.backtesting.score_record import score_record
from scalebayes.errors import known_settings
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit, warn_of
from scalebayes.forecasting.distance import about, distance
from scalebayes.forecasting.of_fits import doubts
from scalebayes.forecasting.of_stack import Stack, farthest
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.runs import Runs
from scalebayes.runs.observables import refuse_another
from scalebayes.seeds import Seed


@known_settings
def score(
    fit: Fit | Stack | Recalibrated | Registered | str | PathLike[str],
    runs: Runs,
    *,
    probs: Sequence[float] = PROBS,
    seed: Seed = 0,
) -> xr.Dataset:
    """Score a fit's forecasts of held-out runs, or registered forecasts of the runs that came since, run by run.

    A forecast is the predictive distribution of the observable in a row, with its noise. In a row with a `count`, the
    noise is divided by sqrt(count). A known standard error is added in quadrature. The distribution is the mixture of
    the noise's distributions over the posterior draws. With a discrepancy it is a mixture of Normals on the log, to
    which the variance of the process at the run is added. A MAP fit is scored by its mode. The forecast of a stack is
    the mixture of its members' forecasts. The forecast of a recalibrated fit is widened.

    Registered forecasts are scored by the runs that lie at their points, to 1e-6 of each input; other runs are left
    out. Runs on their own are scored by the draws on record. A point without a run stays open.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`; or a `Registered`, or the path of the file that `register` wrote.

        runs: The held-out runs, with the observable and the unit that were fitted.

        probs: The probabilities of the intervals. The default is (0.5, 0.8, 0.9, 0.95).

        seed: The seed of the draws of the noise, an int or a JAX key. The default is 0.

    Returns:
        A dataset over the dims `run`, `prob` and `axis`. `y` and the columns of the law are coordinates.

        - `median` (run,): the median of the forecast.
        - `log_error` (run,): log median - log y.
        - `log_score` (run,): the log predictive density of y, in nats. Higher is better.
        - `crps` (run,): the continuous ranked probability score on the log of y. Lower is better.
        - `pit` (run,): the forecast's probability of a value below y.
        - `lower`, `upper` (prob, run): the ends of the equal-tailed intervals.
        - `covered` (prob, run): 1 where the interval holds y, else 0.
        - `log_width` (prob, run): log upper - log lower.
        - `distance` (run, axis): the distance from the fitted runs in e-folds, as in `predict`.

        Registered forecasts have three more: `hit` (run,), 1 where the registered interval holds y, and the coordinates
        `point` and `row` (run,), the number of the point and the row of the run in its table. The attribute `open` has
        the numbers of the points without a run, and `waiting` says which they are.

    Raises:
        InputError: The runs lack a column of the law, have another observable or unit, or have a value that the noise
            doesn't allow; the noise has no density, or allows negative values, which have no log; or `fit` is of many
            data sets. No run lies at a registered point, or the file was changed since it was registered.

    Warns:
        FitWarning: The fit failed a check. The warning comes once for each fit, as in `predict`. The attribute
            `failed` has the checks.

    Source: Gneiting and Raftery 2007, doi 10.1198/016214506000001437, for the log score and the CRPS.

    >>> import scalebayes as sb
    >>> x = np.geomspace(1, 1e4, 12)
    >>> y = 1.2 + 2 * x**-0.4 * np.exp(0.01 * np.sin(np.arange(12.0)))
    >>> fitted = sb.fit(sb.Runs(x=x[:9], loss=y[:9]), "offset_power", method="laplace", on_fail="ignore")
    >>> scores = sb.score(fitted, sb.Runs(x=x[9:], loss=y[9:]))
    >>> scores["covered"].dims, bool((abs(scores["log_error"]) < 0.05).all())
    (('prob', 'run'), True)
    """
    probs = check_probs(probs)
    if isinstance(fit, (str, PathLike)):
        fit = read(fit)
    if isinstance(fit, Registered):
        return score_record(fit, runs, probs, seed)
    fits = _fits(fit)
    inputs = {name: _inputs(one, runs) for name, one in fits.items()}
    columns = {name: {one.problem.columns[n]: x for n, x in inputs[name].items()} for name, one in fits.items()}
    far = [
        xr.DataArray(np.column_stack(list(far.values())), {"axis": list(far)}, ("run", "axis"))
        for far in (distance(one, columns[name]) for name, one in fits.items())
    ]
    axes, furthest = farthest(far)
    labels = {name: x.astype(str) for name, x in runs.labels.items() if name in ("run_id", "group")}
    every = {name: x for own in columns.values() for name, x in own.items()}
    scores = scores_of(forecast_of(fit, runs, inputs, seed), np.log(runs.y), probs)
    warn_of(fit)
    return xr.Dataset(
        {
            **{name: (("prob", "run") if x.ndim == 2 else "run", x) for name, x in scores.items()},
            "distance": (("run", "axis"), furthest),
        },
        {"y": ("run", runs.y), **{name: ("run", x) for name, x in {**every, **labels}.items()}, "prob": list(probs)}
        | {"axis": axes},
        {"scale": "log", **_about(fit, fits)},
    )


def _fits(asked: Fit | Stack | Recalibrated) -> dict[str, Fit]:
    """The fits that are scored, by the names of a stack's members; a single fit has the name ""."""
    if isinstance(asked, Stack):
        return {name: asked.members[name] for name in asked.picks}
    return {"": one_fit(asked.fit if isinstance(asked, Recalibrated) else asked, "score")}


def _about(asked: Fit | Stack | Recalibrated, fits: dict[str, Fit]) -> dict[str, str]:
    """The attributes of the scores: the failed checks, with the stack's member that failed, the law, and the unit."""
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


def _inputs(fit: Fit, runs: Runs) -> dict[str, np.ndarray]:
    """The law's inputs at held-out runs (run,), after a check that they have the observable and unit of the fit."""
    check_noise(fit.noise)
    check_runs(runs, fit.runs.observable, {"unit": fit.runs.unit, "N_counts": fit.runs.N_counts})
    refuse_another(runs, fit.runs)
    check_values(fit.noise, runs)
    return columns_of(runs, fit.problem.columns, fit.law.domains)
