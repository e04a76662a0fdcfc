"""Scores forecasts of recipes that are fitted together against those of separate fits: `python -m \
benchmarks.pooling.pooling`.

See README.md beside this file. The seeds here were not looked at while the model was made.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pooling import recipe_sets as sets
from benchmarks.shared import add_only, commit, machine, say, versions, write_json

JUDGED = (101, 102, 103, 104, 105)  # seeds of the tables; the model was tried on seeds below 20
COLUMNS = ("curve", "crps", "log_score", "rmse", "bias", "cov90", "cov50", "width90")


def main() -> None:
    """Fit and score the tables, and write pooling.json and pooling.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_only(parser, PARTS)
    parser.add_argument("--seeds", default=",".join(map(str, JUDGED)), help="seeds of the tables, separated by commas")
    parser.add_argument("--out", type=Path, default=here, help="folder of the results; the default is this folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "pooling.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    for part in options.only:
        settings, methods = PARTS[part]
        for seed in map(int, options.seeds.split(",")):
            case = sets.simulated(seed, **settings)
            for method in methods:
                started = time.perf_counter()
                fits = METHODS[method](case.fitted)
                took = time.perf_counter() - started
                row = {**about, "versions": dict(versions()), "seconds": took, **figures(fits, case)}
                record.setdefault(part, {}).setdefault(method, {})[str(seed)] = row
                say(
                    f"{part}, seed {seed}, {method}: {took:.0f} s, CRPS {row['curve']:.5f}, {row['crps']:.5f}, "
                    f"90 % {row['cov90']:.2f}"
                )
                write_json(path, record)
                (options.out / "pooling.md").write_text(markdown(record), encoding="utf-8")
    print(markdown(record))


def separate(**settings: Any) -> Callable[[Any], Any]:
    """Return a function that fits each recipe alone."""

    def fits(runs: Any) -> Any:
        import scalebayes as sb

        return sb.fit_many(runs, by="recipe", inputs={"x": "N"}, method=laplace(), on_fail="ignore", **settings)

    return fits


def together(**settings: Any) -> Callable[[Any], Any]:
    """Return a function that fits all recipes together."""

    def fits(runs: Any) -> Any:
        import scalebayes as sb

        return sb.fit(runs, pool="recipe", inputs={"x": "N"}, method=chains(), on_fail="ignore", **settings)

    return fits


def figures(fits: Any, case: sets.Case) -> dict[str, float]:
    """Return the scores of the held-out runs and of their curve, on the log of the loss, as means over them."""
    import scalebayes as sb

    found, curves, held = [], [], case.held
    for name in sorted(set(held.labels["recipe"])):
        here = held.labels["recipe"] == name
        found.append(sb.score(fits[name], held.take(here), probs=[0.5, 0.9], seed=0))
        sizes, first = np.unique(held["N"][here], return_index=True)
        drawn = np.log(sb.predict(fits[name], N=sizes)["loss"].values.reshape(-1, len(sizes)))
        curves.append(crps(drawn, np.log(case.curve[here][first])))
    each = {
        "curve": curves,
        "crps": [one["crps"].values for one in found],
        "log_score": [one["log_score"].values for one in found],
        "square": [one["log_error"].values ** 2 for one in found],
        "bias": [one["log_error"].values for one in found],
        "cov90": [one["covered"].sel(prob=0.9).values for one in found],
        "cov50": [one["covered"].sel(prob=0.5).values for one in found],
        "width90": [one["log_width"].sel(prob=0.9).values for one in found],
    }
    means = {name: float(np.concatenate(x).mean()) for name, x in each.items()}
    failed = sum(fit.checks.status.value == "fail" for fit in fits)
    return {**means, "rmse": means.pop("square") ** 0.5, "failed": failed / len(fits)}


def crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score (point,) of draws (draw, point) of each truth."""
    ranked, count = np.sort(draws, axis=0), len(draws)
    weight = (2 * np.arange(1, count + 1) - count - 1) / count**2
    return np.abs(draws - truth).mean(axis=0) - weight @ ranked


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of pooling.md."""
    lines = [
        *("# Forecasts of recipes that are fitted together", "", "Made by `python -m benchmarks.pooling.pooling`."),
        f"{sets.RECIPES} simulated recipes of 5 sizes with {sets.SEEDS} seeds each. Scores are on the log of the loss",
        "of single held-out runs, whose own noise is in them, and are means over the runs of a table and then over the",
        "tables. CRPS of the curve: that of the loss at the largest size without noise. Over separate: the ratio of",
        "its mean over the tables to that of separate fits, with the standard error by leaving out a table at a time.",
        "",
    ]
    for part, methods in record.items():
        base = next(iter(methods.values()))
        lines += [f"## {part}: {len(base)} tables", "", TEXTS[part], ""]
        lines += [
            "| " + " | ".join(HEADS) + " |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|---|---|---|---|"]
        for method, tables in methods.items():
            both = [(one, base[seed]) for seed, one in tables.items() if seed in base]
            mean = {name: float(np.mean([one[name] for one, _ in both])) for name in (*COLUMNS, "failed")}
            lines.append(
                f"| {method} | {mean['curve']:.5f} | {over(both, 'curve')} | {mean['crps']:.5f} | {over(both, 'crps')} "
                f"| {mean['log_score']:.2f} "
                f"| {mean['rmse']:.4f} | {mean['bias']:+.4f} | {mean['cov90']:.2f} | {mean['cov50']:.2f} "
                f"| {mean['width90']:.4f} | {mean['failed']:.2f} |"
            )
        rows = [row for tables in methods.values() for row in tables.values()]
        lines += ["", *sorted({f"{row['date']}, commit {row['commit']}." for row in rows}), ""]
    return "\n".join(lines)


def laplace() -> Any:
    """Return the method of the separate fits: weighted draws, and chains where their k-hat fails."""
    import scalebayes as sb

    return sb.Laplace(draws=1000, proposals=4000, search=sb.Search(screened=256, starts=4, lbfgs_steps=0))


def chains() -> Any:
    """Return the method of the pooled fits: short chains, whose error is small beside that of a forecast."""
    import scalebayes as sb

    return sb.NUTS(draws=500, chains=4, tries=1, search=sb.Search(screened=64, starts=2))


def over(both: list[tuple[Mapping[str, float], Mapping[str, float]]], name: str) -> str:
    """Return the ratio of two means over the tables with its standard error, by the jackknife, as text."""
    own, base = (np.array([pair[i][name] for pair in both]) for i in (0, 1))
    if len(own) < 2:
        return f"{own.sum() / base.sum():.2f}"
    left = (own.sum() - own) / (base.sum() - base)
    error = np.sqrt((len(own) - 1) / len(own) * ((left - left.mean()) ** 2).sum())
    return f"{own.sum() / base.sum():.2f} ± {error:.2f}"


HEADS = ("", "CRPS of the curve", "over separate", "CRPS of runs", "over separate", "log score", "RMSE", "mean error")
HEADS += ("90 % hold", "50 % hold", "width", "failed")
METHODS = {
    "separate": separate(law="offset_power", noise="normal"),
    "pooled": together(law="offset_power", noise="normal"),
    "separate with a discrepancy": separate(law="end_power", discrepancy="gp"),
    "pooled with a discrepancy": together(law="end_power", discrepancy="gp"),
}
PARTS: dict[str, tuple[dict[str, bool], tuple[str, ...]]] = {
    "largest": ({}, ("separate", "pooled")),
    "alike": ({"alike": True}, ("separate", "pooled")),
    "noisy": ({"noisy": True}, ("separate", "pooled")),
    "short": ({"short": True}, ("separate", "pooled")),
    "broken": ({"broken": True}, tuple(METHODS)),
}
TEXTS = {
    "largest": "The largest size of every recipe is held out. Spreads of log exponent, logit floor share and log "
    f"level: {sets.SPREADS}.",
    "alike": f"The same of recipes that are much alike: spreads {sets.ALIKE}.",
    "noisy": f"As largest, with an sd of {sets.NOISY:g} between seeds in place of {sets.NOISE:g}.",
    "short": f"Of {sets.SHORT} recipes all but the two smallest sizes are held out; the others are fitted whole.",
    "broken": f"The largest size, held out, departs by one factor of sd {sets.BREAK:g} in all recipes of a table.",
}


if __name__ == "__main__":
    main()
