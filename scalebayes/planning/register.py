"""This file has `register`, which puts forecasts on record before their runs are trained."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.marginals import components
from scalebayes.backtesting.on_record import Member, Registered
from scalebayes.backtesting.scorable import check_noise
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.finish import versions
from scalebayes.fitting.groups import Group, codes_of, group_of_each, groups_of
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.fitting.summary import check_prob
from scalebayes.forecasting.ask import fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.predict import predict
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.double import double
from scalebayes.noise import families as noises
from scalebayes.safe_files import write as files
from scalebayes.seeds import Seed, seed_record


@known_settings
def register(
    fit: Fit | Stack | Recalibrated,
    path: Any,
    points: Any = None,
    *,
    prob: float = 0.9,
    note: str = "",
    group: Group = None,
    seed: Seed = 0,
    **inputs: Any,
) -> Registered:
    """Put forecasts of runs that aren't trained yet on record: a dated file, which `score` scores once they are.

    The file has the points and the draws of a new run at each of them, the law, the SHA-256 of the runs, and the
    versions of the libraries; and what the posterior says of the points, from which the density of an observed value
    follows. It ends with a checksum: a file of which one byte was changed is refused. That shows an accident. Against
    a change on purpose, publish the record's SHA-256, `digest`, where its date is kept, such as in a commit.

    Args:
        fit: A `Fit`, a `Stack` or a `Recalibrated`. Of `Fits`, each is registered on its own.

        path: The path of the file. A file that is there isn't replaced, since a record is made once.

        points: A data frame, `Runs` or a mapping with the inputs of the points, as `predict` takes them. The default is
            None: all inputs are given by name.

        prob: The probability of the registered intervals, between 0 and 1. The default is 0.9.

        note: A note that stays with the record, such as why the runs are going to be trained. The default is "".

        group: A group of the runs, or one for each point, as `predict` takes it. The default is None: a new group.

        seed: An int or a JAX key, for the draws. The default is 0.

        **inputs: Columns of the runs that the law takes, such as N and D: those that the runs will have, since a run is
            matched to its point to 1e-6 of each.

    Returns:
        A `Registered`, which prints what is on record. `load` reads the same from the file.

    Raises:
        InputError: The file is there already or can't be written; an input can't be used, as for `predict`; or the
            fit has one draw, or a noise whose forecasts can't be scored.

    Warns:
        FitWarning: The fit failed a check, as in `predict`. The record has the failed checks.

    >>> import tempfile, scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.4, 1.9, 1.5])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = register(fitted, f"{folder}/next.nc", x=[1e4, 1e5], note="the next two")
    ...     scores = sb.score(f"{folder}/next.nc", sb.Runs(x=[1e4], loss=[1.2]))
    >>> scores["hit"].values.tolist(), scores.attrs["waiting"]
    ([1.0], '1 of 2 points is still open, without a run: x 100000')
    """
    check_prob(prob)
    if isinstance(fit, Fits):
        raise InputError("register takes one fit, not Fits; register each alone: sb.register(fits['name'], path, ...)")
    for one in fits_of(fit):
        _check_noise(one)
    if not isinstance(note, str):
        raise InputError(f"note is text, not {note!r:.60}")
    target = _target(path)
    if isinstance(group, str):
        group = [group]  # a list is kept with the forecast, point by point
    forecast = predict(fit, points, observed=True, group=group, seed=seed, **inputs).drop_vars("model", errors="ignore")
    _check_finite(forecast)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    factor = fit.factor if isinstance(fit, Recalibrated) else 1.0
    members = tuple(_members(fit, forecast))
    found = Registered(forecast, members, date, float(prob), note, seed_record(seed), versions(), factor)
    found.save(target)
    return found


def _check_noise(fit: Fit) -> None:
    """Refuse a fit whose forecasts can't be scored later, or whose noise can't be read back from a file."""
    check_noise(fit.noise)
    if fit.noise.name not in noises.names():
        raise InputError(f"noise {fit.noise!r} isn't one of {', '.join(noises.names())}, and no file can hold it")


def _check_finite(forecast: xr.Dataset) -> None:
    """Refuse a forecast that no run could be held against.

    Raises:
        InputError: A draw isn't finite; the message says at how many points.
    """
    draws = next(iter(forecast.data_vars.values())).transpose("point", "chain", "draw").values
    bad = ~np.isfinite(draws).all(axis=(1, 2))
    if bad.any():
        raise InputError(
            f"the forecast isn't finite in some draws at {bad.sum()} of {len(bad)} points; leave these points out, or "
            "narrow the priors"
        )


def _target(path: Any) -> Path:
    """The path of the file, which isn't there yet.

    Raises:
        InputError: It is there, or can't be written.
    """
    target = files.target(path)
    if target.exists():
        raise InputError(f"{target} is there already, and a record isn't replaced; give another name")
    return target


def _members(asked: Fit | Stack | Recalibrated, forecast: xr.Dataset) -> list[Member]:
    """What each fit says of the points of a forecast."""
    groups = groups_of([str(one) or None for one in forecast["group"].values]) if "group" in forecast.coords else None
    fits: Mapping[str, Fit] = {"": fits_of(asked)[0]}
    own = {"": groups}
    if isinstance(asked, Stack):
        fits = {name: asked.members[name] for name in asked.picks}
        own = group_of_each(fits, groups)
    found = []
    for name, fit in fits.items():
        inputs = {one: forecast[column].values for one, column in fit.problem.columns.items()}
        codes = np.broadcast_to(codes_of(fit, own[name]), forecast.sizes["point"])
        with double():
            said = components(fit, inputs, codes)
        draws = len(asked.picks[name][0]) if isinstance(asked, Stack) else fit.size
        found.append(Member.of(fit, said, name, draws))
    return found
