"""Checks that a change moves no number: run `python -m benchmarks.checks.same --write FOLDER` before the change.

After the change, run `python -m benchmarks.checks.same --check FOLDER`.

The script computes the answers of fits, forecasts, optima, scores, a comparison, a stack, a backtest, a batch and the
recommended forecaster, on the Chinchilla runs and the shipped sweep. `--write` writes them to FOLDER/same.json, with
the files of fits beside it. `--check` computes them again, compares them, and loads the files. Only public names are
called, so that the script runs on the version before the change and on the one after it.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import scalebayes as sb
from benchmarks.shared import commit, find_data, say

WITHIN = 1e-10  # relative difference; a number that differs by more has moved


def tables() -> dict[str, sb.Runs]:
    """Return the Chinchilla runs, and the runs of the shipped sweep that saw each token at most once."""
    chinchilla = sb.read_runs(find_data(), where="epoch_excluded == 0")
    sweep = sb.datasets.load("tiny_gpt", where="epochs <= 1")
    return {
        "chinchilla": sb.Runs(N=chinchilla.column("N"), D=chinchilla.column("D"), loss=chinchilla.y),
        "sweep": sb.Runs(N=sweep.column("N"), D=sweep.column("D"), loss=sweep.y),
    }


def answers(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name and the numbers of each answer; the Laplace fits are saved in the folder unless they are there."""
    for name, runs in tables().items():
        large = runs.take(np.argsort(runs.column("N") * runs.column("D"))[-8:])
        methods = {"laplace": sb.Laplace(), "map": sb.MAP(), "nuts": sb.NUTS(draws=200, warmup=200, chains=2)}
        for method, settings in methods.items():
            fit = sb.fit(runs, "chinchilla", method=settings, seed=0, on_fail="ignore")
            yield f"{name} {method} draws", {key: x.mean() for key, x in fit.draws.items()}
            yield f"{name} {method} predict", sb.interval(sb.predict(fit, N=[1e9, 7e10], D=[2e10, 1.4e12], seed=1))
            yield f"{name} {method} optimum", sb.interval(sb.optimum(fit, C=[1e21, 1e24]))
            if method == "laplace":
                yield f"{name} score", sb.score(fit, large, seed=2)["log_score"].values
                if not (folder / f"{name}.nc").is_file():
                    fit.save(folder / f"{name}.nc")
        fits = {law: sb.fit(runs, law, seed=0, on_fail="ignore") for law in ("chinchilla", "kaplan")}
        yield f"{name} compare", sb.compare(fits).table()
        stack = sb.stack(fits)
        yield f"{name} stack predict", sb.interval(sb.predict(stack, N=[7e10], D=[1.4e12], seed=1))
        forecast = sb.forecaster(runs, seed=0, on_fail="ignore")
        yield f"{name} forecaster", sb.interval(sb.predict(forecast, N=[7e10], D=[1.4e12], seed=1))
    runs = tables()["chinchilla"]
    yield "backtest", sb.backtest(runs, ["chinchilla"], method="laplace", seed=0).data["log_score"].values
    batch = sb.fit_many(list(tables().values()), "chinchilla", method="laplace", progress=False, on_fail="ignore")
    yield "fit_many", [float(fit.draws["alpha"].mean()) for fit in batch]


def plain(value: Any) -> Any:
    """Return numbers as nested lists, or as a dict if they have names."""
    if hasattr(value, "select_dtypes"):
        return {str(name): column.tolist() for name, column in value.select_dtypes("number").items()}
    if isinstance(value, dict):
        return {name: float(x) for name, x in value.items()}
    return np.asarray(value, np.float64).tolist()


def apart(old: Any, new: Any) -> float:
    """Return the largest relative difference; infinity if the two differ in names or shapes."""
    if isinstance(old, dict):
        return max((apart(old[name], new[name]) for name in old), default=0.0) if set(old) == set(new) else np.inf
    a, b = np.asarray(old, np.float64), np.asarray(new, np.float64)
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return np.inf
    kept = ~np.isnan(a)
    return float(np.max(np.abs(a[kept] - b[kept]) / np.maximum(np.abs(a[kept]), 1e-300), initial=0.0))


def main() -> int:
    """Write or check the answers; the exit code is 1 if a number moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--write", type=Path, metavar="FOLDER", help="write the answers to this folder")
    how.add_argument("--check", type=Path, metavar="FOLDER", help="compare the answers with those in this folder")
    options = parser.parse_args()
    folder = options.write or options.check
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, value in answers(folder):
        say(name)
        found[name] = plain(value)
    path = folder / "same.json"
    if options.write:
        path.write_text(json.dumps({"commit": commit(), "answers": found}), encoding="utf-8")
        return 0
    kept = json.loads(path.read_text(encoding="utf-8"))
    worst = {name: apart(kept["answers"].get(name), found[name]) for name in found}
    for name in tables():
        again = plain({key: x.mean() for key, x in sb.load(folder / f"{name}.nc").draws.items()})
        worst[f"{name} loaded"] = apart(kept["answers"][f"{name} laplace draws"], again)
    for name, off in worst.items():
        print(f"{name}: {off:.1e}{'' if off <= WITHIN else '  MOVED'}")
    print(f"against {kept['commit']}: {sum(off > WITHIN for off in worst.values())} of {len(worst)} moved")
    return int(any(off > WITHIN for off in worst.values()))


if __name__ == "__main__":
    raise SystemExit(main())
