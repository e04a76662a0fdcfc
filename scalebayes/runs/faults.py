"""What is wrong with the cells of a table: where it is, what to do, and the filter that leaves such rows out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.reading.cells import number, truth
from scalebayes.runs.reading.spelling import spelled

# What a filter calls the number of a row, where no column has that name.
ROW = "row"
# What the last row of a spreadsheet is called where it holds no run.
SUMMARIES = frozenset({"total", "totals", "grand total", "sum", "mean", "average", "avg", "median"})
# A filter that leaves out rows one by one names at most so many.
MOST_ROWS = 20
# A message tells of at most so many faults.
MOST_FAULTS = 8


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table came from, so that a message can point at the cell that the user sees.

    `rows`: the 1-based data row of each run in its table; `run_ids`: their names or None; `source`: the file's
    path or ''; `aliases`: our name -> the table's name, where they differ; `filters`: whether `where` was on offer;
    `texts`: the columns of ours that hold text in a row that the filter left out;
    `numbered`: whether a filter may call the rows by their number; `where`: the filter that they passed;
    `finished`: the filter that keeps the runs that came to their end, '' where the table doesn't tell them.
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
        """Row `i`, 0-based among the rows kept, and the column, as the user knows them."""
        run_id = None if self.run_ids is None else self.run_ids[i]
        run = "" if run_id is None else f" (run_id '{run_id}')"
        theirs = self.aliases.get(name, name)
        read_as = "" if theirs == name else f" (read as {name})"
        return f"row {self.rows[i]}{run}, column '{theirs}'{read_as}"

    def name(self, name: str) -> str:
        """The table's name for a column of ours, as a filter writes it."""
        theirs = self.aliases.get(name, name)
        return theirs if theirs.isidentifier() and not iskeyword(theirs) else f"`{theirs}`"

    def compares(self, name: str) -> bool:
        """Whether a filter can compare a column of ours with a number."""
        return name not in self.texts and "`" not in self.aliases.get(name, name)

    def without(self, at: Sequence[int]) -> str:
        """The test that leaves out the runs at these positions, by their names or else by their rows; '' for many."""
        if len(at) > MOST_ROWS:
            return ""
        ids = [None if self.run_ids is None else self.run_ids[i] for i in at]
        if all(is_a_name(run_id) for run_id in ids):
            column, words = self.name("run_id"), [repr(run_id) for run_id in dict.fromkeys(ids)]
        elif self.numbered:
            column, words = ROW, [str(self.rows[i]) for i in at]
        else:
            return ""
        return f"{column} != {words[0]}" if len(words) == 1 else f"{column} not in [{', '.join(words)}]"

    def filter(self, test: str) -> str:
        """A filter as the user types it: the one that is there, and one test more."""
        if not self.where:
            return f'where="{test}"'
        before = f"({self.where})" if re.search(r"\bor\b", self.where) else self.where
        both = f"{before} and {test}"
        return f'where="{both}"' if '"' not in both else f"where={both!r}"


def is_a_name(run_id: Any) -> bool:
    """Whether a filter can call a run by its name: text that no column of numbers or truth values holds."""
    if not isinstance(run_id, str) or not run_id.isprintable() or set(run_id) & set("\"'`\\"):
        return False
    return number(run_id) is None and spelled(run_id) is None and truth(run_id) is None


@dataclass(frozen=True)
class Fault:
    """What is wrong in one way with the cells of one column.

    `told`: the first row, the column and the problem; `cure`: what to do with the cell; `at`: the positions of all
    rows that have it; `test`: the comparison that such rows fail, '' where none can be made; `ended`: whether the
    runs that finished may have none; `more`: a cure beside.
    """

    told: str
    cure: str
    at: tuple[int, ...]
    test: str = ""
    ended: bool = False
    more: str = ""


def refuse(origin: Origin, faults: Sequence[Fault]) -> None:
    """Raise `InputError` with all the faults on one line, the first of many; do nothing where there is none."""
    if faults:
        raise InputError((f"{origin.source}: " if origin.source else "") + told(origin, faults))


def told(origin: Origin, faults: Sequence[Fault]) -> str:
    """The faults with their cures, and how to leave out all the rows that have one."""
    cures = [left_out] if (left_out := leave_out(origin, faults)) else []
    if origin.filters and origin.finished and any(fault.ended for fault in faults):
        cures.append(f"keep the runs that finished with {origin.filter(origin.finished)}")
    if len(faults) == 1:
        fault = faults[0]
        join = ", or " if fault.more or "," in fault.cure else " or "
        return f"{fault.told}; {join.join([fault.cure, *cures])}{fault.more}"
    shown = [f"({i}) {fault.told}; {fault.cure}{fault.more}" for i, fault in enumerate(faults[:MOST_FAULTS], 1)]
    shown += [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
    return f"{len(faults)} faults: {'; '.join(shown)}{''.join(f'; or {cure}' for cure in cures)}"


def leave_out(origin: Origin, faults: Sequence[Fault]) -> str:
    """The words for leaving out the rows of the faults, with the filter where `where` is on offer; '' for all rows."""
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
    """The fault of a last row, under a column of labels (row,), that sums up the others and is no run."""
    words = [str(cell).strip().rstrip(":").lower() for cell in cells.tolist()] if cells.dtype == object else []
    if len(words) < 2 or words[-1] not in SUMMARIES or words[-1] in words[:-1]:
        return []
    at = len(words) - 1
    problem = f"{origin.place(at, name)}: '{str(cells[at]).strip()}' is no run but what the others add up to"
    return [Fault(problem, "call the run otherwise", (at,))]
