"""predict: the observable at inputs not yet trained, with its distance from the runs."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes.compute import derived, flops
from scalebayes.errors import InputError, unknown
from scalebayes.fitting import bearing
from scalebayes.fitting.at_points import conditional, discrepancy_key
from scalebayes.fitting.groups import group_code
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import ask
from scalebayes.forecasting.inputs import check_given, known_inputs, used
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import as_key

# What no observable and no column that a law takes can be called in an answer, and no such column in its table.
PARTS = ("chain", "draw", "point", "budget", "axis", "distance", "D_per_N", "N_exponent", "D_exponent", "no_minimum")
STATISTICS = ("dataset", "model", "of", "quantity", "median", "mean", "sd", "lower", "upper", "efolds")

# benchmarks/results/skill.md, chinchilla: the mean of four cutoffs, over five seeds.
EXACT = (
    "the intervals take the law as exact, and in backtests on the Chinchilla runs such 90 % intervals held 59 % of the "
    "larger ones: "
)
DEPART = "use sb.forecaster, or discrepancy='gp'"
# A process is over the logs of inputs, under a noise on the log of the observable; scores are on that log too.
HOLD_OUT = "fit the smaller runs, runs.where(...), and see what such intervals hold of the larger"
WIDEN = "score them on your own runs, sb.backtest(runs, ...), and widen them by that, sb.recalibrate(fit, backtest)"


def predict(
    fit: Fit | Fits | Stack | Recalibrated,
    *,
    observed: bool = False,
    group: str | None = None,
    seed: Any = 0,
    **inputs: Any,
) -> xr.Dataset:
    """What the fit says at given inputs: the law, times the exponential of its discrepancy where it has one.

    Each draw of the fit takes a draw of the discrepancy given the runs; a fit that is one draw, as by MAP, its mean.

    Args:
        fit: of any method; of `Fits`, whose answers are stacked along the dim dataset, fit i with the key
            `fold_in(seed, i)` for its noise; a `Stack`, of whose members each is given the inputs that it takes; or of
            `recalibrate`, whose draws are widened.
        observed: False for the law's curve, which is the median of a new run (of noise `beta`, the mean); True for a
            new run with its noise.
        group: of the runs, where a discrepancy has an offset a group; by default a new one. Members of a `Stack` that
            have no such group answer without it.
        seed: of the discrepancy and the noise, an int or a JAX key.
        **inputs: columns of the runs that the law uses, such as N and D, in the runs' own units; scalars or
            arrays (point,) that pair up and broadcast. N, D or C may be left to C = 6 N D where two of them are given.
            A column that was read under another name goes by its own too.

    Returns:
        Dataset with the observable (chain, draw, point), `distance` (point, axis): how many e-folds the point lies
        outside the runs' range of each input and, where N and D are given, of C and D/N; 0 inside. An input that
        need not be positive has its distance in its own unit; the attribute `plain` names such. The attribute `failed`
        has the checks that the fit failed, and `review` what to doubt of this answer: the law where it is taken as
        exact beyond the runs, and the checks that bear on what was asked; both say of which of several fits. Inputs are
        coordinates of the dim point.

    Warns:
        FitWarning: the fit failed a check, or a member did; once for each fit, and not for those that were made with
            `on_fail="ignore"`.

    Raises:
        InputError: an input is missing, unknown, not positive and finite, or would change nothing; a group of a fit
            without an offset a group, or of none of its runs; `observed` for a fit whose noise is no density, or that
            is one draw.

    >>> from scalebayes import Runs
    >>> from scalebayes.fitting import fit as fit_law
    >>> runs = Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = fit_law(runs, "power", method="map")
    >>> predict(fitted, x=1000.0)["distance"].values.round(2).tolist()
    [[2.3]]
    """
    takes = _takes(fit, inputs) if isinstance(fit, Stack) else None

    def answer(one: Fit, group: str | None, key: Any) -> xr.Dataset:
        return _predict(one, observed, group, key, inputs if takes is None else takes[one])

    return ask(fit, answer, group=group, seed=seed)


def _predict(fit: Fit, observed: bool, group: str | None, seed: Any, inputs: Mapping[str, Any]) -> xr.Dataset:
    points, code = _points(fit, inputs), group_code(fit, group)
    if observed:
        check_observed(fit)
    law_inputs = {name: points[column] for name, column in fit.problem.columns.items()}
    with jax.enable_x64():
        values = curve(fit.law.fn, law_inputs, {n: x[..., None] for n, x in fit.law_draws.items()})
        if fit.discrepancy is not None:
            codes = np.full(len(next(iter(points.values()))), code)
            found = conditional(fit, law_inputs, codes, discrepancy_key(fit, as_key(seed)))
            delta = found.mean if found.drawn is None else found.drawn
            values = values * np.exp(delta).reshape(values.shape)
        if observed:
            noise = fit.noise.form.of_new_run({n: x[..., None] for n, x in fit.noise_draws.items()})
            values = fit.noise.form.distribution(values, noise).sample(as_key(seed))
    moments = int(not observed or fit.noise.form.moments)
    distances = distance(fit, points)
    shape = (*fit.shape, len(next(iter(points.values()))))
    return xr.Dataset(
        {
            fit.runs.observable: (("chain", "draw", "point"), np.broadcast_to(np.asarray(values), shape)),
            "distance": (("point", "axis"), np.column_stack(list(distances.values()))),
        },
        {**{name: ("point", x) for name, x in points.items()}, "axis": list(distances)},
        {
            **{**about(fit), "observed": int(observed), "moments": moments, "plain": plain(fit, distances)},
            "review": review(fit, exactness(fit, distances), bearing.of_forecast(inputs, outside(distances))),
        },
    )


def _curve(fn, inputs, params):
    return fn(**inputs, **params)


curve = jax.jit(_curve, static_argnums=0)


def about(fit: Fit) -> dict[str, str]:
    """What travels with every answer: what failed of the fit, the law, the observable's unit, and what N counts.

    Raises:
        InputError: the observable, or a column that the law takes, has the name of another part of an answer.
    """
    taken = {fit.runs.observable: PARTS} | dict.fromkeys(fit.problem.columns.values(), (*PARTS, *STATISTICS))
    for column, parts in taken.items():
        if column in parts:
            raise InputError(
                f"column {column!r} has the name of a part of every answer; read it under another, "
                f"sb.read_runs(..., columns={{'my_{column}': {column!r}}}), and fit that"
            )
    failed = bearing.as_text(bearing.failed(fit))
    return {"failed": failed, "law": fit.law.name, "unit": fit.runs.unit, "N_counts": fit.runs.N_counts or "not said"}


def review(fit: Fit, exact: str, questions: Iterable[str]) -> str:
    """What to review of an answer: that the law is taken as exact, and the checks that bear on what was asked."""
    return " ".join(filter(None, [exact and f"{exact}.", bearing.as_text(bearing.bearing(fit, questions))]))


def outside(distances: Mapping[str, np.ndarray]) -> list[str]:
    """The axes along which a point lies outside the runs."""
    return [axis for axis, far in distances.items() if (far > 0).any()]


def exactness(fit: Fit, distances: Mapping[str, np.ndarray], of_law: bool = False) -> str:
    """What to review in a forecast beyond the runs where the law is taken as exact; blank for any other.

    Args:
        of_law: True for an answer of the law alone, whatever discrepancy the fit has.
    """
    if (fit.discrepancy is not None and not of_law) or not outside(distances):
        return ""
    if fit.noise.form.on == "log" and not fit.law.domains:
        return EXACT + DEPART
    return EXACT + (WIDEN if fit.noise.form.range[0] >= 0 else HOLD_OUT)


def plain(fit: Fit, axes: Iterable[str]) -> str:
    """The axes along which distance is no e-folds, with blanks between."""
    return " ".join(axis for axis in axes if fit.problem.axis_name(axis) == axis)


def distance(fit: Fit, points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """E-folds outside the runs' range: axis -> (point,). Axes: the law's inputs, and C and D_per_N of N and D."""
    columns, problem = fit.problem.columns.values(), fit.problem
    runs = with_ratios({column: problem.column(column) for column in columns})
    outside = {}
    for axis, x in with_ratios({column: points[column] for column in columns}).items():
        low, high, here = (problem.axis(axis, values) for values in (runs[axis].min(), runs[axis].max(), x))
        # A point on the edge may differ from it in the last digit.
        far = np.maximum(np.maximum(low - here, here - high), 0.0)
        outside[axis] = np.where(far < 1e-9, 0.0, far)
    return outside


def with_ratios(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns, with C = 6 N D and D_per_N where N and D are among them."""
    if not {"N", "D"} <= set(columns):
        return dict(columns)
    return {**columns, "C": flops(columns["N"], columns["D"]), "D_per_N": columns["D"] / columns["N"]}


