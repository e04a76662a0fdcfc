"""What a sweep leaves behind: its settings, a line for each finished run, and the tables made of them."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tiny_gpt import model, training
from tiny_gpt.corpus import standard_library
from tiny_gpt.plan import Sweep, Task

TABLE = ("run_id", "kind", "split", "width", "layers", "N", "N_total", "D", "U", "epochs", "C", "C_6ND", "steps")
TABLE += ("peak_lr", "seed", "loss")
SETTINGS, RESULTS = "settings.json", "results.jsonl"


def made_with(sweep: Sweep) -> dict[str, Any]:
    """Everything about the training that isn't in the table's rows: two sweeps that differ in it are two sweeps."""
    return {
        "script": "examples/train_sweep.py",
        "settings": {
            "model": "decoder-only transformer on bytes: pre-norm (RMS), rotary positions, squared ReLU of "
            f"{model.MLP} widths, heads of width {model.HEAD}, no biases, tied embedding",
            "optimizer": f"AdamW, b1 {training.BETAS[0]}, b2 {training.BETAS[1]}, gradients clipped at norm "
            f"{training.CLIP}, float32",
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
            "plan": hashlib.sha256(repr(sweep).encode()).hexdigest(),
        },
        "corpus": standard_library().record(),
        "versions": {name: version(name) for name in ("jax", "jaxlib", "optax", "numpy")},
        "machine": machine(),
    }


def machine() -> str:
    """The kind of machine: the processor's name where the system tells it, and what JAX computes on."""
    import jax

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()}, {os.cpu_count()} cores, JAX on {jax.devices()[0].device_kind}"


def finished(out: Path, about: dict[str, Any]) -> dict[str, dict]:
    """The results so far by `Task.key`; a half-written last line is dropped.

    Raises ValueError for a folder of another sweep, and for a file that isn't as it was written.
    """
    mark, file = out / SETTINGS, out / RESULTS
    if mark.exists():
        try:
            before = json.loads(mark.read_text())
        except ValueError:
            raise ValueError(f"{mark} is damaged; put back the whole file, or give another --out") from None
        if before != about:
            parts = [name for name in about if before.get(name) != about[name]]
            raise ValueError(f"{out} holds a sweep with other {' and '.join(parts)}; give another --out")
    else:
        written(mark, json.dumps(about, indent=1) + "\n")
    whole = file.read_text() if file.exists() else ""
    kept = whole[: whole.rfind("\n") + 1]
    if kept != whole:
        written(file, kept)
    rows = {}
    for number, line in enumerate(kept.splitlines(), 1):
        try:
            row = json.loads(line)
            rows[row["key"]] = row
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{file}: line {number} is damaged; delete that line, and its run is done again") from None
    return rows


def row(task: Task, outcome: dict[str, float]) -> dict[str, Any]:
    """The line of a finished run."""
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
        **outcome,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
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
    spent = {
        "started": dates[0],
        "finished": dates[-1],
        "core_seconds": round(sum(row["seconds"] for row in rows)),
        "FLOPs": sum(row["C"] for row in rows),
    }
    written(out / "about.json", json.dumps({**about, **spent}, indent=1) + "\n")
    print(f"{len(rows)} runs; tables and about.json are in {out}")


def written(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    os.replace(part, path)
