"""A small scaling sweep from nothing: byte-level transformers on the source code of Python's standard library.

    python examples/train_sweep.py --out sweep            # the sweep behind sb.datasets.load("tiny_gpt"), hours
    python examples/train_sweep.py --out sweep --small    # the same in miniature, under a minute

Each finished run is appended to OUT/results.jsonl at once, and a sweep that was killed goes on where it was. At the end
OUT/runs.csv is the table, OUT/tuning.csv the runs that the learning rates were chosen by, OUT/about.json what it all
was made with. Nothing is downloaded: the text is the source code of the Python that runs this.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import platform
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tiny_gpt import training
from tiny_gpt.corpus import standard_library
from tiny_gpt.plan import FULL, SMALL, Sweep, Task, pending
from tqdm import tqdm

TABLE = ("run_id", "kind", "split", "width", "layers", "N", "N_total", "D", "U", "epochs", "C", "C_6ND", "steps")
TABLE += ("peak_lr", "seed", "loss")
progress: Any = None  # in a worker: the FLOPs that all have spent, shared with the parent


def main() -> None:
    parser = argparse.ArgumentParser(description="A small scaling sweep of byte-level transformers.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results; made where it isn't there")
    parser.add_argument("--small", action="store_true", help="a sweep in miniature, under a minute")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side, one core each")
    options = parser.parse_args()
    if options.workers < 1:
        parser.error(f"--workers {options.workers}: give at least 1")
    sweep = SMALL if options.small else FULL
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"script": "examples/train_sweep.py", "settings": settings(sweep), "corpus": standard_library().record()}
    try:
        done = finished(options.out, about)
        run_all(sweep, options.out, done, options.workers)
    except KeyboardInterrupt:
        sys.exit(f"stopped; the same command goes on from {options.out}")
    except ValueError as error:
        sys.exit(f"error: {error}")
    write_tables(options.out, about, done)


def settings(sweep: Sweep) -> dict[str, Any]:
    """Everything about the training that isn't in the table's rows."""
    return {
        "model": "decoder-only transformer on bytes: pre-norm (RMS), rotary positions, squared ReLU of 4 widths, heads "
        "of width 16, no biases, tied embedding",
        "optimizer": "AdamW, b1 0.9, b2 0.95, gradient clipped at norm 1, float32",
        "weight_decay": training.WEIGHT_DECAY,
        "schedule": "linear warm-up, cosine to zero at the end of the run",
        "warm_up": training.WARM_UP,
        "batch": training.BATCH,
        "context": sweep.context,
        "windows": sweep.windows,
        "peak_lr": f"per width, the best of a grid of factor 2 at D = {sweep.tune_D} on files of their own",
        "loss": "mean nats a byte on fixed windows of the validation files, at the end of the run",
        "N": "parameters without the embedding; N_total has it, once, as it is tied",
        "C": "FLOPs of every matrix product, forward and backward, attention and output layer included",
    }


def finished(out: Path, about: dict[str, Any]) -> dict[str, dict]:
    """The results so far by `Task.key`; a half-written last line is dropped. Refuses another sweep's folder."""
    mark = out / "settings.json"
    if mark.exists():
        if json.loads(mark.read_text()) != about:
            raise ValueError(f"{out} holds a sweep with other settings or another corpus; give another --out")
    else:
        mark.write_text(json.dumps(about, indent=1))
    file = out / "results.jsonl"
    whole = file.read_text() if file.exists() else ""
    kept = whole[: whole.rfind("\n") + 1]
    if kept != whole:
        file.write_text(kept)
    rows = [json.loads(line) for line in kept.splitlines()]
    return {row["key"]: row for row in rows}


def run_all(sweep: Sweep, out: Path, done: dict[str, dict], workers: int) -> None:
    """Run what is pending, and what becomes so, on workers of one core each; appends to `done` and to the file."""
    context = get_context("spawn")
    flops, turn = context.Value("d", 0.0), context.Value("i", 0)
    pool = ProcessPoolExecutor(workers, context, initializer=use_one_core, initargs=(flops, turn))
    with pool, (out / "results.jsonl").open("a") as file:
        try:
            stage = 0
            while tasks := pending(sweep, done):
                stage += 1
                name = "learning rates" if tasks[0].kind == "tune" else "runs"
                before = flops.value
                futures = {pool.submit(work, task, sweep.windows[task.part]): task for task in tasks}
                with tqdm(total=sum(task.run.C for task in tasks), unit="FLOP", unit_scale=True, desc=name) as bar:
                    left = set(futures)
                    while left:
                        ended, left = wait(left, timeout=1.0, return_when=FIRST_COMPLETED)
                        for future in ended:
                            row = {**described(futures[future]), **future.result(), "finished": now()}
                            file.write(json.dumps(row) + "\n")
                            file.flush()
                            done[row["key"]] = row
                        bar.set_postfix_str(f"{len(futures) - len(left)} of {len(futures)} runs", refresh=False)
                        bar.update(flops.value - before - bar.n)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def use_one_core(flops: Any, turn: Any) -> None:
    """Set a worker up: one thread of computation, so that its sums are always added up in the same order."""
    global progress
    progress = flops
    import jax

    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        with turn.get_lock():
            mine, turn.value = cores[turn.value % len(cores)], turn.value + 1
        os.sched_setaffinity(0, {mine})  # XLA makes as many threads as it may use cores when it starts
        jax.devices()
        os.sched_setaffinity(0, cores)


def work(task: Task, count: int) -> dict[str, float]:
    def tell(flops: float) -> None:
        with progress.get_lock():
            progress.value += flops

    return training.result(task.run, task.part, count, tell)


def described(task: Task) -> dict[str, Any]:
    """The row of a run, but for what training it gives."""
    run, shape = task.run, task.run.shape
    return {
        "key": task.key,
        "run_id": run.name,
        "kind": task.kind,
        "split": "target" if task.kind == "target" else "fit",
        "width": shape.width,
        "layers": shape.layers,
        "N": shape.N,
        "N_total": shape.N_total,
        "D": run.D,
        "U": run.U,
        "epochs": run.D / run.U,
        "C": run.C,
        "C_6ND": 6 * shape.N * run.D,
        "steps": run.steps,
        "peak_lr": run.peak_lr,
        "seed": run.seed,
    }


def write_tables(out: Path, about: dict[str, Any], done: dict[str, dict]) -> None:
    """The tables and what they were made with; every finished run is in one of them."""
    by = ("kind", "N", "D", "U", "peak_lr", "seed")
    rows = sorted(done.values(), key=lambda row: [row[name] for name in by])
    for name, tune in (("runs.csv", False), ("tuning.csv", True)):
        with (out / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, TABLE, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in rows if (row["kind"] == "tune") == tune)
    dates = sorted(row["finished"] for row in rows)
    made = {
        "machine": machine(),
        "versions": {name: version(name) for name in ("jax", "jaxlib", "optax", "numpy")},
        "started": dates[0],
        "finished": dates[-1],
        "core_seconds": round(sum(row["seconds"] for row in rows)),
        "FLOPs": sum(row["C"] for row in rows),
    }
    (out / "about.json").write_text(json.dumps({**about, **made}, indent=1) + "\n")
    print(f"{len(rows)} runs; tables and about.json are in {out}")


def machine() -> str:
    """The kind of machine: the processor's name where the system tells it, and what JAX computes on."""
    import jax

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()}, {os.cpu_count()} cores, JAX on {jax.devices()[0].device_kind}"


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
