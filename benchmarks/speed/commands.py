"""Holds the commands whose cold start is timed, and runs each as a process of its own."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.shared import ROOT

COMMAND = "import sys; from scalebayes.cli import main; sys.exit(main(sys.argv[1:]))"
HEADER = {"median", "lower", "upper", "e-folds"}  # words of the line above a forecast's intervals
POINTS = 57  # points of the simulated learning curve
LARGEST = 1e8  # its largest x


class Case(NamedTuple):
    """A command that is timed.

    Attributes:
        name: The name of the part, as `--only` takes it.

        words: What is typed after `scalebayes`. Files are named without a folder.

        calls: The functions of scalebayes that the command imports; the profile counts their import as such.

        screen: Whether the time is taken too at which the table of intervals stands on the screen.
    """

    name: str
    words: tuple[str, ...]
    calls: tuple[str, ...]
    screen: bool = False

    @property
    def typed(self) -> str:
        """What a user types."""
        return shlex.join(("scalebayes", *self.words)).replace("'", '"')


_WHERE = ("--where", "epoch_excluded == 0")
_FORECAST = ("forecaster", "predict", "interval", "backtest")
CASES = {
    case.name: case
    for case in (
        Case("forecast", ("forecast", "chinchilla.csv", *_WHERE, "--N", "70B", "--D", "1.4T"), _FORECAST, screen=True),
        Case("curve", ("forecast", "curve.csv", "--x", f"{10 * LARGEST:.0f}"), _FORECAST, screen=True),
        Case("fit", ("fit", "chinchilla.csv", *_WHERE, "--out", "fit.nc"), ("fit",)),
        Case("predict", ("predict", "fit.nc", "--N", "70B", "--D", "1.4T"), ("load", "predict", "interval")),
        Case("demo", ("demo",), ("datasets", "forecaster", "fit", "predict", "interval")),
    )
}
# Name of a case -> the names of those that make its files.
NEEDS = {"predict": ("fit",)}


def tables(data: Path, folder: Path) -> None:
    """Write chinchilla.csv and curve.csv, which the commands read, into the folder.

    Args:
        data: The path of the Chinchilla runs, which are copied. The learning curve is simulated with a fixed seed: a
            power law with a floor, and scatter of 1 %.

        folder: The folder.
    """
    shutil.copyfile(data, folder / "chinchilla.csv")
    x = np.logspace(-2, 0, POINTS)
    loss = (0.3 + 0.16 * x**-0.3) * np.exp(0.01 * np.random.default_rng(0).standard_normal(POINTS))
    rows = [f"{LARGEST * a:.0f},{b:.5f}" for a, b in zip(x, loss, strict=True)]
    (folder / "curve.csv").write_text("\n".join(["x,loss", *rows, ""]), encoding="utf-8")


def timed(case: Case, folder: Path, cache: Path) -> tuple[float, float | None]:
    """Run a command as a process of its own.

    Args:
        case: The command.

        folder: The folder with its files, in which it runs.

        cache: The folder of compiled programs, which needn't be there.

    Returns:
        The seconds until the process has ended, and those until the header of the intervals has been printed. The
        latter is None where the case doesn't ask for it.
    """
    words = [sys.executable, "-c", COMMAND, *case.words]
    seen = None
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:  # a pipe that nobody reads could fill up
        start = time.perf_counter()
        with subprocess.Popen(
            words, cwd=folder, env=_environment(cache), stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if case.screen and seen is None and set(line.split()) >= HEADER:
                    seen = time.perf_counter() - start
            code = process.wait()
        seconds = time.perf_counter() - start
        errors.seek(0)
        _check(case, code, errors.read())
    if case.screen and seen is None:
        sys.exit(f"error: {case.typed} printed no line with the words {', '.join(sorted(HEADER))}")
    return seconds, seen


def profiled(case: Case, folder: Path, cache: Path) -> dict[str, Any]:
    """Run a command as a process of its own that measures its stages, and return what it found; see stages.py."""
    found = folder / "stages.json"
    words = [sys.executable, "-m", "benchmarks.speed.stages", repr(time.time()), str(found), ",".join(case.calls)]
    done = subprocess.run(
        [*words, *case.words], cwd=folder, env=_environment(cache), capture_output=True, encoding="utf-8"
    )
    _check(case, done.returncode, done.stderr)
    return json.loads(found.read_text(encoding="utf-8"))


def _environment(cache: Path) -> dict[str, str]:
    """Return the environment of a command: this checkout, the cache's folder, and no setting of JAX's own cache."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("JAX_") and ("COMPILATION_CACHE" in name or "PERSISTENT_CACHE" in name))
    }
    path = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": path, "SCALEBAYES_CACHE": str(cache)}


def _check(case: Case, code: int, errors: str) -> None:
    """End the program if a command failed."""
    if code:
        sys.exit(f"error: {case.typed} ended with exit code {code}:\n{errors[-2000:]}")
