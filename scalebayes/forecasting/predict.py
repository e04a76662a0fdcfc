"""This file has `predict`, which gives the observable at new inputs, and their distance from the runs."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.fitting import bearing
from scalebayes.fitting.at_points import conditional, discrepancy_key
from scalebayes.fitting.groups import Group, Groups
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import ask, fits_of
from scalebayes.forecasting.distance import about, distance, exactness, outside, plain, review
from scalebayes.forecasting.inputs import check_given, known_inputs, paired, points_of, positive, taken_by, with_groups
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.points import asked_at
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.forecasting.trust import with_trust
from scalebayes.infer.compile import dispatched
from scalebayes.infer.double import double
from scalebayes.infer.traces import jitted
from scalebayes.seeds import Seed, as_key


@known_settings
def predict(
    fit: Fit | Fits | Stack | Recalibrated,
    points: Any = None,
    *,
    observed: bool = False,
    group: Group = None,
    seed: Seed = 0,
    **inputs: Any,
) -> xr.Dataset:
    """Predict the observable at given inputs: draws of the law, times exp(delta) where the fit has a discrepancy delta.

    For each posterior draw of the fit, one draw of the discrepancy given the runs is taken. A fit with one draw, as
    from MAP, takes the mean of the discrepancy.

    Args:
        fit: A `Fit` of any method. The answers of `Fits` are stacked along the dim dataset; fit i has the key
            `fold_in(seed, i)`. Each member of a `Stack` is given the inputs that it takes, and the members' draws are
            mixed. The draws of a `Recalibrated` are widened.

        points: A data frame (pandas, polars, ...) or `Runs`, of which the columns that the law takes are used; or a
            mapping from input to values, such as {"N": [7e9, 7e10], "D": 1.4e12}. Inputs that are missing in it can be
            given by name. A column `group` gives each point its group, where the fit has an offset for each group; a
            blank cell is a new group. The default is None: all inputs are given by name.

        observed: True for the observable of a new run, with its noise. The default is False: the curve without noise.
            The curve is the median of a new run; under the noise `beta` it is the mean.

        group: A group of the runs, where the discrepancy has an offset for each group; or a sequence with one group for
            each point, which is broadcast as the inputs are. Of a `Pooled` it is a recipe, or one for each point; the
            default is all recipes, along the dim dataset. None in a sequence is a new group, and all points of new
            groups share one. Members of a `Stack` without a group answer for a new group. The default is None: a new
            group.

        seed: An int or a JAX key, for the draws of the discrepancy and the noise. The default is 0.

        **inputs: Columns of the runs that the law takes, such as N and D, in the runs' own units. Each is a number or
            an array (point,), and they are broadcast against each other. N, D or C may be left out where the two
            others are given, by C = 6 N D. A column that was read under another name can be given by its own name too.

    Returns:
        A Dataset with draws of the observable (chain, draw, point), and with `distance` (point, axis), which says how
        far each point lies outside the range of the runs. An axis is an input, and where the law takes N and D also C
        and D/N. The unit is e-folds; for an input that need not be positive, which the attribute `plain` names, it is
        the input's own unit. Inside the range the distance is 0. The inputs are coordinates of the dim point. So is
        `group`, where each point was given a group of its own; the name of a new group is blank there. The attribute
        `failed` has the checks that the fit failed. The attribute `review` says what to doubt about this answer: the
        law, where it is taken as exact beyond the runs, and the checks that bear on the question. For several fits,
        both attributes say which fits they are about.

        The forecast of a ladder or sweep by `forecaster` also has `missed` (point,): the share of 90 % intervals that
        missed the truth, among backtested forecasts that go as far as this one. How far a forecast goes is the change
        of the median from the largest run plus the width of the interval, on the log. The attribute `trust` says it in
        words for the point that goes farthest beyond the runs.

    Raises:
        InputError: An input is missing, unknown, not positive and finite, or would change nothing. The group is in the
            points and is given by name too. The fit has no offset for each group, or its runs lack a group. `observed`
            is True for a fit with one draw, or with a noise that is no density.
        SettingError: A keyword is no input and looks like a setting of `predict`.

    Warns:
        FitWarning: The fit, or a fit that the answer rests on, failed a check. Each fit is warned of once, and a fit
            that was made with `on_fail="ignore"` never.

    >>> from scalebayes import Runs
    >>> from scalebayes.fitting.fit import fit as fit_law
    >>> runs = Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = fit_law(runs, "power", method="map")
    >>> predict(fitted, x=1000.0)["distance"].values.round(2).tolist()
    [[2.3]]
    >>> import pandas as pd
    >>> predict(fitted, pd.DataFrame({"x": [1000.0, 2000.0], "note": ["a", "b"]}))["loss"].sizes["point"]
    2

    Each point has a group of its own:

    >>> import scalebayes as sb
    >>> runs = Runs(x=[1.0, 10.0, 100.0] * 2, loss=[3.0, 2.0, 1.5, 3.3, 2.2, 1.6], group=["a"] * 3 + ["b"] * 3)
    >>> grouped = fit_law(runs, "power", discrepancy=sb.GP("offset"), method="map", on_fail="ignore")
    >>> of_each = sb.interval(predict(grouped, x=50.0, group=["b", "a"]))
    >>> of_each["group"].tolist(), bool(of_each["median"][0] > of_each["median"][1])
    (['b', 'a'], True)
    """
    inputs, group = asked_at(points, inputs, group, fits_of(fit))
    takes = _takes(fit, inputs) if isinstance(fit, Stack) else None

    def answer(one: Fit, groups: Groups, key: Any) -> xr.Dataset:
        return _predict(one, observed, groups, key, inputs if takes is None else takes[one])

    found = ask(fit, answer, group=group, seed=seed)
    return with_trust(fit, found) if isinstance(fit, Fit) else found


def _predict(fit: Fit, observed: bool, groups: Groups, seed: Any, inputs: Mapping[str, Any]) -> xr.Dataset:
    points, codes = with_groups(fit, points_of(fit, inputs), groups)
    if observed:
        check_observed(fit)
    law_inputs = {name: points[column] for name, column in fit.problem.columns.items()}
    with double():
        if fit.discrepancy is None:
            values = curve(fit.law.fn, law_inputs, {n: x[..., None] for n, x in fit.law_draws.items()})
        else:
            found = conditional(fit, law_inputs, codes, discrepancy_key(fit, as_key(seed)))
            delta = found.mean if found.drawn is None else found.drawn
            values = (found.law * np.exp(delta)).reshape(*fit.shape, -1)
        if observed:
            noise = {n: x[..., None] for n, x in fit.noise_draws.items()}
            values = dispatched(_new_runs, fit.noise.form, values, noise, as_key(seed))
    moments = int(not observed or fit.noise.form.moments)
    distances = distance(fit, points)
    shape = (*fit.shape, len(next(iter(points.values()))))
    values = np.broadcast_to(np.asarray(values), shape)
    questions = bearing.of_forecast(inputs, outside(distances))
    return xr.Dataset(
        {
            fit.runs.observable: (("chain", "draw", "point"), values),
            "distance": (("point", "axis"), np.column_stack(list(distances.values()))),
        },
        {**{name: ("point", x) for name, x in points.items()}, "axis": list(distances)},
        {
            **{**about(fit), "observed": int(observed), "moments": moments, "plain": plain(fit, distances)},
            "review": review(fit, exactness(fit, distances), questions, draws=values.reshape(fit.size, -1)),
        },
    )


def _curve(fn, inputs, params):
    return fn(**inputs, **params)


curve = jax.jit(_curve, static_argnums=0)


def _new_runs_impl(form, values, noise, key):
    """A new run at each value of the curve (chain, draw, point), with its noise."""
    return form.distribution(values, form.of_new_run(noise)).sample(key)


_new_runs = jitted(0)(_new_runs_impl)


def _takes(stack: Stack, inputs: Mapping[str, Any]) -> dict[Fit, dict[str, Any]]:
    """The inputs that each member of a stack takes, at every point. Members without draws in the mixture are left out.

    Raises:
        InputError: No member takes an input, or the inputs can't be broadcast against each other.
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
    # All inputs are broadcast first, so that a member that doesn't take an input with several values still answers at
    # each of its points.
    points = paired({name: positive(name, value, (-np.inf, np.inf)) for name, value in inputs.items()})
    return {fit: {n: x for n, x in points.items() if n in taken} for fit, taken in takes.items()}


def check_observed(fit: Fit) -> None:
    """Refuse a forecast of new runs by a fit that can't have it: its noise is no density, or it has one draw."""
    if not fit.noise.form.density:
        raise InputError(f"noise {fit.noise!r} is an objective and not a density: it can't say how a new run scatters")
    if fit.is_mode:
        raise InputError("a MAP fit has one draw and no interval for a new run: fit with method='laplace' or 'nuts'")
