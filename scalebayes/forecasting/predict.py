"""predict: the observable at inputs not yet trained, with its distance from the runs."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.fitting import bearing
from scalebayes.fitting.at_points import conditional, discrepancy_key
from scalebayes.fitting.groups import group_code
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import ask, fits_of
from scalebayes.forecasting.distance import about, distance, exactness, outside, plain, review
from scalebayes.forecasting.inputs import check_given, known_inputs, paired, points_of, positive, taken_by
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.points import asked_at
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import Seed, as_key


@known_settings
def predict(
    fit: Fit | Fits | Stack | Recalibrated,
    points: Any = None,
    *,
    observed: bool = False,
    group: str | None = None,
    seed: Seed = 0,
    **inputs: Any,
) -> xr.Dataset:
    """What the fit says at given inputs: the law, times the exponential of its discrepancy where it has one.

    Each draw of the fit takes a draw of the discrepancy given the runs; a fit that is one draw, as by MAP, its mean.

    Args:
        fit: of any method; of `Fits`, whose answers are stacked along the dim dataset, fit i with the key
            `fold_in(seed, i)` for its noise; a `Stack`, of whose members each is given the inputs that it takes; or of
            `recalibrate`, whose draws are widened.
        points: a data frame (pandas, polars, ...) or `Runs`, of whose columns those that the law takes are used; or a
            mapping from input to values, such as {"N": [7e9, 7e10], "D": 1.4e12}. Inputs that it lacks can be given by
            name beside it. By default None: all inputs are given by name.
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
    >>> from scalebayes.fitting.fit import fit as fit_law
    >>> runs = Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = fit_law(runs, "power", method="map")
    >>> predict(fitted, x=1000.0)["distance"].values.round(2).tolist()
    [[2.3]]
    >>> import pandas as pd
    >>> predict(fitted, pd.DataFrame({"x": [1000.0, 2000.0], "note": ["a", "b"]}))["loss"].sizes["point"]
    2
    """
    inputs = asked_at(points, inputs, fits_of(fit))
    takes = _takes(fit, inputs) if isinstance(fit, Stack) else None

    def answer(one: Fit, group: str | None, key: Any) -> xr.Dataset:
        return _predict(one, observed, group, key, inputs if takes is None else takes[one])

    return ask(fit, answer, group=group, seed=seed)


def _predict(fit: Fit, observed: bool, group: str | None, seed: Any, inputs: Mapping[str, Any]) -> xr.Dataset:
    points, code = points_of(fit, inputs), group_code(fit, group)
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


def _takes(stack: Stack, inputs: Mapping[str, Any]) -> dict[Fit, dict[str, Any]]:
    """Member with draws -> those of the inputs that it takes, at every point.

    Raises:
        InputError: an input that no member knows, or inputs that don't pair up.
    """
    fits = [stack.members[name] for name in stack.picks]
    columns = [fit.problem.columns for fit in fits]
    every = dict.fromkeys(n for own in columns for n in (*own, *known_inputs(own.values())))
    takes = {fit: taken_by(fit, inputs) for fit in fits}
    for name in inputs:
        if not any(name in taken for taken in takes.values()):
            if not {fit.runs.name_of(name) for fit in fits} & set(every):
                raise unknown("input", name, every)
            check_given(fits[0].law.name, columns[0], list(inputs), fits[0].runs)
    # Before some are left out: a member that doesn't take a list still answers at each of its points.
    points = paired({name: positive(name, value, (-np.inf, np.inf)) for name, value in inputs.items()})
    return {fit: {n: x for n, x in points.items() if n in taken} for fit, taken in takes.items()}


def check_observed(fit: Fit) -> None:
    """Refuse a fit that can't say how a new run scatters."""
    if not fit.noise.form.density:
        raise InputError(f"noise {fit.noise!r} is an objective and not a density: it can't say how a new run scatters")
    if fit.is_mode:
        raise InputError("a MAP fit is one draw and has no interval for a new run: fit with method='laplace' or 'nuts'")
