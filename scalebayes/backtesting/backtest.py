"""`backtest` fits the runs up to a cutoff and scores the forecasts of those beyond it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
import xarray as xr

from scalebayes import infer
from scalebayes.backtesting.candidates import Recommended, fits_of, named
from scalebayes.backtesting.cutoffs import beyond, checked, sized
from scalebayes.backtesting.proper_scores import scores_of
from scalebayes.backtesting.result import Backtest
from scalebayes.backtesting.scorable import PROBS, check_probs
from scalebayes.backtesting.score import score
from scalebayes.backtesting.trivial import FEWEST, NAME, Trivial
from scalebayes.display.progress import step
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.finish import versions
from scalebayes.fitting.recipes import recipe
from scalebayes.fitting.spec import RECOMMENDED, Spec
from scalebayes.infer import Method
from scalebayes.laws.law import Law
from scalebayes.noise import families as noises
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.no_table import no_table
from scalebayes.runs.observables import refuse_several
from scalebayes.runs.window import Window
from scalebayes.seeds import Seed, as_key, seed_record

# The scores of each run, and those of each run and interval.
BY_RUN = ("median", "log_error", "log_score", "crps", "pit")
BY_PROB = ("lower", "upper", "covered", "log_width")


@known_settings
def backtest(
    runs: Runs,
    laws: Sequence[str | Law | Spec] = ("chinchilla",),
    *,
    by: str | None = None,
    cutoffs: Sequence[float] | None = None,
    discrepancy: Sequence[Any] = (None,),
    noise: str | Noise | None = None,
    window: Window | Literal["auto"] | None = None,
    method: Method = "laplace",
    priors: Literal["flat"] | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    kind: Literal["ladder", "curve"] | None = None,
    probs: Sequence[float] = PROBS,
    min_rows: int = 5,
    seed: Seed = 0,
    progress: bool | None = None,
) -> Backtest:
    """Fit each law to the runs up to each cutoff, and score its forecasts of the larger runs.

    A trivial forecast, which extrapolates the last runs without a law, is always scored beside the laws. It is the
    last in the table. `fit_many` fits all cutoffs of a law together. Fits whose k-hat fails are repeated with more
    proposals and then with NUTS.

    Args:
        runs: The table of runs.

        laws: The forecasters: names of laws, `Law`s or `Spec`s, or "recommended" for `forecaster`, which takes only
            `inputs` and `kind` of the settings of fits below. The default is ("chinchilla",).

        by: The column that the cutoffs are values of. The default is C = 6 N D, or x if the runs have no compute.

        cutoffs: The cutoffs, in the unit of the column `by`. Runs up to a cutoff are fitted, and runs beyond it are
            scored. By default the cutoffs leave half, 70 % and 90 % of the runs to fit, where these are enough.

        discrepancy: The discrepancies that each law is fitted with, such as [None, "gp"]. The default is (None,), the
            law alone.

        noise: The noise, as for `fit`. By default each law has its own; with a discrepancy, Normal noise takes the
            place of Student-t noise.

        window: The window of the runs that each fit uses, as for `fit`. The default is None, all runs.

        method: The method of the fits, as for `fit`. The default is "laplace".

        priors: The prior of each parameter by its name, or "flat" for all, as for `fit`. Each law takes those of the
            parameters that it has. The default is None, each law's own priors.

        inputs: The column of each law input, such as {"x": "C"}, as for `fit`. Each law takes those of the inputs that
            it has. The default is None, the columns of the same names.

        kind: For "recommended" on runs of one input: "ladder" for finished runs, or "curve" for the readings of one
            run. By default all the runs together decide, and each cutoff has the same kind.

        probs: The probabilities of the intervals. The default is (0.5, 0.8, 0.9, 0.95).

        min_rows: The smallest number of runs to fit, at least 3. The default is 5.

        seed: An int or a JAX key; the default is 0. Fit j of forecaster i has the key `fold_in(fold_in(key, i), j)`.

        progress: Whether to show a bar on standard error. The default, None, shows it on a terminal.

    Returns:
        A `Backtest`, with `table()`, `sentence(law, efolds)` and the scores of each run in `data`.

    Raises:
        InputError: An argument can't be used. For example, a column or a law doesn't exist, two forecasters have the
            same name, or a cutoff has too few runs up to it or none beyond.

    >>> x = np.geomspace(1.0, 1e4, 12)
    >>> runs = Runs(x=x, loss=1.2 + 2 * x**-0.4 * np.exp(0.01 * np.sin(np.arange(12.0))))
    >>> found = backtest(runs, ["offset_power"], cutoffs=[100.0, 1000.0], method="map")
    >>> found.table().groupby("law")["rmse"].max().idxmin()
    'offset_power'
    >>> found.sentence("offset_power", efolds=2.0)
    'on your runs, forecasts this far out (2.0 e-folds of x) covered ... of 2 runs from 2 cutoffs'
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    refuse_several(runs, "a backtest")
    if isinstance(min_rows, bool) or not isinstance(min_rows, int) or min_rows < FEWEST:
        raise InputError(f"min_rows is a whole number from {FEWEST} on, not {min_rows!r}")
    probs = check_probs(probs)
    if priors is not None and priors != "flat" and not isinstance(priors, Mapping):
        raise InputError(f"priors is 'flat' or a mapping from parameter to prior, not {type(priors).__name__}")
    view = windows.get(window)
    forecasters = named(laws, discrepancy, noise, view, method, inputs or {}, priors or {})
    if RECOMMENDED in forecasters:
        kind_of_runs = recipe(runs, inputs, kind).kind
        forecasters[RECOMMENDED] = Recommended(inputs or {}, None if kind_of_runs is None else kind_of_runs.name)
    elif kind is not None:
        raise InputError(f"kind={kind!r} is for 'recommended', which isn't among the laws; leave it out")
    runs, by = sized(runs, by)
    size = runs.column(by)
    ends = checked(size, by, cutoffs, min_rows)
    held = [beyond(size, end) for end in ends]
    fitted, scored = [runs.take(~ahead) for ahead in held], [runs.take(ahead) for ahead in held]
    key, data = as_key(seed), _blank([*forecasters, NAME], ends, runs, size, probs)
    for i, (name, forecaster_or_spec) in enumerate(forecasters.items()):
        key_of_forecaster = jax.random.fold_in(key, i)
        tables = {f"{by} <= {end!r}": table for end, table in zip(ends, fitted, strict=True)}
        with step(f"backtesting {name} ({i + 1} of {len(forecasters)}); cutoffs fitted: {len(ends)}"):
            fits = fits_of(forecaster_or_spec, tables, method, key_of_forecaster, progress)
        for j, fit in enumerate(fits):
            scores = score(fit, scored[j], probs=probs, seed=jax.random.fold_in(key_of_forecaster, len(ends) + j))
            _put(data, i, j, held[j], {str(name): x.values for name, x in scores.items()})
            data["status"][i, j], data["method"][i, j] = fit.checks.status.value, fit.method.name
    for j, ahead in enumerate(held):
        key_of_forecaster = jax.random.fold_in(jax.random.fold_in(key, len(forecasters)), j)
        trivial = Trivial.of(fitted[j], by).forecast(scored[j], key_of_forecaster)
        _put(data, len(forecasters), j, ahead, scores_of(trivial, np.log(scored[j].y), probs))
    about = {
        "by": by,
        "observable": runs.observable,
        "unit": runs.unit,
        "N_counts": runs.N_counts or "not said",
        "noise": "each law's own" if noise is None else repr(noises.get(noise)),
        "method": infer.get(method).name,
        "window": repr(view),
        "priors": "each law's own" if priors is None else repr(priors),
        "seed": str(seed_record(seed)),
        "hash": runs.hash,
        "versions": json.dumps(versions()),
    }
    return Backtest(data.assign_attrs(about))


