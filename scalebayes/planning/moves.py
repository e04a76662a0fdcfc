"""This file keeps how watched forecasts have moved from one update of a fit to the next, and gives it as a table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.first_answer import settle
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.interval import interval
from scalebayes.forecasting.predict import predict

if TYPE_CHECKING:
    import pandas as pd

UPDATES = "updates"  # entry of the runs' metadata with the log, which is saved with the fit
STATISTICS = ("median", "lower", "upper")


@known_settings
def moves(fit: Fit) -> "pd.DataFrame":
    """Tell how the forecasts that `update` watched have moved.

    Args:
        fit: A fit that `update` returned.

    Returns:
        A data frame with one row for each watched point and each fit of it, in the order of the points and then of
        time. Its columns are `runs` (the number of runs that the fit had), the inputs, `median`, `lower` and `upper` of
        the curve, `change` (of the median since the fit before), `inside` (whether the median lies in the interval of
        the fit before) and `how` (from the old posterior, or a whole refit). The frame's `attrs` have the probability
        `prob` of the intervals, and `dropped`, the number of rows that each update dropped because the fit had them.

    Raises:
        InputError: The fit was not updated, or nothing was watched.

    >>> import scalebayes as sb
    >>> moves(sb.fit(sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5]), "power", method="map"))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: the fit was not updated; watch forecasts by sb.update(fit, new_runs, watch={'N': ...})
    """
    import pandas as pd

    from scalebayes.display.table import Table

    log = _log(fit)
    if not any(one["forecasts"] for one in log):
        what = "nothing was watched" if log else "the fit was not updated"
        raise InputError(f"{what}; watch forecasts by sb.update(fit, new_runs, watch={{'N': ...}})")
    rows = [
        {"runs": one["runs"], **row, "how": one["how"], "_at": number}
        for one in log
        for number, row in enumerate(one["forecasts"])
    ]
    frame = pd.DataFrame(rows).sort_values("_at", kind="stable", ignore_index=True)
    frame = frame.astype(dict.fromkeys(STATISTICS, float))  # a mode has no interval
    before = frame.groupby("_at")[[*STATISTICS]].shift()
    frame["change"] = frame["median"] - before["median"]
    inside = (before["lower"] <= frame["median"]) & (frame["median"] <= before["upper"])
    frame["inside"] = inside.where(before["lower"].notna())
    columns = [name for name in frame.columns if name not in ("_at", "how")]
    table = Table(frame[[*columns, "how"]])
    table.attrs = {"prob": log[-1]["prob"], "dropped": [one["dropped"] for one in log[1:]]}
    return table


def logged(old: Fit, new: Fit, watch: Any, how: str, dropped: int, prob: float) -> Fit:
    """The updated fit with the log in its runs' metadata.

    Args:
        old: The fit before the update.

        new: The fit after it.

        watch: The points to watch from now on, as `predict` takes them, or None.

        how: How the update was made.

        dropped: The number of rows that the fit had already.

        prob: The probability of the intervals.
    """
    log = [dict(one) for one in _log(old)] or [
        {"runs": len(old.scored_runs), "dropped": 0, "how": "first fit", "prob": prob}
    ]
    points = _points(log[-1].get("forecasts", ()))
    if watch is not None:
        points += _points(_asked(old, watch, prob))
    log[-1]["forecasts"] = _forecasts(old, points, log[-1]["prob"])
    settle(new)  # the update itself says which checks the new fit failed
    log.append(
        {
            "runs": len(new.scored_runs),
            "dropped": dropped,
            "how": how,
            "prob": log[-1]["prob"],
            "forecasts": _forecasts(new, points, log[-1]["prob"]),
        }
    )
    return replace(new, problem=replace(new.problem, runs=new.problem.runs.noted(**{UPDATES: log})))


def _log(fit: Fit) -> list[Mapping[str, Any]]:
    return list(fit.runs.metadata.get(UPDATES, ()))


def _asked(fit: Fit, watch: Any, prob: float) -> list[dict[str, Any]]:
    return interval(predict(fit, watch), prob).to_dict("records")


def _points(rows: Any) -> list[dict[str, Any]]:
    """The inputs of watched points, and their groups, from the rows of a table with their forecasts."""
    told = {*STATISTICS, "mean", "sd", "efolds"}
    return [{name: x for name, x in row.items() if name not in told} for row in rows]


def _forecasts(fit: Fit, points: list[dict[str, Any]], prob: float) -> list[dict[str, Any]]:
    """The watched points with the median and the interval of the curve there, as JSON data."""
    if not points:
        return []
    at = {name: [point.get(name) or None for point in points] for point in points for name in point}
    table = interval(predict(fit, at), prob)
    found = {name: table[name].tolist() for name in STATISTICS}
    rows = [{n: x[i] if np.isfinite(x[i]) else None for n, x in found.items()} for i in range(len(points))]
    return [{**point, **row} for point, row in zip(points, rows, strict=True)]
