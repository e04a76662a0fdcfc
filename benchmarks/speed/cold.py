"""Times what a user waits for at the command line: `python -m benchmarks.speed.cold`.

Each command runs as a process of its own, first with an empty cache of compiled programs, and then with the cache that
it has filled. See README.md beside this file.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions, write_json
from benchmarks.speed import cold_report
from benchmarks.speed.commands import CASES, NEEDS, Case, profiled, tables, timed
from scalebayes.infer.compile import cores

PARTS = tuple(CASES)
CACHES = ("empty", "filled")


def main() -> None:
    """Time the commands, and write cold.json and cold.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="repeats of every command; the default is %(default)s")
    add_only(parser, PARTS, "commands to time")
    add_out(parser, here, "cold.json and cold.md")
    options = parser.parse_args()
    parts = options.only
    if options.repeats < 1:
        parser.error("--repeats is at least 1")
    data = find_data()
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "repeats": options.repeats}
    record |= {"machine": machine(), "versions": dict(versions()), "commit": commit(), "cores": cores()}
    record["commands"] = {part: time_command(CASES[part], data, options.repeats) for part in PARTS if part in parts}
    if "forecast" in parts:
        record["profile"] = profile_command(CASES["forecast"], data)
    record["targets"] = list(cold_report.targets(record))
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "cold.json", record)
    text = cold_report.markdown(record)
    (options.out / "cold.md").write_text(text, encoding="utf-8")
    print(text)


def cold_start(data: Path, repeats: int) -> dict[str, Any]:
    """Return the seconds and the profile of `scalebayes fit`, for the report of `benchmarks.speed.speed`."""
    return {
        "cores": cores(),
        **time_command(CASES["fit"], data, repeats),
        "profile": profile_command(CASES["fit"], data),
    }


def time_command(case: Case, data: Path, repeats: int) -> dict[str, Any]:
    """Return what is typed, and with each cache the seconds of every repeat until the table stands and until the end.

    Args:
        case: The command.

        data: The path of the Chinchilla runs.

        repeats: The number of repeats. Each begins with an empty cache.
    """
    found: dict[str, Any] = {"typed": case.typed, "seconds": {name: [] for name in CACHES}}
    found["on_screen"] = {name: [] for name in CACHES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(case, data, folder)
        for repeat in range(repeats):
            for cache in CACHES:
                seconds, seen = timed(case, folder, folder / f"cache-{repeat}")
                found["seconds"][cache].append(seconds)
                if seen is not None:
                    found["on_screen"][cache].append(seen)
                screen = "" if seen is None else f", its table on the screen after {seen:.2f} s"
                say(f"repeat {repeat + 1}, {cache} cache: {case.typed}: {seconds:.2f} s{screen}")
    return found


def profile_command(case: Case, data: Path) -> dict[str, Any]:
    """Return the profile of one run of a command with each cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(case, data, folder)
        return {cache: profiled(case, folder, folder / "cache") for cache in CACHES}


def _prepare(case: Case, data: Path, folder: Path) -> None:
    """Write the tables into the folder, and run the commands whose files the case reads, each with another cache."""
    tables(data, folder)
    for name in NEEDS.get(case.name, ()):
        say(f"first, without being timed: {CASES[name].typed}")
        timed(CASES[name], folder, folder / "other-cache")


if __name__ == "__main__":
    main()
