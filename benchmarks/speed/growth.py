"""Times warm fits with a Gaussian process as the runs and their groups grow: `python -m benchmarks.speed.growth`.

Each fit runs once untimed, which compiles its programs, and then `--repeats` times in the same process. See README.md
beside this file.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import scalebayes as sb
from benchmarks.shared import add_only, commit, find_data, machine, say, versions, write_json
from scalebayes.infer.compile import cores

ROWS = (60, 66, 120, 240, 480)  # runs of the simulated sweeps without groups
SWEEPS = {"22 groups": (22, 220), "100 groups": (100, 1000)}  # name -> groups and runs of a simulated sweep
PARTS = ("laplace", "nuts", *(name.replace(" ", "-") for name in SWEEPS), "rows")
# Seconds that the project aims at, on two idle cores.
AIMS = {"gp, Laplace": 3.0, "gp, NUTS": 40.0, "forecaster, 22 groups": 5.0, "forecaster, 100 groups": 30.0}


def main() -> None:
    """Time the fits, and write growth.json and growth.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="repeats of every fit; the default is %(default)s")
    add_only(parser, PARTS)
    parser.add_argument("--out", type=Path, default=here, help="folder of growth.json and growth.md")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats is at least 1")
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "repeats": options.repeats}
    record |= {"machine": machine(), "versions": dict(versions()), "commit": commit(), "cores": cores()}
    record["fits"] = {
        name: timed(name, fit, options.repeats) for part in options.only for name, fit in fits(part).items()
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "growth.json", record)
    text = markdown(record)
    (options.out / "growth.md").write_text(text, encoding="utf-8")
    print(text)


def fits(part: str) -> dict[str, Callable[[], Any]]:
    """Return the fits of a part by their names."""
    if part in ("laplace", "nuts"):
        runs = sb.read_runs(find_data(), "epoch_excluded == 0")
        name = f"gp, {'Laplace' if part == 'laplace' else 'NUTS'}"
        return {name: partial(sb.fit, runs, "chinchilla", discrepancy="gp", method=part, on_fail="ignore")}
    if part == "rows":
        ours = {"law": "chinchilla", "discrepancy": "gp", "method": "laplace", "fallback": False, "on_fail": "ignore"}
        return {f"gp, Laplace, {rows} runs": partial(sb.fit, sweep(rows, 1), **ours) for rows in ROWS}
    groups, rows = SWEEPS[part.replace("-", " ")]
    return {f"forecaster, {groups} groups": partial(sb.forecaster, sweep(rows, groups), on_fail="ignore")}


def sweep(rows: int, groups: int) -> sb.Runs:
    """Return a simulated sweep with a fixed seed: a Chinchilla law with a smooth departure and scatter of 0.4 %.

    N and D are drawn over four e-folds each. Groups have shifts of 1 % and equally many runs.
    """
    rng = np.random.default_rng(groups)
    N, D = (base * np.exp(rng.uniform(0, 4, rows)) for base in (1e7, 1e9))
    group = np.arange(rows) % groups
    shift = 0.01 * rng.standard_normal(groups)[group] * (groups > 1)
    departure = 0.01 * np.sin(1.3 * np.log(N) + np.log(D))
    loss = (1.7 + 400 / N**0.34 + 400 / D**0.28) * np.exp(shift + departure + 0.004 * rng.standard_normal(rows))
    named = {"group": [f"g{i}" for i in group]} if groups > 1 else {}
    return sb.Runs(N=N, D=D, loss=loss, **named)


def timed(name: str, fit: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """Return the seconds and the processor seconds of each warm fit, the method that made its draws, and its k-hat."""
    found: dict[str, Any] = {"seconds": [], "processor": []}
    for repeat in range(repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = fit()
        seconds, processor = time.perf_counter() - start, time.process_time() - used
        say(f"{name}, {'first' if repeat == 0 else 'warm'}: {seconds:.2f} s, {processor:.2f} s of processor time")
        if repeat:
            found["seconds"].append(seconds)
            found["processor"].append(processor)
        found |= {"method": done.method.name, "rows": len(done.runs), "khat": done.numbers.get("khat")}
    return found


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    lines = [
        "# Fits with a Gaussian process, warm",
        "",
        f"{record['machine']['cpu']}, {record['cores']} cores, load at the start {record['machine']['load_at_start']}; "
        f"commit {record['commit']}; medians of {record['repeats']}.",
        "",
        "| fit | seconds | of processor time | aim | rows | method | k-hat |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in record["fits"].items():
        khat = "" if one["khat"] is None else f"{one['khat']:.2f}"
        numbers = f"{np.median(one['seconds']):.2f} | {np.median(one['processor']):.2f} | {AIMS.get(name, '')}"
        lines.append(f"| {name} | {numbers} | {one['rows']} | {one['method']} | {khat} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
