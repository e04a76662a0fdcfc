"""This file defines `read_runs`, which reads a table or a tracker's store into checked runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.runs.candidates import Given
from scalebayes.runs.columns import read_names
from scalebayes.runs.curves.given_as_runs import refuse_history
from scalebayes.runs.faults import Origin, faults_text
from scalebayes.runs.filter_text import ROW, filter_of
from scalebayes.runs.name_words import plain
from scalebayes.runs.names import INPUTS, LABELS, Meaning, meaning, read_as
from scalebayes.runs.numeric import examined
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import text, typed
from scalebayes.runs.reading.formats import read_table
from scalebayes.runs.reading.scaling import asked_units, countable, in_units
from scalebayes.runs.reading.spelling import spelled
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import check_observable, checked_fields, roles_of
from scalebayes.runs.where import parse_where

# Relative difference. Two columns in different units, such as parameters and millions of parameters, count as the same
# column if their values differ by no more than this: the one in millions is rounded.
ROUNDED = 0.01
DIGITS = re.compile(r"\s*[^\w\s]{0,2}\s*\.?\d")  # the beginning of a cell that holds a number
# Words in a column of states for a run that came to its end.
FINISHED = ("finished", "completed", "complete", "succeeded", "success", "done")


@known_settings
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
    """Read runs from a table or from the store of a tracker.

    Usual column names, such as `params`, `tokens`, `flops` and `val_loss`, are recognised, also after a tracker's
    prefix (`config.n_params`, `metrics.val/loss`). An exact name such as `D` has priority over `train_tokens`. A
    held-out loss has priority over a training loss, which is then left out. The value of a tracker's metric is the one
    that was logged last.

    If a header states a unit, as in `Model Size (M)`, `Tokens [B]`, `FLOPs (1e21)` or `Compute (PF-days)`, the column
    is read in that unit.

    Numbers may be written as 60M, 1.4T, 60,000,000, 45.2%, 2,31 or 1.2×10^9. The other cells of the column decide how
    such a number is read. If they do not decide it, the observable and the inputs beside it do. A number that still
    has two readings is an error, and the message shows both. The printed `Runs` say how cells were read that are no
    plain numbers.

    Args:
        table: The source of the runs. It is one of these:

            - a file: text with commas, semicolons, tabs, bars or spaces between its columns, Parquet, JSON lines, or an
              Excel workbook (this one needs the extra `excel`); each of them may be packed as .gz or .zip;
            - a data frame of pandas, polars or pyarrow, a dict of lists, or a list of dicts;
            - an export of W&B: a CSV file, or the list of runs that its API returns;
            - a store of MLflow: an SQLite file, its `sqlite:///` address, or a folder such as `mlruns` (needs the extra
              `mlflow`);
            - a folder of TensorBoard's event files, in which each folder with event files is one run (needs the extra
              `tensorboard`);
            - a `trainer_state.json` of Hugging Face, or a folder of such files.

        where: A filter of the rows, such as "state == 'finished'". It uses the names of the source. A name that is no
            plain word, such as `config.lr`, stands in backticks. `row` is the number of a row, and the first row is 1.
            The rows are filtered before they are checked. The default is None, for no filter.

        columns: Which column of the source is which, as a mapping from the name in scalebayes to the name in the
            source. A number in place of a name is the value for every run, and None leaves the column out. The default
            is None, which means that columns are recognised by their names.

        observable: The name of the column that laws predict. The default is "loss".

        unit: The unit of the observable. The default is None, which means the unit in the name of its column (as in
            `val_bpb` or `loss (nats)`), if there is one.

        range: The open interval (lower, upper) that contains every value of the observable. The default is None, which
            means (0, inf).

        N_counts: Which parameters N counts, such as "total" or "non-embedding". The default is None, for not known.

        units: The units of columns whose headers state no unit or a wrong one, as a mapping from the name in scalebayes
            to a factor or its name, as in {"N": 1e6, "D": "B"}. The default is None.

    Returns:
        The checked table as `Runs`.

    Raises:
        InputError: The source can't be read, two columns could both be the same input or observable, or cells can't be
            used. The message lists the faults of all cells.

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
        filterable = whole if ROW in test.names else cells
        judged = {name: typed(column) if name in test.names else column for name, column in filterable.items()}
        mask = test.mask(judged)
        if not mask.any():
            raise InputError(f"{prefix}{test.none_left(judged)}")
        cells, rows = {name: column[mask] for name, column in cells.items()}, rows[mask]

    def same(first: str, second: str) -> bool:
        a, b = typed(cells[first]), typed(cells[second])
        if a.dtype != b.dtype or a.dtype.kind != "f":
            return a.dtype == b.dtype and np.array_equal(a, b)
        by = [known.factor if (known := meaning(column, observable)) else 1.0 for column in (first, second)]
        # A column in millions is rounded, so its values differ slightly from those in the other column.
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
    of_cells = numerals.reading_notes(read_cells, [reading.names[ours] for ours in fields["labels"]])
    return made({**fields, "metadata": {**metadata, "made": [*read.made, *of_units, *of_cells]}})


def faults_beside(cells: Mapping[str, np.ndarray], observable: str, given: Given, origin: Origin) -> list[str]:
    """The faults in the cells of the recognised inputs, as one sentence in a list, for an error about column names."""
    ours = {name: read_as(name, observable) for name in cells}
    faults = [
        fault
        for name, column in cells.items()
        if ours[name] in INPUTS and ours[name] not in given and [*ours.values()].count(ours[name]) == 1
        for fault in examined(name, column, origin)[1]
    ]
    return [faults_text(origin, faults)] if faults else []


def numbers(columns: Given, cells: Mapping[str, np.ndarray]) -> dict[str, str | float | None]:
    """The setting `columns` of a table, with text that is a number, such as "70B", replaced by the number.

    Text that names one of the columns of the source stays as it is.

    >>> numbers({"N": "70B", "loss": "val"}, {})
    {'N': 70000000000.0, 'loss': 'val'}
    """
    given = {**columns}
    for ours, theirs in columns.items():
        if isinstance(theirs, str) and theirs not in cells and (word := spelled(theirs)) and word.value is not None:
            given[ours] = word.value
    return given


def texts(names: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> frozenset[str]:
    """The names in scalebayes of the table's columns that hold text. A filter can't compare them with a number."""
    return frozenset(ours for ours, theirs in names.items() if typed(columns[theirs]).dtype.kind != "f")


def finished(cells: Mapping[str, np.ndarray]) -> str:
    """The filter of a table that keeps finished runs; blank if all are finished or no column has the state of a run.

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
