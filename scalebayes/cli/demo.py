"""The command `scalebayes demo` forecasts the largest of the project's own runs from the small ones."""

from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, percent
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Plot
from scalebayes.cli.saving import answered, joined
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit
    from scalebayes.runs import Runs

DATA = "tiny_gpt"
FIT = "split == 'fit' and epochs <= 1"
TARGET = "split == 'target'"
PROB = 0.9  # probability of the intervals
SIZE = (5.6, 4.5)  # inches of a panel of the picture
REACH = 10.0  # multiple of the runs' largest compute up to which the fan goes; the runs kept back are at about 4
ASIDE = 0.24  # distance between the two intervals of one run in the picture; runs are 1 apart
RECOMMENDED, EXACT = "recommended", "exact_law"  # the two forecasts of each run in the JSON document


def demo(*, plot: Plot = None, json: Json = False) -> None:
    """Forecast real runs, and show whether the forecasts hold.

    The largest runs of the project's own sweep are forecast from the small ones, in the recommended way and by a law
    alone.
    """
    picture = checked_figure(plot)
    load_jax()
    import scalebayes as sb

    runs, targets = sb.datasets.load(DATA, where=FIT), sb.datasets.load(DATA, where=TARGET)
    what = f"{len(runs)} runs"
    fit = patiently(f"Fitting {what} in the recommended way (1 of 2)", lambda: sb.forecaster(runs, on_fail="ignore"))
    exact = patiently(
        f"Fitting {what} by the law alone (2 of 2)", lambda: sb.fit(runs, method="laplace", on_fail="ignore")
    )
    fits = {RECOMMENDED: fit, EXACT: exact}
    rows = patiently(f"Forecasting {len(targets)} runs kept back", lambda: held(fits, targets))
    document = {"data": DATA, "where": FIT, **about_fit(fit, PROB), "forecasts": rows}
    answer = document if json else text(fits, targets, rows)
    answered(answer, plot=lambda: drawn(lambda: demo_picture(fit, targets, rows), picture))
    if not json:
        print("\n" + following(picture is not None))


def text(fits: "dict[str, Fit]", targets: "Runs", rows: list[dict[str, Any]]) -> str:
    """Return what the command prints: the sweep, the forecasts beside the truth, and how far each can be trusted."""
    fit, exact = fits[RECOMMENDED], fits[EXACT]
    runs = fit.scored_runs
    largest, costs = runs.column("C").max(), targets.column("C")
    sweep = (
        f"The sweep: {len(runs)} small transformers, trained on the source code of Python's standard library "
        f"(sb.datasets.load('{DATA}')), up to {show.figure(largest, 3)} FLOPs each. {len(targets)} runs of "
        f"{show.figure(costs.min() / largest, 2)} to {show.figure(costs.max() / largest, 2)} times that compute were "
        "kept back. Neither fit has seen them."
    )
    far = max(row["efolds"] for row in rows)
    told = (
        f"median [{percent(PROB)} interval] of the loss of a new run, in {runs.unit}, up to {far:.1f} e-folds beyond "
        "the fitted runs."
    )
    verdict = {
        "recommended": f"{_count(rows, RECOMMENDED)}. It is what scalebayes forecast fits: {fit.law.name} with a "
        "Gaussian process for what the law gets wrong.",
        "law alone": f"{_count(rows, EXACT)}. It is the law that scalebayes fit has by default, {exact.law.name}, "
        "taken as exact.",
    }
    return joined(
        failed_text(fit.checks),
        show.prose(sweep),
        _table(rows),
        show.prose(told),
        show.fields(verdict),
        checks_text(fit.checks),
    )


def following(drawn: bool) -> str:
    """Return the last lines that the command prints: what to type next."""
    picture = {} if drawn else {"scalebayes demo --plot demo.png": "this forecast as a picture"}
    lines = picture | {"scalebayes forecast RUNS.csv --N 70B --D 1.4T": "your own runs: columns N, D and loss"}
    wide = max(map(len, lines))
    return "\n".join(["Next:", *(f"  {typed:<{wide}}  {why}" for typed, why in lines.items())])


def demo_picture(fit: "Fit", targets: "Runs", rows: list[dict[str, Any]]) -> Any:
    """Draw the recommended forecast with the truth, and beside it each run kept back with both intervals."""
    import scalebayes as sb
    from scalebayes.plots import style
    from scalebayes.plots.axis import set_axis
    from scalebayes.plots.key import key

    fan, close = style.opened_panels(2, columns=2, size=SIZE)
    sb.plot_forecast(fit, truth=targets, observed=True, prob=PROB, reach=REACH, ax=fan)
    for place, (name, label) in enumerate(((RECOMMENDED, "recommended"), (EXACT, "law alone"))):
        x = [i + ASIDE * (place - 0.5) for i in range(len(rows))]
        color: Any = style.colour(place)
        lower, upper = ([row[name][end] for row in rows] for end in ("lower", "upper"))
        close.vlines(x, lower, upper, color=color, linewidth=2.4)
        look: dict[str, Any] = {"marker": style.marker(place), "linestyle": "none", "markeredgecolor": "white"}
        close.plot(x, [row[name]["median"] for row in rows], color=color, markersize=8, label=label, **look)
    truth, at = [row["truth"] for row in rows], range(len(rows))
    close.hlines(truth, [i - 1.5 * ASIDE for i in at], [i + 1.5 * ASIDE for i in at], color=style.TRUTH, linewidth=1.0)
    style.dots(close, at, truth, color=style.TRUTH, marker="D", label="truth", zorder=4)
    names = [f"{show.count(row['N'])} on\n{show.count(row['D'])}" for row in rows]
    close.set_xticks(at, names)
    close.set_xlim(-0.6, len(rows) - 0.4)
    close.set_xlabel("run kept back: N on D")
    set_axis(close.yaxis, targets.observable, targets)
    key(close, runs=None, title=f"median and\n{percent(PROB)} interval")
    return fan, close


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
            show.count(row["N"]),
            show.count(row["D"]),
            show.figure(row["truth"], digits),
            *cells(row[RECOMMENDED]),
            *cells(row[EXACT]),
        ]
        for row in rows
    ]
    return show.grid(["N", "D", "truth", "recommended", "", "law alone", ""], body, left=0)


def _count(rows: list[dict[str, Any]], name: str) -> str:
    return f"{sum(row[name]['inside'] for row in rows)} of {len(rows)} intervals hold the loss"
