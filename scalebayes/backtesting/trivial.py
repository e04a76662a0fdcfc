"""This file has the trivial forecast, which needs no law: the last value, and a part of the last slope."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.backtesting.marginals import DRAWS, TOGETHER
from scalebayes.backtesting.proper_scores import Forecast
from scalebayes.errors import InputError
from scalebayes.forecasting.density import mean_over_draws
from scalebayes.infer.double import double
from scalebayes.model.arrays import doubled_to
from scalebayes.runs import Runs
from scalebayes.seeds import as_key

NAME = "trivial"
# The smallest number of rows that a slope and a scatter need: with fewer the forecast is refused.
FEWEST = 3
# Share of the rows, the last ones, whose mean is the last value.
LAST = 0.1
# Sd of the noise on the log: a smaller one, of rows that lie on a line to rounding, is raised to it.
LEAST = 1e-6


@dataclass(frozen=True)
class Trivial:
    """The forecast log y = level + u slope (log x - at), with u uniform on (0, 1) and Normal noise.

    Attributes:
        by: The name of the column x. For runs of N and D it is the compute, so that D/N has no effect on a forecast.

        at: The mean of log x over the last tenth of the rows, at least one row.

        level: The mean of log y over the same rows.

        slope: The slope of the least-squares line through the upper half of the range of log x, at least three rows.

        noise: The sd of one reading around that line.

        readings: The number of readings that `level` is the mean of.
    """

    by: str
    at: float
    level: float
    slope: float
    noise: float
    readings: float

    @classmethod
    def of(cls, runs: Runs, by: str) -> "Trivial":
        """The forecast from runs. A row with a `count` weighs as much as that many readings.

        Args:
            runs: The runs to forecast from.

            by: The name of the column x.

        Raises:
            InputError: There are fewer than three rows, the column doesn't exist, or the observable isn't positive.

        >>> x = np.array([1.0, 10.0, 100.0, 1000.0])
        >>> round(Trivial.of(Runs(x=x, loss=3 * x**-0.2), "x").slope, 6)
        -0.2
        """
        if len(runs) < FEWEST:
            raise InputError(f"the trivial forecast takes at least {FEWEST} rows, and there are {len(runs)}")
        if not (runs.y > 0).all():
            raise InputError(f"the trivial forecast is on the log, and {runs.observable} is {runs.y.min():g}")
        t, log_y = np.log(runs.column(by)), np.log(runs.y)
        weight = np.ones(len(runs)) if runs.count is None else runs.count
        half, last = t >= (t.min() + t.max()) / 2, _last(t, max(1, int(LAST * len(t))))
        half |= _last(t, FEWEST)
        centre, mean = (np.average(x[half], weights=weight[half]) for x in (t, log_y))
        spread = weight[half] @ (t[half] - centre) ** 2
        slope = weight[half] @ ((t[half] - centre) * log_y[half]) / spread if spread > 0 else 0.0
        off = log_y[half] - mean - slope * (t[half] - centre)
        noise = math.sqrt(weight[half] @ off**2 / (half.sum() - 2))
        at, level = (np.average(x[last], weights=weight[last]) for x in (t, log_y))
        return cls(by, float(at), float(level), float(slope), max(noise, LEAST), float(weight[last].sum()))

    def forecast(self, runs: Runs, seed: Any = 0) -> Forecast:
        """Draws of log y at runs, and the log density of their y as a mixture over u with equal weights.

        Args:
            runs: The held-out runs. The noise of a row with a `count` is that of the mean of so many readings.

            seed: An int or a JAX key. The default is 0.
        """
        t, count = np.log(runs.column(self.by)), 1.0 if runs.count is None else runs.count
        # The level is itself a mean of readings, and its own error is added.
        sd = self.noise * np.sqrt(1 / count + 1 / self.readings) * np.ones(len(runs))
        share = (np.arange(DRAWS) + 0.5) / DRAWS
        centre = self.level + share[:, None] * self.slope * (t - self.at)
        off = (np.log(runs.y) - centre) / sd
        with double():
            # One shape for most tables, since each compiles a program.
            shape = (DRAWS, doubled_to(len(runs), TOGETHER))
            normal = np.asarray(jax.random.normal(as_key(seed), shape, np.float64))[:, : len(runs)]
            density = mean_over_draws(-(off**2) / 2) - np.log(sd * runs.y) - math.log(2 * math.pi) / 2
        return Forecast(centre + sd * normal, density)


def _last(t: np.ndarray, count: int) -> np.ndarray:
    """Which rows are the last `count`, bool (run,), together with rows that tie with them."""
    return t >= np.sort(t)[-count]
