"""The figures of benchmarks that sentences quote, each with where it stands in the committed results."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """A number that a benchmark found.

    Attributes:
        value: as sentences quote it, rounded to `digits`.

        source: the file of results below `benchmarks/`.

        path: the keys that lead to it in there; "*" stands for every key, and a list for all that it holds. The figure
            is the mean of what is there.

        where: key -> values, one of which a case under "*" has.

        count: True where the figure is how many there are.

        digits: after the decimal point.
    """

    value: float
    source: str
    path: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    count: bool = False
    digits: int = 2

    def __str__(self) -> str:
        """A share in per cent, a count as it is.

        >>> str(Figure(0.89, "", ())), str(Figure(19, "", (), count=True))
        ('89 %', '19')
        """
        return f"{self.value:.0f}" if self.count else f"{100 * self.value:.0f} %"


def _of_ladders(method: str, name: str, value: float, digits: int = 2, count: bool = False) -> Figure:
    """Of real ladders along N or D that nothing was chosen on."""
    path = ("judged on", method, "cases", "*", name)
    return Figure(value, "ladders/ladders.json", path, {"along": ("N", "D")}, count, digits)


# Share of the larger Chinchilla runs that 90 % intervals of a law taken as exact held; over cutoffs and seeds.
EXACT_HELD = Figure(
    0.59, "skill/skill.json", ("parts", "chinchilla", "rows", "chinchilla exact", "sets", "all", "cov90")
)
# Share of the simulations of chinchilla with a process in which Laplace's 90 % interval held E, without the check that
# doubts its k-hat.
RIDGE_HELD = Figure(
    0.85, "sbc/khat/sbc.json", ("cases", "chinchilla+gp/laplace", "parameters", "E", "all", "covered", "0.9")
)
# Ladders along N or D that nothing was chosen on; by how they are read, the mean log of the median forecast over the
# truth, and the share of the larger runs that 90 % intervals held.
LADDERS = _of_ladders("recommended", "bias", 19, 0, count=True)
LADDERS_ERROR = {
    "ladder": _of_ladders("recommended", "bias", -0.043, 3),
    "curve": _of_ladders("priors of curves", "bias", -0.008, 3),
}
LADDERS_HELD = {
    "ladder": _of_ladders("recommended", "cov90", 0.89),
    "curve": _of_ladders("priors of curves", "cov90", 1.00),
}
FIGURES = (EXACT_HELD, RIDGE_HELD, LADDERS, *LADDERS_ERROR.values(), *LADDERS_HELD.values())
