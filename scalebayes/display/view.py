"""A result as people see it: one description, printed as text and drawn as HTML in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scalebayes.display.markup import paragraph
from scalebayes.errors import shown


@dataclass(frozen=True)
class View:
    """What is told of a result, in this order.

    Attributes:
        failed: lines on what failed. head: what it is, on one line. lines: more of it. table: a data frame, or None.
        rest: lines below the table.
    """

    head: str
    failed: Sequence[str] = ()
    lines: Sequence[str] = ()
    table: Any = None
    rest: Sequence[str] = ()

    def text(self) -> str:
        """As text of several lines."""
        from scalebayes.display.table import text

        table = [] if self.table is None else [text(self.table)]
        return "\n".join([*map(shown, (*self.failed, self.head, *self.lines)), *table, *map(shown, self.rest)])

    def html(self) -> str:
        """As HTML that needs nothing else, with every name escaped."""
        from scalebayes.display.table import html

        above = [paragraph(line, bad=True) for line in self.failed]
        above += [paragraph(self.head), *map(paragraph, self.lines)]
        table = [] if self.table is None else [html(self.table)]
        return f"<div>{''.join([*above, *table, *map(paragraph, self.rest)])}</div>"


class Viewed(ABC):
    """A result that prints as its `view`, and is drawn as it in a notebook."""

    @abstractmethod
    def view(self) -> View:
        """What is told of the result."""

    def __repr__(self) -> str:
        return self.view().text()

    def _repr_html_(self) -> str:
        return self.view().html()
