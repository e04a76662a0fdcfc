"""Proper scores of a forecast at runs that it never saw, on the log of the observable."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import xarray as xr

from scalebayes.compute import DERIVED
from scalebayes.errors import InputError, unknown
from scalebayes.fitting import first_answer as asked
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.predict import about, curve, distance
from scalebayes.model.arrays import padded
from scalebayes.noise.links import LINKS
from scalebayes.runs import Runs
from scalebayes.seeds import as_key

PROBS = (0.5, 0.8, 0.9, 0.95)
DRAWS = 4000  # at least, of what is forecast: of fewer of a fit, several each
MIXED = 16  # draws whose mixtures of noise are in memory at once
TOGETHER = 256  # runs whose forecasts are in memory at once


class Forecast(NamedTuple):
    """What was said of runs: draws of the log of the observable (draw, run), and the log density of it (run,)."""

    log_draws: np.ndarray
    log_density: np.ndarray


def score(fit: Fit, runs: Runs, *, probs: Sequence[float] = PROBS, seed: Any = 0) -> xr.Dataset:
    """How good a fit's forecasts of new runs were, run by run.

    The forecast of a row is of the reading itself, noise included: with `count` in the row noise / sqrt(count), with
    a known standard error that in quadrature. It is the mixture of the noise's distributions over the draws; with a
    discrepancy, of Normals on the log with the variance of the process there added. A MAP fit is scored by its mode.

    Args:
        runs: held out; of the observable and the unit that were fitted. probs: of the intervals. seed: an int or a JAX
            key.

    Returns:
        Dataset over run, and prob: `median` of the forecast; `log_error` = log median - log y; `log_score`, the log
        density of y itself; `crps` on the log; `pit`, the forecast's probability of less than y; `lower` and `upper`
        of the equal-tailed intervals, `covered` (1 where they hold y) and `log_width` = log upper - log lower;
        `distance` (run, axis) from the runs fitted, in e-folds, as `predict` has it. `y` and the law's inputs are
        coordinates.

    Raises:
        InputError: the runs lack a column of the law, are of another observable or unit, or have a value that the
            noise can't; the noise is no density, or may be negative and has no log.

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
    inputs = _inputs(fit, runs)
    said = forecast(fit, runs, inputs, seed)
    columns = {fit.problem.columns[name]: x for name, x in inputs.items()}
    far = distance(fit, columns)
    labels = {name: x.astype(str) for name, x in runs.labels.items() if name in ("run_id", "group")}
    found = scores_of(said, np.log(runs.y), probs)
    asked.warn({"": fit})
    return xr.Dataset(
        {
            **{name: (("prob", "run") if x.ndim == 2 else "run", x) for name, x in found.items()},
            "distance": (("run", "axis"), np.column_stack(list(far.values()))),
        },
        {
            "y": ("run", runs.y),
            **{name: ("run", x) for name, x in {**columns, **labels}.items()},
            "prob": list(probs),
            "axis": list(far),
        },
        {"scale": "log", **about(fit)},
    )


def scores_of(said: Forecast, log_y: np.ndarray, probs: Sequence[float]) -> dict[str, np.ndarray]:
    """The scores of a forecast by their names in `score`: (run,), and (prob, run) of the intervals.

    Args:
        log_y: what came (run,). probs: of the intervals.
    """
    tails = np.array([(1 - prob) / 2 for prob in probs])
    levels = np.quantile(said.log_draws, [0.5, *tails, *(1 - tails)], axis=0)
    median, lower, upper = levels[0], levels[1 : 1 + len(probs)], levels[1 + len(probs) :]
    return {
        "median": np.exp(median),
        "log_error": median - log_y,
        "log_score": said.log_density,
        "crps": crps(said.log_draws, log_y),
        "pit": pit(said.log_draws, log_y),
        "lower": np.exp(lower),
        "upper": np.exp(upper),
        "covered": ((lower <= log_y) & (log_y <= upper)).astype(float),
        "log_width": upper - lower,
    }


