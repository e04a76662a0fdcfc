"""This file makes the section with the answers of a report: parameters, forecasts and optima, with their intervals."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from scalebayes.compute import flops
from scalebayes.display.figures import as_typed, counted, digits, figure
from scalebayes.errors import InputError
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.interval import interval
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.predict import predict
from scalebayes.planning.optimum import optimum
from scalebayes.plots.pointwise import departs, lighter
from scalebayes.plots.subject import beyond_runs, subject_of
from scalebayes.reporting.doubts import doubts, failed_note, names_of
from scalebayes.reporting.tags import Html, html, joined, paragraphs, section, table, tag
from scalebayes.runs.describe import in_unit
from scalebayes.seeds import Seed

MULTIPLES = (10.0, 100.0)  # of the runs' largest compute: the points of a report that was asked for none
MOST = 100  # rows of a table; of those after them the number is given
COUNTED = ("N", "D", "U")  # columns that are written as 70B


class Answers(NamedTuple):
    """The answers of a report.

    Attributes:
        html: The section.
        forecast: What `predict` returned; None where nothing could be asked.
        best: What `optimum` returned; None where there is no optimum.
    """

    html: Html
    forecast: xr.Dataset | None
    best: xr.Dataset | None


def answers(asked: Asked, points: Any, C: Any, prob: float, seed: Seed) -> Answers:
    """The section with the answers, and the answers themselves.

    Args:
        asked: What is reported.

        points: The points of the forecast, as `predict` takes them; None for multiples of the runs' compute.

        C: The budgets of the optimum; None for the compute of the points.

        prob: The probability of the intervals.

        seed: The seed of the draws.

    Raises:
        InputError: Points or budgets that the user gave can't be used.
    """
    told, forecast = _forecast(asked, points, prob, seed)
    best_told, best = _optimum(asked, forecast, C, prob, seed)
    parts = [failed_note(asked), tag("h3", "Forecast"), told, *([tag("h3", "Optimum"), best_told] if best_told else [])]
    made = section("answers", "Answers", joined([*parts, tag("h3", "Parameters"), _parameters(asked, prob)]))
    return Answers(made, forecast, best)


def percent(prob: float) -> str:
    """A probability in per cent.

    >>> percent(0.9)
    '90 %'
    """
    return f"{100 * prob:.6g} %"


def estimate(row: Mapping[str, Any], count: bool = False) -> Html:
    """A median with its interval, as one cell; the median alone where there is no interval.

    >>> estimate({"median": 1.9708, "lower": 1.9587, "upper": 1.9836})
    '1.971 <span class="ends">[1.959, 1.984]</span>'
    >>> estimate({"median": 7.1e10, "lower": 6e10, "upper": 8.2e10}, count=True)
    '71B <span class="ends">[60B, 82B]</span>'
    """
    ends = [float(row[name]) for name in ("median", "lower", "upper")]
    number = max(digits(*ends), 3) if np.isfinite(ends).all() else 4
    median, lower, upper = (counted(x) if count else figure(x, number) for x in ends)
    return Html(
        html(median) + (html(" ") + tag("span", f"[{lower}, {upper}]", class_="ends") if ends[1] < ends[2] else "")
    )


def given(name: str, value: Any) -> str:
    """An input of a forecast as one cell.

    >>> given("N", 7e10), given("C", 5.76e23), given("dataset", "a")
    ('70B', '5.76e23', 'a')
    """
    if isinstance(value, str):
        return value or "(new)"
    return counted(value) if name in COUNTED else as_typed(float(value))


def _forecast(asked: Asked, points: Any, prob: float, seed: Seed) -> tuple[Html, xr.Dataset | None]:
    how, inputs = "", points
    if points is None:
        try:
            subject = subject_of(asked)
            along, _, inputs = beyond_runs(subject, MULTIPLES, {})
            curve = predict(asked, inputs, seed=seed)
        except InputError as error:
            return paragraphs(f"No forecast was asked for, and none is made by itself: {error}."), None
        of = f"{' and '.join(f'{one:g}' for one in MULTIPLES)} times the largest {along} of the runs"
        rest = (
            ", at their median D/N"
            if subject.sizes
            else ", at their medians of the rest"
            if inputs.keys() - {along}
            else ""
        )
        most = " (of the data set with the most runs)" if isinstance(asked, Fits) else ""
        how = f"No point was asked for, so the points are {of}{most}{rest}."
    else:
        curve = predict(asked, inputs, seed=seed)
    frame, fits = interval(curve, prob), fits_of(asked)
    axes = [name for name in curve.coords if "point" in curve[name].dims and name != "point"]
    names = [*(["dataset"] if "dataset" in frame else []), *(str(name) for name in axes)]
    heads = [*names, f"{fits[0].runs.observable} of the curve"]
    cells = [[given(n, row[n]) for n in names] + [estimate(row)] for row in _rows(frame)]
    noisy = all(fit.noise.form.density and not fit.is_mode for fit in fits)
    if noisy:
        heads.append("of a new run")
        new = _rows(interval(predict(asked, inputs, observed=True, seed=seed), prob))
        cells = [[*one, estimate(row)] for one, row in zip(cells, new, strict=True)]
    heads.append("outside the runs")
    cells = [[*one, f"{row['efolds']:.1f} e-folds"] for one, row in zip(cells, _rows(frame), strict=True)]
    what = in_unit(fits[0].runs.observable, fits[0].runs.unit)
    ends = f"median and {percent(prob)} interval" if noisy or not all(f.is_mode for f in fits) else "at the mode alone"
    meaning = (
        "The curve is the law" + (" with its discrepancy" if departs(asked) else "") + ", without the noise of a run."
    )
    meaning += " An e-fold is a factor of 2.72; 0 is inside the range of the runs."
    caption = f"Forecast: {what}, {ends}"
    return joined(
        [
            paragraphs(how),
            table(caption, heads, cells[:MOST], left=1),
            paragraphs(_more(cells), meaning, str(curve.attrs.get("recalibrated", ""))),
            doubts(asked, curve, names_of(inputs)),
        ]
    ), curve


def _optimum(asked: Asked, forecast: Any, C: Any, prob: float, seed: Seed) -> tuple[Html, xr.Dataset | None]:
    if C is None:
        if forecast is None or not {"N", "D"} <= set(forecast.coords):
            return Html(""), None
        C = np.unique(flops(forecast["N"].values, forecast["D"].values))[:MOST]
        try:
            best = optimum(lighter(asked), C=C, seed=seed)
        except InputError as error:
            return paragraphs(f"There is no optimum: {error}."), None
    else:
        best = optimum(lighter(asked), C=C, seed=seed)
    fit = fits_of(asked)[0]
    names = ["N", "D", "D_per_N", fit.runs.observable]
    each = [_rows(interval(best[[name]], prob)) for name in names]
    many = ["dataset"] if "dataset" in best.dims else []
    cells = [
        [*(str(rows[0][name]) for name in many), as_typed(rows[0]["C"])]
        + [estimate(row, name in COUNTED) for name, row in zip(names, rows, strict=True)]
        for rows in zip(*each, strict=True)
    ]
    heads = [*many, "C", "N*", "D*", "D*/N*", f"{fit.runs.observable}*"]
    ends = "at the mode alone" if fit.is_mode else f"median and {percent(prob)} interval"
    of = {"law": "the law", "curve": "the law with its discrepancy"}.get(best.attrs["of"], "each fit's own curve")
    told = f"The optimum is that of {of}, at the cost {best.attrs['cost']}, without limits."
    if not many:
        told += " The one choice of least expected loss: " + "; ".join(
            f"at C = {as_typed(float(c))} it is N = {counted(n)}, D = {counted(d)}, with a regret of {figure(r, 2)}"
            for c, n, d, r in zip(
                best["C"].values, best["N_best"].values, best["D_best"].values, best["regret"].values, strict=True
            )
        )
        told += ". The regret is what it is expected to lose against a choice that knew the true law."
    if departs(asked) and lighter(asked) is not asked:
        told += " It is computed from fewer draws than the forecast, to be quick."
    parts = [
        table(f"Optimal size and tokens for a budget: {ends}", heads, cells[:MOST], left=len(many)),
        paragraphs(_more(cells), told),
    ]
    return joined([*parts, doubts(asked, best)]), best


def _parameters(asked: Asked, prob: float) -> Html:
    if isinstance(asked, Stack):
        weights = [[name, fit.law.name, figure(asked.weights[name], 3)] for name, fit in asked.members.items()]
        named = {name: asked.members[name] for name in asked.picks}
        head = [table(f"Members of the stack; weights {asked.by}", ["member", "law", "weight"], weights, left=2)]
    else:
        named = dict(zip(asked.names, asked, strict=True)) if isinstance(asked, Fits) else {"": fits_of(asked)[0]}
        head = []
    rows = [[*([name] if name else []), *cells] for name, fit in named.items() for cells in _of_fit(fit, prob)]
    fit = next(iter(named.values()))
    ends = "at the mode; MAP has no intervals" if fit.is_mode else f"median and {percent(prob)} interval, equal tails"
    heads = [*(["fit"] if "" not in named else []), "parameter", "value", "unit"]
    units = (
        f"{fit.runs.observable} stands for the unit of the observable ({fit.runs.unit or 'not said'}), and the name of "
    )
    units += "an input for the unit of its column."
    return joined(
        [*head, table(f"Parameters: {ends}", heads, rows[:MOST], left=len(heads)), paragraphs(_more(rows), units)]
    )


def _of_fit(fit: Fit, prob: float) -> list[list[str]]:
    params = fit.problem.params
    found = []
    for name, row in zip(fit.draws, _rows(fit.summary(prob)), strict=True):
        dimension = params[name].dimension
        unit = "not said" if dimension is None else dimension.replace("loss", fit.runs.observable) or "pure number"
        found.append([name, estimate(row), unit])
    return found


def _rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return pd.DataFrame(frame).to_dict("records")


def _more(rows: list[Any]) -> str:
    return f"{len(rows) - MOST} more rows are left out here; the saved result has them." if len(rows) > MOST else ""
