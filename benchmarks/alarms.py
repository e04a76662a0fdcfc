"""Whether the checks find what they are for, and cry wolf: `python benchmarks/alarms.py`.

Simulated tables are fitted by `sb.fit_many(..., method="map")`, and the checks of each fit are counted. A kind of
table is a function that makes one; more kinds and more checks go into KINDS and WATCHED. See README.md
beside this file.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from speed import commit, machine, say, versions

SHARE = 1 / 3  # of the variance of the scatter, that a factor explains
SURE = 0.98  # power of an F test of the factor alone at the check's level, from which on a table counts as enough
ROWS = (8, 300)
BINS = (8, 20, 40, 80, 160, 301)
WATCHED = (
    *("other columns", "other columns of the largest runs", "explains the runs", "residuals"),
    *("residuals of the largest runs", "scatter", "outliers", "prior-data conflict", "units", "checkpoints"),
)
UNSEEN = "can't show"  # of a table too small for the test: no alarm
CHUNK = 250  # tables a call


@dataclass(frozen=True)
class Table:
    """A simulated table: its columns, the column that moves the loss ('' for none), and how many terms it has."""

    columns: dict[str, Any]
    cause: str = ""
    terms: int = 0
    left: float = 1.0  # share of the cause that a quadratic surface in log N and log D leaves


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="tables a kind")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, with commas between: " + ", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="print so many of the tables that were judged wrongly")
    parser.add_argument("--out", type=Path, default=here / "results", help="folder of alarms.json and .md")
    options = parser.parse_args()
    if options.n < 1 or options.seed < 0:
        parser.error("--n is at least 1, --seed at least 0")
    if strange := set(options.only.split(",")) - set(KINDS):
        parser.error(f"--only takes {', '.join(KINDS)}, not {sorted(strange)[0]!r}")
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(here)}
    record |= {"seed": options.seed, "n": options.n, "machine": machine(), "versions": dict(versions()), "kinds": {}}
    for kind in options.only.split(","):
        say(f"{kind}: {options.n} tables")
        seed = [options.seed, *kind.encode()]
        tables = [KINDS[kind](np.random.default_rng([*seed, i])) for i in range(options.n)]
        record["kinds"][kind] = list(judged(tables, options.show))
    options.out.mkdir(parents=True, exist_ok=True)
    kept = record | {"kinds": {kind: by_name(tables) for kind, tables in record["kinds"].items()}}
    (options.out / "alarms.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
    text = "\n".join(markdown(record)) + "\n"
    (options.out / "alarms.md").write_text(text, encoding="utf-8")
    print(text)


def by_name(tables: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """What was said of tables as one list a name."""
    return {name: [one[name] for one in tables] for name in tables[0]}


def judged(tables: list[Table], show: int) -> Iterator[dict[str, Any]]:
    """What the watched checks said of each table: rows, the cause, whether it was named, and who raised an alarm."""
    import scalebayes as sb

    for start in range(0, len(tables), CHUNK):
        part = tables[start : start + CHUNK]
        fits = sb.fit_many([sb.Runs(**table.columns) for table in part], method="map", on_fail="ignore", progress=False)
        for table, fit in zip(part, fits, strict=True):
            said = {name: fit.checks[name] for name in WATCHED if name in fit.checks}
            alarms = [name for name, one in said.items() if one.status != "pass" and UNSEEN not in one.sentence]
            first = said["other columns"].sentence if "other columns" in alarms else ""
            named = f"'{table.cause}' explains" in first or f"'{table.cause}' " in first.partition(";")[0]
            yield {
                "rows": len(fit.runs),
                "terms": table.terms,
                "power": round(power(table, len(fit.runs)), 4),
                "found": bool(table.cause) and named,
                "alarms": alarms,
            }
            wrong = bool(alarms) if not table.cause else not named and power(table, len(fit.runs)) > SURE
            if wrong and show > 0:
                show -= 1
                say(f"  {len(fit.runs)} rows, cause {table.cause!r}: {'; '.join(str(c) for c in said.values())}")


def power(table: Table, rows: int, tests: int = 8) -> float:
    """Of an F test of the cause at the level that the check has for so many tests, given six terms of the surface."""
    from scalebayes.checks.columns import LEVEL

    spare = rows - 6 - table.terms
    if not table.cause or spare < 1:
        return 0.0
    bound = stats.f.isf(LEVEL / tests, table.terms, spare)
    return float(stats.ncf.sf(bound, table.terms, spare, (rows - 6) * table.left * SHARE / (1 - SHARE)))


def base(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """N and D of a plan (grid, budgets or scattered), the log of the law there, and the noise's scale."""
    rows = int(np.exp(rng.uniform(*np.log(ROWS))) + 0.5)
    plan = rng.choice(["grid", "budgets", "scattered"])
    if plan == "grid":
        across = max(3, round(rows**0.5 * rng.uniform(0.6, 1.4)))
        N = np.geomspace(10 ** rng.uniform(7, 8), 10 ** rng.uniform(9, 10), across)[np.arange(rows) % across]
        along = -(-rows // across)
        D = np.geomspace(10 ** rng.uniform(9, 9.5), 10 ** rng.uniform(10.5, 11.5), max(along, 2))[
            np.arange(rows) // across
        ]
    else:
        N = 10 ** rng.uniform(7, 10, rows)
        C = 6 * 10 ** rng.uniform(17, 21, rows)
        if plan == "budgets":
            C = np.geomspace(1e18, 1e21, max(3, rows // 8))[rng.integers(max(3, rows // 8), size=rows)]
        D = np.clip(C / 6 / N, 1e8, 1e12) if plan == "budgets" else 10 ** rng.uniform(9, 11.5, rows)
    E, a, b = rng.uniform(1.5, 2.2), rng.uniform(0.28, 0.4), rng.uniform(0.28, 0.4)
    law = E + rng.uniform(0.2, 0.8) * (N / 3e8) ** -a + rng.uniform(0.2, 0.8) * (D / 1e10) ** -b
    return N, D, np.log(law), float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))


def nuisance(rng: np.random.Generator, N: np.ndarray, D: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """A few columns that say nothing beyond N and D: labels, sweeps, shapes, times, outcomes."""
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
    """A label of levels of unequal size, each in two rows at least."""
    share = rng.dirichlet(np.full(levels, 3.0))
    code = np.concatenate([np.repeat(np.arange(levels), 2), rng.choice(levels, max(rows, 2 * levels), p=share)])[:rows]
    return np.array([f"kind {k}" for k in "abcdef"], dtype=object)[rng.permutation(code)]


def without(rng: np.random.Generator) -> Table:
    """A table whose law is right, with columns that say nothing."""
    N, D, law, scale = base(rng)
    y = law + scale * rng.standard_t(4, len(N))
    return Table({"N": N, "D": D, "loss": np.exp(y), **nuisance(rng, N, D, y)})


def with_factor(rng: np.random.Generator) -> Table:
    """A pooled factor of 2 to 6 levels, a label or a number, that explains a third of the scatter."""
    N, D, law, scale = base(rng)
    levels = min(int(rng.integers(2, 7)), max(2, len(N) // 4))
    factor = label(rng, len(N), levels)
    known, code = np.unique(factor.astype(str), return_inverse=True)
    effect = rng.standard_normal(len(known))[code]
    if rng.uniform() < 0.4:
        factor = (10.0 ** rng.permutation(np.arange(len(known))))[code]
    return caused(rng, N, D, law, scale, effect, factor, len(known) - 1)


def with_number(rng: np.random.Generator) -> Table:
    """A number of many values that the loss depends on, by a slope or a parabola in its log, explaining a third."""
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
    """The table of an effect, scaled to its share of the scatter's variance, beside columns that say nothing."""
    u, v = (x - x.mean() for x in (np.log(N), np.log(D)))
    surface = np.column_stack([np.ones(len(N)), u, v, u * u, u * v, v * v])
    left = effect - surface @ np.linalg.lstsq(surface, effect, rcond=None)[0]
    share = float(left.var() / max(effect.var(), 1e-300))
    noise = rng.standard_t(4, len(N))
    size = np.sqrt(SHARE / (1 - SHARE) * 2.0 / max(effect.var(), 1e-300))  # 2: the variance of Student-t(4)
    y = law + scale * (noise + size * (effect - effect.mean()))
    columns = {"N": N, "D": D, "loss": np.exp(y), **nuisance(rng, N, D, y), "cause": factor}
    return Table(columns, "cause", terms, share)


KINDS: dict[str, Callable[[np.random.Generator], Table]] = {
    "without": without,
    "factor": with_factor,
    "number": with_number,
}


def markdown(record: dict[str, Any]) -> Iterator[str]:
    yield "# What the checks find, and where they cry wolf"
    yield ""
    yield (
        f"{record['date']}, commit {record['commit']}, {record['machine']['cpu']}, seed {record['seed']}; "
        + ", ".join(f"{name} {number}" for name, number in record["versions"].items() if number != "missing")
        + f". Made by `python benchmarks/alarms.py`: {record['n']} tables a kind, of {ROWS[0]} to {ROWS[1]} runs, "
        "with 3 to 8 columns that say nothing, heavy-tailed noise, fitted by MAP."
    )
    bins = list(pairwise(BINS))
    for kind, tables in record["kinds"].items():
        yield ""
        if kind == "without":
            alarms = sum(bool(one["alarms"]) for one in tables)
            yield f"**{kind}**: {alarms} of {len(tables)} tables ({alarms / len(tables):.1%}) raise an alarm."
            yield ""
            yield "| runs | tables | " + " | ".join(WATCHED) + " |"
            yield "|---|---|" + "---|" * len(WATCHED)
            for low, high in bins:
                there = [one for one in tables if low <= one["rows"] < high]
                counts = [str(sum(name in one["alarms"] for one in there)) for name in WATCHED]
                yield f"| {low} to {high - 1} | {len(there)} | " + " | ".join(counts) + " |"
            continue
        sure = [one for one in tables if one["power"] >= SURE]
        found = sum(one["found"] for one in sure)
        yield (
            f"**{kind}**, a third of the scatter: named in {found} of {len(sure)} tables "
            f"({found / max(len(sure), 1):.1%}) where an F test of it alone, at the check's level, has "
            f"a power of {SURE:.0%}."
        )
        yield ""
        yield "| runs | tables | found | with that power | found of these |"
        yield "|---|---|---|---|---|"
        for low, high in bins:
            there = [one for one in tables if low <= one["rows"] < high]
            of = [one for one in there if one["power"] >= SURE]
            yield (
                f"| {low} to {high - 1} | {len(there)} | {sum(one['found'] for one in there)} | {len(of)} | "
                f"{sum(one['found'] for one in of)} |"
            )


if __name__ == "__main__":
    main()
