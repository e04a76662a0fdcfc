"""This file has the error messages for cells that can't be used: the place, the cure, and a filter that helps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.filter_text import ROW, can_name, comparison, in_quotes, name_text
from scalebayes.runs.reading.cells import number, truth
from scalebayes.runs.reading.spelling import spelled

# Words in the last row of a spreadsheet that sums up the rows above and holds no run.
SUMMARIES = frozenset({"total", "totals", "grand total", "sum", "mean", "average", "avg", "median"})
# Number of rows that a filter leaves out one by one; for more rows no such filter is suggested.
MOST_ROWS = 20
# Number of faults that a message describes; the others are only counted.
MOST_FAULTS = 8


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table come from, so that a message can name the cell that the user sees.

    Attributes:
        rows: The row number of each run in its table, int (run,). The first row of data is 1.

        run_ids: The name of each run; None if there are no names.

        source: The path of the file; blank if there is none.

        aliases: The names in the table by the names in scalebayes, for columns whose two names differ.

        filters: Whether the function that read the table has the argument `where`.

        texts: The names in scalebayes of the columns that hold text in some row, also in a row that the filter left
            out.

        numbered: Whether a filter may use the numbers of the rows.

        where: The filter that the rows passed; blank if there was none.

        finished: The filter that keeps finished runs; blank if no column has the state of a run.
    """

    rows: np.ndarray
    run_ids: np.ndarray | None = None
    source: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    filters: bool = False
    texts: frozenset[str] = frozenset()
    numbered: bool = False
    where: str = ""
    finished: str = ""

    def place(self, i: int, name: str) -> str:
        """The row and the column of a cell, as the user knows them. `i` is the position of the run, from 0 on."""
        run_id = None if self.run_ids is None else self.run_ids[i]
        run = "" if run_id is None else f" (run_id '{run_id}')"
        theirs = self.aliases.get(name, name)
        read_as = "" if theirs == name else f" (read as {name})"
        return f"row {self.rows[i]}{run}, column '{theirs}'{read_as}"

    def name(self, name: str) -> str:
        """The name of a column in the table, in the form that a filter needs."""
        return name_text(self.aliases.get(name, name))

    def compares(self, name: str) -> bool:
        """Whether a filter can compare the column with a number."""
        return name not in self.texts and can_name(self.aliases.get(name, name))

    def without(self, at: Sequence[int]) -> str:
        """A filter that leaves out the runs at some positions, by name or by row number; blank if they are too many."""
        if len(at) > MOST_ROWS:
            return ""
        ids = [None if self.run_ids is None else self.run_ids[i] for i in at]
        if all(is_a_name(run_id) for run_id in ids):
            return comparison(self.aliases.get("run_id", "run_id"), "!=", *map(repr, dict.fromkeys(ids)))
        return comparison(ROW, "!=", *(str(self.rows[i]) for i in at)) if self.numbered else ""

    def filter(self, test: str) -> str:
        """The argument `where` as the user types it: the present filter with one more test."""
        if not self.where:
            return f"where={in_quotes(test)}"
        before = f"({self.where})" if re.search(r"\bor\b", self.where) else self.where
        return f"where={in_quotes(f'{before} and {test}')}"


def is_a_name(run_id: Any) -> bool:
    """Whether a filter of runs can use the name of one: it is text, and neither a number nor a truth value."""
    if not isinstance(run_id, str) or not run_id.isprintable() or set(run_id) & set("\"'`\\"):
        return False
    return number(run_id) is None and spelled(run_id) is None and truth(run_id) is None


@dataclass(frozen=True)
class Fault:
    """One kind of fault in the cells of one column.

    Attributes:
        problem: The first row with the fault, the column and the problem, in words.

        cure: What to do with the cell.

        at: The positions of all rows with the fault.

        test: A comparison that these rows fail; blank if there is none.

        ended: Whether the fault may be found only in runs that did not finish.

        more: Another cure.
    """

    problem: str
    cure: str
    at: tuple[int, ...]
    test: str = ""
    ended: bool = False
    more: str = ""


def refuse(origin: Origin, faults: Sequence[Fault]) -> None:
    """Raise `InputError` with the faults of a table of runs on one line; do nothing if there is none."""
    if faults:
        raise InputError((f"{origin.source}: " if origin.source else "") + faults_text(origin, faults))


def faults_text(origin: Origin, faults: Sequence[Fault]) -> str:
    """The faults of a table of runs with their cures in words, and how to leave out all rows that have a fault."""
    cures = [left_out] if (left_out := leave_out(origin, faults)) else []
    if origin.filters and origin.finished and any(fault.ended for fault in faults):
        cures.append(f"keep the runs that finished with {origin.filter(origin.finished)}")
    if len(faults) == 1:
        fault = faults[0]
        join = ", or " if fault.more or "," in fault.cure else " or "
        return f"{fault.problem}; {join.join([fault.cure, *cures])}{fault.more}"
    shown = [f"({i}) {fault.problem}; {fault.cure}{fault.more}" for i, fault in enumerate(faults[:MOST_FAULTS], 1)]
    shown += [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
    return f"{len(faults)} faults: {'; '.join(shown)}{''.join(f'; or {cure}' for cure in cures)}"


def leave_out(origin: Origin, faults: Sequence[Fault]) -> str:
    """How to leave out a table's rows with faults, by a filter if the function has `where`; blank if all have them."""
    rows = {i for fault in faults for i in fault.at}
    if len(rows) == len(origin.rows):
        return ""
    words = "leave the row out" if len(rows) == 1 else "leave those rows out"
    named = {i for fault in faults if not fault.test for i in fault.at}
    # A row that is left out by its number needs no comparison as well.
    tests = [fault.test for fault in faults if fault.test and not named.issuperset(fault.at)]
    tests = [*dict.fromkeys(tests), *([origin.without(sorted(named))] if named else [])]
    if not origin.filters or not all(tests):
        return words
    return f"{'leave such rows out' if not named else words} with {origin.filter(' and '.join(tests))}"


def summed_up(name: str, cells: np.ndarray, origin: Origin) -> list[Fault]:
    """The fault of a last row that sums up the table and is no run, by its word in a column of labels (row,)."""
    words = [str(cell).strip().rstrip(":").lower() for cell in cells.tolist()] if cells.dtype == object else []
    if len(words) < 2 or words[-1] not in SUMMARIES or words[-1] in words[:-1]:
        return []
    at = len(words) - 1
    problem = f"{origin.place(at, name)}: '{str(cells[at]).strip()}' is no run but what the others add up to"
    return [Fault(problem, "call the run otherwise", (at,))]
