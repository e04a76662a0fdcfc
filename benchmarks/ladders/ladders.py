"""Scores forecasts of ladders of finished runs beyond their largest runs: `python -m benchmarks.ladders.ladders`.

The methods are the recommended forecaster, the same forecaster with the priors of curves (which ladders had before they
got their own), and laws that are taken as exact. The priors of ladders were chosen on the part "chosen on" and on
simulated ladders of another seed. Each call is appended to skill_log.csv. See README.md beside this file.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ladders import ladder_sets as sets
from benchmarks.shared import add_only, commit, find_data, machine, say, versions, write_json
from benchmarks.skill.skill import log

COUNT, SEED = 200, 2  # number and seed of the simulated ladders; the priors were chosen on those of seed 1
COLUMNS = ("rmse", "bias", "log_score", "cov90", "cov50", "width90")


def main() -> None:
    """Fit and score the ladders, and write ladders.json and ladders.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_only(parser, PARTS)
    parser.add_argument(
        "--methods",
        default=",".join(METHODS),
        help="methods to score, separated by commas; the default is all of " + ", ".join(METHODS),
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=here,
        help="folder of ladders.json and ladders.md; the default is the folder of this script",
    )
    options = parser.parse_args()
    parts, methods = options.only, options.methods.split(",")
    if strange := {*methods} - set(METHODS):
        parser.error(f"--methods takes {', '.join(METHODS)}, not {sorted(strange)[0]!r}")
    folder = find_data().parent
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "ladders.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for part in parts:
        cases = PARTS[part](folder)
        for method in methods:
            about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
            started = time.perf_counter()
            fits = METHODS[method](cases)
            took = time.perf_counter() - started
            each = {name: figures(fit, cases[name]) for name, fit in fits.items()}
            row = {**about, "machine": machine(), "versions": dict(versions()), "seconds": took, "cases": each}
            record.setdefault(part, {})[method] = row
            say(f"{part}, {method}: {took:.0f} s, {pooled(each)}")
            write_json(path, record)
            (options.out / "ladders.md").write_text(markdown(record), encoding="utf-8")
            looked = {method: {"sets": {part: pooled(each, as_list=True)}}}
            log(here.parent / "skill" / "skill_log.csv", "ladders", about, looked)
    print(markdown(record))


def recommended(kind: str | None) -> Callable[[Mapping[str, sets.Case]], dict[str, Any]]:
    """Return a function that fits cases as `forecaster` does, as the kind given or, for None, by its own rule."""

    def fits(cases: Mapping[str, sets.Case]) -> dict[str, Any]:
        from scalebayes.fitting.forecaster import METHOD, recipe

        return _by_column(cases, lambda runs: {"law": recipe(runs, kind=kind), "method": METHOD})

    return fits


def exact(law: str) -> Callable[[Mapping[str, sets.Case]], dict[str, Any]]:
    """Return a function that fits cases with a law that is taken as exact, with the law's own priors."""
    settings = {"law": law, "noise": "normal"}
    return lambda cases: _by_column(cases, lambda runs: {**settings, "inputs": {"x": next(iter(runs.inputs))}})


