"""scalebayes predict and scalebayes optimum: questions to a saved fit."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import bearing_on, failed_text, lines_of, one_draw, outside, percent, trust
from scalebayes.cli.flags import here
from scalebayes.cli.options import Compute, FitFile, Json, Parameters, Prob, Tokens, opened
from scalebayes.cli.parse import check_prob, numbers, pairs
from scalebayes.errors import InputError, unknown

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.fitting.result import Fit

STATISTICS = ("median", "mean", "sd", "lower", "upper")


def predict(
    file: FitFile,
    N: Parameters = None,
    D: Tokens = None,
    C: Compute = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="INPUT=VALUE", help="Any other input of the law, as in x=1e21; repeatable."),
    ] = None,
    observed: Annotated[bool, typer.Option("--observed", help="Forecast a new run, its noise included.")] = False,
    prob: Prob = 0.9,
    json: Json = False,
) -> None:
    """Forecast the loss, or another observable, of runs not yet trained.

    Several values are separated by commas, or written lo:hi:n for n of them spaced evenly in the log; lists pair up,
    and one value goes with each of the others. Of N, D and C two are enough, by C = 6 N D.
    """
    check_prob(prob)
    typed = {name: text for name, text in (("N", N), ("D", D), ("C", C)) if text is not None}
    values: dict[str, Any] = {name: numbers(text, f"--{name}") for name, text in typed.items()}
    for name, text in pairs(inputs or (), "--input", "x=1e21").items():
        if name in values:
            raise InputError(f"--input: {name} is given twice, as --{name} too; give it once")
        values[name] = numbers(text, f"--input {name}")
    fit = opened(file)
    import scalebayes as sb

    known = dict.fromkeys((*fit.problem.columns, *fit.problem.columns.values(), "N", "D", "C"))
    for name in values:
        if fit.runs.name_of(name) not in known:
            raise unknown("input", name, known)
    forecast = sb.predict(fit, observed=observed, **values)
    points = show.records(sb.interval(forecast, prob))
    if json:
        told = {"law": fit.law.name, "observable": fit.runs.observable, "unit": fit.runs.unit}
        doubts = trust(fit, bearing_on(fit, forecast, values))
        show.document({**told, **doubts, "observed": observed, "prob": prob, "points": points})
        if far := outside_text(fit, forecast):
            show.message(f"warning: {far}")
        return
    said = points_text(fit, forecast, points, observed, prob)
    if failed := failed_text(fit.checks):
        print(f"{failed}\n")
    print("\n".join(filter(None, [said, lines_of(bearing_on(fit, forecast, values))])))


def points_text(fit: "Fit", forecast: "xr.Dataset", points: list[dict[str, Any]], observed: bool, prob: float) -> str:
    """The table of a forecast's points, what its numbers are, and a warning where they lie outside the runs."""
    names = [str(name) for name in forecast.coords if forecast[name].dims == ("point",) and name != "point"]
    shown = ["median"] if one_draw(fit) else [name for name in STATISTICS if name in points[0]]
    number = show.most_digits(points)
    rows = [
        [*(show.given(name, row[name]) for name in names), *show.estimate(row, shown, number), f"{row['efolds']:.1f}"]
        for row in points
    ]
    heads = ["at the mode"] if one_draw(fit) else shown
    table = show.grid([*names, *heads, "e-folds"], rows, left=0)
    far = outside_text(fit, forecast)
    told = [show.prose(meaning(fit, observed, prob)), show.prose(f"warning: {far}") if far else ""]
    return "\n".join([table, "", *filter(None, told)])


def meaning(fit: "Fit", observed: bool, prob: float) -> str:
    """What the numbers of a forecast are, in a sentence."""
    from scalebayes.forecasting.distance import plain
    from scalebayes.runs.describe import in_unit

    what = in_unit(fit.runs.observable, fit.runs.unit)
    beyond = "e-folds: how far the point lies outside the runs."
    if names := plain(fit, fit.problem.columns.values()):
        beyond = f"{beyond[:-1]}; along {names.replace(' ', ', ')} in its own unit."
    curve = "the law's curve" if fit.discrepancy is None else "the law's curve with its discrepancy"
    if one_draw(fit):
        taken = "" if fit.discrepancy is None else ", of which it takes the mean given the runs"
        return f"{what}: {curve} at the mode{taken}; map has no intervals. {beyond}"
    of = (
        "a new run, its noise included"
        if observed
        else f"{curve}, the {fit.noise.form.centre} of new runs (--observed adds a run's noise)"
    )
    return f"{what}; lower to upper: {percent(prob)} interval of {of}. {beyond}"


def outside_text(fit: "Fit", dataset: "xr.Dataset") -> str:
    """A warning where points or budgets lie outside the runs; blank where none does."""
    from scalebayes.forecasting.distance import exactness

    distance = dataset["distance"]
    far = distance.max("axis").values
    if not (far > 0).any():
        return ""
    i = int(far.argmax())
    axis = str(distance["axis"].values[int(distance.values[i].argmax())]).replace("D_per_N", "D/N")
    unit = "" if axis in str(dataset.attrs.get("plain", "")).split() else "e-folds "
    which = "" if len(far) == 1 else f" are {int((far > 0).sum())} of {len(far)}"
    where = f"outside the runs{which}, by up to {far[i]:.1f} {unit}in {axis}"
    if dataset.attrs.get("of") == "curve":
        return f"{where}; how far the law departs out there, the prior of the discrepancy says more than the runs."
    exact = here(exactness(fit, outside(dataset), of_law=dataset.attrs.get("of") == "law"))
    return f"{where}; {exact}." if exact else f"{where}."


