"""Compares the speed of scalebayes with its peers, on the 240 Chinchilla runs: `python -m benchmarks.speed.speed`.

All rows run warm in one process on one core, with interleaved repeats, and ratios compare medians. The cold start is
timed in processes of its own, on all cores. See README.md beside this file.
"""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions

PARTS = ("map", "nuts", "laplace", "cold")
SEEDS = 20  # seeds whose MAP must reach the optimum


def main() -> None:
    """Time the rows, and write speed.json, speed.md and speed.png."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        help="repeats of every row, but SciPy's grid runs once; the default is %(default)s",
    )
    add_only(parser, PARTS)
    add_out(parser, here, "speed.json, speed.md and speed.png")
    parser.add_argument("--full", action="store_true", help="repeat SciPy's grid as often as the other rows")
    options = parser.parse_args()
    parts = options.only
    if options.repeats < 1:
        parser.error("--repeats is at least 1")
    table = find_data()
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "repeats": options.repeats}
    record |= {"machine": machine(), "versions": dict(versions()), "commit": commit(), "rows": []}
    if "cold" in parts:  # before this process keeps itself to one core, which its children would inherit
        from benchmarks.speed.cold import cold_start

        record["cold"] = cold_start(table, min(options.repeats, 3))
    if warm := [part for part in parts if part != "cold"]:
        record["pinned"] = pin()
        record |= time_warm(table, warm, options.repeats, options.full)
    from benchmarks.speed.report import write

    print(write(record, options.out))


def pin() -> str:
    """Keep this process to one core, and say which; this must be done before JAX starts its threads."""
    assert "jax" not in sys.modules
    if not hasattr(os, "sched_setaffinity"):
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        return "not pinned: this system has no sched_setaffinity"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"one core, number {core}"


def time_warm(path: Path, parts: list[str], repeats: int, full: bool) -> dict[str, Any]:
    """Run every row of the parts: one untimed warm-up each, and then the repeats, each with all rows in turn."""
    import scalebayes as sb
    from benchmarks.speed import ours, peers, samplers

    runs = sb.read_runs(path).where("epoch_excluded == 0")
    tasks = ours.tasks(runs)
    tasks += peers.point_tasks(runs, full) if "map" in parts else []
    tasks += samplers.tasks(runs) if "nuts" in parts else []
    # Laplace is compared with our own NUTS, so its row is run too.
    wanted = {*parts, *(["nuts"] if "laplace" in parts else [])}
    tasks = [task for task in tasks if task.group in wanted]
    rows = {(t.group, t.name): {"group": t.group, "name": t.name, "note": t.note, "missing": t.missing} for t in tasks}
    measures: dict[Any, list[Any]] = {key: [] for key in rows}
    for task in tasks:
        key = (task.group, task.name)
        if task.run is not None:
            say(f"warm-up: {task.group}, {task.name}")
            start = time.perf_counter()
            try:
                task.warm_up() if task.warm_up else task.run(10_000)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # if a peer fails, even in Rust, its row says so
                rows[key]["missing"] = f"{type(error).__name__}: {error}"
            rows[key]["warm_up_seconds"] = time.perf_counter() - start
    for repeat in range(repeats):
        for task in tasks:
            key = (task.group, task.name)
            if task.run is None or rows[key]["missing"] or repeat >= (task.at_most or repeats):
                continue
            try:
                measures[key].append(task.run(repeat))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # as in its warm-up
                rows[key]["missing"] = f"{type(error).__name__} in repeat {repeat + 1}: {error}"
                continue
            say(f"repeat {repeat + 1}: {task.group}, {task.name}: {measures[key][-1].seconds:.4g} s")
    for key, row in rows.items():
        row["seconds"] = [m.seconds for m in measures[key]]
        row["facts"] = {name: [m.facts[name] for m in measures[key]] for m in measures[key][:1] for name in m.facts}
    found = {"rows": list(rows.values()), "agreement": agreement(measures)}
    if "map" in parts:
        ends = [ours.fit_map(runs, seed).facts["objective"] for seed in range(SEEDS)]
        found["objective_by_seed"] = ends
    return found


def agreement(measures: dict[Any, list[Any]]) -> dict[str, Any]:
    """Return each sampler's medians over all repeats, their Monte-Carlo errors, and their distance from ours."""
    import numpy as np
    from arviz_stats.base.array import array_stats

    from benchmarks.speed.ours import PARAMETERS

    found: dict[str, Any] = {}
    for (group, name), repeats in measures.items():
        draws = [m.draws for m in repeats if m.draws is not None]
        if not draws:
            continue
        chains = np.concatenate(draws, axis=1)
        errors = array_stats.mcse(chains, chain_axis=1, draw_axis=2, method="median")
        medians = np.median(chains, axis=(1, 2))
        found[f"{group}: {name}"] = {
            "median": dict(zip(PARAMETERS, medians.tolist(), strict=True)),
            "mcse": dict(zip(PARAMETERS, np.asarray(errors).tolist(), strict=True)),
        }
    ours = found.get("nuts: scalebayes, fit")
    for row in found.values():
        away = [
            abs(row["median"][p] - ours["median"][p]) / np.hypot(row["mcse"][p], ours["mcse"][p])
            for p in PARAMETERS
            if ours is not None
        ]
        row["furthest_in_mcse"] = float(max(away, default=np.nan))
    return found


if __name__ == "__main__":
    main()
