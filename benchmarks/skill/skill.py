"""Scores forecasts of held-out larger runs, by the forecaster and by baselines: `python -m benchmarks.skill.skill`.

Every part is scored over several seeds. Its figures are means over the seeds, with their standard errors. Each call is
appended to skill_log.csv. See README.md beside this file.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions, write_json
from benchmarks.skill import skill_sets as sets
from benchmarks.skill.skill_report import markdown, picture
from benchmarks.skill.skill_stack import stacking

PROB = 0.9  # probability of the intervals whose coverage and width are scored
FEW = (5, 8, 12, 15)  # numbers of runs in a small sweep


def main() -> None:
    """Score the parts, and write skill.json, skill.md, skill.png and skill_log.csv."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds; the default is %(default)s")
    add_only(parser, PARTS)
    parser.add_argument("--methods", default="", help="methods to score, separated by commas; the default is all")
    add_out(parser, here, "skill.json, skill.md and skill.png")
    options = parser.parse_args()
    parts = options.only
    folder = find_data().parent
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "skill.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"parts": {}}
    for part in parts:
        about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
        rows = PARTS[part](folder, range(options.seeds), set(filter(None, options.methods.split(","))))
        kept = record["parts"].get(part, {}).get("rows", {}) if options.methods else {}
        made = {name: about[name] for name in ("date", "commit")}
        rows = {method: {**made, **row} for method, row in rows.items()}
        record["parts"][part] = {**about, "versions": dict(versions()), "rows": {**kept, **rows}}
        record["parts"] = {name: record["parts"][name] for name in PARTS if name in record["parts"]}
        write_json(path, record)
        (options.out / "skill.md").write_text(markdown(record), encoding="utf-8")
        log(here / "skill_log.csv", part, about, rows)
    picture(record, options.out / "skill.png")
    print(markdown(record))


