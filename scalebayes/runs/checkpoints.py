"""Rows that are checkpoints of runs and no runs: how they are told, and the last of each run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.names import plain
from scalebayes.runs.reading.cells import text
from scalebayes.runs.table import Runs

# How far a run has come. Plurals such as 'steps' may be the length of each of a grid's runs, and are no sign.
WITHIN = ("step", "global_step", "trainer_global_step", "_step", "iteration", "iter", "checkpoint", "ckpt", "epoch")
LENGTHS = ("max_steps", "total_steps", "num_steps", "train_steps", "steps", "max_iters", "num_train_epochs", "epochs")
ALONG = ("D", "x", "C")  # of rows of one run_id, which is sign enough
NO_RUNS = ("split", "state", "status")  # labels that rows share whatever they are
SHARE = 0.5  # of the rows that are of a run with several, from which on the table is one of checkpoints
LEAST = 4  # rows of a run where a column other than run_id names it
MANY = 6  # rows at one N, unless they are evenly spaced, where no column names runs: a grid has fewer


@dataclass(frozen=True)
class Checkpoints:
    """The signs that rows are checkpoints.

    Attributes:
        by: the column that names the runs; N where none does and each size is of one run. along: the column that
            rises within a run. runs: how many have several rows. rows: of these runs together. last: the value of
            `along` at which every run ends, None where they end apart. example: the name of a run.
    """

    by: str
    along: str
    runs: int
    rows: int
    last: float | None
    example: str


def checkpoints_of(runs: Runs) -> Checkpoints | None:
    """The signs that a table's rows are checkpoints, None where there are none or where rows are told to be runs.

    A run_id with several rows at one N, whose tokens differ; or any other label, or N itself, within which a column of
    steps rises. A grid of N and D has neither.

    >>> steps = [1000, 2000, 3000, 4000] * 2
    >>> D, losses = [1e9 * step for step in steps], [4.0, 3.5, 3.2, 3.0, 3.8, 3.3, 3.0, 2.8]
    >>> table = Runs(run_id=["a"] * 4 + ["b"] * 4, N=[1e8] * 4 + [1e9] * 4, D=D, step=steps, loss=losses)
    >>> found = checkpoints_of(table)
    >>> found.by, found.along, found.runs, found.last
    ('run_id', 'step', 2, 4000.0)
    >>> checkpoints_of(Runs(N=[1e8] * 4 + [1e9] * 4, D=D, loss=losses)) is None
    True
    """
    if _once(runs):
        return None
    steps = [name for word in WITHIN for name in runs.inputs if plain(name) == word and not _finished(runs, name)]
    for by, names in _labels(runs):
        known = by == "run_id" and runs.origin.aliases.get("run_id", "run_id").lower() not in ("name", "id")
        for along in [*steps, *(name for name in ALONG if known and name in runs.inputs)]:
            if (found := _signs(runs, by, names, along)) is not None:
                return found
    return None


def last_of(runs: Runs, by: str = "run_id", along: str | None = None) -> Runs:
    """The last row of each run, of a table whose rows are checkpoints.

    Args:
        runs: the table.

        by: the column that names the runs, `run_id` by default.

        along: the column that rises within a run; by default steps where the table has them, else D, x or C.

    Returns:
        The runs, in the order of the table. Rows that have no name stay.

    Raises:
        InputError: no such column.

    >>> table = Runs(run_id=["a", "a", "b"], N=[1e8, 1e8, 1e9], D=[1e9, 2e9, 2e9], loss=[3.5, 3.2, 2.9])
    >>> last_of(table).y.tolist()
    [3.2, 2.9]
    """
    columns = runs.columns()
    if by not in columns:
        raise unknown("column in by=", by, columns)
    if along is None:
        words = [name for word in WITHIN for name in runs.inputs if plain(name) == word]
        along = next(iter([*words, *(name for name in ALONG if name in runs.inputs)]), None)
        if along is None:
            raise InputError("no column of steps or tokens tells which row of a run is its last; name one with along=")
    if along not in runs.inputs:
        raise unknown("column in along=", along, runs.inputs)
    names, x = text(columns[by]).tolist(), runs.inputs[along]
    last: dict[str | None, int] = {}
    for i, name in enumerate(names):
        if name not in last or x[i] >= x[last[name]]:
            last[name] = i
    kept = [i for i, name in enumerate(names) if name is None or last[name] == i]
    return runs.take(kept).noted(last_of=f"{len(kept)} of {len(runs)} rows, the last {along} of each {by}")


def _once(runs: Runs) -> bool:
    """Whether a column names each row as a run of its own."""
    names = runs.labels.get("run_id")
    return names is not None and len(set(names)) == len(names)


def _finished(runs: Runs, step: str) -> bool:
    """Whether every row is at the end of its run, by a column that has the run's length."""
    lengths = [x for name, x in runs.inputs.items() if plain(name) in LENGTHS]
    return any(np.allclose(x, runs.inputs[step], rtol=0.02) for x in lengths)


def _labels(runs: Runs) -> Iterator[tuple[str, list[str | None]]]:
    """The columns that may name runs, the likeliest first, and the name of each row."""
    for name in sorted(runs.labels, key=lambda name: name != "run_id"):
        if plain(name) not in NO_RUNS:
            yield name, runs.labels[name].tolist()
    if "N" in runs.inputs:
        yield "N", text(runs.inputs["N"]).tolist()


def _signs(runs: Runs, by: str, names: list[str | None], along: str) -> Checkpoints | None:
    members: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if name is not None:
            members.setdefault(name, []).append(i)
    least = 2 if by == "run_id" else LEAST
    several = {name: rows for name, rows in members.items() if len(rows) >= least}
    rows = sum(map(len, several.values()))
    if not several or rows < SHARE * len(runs):
        return None
    x, sizes = runs.inputs[along], runs.inputs.get("N")
    for own in several.values():
        there = np.unique(x[own][np.isfinite(x[own])])
        if len(there) < len(own) or (sizes is not None and np.ptp(np.log(sizes[own])) > 1e-3):
            return None
        # A grid may have a column of the steps, or of the epochs, that each of its runs was trained for.
        even = np.ptp(np.diff(there)) <= 0.01 * np.diff(there).mean()
        if not even and by != "run_id" and (plain(along) == "epoch" or (by == "N" and len(own) < MANY)):
            return None
    ends = {float(x[own].max()) for own in several.values()}
    last = ends.pop() if len(ends) == 1 and len(several) == len(members) else None
    return Checkpoints(by, along, len(several), rows, last, next(iter(several)))
