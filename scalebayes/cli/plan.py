"""The command `scalebayes plan` says which model to train on how much data, for a budget, a cost and limits."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, outside_text
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.fit_text import percent
from scalebayes.cli.opened import ANSWERS, members, opened
from scalebayes.cli.optimum import cell
from scalebayes.cli.options import Json, Of, Plot, Prob, Seed
from scalebayes.cli.parse import check_prob, numbers
from scalebayes.cli.pictures import frontier_picture, slow
from scalebayes.cli.planning_options import BudgetOptions, CostOptions, LimitOptions
from scalebayes.cli.saving import answered, is_result, joined
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Table = Annotated[
    Path, typer.Argument(metavar="RUNS|FIT", help="A table of runs, which is fitted as forecast does; or a saved fit.")
]

Smaller = Annotated[
    str | None,
    typer.Option(
        metavar="K,K,...", help="How many times smaller than the optimum a model is whose price is told, such as 2,4."
    ),
]


def plan(
    runs: Table,
    *,
    budget: BudgetOptions,
    cost: CostOptions,
    limits: LimitOptions,
    smaller: Smaller = None,
    of: Of = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Say which model to train, on how many tokens, for a budget.

    The budget is in FLOPs, dollars, device hours or days. The answer is the N and D of least expected loss, with the
    loss that it is expected to lose against a choice that knew the true law; then where the optimum may lie, which
    limits bind, and what they cost. With --smaller it tells what models cost that are smaller than the optimum.
    """
    check_prob(prob)
    asked_for, chosen, subject_to = budget.settings(), cost.chosen(), limits.named()
    times, picture = None if smaller is None else numbers(smaller, "--smaller"), checked_figure(plot)
    asked = fitted(runs, seed)
    import scalebayes as sb

    best = patiently(
        "Finding the optimum",
        lambda: sb.optimum(
            asked,
            **asked_for,
            cost=chosen,
            subject_to=subject_to,
            smaller=times,
            of=of,  # type: ignore[arg-type]
            seed=seed,
        ),
    )
    if "dataset" in best.dims:
        raise InputError("plan takes one fit, a stack or a recalibrated fit; of many fits, plan with each")
    fit = next(iter(members(asked).values()))
    rows = rows_of(best, fit.runs.observable, prob)
    spent = spending_of(best, asked_for) if "on" in asked_for else []
    prices = prices_of(best, prob) if times else []

    def draw() -> Any:
        return frontier_picture(asked, best, prob=prob, of=of, seed=seed, cost=chosen, subject_to=subject_to)

    answer: Any
    if json:
        rows = [{**row, **({"spent": spent[i]} if spent else {})} for i, row in enumerate(rows)]
        rows = [{**row, **({"smaller": prices[i]} if prices else {})} for i, row in enumerate(rows)]
        about_best = {"cost": best.attrs["cost"], "of": best.attrs["of"], "prob": prob, "budgets": rows}
        answer = {**about(asked, best, cost=chosen), **about_best}
        if far := outside_text(asked, best):
            show.message(f"warning: {far}")
    else:
        far = outside_text(asked, best)
        below = [
            show.prose(meaning(best, rows, fit, prob, spent)),
            show.prose(f"warning: {far}") if far else "",
            doubts(asked, best, cost=chosen),
        ]
        answer = joined(
            failed_lines(asked),
            answer_text(rows, fit.runs.observable),
            optimum_table(rows, fit.runs.observable),
            price_table(best["C"].values.tolist(), prices, fit.runs.observable) if prices else "",
            "\n".join(filter(None, below)),
        )
    answered(answer, plot=lambda: drawn(draw, picture, slow(asked)))


def fitted(path: Path, seed: int) -> Any:
    """Return the saved result at a path, or the recommended fit of the table there."""
    if path.is_file() and not is_result(path):
        from scalebayes.cli.opened import load_jax

        load_jax()
        import scalebayes as sb

        runs = sb.read_runs(path)
        return patiently("Compiling and fitting", lambda: sb.forecaster(runs, seed=seed, on_fail="ignore"))
    return opened(path, *ANSWERS)


def rows_of(best: "xr.Dataset", observable: str, prob: float) -> list[dict[str, Any]]:
    """Return one row for each budget: the choice, the posterior of the optimum, what is paid, and the distance."""
    import scalebayes as sb

    names = [name for name in ("N", "D", "D_per_N", observable, "paid") if name in best]
    tables = {name: show.records(sb.interval(best[[name]], prob)) for name in names}
    far, limited = best["distance"].max("axis").values, best["limit"].values.tolist() if "binds" in best else []
    return [
        {
            "C": float(C),
            "choice": {
                "N": float(best["N_best"].values[i]),
                "D": float(best["D_best"].values[i]),
                "regret": float(best["regret"].values[i]),
            },
            **{n: {s: t[i][s] for s in ("median", "mean", "sd", "lower", "upper")} for n, t in tables.items()},
            **({"binds": dict(zip(limited, best["binds"].values[:, i].tolist(), strict=True))} if limited else {}),
            "efolds": float(far[i]),
        }
        for i, C in enumerate(best["C"].values)
    ]


