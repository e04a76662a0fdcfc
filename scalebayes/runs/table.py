"""This file defines `Runs`, the checked table of training runs that every fit starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.compute import DERIVED, SOURCES, derived
from scalebayes.display.view import View
from scalebayes.errors import InputError
from scalebayes.runs.brackets import column_named
from scalebayes.runs.describe import described, fingerprint
from scalebayes.runs.faults import ROW, Origin, refuse, told
from scalebayes.runs.names import INPUTS, LABELS
from scalebayes.runs.numeric import POSITIVE, Interval, examined
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import as_columns
from scalebayes.runs.reading.missing_columns import absent
from scalebayes.runs.validate import check_observable, checked_fields, frozen, positions, roles_of
from scalebayes.runs.where import parse_where

if TYPE_CHECKING:
    import pandas as pd

FIRST = 5  # number of rows that a notebook shows; the rows after them are not shown


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Runs:
    """A table of training runs: one observable, the inputs of scaling laws, the labels, and the known noise.

    The columns are given by name. N (parameters), D (tokens), C (FLOPs), U (unique tokens) and x are checked when the
    table is made: each value must be positive and finite. Any other column is kept as it is. It is checked when a law
    takes it as an input (see `require`).

    Args:
        observable: The name of the column that laws predict. The default is "loss".

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

    def __init__(
        self,
        *,
        observable: str = "loss",
        unit: str | None = None,
        range: tuple[float, float] | None = None,
        N_counts: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **columns: Any,
    ):
        check_observable(observable)
        cells = as_columns(columns)
        cells = numerals.settled(cells, roles=roles_of(cells, observable, {}))
        origin = Origin(np.arange(1, 1 + len(next(iter(cells.values()), ()))))
        fields = checked_fields(cells, origin, observable, unit, range, N_counts, metadata or {})
        columns_read = {name: column for name, column in cells.items() if name not in LABELS}
        if told_of_cells := numerals.told(columns_read, fields["labels"]):
            fields["metadata"] = MappingProxyType({**fields["metadata"], "made": told_of_cells})
        self.__dict__.update(fields)

    @property
    def rows(self) -> np.ndarray:
        """The row number of each run in the table that it came from, int (run,). The first row is 1."""
        return self.origin.rows

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the column names, the values, and the observable with its unit and its range.

        The order of the columns does not change it.

        >>> Runs(N=[1e8], loss=[3.0]).hash == Runs(loss=[3.0], N=[1e8]).hash
        True
        """
        return fingerprint([self.observable, self.unit, str(self.range)], self.columns())

    def __len__(self) -> int:
        """The number of runs."""
        return len(self.y)

    def __getitem__(self, name: str) -> np.ndarray:
        """One column, by its name in scalebayes or by its name in the table that was read.

        Args:
            name: The name of the column.

        Returns:
            The column as a read-only array (run,). Numbers are float64. Labels are text, and a blank label is None.

        Raises:
            NameNotFound: No column has this name. The error is both an `InputError` and a `KeyError`.
            InputError: `name` is not text. `take` selects runs by position, and `where` selects runs by a filter.

        >>> runs = Runs(N=[1e8, 4e8], loss=[3.1, 2.7], run_id=["a", "b"])
        >>> runs["loss"], runs["run_id"].tolist()
        (array([3.1, 2.7]), ['a', 'b'])
        """
        return column_named(self, name)

    def __contains__(self, name: object) -> bool:
        """Whether a column has this name, in scalebayes or in the table that was read."""
        return isinstance(name, str) and self.name_of(name) in self.columns()

    def __iter__(self) -> Iterator[Any]:
        # A loop over rows would be mistaken for a loop over columns, and the other way round.
        raise TypeError(
            "a loop over Runs isn't defined: runs.columns() has the columns by name, and "
            "runs.to_pandas().itertuples() goes through the rows"
        )

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

    def _fields(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

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

        >>> Runs(N=[1e8, 4e8], loss=[3.1, 2.7]).require("N")["N"].tolist()
        [100000000.0, 400000000.0]
        """
        found = {**self.labels, **self.inputs}
        ours = {name: self.name_of(name) for name in names}
        lacking = [name for name in names if ours[name] not in found]
        interval = POSITIVE if within is None else Interval(*within, closed=True)
        # A column of text may hold numbers with suffixes, or numbers with two readings that nothing decided between.
        texts = numerals.settled(
            {one: self.labels[one] for one in ours.values() if one in self.labels}, semicolons=True
        )
        read = {
            name: examined(one, texts.get(one, found[one]), self.origin, interval)
            for name, one in ours.items()
            if one in found
        }
        faults = [fault for _, its_faults in read.values() for fault in its_faults]
        if lacking:
            beside = f"; besides, {told(self.origin, faults)}" if faults else ""
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

        >>> Runs(N=[1e8], loss=[3.1]).column("loss")
        array([3.1])
        """
        if self.name_of(name) == self.observable:
            return self.y
        return self.require(name, within=within)[name]

    def derive(self, name: str) -> Runs:
        """Add the column N, D or C, computed from the two others by C = 6 N D.

        The formula counts the training FLOPs of a dense transformer (Kaplan et al. 2020, arXiv 2001.08361, section
        2.1). It is recorded in `derived`.

        Args:
            name: "N", "D" or "C".

        Returns:
            The runs with the new column. Runs that already have the column are returned unchanged.

        Raises:
            InputError: The name is another one, or one of the two columns that are needed is missing.

        >>> Runs(N=[1e8], D=[2e9], loss=[3.0]).derive("C").column("C")
        array([1.2e+18])
        """
        if name in self.inputs:
            return self
        if name not in DERIVED:
            raise InputError(f"'{name}' can't be derived; only C = 6 N D, D = C / (6 N) and N = C / (6 D) can")
        lacking = [source for source in SOURCES[name] if source not in self.inputs]
        if lacking:
            raise InputError(f"{name} = {DERIVED[name]} can't be derived: {absent(lacking, self.inputs, self.labels)}")
        values = frozen(derived(name, self.inputs))
        return self._with(
            inputs=MappingProxyType({**self.inputs, name: values}),
            derived=MappingProxyType({**self.derived, name: DERIVED[name]}),
        )

    def numbered(self, name: str) -> Runs:
        """Turn a column of text such as "0.5M" into a numeric input.

        Args:
            name: The name of the column.

        Returns:
            The runs with the column as an input. The runs are returned unchanged if not all words are numbers.

        Raises:
            InputError: A cell is blank, or a number has two readings.

        >>> Runs(N=[1e8, 2e8], loss=[3.0, 2.0], batch=["0.5M", "1M"]).numbered("batch").inputs["batch"].tolist()
        [500000.0, 1000000.0]
        """
        words = numerals.given_words(self.labels[name]) if name in self.labels and name not in LABELS else set()
        if not words or not numerals.words_of(words).all:
            return self
        values = frozen(self.column(name, within=(-np.inf, np.inf)))
        labels = {label: cells for label, cells in self.labels.items() if label != name}
        return self._with(inputs=MappingProxyType({**self.inputs, name: values}), labels=MappingProxyType(labels))

    def where(self, text: str) -> Runs:
        """The runs that pass a filter on their columns.

        Args:
            text: The filter, such as "N < 2e8 and split == 'fit'". Its names are those in scalebayes or those of the
                table that was read. A name that is no plain word stands in backticks. `row` is the number of a row.

        Returns:
            The runs that pass, in the same order. The filter is recorded in `metadata["filters"]`.

        Raises:
            InputError: The filter can't be read, or no run passes it.

        >>> len(Runs(N=[1e8, 4e8], loss=[3.1, 2.7]).where("N < 2e8"))
        1
        """
        own = self.columns()
        theirs = {theirs: own[ours] for ours, theirs in self.aliases.items() if ours in own}
        test = parse_where(text)
        judged = {**({ROW: self.rows} if ROW in test.names else {}), **theirs, **own}
        mask = test.mask(judged)
        if not mask.any():
            raise InputError(test.none_left(judged))
        filters = [*self.metadata.get("filters", []), text]
        return self.take(mask).noted(filters=filters)

    def take(self, index: Any) -> Runs:
        """The runs at some positions.

        Args:
            index: The positions, counted from 0, as integers or a slice; or a mask, bool (run,), which is True for each
                run that is taken.

        Returns:
            The runs at these positions, in the order of `index`.

        Raises:
            InputError: A position is outside of the table, a mask has another length, or no run is left.

        >>> Runs(N=[1e8, 4e8, 1e9], loss=[3.1, 2.7, 2.5]).take([2, 0]).y.tolist()
        [2.5, 3.1]
        """
        at = positions(index, len(self))

        def kept(columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            return MappingProxyType({name: frozen(column[at]) for name, column in columns.items()})

        run_ids = None if self.origin.run_ids is None else self.origin.run_ids[at]
        return self._with(
            y=frozen(self.y[at]),
            inputs=kept(self.inputs),
            labels=kept(self.labels),
            se=None if self.se is None else frozen(self.se[at]),
            count=None if self.count is None else frozen(self.count[at]),
            origin=replace(self.origin, rows=frozen(self.origin.rows[at]), run_ids=run_ids, finished=""),
        )

    def noted(self, **about: Any) -> Runs:
        """Add entries to the metadata.

        Args:
            **about: The entries by name. An entry replaces the entry that had its name.

        Returns:
            The runs with the new metadata.

        >>> Runs(N=[1e8], loss=[3.0]).noted(source="a sweep").metadata["source"]
        'a sweep'
        """
        return self._with(metadata=MappingProxyType({**self.metadata, **about}))

    def observed_as(self, y: np.ndarray) -> Runs:
        """Replace the values of the observable, for example by simulated values. The new values are not checked.

        Args:
            y: The new values, float64 (run,).

        Returns:
            The runs with these values.

        >>> Runs(N=[1e8], loss=[3.1]).observed_as(np.array([2.9])).y.tolist()
        [2.9]
        """
        return self._with(y=frozen(y))

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

    def _with(self, **changes: Any) -> Runs:
        return made({**self._fields(), **changes})


def made(state: Mapping[str, Any]) -> Runs:
    """Make `Runs` from fields that were checked before."""
    runs = object.__new__(Runs)
    runs.__dict__.update({name: MappingProxyType(v) if isinstance(v, dict) else v for name, v in state.items()})
    return runs
