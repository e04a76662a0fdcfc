"""This file defines `read_runs`, which reads a table or a tracker's store into checked runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scalebayes.errors import InputError, known_settings
from scalebayes.runs.curves.given_as_runs import refuse_history
from scalebayes.runs.long_form import names_of
from scalebayes.runs.reading.formats import read_table
from scalebayes.runs.reading.opened_table import OpenedTable, Settings
from scalebayes.runs.reading.several import several
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import check_observable


@known_settings
def read_runs(
    table: Any,
    where: str | None = None,
    columns: Mapping[str, str | float | None] | None = None,
    observable: str | Sequence[str] = "loss",
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

        observable: The name of the column that laws predict. A list such as ["loss_web", "loss_code"] reads several
            columns of one unit in long form: a row for each run and observable, with a label `observable` that names
            it, for `fit_many(..., by="observable")` and `fit(..., pool="observable")`. A run in which an observable is
            blank has no row of it. Other columns of losses and scores are left out. The default is "loss".

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
        InputError: The source can't be read, two columns could both be the same input or observable, several
            observables have several units, or cells can't be used. The message lists the faults of all cells.

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
    >>> table = {"params": [1e8, 1e9], "tokens": [2e9, 2e10], "loss_web": [3.2, 2.6], "loss_code": [1.9, None]}
    >>> read_runs(table, observable=["loss_web", "loss_code"])
    Runs: 3 rows, loss 1.9 to 3.2 (unit not said)
      inputs: N 1e8 to 1e9, D 2e9 to 2e10
      labels: observable (2 values)
      observables: loss_web in 2 rows, loss_code in 1
      read: params as N, tokens as D; loss_code: 1 of 2 rows blank, left out
    """
    if not (columns is None or isinstance(columns, Mapping)):
        raise InputError(f"columns={columns!r} is no mapping; write our name to the table's: columns={{'N': 'params'}}")
    if strange := [ours for ours in columns or {} if not isinstance(ours, str)]:
        raise InputError(f"columns={columns!r}: {strange[0]!r} is no name; write our name to the table's, as text")
    one = observable if isinstance(observable, str) else None
    names = names_of(observable) if one is None else (one,)
    for name in names:
        check_observable(name)
    read = read_table(table)
    for name in names:
        refuse_history(read, name, columns or {})
    settings = Settings(where, columns or {}, unit, range, N_counts, units)
    opened = OpenedTable.of(read, names, settings)
    return made(several(opened, names) if one is None else opened.fields(opened.reading(one), one))
