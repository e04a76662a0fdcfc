"""Runs: the checked table of training runs that every fit starts from."""

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

FIRST = 5  # rows that a notebook shows


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Runs:
    """Training runs: one observable, the inputs of scaling laws, labels, and what is known of the noise.

    `y` (run,) is the observable, named `observable`, in `unit`, inside the open interval `range`. `inputs` are the
    other numeric columns (run,): N parameters, D tokens, C FLOPs, U unique tokens and x are positive and finite at
    the door; any other is kept as it is, and checked when a law asks for it (`require`). `labels` are the text
    columns: `run_id`, `group`, `split` and any other, None where blank. `se` is the known standard error of `y`
    (column `loss_se`) and `count` the number of readings averaged in a row; None where the table has none.
    `N_counts` says what N counts ('total', 'non-embedding', ...; None where not said). `metadata` tells how the
    table was read, `derived` the formula of each column added since. Raises `InputError`, with the column, the row
    and the cure, for what can't be used.

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
        """The 1-based row of each run in the table that it came from, int (run,)."""
        return self.origin.rows

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the names, the values, the observable, its unit and range; the order of the columns is no part.

        >>> Runs(N=[1e8], loss=[3.0]).hash == Runs(loss=[3.0], N=[1e8]).hash
        True
        """
        return fingerprint([self.observable, self.unit, str(self.range)], self.columns())

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self.y)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column by its name, or by the name that the table has for it: read-only, (run,).

        Numbers are float64; labels are text, None where blank.

        Raises:
            NameNotFound: no column has this name; an `InputError` and a `KeyError`.
            InputError: `name` isn't text; `take` has the runs at positions, and `where` those that pass a filter.

        >>> runs = Runs(N=[1e8, 4e8], loss=[3.1, 2.7], run_id=["a", "b"])
        >>> runs["loss"], runs["run_id"].tolist()
        (array([3.1, 2.7]), ['a', 'b'])
        """
        return column_named(self, name)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name, by our name or by the table's."""
        return isinstance(name, str) and self.name_of(name) in self.columns()

    def __iter__(self) -> Iterator[Any]:
        # Whether it is over rows or over columns, somebody would read it as the other.
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
        # A read-only view of a dict can't be pickled, the dict can.
        state = self._fields().items()
        return made, ({name: dict(v) if isinstance(v, MappingProxyType) else v for name, v in state},)

    def _fields(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def columns(self) -> dict[str, np.ndarray]:
        """Every column by its name, (run,): labels, inputs, observable, standard error, count."""
        noise = {f"{self.observable}_se": self.se, "count": self.count}
        known = {name: values for name, values in noise.items() if values is not None}
        return {**self.labels, **self.inputs, self.observable: self.y, **known}

    def name_of(self, name: str) -> str:
        """Our name for a column that was read under another name than the table's; any other name as it is.

        N, D, C, U and x always mean ours.

        >>> from scalebayes import read_runs
        >>> read_runs({"num_params": [1e8], "loss": [3.0]}).name_of("num_params")
        'N'
        """
        if name in INPUTS or name in self.inputs or name in self.labels:
            return name
        return {theirs: ours for ours, theirs in self.aliases.items()}.get(name, name)

    @property
    def aliases(self) -> dict[str, str]:
        """Our name -> the table's, where they differ; a saved fit's runs have them in their metadata."""
        return {**self.metadata.get("aliases", {}), **self.origin.aliases}

    def require(self, *names: str, within: tuple[float, float] | None = None) -> dict[str, np.ndarray]:
        """The inputs that a law asks for: name -> float64 (run,), each value positive and finite.

        `within` is (low, high) where they need not be positive: from low on, below high.

        Raises `InputError` that names all the missing at once, or the first row that a law can't use.

        >>> Runs(N=[1e8, 4e8], loss=[3.1, 2.7]).require("N")["N"].tolist()
        [100000000.0, 400000000.0]
        """
        found = {**self.labels, **self.inputs}
        ours = {name: self.name_of(name) for name in names}
        lacking = [name for name in names if ours[name] not in found]
        interval = POSITIVE if within is None else Interval(*within, closed=True)
        # Numbers in a column of text have suffixes, or are those that nothing decided.
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
        """One input that a law asks for, float64 (run,), positive and finite or `within`; `require` of one name.

        The observable is returned as it is. A column that was read under another name goes by its own too. `runs[name]`
        is any column, of labels too, and nothing is asked of its values.

        >>> Runs(N=[1e8], loss=[3.1]).column("loss")
        array([3.1])
        """
        if self.name_of(name) == self.observable:
            return self.y
        return self.require(name, within=within)[name]

    def derive(self, name: str) -> Runs:
        """Runs with C = 6 N D, D = C / (6 N) or N = C / (6 D) added and recorded; the same runs where it is there.

        Raises `InputError` for any other name, and where one of the two that it comes from is missing.

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
        """Runs in which a column of text such as 0.5M is an input; the same runs where its words aren't all numbers.

        Raises `InputError` where one of them is blank or has two readings.

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
        """The runs that pass a filter on their columns, by our names or by those of the table they came from.

        Raises `InputError` for a filter that can't be read, and where no run passes.

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
        """The runs at the 0-based positions `index`, or where a mask, bool (run,), is True.

        Raises `InputError` for an index outside the runs, a mask of another length, and where no run is left.

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
        """The runs, with more in their metadata.

        >>> Runs(N=[1e8], loss=[3.0]).noted(source="a sweep").metadata["source"]
        'a sweep'
        """
        return self._with(metadata=MappingProxyType({**self.metadata, **about}))

    def observed_as(self, y: np.ndarray) -> Runs:
        """The runs with another observable, float64 (run,), as a simulation gives it; the door doesn't see it again.

        >>> Runs(N=[1e8], loss=[3.1]).observed_as(np.array([2.9])).y.tolist()
        [2.9]
        """
        return self._with(y=frozen(y))

    def to_pandas(self) -> pd.DataFrame:
        """A pandas DataFrame with one row a run: labels, inputs, observable, standard error, count.

        >>> list(Runs(N=[1e8], loss=[3.0], run_id=["a"]).to_pandas())
        ['run_id', 'N', 'loss']
        """
        import pandas as pd

        return pd.DataFrame(self.columns())

    def _with(self, **changes: Any) -> Runs:
        return made({**self._fields(), **changes})


def made(state: Mapping[str, Any]) -> Runs:
    """Runs from fields that have been checked before."""
    runs = object.__new__(Runs)
    runs.__dict__.update({name: MappingProxyType(v) if isinstance(v, dict) else v for name, v in state.items()})
    return runs
