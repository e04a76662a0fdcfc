"""This file scores registered forecasts by the runs that were trained since, at the registered points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.on_record import Registered
from scalebayes.backtesting.proper_scores import Forecast, scores_of
from scalebayes.backtesting.scorable import check_runs, check_values, columns_of
from scalebayes.display.figures import as_typed
from scalebayes.errors import InputError
from scalebayes.runs import Runs

# Relative difference of an input, up to which a run is at a registered point. A run further off has another forecast.
NEAR = 1e-6


def score_record(record: Registered, runs: Runs, probs: Sequence[float], seed: Any) -> xr.Dataset:
    """The scores of registered forecasts, as `score` returns them, with the registered point of each run.

    A run on its own, without a count and a known error, is scored by the registered draws and the density that follows
    from the registered posterior. A row that is the mean of several runs, or has a known error, is scored by draws that
    are made anew with the row's noise.

    Args:
        record: The registered forecasts.

        runs: The runs. Those that lie at no registered point are left out.

        probs: The probabilities of the intervals.

        seed: An int or a JAX key.

    Raises:
        InputError: No run lies at a registered point, or the runs aren't of what was registered.
    """
    said = record.forecast.attrs
    counts = said["N_counts"]
    check_runs(runs, record.observable, {"unit": said["unit"], "N_counts": None if counts == "not said" else counts})
    row, point = _matched(record, runs)
    there = runs.take(row)
    for one in record.members:
        check_values(one.noise, there)
    scores = _scores(record, there, point, (*probs, record.prob), seed)
    hit = scores["covered"][-1]
    scores = {name: x[:-1] if x.ndim == 2 else x for name, x in scores.items()}
    columns = {name: x[point] for name, x in record.columns.items()}
    labels = {name: x.astype(str) for name, x in there.labels.items() if name in ("run_id", "group")}
    waiting = np.setdiff1d(np.arange(record.forecast.sizes["point"]), point)
    return xr.Dataset(
        {
            **{name: (("prob", "run") if x.ndim == 2 else "run", x) for name, x in scores.items()},
            "hit": ("run", hit),
            "distance": (("run", "axis"), record.forecast["distance"].values[point]),
        },
        {"y": ("run", there.y), **{name: ("run", x) for name, x in {**columns, **labels}.items()}}
        | {"point": ("run", point), "row": ("run", there.rows), "prob": list(probs)}
        | {"axis": record.forecast["axis"].values},
        {
            "scale": "log",
            **{name: said[name] for name in ("failed", "law", "unit", "N_counts", "recalibrated") if name in said},
            **{"registered": record.date, "registered_prob": record.prob, "note": record.note},
            **{"points": record.forecast.sizes["point"], "open": waiting.tolist()},
            "waiting": _waiting(record, waiting),
        },
    )


def _matched(record: Registered, runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """The rows of runs at a registered point, and the number of the point of each, in the order of the points.

    Where the forecast of a point is that of a group, its runs are those of this group.

    Raises:
        InputError: No row is at a point. The message says which is nearest, and how far off it is.
    """
    names = list(record.columns)
    values = columns_of(runs, {name: name for name in names}, dict.fromkeys(names, (-np.inf, np.inf)))
    off = np.zeros((record.forecast.sizes["point"], len(runs)))
    for name, x in record.columns.items():
        apart = np.abs(values[name] - x[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.maximum(off, np.where(apart == 0, 0.0, apart / np.abs(x[:, None])))
    at = off <= NEAR
    groups = record.groups
    if groups is not None:
        theirs = runs.labels.get("group", np.full(len(runs), None)).astype(str)
        at &= (groups[:, None] == "") | (groups[:, None] == theirs)
    if at.any():
        point, row = np.nonzero(at)
        return row, point
    i, j = divmod(int(off.argmin()), len(runs))
    if groups is not None and off[i, j] <= NEAR:
        raise InputError(
            f"no run at a registered point has its group, {groups[i]!r}; say which it is in the column 'group' of the "
            "runs"
        )
    raise InputError(
        f"no run is at a registered point: the nearest to {_text(record, i)} is row {runs.rows[j]} with "
        f"{', '.join(f'{name} {as_typed(values[name][j])}' for name in names)}, {100 * off[i, j]:.2g} % off; give "
        "the runs that were trained at these points, or score the fit itself at others, sb.score(fit, runs)"
    )


def _scores(
    record: Registered, runs: Runs, point: np.ndarray, probs: Sequence[float], seed: Any
) -> dict[str, np.ndarray]:
    """The scores of the runs by their names, those of single runs by the registered draws."""
    anew = record.forecast_of(runs, point, seed)
    draws = record.forecast[record.observable].transpose("chain", "draw", "point").values
    registered = np.log(draws.reshape(-1, draws.shape[-1]))[:, point]
    alone = np.full(len(runs), True)
    if runs.se is not None:
        alone &= runs.se == 0
    if runs.count is not None:
        alone &= runs.count == 1
    order, parts = [], []
    for chosen, log_draws in ((alone, registered), (~alone, anew.log_draws)):
        if chosen.any():
            said = Forecast(log_draws[:, chosen], anew.log_density[chosen])
            parts.append(scores_of(said, np.log(runs.y[chosen]), probs))
            order.append(np.flatnonzero(chosen))
    back = np.argsort(np.concatenate(order))
    return {name: np.concatenate([one[name] for one in parts], axis=-1)[..., back] for name in parts[0]}


def _waiting(record: Registered, points: np.ndarray) -> str:
    """The sentence about the points that no run is at; an empty string where each has its run."""
    if not len(points):
        return ""
    total = record.forecast.sizes["point"]
    listed = "; ".join(_text(record, i) for i in points)
    return f"{len(points)} of {total} points {'is' if len(points) == 1 else 'are'} still open, without a run: {listed}"


def _text(record: Registered, point: int) -> str:
    """The inputs of a point in words, such as "N 7e10, D 1.4e12"."""
    inputs = ", ".join(f"{name} {as_typed(x[point])}" for name, x in record.columns.items())
    group = record.groups[point] if record.groups is not None else ""
    return f"{inputs} of group {group!r}" if group else inputs
