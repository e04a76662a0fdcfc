"""The command `scalebayes demo` forecasts the largest of the project's own runs from the small ones."""

from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, fitted_text, percent
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json
from scalebayes.cli.saving import joined
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit
    from scalebayes.runs import Runs

DATA = "tiny_gpt"
FIT = "split == 'fit' and epochs <= 1"
TARGET = "split == 'target'"
PROB = 0.9  # probability of the intervals
RECOMMENDED, EXACT = "recommended", "exact_law"  # the two forecasts of each run in the JSON document


def demo(json: Json = False) -> None:
    """Forecast real runs, and show whether the forecasts hold.

    The largest runs of the project's own sweep are forecast from the small ones, in the recommended way and by a law
    alone.
    """
    load_jax()
    import scalebayes as sb

    runs, targets = sb.datasets.load(DATA, where=FIT), sb.datasets.load(DATA, where=TARGET)
    fit = patiently("Compiling and fitting", lambda: sb.forecaster(runs, on_fail="ignore"))
    exact = patiently("Fitting the law alone", lambda: sb.fit(runs, method="laplace", on_fail="ignore"))
    rows = held({RECOMMENDED: fit, EXACT: exact}, targets)
    if json:
        return show.document({"data": DATA, "where": FIT, **about_fit(fit, PROB), "forecasts": rows})
    largest, least = runs.column("C").max(), targets.column("C").min()
    intro = (
        f"{len(runs)} small transformers trained on the source code of the Python standard library "
        f"(sb.datasets.load('{DATA}'), made by examples/train_sweep.py): one epoch at most, up to "
        f"{show.figure(largest, 3)} FLOPs each. {len(targets)} runs of {show.figure(least / largest, 2)} times that "
        "compute and more were kept back; neither fit has seen them."
    )
    far = max(row["efolds"] for row in rows)
    end = (
        f"forecast: median and {percent(PROB)} interval of the loss of a new run, in {runs.unit}. They lie up to "
        f"{far:.1f} e-folds beyond the fitted runs. recommended: the law with a Gaussian process for what it gets "
        f"wrong, as scalebayes forecast fits it; {_count(rows, RECOMMENDED)}. law alone: {exact.law.name} taken as "
        f"exact, as scalebayes fit has it; {_count(rows, EXACT)}."
    )
    following = "Your own runs: scalebayes forecast RUNS.csv --N 70B --D 1.4T"
    print(
        joined(
            failed_text(fit.checks),
            show.prose(intro),
            fitted_text(fit),
            _table(rows),
            show.prose(end),
            checks_text(fit.checks),
            following,
        )
    )


def held(fits: "dict[str, Fit]", targets: "Runs") -> list[dict[str, Any]]:
    """Return the demo's rows, one for each run kept back: its loss, and of each fit the forecast and whether it holds.

    Args:
        fits: A mapping from the name of a forecast to its fit.

        targets: The runs kept back.
    """
    import scalebayes as sb

    sizes, tokens = targets.column("N"), targets.column("D")
    found = {}
    for name, fit in fits.items():
        answer = sb.predict(fit, N=sizes, D=tokens, observed=True)
        found[name] = show.records(sb.interval(answer, PROB))
    rows: list[dict[str, Any]] = []
    for i, (run_id, truth) in enumerate(zip(targets.labels["run_id"], targets.y, strict=True)):
        of = {name: records[i] for name, records in found.items()}
        row = {"run_id": str(run_id), **{s: of[RECOMMENDED][s] for s in ("N", "D", "efolds")}, "truth": float(truth)}
        for name, one in of.items():
            row[name] = {s: one[s] for s in ("median", "lower", "upper")}
            row[name]["inside"] = bool(one["lower"] <= truth <= one["upper"])
        rows.append(row)
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    """The table of the runs kept back, with both forecasts of each and whether they hold the loss."""
    digits = max(4, *(show.most_digits([row[name] for row in rows]) for name in (RECOMMENDED, EXACT)))

    def cells(one: dict[str, Any]) -> list[str]:
        median, lower, upper = (show.figure(one[s], digits) for s in ("median", "lower", "upper"))
        return [f"{median} [{lower}, {upper}]", "hit" if one["inside"] else "miss"]

    body = [
        [
            row["run_id"],
            show.count(row["N"]),
            show.count(row["D"]),
            show.figure(row["truth"], digits),
            *cells(row[RECOMMENDED]),
            *cells(row[EXACT]),
        ]
        for row in rows
    ]
    return show.grid(["run kept back", "N", "D", "truth", "recommended", "", "law alone", ""], body)


def _count(rows: list[dict[str, Any]], name: str) -> str:
    return f"{sum(row[name]['inside'] for row in rows)} of {len(rows)} intervals hold the loss"
