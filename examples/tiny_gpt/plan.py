"""Which runs a sweep is made of: what is still to be run, from what has been."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tiny_gpt.model import Shape
from tiny_gpt.training import Run

STEP = 2.0  # from one learning rate to the next


@dataclass(frozen=True)
class Sweep:
    """A sweep: (width, layers, D) of the grid; those of them with more seeds; (width, layers, U, D); the targets.

    The peak learning rate of a width is tuned with `tune_layers[width]` layers on `tune_D` bytes: from three rates
    on, outwards until the best has a neighbour on both sides. A rate is judged on other files than the results are.
    """

    context: int
    tune_layers: dict[int, int]
    tune_D: int
    rates: tuple[float, float, float]
    grid: tuple[tuple[int, int, int], ...]
    seeds: dict[tuple[int, int, int], tuple[int, ...]]
    repeats: tuple[tuple[int, int, int, int], ...]
    targets: tuple[tuple[int, int, int], ...]
    windows: dict[str, int]  # how many the loss is taken on, by part


@dataclass(frozen=True)
class Task:
    """A run, and what it is for: kind is tune, grid, seed, repeat or target."""

    kind: str
    run: Run

    @property
    def key(self) -> str:
        return f"{'tune' if self.kind == 'tune' else 'run'} {self.run.name}"

    @property
    def part(self) -> str:
        return "tune" if self.kind == "tune" else "validation"


def powers(low: int, high: int) -> list[int]:
    return [2**k for k in range(low, high + 1)]


FULL = Sweep(
    context=128,
    tune_layers={16: 1, 32: 2, 48: 2, 64: 3, 96: 3, 128: 4, 160: 4},
    tune_D=2**19,
    rates=(0.002, 0.004, 0.008),
    grid=(
        *((16, 1, D) for D in powers(16, 24)),
        *((32, 1, D) for D in powers(16, 24)),
        *((32, 2, D) for D in powers(16, 24)),
        *((48, 2, D) for D in powers(16, 24)),
        *((64, 3, D) for D in powers(16, 23)),
        *((96, 3, D) for D in [*powers(16, 22), 2**20 * 6]),
        *((128, 4, D) for D in powers(16, 21)),
    ),
    seeds={
        (16, 1, 2**18): (1, 2),
        (32, 1, 2**22): (1, 2),
        (32, 2, 2**20): (1, 2),
        (48, 2, 2**19): (1, 2),
        (64, 3, 2**20): (1, 2),
        (96, 3, 2**19): (1, 2),
        (128, 4, 2**18): (1, 2),
    },
    repeats=(
        *((16, 1, 2**16, 2**k) for k in (20, 21, 22)),
        *((32, 2, 2**17, 2**k) for k in (18, 19, 20, 21, 22)),
        *((32, 2, 2**19, 2**k) for k in (21, 22)),
        *((64, 3, 2**17, 2**k) for k in (18, 19, 20, 21, 22)),
        *((128, 4, 2**18, 2**k) for k in (19, 20)),
    ),
    targets=((96, 3, 2**20 * 24), (128, 4, 2**20 * 11), (160, 4, 2**18 * 29)),
    windows={"validation": 2048, "tune": 1024},
)

SMALL = Sweep(
    context=32,
    tune_layers={16: 1},
    tune_D=2**13,
    rates=(0.004, 0.008, 0.016),
    grid=tuple((16, layers, D) for layers in (1, 2) for D in powers(13, 15)),
    seeds={(16, 1, 2**14): (1,)},
    repeats=((16, 1, 2**12, 2**14),),
    targets=((16, 2, 2**17),),
    windows={"validation": 128, "tune": 128},
)


def best_rate(losses: dict[float, float]) -> tuple[float, list[float]]:
    """The rate with the least loss (one that diverged has none), and the neighbours that it still lacks."""
    best = min(losses, key=lambda rate: (math.isnan(losses[rate]), losses[rate]))
    missing = [rate for rate in (best / STEP, best * STEP) if not any(abs(rate / one - 1) < 1e-9 for one in losses)]
    return best, missing


def tuned(sweep: Sweep, width: int, done: dict[str, dict]) -> tuple[float | None, list[Task]]:
    """The peak learning rate of a width, None where it isn't settled, and the runs that settle it."""
    shape = Shape(width, sweep.tune_layers[width], sweep.context)
    losses = {row["peak_lr"]: row["loss"] for row in done.values() if row["kind"] == "tune" and row["width"] == width}
    rates = [rate for rate in sweep.rates if rate not in losses]
    best = None
    if not rates:
        best, rates = best_rate(losses)
    return (None if rates else best), [Task("tune", Run(shape, sweep.tune_D, sweep.tune_D, r, 0)) for r in rates]


def wanted(sweep: Sweep, peak: dict[int, float]) -> Iterator[Task]:
    """Every run of the table, given the peak learning rate of each width."""

    def task(kind: str, width: int, layers: int, D: int, U: int, seed: int = 0) -> Task:
        return Task(kind, Run(Shape(width, layers, sweep.context), D, U, peak[width], seed))

    for width, layers, D in sweep.grid:
        yield task("grid", width, layers, D, D)
        for seed in sweep.seeds.get((width, layers, D), ()):
            yield task("seed", width, layers, D, D, seed)
    for width, layers, U, D in sweep.repeats:
        yield task("repeat", width, layers, D, U)
    for width, layers, D in sweep.targets:
        yield task("target", width, layers, D, D)


def pending(sweep: Sweep, done: dict[str, dict]) -> list[Task]:
    """What can be run now, the most expensive first; empty where the sweep is complete. `done` is by `Task.key`."""
    found = {width: tuned(sweep, width, done) for width in sweep.tune_layers}
    tasks = [task for _, missing in found.values() for task in missing]
    if not tasks:
        tasks = [task for task in wanted(sweep, {width: best for width, (best, _) in found.items() if best})]
    return sorted((task for task in tasks if task.key not in done), key=lambda task: -task.run.C)
