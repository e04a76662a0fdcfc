"""Times the cold start of `scalebayes fit`, from process start to saved file, and finds where the time goes.

Run as a script, it is the profiled process itself: `python cold.py CSV FOLDER STARTED`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WHERE = "epoch_excluded == 0"
COMMAND = "import sys; from scalebayes.cli import main; sys.exit(main(sys.argv[1:]))"
# Event that JAX times while it compiles a program -> its name in the report.
EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "XLA compiling, or reading its cache",
}


def cold_start(table: Path, repeats: int) -> dict[str, Any]:
    """Return the command's seconds and its profile, with an empty and with a filled cache of compiled programs."""
    found: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None}
    seconds: dict[str, list[float]] = {"empty": [], "filled": []}
    if find_spec("scalebayes.cli") is None:
        found["missing"] = "scalebayes.cli is not there: the command wasn't timed"
    else:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                for cache in seconds:
                    seconds[cache].append(_command(table, Path(folder)))
                    print(f"cold start, {cache} cache: {seconds[cache][-1]:.2f} s", file=sys.stderr, flush=True)
        found["seconds"] = seconds
        found["median"] = {cache: statistics.median(times) for cache, times in seconds.items()}
    with tempfile.TemporaryDirectory() as folder:
        found["profile"] = {cache: _profiled(table, Path(folder)) for cache in seconds}
    return found


def _command(table: Path, folder: Path) -> float:
    """Return the seconds of `scalebayes fit` in a process of its own, with its cache in the folder."""
    out = folder / "fit.nc"
    out.unlink(missing_ok=True)
    words = [sys.executable, "-c", COMMAND, "fit", str(table), "--where", WHERE, "--out", str(out)]
    start = time.perf_counter()
    done = subprocess.run(
        words, env={**os.environ, "SCALEBAYES_CACHE": str(folder / "cache")}, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    if not out.is_file():
        sys.exit(f"error: scalebayes fit wrote no file (exit {done.returncode}):\n{done.stderr[-2000:]}")
    return seconds


def _profiled(table: Path, folder: Path) -> dict[str, Any]:
    """Return the profile that this script measures in a process of its own."""
    words = [sys.executable, __file__, str(table), str(folder), repr(time.time())]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: the profiled process failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def union(spans: list[tuple[float, float]]) -> float:
    """Return the length that intervals cover; they may overlap, as the traces of nested functions do."""
    total, reached = 0.0, -float("inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _profile(table: str, folder: str, started: float) -> dict[str, Any]:
    """Fit in this process, and return the seconds of each stage since `started`, and the largest programs."""
    marks = {"start of Python": time.time()}
    import scalebayes.fitting.fit
    import scalebayes.runs

    marks["imports"] = time.time()
    import jax

    jax.config.update("jax_compilation_cache_dir", str(Path(folder) / "jit"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    spans: dict[str, list[tuple[float, float]]] = {kind: [] for kind in EVENTS.values()}
    programs: list[tuple[str, float]] = []

    def listen(event: str, duration: float, **facts: Any) -> None:
        if event in EVENTS:
            now = time.time()
            spans[EVENTS[event]].append((now - duration, now))
            if event.endswith("backend_compile_duration"):
                programs.append((str(facts.get("fun_name", "?")), duration))

    jax.monitoring.register_event_duration_secs_listener(listen)
    runs = scalebayes.runs.read_runs(table).where(WHERE)
    marks["reading"] = time.time()
    fit = scalebayes.fitting.fit(runs, on_fail="ignore")
    marks["fit"] = time.time()
    fit.save(Path(folder) / "fit.nc")
    marks["saving"] = time.time()
    times = list(marks.values())
    stages = {name: b - a for name, a, b in zip(marks, [started, *times[:-1]], times, strict=True)}
    fit_seconds = stages.pop("fit")
    # A span can hold spans of another kind, such as a constant compiled while tracing. The inner span gets the time.
    inner: list[tuple[float, float]] = []
    for kind in reversed(list(spans)):
        before = union(inner)
        inner += [span for span in spans[kind] if span[0] <= marks["fit"]]
        stages[f"fit: {kind}"] = union(inner) - before
    stages["fit: running, and the rest"] = fit_seconds - union(inner)
    largest = sorted(programs, key=lambda item: -item[1])[:8]
    return {"stages": stages, "programs": len(programs), "largest_programs": largest}


if __name__ == "__main__":
    print(json.dumps(_profile(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
