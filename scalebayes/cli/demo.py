"""The command `scalebayes demo` fits the project's own runs, and forecasts the largest, which the fit doesn't use."""

from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, fitted_text, parameters_text, percent
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.runs import Runs

DATA = "tiny_gpt"
FIT = "split == 'fit' and epochs <= 1"
TARGET = "split == 'target'"
PROB = 0.9  # probability of the intervals


def demo(json: Json = False) -> None:
    """Fit the project's own runs, and forecast the largest of them."""
    load_jax()
    import scalebayes as sb

    runs, targets = sb.datasets.load(DATA, where=FIT), sb.datasets.load(DATA, where=TARGET)
    fit = patiently("Compiling and sampling", lambda: sb.fit(runs, law="chinchilla", on_fail="ignore"))
    forecast = sb.predict(fit, N=targets.column("N"), D=targets.column("D"), observed=True)
    rows = held(forecast, targets)
    if json:
        return show.document({"data": DATA, "where": FIT, **about_fit(fit, PROB), "forecasts": rows})
    largest, least = runs.column("C").max(), targets.column("C").min()
    intro = (
        f"{len(runs)} small transformers trained on the source code of the Python standard library "
        f"(sb.datasets.load('{DATA}'), made by examples/train_sweep.py): one epoch at most, up to "
        f"{show.figure(largest, 3)} FLOPs each. {len(targets)} runs of {show.figure(least / largest, 2)} times that "
        "compute and more were kept back; the fit has not seen them."
    )
    number = max(show.most_digits(rows), 4)
    cells = [
        [
            row["run_id"],
            *(show.count(row[name]) for name in ("N", "D")),
            f"{show.figure(row['median'], number)} [{show.figure(row['lower'], number)}, "
            f"{show.figure(row['upper'], number)}]",
            show.figure(row["truth"], number),
            "yes" if row["inside"] else "no",
        ]
        for row in rows
    ]
    table = show.grid(["run kept back", "N", "D", "forecast", "truth", "inside"], cells)
    inside, far = sum(row["inside"] for row in rows), max(row["efolds"] for row in rows)
    end = (
        f"forecast: median and {percent(PROB)} interval of the loss of a new run, in {runs.unit}. {inside} of "
        f"{len(rows)} hold the loss that the run reached. They lie up to {far:.1f} e-folds beyond the fitted runs, and "
        "the intervals take the law as exact: where the checks above find structure in the residuals, it isn't."
    )
    blocks = [
        failed_text(fit.checks),
        show.prose(intro),
        fitted_text(fit),
        parameters_text(fit, PROB),
        checks_text(fit.checks),
        table,
        show.prose(end),
    ]
    print("\n\n".join(block for block in blocks if block))


def held(forecast: "xr.Dataset", targets: "Runs") -> list[dict[str, Any]]:
    """Return the demo's rows, one for each run: its forecast, its loss, and whether the interval holds that loss."""
    import scalebayes as sb

    rows = show.records(sb.interval(forecast, PROB))
    statistics = ("N", "D", "median", "lower", "upper", "efolds")
    return [
        {
            "run_id": str(name),
            **{s: row[s] for s in statistics},
            "truth": float(truth),
            "inside": bool(row["lower"] <= truth <= row["upper"]),
        }
        for name, row, truth in zip(targets.labels["run_id"], rows, targets.y, strict=True)
    ]
