"""read_runs: the ways in, from a table or a tracker's store to the checked runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.columns import Given, read_names
from scalebayes.runs.curves.given_as_runs import refuse_history
from scalebayes.runs.faults import ROW, Origin, told
from scalebayes.runs.name_words import plain
from scalebayes.runs.names import INPUTS, LABELS, Meaning, meaning, read_as
from scalebayes.runs.numeric import examined
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import text, typed
from scalebayes.runs.reading.formats import read_table
from scalebayes.runs.reading.scaling import asked_units, countable, in_units
from scalebayes.runs.reading.spelling import spelled
from scalebayes.runs.split import filter_of
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import check_observable, checked_fields, roles_of
from scalebayes.runs.where import parse_where

ROUNDED = 0.01  # the most that a column in millions may differ from the same in full
DIGITS = re.compile(r"\s*[^\w\s]{0,2}\s*\.?\d")  # how a cell with a number begins
FINISHED = ("finished", "completed", "complete", "succeeded", "success", "done")


def read_runs(
    table: Any,
    where: str | None = None,
    columns: Mapping[str, str | float | None] | None = None,
    observable: str = "loss",
    unit: str | None = None,
    range: tuple[float, float] | None = None,
    N_counts: str | None = None,
    units: Mapping[str, float | str] | None = None,
) -> Runs:
    """Read runs from a table, or from where a tracker keeps them.

    `table` is a file (text with commas, semicolons, tabs, bars or spaces between its columns, an Excel workbook by the
    extra `excel`, Parquet, JSON lines, each also in .gz or .zip), a data frame (pandas, polars, pyarrow), a dict of
    lists or a list of dicts; a W&B export (CSV, or the list of runs of its API); an MLflow store (an SQLite file, its
    `sqlite:///` address, or a folder such as `mlruns`; extra `mlflow`); a folder of TensorBoard's event files, each
    folder with some a run (extra `tensorboard`); a `trainer_state.json` of Hugging Face, or a folder of them.

    `where` filters the rows on the source's own names, such as `state` or `config.lr` (in backticks: see the example),
    before anything is checked. `columns` says which column is which, ours -> the source's; a number is the same for
    every run, and None leaves one of ours out. The usual names (`params`, `tokens`, `flops`, `val_loss`, ...) are
    read without it, also after a tracker's prefix (`config.n_params`, `metrics.val/loss`). An exact name such as `D`
    is read before `train_tokens`, and a held-out loss before one of training, which is then left out. A tracker's
    metric has the value that was logged last.

    A header that says its unit is read in it: `Model Size (M)`, `Tokens [B]`, `FLOPs (1e21)`, `Compute (PF-days)`.
    `units` says what a column counts in where its header doesn't, or isn't right: ours -> a factor or its name, as in
    {"N": 1e6, "D": "B"}. `unit` is that of the observable, by default what its column's name says (`val_bpb`,
    `loss (nats)`), else not said.

    Numbers may be written as in 60M, 1.4T, 60,000,000, 45.2%, 2,31 or 1.2×10^9. The cells of a column, and then the
    observable and the inputs beside it, decide how one is read; what has two readings is refused with both, and what
    was made of cells that are no plain numbers is told. In a filter, `row` is the number of a row, 1 for the first.

    Raises `InputError` for what can't be read, for two columns that would both be one of ours, and for cells that can't
    be used, all of them at once.

    >>> table = {"params": [1e8, 1e9], "tokens": [2e9, 2e10], "val_loss": [3.2, 2.6], "diverged": [True, False]}
    >>> read_runs(table, where="diverged == False")
    Runs: 1 row, loss 2.6 (unit not said)
      inputs: N 1e9, D 2e10, diverged 0
      read: params as N, tokens as D, val_loss as loss
      where: diverged == False
    >>> read_runs({"Model Size (M)": [60, 410], "Tokens (B)": [2, 10], "val_bpb": [1.2, 1.0]})
    Runs: 2 rows, loss 1 to 1.2 bits/byte
      inputs: N 6e7 to 4.1e8, D 2e9 to 1e10
      read: 'Model Size (M)' as N, times 1e6; 'Tokens (B)' as D, times 1e9; 'val_bpb' as loss, in bits/byte
    >>> run = {"name": "tiny", "state": "finished", "config": {"n_params": 1e8, "lr": 3e-4}}
    >>> runs = [run | {"summary": {"train/loss": 3.1, "val/loss": 3.2}}, run | {"name": "next", "state": "running"}]
    >>> read_runs(runs, where="state == 'finished' and `config.lr` < 1e-3", columns={"D": 2e9})
    Runs: 1 row, loss 3.2 (unit not said)
      inputs: N 1e8, config.lr 3e-4, D 2e9
      labels: run_id ('tiny'), state ('finished')
      read: name as run_id, config.n_params as N, summary.val/loss as loss
      for every run: D 2e9
      left out: summary.train/loss
      where: state == 'finished' and `config.lr` < 1e-3
    """
    if not (columns is None or isinstance(columns, Mapping)):
        raise InputError(f"columns={columns!r} is no mapping; write our name to the table's: columns={{'N': 'params'}}")
    if strange := [ours for ours in columns or {} if not isinstance(ours, str)]:
        raise InputError(f"columns={columns!r}: {strange[0]!r} is no name; write our name to the table's, as text")
    check_observable(observable)
    read = read_table(table)
    refuse_history(read, observable, columns or {})
    prefix = f"{read.source}: " if read.source else ""
    roles = roles_of(read.cells, observable, columns or {})
    whole = {ROW: read.rows, **numerals.settled(read.cells, read.semicolons, roles)}
    cells, rows = {name: whole[name] for name in read.cells}, read.rows
    if where is not None:
        test = parse_where(where)
        found = whole if ROW in test.names else cells
        judged = {name: typed(column) if name in test.names else column for name, column in found.items()}
        mask = test.mask(judged)
        if not mask.any():
            raise InputError(f"{prefix}{test.none_left(judged)}")
        cells, rows = {name: column[mask] for name, column in cells.items()}, rows[mask]

    def same(one: str, other: str) -> bool:
        a, b = typed(cells[one]), typed(cells[other])
        if a.dtype != b.dtype or a.dtype.kind != "f":
            return a.dtype == b.dtype and np.array_equal(a, b)
        by = [found.factor if (found := meaning(column, observable)) else 1.0 for column in (one, other)]
        # A column in millions is rounded to them.
        return np.allclose(a * by[0], b * by[1], rtol=0.0 if by[0] == by[1] else ROUNDED, atol=0.0, equal_nan=True)

    def numeric(column: str) -> bool:
        return any(DIGITS.match(str(cell)) for cell in cells[column].tolist())

    def of_a_count(column: str, means: Meaning) -> bool:
        asked = isinstance(units, Mapping) and means.ours in units
        return asked or countable(cells[column], means.ours, means.factor)

    given = {**({"run_id": read.named_by} if read.named_by else {}), **numbers(columns or {}, cells)}
    origin = Origin(rows, source=read.source, filters=True, numbered=ROW not in read.cells, where=where or "")
    try:
        reading = read_names(list(cells), observable, given, same, read.source, read.tracked, numeric, of_a_count)
    except InputError as error:
        raise InputError("; besides, ".join([str(error), *faults_beside(cells, observable, given, origin)])) from None
    aliases = {ours: theirs for ours, theirs in reading.names.items() if ours != theirs}
    metadata = {
        "source": read.source,
        "rows_read": len(read.rows),
        "filters": [] if where is None else [where],
        "aliases": aliases,
        "constants": reading.constants,
        "left_out": list(reading.left_out),
    }
    named = {ours: cells[theirs] for ours, theirs in reading.names.items()}
    named |= {ours: np.full(len(rows), value) for ours, value in reading.constants.items()}
    named, of_units = in_units(named, cells, reading, observable, units, prefix)
    metadata["units"] = sorted(asked_units(units, named, reading))
    origin = replace(
        origin,
        aliases=aliases,
        texts=frozenset() if where is None else texts(reading.names, whole),
        finished=finished(cells),
    )
    fields = checked_fields(named, origin, observable, unit or reading.unit or None, range, N_counts, metadata)
    read_cells = {theirs: cells[theirs] for ours, theirs in reading.names.items() if ours not in LABELS}
    of_cells = numerals.told(read_cells, [reading.names[ours] for ours in fields["labels"]])
    return made({**fields, "metadata": {**metadata, "made": [*read.made, *of_units, *of_cells]}})


def faults_beside(cells: Mapping[str, np.ndarray], observable: str, given: Given, origin: Origin) -> list[str]:
    """The faults of the inputs that a table names in our words, where its names are wrong already."""
    ours = {name: read_as(name, observable) for name in cells}
    faults = [
        fault
        for name, column in cells.items()
        if ours[name] in INPUTS and ours[name] not in given and [*ours.values()].count(ours[name]) == 1
        for fault in examined(name, column, origin)[1]
    ]
    return [told(origin, faults)] if faults else []


def numbers(columns: Given, found: Mapping[str, np.ndarray]) -> dict[str, str | float | None]:
    """The columns that were given, with a number for text that is none of the columns found but one number.

    >>> numbers({"N": "70B", "loss": "val"}, {})
    {'N': 70000000000.0, 'loss': 'val'}
    """
    given = {**columns}
    for ours, theirs in columns.items():
        if isinstance(theirs, str) and theirs not in found and (word := spelled(theirs)) and word.value is not None:
            given[ours] = word.value
    return given


def texts(names: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> frozenset[str]:
    """Our names for the columns that hold text, which a filter can't compare with a number."""
    return frozenset(ours for ours, theirs in names.items() if typed(columns[theirs]).dtype.kind != "f")


def finished(cells: Mapping[str, np.ndarray]) -> str:
    """The filter that keeps the runs that came to their end, '' where none is needed or no column tells.

    >>> finished({"State": np.array(["finished", "crashed"], dtype=object)})
    "State == 'finished'"
    """
    for name, column in cells.items():
        if plain(name) in ("state", "status"):
            states = text(column).tolist()
            done = next((state for state in states if state and state.lower() in FINISHED), None)
            if done and set(states) != {done}:
                return filter_of(name, done) or ""
    return ""
