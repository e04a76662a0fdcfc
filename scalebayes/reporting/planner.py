"""This file makes the planner of a report: a form whose answers the page computes without a server."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from scalebayes.compute import flops
from scalebayes.display.figures import as_typed, counted
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.of_stack import Stack
from scalebayes.planning.hardware import Hardware
from scalebayes.reporting.answers import percent
from scalebayes.reporting.doubts import failed_note
from scalebayes.reporting.page import asset
from scalebayes.reporting.planner_data import data_of, one_fit_of
from scalebayes.reporting.tags import Html, data_block, joined, paragraphs, section, table, tag
from scalebayes.runs.describe import in_unit

DEVICE = "h100"  # the hardware whose speed and price stand in the form at first
TITLE = "Planner"
UNITS = (("flops", "FLOPs"), ("dollars", "dollars"), ("hours", "device hours"))


class Planner(NamedTuple):
    """The planner of a report.

    Attributes:
        html: The section.
        script: The script of the page; "" where there is no planner.
    """

    html: Html
    script: str


def planner(asked: Asked, forecast: xr.Dataset | None, prob: float) -> Planner:
    """The section with the planner, or with the reason why there is none.

    Args:
        asked: What is reported.

        forecast: The forecast of the report, whose first point stands in the form at first.

        prob: The probability of the intervals.
    """
    fit, data = one_fit_of(asked), data_of(asked, prob)
    if fit is None or data is None:
        return Planner(section("planner", TITLE, paragraphs(_none(asked))), "")
    known = forecast is not None and {"N", "D"} <= set(forecast.coords)
    N, D = (
        float(forecast[name].values[0]) if forecast is not None and known else float(np.max(fit.problem.column(name)))
        for name in ("N", "D")
    )
    parts = [
        failed_note(asked),
        _about(fit, data, prob),
        _form(N, D),
        tag("p", class_="said", id="planner-said", role="status"),
    ]
    parts += [_results(fit, prob), data_block("planner-data", data)]
    parts.append(tag("noscript", tag("p", "The planner needs JavaScript, which is off here.")))
    return Planner(section("planner", TITLE, joined(parts)), asset("planner.js") + asset("form.js"))


def _none(asked: Asked) -> str:
    """Why there is no planner."""
    if isinstance(asked, Stack | Fits):
        kind = "a stack mixes laws" if isinstance(asked, Stack) else "there are several fits here"
        return f"There is no planner: it computes from the draws of one law, and {kind}. Ask sb.optimum and sb.predict."
    fit = one_fit_of(asked)
    name = "" if fit is None else f" {fit.law.name}"
    return (
        f"There is no planner: it is for laws of N and D with a closed form, and the law{name} has none that the page "
        "could compute. Ask sb.predict, and sb.optimum where the law has N and D."
    )


def _about(fit: Fit, data: dict[str, Any], prob: float) -> Html:
    size = data["count"]
    told = f"Change a number, and the page computes the table anew from {size} draws that it holds; nothing is sent. "
    told += "Numbers may be written as 70B, 1.4T or 5.76e23. The forecast is of the curve, without the noise of a run."
    if fit.is_mode:
        return paragraphs("There is one draw, the mode, so that nothing here has an interval.", told)
    if data["factor"] != 1.0:
        told += " Forecasts are widened as those of the recalibrated fit; the optimum is the fit's own."
    if data["table"] is None:
        law = "The law is taken as exact, in the table as everywhere in this report: beyond the runs the intervals are "
        return paragraphs(told, f"{law}those of the law alone.")
    departure = data["table"]
    ends = [(np.exp(departure[f"log_{name}"][0]), np.exp(departure[f"log_{name}"][-1])) for name in ("N", "D")]
    spans = [f"{n} from {counted(low)} to {counted(high)}" for n, (low, high) in zip("ND", ends, strict=True)]
    departs = (
        "The curve is the law times its discrepancy, whose mean and width in each draw are read from a table for "
        f"{' and '.join(spans)}; outside it nothing is shown. At random places its {percent(prob)} interval was at "
        f"least {departure['beyond']:.2f} times as wide as that of the exact discrepancy beyond the runs, and at least "
        f"{departure['within']:.2f} times among them. "
    )
    departs += (
        "The optimal N, D and D/N here are those of the law alone, without its discrepancy. They are not those under "
        "Answers, which take the discrepancy along and are the ones to plan by: medians and intervals differ. The loss "
        "at the optimum has the discrepancy at these N and D."
    )
    return paragraphs(told, departs)


def _form(N: float, D: float) -> Html:
    device = Hardware.of(DEVICE)
    budget = as_typed(float(f"{flops(N, D):.4g}"))
    unit = tag("select", *(tag("option", name, value=value) for value, name in UNITS), id="f-unit", name="unit")
    groups = [
        ("Budget", _field("budget", "Budget", budget, True), tag("label", "Unit of the budget", for_="f-unit"), unit),
        (
            "Price of a device",
            _field("dollars", "Dollars per device hour", f"{device.price_per_hour:g}", True),
            _field("peak", "Peak FLOP/s of a device", f"{device.peak_flops:.6g}".replace("e+", "e"), True),
            _field("mfu", "Share of the peak, in %", f"{100 * device.mfu:g}", True),
            _field("per_flop", "Dollars per FLOP (blank: from these)", ""),
        ),
        (
            "Limits and serving",
            _field("max_N", "Largest N (blank: none)", ""),
            _field("max_D", "Largest D (blank: none)", ""),
            _field("served", "Tokens served (blank: none)", ""),
        ),
        ("A run of your own", _field("N", "N", counted(N), True), _field("D", "D", counted(D), True)),
    ]
    sets = [tag("fieldset", tag("legend", name), *fields) for name, *fields in groups]
    note = f"Prices and speed are those of one {device.name} at first ({device.source}). "
    note += "A token that is served costs 2 N FLOPs."
    return joined([tag("form", *sets, id="planner-form"), tag("p", note)])


def _field(name: str, label: str, value: str, required: bool = False) -> Html:
    more = {"autocomplete": "off", "spellcheck": "false", "required": required}
    return joined([tag("label", label, for_=f"f-{name}"), tag("input", id=f"f-{name}", name=name, value=value, **more)])


def _results(fit: Fit, prob: float) -> Html:
    """The tables that the page fills in."""
    what = in_unit(fit.runs.observable, fit.runs.unit)
    parts = ("median",) if fit.is_mode else ("median", "lower", "upper")
    of = ", of the law alone" if fit.discrepancy else ""
    bands = (
        (f"Optimal N{of}", "best-N"),
        (f"Optimal D{of}", "best-D"),
        (f"Optimal D/N{of}", "best-ratio"),
        (f"{what}, at this optimum", "best-loss"),
        (f"{what}, of your run", "run-loss"),
    )
    heads = ["at the mode"] if fit.is_mode else ["median", "lower", "upper"]
    caption = "What the planner answers" + ("" if fit.is_mode else f"; lower and upper: {percent(prob)} interval")
    costs = (("Budget", "budget"), ("Your run, with serving", "run"))
    far = tag("p", "Your run lies ", tag("span", id="run-outside"), " e-folds outside the runs that were fitted.")
    return joined(
        [
            _blank(caption, ["quantity", *heads], bands, parts),
            far,
            _blank("What they cost", ["what", *(name for _, name in UNITS)], costs, [id for id, _ in UNITS]),
        ]
    )


def _blank(caption: str, heads: Sequence[str], rows: Sequence[tuple[str, str]], parts: Sequence[str]) -> Html:
    """A table whose cells the page fills in: the id of a cell is that of its row and of its column."""
    cells = [[head, *(tag("span", id=f"{id}-{part}") for part in parts)] for head, id in rows]
    return table(caption, heads, cells)
