"""Runs a command in this process, and finds in which stages its time goes.

`python -m benchmarks.speed.stages STARTED FILE CALLS WORD...` runs `scalebayes WORD...`. STARTED is the time at which
the process was started, FILE is the JSON file of the result, and CALLS are the functions that the command imports.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

# Event that JAX times while it compiles a program -> its name in the report.
EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "XLA compiling, or reading its cache",
}
READ = "/jax/compilation_cache/cache_hits"  # event of a program that was read from the cache
LARGEST = 8  # number of programs that the result names


def union(spans: list[tuple[float, float]]) -> float:
    """Return the length that intervals cover; they may overlap, as the traces of nested functions do.

    >>> union([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    4.0
    """
    total, reached = 0.0, -float("inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def profile(words: list[str], calls: list[str], started: float) -> tuple[int, dict[str, Any]]:
    """Run a command in this process.

    Args:
        words: What is typed after `scalebayes`.

        calls: The functions that the command imports, by their names in `scalebayes`.

        started: The time at which the process was started.

    Returns:
        The command's exit code, and its profile. There, `stages` has the seconds of each stage. `programs` is the
        number of programs that JAX compiled or read from the cache, and `programs_read` is the number of those that it
        read. `largest_programs` has the names and the seconds of those that took longest.
    """
    stages = {"start of Python": time.time() - started}
    before = time.time()
    import jax

    import scalebayes
    from scalebayes.cli import main

    for name in calls:
        getattr(scalebayes, name)
    begin = time.time()
    stages["imports"] = begin - before
    spans: dict[str, list[tuple[float, float]]] = {kind: [] for kind in EVENTS.values()}
    programs: list[tuple[str, float]] = []
    read: list[str] = []

    def listen(event: str, duration_secs: float, **facts: Any) -> None:
        if event in EVENTS:
            now = time.time()
            spans[EVENTS[event]].append((now - duration_secs, now))
            if event.endswith("backend_compile_duration"):
                programs.append((str(facts.get("fun_name", "?")), duration_secs))

    def count(event: str, **_: Any) -> None:
        if event == READ:
            read.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    jax.monitoring.register_event_listener(count)
    code = main(words)
    seconds = time.time() - begin
    # A span can hold spans of another kind, such as a constant compiled while tracing. The inner span gets the time.
    inner: list[tuple[float, float]] = []
    for kind in reversed(list(spans)):
        covered = union(inner)
        inner += spans[kind]
        stages[kind] = union(inner) - covered
    stages["running, and the rest"] = seconds - union(inner)
    largest = sorted(programs, key=lambda item: -item[1])[:LARGEST]
    found = {"stages": stages, "programs": len(programs), "programs_read": len(read), "largest_programs": largest}
    return code, found


if __name__ == "__main__":
    STARTED, FILE, CALLS, *WORDS = sys.argv[1:]
    CODE, FOUND = profile(WORDS, CALLS.split(","), float(STARTED))
    Path(FILE).write_text(json.dumps(FOUND), encoding="utf-8")
    sys.exit(CODE)