def _takes(stack: Stack, inputs: Mapping[str, Any]) -> dict[Fit, dict[str, Any]]:
    """Member with draws -> those of the inputs that it takes, at every point.

    Raises:
        InputError: an input that no member knows, or inputs that don't pair up.
    """
    fits = [stack.members[name] for name in stack.picks]
    columns = [fit.problem.columns for fit in fits]
    every = dict.fromkeys(n for own in columns for n in (*own, *known_inputs(own.values())))
    takes = {fit: _taken(fit, inputs) for fit in fits}
    for name in inputs:
        if not any(name in taken for taken in takes.values()):
            if not {fit.runs.name_of(name) for fit in fits} & set(every):
                raise unknown("input", name, every)
            check_given(fits[0].law.name, columns[0], list(inputs), fits[0].runs)
    # Before some are left out: a member that doesn't take a list still answers at each of its points.
    points = paired({name: positive(name, value, (-np.inf, np.inf)) for name, value in inputs.items()})
    return {fit: {n: x for n, x in points.items() if n in taken} for fit, taken in takes.items()}


def _taken(fit: Fit, inputs: Iterable[str]) -> set[str]:
    """Those of the inputs that a fit takes, by the names that they were given by."""
    columns = {name: fit.problem.columns.get(name, fit.runs.name_of(name)) for name in inputs}
    taken = used(fit.problem.columns.values(), columns.values())
    return {name for name, column in columns.items() if column in taken}


