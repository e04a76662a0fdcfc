"""This file places the ticks of log axes. It is the one file that needs Matplotlib when it is imported."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import Formatter, Locator, MaxNLocator

FEWEST = 3  # number of ticks below which an axis gets ticks that stand closer
MOST = 7  # number of ticks above which an axis gets fewer
WIDE = (
    10.0  # ratio of the ends of an axis from which on two round ticks are better than evenly spaced ones, which crowd
)
ROOM = 0.75  # share of the room for ticks, by Matplotlib's estimate, that is taken; its labels nearly touch
DECIMALS = 6  # number of decimals that the ticks of an axis have at most
FARTHEST = 50.0  # ratio of the largest tick to the least from which on each has its own decimals, as 0.1, 1, 10
# Leading digits of the ticks in each decade, the sparsest first.
LEADING = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))


class LogTicks(Locator):
    """Ticks at round values of a log axis, at least three of them however narrow the axis is."""

    def __call__(self) -> Any:
        """The ticks between the ends of the axis as it is shown."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """The ticks between two ends of the axis.

        >>> LogTicks().tick_values(1e18, 3e21).tolist()
        [1e+18, 1e+19, 1e+20, 1e+21]
        >>> LogTicks().tick_values(2.1, 3.4).tolist()
        [2.25, 2.5, 2.75, 3.0, 3.25]
        """
        low, high = sorted((max(vmin, 1e-300), max(vmax, 1e-300)))
        most = min(MOST, int(ROOM * self.axis.get_tick_space())) if self.axis is not None else MOST
        most = max(most, FEWEST)
        tried: list[np.ndarray] = []
        decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        for leading in LEADING:
            ticks = np.array([float(f"{one}e{int(power)}") for power in decades for one in leading])
            ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
            if leading == (1,) and len(ticks) > most:
                return ticks[:: int(np.ceil(len(ticks) / most))]
            if FEWEST <= len(ticks) <= most:
                return ticks
            tried.append(ticks)
        pair = next((ticks for ticks in tried if len(ticks) > 1), None)
        if pair is not None and high > WIDE * low:
            return pair[:: int(np.ceil(len(pair) / most))]
        ticks = np.empty(0)
        for steps in range(most - 1, most + FEWEST):
            ticks = np.asarray(MaxNLocator(steps, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
            ticks = ticks[(ticks >= low) & (ticks <= high)]
            if len(ticks) >= FEWEST:
                break
        return ticks


class TickText(Formatter):
    """The text of ticks, all with as many decimals as the one that needs most.

    >>> TickText(lambda value: f"{value:g}").format_ticks([1.75, 2.0, 2.5])
    ['1.75', '2.00', '2.50']
    >>> TickText(lambda value: f"{value:g}").format_ticks([1e18, 1e20])
    ['1e+18', '1e+20']
    """

    def __init__(self, write: Callable[[float], str]):
        self.write = write

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The text of one tick."""
        return self.write(x)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The texts of all ticks of an axis."""
        texts = [self.write(float(value)) for value in values]
        decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
        sizes = [abs(float(value)) for value in values if value]
        near = bool(sizes) and max(sizes) < FARTHEST * min(sizes)
        plain = near and all(text.lstrip("-").replace(".", "", 1).isdigit() for text in texts)
        return [f"{value:.{decimals}f}" for value in values] if plain and 0 < decimals <= DECIMALS else texts
