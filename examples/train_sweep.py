"""A small scaling sweep from nothing: byte-level transformers on the source code of Python's standard library.

    python examples/train_sweep.py --out sweep            # the sweep behind sb.datasets.load("tiny_gpt"), hours
    python examples/train_sweep.py --out sweep --small    # the same in miniature, under a minute

Each finished run is appended to OUT/results.jsonl at once, and a sweep that was killed goes on where it was. At the end
OUT/runs.csv is the table, OUT/tuning.csv the runs that the learning rates were chosen by, OUT/about.json what it all
was made with. Nothing is downloaded: the text is the source code of the Python that runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Event
from typing import Any

from tiny_gpt import training
from tiny_gpt.corpus import standard_library
from tiny_gpt.plan import FULL, SMALL, Sweep, Task, pending, wanted
from tiny_gpt.record import RESULTS, finished, made_with, row, write_tables
from tqdm import tqdm

asked_to_stop = Event()
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
    signal.signal(signal.SIGINT, stop)
    try:
        check_corpus(sweep)
        options.out.mkdir(parents=True, exist_ok=True)
        about = made_with(sweep)
        done = finished(options.out, about)
        run_all(sweep, options.out, done, options.workers)
        write_tables(options.out, about, done)
    except KeyboardInterrupt:
        sys.exit(f"stopped; the same command goes on from {options.out}")
    except OSError as error:
        sys.exit(f"error: --out {options.out}: {error.strerror or error}; give a folder that can be written to")
    except ValueError as error:
        sys.exit(f"error: {error}")


def stop(*_: Any) -> None:
    """Ctrl-C. Where it arrives inside a callback, Python prints the exception and drops it; the loop sees the event."""
    asked_to_stop.set()
    raise KeyboardInterrupt


def check_corpus(sweep: Sweep) -> None:
    """Refuse a Python whose library is too small for the plan, before anything is trained."""
    most = max(task.run.U for task in wanted(sweep, dict.fromkeys(sweep.tune_layers, 1.0)))
    if most > (held := len(standard_library().parts["train"])):
        raise ValueError(
            f"the plan wants {most} different bytes of text and this Python's library has {held}; use a Python that "
            "came with its tests (the package 'test'), or train --small"
        )


def run_all(sweep: Sweep, out: Path, done: dict[str, dict], workers: int) -> None:
    """Run what is pending, and what becomes so, on workers of one core each; appends to `done` and to the file."""
    context = get_context("spawn")
    flops, turn = context.Value("d", 0.0), context.Value("i", 0)
    pool = ProcessPoolExecutor(workers, context, initializer=use_one_core, initargs=(flops, turn))
    futures: dict[Future, Task] = {}
    with (out / RESULTS).open("a") as file:

        def keep(ended: set[Future]) -> None:
            for future in ended:
                line = row(futures[future], future.result())
                file.write(json.dumps(line) + "\n")
                file.flush()
                done[line["key"]] = line

        try:
            while tasks := pending(sweep, done):
                futures = {pool.submit(work, task, sweep.windows[task.part]): task for task in tasks}
                name, before, left = "learning rates" if tasks[0].kind == "tune" else "runs", flops.value, set(futures)
                with tqdm(total=sum(task.run.C for task in tasks), unit="FLOP", unit_scale=True, desc=name) as bar:
                    while left:
                        if asked_to_stop.is_set():
                            raise KeyboardInterrupt
                        ended, left = wait(left, timeout=1.0, return_when=FIRST_COMPLETED)
                        keep(ended)
                        bar.set_postfix_str(f"{len(futures) - len(left)} of {len(futures)} runs", refresh=False)
                        bar.update(flops.value - before - bar.n)
        except BaseException:
            # What is finished is kept; what runs would run on for long, and is done again by the next call.
            over = {f for f, task in futures.items() if f.done() and not f.cancelled() and task.key not in done}
            keep({f for f in over if not f.exception()})
            for worker in active_children():
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


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


if __name__ == "__main__":
    main()
