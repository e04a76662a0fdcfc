"""This file has the methods of `Runs` that return new runs: with other rows, other columns or other metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from scalebayes.compute import DERIVED, SOURCES, derived
from scalebayes.errors import InputError
from scalebayes.runs.column_access import ColumnAccess
from scalebayes.runs.filter_text import ROW
from scalebayes.runs.names import LABELS
from scalebayes.runs.own_cost import has_own, held_against
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.missing_columns import absent
from scalebayes.runs.validate import frozen, positions
from scalebayes.runs.where import parse_where


class ChangedRuns(ColumnAccess):
    """The methods of `Runs` that return new runs. The runs themselves never change."""

    def derive(self, name: str) -> Self:
        """Add the column N, D or C, computed from the two others by C = 6 N D.

        The formula counts the training FLOPs of a dense transformer (Kaplan et al. 2020, arXiv 2001.08361, section
        2.1). It is recorded in `derived`.

        Args:
            name: "N", "D" or "C".

        Returns:
            The runs with the new column. Runs that already have the column are returned unchanged.

        Raises:
            InputError: The name is another one, or one of the two columns that are needed is missing.

        >>> from scalebayes import Runs
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

    def with_cost(self, cost: Callable[[Any, Any], Any]) -> Self:
        """Say which cost of training the runs' own column C is, where it isn't C = 6 N D.

        The column stays as it is. `fit` holds it against this cost, and keeps that with the fit.

        Args:
            cost: A function of N and D that gives FLOPs, such as one of `sb.costs`.

        Returns:
            The runs. Their metadata have the name of the cost, and the ratio of C and the cost over these runs.

        Raises:
            InputError: The runs lack N, D or a C of their own, or `cost` isn't a function of N and D that is positive.

        >>> import scalebayes as sb
        >>> runs = sb.Runs(N=[1e9, 1e10], D=[2e10, 2e11], C=[1.2e19, 1.2e21], loss=[3.0, 2.5])
        >>> runs.with_cost(sb.costs.moe(active=1e9, total=1e10))
        Runs: 2 rows, loss 2.5 to 3 (unit not said)
          inputs: N 1e9 to 1e10, D 2e10 to 2e11, C 1.2e19 to 1.2e21
          cost: moe, C = 6 (0.1 N) D
        """
        if not has_own(self.inputs, self.derived):
            raise InputError(
                "a cost is held against the runs' own column C, beside N and D, and these runs have no such column; "
                "leave the cost out"
            )
        return self.noted(cost=held_against(self.inputs, cost)._asdict())

    def numbered(self, name: str) -> Self:
        """Turn a column of text such as "0.5M" into a numeric input.

        Args:
            name: The name of the column.

        Returns:
            The runs with the column as an input. The runs are returned unchanged if not all words are numbers.

        Raises:
            InputError: A cell is blank, or a number has two readings.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8, 2e8], loss=[3.0, 2.0], batch=["0.5M", "1M"]).numbered("batch").inputs["batch"].tolist()
        [500000.0, 1000000.0]
        """
        words = numerals.given_words(self.labels[name]) if name in self.labels and name not in LABELS else set()
        if not words or not numerals.words_of(words).all:
            return self
        values = frozen(self.column(name, within=(-np.inf, np.inf)))
        labels = {label: cells for label, cells in self.labels.items() if label != name}
        return self._with(inputs=MappingProxyType({**self.inputs, name: values}), labels=MappingProxyType(labels))

    def where(self, text: str) -> Self:
        """The runs that pass a filter on their columns.

        Args:
            text: The filter, such as "N < 2e8 and split == 'fit'". Its names are those in scalebayes or those of the
                table that was read. A name that is no plain word stands in backticks. `row` is the number of a row.

        Returns:
            The runs that pass, in the same order. The filter is recorded in `metadata["filters"]`.

        Raises:
            InputError: The filter can't be read, or no run passes it.

        >>> from scalebayes import Runs
        >>> len(Runs(N=[1e8, 4e8], loss=[3.1, 2.7]).where("N < 2e8"))
        1
        """
        columns = self.columns()
        theirs = {theirs: columns[ours] for ours, theirs in self.aliases.items() if ours in columns}
        test = parse_where(text)
        judged = {**({ROW: self.rows} if ROW in test.names else {}), **theirs, **columns}
        mask = test.mask(judged)
        if not mask.any():
            raise InputError(test.none_left(judged))
        filters = [*self.metadata.get("filters", []), text]
        return self.take(mask).noted(filters=filters)

    def take(self, index: Any) -> Self:
        """The runs at some positions.

        Args:
            index: The positions, counted from 0, as integers or a slice; or a mask, bool (run,), which is True for each
                run that is taken.

        Returns:
            The runs at these positions, in the order of `index`.

        Raises:
            InputError: A position is outside of the table, a mask has another length, or no run is left.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8, 4e8, 1e9], loss=[3.1, 2.7, 2.5]).take([2, 0]).y.tolist()
        [2.5, 3.1]
        """
        at = positions(index, len(self))

        def taken(columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            return MappingProxyType({name: frozen(column[at]) for name, column in columns.items()})

        run_ids = None if self.origin.run_ids is None else self.origin.run_ids[at]
        return self._with(
            y=frozen(self.y[at]),
            inputs=taken(self.inputs),
            labels=taken(self.labels),
            se=None if self.se is None else frozen(self.se[at]),
            count=None if self.count is None else frozen(self.count[at]),
            origin=replace(self.origin, rows=frozen(self.origin.rows[at]), run_ids=run_ids, finished=""),
        )

    def without(self, column: str) -> Self:
        """The runs without a column of labels or of inputs; the observable can't be left out.

        Args:
            column: The name of the column, in scalebayes or in the table that was read.

        Returns:
            The runs. A table that doesn't have the column is returned as it is.

        >>> from scalebayes import Runs
        >>> list(Runs(N=[1e8], recipe=[1.0], loss=[3.0]).without("recipe").inputs)
        ['N']
        """
        name = self.name_of(column)
        kept = [{n: x for n, x in columns.items() if n != name} for columns in (self.inputs, self.labels)]
        return self._with(inputs=MappingProxyType(kept[0]), labels=MappingProxyType(kept[1]))

    def noted(self, **about: Any) -> Self:
        """Add entries to the metadata.

        Args:
            **about: The entries by name. An entry replaces the entry that had its name.

        Returns:
            The runs with the new metadata.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8], loss=[3.0]).noted(source="a sweep").metadata["source"]
        'a sweep'
        """
        return self._with(metadata=MappingProxyType({**self.metadata, **about}))

    def observed_as(self, y: np.ndarray) -> Self:
        """Replace the values of the observable, for example by simulated values. The new values are not checked.

        Args:
            y: The new values, float64 (run,).

        Returns:
            The runs with these values.

        >>> from scalebayes import Runs
        >>> Runs(N=[1e8], loss=[3.1]).observed_as(np.array([2.9])).y.tolist()
        [2.9]
        """
        return self._with(y=frozen(y))

    def _with(self, **changes: Any) -> Self:
        return self._made({**self._fields(), **changes})
