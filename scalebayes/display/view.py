"""This file describes a result once, and shows the description as text or as HTML in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scalebayes.display.markup import paragraph
from scalebayes.errors import shown


@dataclass(frozen=True)
class View:
    """The description of a result. Its parts are shown in the order failed, head, lines, table, rest.

    Attributes:
        head: What the result is, on one line.

        failed: Lines that say which checks failed. The default is (), for none.

        lines: More lines about the result. The default is (), for none.

        table: A data frame. The default is None, for no table.

        rest: The lines below the table. The default is (), for none.
    """

    head: str
    failed: Sequence[str] = ()
    lines: Sequence[str] = ()
    table: Any = None
    rest: Sequence[str] = ()

    def text(self) -> str:
        """The description as text of several lines."""
        from scalebayes.display.table import text

        table = [] if self.table is None else [text(self.table)]
        return "\n".join([*map(shown, (*self.failed, self.head, *self.lines)), *table, *map(shown, self.rest)])

    def html(self) -> str:
        """The description as HTML that needs no style sheet. All names in it are escaped."""
        from scalebayes.display.table import html

        above = [paragraph(line, bad=True) for line in self.failed]
        above += [paragraph(self.head), *map(paragraph, self.lines)]
        table = [] if self.table is None else [html(self.table)]
        return f"<div>{''.join([*above, *table, *map(paragraph, self.rest)])}</div>"


class Viewed(ABC):
    """The base class of results that print, and show in a notebook, the description that `view` returns."""

    @abstractmethod
    def view(self) -> View:
        """The description of the result."""

    def __repr__(self) -> str:
        return self.view().text()

    def _repr_html_(self) -> str:
        return self.view().html()
