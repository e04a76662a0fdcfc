"""This file plans which data sets are computed together: it pads them to few sizes and cuts them into batches."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from scalebayes.model.arrays import doubled_to
from scalebayes.model.model import Model
from scalebayes.model.problem import Problem

SMALLEST = 16  # rows; a smaller data set is padded to this size
# Rows times data sets that are computed in the time that one more program takes to compile: a size with fewer is joined
# to the next larger one.
WORTH_COMPILING = 30_000
ROWS_TOGETHER = 1024  # rows of the data sets side by side on a CPU; more of them don't fit in its caches
# The largest number of data sets in a batch on a CPU. A larger batch would lose more where the call is killed, and
# would show its progress less often.
SETS = 64
MEMORY_SHARE = 0.25  # share of an accelerator's memory that one batch may take
FALLBACK_BYTES = 4e9  # bytes of memory assumed for an accelerator that doesn't say how much it has


class Group(NamedTuple):
    """Data sets of one model that share a padded size.

    Attributes:
        members: The positions of the data sets in the list.

        size: The number of rows of each after padding.

        batch: The number of data sets in one call of the program.

        width: The number of data sets that a device computes side by side.
    """

    members: tuple[int, ...]
    size: int
    batch: int
    width: int

    @property
    def batches(self) -> list[tuple[int, ...]]:
        """The members in batches of `batch`; the last may be smaller."""
        return [self.members[i : i + self.batch] for i in range(0, len(self.members), self.batch)]


def planned(
    problems: Sequence[Problem], batch: int | None = None, screened: int = 1024, chains: bool = False
) -> list[Group]:
    """The groups of problems that `fit_many` computes together; those of one model are ordered by their size.

    Args:
        problems: The problem of each data set.

        batch: The number of data sets in one call. The default is None: as many as the devices have room for.

        screened: The number of points that the search for the mode evaluates at once for each data set, which is its
            widest step. The default is 1,024.

        chains: Whether the method runs chains. On a CPU it computes data sets one at a time, since a chain would wait
            at every draw for the deepest tree of any data set beside it. Each then is a batch of its own, so that they
            go to all cores and the progress shows each. The default is False.
    """
    apart = chains and jax.default_backend() == "cpu" and len(jax.local_devices()) == 1
    by_model: dict[tuple[Model, Any], list[int]] = defaultdict(list)
    for i, problem in enumerate(problems):
        by_model[problem.model, jax.tree.structure((problem.numbers, problem.rows))].append(i)
    groups = []
    for members in by_model.values():
        for size, chosen in sizes({i: len(problems[i].runs) for i in members}).items():
            many, width = (batch or 1, 1) if apart else _room(len(chosen), size, batch, screened)
            groups.append(Group(tuple(chosen), size, many, width))
    return groups


def sizes(rows: dict[int, int]) -> dict[int, list[int]]:
    """The members of each padded size in the plan of `fit_many`, given the number of rows of each member.

    Sizes are powers of two. The members of a size are joined to the next larger size in use, where computing them with
    so many rows takes less time than compiling one more program.

    >>> sizes({0: 20, 1: 100, 2: 240})
    {256: [0, 1, 2]}
    >>> {size: len(members) for size, members in sizes({**dict.fromkeys(range(900), 20), 900: 20_000}).items()}
    {32: 900, 32768: 1}
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for member, count in rows.items():
        by_size[doubled_to(count, SMALLEST)].append(member)
    merged: dict[int, list[int]] = {}
    waiting: list[int] = []
    ordered = sorted(by_size)
    for size, larger in zip(ordered, [*ordered[1:], None], strict=True):
        waiting = sorted(waiting + by_size[size])
        if larger is None or len(waiting) * larger > WORTH_COMPILING:
            merged[size], waiting = waiting, []
    return merged


def _room(count: int, size: int, batch: int | None, screened: int) -> tuple[int, int]:
    """The number of data sets in a batch and side by side on a device. A batch fills every device."""
    devices = len(jax.local_devices())
    if jax.default_backend() == "cpu":
        most = max(1, ROWS_TOGETHER // size)
        room = SETS
    else:
        # The widest step keeps six float64 arrays of the rows, for each screened point of each data set.
        most = max(1, int(MEMORY_SHARE * _memory() / (screened * size * 8 * 6)))
        room = most * devices
    # Batches have equal sizes, so that the last one isn't mostly padding.
    many = int(batch) if batch else -(-count // -(-count // room))
    width = min(most, -(-many // devices))
    whole = width * devices
    return -(-many // whole) * whole, width


def _memory() -> float:
    stats = jax.local_devices()[0].memory_stats() or {}
    return float(stats.get("bytes_limit", FALLBACK_BYTES))
