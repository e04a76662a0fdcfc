"""Which data sets are computed together: rounded to few sizes, so that little is compiled, and cut into batches."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from scalebayes.errors import InputError
from scalebayes.model import Model
from scalebayes.problem import Problem

SMALLEST = 16
# Rows times data sets that are computed in the time that one more program takes to compile.
WORTH_COMPILING = 30_000
ROWS_TOGETHER = 1024  # on a CPU: more of them leave its caches
SETS = 64  # in a batch on a CPU: what is lost when a run is killed, and what progress is told by
MEMORY_SHARE = 0.25  # of an accelerator's memory, for one batch
FALLBACK_BYTES = 4e9  # where a device doesn't say how much it has


class Group(NamedTuple):
    """Data sets of one model that share a padded size.

    Attributes:
        members: positions in the list of data sets. size: rows of each after padding.
        batch: how many are computed by one call; width: how many of them side by side on a device.
    """

    members: tuple[int, ...]
    size: int
    batch: int
    width: int

    @property
    def batches(self) -> list[tuple[int, ...]]:
        """The members, `batch` at a time."""
        return [self.members[i : i + self.batch] for i in range(0, len(self.members), self.batch)]


def planned(problems: Sequence[Problem], batch: int | None = None) -> list[Group]:
    """The groups of problems, largest rows last.

    Args:
        problems: as they were given. batch: sets a call; by default what the devices have room for.
    """
    by_model: dict[tuple[Model, Any], list[int]] = defaultdict(list)
    for i, problem in enumerate(problems):
        by_model[problem.model, jax.tree.structure((problem.numbers, problem.rows))].append(i)
    groups = []
    for members in by_model.values():
        for size, chosen in sizes({i: len(problems[i].runs) for i in members}).items():
            many, width = _room(len(chosen), size, batch)
            groups.append(Group(tuple(chosen), size, many, width))
    return groups


def sizes(rows: dict[int, int]) -> dict[int, list[int]]:
    """Padded size -> members, from member -> rows.

    Sizes are powers of two; a size whose members would cost less with twice the rows than a program costs to compile
    is joined to the next.

    >>> sizes({0: 20, 1: 100, 2: 240})
    {256: [0, 1, 2]}
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for member, count in rows.items():
        size = SMALLEST
        while size < count:
            size *= 2
        by_size[size].append(member)
    merged: dict[int, list[int]] = {}
    waiting: list[int] = []
    for size in sorted(by_size):
        waiting = sorted(waiting + by_size[size])
        if size == max(by_size) or len(waiting) * size > WORTH_COMPILING:
            merged[size], waiting = waiting, []
    return merged


def _room(count: int, size: int, batch: int | None) -> tuple[int, int]:
    """Sets a batch and side by side."""
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise InputError(f"batch is a whole number of data sets from 1 on, not {batch!r}")
    if jax.default_backend() == "cpu":
        # Equal batches, so that the last is not mostly filling.
        many = batch or -(-count // -(-count // SETS))
        width = max(1, min(ROWS_TOGETHER // size, many))
    else:
        # What the widest step keeps: 1,024 screened points of every set, a few arrays of each.
        fits = int(MEMORY_SHARE * _memory() / (1024 * size * 8 * 6))
        many = batch or -(-count // -(-count // max(fits, 1)))
        width = many
    whole = width * len(jax.local_devices())
    return -(-many // whole) * whole, width


def _memory() -> float:
    stats = jax.local_devices()[0].memory_stats() or {}
    return float(stats.get("bytes_limit", FALLBACK_BYTES))
