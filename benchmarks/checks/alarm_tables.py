"""Simulates tables for `alarms.py`: the law fits them, with or without a hidden cause, or it misfits them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SHARE = 1 / 3  # share of the variance of the scatter that a cause explains
ROWS = (8, 300)  # smallest and largest number of runs in a table
MISFITS = ("residuals", "residuals_largest", "explains_the_runs")  # checks that should find a loss that is bent


@dataclass(frozen=True)
class Table:
    """A simulated table.

    Attributes:
        columns: The table's columns by name.

        law: The law that is fitted to the table.

        cause: The column that moves the loss; "" for none.

        terms: The number of terms of the cause in a linear model.

        left: The share of the cause's variance that a quadratic surface in log N and log D doesn't explain.

        wanted: The checks of which at least one should raise an alarm; none for a table without a fault.
    """

    columns: dict[str, Any]
    law: str = "chinchilla"
    cause: str = ""
    terms: int = 0
    left: float = 1.0
    wanted: tuple[str, ...] = ()


def rows_of(rng: np.random.Generator) -> int:
    """Draw a number of runs, uniformly on the log."""
    return int(np.exp(rng.uniform(*np.log(ROWS))) + 0.5)


def design(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw N and D (run,) of a plan: a grid, a few budgets, scattered points, or points near one path."""
    plan = rng.choice(["grid", "budgets", "scattered", "path"])
    if plan == "grid":
        across = max(3, round(rows**0.5 * rng.uniform(0.6, 1.4)))
        N = np.geomspace(10 ** rng.uniform(7, 8), 10 ** rng.uniform(9, 10), across)[np.arange(rows) % across]
        along = -(-rows // across)
        D = np.geomspace(10 ** rng.uniform(9, 9.5), 10 ** rng.uniform(10.5, 11.5), max(along, 2))
        return N, D[np.arange(rows) // across]
    N = 10 ** rng.uniform(7, 10, rows)
    if plan == "path":
        return N, 20 * N * np.exp(0.3 * rng.standard_normal(rows))
    if plan == "budgets":
        few = max(3, rows // 8)
        C = np.geomspace(1e18, 1e21, few)[rng.integers(few, size=rows)]
        return N, np.clip(C / 6 / N, 1e8, 1e12)
    return N, 10 ** rng.uniform(9, 11.5, rows)


def base(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Draw N and D of a plan, the log of the law there, and the scale of the noise."""
    N, D = design(rng, rows_of(rng))
    E, a, b = rng.uniform(1.5, 2.2), rng.uniform(0.28, 0.4), rng.uniform(0.28, 0.4)
    law = E + rng.uniform(0.2, 0.8) * (N / 3e8) ** -a + rng.uniform(0.2, 0.8) * (D / 1e10) ** -b
    return N, D, np.log(law), float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))


def curve(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Draw one input, the log of a loss that follows `offset_power` there, and the scale of the noise."""
    x = 10 ** rng.uniform(18, 21, rows_of(rng))
    loss = rng.choice([0.0, 1.0, 1.8]) + rng.uniform(0.5, 2) * (x / 1e19) ** -rng.uniform(0.05, 0.5)
    return x, np.log(loss), float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))


def nuisance(rng: np.random.Generator, N: np.ndarray, D: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Draw a few columns that explain nothing beyond N and D: labels, sweeps, shapes, times, outcomes."""
    rows, logN = len(N), np.log(N)
    near = (logN - logN.mean()) / logN.std()
    layers = np.maximum(1, np.round(2 * (N / 1e7) ** 0.25))
    half = np.where(logN > np.median(logN), "large", "small")
    moved = half.copy()
    moved[rng.uniform(size=rows) < 0.3] = "small"
    every = {
        "seed": rng.integers(rng.integers(2, 6), size=rows).astype(float),
        "lr": np.exp(rng.uniform(np.log(1e-4), np.log(1e-2), rows)),
        "peak_lr": rng.choice([2.5e-4, 5e-4, 1e-3, 2e-3], rows),
        "warmup": np.exp(0.7 * near + 0.7 * rng.standard_normal(rows)) * 1000,
        "batch": 2.0 ** np.round(np.log2(D / 1e7) / 2 + rng.uniform(0, 1, rows)),
        "n_layers": layers,
        "width": np.round(64 * (N / layers / 1e6) ** 0.5) * 16,
        "host": label(rng, rows, int(rng.integers(2, 7))),
        "schedule": label(rng, rows, 2),
        "tier": half,
        "stage": moved,
        "run_name": [f"run-{i}" for i in range(rows)],
        "created_at": np.sort(rng.uniform(1.7e9, 1.71e9, rows)),
        "train_loss": np.exp(y) * (0.98 + 0.002 * rng.standard_normal(rows)),
        "accuracy": 0.9 - 0.1 * np.exp(y) + 0.001 * rng.standard_normal(rows),
        "flops_measured": 6 * N * D * np.exp(0.03 * rng.standard_normal(rows)),
        "tokens_per_param": D / N,
    }
    return {name: every[name] for name in map(str, rng.choice(list(every), int(rng.integers(3, 9)), replace=False))}


def label(rng: np.random.Generator, rows: int, levels: int) -> np.ndarray:
    """Draw a label (run,) whose levels have unequal sizes, each of at least two rows."""
    share = rng.dirichlet(np.full(levels, 3.0))
    code = np.concatenate([np.repeat(np.arange(levels), 2), rng.choice(levels, max(rows, 2 * levels), p=share)])[:rows]
    return np.array([f"kind {k}" for k in "abcdef"], dtype=object)[rng.permutation(code)]


def sound(rng: np.random.Generator) -> Table:
    """Simulate a table whose law is right; one in four has one input, the others have columns that explain nothing."""
    if rng.uniform() < 0.25:
        x, law, scale = curve(rng)
        return Table({"x": x, "loss": np.exp(law + scale * rng.standard_t(4, len(x)))}, "offset_power")
    N, D, law, scale = base(rng)
    y = law + scale * rng.standard_t(4, len(N))
    return Table({"N": N, "D": D, "loss": np.exp(y), **nuisance(rng, N, D, y)})


def with_factor(rng: np.random.Generator) -> Table:
    """Simulate a table with a factor of 2 to 6 levels, a label or a number, that explains a third of the scatter."""
    N, D, law, scale = base(rng)
    levels = min(int(rng.integers(2, 7)), max(2, len(N) // 4))
    factor = label(rng, len(N), levels)
    known, code = np.unique(factor.astype(str), return_inverse=True)
    effect = rng.standard_normal(len(known))[code]
    if rng.uniform() < 0.4:
        factor = (10.0 ** rng.permutation(np.arange(len(known))))[code]
    return caused(rng, N, D, law, scale, effect, factor, len(known) - 1)


def with_number(rng: np.random.Generator) -> Table:
    """Simulate a table with a number, whose slope or parabola in its log explains a third of the scatter."""
    N, D, law, scale = base(rng)
    t = rng.uniform(-1, 1, len(N))
    effect = t if rng.uniform() < 0.5 else (t - rng.uniform(-0.4, 0.4)) ** 2
    return caused(rng, N, D, law, scale, effect, 1e-3 * 10.0**t, 2)


def caused(
    rng: np.random.Generator,
    N: np.ndarray,
    D: np.ndarray,
    law: np.ndarray,
    scale: float,
    effect: np.ndarray,
    factor: np.ndarray,
    terms: int,
) -> Table:
    """Return a table with an effect of the given share of the scatter's variance, and columns that explain nothing."""
    u, v = (x - x.mean() for x in (np.log(N), np.log(D)))
    surface = np.column_stack([np.ones(len(N)), u, v, u * u, u * v, v * v])
    left = effect - surface @ np.linalg.lstsq(surface, effect, rcond=None)[0]
    share = float(left.var() / max(effect.var(), 1e-300))
    noise = rng.standard_t(4, len(N))
    size = np.sqrt(SHARE / (1 - SHARE) * 2.0 / max(effect.var(), 1e-300))  # 2: the variance of Student-t(4)
    y = law + scale * (noise + size * (effect - effect.mean()))
    columns = {"N": N, "D": D, "loss": np.exp(y), **nuisance(rng, N, D, y), "cause": factor}
    return Table(columns, "chinchilla", "cause", terms, share, ("other_columns",))


def bent(rng: np.random.Generator) -> Table:
    """Simulate a loss with a parabola, of 4 to 8 noise scales between the middle of the runs' sizes and their ends."""
    one = rng.uniform() < 0.5
    if one:
        x, law, scale = curve(rng)
        inputs, size = {"x": x}, np.log(x)
    else:
        N, D, law, scale = base(rng)
        inputs, size = {"N": N, "D": D}, np.log(N * D)
    t = (size - size.mean()) / np.abs(size - size.mean()).max()
    y = law + scale * (rng.choice([-1, 1]) * rng.uniform(4, 8) * t**2 + rng.standard_t(4, len(t)))
    return Table({**inputs, "loss": np.exp(y)}, "offset_power" if one else "chinchilla", wanted=MISFITS)


def rising(rng: np.random.Generator) -> Table:
    """Simulate a score that rises with scale, by five to twenty times its noise."""
    one = rng.uniform() < 0.5
    x, N, D = curve(rng)[0], *base(rng)[:2]
    inputs, size = ({"x": x}, np.log(x)) if one else ({"N": N, "D": D}, np.log(N * D))
    t = (size - size.mean()) / np.ptp(size)
    off = rng.standard_t(4, len(size)) / rng.uniform(5, 20)
    score = 0.4 * np.exp(rng.uniform(0.1, 0.8) * (t + off))
    return Table({**inputs, "loss": score}, "offset_power" if one else "chinchilla", wanted=("explains_the_runs",))


def thrown(rng: np.random.Generator) -> Table:
    """Simulate a table in which one or two runs are wrong by a factor of 1.5 to 20."""
    table = sound(rng)
    y = np.array(table.columns["loss"])
    for i in rng.choice(len(y), rng.integers(1, 3), replace=False):
        y[i] *= np.exp(rng.choice([-1, 1]) * rng.uniform(0.4, 3))
    inputs = {name: table.columns[name] for name in ("x", "N", "D") if name in table.columns}
    return Table({**inputs, "loss": y}, table.law, wanted=("outliers",))


KINDS: Mapping[str, Callable[[np.random.Generator], Table]] = {
    "without": sound,
    "factor": with_factor,
    "number": with_number,
    "bent": bent,
    "rising": rising,
    "thrown": thrown,
}