def log(path: Path, part: str, about: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
    """Append the scores to the log, so that every look at the held-out runs is on record."""
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        if new:
            out.writerow(["date", "commit", "part", "method", "set", "seeds", "rmse", "log_score", "cov90", "width90"])
        for method, found in rows.items():
            for name, one in found["sets"].items():
                figures = [f"{np.mean(one[x]):.5g}" for x in ("rmse", "log_score", "cov90", "width90")]
                out.writerow([about["date"], about["commit"], part, method, name, len(one["rmse"]), *figures])


def scored(fits: Mapping[str, Any], cases: Mapping[str, sets.Case], seed: int) -> dict[str, dict[str, float]]:
    """Return case -> RMSE on the log, mean log score, and coverage and width of the 90 % interval."""
    import scalebayes as sb

    found = {}
    for name, fit in fits.items():
        one = sb.score(fit, cases[name].held, probs=[PROB], seed=seed)
        found[name] = figures({n: x.values for n, x in one.items()})
    return found


def figures(one: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the means of the scores of a case over its runs."""
    return {
        "rmse": float(np.sqrt(np.mean(one["log_error"] ** 2))),
        "log_score": float(one["log_score"].mean()),
        "cov90": float(one["covered"].mean()),
        "width90": float(one["log_width"].mean()),
    }


def recommended(cases: Mapping[str, sets.Case], seed: int) -> dict[str, Any]:
    """Fit each case as `forecaster` does; several curves are fitted in one batch."""
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD, recipe

    first = next(iter(cases.values())).fitted
    if len(cases) == 1 or "x" not in first.inputs:
        return {name: sb.forecaster(case.fitted, seed=seed, on_fail="ignore") for name, case in cases.items()}
    settings = {"law": recipe(first), "method": METHOD, "on_fail": "ignore"}
    return _many(cases, seed, **settings)


def law(name: str, **settings: Any) -> Callable[..., dict[str, Any]]:
    """Return a function that fits a law, taken as exact, to all runs of each case."""
    return lambda cases, seed: _many(cases, seed, law=name, on_fail="ignore", **settings)


def _many(cases: Mapping[str, sets.Case], seed: int, **settings: Any) -> dict[str, Any]:
    """Fit all cases in one call of `fit_many`."""
    import scalebayes as sb

    fits = sb.fit_many({n: case.fitted for n, case in cases.items()}, seed=seed, **settings)
    return dict(zip(cases, fits, strict=True))


def bootstrap(name: str) -> Callable[..., dict[str, Any]]:
    """Return a function that fits each case by a bootstrap of a law."""

    def fits(cases: Mapping[str, sets.Case], seed: int) -> dict[str, Any]:
        import scalebayes as sb

        settings = {"method": sb.Bootstrap(resamples=400), "noise": "normal", "priors": "flat", "on_fail": "ignore"}
        return {n: sb.fit(case.fitted, name, seed=seed, **settings) for n, case in cases.items()}

    return fits


def trivial(cases: Mapping[str, sets.Case], by: str, seed: int) -> dict[str, dict[str, float]]:
    """Return case -> scores of the trivial forecast along the column `by`."""
    from scalebayes.backtesting.proper_scores import scores_of
    from scalebayes.backtesting.trivial import Trivial

    found = {}
    for name, case in cases.items():
        fitted, held = (runs.derive("C") if by == "C" else runs for runs in case)
        said = Trivial.of(fitted, by).forecast(held, seed)
        found[name] = figures(scores_of(said, np.log(held.y), [PROB]))
    return found


def compared(
    cases: Mapping[str, sets.Case],
    seeds: Any,
    methods: Mapping[str, Callable[..., Any]],
    by: str,
    asked: set[str],
    group: Callable[[str], str] = lambda name: "all",
) -> dict[str, Any]:
    """Return method -> set of cases -> figures by seed, each the mean over the cases; and warm seconds per case."""
    rows: dict[str, Any] = {}
    for method in (*methods, "trivial"):
        if asked and method not in asked:
            continue
        each, took = [], []
        for seed in seeds:
            started = time.perf_counter()
            if method == "trivial":
                found = trivial(cases, by, seed)
                took.append(time.perf_counter() - started)
            else:
                fits = methods[method](cases, seed)
                took.append(time.perf_counter() - started)
                found = scored(fits, cases, seed)
            each.append(found)
            say(f"  {method}, seed {seed}: {took[-1]:.1f} s")
        names = dict.fromkeys(["all", *map(group, cases)])
        of = {name: [case for case in cases if name in ("all", group(case))] for name in names}
        rows[method] = {
            "seconds": float(np.median(took[1:] or took)) / len(cases),
            "sets": {
                name: {x: [float(np.mean([one[c][x] for c in kept])) for one in each] for x in each[0][kept[0]]}
                for name, kept in of.items()
            },
        }
    return rows


def curves(folder: Path, seeds: Any, asked: set[str]) -> dict[str, Any]:
    """Score the image curves, and the curves of other domains."""
    methods = {
        "recommended": recommended,
        "offset_power exact": law("offset_power", noise="normal"),
        "m2 point": law("offset_power", noise="normal", method="map", priors="flat"),
        "m4 point": law("m4", noise="normal", method="map", priors="flat"),
        "bnsl point": law("broken_power", noise="normal", method="map", priors="flat"),
    }
    found: dict[str, Any] = {}
    for domain in ("IC", "BB", "NMT", "LM"):
        say(f"curves: {domain}")
        group = (lambda name: f"IC half {sets.half(name)}") if domain == "IC" else (lambda name: "all")
        rows = compared(sets.curves(folder, domain), seeds, methods, "x", asked, group)
        for method, row in rows.items():
            renamed = {name if name.startswith("IC") else domain: x for name, x in row["sets"].items()}
            whole = found.setdefault(method, {"seconds": row["seconds"], "sets": {}})
            whole["sets"] |= renamed
    return found


def windows(folder: Path, seeds: Any, asked: set[str]) -> dict[str, Any]:
    """Score half A of the image curves by the recipe, in windows of several widths."""
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD, recipe

    cases = {name: case for name, case in sets.curves(folder, "IC").items() if sets.half(name) == "A"}
    first = recipe(next(iter(cases.values())).fitted)
    rows = {}
    for efolds in (1.5, 2.0, 2.5, 3.0):
        settings = {"law": first, "window": sb.Window(efolds), "method": METHOD, "on_fail": "ignore"}
        how = {"recommended": lambda cases, seed, s=settings: _many(cases, seed, **s)}
        found = compared(cases, seeds, how, "x", asked or {"recommended"})
        rows |= {f"{efolds:g} e-folds": one for one in found.values()}
    return rows


def backtests(cases: Callable[[Path], Mapping[str, sets.Case]]) -> Callable[..., dict[str, Any]]:
    """Return a function that scores sweeps of N and D, each case a set of its own."""
    methods = {
        "recommended": recommended,
        "chinchilla exact": law("chinchilla"),
        "chinchilla bootstrap": bootstrap("chinchilla"),
    }
    return lambda folder, seeds, asked: compared(cases(folder), seeds, methods, "C", asked, lambda name: name)


def few(folder: Path, seeds: Any, asked: set[str]) -> dict[str, Any]:
    """Score simulated sweeps of 5 to 15 runs, which differ for every seed."""
    rows: dict[str, Any] = {}
    for exact in (False, True):
        kind = "exact law" if exact else "own prior"
        for seed in seeds:
            cases = {n: c for k in FEW for n, c in sets.few_rows(k, exact, 5, seed=100 * k + seed).items()}
            found = compared(cases, [seed], {"recommended": recommended}, "C", asked, lambda n: n.split(",")[0])
            for method, one in found.items():
                row = rows.setdefault(f"{method}, {kind}", {"seconds": one["seconds"], "sets": {}})
                for name, figure in one["sets"].items():
                    kept = row["sets"].setdefault(name, {x: [] for x in figure})
                    for x, values in figure.items():
                        kept[x] += values
    return rows


def stacked(folder: Path, seeds: Any, asked: set[str]) -> dict[str, Any]:
    """Score two laws on the image curves, alone and stacked."""
    return stacking(sets.curves(folder, "IC"), seeds, figures, PROB)


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "curves": curves,
    "windows": windows,
    "chinchilla": backtests(sets.chinchilla),
    "porian": backtests(sets.porian),
    "own sweep": backtests(lambda folder: sets.own_sweep()),
    "few rows": few,
    "stacking": stacked,
}


if __name__ == "__main__":
    main()