def _by_column(cases: Mapping[str, sets.Case], settings: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the fits of the cases; cases along one column have the same inputs and are fitted in one batch."""
    import scalebayes as sb

    found = {}
    for column in ("N", "D", "C"):
        tables = {name: case.fitted for name, case in cases.items() if column in case.fitted.inputs}
        if tables:
            own = settings(next(iter(tables.values())))
            found |= dict(zip(tables, sb.fit_many(tables, seed=0, on_fail="ignore", **own), strict=True))
    return {name: found[name] for name in cases}


def figures(fit: Any, case: sets.Case) -> dict[str, Any]:
    """Return errors on the log, log score, coverages and width of a ladder's held-out runs, and facts about its fit."""
    import scalebayes as sb

    one = sb.score(fit, case.held, probs=[0.5, 0.9], seed=0)
    covered, width = one["covered"], one["log_width"].sel(prob=0.9)
    return {
        "square": float((one["log_error"] ** 2).mean()),
        "bias": float(one["log_error"].mean()),
        "log_score": float(one["log_score"].mean()),
        "cov90": float(covered.sel(prob=0.9).mean()),
        "cov50": float(covered.sel(prob=0.5).mean()),
        "width90": float(width.mean()),
        "along": next(iter(case.fitted.inputs)),
        "method": fit.method.name,
        "conflict": fit.checks["prior_data_conflict"].status.value,
    }


def pooled(each: Mapping[str, Mapping[str, Any]], as_list: bool = False) -> dict[str, Any]:
    """Return the means over the ladders, each with the same weight."""
    found = {name: float(np.mean([one[name] for one in each.values()])) for name in ("square", *COLUMNS[1:])}
    found = {"rmse": found.pop("square") ** 0.5, **found}
    return {name: [x] for name, x in found.items()} if as_list else found


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of ladders.md."""
    lines = [
        *("# Forecasts of ladders of finished runs", "", "Made by `python -m benchmarks.ladders.ladders`."),
        f"Real ladders: their runs within {sets.REACH:g} times the largest N, D or C are held out. Simulated ones:",
        f"{COUNT} from E + A (C/C_0)^-alpha, judged at {sets.FAR:g} times the largest compute. Errors, of the median",
        "over the truth, and widths of the 90 % interval are on the log. A ladder counts once, however many of its",
        "runs are held out; the margin of the mean error is its standard error over the ladders.",
        *("", "conflict: the share of ladders of which the check says that runs and priors contradict each other.", ""),
    ]
    for (part, along), methods in by_column(record).items():
        first = next(iter(methods.values()))
        lines += [f"## {part}, along {along}: {len(first['cases'])} ladders", ""]
        lines += ["| | RMSE | mean error | log score | 90 % hold | 50 % hold | width | conflict | by NUTS |"]
        lines += ["|---|---|---|---|---|---|---|---|---|"]
        for method, row in methods.items():
            cases = list(row["cases"].values())
            one, error = pooled(row["cases"]), np.std([x["bias"] for x in cases], ddof=1) / len(cases) ** 0.5
            share = {name: np.mean([x[key] == is_ for x in cases]) for name, key, is_ in SHARES}
            lines.append(
                f"| {method} | {one['rmse']:.4f} | {one['bias']:+.4f} ± {error:.4f} | {one['log_score']:.2f} "
                f"| {one['cov90']:.2f} | {one['cov50']:.2f} | {one['width90']:.3f} "
                f"| {share['conflict']:.2f} | {share['nuts']:.2f} |"
            )
        lines += ["", *sorted({f"{row['date']}, commit {row['commit']}." for row in methods.values()}), ""]
    return "\n".join(lines)


def by_column(record: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (part, columns) -> method -> its row, with only the ladders along those columns."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part, methods in record.items():
        for method, row in methods.items():
            for along in ("C", "N or D"):
                kept = {name: one for name, one in row["cases"].items() if one["along"] in along.split(" or ")}
                if kept:
                    found.setdefault((part, along), {})[method] = {**row, "cases": kept}
    return found


# Name in the report, key of a case, and the value whose share is reported.
SHARES = (("conflict", "conflict", "review"), ("nuts", "method", "nuts"))
METHODS = {
    "recommended": recommended(None),
    "priors of curves": recommended("curve"),
    "offset_power exact": exact("offset_power"),
    "power exact": exact("power"),
}
PARTS: dict[str, Callable[[Path], dict[str, sets.Case]]] = {
    "simulated": lambda folder: sets.simulated(COUNT, SEED),
    "judged on": sets.judged_on,
    "chosen on": sets.chosen_on,
    "fine-tuned": sets.fine_tuned,
}


if __name__ == "__main__":
    main()
