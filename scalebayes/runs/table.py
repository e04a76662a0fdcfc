"""This file defines `Runs`, the checked table of training runs that every fit starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.display.view import View
from scalebayes.runs.changed_runs import ChangedRuns
from scalebayes.runs.describe import described, fingerprint
from scalebayes.runs.faults import Origin
from scalebayes.runs.long_form import names_of, of_several
from scalebayes.runs.names import LABELS
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import as_columns
from scalebayes.runs.validate import check_observable, checked_fields, roles_of

if TYPE_CHECKING:
    import pandas as pd

FIRST = 5  # number of rows that a notebook shows; the rows after them are not shown


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Runs(ChangedRuns):
    """A table of training runs: one observable, the inputs of scaling laws, the labels, and the known noise.

    The columns are given by name. N (parameters), D (tokens), C (FLOPs), U (unique tokens) and x are checked when the
    table is made: each value must be positive and finite. Any other column is kept as it is. It is checked when a law
    takes it as an input (see `require`).

    Args:
        observable: The name of the column that laws predict. A list such as ["loss_web", "loss_code"] puts several
            columns of one unit in long form, as `read_runs` does. The default is "loss".

        unit: The unit of the observable, such as "nats/token". The default is None, for a unit that is not known.

        range: The open interval (lower, upper) that contains every value of the observable. The default is None, which
            means (0, inf).

        N_counts: Which parameters N counts, such as "total" or "non-embedding". The default is None, for not known.

        metadata: Facts about how the table was made. The default is None, for no facts.

        **columns: The columns, each a sequence of one value per run. The observable must be among them. `loss_se`
            holds known standard errors of the observable `loss`. `count` holds the number of readings that were
            averaged into a row.

    Attributes:
        observable: The name of the observable.

        unit: The unit of the observable; blank if it is not known.

        range: The open interval (lower, upper) of the observable.

        y: The values of the observable, float64 (run,).

        inputs: The other numeric columns by name, float64 (run,).

        se: The known standard errors of `y`, float64 (run,); None if the table has none.

        count: The number of readings averaged into each row, float64 (run,); None if the table has none.

        labels: The text columns by name, (run,): `run_id`, `group`, `split` and any other. A blank cell is None.

        N_counts: Which parameters N counts; None if it is not known.

        metadata: How the table was read: its source, its filters, and the names that its columns had.

        derived: The formula of each column that `derive` added, by name.

        origin: Where each row comes from, so that an error message can name the row.

    Raises:
        InputError: A column, a cell or a setting can't be used. The message names the column, the row and the cure.

    >>> runs = Runs(N=[1e8, 4e8, 1e9], D=[2e9, 8e9, 2e10], loss=[3.19, 2.83, 2.61], run_id=["a", "b", "c"])
    >>> runs
    Runs: 3 rows, loss 2.61 to 3.19 (unit not said)
      inputs: N 1e8 to 1e9, D 2e9 to 2e10
      labels: run_id (3 values)
    >>> runs.derive("C").where("C > 1e19 and run_id != 'c'").y
    array([2.83])
    >>> runs["N"].max(), "D" in runs, len(runs)
    (np.float64(1000000000.0), True, 3)
    """

    def __init__(
        self,
        *,
        observable: str | Sequence[str] = "loss",
        unit: str | None = None,
        range: tuple[float, float] | None = None,
        N_counts: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **columns: Any,
    ):
        names = (observable,) if isinstance(observable, str) else names_of(observable)
        for name in names:
            check_observable(name)
        cells = as_columns(columns)
        cells = numerals.settled(cells, roles={n: r for name in names for n, r in roles_of(cells, name, {}).items()})
        origin = Origin(np.arange(1, 1 + len(next(iter(cells.values()), ()))))

        def of_one(name: str, cells: Mapping[str, np.ndarray]) -> dict[str, Any]:
            return checked_fields(cells, origin, name, unit, range, N_counts, metadata or {})

        fields = of_one(observable, cells) if isinstance(observable, str) else of_several(cells, names, range, of_one)
        columns_read = {name: column for name, column in cells.items() if name not in LABELS}
        if notes := numerals.reading_notes(columns_read, fields["labels"]):
            told = [] if isinstance(observable, str) else fields["metadata"]["made"]
            fields["metadata"] = MappingProxyType({**fields["metadata"], "made": [*told, *notes]})
        self.__dict__.update(fields)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the column names, the values, and the observable with its unit and its range.

        The order of the columns does not change it.

        >>> Runs(N=[1e8], loss=[3.0]).hash == Runs(loss=[3.0], N=[1e8]).hash
        True
        """
        return fingerprint([self.observable, self.unit, str(self.range)], self.columns())

    def __repr__(self) -> str:
        head, *lines = described(self)
        return View(head, lines=lines).text()

    def _repr_html_(self) -> str:
        head, *lines = described(self)
        return View(head, lines=lines, table=self.to_pandas().iloc[:FIRST]).html()

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view of a dict can't be pickled, but the dict can.
        state = self._fields().items()
        return made, ({name: dict(v) if isinstance(v, MappingProxyType) else v for name, v in state},)

    def to_pandas(self) -> pd.DataFrame:
        """The table as a pandas DataFrame.

        Returns:
            A DataFrame with one row per run. Its columns are the labels, the inputs, the observable, the standard error
            and the count, in this order.

        >>> list(Runs(N=[1e8], loss=[3.0], run_id=["a"]).to_pandas())
        ['run_id', 'N', 'loss']
        """
        import pandas as pd

        return pd.DataFrame(self.columns())


def made(state: Mapping[str, Any]) -> Runs:
    """Make the table of `Runs` from fields that were checked before."""
    return Runs._made(state)
