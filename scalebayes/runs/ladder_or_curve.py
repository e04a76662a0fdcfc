"""This file decides whether runs with one input are a ladder of finished runs or the curve of one run."""

from typing import NamedTuple

import numpy as np

from scalebayes.compute import DERIVED
from scalebayes.errors import unknown
from scalebayes.runs import Runs
from scalebayes.runs.names import read_as

LADDER, CURVE = "ladder", "curve"
ASKED = "as asked"  # the reason for a kind that the caller named
FAMILIES = ("name", "id")  # names of columns that are read as run_id but may name a family of runs
# Number of different values of C or D. Runs with more are a curve: a sweep seldom has more, a logged run seldom fewer.
MOST = 30


class Kind(NamedTuple):
    """The kind of runs.

    Attributes:
        name: `LADDER` or `CURVE`.

        why: The reason in a few words.
    """

    name: str
    why: str


def kind_of(runs: Runs, column: str, asked: str | None = None) -> Kind:
    """Decide whether runs along a column are a ladder of finished runs or the curve of one run.

    The runs are a ladder if the column is N, because one run has one size. They also are a ladder if the column is C or
    D, has at most `MOST` values, and no `run_id` has several of them. Any other runs are a curve. A `run_id` that the
    table calls `name` or `id` is not looked at, since it may name a family of runs.

    Args:
        runs: The table.

        column: The name of the column. The runs are a curve if it does not mean N, D or C.

        asked: The kind that the caller names, which is returned without a decision. The default is None, for none.

    Raises:
        InputError: No kind has this name.

    >>> kind_of(Runs(C=[1e18, 1e19, 1e20], loss=[3.5, 3.1, 2.7]), "C")
    Kind(name='ladder', why='3 values of C')
    >>> kind_of(Runs(x=[1.0, 2.0, 4.0], loss=[3.5, 3.1, 2.7]), "x").why
    'x is none of N, D and C, in which finished runs differ'
    """
    if asked not in (None, LADDER, CURVE):
        raise unknown("kind", str(asked), (LADDER, CURVE))
    if asked is not None:
        return Kind(asked, ASKED)
    values = (runs.derive(column) if column in DERIVED else runs).column(column)
    size = size_of(runs, column)
    count = np.unique(values).size
    if size is None:
        return Kind(CURVE, f"{column} is none of N, D and C, in which finished runs differ")
    if size != "N" and (trained := _of_one_run(runs, values)) is not None:
        return Kind(CURVE, f"run {trained!r} has several values of {column}")
    if count > MOST and size != "N":
        return Kind(CURVE, f"{count} values of {column}, more than {MOST}")
    return Kind(LADDER, f"{count} values of {column}")


def size_of(runs: Runs, column: str) -> str | None:
    """Which of N, D and C a column of runs means, by its name in scalebayes or in the table; None if none of them.

    >>> size_of(Runs(C=[1e18], loss=[3.0]), "C"), size_of(Runs(x=[1.0], loss=[3.0]), "x")
    ('C', None)
    """
    names = (column, runs.origin.aliases.get(column, column))
    return next((read for name in names if (read := read_as(name, runs.observable)) in DERIVED), None)


def _of_one_run(runs: Runs, values: np.ndarray) -> str | None:
    """The run_id of the first run whose rows have several values; None if no run has.

    A column that the table calls `name` or `id` is not used, because it may name a family of runs.
    """
    names, called = runs.labels.get("run_id"), runs.origin.aliases.get("run_id", "run_id")
    if names is None or (called.lower() in FAMILIES and "curve" not in runs.metadata):
        return None
    for name in dict.fromkeys(given for given in names if given is not None):
        if np.unique(values[names == name]).size > 1:
            return str(name)
    return None


def noted(runs: Runs, kind: Kind) -> Runs:
    """Add the kind of the runs, ladder or curve, to their metadata.

    >>> kind_text(noted(Runs(C=[1e18], loss=[3.0]), Kind("ladder", "1 values of C")))
    "a ladder of finished runs (1 values of C); kind='curve' reads them as the curve of one run"
    """
    return runs.noted(kind=list(kind))


def kind_text(runs: Runs) -> str:
    """How the runs were read, and how to read them as the other kind, in words; blank if no kind was decided."""
    about = runs.metadata.get("kind")
    if not about:
        return ""
    name, why = about
    of = {LADDER: "a ladder of finished runs", CURVE: "the curve of one run"}
    other = CURVE if name == LADDER else LADDER
    cure = "" if why == ASKED else f"; kind='{other}' reads them as {of[other]}"
    return f"{of[name]} ({why}){cure}"
