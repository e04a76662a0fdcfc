"""This file has the benchmark figures that sentences quote, each with its place in the committed results."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """A number that a benchmark found.

    Attributes:
        value: The figure as sentences quote it, rounded to `digits`.

        source: The file of results below `benchmarks/`.

        path: The keys that lead to the figure in that file. "*" stands for every key, and a list stands for all its
            items. The figure is the mean of the numbers that the path leads to.

        where: The conditions on a case under "*": for each key, the values of which the case must have one. The
            default is none.

        count: Whether the figure is the number of cases instead of a mean. The default is False.

        digits: The number of digits after the decimal point. The default is 2.
    """

    value: float
    source: str
    path: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    count: bool = False
    digits: int = 2

    def __str__(self) -> str:
        """The figure as text: a share in per cent, or a count as it is.

        >>> str(Figure(0.89, "", ())), str(Figure(19, "", (), count=True))
        ('89 %', '19')
        """
        return f"{self.value:.0f}" if self.count else f"{100 * self.value:.0f} %"


def _of_ladders(method: str, name: str, value: float, digits: int = 2, count: bool = False) -> Figure:
    """A figure of the real ladders along N or D."""
    path = ("ladders", method, "cases", "*", name)
    return Figure(value, "reach/reach.json", path, {"along": ("N", "D")}, count, digits)


def _of_fifth(number: int, name: str, value: float, digits: int) -> Figure:
    """A figure of the fifth of backtested forecasts with that number, by their stretch."""
    return Figure(value, "reach/reach.json", ("fifths", str(number), name), digits=digits)


# Share of the larger Chinchilla runs inside the 90 % intervals of a law that is taken as exact, over cutoffs and seeds.
EXACT_HELD = Figure(
    0.59, "skill/skill.json", ("parts", "chinchilla", "rows", "chinchilla exact", "sets", "all", "cov90")
)
# Share of the simulations of chinchilla with a Gaussian process in which E lay inside Laplace's 90 % interval. It is
# without the check that doubts the k-hat of such fits.
RIDGE_HELD = Figure(
    0.86, "sbc/khat/sbc.json", ("cases", "chinchilla+gp/laplace", "parameters", "E", "all", "covered", "0.9")
)
# Real ladders along N or D; their priors were chosen on the same ladders, and benchmarks/reach/folds.md says what
# priors that were chosen on other ladders are worth. LADDERS is their number. For each kind that they can be read as,
# LADDERS_ERROR is the mean of log(median forecast / truth), and LADDERS_HELD is the share of the larger runs inside the
# 90 % intervals.
LADDERS = _of_ladders("recommended", "rows", 111, 0, count=True)
LADDERS_ERROR = {
    "ladder": _of_ladders("recommended", "error", -0.016, 3),
    "curve": _of_ladders("priors of curves", "error", 0.009, 3),
}
LADDERS_HELD = {
    "ladder": _of_ladders("recommended", "cov90", 0.95),
    "curve": _of_ladders("priors of curves", "cov90", 0.97),
}
# Backtested forecasts of ladders and small sweeps by the recommended forecaster. BACKTESTED is their number. They are
# in fifths by their stretch, as `forecasting/trust.py` defines it: STRETCH is the upper end of the first four, and
# MISSED is the share of 90 % intervals in each of the five that missed the truth.
BACKTESTED = Figure(399, "reach/reach.json", ("fifths", "cases"), digits=0, count=False)
STRETCH = tuple(_of_fifth(i, "to", x, 3) for i, x in enumerate((0.119, 0.183, 0.25, 0.371), 1))
MISSED = tuple(_of_fifth(i, "missed", x, 2) for i, x in enumerate((0.02, 0.07, 0.07, 0.09, 0.18), 1))
FIGURES = (EXACT_HELD, RIDGE_HELD, LADDERS, *LADDERS_ERROR.values(), *LADDERS_HELD.values(), BACKTESTED, *STRETCH)
FIGURES += MISSED
