"""This file places the ticks of log axes. It is the one file that needs Matplotlib when it is imported."""

from typing import Any

import numpy as np
from matplotlib.ticker import Locator, MaxNLocator

FEWEST = 3  # number of ticks below which an axis gets ticks that stand closer
MOST = 7  # number of ticks above which an axis gets fewer
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
        most = min(MOST, self.axis.get_tick_space()) if self.axis is not None else MOST
        most = max(most, FEWEST)
        decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        for leading in LEADING:
            ticks = np.array([float(f"{one}e{int(power)}") for power in decades for one in leading])
            ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
            if leading == (1,) and len(ticks) > most:
                return ticks[:: int(np.ceil(len(ticks) / most))]
            if FEWEST <= len(ticks) <= most:
                return ticks
        ticks = np.asarray(MaxNLocator(most - 1, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        return ticks[(ticks >= low) & (ticks <= high)]
