"""This file shows the progress of many fits on standard error: data sets done, failures and the rate."""

from contextlib import ExitStack
from typing import Any

from tqdm import tqdm

from scalebayes.display.progress import told, wanted


class Bar:
    """A bar that counts data sets. A single data set has a line instead, which says how long the fit has taken.

    Args:
        total: The number of data sets.

        shown: Whether the bar is shown; None shows it on a terminal and in a notebook only.
    """

    def __init__(self, total: int, shown: bool | None) -> None:
        self._failed, self._line = 0, ExitStack()
        if total == 1:
            self._line.enter_context(told("fitting; the first fit of a shape compiles", shown))
        hidden = total == 1 or not wanted(shown)
        self._bar: Any = tqdm(total=total, unit=" data sets", disable=hidden, leave=False, desc="fitting")

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()
        self._line.close()

    def done(self, sets: int, failed: int) -> None:
        """Count data sets that are finished, and those of them that failed a check."""
        self._failed += failed
        self._bar.set_postfix_str(f"{self._failed} failed", refresh=False)
        self._bar.update(sets)

    def again(self, sets: int, what: str) -> None:
        """Add data sets that are fitted once more, and say why."""
        self._bar.set_description(f"{what} {sets}")
        self._bar.total += sets
        self._bar.refresh()
