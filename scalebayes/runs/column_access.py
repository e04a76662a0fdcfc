"""This file has the fields of `Runs`, and its columns by name, with their values checked where a law takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from scalebayes.errors import InputError, NameNotFound, unknown
from scalebayes.runs.faults import Origin, faults_text, refuse
from scalebayes.runs.names import INPUTS
from scalebayes.runs.numeric import POSITIVE, Interval, examined
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.missing_columns import absent


@dataclass(frozen=True, init=False, repr=False, eq=False)
class ColumnAccess:
    """The fields of `Runs`, and the methods that give a column by its name. `Runs` describes the fields."""

    observable: str
    unit: str
    range: tuple[float, float]
    y: np.ndarray
    inputs: Mapping[str, np.ndarray]
    se: np.ndarray | None
    count: np.ndarray | None
    labels: Mapping[str, np.ndarray]
    N_counts: str | None
    metadata: Mapping[str, Any]
    derived: Mapping[str, str]
    origin: Origin

    @classmethod
    def _made(cls, state: Mapping[str, Any]) -> Self:
        """Make runs from fields that were checked before."""
        runs = object.__new__(cls)
        runs.__dict__.update({name: MappingProxyType(v) if isinstance(v, dict) else v for name, v in state.items()})
        return runs

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __len__(self) -> int:
        """The number of runs."""
        return len(self.y)

    @property
    def rows(self) -> np.ndarray:
        """The row number of each run in the table that it came from, int (run,). The first row is 1."""
        return self.origin.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """One column, by its name in scalebayes or by its name in the table that was read.

        Args:
            name: The name of the column.

        Returns:
            The column as a read-only array (run,). Numbers are float64. Labels are text, and a blank label is None.

        Raises:
            NameNotFound: No column has this name. The error is both an `InputError` and a `KeyError`.
            InputError: `name` is not text. `take` selects runs by position, and `where` selects runs by a filter.

        >>> from scalebayes import Runs
        >>> runs = Runs(N=[1e8, 4e8], loss=[3.1, 2.7], run_id=["a", "b"])
        >>> runs["loss"], runs["run_id"].tolist()
        (array([3.1, 2.7]), ['a', 'b'])
        """
        if not isinstance(name, str):
            raise InputError(_cure(name, len(self)))
        columns = self.columns()
        if (ours := self.name_of(name)) in columns:
            return columns[ours]
        raise NameNotFound(str(unknown("column", name, [*columns, *self.aliases.values()])))

    def __contains__(self, name: object) -> bool:
        """Whether a column has this name, in scalebayes or in the table that was read."""
        return isinstance(name, str) and self.name_of(name) in self.columns()

    def __iter__(self) -> Iterator[Any]:
        # A loop over rows would be mistaken for a loop over columns, and the other way round.
        raise TypeError(
            "a loop over Runs isn't defined: runs.columns() has the columns by name, and "
            "runs.to_pandas().itertuples() goes through the rows"
        )

    def columns(self) -> dict[str, np.ndarray]:
        """All columns of the table.

        Returns:
            Each column (run,) by its name, in this order: labels, inputs, observable, standard error, count.
        """
        noise = {f"{self.observable}_se": self.se, "count": self.count}
        known = {name: values for name, values in noise.items() if values is not None}
        return {**self.labels, **self.inputs, self.observable: self.y, **known}

    def name_of(self, name: str) -> str:
        """The name in scalebayes of a column that has another name in the table that was read.

        N, D, C, U and x always are names in scalebayes.

        Args:
            name: A name in the table, or a name in scalebayes.

        Returns:
            The name in scalebayes. A name that the table does not have is returned unchanged.

        >>> from scalebayes import read_runs
        >>> read_runs({"num_params": [1e8], "loss": [3.0]}).name_of("num_params")
        'N'
        """
        if name in INPUTS or name in self.inputs or name in self.labels:
            return name
        return {theirs: ours for ours, theirs in self.aliases.items()}.get(name, name)

    @property
    def aliases(self) -> dict[str, str]:
        """The names in the table that was read, by the names in scalebayes, for the columns whose two names differ.

        The runs of a saved fit keep these names in their metadata.
        """
        return {**self.metadata.get("aliases", {}), **self.origin.aliases}

    def require(self, *names: str, within: tuple[float, float] | None = None) -> dict[str, np.ndarray]:
        """The columns that a law takes as inputs, with their values checked.

        Args:
            *names: The names of the columns.

            within: The interval (low, high) of the allowed values: at least low and below high. The default is None,
                which means that each value must be positive.

        Returns:
            Each column by its name, float64 (run,). Every value is finite.

        Raises:
            InputError: Columns are missing, or values can't be used. The message names all of the missing columns, and
                for each column the first row that can't be used.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8, 4e8], loss=[3.1, 2.7]).require("N")["N"].tolist()
        [100000000.0, 400000000.0]
        """
        columns = {**self.labels, **self.inputs}
        ours = {name: self.name_of(name) for name in names}
        lacking = [name for name in names if ours[name] not in columns]
        interval = POSITIVE if within is None else Interval(*within, closed=True)
        # A column of text may hold numbers with suffixes, or numbers with two readings that nothing decided between.
        texts = numerals.settled(
            {own_name: self.labels[own_name] for own_name in ours.values() if own_name in self.labels}, semicolons=True
        )
        read = {
            name: examined(own_name, texts.get(own_name, columns[own_name]), self.origin, interval)
            for name, own_name in ours.items()
            if own_name in columns
        }
        faults = [fault for _, its_faults in read.values() for fault in its_faults]
        if lacking:
            beside = f"; besides, {faults_text(self.origin, faults)}" if faults else ""
            raise InputError(absent(lacking, self.inputs, self.labels) + beside)
        refuse(self.origin, faults)
        return {name: values for name, (values, _) in read.items()}

    def column(self, name: str, within: tuple[float, float] | None = None) -> np.ndarray:
        """One column that a law takes as an input, with its values checked as by `require`.

        `runs[name]` returns any column, also a label, and does not check its values.

        Args:
            name: The name of the column, in scalebayes or in the table that was read.

            within: The interval (low, high) of the allowed values: at least low and below high. The default is None,
                which means that each value must be positive.

        Returns:
            The column, float64 (run,). The observable is returned without a check.

        Raises:
            InputError: There is no such column, or a value can't be used.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8], loss=[3.1]).column("loss")
        array([3.1])
        """
        if self.name_of(name) == self.observable:
            return self.y
        return self.require(name, within=within)[name]


def _cure(key: Any, rows: int) -> str:
    """What to type for a key in square brackets that is not text."""
    if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
        return f"runs[...] is one column; runs.to_pandas()[{key!r}] has several"
    at = "..."
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        at = f"[{key}]"
    elif isinstance(key, slice):
        at = f"{range(rows)[key]}"
    return f"runs[...] is a column by its name, such as runs['N']; runs.take({at}) has the runs at these positions"
