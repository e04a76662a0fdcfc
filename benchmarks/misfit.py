"""How often the checks of the law alarm on simulated tables: without a misfit, and with one.

    python benchmarks/misfit.py --tables 1000

A table has a law, a design (a grid, scattered, at few budgets, or nearly along one path), 8 to 300 runs, noise of .2 to
3 per cent, Normal or Student-t with 4 or 3 degrees of freedom. All are fitted by the mode, many at once.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import scalebayes as sb

SIZES = (8, 10, 12, 16, 20, 24, 40, 64, 120, 300)
CHECKS = ("explains the runs", "outliers", "scatter", "residuals", "residuals of the largest runs")
UNSEEN = "can't show"  # of a table too small for the test: no alarm


def design(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """N and D of a table."""
    kind = rng.choice(["grid", "scattered", "budgets", "path"])
    if kind == "grid":
        wide = max(2, int(np.sqrt(rows)))
        N, D = np.meshgrid(np.geomspace(2e7, 2e9, wide), np.geomspace(1e9, 1e11, -(-rows // wide)))
        return N.ravel()[:rows], D.ravel()[:rows]
    if kind == "budgets":
        C = 10 ** rng.choice(np.linspace(18.5, 21, max(3, rows // 8)), rows)
        N = np.sqrt(C / 120) * np.exp(rng.uniform(-1.2, 1.2, rows))
        return N, C / (6 * N)
    N = 10 ** rng.uniform(7, 10, rows)
    if kind == "path":
        return N, 20 * N * np.exp(0.3 * rng.standard_normal(rows))
    return N, 10 ** rng.uniform(9, 11.5, rows)


def noise(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Residuals on the log."""
    scale = np.exp(rng.uniform(np.log(0.002), np.log(0.03)))
    df = rng.choice([3.0, 4.0, np.inf], p=[0.2, 0.5, 0.3])
    return scale * (rng.standard_normal(rows) if np.isinf(df) else rng.standard_t(df, rows))


def surface(rng: np.random.Generator, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """A loss that follows `chinchilla`."""
    alpha, beta = rng.uniform(0.2, 0.5, 2)
    E, A, B = rng.uniform(0.5, 2.2), rng.uniform(0.3, 1.5), rng.uniform(0.3, 1.5)
    return E + A * (N / 1e8) ** -alpha + B * (D / 1e10) ** -beta


def curve(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A loss that follows `offset_power`."""
    return rng.choice([0.0, 1.0, 1.8]) + rng.uniform(0.5, 2) * (x / 1e19) ** -rng.uniform(0.05, 0.5)


def sound(rng: np.random.Generator, rows: int, law: str) -> sb.Runs:
    """A table that follows its law."""
    if law == "offset_power":
        x = 10 ** rng.uniform(18, 21, rows)
        return sb.Runs(x=x, loss=curve(rng, x) * np.exp(noise(rng, rows)))
    N, D = design(rng, rows)
    return sb.Runs(N=N, D=D, loss=surface(rng, N, D) * np.exp(noise(rng, rows)))


def bent(rng: np.random.Generator, rows: int, law: str) -> sb.Runs:
    """A table with a parabola of 4 to 8 sds of the noise between the middle and the ends of its size."""
    if law == "offset_power":
        x = 10 ** rng.uniform(18, 21, rows)
        value, size = curve(rng, x), np.log(x)
    else:
        N, D = design(rng, rows)
        value, size = surface(rng, N, D), np.log(N * D)
    t = (size - size.mean()) / np.abs(size - size.mean()).max()
    off = noise(rng, rows)
    bend = rng.choice([-1, 1]) * rng.uniform(4, 8) * 1.4826 * np.median(np.abs(off))
    value = value * np.exp(bend * t**2 + off)
    return sb.Runs(x=x, loss=value) if law == "offset_power" else sb.Runs(N=N, D=D, loss=value)


def rising(rng: np.random.Generator, rows: int, law: str) -> sb.Runs:
    """A score that rises with scale, by two to five times its noise."""
    table = sound(rng, rows, law)
    size = sum(np.log(x) for x in table.inputs.values())
    t = (size - size.mean()) / np.ptp(size)
    off = rng.standard_t(4, rows)
    return table.observed_as(0.4 * np.exp(rng.uniform(0.1, 0.8) * (t + off / rng.uniform(5, 20))))


def thrown(rng: np.random.Generator, rows: int, law: str) -> sb.Runs:
    """A table with one or two runs off by a factor of 1.5 to 20."""
    table = sound(rng, rows, law)
    y = table.y.copy()
    for i in rng.choice(rows, rng.integers(1, 3), replace=False):
        y[i] *= np.exp(rng.choice([-1, 1]) * rng.uniform(0.4, 3))
    return table.observed_as(y)


KINDS: Mapping[str, tuple[Callable[..., sb.Runs], tuple[str, ...]]] = {
    "sound": (sound, ()),
    "bent": (bent, ("residuals", "explains the runs", "residuals of the largest runs")),
    "rising": (rising, ("explains the runs",)),
    "thrown": (thrown, ("outliers",)),
}


def alarms(checks: Any) -> dict[str, str]:
    """Check -> sentence of those of the law that are no pass."""
    return {
        check.name: check.sentence
        for check in checks
        if check.name in CHECKS and check.status != "pass" and UNSEEN not in check.sentence
    }


def tables(kind: str, law: str, count: int, seed: int, sizes: Sequence[int]) -> Iterator[sb.Runs]:
    """Tables of a kind that a law is fitted to."""
    rng = np.random.default_rng([seed, *map(ord, kind), *map(ord, law)])
    for i in range(count):
        yield KINDS[kind][0](rng, sizes[i % len(sizes)], law)


def main() -> None:
    """Print, for each kind of table and law, how often each check alarmed, and by size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--show", type=int, default=0, help="alarms to print in full")
    asked = parser.parse_args()
    laws = ("offset_power", "chinchilla")
    for kind in asked.kinds:
        wanted = KINDS[kind][1] or CHECKS
        for law in laws:
            made = list(tables(kind, law, asked.tables // len(laws), asked.seed, asked.sizes))
            fits = sb.fit_many({str(i): runs for i, runs in enumerate(made)}, law, method="map", progress=False)
            seen, sizes, any_, shown = Counter(), Counter(), 0, 0
            for i, runs in enumerate(made):
                found = alarms(fits[str(i)].checks)
                seen.update(found.keys())
                if any(name in wanted for name in found):
                    any_ += 1
                    sizes[len(runs)] += 1
                    if shown < asked.show:
                        shown += 1
                        print(f"  {i} ({len(runs)} runs): {found}")
            each = len(made) / len(asked.sizes)
            print(f"{kind}, {law}: {any_} of {len(made)} ({any_ / len(made):.1%}); {dict(seen)}")
            print("  by size: " + ", ".join(f"{size}: {sizes[size] / each:.0%}" for size in asked.sizes), flush=True)


if __name__ == "__main__":
    main()