def answer_text(rows: list[dict[str, Any]], observable: str) -> str:
    """Return the lines that the command prints first: what to train with each budget."""
    lines = []
    for row in rows:
        choice, loss = row["choice"], row[observable]
        expected = f"{observable} {show.figure(loss['median'], 4)}"
        what = f"{show.count(choice['N'])} parameters on {show.count(choice['D'])} tokens"
        regret = show.figure(choice["regret"], 2)
        lines.append(f"{show.given('C', row['C'])} FLOPs: train {what}; {expected}, regret {regret}")
    return "\n".join(lines)


def optimum_table(rows: list[dict[str, Any]], observable: str) -> str:
    """Return the table of where the optimum may lie."""
    heads = {"N": "N*", "D": "D*", "D_per_N": "D*/N*", observable: f"{observable}*"}
    heads |= {"paid": "paid"} if "paid" in rows[0] else {}
    digits = {name: max(2, show.most_digits([row[name] for row in rows])) for name in heads}
    body = [[show.given("C", row["C"]), *(cell(name, row[name], digits[name]) for name in heads)] for row in rows]
    return show.grid(["C", *heads.values()], body)


def prices_of(best: "xr.Dataset", prob: float) -> list[list[dict[str, Any]]]:
    """Return the price of each smaller model at each budget: the loss, the factor of compute, and what is not reached.

    The factor has no mean, since it may be infinite.
    """
    import scalebayes as sb

    told = ("median", "lower", "upper")
    count = best.sizes["smaller"]
    paid, compute = (show.records(sb.interval(best[[f"smaller_{name}"]], prob)) for name in ("paid", "compute"))
    cells = [
        {
            "times": float(best["smaller"].values[i % count]),
            "paid": {name: paid[i][name] for name in told},
            "compute": {name: compute[i][name] for name in told},
            "out_of_reach": float(best["out_of_reach"].values.ravel()[i]),
        }
        for i in range(len(paid))
    ]
    return [cells[i : i + count] for i in range(0, len(cells), count)]


def price_table(budgets: list[float], prices: list[list[dict[str, Any]]], observable: str) -> str:
    """Return the table of what smaller models cost."""
    cells = [(C, one) for C, row in zip(budgets, prices, strict=True) for one in row]
    digits = max(2, show.most_digits([one["paid"] for _, one in cells]))
    body = [
        [
            show.given("C", C),
            f"{one['times']:g}",
            cell("paid", one["paid"], digits),
            factor_text(one["compute"]),
            percent(one["out_of_reach"]),
        ]
        for C, one in cells
    ]
    return show.grid(["C", "times smaller", f"{observable} paid", "compute to make up", "out of reach"], body)


def factor_text(row: dict[str, float]) -> str:
    """Return a factor of compute with its interval, in which "never" stands for infinity.

    >>> factor_text({"median": 1.1375, "lower": 1.12, "upper": math.inf})
    '1.137 [1.12, never]'
    """
    median, lower, upper = (
        "never" if math.isinf(row[name]) else f"{row[name]:.4g}" for name in ("median", "lower", "upper")
    )
    return median if not row["lower"] < row["upper"] else f"{median} [{lower}, {upper}]"


def spending_of(best: "xr.Dataset", asked_for: dict[str, Any]) -> list[dict[str, float]]:
    """Return what each budget is in dollars, hours, days and kWh, as far as they are known."""
    from scalebayes.planning.hardware import Hardware, spending

    found = spending(best["C"].values, Hardware.of(asked_for["on"]), asked_for.get("devices"))
    return [{name: float(x[i]) for name, x in found.items()} for i in range(best.sizes["budget"])]


def meaning(best: "xr.Dataset", rows: list[dict[str, Any]], fit: Any, prob: float, spent: list[Any]) -> str:
    """Explain the numbers of the table, what binds, and what a budget is in money and time."""
    from scalebayes.runs.describe import in_unit

    observable = fit.runs.observable
    told = [
        f"The choice is best in expected {observable}; regret is what it is expected to lose against a choice that "
        f"knew the true law. The table says where the optimum may lie: median and {percent(prob)} interval, "
        f"{in_unit(observable, fit.runs.unit)}, at the cost {best.attrs['cost']}."
    ]
    if "binds" in best:
        shares = [
            f"{name} binds in {percent(float(x))} of the draws"
            for name, x in zip(best["limit"].values, best["binds"].mean("budget").values, strict=True)
        ]
        told.append(f"{', '.join(shares)}; paid is the {observable} that the limits cost.")
    if "smaller" in best.dims:
        told.append(
            f"A smaller model on the rest of the budget pays that much more {observable}; compute to make up is the "
            "factor of the budget with which more tokens take it to the optimum's, and out of reach is the share of "
            "the draws in which none do."
        )
    if best.attrs["of"] == "curve":
        told.append("The optimum is that of the law with its discrepancy; --of law gives the law's own.")
    units = {"dollars": "dollars", "gpu_hours": "device hours", "days": "days", "kWh": "kWh"}
    for row, one in zip(rows, spent, strict=False):
        parts = [f"{show.count(one[name])} {unit}" for name, unit in units.items() if name in one]
        told.append(f"{show.given('C', row['C'])} FLOPs are {', '.join(parts)}.")
    return " ".join(told)
