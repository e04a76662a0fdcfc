"""Loads damaged copies of every kind of file that is read back: `python -m benchmarks.checks.damage`.

Each copy is loaded in a process that is ended if it takes too long. See README.md beside this file.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import ROOT, add_out, commit, machine, say, versions, write_json

HERE = Path(__file__).parent
FIRST = ROOT / "tests" / "storage" / "first_format"
KINDS = ("fit", "fits", "stack", "backtest", "batch")
LONGEST = 20.0  # seconds; a copy that takes longer to load counts as one that hangs its reader
OUTCOMES = ("refused", "the same", "computed again", "other numbers", "another error", "hangs", "ends the process")


def main() -> None:
    """Load the damaged copies, and write damage.json and damage.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--n", type=int, default=500, help="number of copies of each kind of file; the default is %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; the default is 0")
    add_out(parser, HERE, "damage.json and damage.md")
    options = parser.parse_args()
    record = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    record |= {"versions": dict(versions()), "seed": options.seed, "copies": options.n, "kinds": {}}
    with tempfile.TemporaryDirectory() as folder:
        for kind in (*KINDS, "fit, first format"):
            say(f"{kind}: {options.n} copies")
            record["kinds"][kind] = result_of(kind, options.n, options.seed, Path(folder))
    options.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(markdown(record)) + "\n"
    write_json(options.out / "damage.json", record)
    (options.out / "damage.md").write_text(text, encoding="utf-8")
    print(text)


def result_of(kind: str, n: int, seed: int, folder: Path) -> dict[str, Any]:
    """Return damage -> outcome -> number of copies for one kind of file, and the longest time in seconds."""
    found: dict[str, Counter[str]] = {}
    slowest, pool = 0.0, None
    for i in range(n):
        if pool is None:
            pool = ProcessPoolExecutor(1, get_context("spawn"))
            pool.submit(
                taken, kind, None, seed, str(folder)
            ).result()  # this imports, compiles, and loads the undamaged file, before any time is taken
        try:
            how, outcome, seconds = pool.submit(taken, kind, i, seed, str(folder)).result(LONGEST)
            slowest = max(slowest, seconds)
        except (TimeoutError, BrokenProcessPool) as error:
            how, outcome = "?", "hangs" if isinstance(error, TimeoutError) else "ends the process"
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(cancel_futures=True)
            pool = None
        found.setdefault(how, Counter())[outcome] += 1
    if pool is not None:
        pool.shutdown()
    return {"slowest": slowest, "damage": {how: dict(each) for how, each in sorted(found.items())}}


def taken(kind: str, i: int | None, seed: int, folder: str) -> tuple[str, str, float]:
    """Return what damaged copy i, the outcome of loading it, and the seconds; i is None for the undamaged file."""
    rng = np.random.default_rng([seed, (*KINDS, "fit, first format").index(kind), 0 if i is None else i + 1])
    return _batch(i, rng, Path(folder)) if kind == "batch" else _netcdf(kind, i, rng, Path(folder))


def _netcdf(kind: str, i: int | None, rng: np.random.Generator, folder: Path) -> tuple[str, str, float]:
    """Damage copy i of a saved result, and load it."""
    import scalebayes as sb
    from tests import damaging

    sound = FIRST / "fit.nc" if "first" in kind else folder / f"{kind}.nc"
    if not sound.exists():
        sb.load(FIRST / sound.name).save(sound)
    wanted = list(damaging.facts(sb.load(sound)))
    if i is None:
        return "none", "the same", 0.0
    if "first" in kind:
        one = damaging.BYTES[i % len(damaging.BYTES)]
        whole, how = one(sound.read_bytes(), rng), one.__name__
    else:
        whole, how = damaging.damaged(sound.read_bytes(), rng)
    path = folder / "copy.nc"
    path.write_bytes(whole)
    started = time.perf_counter()
    try:
        same = list(damaging.facts(sb.load(path))) == wanted
        outcome = "the same" if same else "other numbers"
    except sb.InputError:
        outcome = "refused"
    except Exception as error:
        outcome = f"another error: {type(error).__name__}"
    return how, outcome, time.perf_counter() - started


def _batch(i: int | None, rng: np.random.Generator, folder: Path) -> tuple[str, str, float]:
    """Damage a finished batch of `fit_many`, and call it again."""
    import scalebayes as sb
    from tests import damaging

    tables = [sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1 + k / 10]) for k in range(4)]
    method = sb.MAP(search=sb.Search(screened=128, starts=2))

    def fitted() -> list[Any]:
        found = sb.fit_many(tables, "power", method=method, on_fail="ignore", batch=2, folder=folder / "batches")
        return list(damaging.facts(found))

    wanted = fitted()
    if i is None:
        return "none", "the same", 0.0
    path = sorted((folder / "batches").glob("*.npz"))[i % 2]
    content = path.read_bytes()
    whole, how = damaging.damaged_batch(content, path.stem, folder / "batches" / "manifest.json", rng)
    path.write_bytes(whole)
    started = time.perf_counter()
    try:
        same = fitted() == wanted
        again = "computed again" if whole != content and path.read_bytes() == content else "the same"
        outcome = again if same else "other numbers"
    except sb.InputError:
        outcome = "refused"
    except Exception as error:
        outcome = f"another error: {type(error).__name__}"
    path.write_bytes(content)
    return how, outcome, time.perf_counter() - started


def markdown(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of damage.md."""
    about = record["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if version != "missing")
    yield "# Damaged files\n"
    yield (
        f"{record['date']}, commit {record['commit']}, {about['cpu']}, Python {about['python']}, seed "
        f"{record['seed']}; {packages}. Made by `python -m benchmarks.checks.damage`: {record['copies']} damaged "
        f"copies of each kind of file, each loaded in a process that is ended after {LONGEST:g} s.\n"
    )
    yield (
        "One to sixteen bytes flipped; the end, a piece or the last line cut off; a block of zeros; bytes behind the "
        "end; an array of another type or shape, with NaN or infinite numbers, or gone; a value of the record or an "
        "attribute gone or of another type, each without a checksum and with one that is right for the bytes. A batch "
        "of `fit_many(folder=)` that is damaged is computed again. A copy that gives the same numbers was changed "
        "where there is nothing: a block that was zeros, an attribute that nobody reads.\n"
    )
    yield "| kind | " + " | ".join(OUTCOMES) + " | slowest, s |"
    yield "| --- " * (len(OUTCOMES) + 2) + "|"
    for kind, one in record["kinds"].items():
        total: Counter[str] = Counter()
        for each in one["damage"].values():
            for outcome, number in each.items():
                total["another error" if outcome.startswith("another error") else outcome] += number
        yield f"| {kind} | " + " | ".join(str(total[outcome]) for outcome in OUTCOMES) + f" | {one['slowest']:.2f} |"
    yield (
        "\nFiles of the first format have no checksum: what was changed in their draws can't be told. They are read to "
        "the end in a process of its own first.\n"
    )
    for kind, one in record["kinds"].items():
        yield f"## {kind}\n"
        yield from (
            f"- {how}: " + ", ".join(f"{outcome} {number}" for outcome, number in sorted(each.items()))
            for how, each in one["damage"].items()
        )
        yield ""


if __name__ == "__main__":
    main()