def optimum(
    file: FitFile,
    C: Annotated[
        str, typer.Option("--C", metavar="C", help="Training compute in FLOPs: 5.76e23, 1e21,1e22 or 1e20:1e26:7.")
    ],
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="OF", help="law, or curve: the law with its discrepancy, where the fit has one."),
    ] = None,
    prob: Prob = 0.9,
    json: Json = False,
) -> None:
    """Find the best N and D for a compute budget.

    The cost is C = 6 N D. Several budgets are separated by commas, or written lo:hi:n for n of them spaced evenly in
    the log, ends included. Of a fit with a discrepancy it is the optimum of the law with it, unless --of law is given.
    """
    check_prob(prob)
    budgets = numbers(C, "--C")
    fit = opened(file)
    import scalebayes as sb

    best = sb.optimum(fit, C=budgets, of=of)  # type: ignore[arg-type]
    table = quantities(best, prob)
    if json:
        rows = [
            {"C": budget, **{name: rows[i] for name, rows in table.items()}, "efolds": float(efolds)}
            for i, (budget, efolds) in enumerate(zip(budgets, best["distance"].max("axis").values, strict=True))
        ]
        told = {"law": fit.law.name, **trust(fit, bearing_on(fit, best))}
        show.document({**told, "cost": best.attrs["cost"], "of": best.attrs["of"], "prob": prob, "budgets": rows})
        if far := outside_text(fit, best):
            show.message(f"warning: {far}")
        return
    if failed := failed_text(fit.checks):
        print(f"{failed}\n")
    print(optimum_text(budgets, table, fit.runs.observable))
    shown = "at the mode; map has no intervals" if one_draw(fit) else f"median and {percent(prob)} interval"
    from scalebayes.runs.describe import in_unit

    told = f"C = 6 N D in FLOPs, {in_unit(fit.runs.observable, fit.runs.unit)}: {shown}."
    if best.attrs["of"] == "curve":
        taken = ", of which it takes the mean given the runs" if one_draw(fit) else ""
        told += f" The optimum is that of the law with its discrepancy{taken}; --of law gives the law's own, with its "
        told += "exponent."
    else:
        told += f" {exponent_text(table)}"
    print("\n" + show.prose(told))
    if far := outside_text(fit, best):
        print(show.prose(f"warning: {far}"))
    if doubts := lines_of(bearing_on(fit, best)):
        print(doubts)


def quantities(dataset: "xr.Dataset", prob: float) -> dict[str, list[dict[str, Any]]]:
    """Quantity -> median, mean, sd, lower and upper of each budget, in the order given."""
    import scalebayes as sb

    names = [str(name) for name in dataset.data_vars if name != "distance"]
    return {
        name: [{s: row[s] for s in STATISTICS} for row in show.records(sb.interval(dataset[[name]], prob))]
        for name in names
    }


def optimum_text(budgets: list[float], table: Mapping[str, list[dict[str, Any]]], observable: str) -> str:
    """A row a budget; the intervals are under the medians where the line would be too long."""
    heads = {"N": "N*", "D": "D*", "D_per_N": "D*/N*", observable: f"{observable}*"}
    if not (same_exponent(table) or no_exponent(table)):
        heads["N_exponent"] = "N* exponent"
    number = {name: show.most_digits(table[name]) for name in heads}
    for gap in (" ", "\n"):
        rows = [
            [show.given("C", budget), *(cell(name, table[name][i], number[name], gap) for name in heads)]
            for i, budget in enumerate(budgets)
        ]
        text = show.grid(["C", *heads.values()], rows, left=0)
        if max(map(len, text.splitlines())) <= show.width():
            break
    return text


def cell(name: str, row: Mapping[str, Any], number: int, gap: str = " ") -> str:
    """A median with its interval in brackets, where there is one."""
    if not row["lower"] < row["upper"]:
        return show.count(row["median"], 4) if name in show.COUNTS else show.figure(row["median"], 4)
    median, lower, upper = (
        show.count(row[s], number) if name in show.COUNTS else show.figure(row[s], number)
        for s in ("median", "lower", "upper")
    )
    return f"{median}{gap}[{lower}, {upper}]"


def no_exponent(table: Mapping[str, list[dict[str, Any]]]) -> bool:
    """Whether there is no exponent to tell, as of a law with its discrepancy."""
    return all(math.isnan(row["median"]) for row in table["N_exponent"])


def same_exponent(table: Mapping[str, list[dict[str, Any]]]) -> bool:
    """Whether N* grows with the same exponent at each budget."""
    medians = [row["median"] for row in table["N_exponent"]]
    return max(medians) - min(medians) < 1e-9


def exponent_text(table: Mapping[str, list[dict[str, Any]]]) -> str:
    """How N* and D* grow with the budget, where it is the same at each; else what the column is."""
    if not same_exponent(table):
        return "N* exponent: d log N* / d log C."
    row = table["N_exponent"][0]
    return f"N* grows as C^a and D* as C^(1 - a), a = {cell('', row, show.most_digits([row]))}."