def paired(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs (point,) of one length; InputError where they don't pair up."""
    try:
        return dict(zip(arrays, np.broadcast_arrays(*arrays.values()), strict=True))
    except ValueError:
        sizes = ", ".join(f"{name} {len(x)}" for name, x in arrays.items())
        raise InputError(f"inputs pair up point by point, and these have different lengths: {sizes}") from None


def _points(fit: Fit, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    columns = list(fit.problem.columns.values())
    check_given(fit.law.name, fit.problem.columns, list(inputs), fit.runs)
    by_column: dict[str, Any] = {}
    for name, value in inputs.items():
        column = fit.problem.columns.get(name, fit.runs.name_of(name))
        if column in by_column:
            twice = [one for one in inputs if fit.problem.columns.get(one, fit.runs.name_of(one)) == column]
            other = next(one for one in twice if one != column)
            also = next(one for one in twice if one != other)
            raise InputError(f"{other} is the column {column!r} here, and {also} is given too; leave one of them out")
        by_column[column] = value
    inputs_of = {column: name for name, column in fit.problem.columns.items()}
    domains = {name: fit.law.domains.get(inputs_of.get(name, name)) for name in by_column}
    arrays = paired({name: positive(name, value, domains[name]) for name, value in by_column.items()})
    for column in columns:
        if column not in arrays:
            arrays[column] = derived(column, arrays)
    if {"N", "D", "C"} <= set(by_column) and not np.allclose(arrays["C"], flops(arrays["N"], arrays["D"]), rtol=1e-6):
        raise InputError("N, D and C are given and C isn't 6 N D; leave one of them out")
    return {column: arrays[column] for column in columns}


def positive(name: str, value: Any, within: tuple[float, float] | None = None) -> np.ndarray:
    """An input or a budget as finite float64 (point,), positive or `within` [low, high); InputError where not."""
    try:
        array = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        raise InputError(f"{name}: a number or an array of numbers, not {value!r}") from None
    if array.ndim > 1 or not array.size:
        raise InputError(f"{name}: one number or a list of them, not an array of shape {array.shape}")
    inside = np.isfinite(array) & ((array > 0) if within is None else (array >= within[0]) & (array < within[1]))
    if not inside.all():
        asked = "a positive, finite number" if within is None else f"a finite number in [{within[0]:g}, {within[1]:g})"
        raise InputError(f"{name}: {array[~inside][0]} is not {asked}")
    return array


def check_observed(fit: Fit) -> None:
    """Refuse a fit that can't say how a new run scatters."""
    if not fit.noise.form.density:
        raise InputError(f"noise {fit.noise!r} is an objective and not a density: it can't say how a new run scatters")
    if fit.is_mode:
        raise InputError("a MAP fit is one draw and has no interval for a new run: fit with method='laplace' or 'nuts'")
