"""Counts how often checks find faults and raise false alarms: `python -m benchmarks.checks.alarms`.

The simulated tables of `alarm_tables.py` are fitted by `sb.fit_many(..., method="map")`, and the checks of each fit are
counted. See README.md beside this file.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.checks.alarm_tables import KINDS, ROWS, SHARE, Table
from benchmarks.shared import add_only, add_out, commit, machine, say, versions, write_json

# Power of an F test of the cause alone, at the level of the check. A missed cause counts as wrong only above it.
SURE = 0.98
BINS = (8, 20, 40, 80, 160, 301)  # numbers of runs at which the bins of the report begin; the last is beyond all
WATCHED = (
    *("other_columns", "other_columns_largest", "explains_the_runs", "residuals", "residuals_largest"),
    *("scatter", "outliers", "prior_data_conflict", "units", "checkpoints"),
)
CHUNK = 250  # tables that one call of `fit_many` fits


def main() -> None:
    """Simulate and fit the tables, and write alarms.json and alarms.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="number of tables of each kind; the default is %(default)s")
    add_only(parser, KINDS, "kinds to run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; the default is 0")
    parser.add_argument(
        "--show", type=int, default=0, help="number of wrongly judged tables to print; the default is 0"
    )
    add_out(parser, here, "alarms.json and alarms.md")
    options = parser.parse_args()
    if options.n < 1 or options.seed < 0:
        parser.error("--n is at least 1, --seed at least 0")
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    record |= {"seed": options.seed, "n": options.n, "machine": machine(), "versions": dict(versions()), "kinds": {}}
    for kind in options.only:
        say(f"{kind}: {options.n} tables")
        seed = [options.seed, *kind.encode()]
        tables = [KINDS[kind](np.random.default_rng([*seed, i])) for i in range(options.n)]
        record["kinds"][kind] = judged(tables, options.show)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = record | {"kinds": {kind: by_name(tables) for kind, tables in record["kinds"].items()}}
    write_json(options.out / "alarms.json", kept)
    text = "\n".join(markdown(record)) + "\n"
    (options.out / "alarms.md").write_text(text, encoding="utf-8")
    print(text)


def by_name(tables: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return name -> list of the values of all tables."""
    return {name: [one[name] for one in tables] for name in tables[0]}


def judged(tables: list[Table], show: int) -> list[dict[str, Any]]:
    """Fit the tables and return the verdict on each; `show` of the wrong ones are printed."""
    import scalebayes as sb

    told: dict[int, dict[str, Any]] = {}
    for law in sorted({table.law for table in tables}):
        of_law = [i for i, table in enumerate(tables) if table.law == law]
        for start in range(0, len(of_law), CHUNK):
            part = of_law[start : start + CHUNK]
            runs = [sb.Runs(**tables[i].columns) for i in part]
            fits = sb.fit_many(runs, law, method="map", on_fail="ignore", progress=False)
            for i, fit in zip(part, fits, strict=True):
                said = {id: fit.checks[id] for id in WATCHED if id in fit.checks}
                told[i] = verdict(tables[i], said, len(fit.runs))
                if show > 0 and told[i]["wrong"]:
                    show -= 1
                    alarms = [f"{name}: {said[name].sentence}" for name in told[i]["alarms"]]
                    say(f"  {len(fit.runs)} rows, {law}, cause {tables[i].cause!r}: {'; '.join(alarms) or 'no alarm'}")
    return [told[i] for i in range(len(tables))]


def verdict(table: Table, said: dict[str, Any], rows: int) -> dict[str, Any]:
    """Return the verdict on one table: its rows, whether its fault was found, which checks alarmed, and the power."""
    # A check that says the table is too small for it raises no alarm.
    alarms = [id for id, check in said.items() if check.status != "pass" and check.conclusive]
    found, strong = any(name in alarms for name in table.wanted), power(table, rows)
    if table.cause:
        found = "other_columns" in alarms and table.cause in said["other_columns"].about
    missed = bool(table.wanted) and not found and (not table.cause or strong > SURE)
    return {
        "rows": rows,
        "power": round(strong, 4),
        "found": found,
        "alarms": alarms,
        "wrong": missed if table.wanted else bool(alarms),
    }


def power(table: Table, rows: int, tests: int = 8) -> float:
    """Return the power of an F test of the cause, given the six terms of the surface, at the level of the check."""
    from scalebayes.checks.limits import COLUMNS_LEVEL

    spare = rows - 6 - table.terms
    if not table.cause or spare < 1:
        return 0.0
    bound = stats.f.isf(COLUMNS_LEVEL / tests, table.terms, spare)
    return float(stats.ncf.sf(bound, table.terms, spare, (rows - 6) * table.left * SHARE / (1 - SHARE)))


def markdown(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of alarms.md."""
    yield "# What the checks find, and where they cry wolf"
    yield ""
    yield (
        f"{record['date']}, commit {record['commit']}, {record['machine']['cpu']}, seed {record['seed']}; "
        + ", ".join(f"{name} {number}" for name, number in record["versions"].items() if number != "missing")
        + f". Made by `python -m benchmarks.checks.alarms`: {record['n']} tables a kind, of {ROWS[0]} to {ROWS[1]} "
        "runs, heavy-tailed noise, fitted by MAP."
    )
    for kind, tables in record["kinds"].items():
        yield ""
        yield from {"without": quiet, "factor": named, "number": named}.get(kind, seen)(kind, tables)


def binned(tables: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the name of each bin of numbers of runs, and its tables."""
    for low, high in pairwise(BINS):
        yield f"{low} to {high - 1}", [one for one in tables if low <= one["rows"] < high]


def quiet(kind: str, tables: list[dict[str, Any]]) -> Iterator[str]:
    """Report on tables without a fault: which checks alarm."""
    alarms = sum(bool(one["alarms"]) for one in tables)
    yield f"**{kind}**: {alarms} of {len(tables)} tables ({alarms / len(tables):.1%}) raise an alarm."
    yield ""
    yield "| runs | tables | any | " + " | ".join(WATCHED) + " |"
    yield "|---|---|---|" + "---|" * len(WATCHED)
    for rows, there in binned(tables):
        counts = [str(sum(name in one["alarms"] for one in there)) for name in WATCHED]
        some = sum(bool(one["alarms"]) for one in there)
        yield f"| {rows} | {len(there)} | {some} | " + " | ".join(counts) + " |"


def named(kind: str, tables: list[dict[str, Any]]) -> Iterator[str]:
    """Report on tables whose cause is a column: how often it is named."""
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
    for rows, there in binned(tables):
        of = [one for one in there if one["power"] >= SURE]
        yield (
            f"| {rows} | {len(there)} | {sum(one['found'] for one in there)} | {len(of)} | "
            f"{sum(one['found'] for one in of)} |"
        )


def seen(kind: str, tables: list[dict[str, Any]]) -> Iterator[str]:
    """Report on tables that the law doesn't fit: how often a wanted check says so."""
    found = sum(one["found"] for one in tables)
    yield f"**{kind}**: found in {found} of {len(tables)} tables ({found / len(tables):.1%})."
    yield ""
    yield "| runs | tables | found |"
    yield "|---|---|---|"
    for rows, there in binned(tables):
        yield f"| {rows} | {len(there)} | {sum(one['found'] for one in there)} |"


if __name__ == "__main__":
    main()