def crps(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score, E|X - y| - E|X - X'| / 2, lower is better (run,).

    The second term is taken over pairs of different draws, so that it doesn't depend on how many there are. Source:
    Gneiting and Raftery 2007, doi 10.1198/016214506000001437.

    Args:
        draws: of the forecast (draw, run). y: what came (run,).

    >>> crps(np.array([[0.0], [1.0]]), np.array([0.5]))
    array([0.])
    """
    count = len(draws)
    order = 2 * np.arange(1, count + 1) - count - 1
    apart = order @ np.sort(draws, axis=0) / (count * max(count - 1, 1))
    return np.abs(draws - y).mean(axis=0) - apart


def pit(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The forecast's probability of less than what came (run,), ties counted by half; uniform where it is right.

    >>> pit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0]))
    array([0.375])
    """
    return (draws < y).mean(axis=0) + (draws == y).mean(axis=0) / 2


def mixture(log_density: Any) -> Any:
    """Log density of an even mixture of its components' (component, run): (run,).

    >>> mixture(np.log([[0.2], [0.4]])).round(4)
    Array([-1.204], dtype=float...)
    """
    return jax.scipy.special.logsumexp(log_density, axis=0) - math.log(len(log_density))


def forecast(fit: Fit, runs: Runs, inputs: dict[str, np.ndarray], seed: Any) -> Forecast:
    """What a fit says of new runs: `inputs` of its law (run,), and their counts and known errors."""
    codes = group_codes(fit, runs)
    key, parts = as_key(seed), []
    with jax.enable_x64():
        for start in range(0, len(runs), TOGETHER):
            at = np.arange(start, min(start + TOGETHER, len(runs)))
            # Filled with the last of them, so that few shapes are traced.
            filled = np.concatenate([at, np.full(padded(len(at)) - len(at), at[-1])])
            there = {name: x[filled] for name, x in inputs.items()}
            part = _forecast(fit, runs.take(filled), there, codes[filled], jax.random.fold_in(key, start))
            parts.append(Forecast(part.log_draws[:, : len(at)], part.log_density[: len(at)]))
    return Forecast(*(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)))


def _forecast(fit: Fit, runs: Runs, inputs: dict[str, np.ndarray], codes: np.ndarray, key: Any) -> Forecast:
    flat = {name: x.reshape(-1, 1) for name, x in fit.law_draws.items()}
    noise = {name: x.reshape(-1, 1) for name, x in fit.noise_draws.items()}
    location, extra = curve(fit.law.fn, {name: x[None] for name, x in inputs.items()}, flat), None
    location = jnp.broadcast_to(location, (len(next(iter(flat.values()))), len(runs)))
    if fit.discrepancy is not None:
        found = conditional(fit, inputs, codes)
        location, extra = location * np.exp(found.mean), found.sd
    known = (None if x is None else x[None] for x in (runs.se, runs.count))
    repeats = -(-DRAWS // len(location))
    drawn, density = _marginals(fit.noise.form, repeats, key, location, extra, noise, runs.y[None], *known)
    return Forecast(np.asarray(drawn), np.asarray(density))


@partial(jax.jit, static_argnums=(0, 1))
def _marginals(form, repeats, key, location, extra, values, y, se, count):
    values = form.of_new_run(values)
    of = form.distribution(location, values, se, count)
    if extra is None:
        drawn = jnp.log(of.sample(key, (repeats,)))
        return drawn.reshape(-1, location.shape[1]), mixture(of.log_prob(y))
    scale = jnp.broadcast_to(form.row_scale(location, values, se, count), location.shape)
    key_noise, key_process = jax.random.split(key)
    shift = extra * jax.random.normal(key_process, (repeats, *location.shape))
    drawn = jnp.log(of.sample(key_noise, (repeats,))) + shift
    if form.mixture is None:
        # The noise is Normal on the log, and so is its sum with the process.
        whole = dist.Normal(0.0, jnp.sqrt(scale**2 + extra**2), validate_args=False)
        density = LINKS["log"].around(location, whole).log_prob(y)
    else:
        integrated = lambda each: form.mixture.log_density(*each)  # noqa: E731
        off = jnp.log(y) - jnp.log(location)
        density = jax.lax.map(integrated, (values, off, extra**2, scale), batch_size=MIXED) - jnp.log(y)
    return drawn.reshape(-1, location.shape[1]), mixture(density)


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
        raise InputError(
            f"runs is a table made by sb.read_runs or sb.Runs, not {type(runs).__name__}; give sb.read_runs(...)"
        )
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