def _blank(names: list[str], ends: list[float], runs: Runs, size: np.ndarray, probs: Sequence[float]) -> xr.Dataset:
    """The dataset of a backtest before its scores are put in, with the runs' coordinates and distances."""
    shape, dims = (len(names), len(ends), len(runs)), ("law", "cutoff", "run")
    wide, wide_dims = (*shape[:2], len(probs), len(runs)), ("law", "cutoff", "prob", "run")
    data: dict[str, Any] = {name: (dims, np.full(shape, np.nan)) for name in BY_RUN}
    data |= {name: (wide_dims, np.full(wide, np.nan)) for name in BY_PROB}
    data |= {name: (dims[:2], np.full(shape[:2], "", "<U16")) for name in ("status", "method")}
    ahead = np.array([beyond(size, end) for end in ends])
    largest = np.array([size[~one].max() for one in ahead])
    data["efolds"] = (dims[1:], np.where(ahead, np.log(size) - np.log(largest)[:, None], np.nan))
    data["fitted"] = ("cutoff", (~ahead).sum(axis=1))
    labels = {name: ("run", x.astype(str)) for name, x in runs.labels.items() if name in ("run_id", "group")}
    about = {"law": names, "cutoff": ends, "prob": list(probs), "size": ("run", size), "y": ("run", runs.y)}
    return xr.Dataset(data, {**about, **labels})


def _put(data: xr.Dataset, i: int, j: int, held: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
    """Put in the scores of forecaster i on the runs that were held out of fit j."""
    for name in (*BY_RUN, *BY_PROB):
        data[name].values[i, j][..., held] = scores[name]
