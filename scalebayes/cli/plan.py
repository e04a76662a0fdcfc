"""The command `scalebayes plan` says which model to train on how much data, for a budget, a cost and limits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, outside_text
from scalebayes.cli.fit_text import percent
from scalebayes.cli.opened import ANSWERS, members, opened
from scalebayes.cli.optimum import cell
from scalebayes.cli.options import Json, Of, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.planning_options import BudgetOptions, CostOptions, LimitOptions
from scalebayes.cli.saving import is_result
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Table = Annotated[
    Path, typer.Argument(metavar="RUNS|FIT", help="A table of runs, which is fitted as forecast does; or a saved fit.")
]


def plan(
    runs: Table,
    *,
    budget: BudgetOptions,
    cost: CostOptions,
    limits: LimitOptions,
    of: Of = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    json: Json = False,
) -> None:
    """Say which model to train, on how many tokens, for a budget.

    The budget is in FLOPs, dollars, device hours or days. The answer is the N and D of least expected loss, with the
    loss that it is expected to lose against a choice that knew the true law; then where the optimum may lie, which
    limits bind, and what they cost.
    """
    check_prob(prob)
    asked_for, chosen, subject_to = budget.settings(), cost.chosen(), limits.named()
    asked = fitted(runs, seed)
    import scalebayes as sb

    best = patiently(
        "Finding the optimum",
        lambda: sb.optimum(asked, **asked_for, cost=chosen, subject_to=subject_to, of=of, seed=seed),  # type: ignore[arg-type]
    )
    if "dataset" in best.dims:
        raise InputError("plan takes one fit, a stack or a recalibrated fit; of many fits, plan with each")
    fit = next(iter(members(asked).values()))
    rows = rows_of(best, fit.runs.observable, prob)
    spent = spending_of(best, asked_for) if "on" in asked_for else []
    if json:
        rows = [{**row, **({"spent": spent[i]} if spent else {})} for i, row in enumerate(rows)]
        document = {**about(asked, best, cost=chosen), "cost": best.attrs["cost"], "of": best.attrs["of"], "prob": prob}
        show.document({**document, "budgets": rows})
        if far := outside_text(asked, best):
            show.message(f"warning: {far}")
        return
    if failed := failed_lines(asked):
        print(f"{failed}\n")
    print(answer_text(rows, fit.runs.observable))
    print("\n" + optimum_table(rows, fit.runs.observable))
    print("\n" + show.prose(meaning(best, rows, fit, prob, spent)))
    if far := outside_text(asked, best):
        print(show.prose(f"warning: {far}"))
    if review := doubts(asked, best, cost=chosen):
        print(review)


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
        by = " by the law alone" if best.attrs["of"] == "curve" else ""
        told.append(f"{', '.join(shares)}; paid is the {observable} that the limits cost{by}.")
    if best.attrs["of"] == "curve":
        told.append("The optimum is that of the law with its discrepancy; --of law gives the law's own.")
    units = {"dollars": "dollars", "gpu_hours": "device hours", "days": "days", "kWh": "kWh"}
    for row, one in zip(rows, spent, strict=False):
        parts = [f"{show.count(one[name])} {unit}" for name, unit in units.items() if name in one]
        told.append(f"{show.given('C', row['C'])} FLOPs are {', '.join(parts)}.")
    return " ".join(told)
