"""Holds what all benchmarks share: the data, the machine, the versions of packages, and how results are written."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "scalebayes",
    "jax",
    "jaxlib",
    "numpyro",
    "optax",
    "numpy",
    "scipy",
    "blackjax",
    "nutpie",
    "pymc",
    "numba",
    "lmfit",
    "chinchilla",
)


def find_data() -> Path:
    """Return the path of the Chinchilla runs; if it is missing, end the program and say what to do."""
    folder = Path(os.environ.get("SCALEBAYES_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "chinchilla.csv").is_file():
        sys.exit(f"error: {folder / 'chinchilla.csv'} is not there; set SCALEBAYES_DATA to the folder of the data sets")
    return folder / "chinchilla.csv"


def add_only(parser: argparse.ArgumentParser, names: Iterable[str], what: str = "parts to run") -> None:
    """Give a parser the option --only, a list of some of the names; the default is all of them."""
    known = list(names)

    def chosen(typed: str) -> list[str]:
        words = typed.split(",")
        if strange := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"it takes {', '.join(known)}, not {strange[0]!r}")
        return words

    text = f"{what}, separated by commas; the default is all of {', '.join(known)}"
    parser.add_argument("--only", type=chosen, default=known, help=text)


def add_out(parser: argparse.ArgumentParser, folder: Path, files: str) -> None:
    """Give a parser the option --out, the folder of the result files; the default is the script's own folder."""
    text = f"folder of {files}; the default is the folder of this script"
    parser.add_argument("--out", type=Path, default=folder, help=text)


def machine() -> dict[str, Any]:
    """Return the cores, the CPU model, the system and the load, but no name of the host."""
    model = platform.processor()
    if (info := Path("/proc/cpuinfo")).is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line[:10] == "model name"]
        model = names[0] if names else model
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_at_start": [round(x, 2) for x in load],
    }


def versions() -> Iterable[tuple[str, str]]:
    """Yield the name and the version of each package; the version is "missing" if it isn't installed."""
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "missing"


def commit() -> str:
    """Return the commit of the working tree, with ", changed" if the package was changed since."""

    def git(*words: str) -> str:
        done = subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (", changed" if git("status", "--porcelain", "scalebayes") else "")
    except (OSError, subprocess.CalledProcessError):
        return "not known"


def say(line: str) -> None:
    """Print a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def as_json(value: Any, depth: int = 1) -> str:
    """Return JSON in which an array of numbers or words stands on one line, however long.

    >>> print(as_json({"rows": [[1, 2], [3, 4]], "seed": 0}))
    {
     "rows": [
      [1, 2],
      [3, 4]
     ],
     "seed": 0
    }
    """
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(str(key))}: {as_json(one, depth + 1)}" for key, one in value.items()]
        ends = "{}"
    elif isinstance(value, list | tuple) and any(isinstance(one, dict | list | tuple) for one in value):
        parts, ends = [as_json(one, depth + 1) for one in value], "[]"
    else:
        return json.dumps(value)
    inside, end = "\n" + " " * depth, "\n" + " " * (depth - 1)
    return f"{ends[0]}{inside}{f',{inside}'.join(parts)}{end}{ends[1]}"


def write_json(path: Path, record: Any) -> None:
    """Write a record to a file as `as_json` formats it."""
    path.write_text(as_json(record) + "\n", encoding="utf-8")
