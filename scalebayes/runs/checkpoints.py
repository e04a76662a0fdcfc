"""This file recognises rows that are checkpoints of runs, not runs, and keeps the last row of each run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.runs.names import plain
from scalebayes.runs.observables import refuse_several
from scalebayes.runs.reading.cells import text
from scalebayes.runs.table import Runs

# Names of columns that say how far a run has come. A plural such as 'steps' is not among them: it may be the length of
# each run of a grid.
WITHIN = ("step", "global_step", "trainer_global_step", "_step", "iteration", "iter", "checkpoint", "ckpt", "epoch")
# Names of columns that say how long a run is.
LENGTHS = ("max_steps", "total_steps", "num_steps", "train_steps", "steps", "max_iters", "num_train_epochs", "epochs")
# Columns that may rise within a run. They are a sign of checkpoints only among rows that share a run_id.
ALONG = ("D", "x", "C")
NO_RUNS = ("split", "state", "status")  # labels that never name runs: unrelated rows share their values
SHARE = 0.5  # share of the rows that belong to runs with several rows; below it the rows are no checkpoints
LEAST = 4  # rows that a run must have to count as several, if a column other than run_id names it; 2 for run_id
# Rows at one N, if no column names runs. Fewer rows are checkpoints only if they are evenly spaced: a grid has as few.
MANY = 6


@dataclass(frozen=True)
class Checkpoints:
    """The signs that rows are checkpoints.

    Attributes:
        by: The column that names the runs. It is N if no column does and each size has one run.

        along: The column that rises within a run.

        runs: The number of runs that have several rows.

        rows: The number of rows of these runs together.

        last: The value of `along` at which every run ends; None if the runs end at different values.

        example: The name of one run.
    """

    by: str
    along: str
    runs: int
    rows: int
    last: float | None
    example: str


def checkpoints_of(runs: Runs) -> Checkpoints | None:
    """The signs that the rows of a table are checkpoints; None if there are no signs or each row has its own run_id.

    One sign is several rows of one run_id at one N whose tokens differ. The other sign is a column of steps that rises
    among the rows of one label, or of one N. A grid of N and D has neither sign.

    >>> steps = [1000, 2000, 3000, 4000] * 2
    >>> D, losses = [1e9 * step for step in steps], [4.0, 3.5, 3.2, 3.0, 3.8, 3.3, 3.0, 2.8]
    >>> table = Runs(run_id=["a"] * 4 + ["b"] * 4, N=[1e8] * 4 + [1e9] * 4, D=D, step=steps, loss=losses)
    >>> signs = checkpoints_of(table)
    >>> signs.by, signs.along, signs.runs, signs.last
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
            if (signs := _signs(runs, by, names, along)) is not None:
                return signs
    return None


@known_settings
def last_of(runs: Runs, by: str = "run_id", along: str | None = None) -> Runs:
    """Keep the last row of each run, if the rows of a table are checkpoints.

    Args:
        runs: The table of checkpoints.

        by: The column that names the runs. The default is "run_id".

        along: The column that rises within a run. The default is None, which means a column of steps if the table has
            one, else D, x or C.

    Returns:
        The last row of each run as `Runs`, in the order of the table. Rows without a name are kept too.

    Raises:
        InputError: The table has no column `by`, or no column `along`.

    >>> table = Runs(run_id=["a", "a", "b"], N=[1e8, 1e8, 1e9], D=[1e9, 2e9, 2e9], loss=[3.5, 3.2, 2.9])
    >>> last_of(table).y.tolist()
    [3.2, 2.9]
    """
    refuse_several(runs, "the last row of a run")
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
    chosen = [i for i, name in enumerate(names) if name is None or last[name] == i]
    return runs.take(chosen).noted(last_of=f"{len(chosen)} of {len(runs)} rows, the last {along} of each {by}")


def _once(runs: Runs) -> bool:
    """Whether each row has a run_id that no other row has."""
    names = runs.labels.get("run_id")
    return names is not None and len(set(names)) == len(names)


def _finished(runs: Runs, step: str) -> bool:
    """Whether every row is at the end of its run: its step equals the length of the run, which another column has."""
    lengths = [x for name, x in runs.inputs.items() if plain(name) in LENGTHS]
    return any(np.allclose(x, runs.inputs[step], rtol=0.02) for x in lengths)


def _labels(runs: Runs) -> Iterator[tuple[str, list[str | None]]]:
    """The columns that may name runs, each with the names of its rows. The column that is most likely comes first."""
    for name in sorted(runs.labels, key=lambda name: name != "run_id"):
        if plain(name) not in NO_RUNS:
            yield name, runs.labels[name].tolist()
    if "N" in runs.inputs:
        yield "N", text(runs.inputs["N"]).tolist()


def _signs(runs: Runs, by: str, names: list[str | None], along: str) -> Checkpoints | None:
    """The signs that rows with the same name are checkpoints of one run, along one column; None if there are none."""
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
    for of_run in several.values():
        there = np.unique(x[of_run][np.isfinite(x[of_run])])
        if len(there) < len(of_run) or (sizes is not None and np.ptp(np.log(sizes[of_run])) > 1e-3):
            return None
        # In a grid the column may hold the number of steps, or of epochs, that each run was trained for.
        even = np.ptp(np.diff(there)) <= 0.01 * np.diff(there).mean()
        if not even and by != "run_id" and (plain(along) == "epoch" or (by == "N" and len(of_run) < MANY)):
            return None
    ends = {float(x[of_run].max()) for of_run in several.values()}
    last = ends.pop() if len(ends) == 1 and len(several) == len(members) else None
    return Checkpoints(by, along, len(several), rows, last, next(iter(several)))
