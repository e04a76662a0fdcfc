"""Which data sets are computed together: rounded to few sizes, so that little is compiled, and cut into batches."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from scalebayes.model.model import Model
from scalebayes.model.problem import Problem

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


def planned(problems: Sequence[Problem], batch: int | None = None, screened: int = 1024) -> list[Group]:
    """The groups of problems, largest rows last.

    Args:
        problems: as they were given. batch: sets a call; by default what the devices have room for.
        screened: points that the search for the mode evaluates at once for each set: its widest step.
    """
    by_model: dict[tuple[Model, Any], list[int]] = defaultdict(list)
    for i, problem in enumerate(problems):
        by_model[problem.model, jax.tree.structure((problem.numbers, problem.rows))].append(i)
    groups = []
    for members in by_model.values():
        for size, chosen in sizes({i: len(problems[i].runs) for i in members}).items():
            many, width = _room(len(chosen), size, batch, screened)
            groups.append(Group(tuple(chosen), size, many, width))
    return groups


def sizes(rows: dict[int, int]) -> dict[int, list[int]]:
    """Padded size -> members, from member -> rows.

    Sizes are powers of two; the members of one are joined to the next that there is, where they would cost less with
    so many rows than a program costs to compile.

    >>> sizes({0: 20, 1: 100, 2: 240})
    {256: [0, 1, 2]}
    >>> {size: len(members) for size, members in sizes({**dict.fromkeys(range(900), 20), 900: 20_000}).items()}
    {32: 900, 32768: 1}
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for member, count in rows.items():
        size = SMALLEST
        while size < count:
            size *= 2
        by_size[size].append(member)
    merged: dict[int, list[int]] = {}
    waiting: list[int] = []
    ordered = sorted(by_size)
    for size, larger in zip(ordered, [*ordered[1:], None], strict=True):
        waiting = sorted(waiting + by_size[size])
        if larger is None or len(waiting) * larger > WORTH_COMPILING:
            merged[size], waiting = waiting, []
    return merged


def _room(count: int, size: int, batch: int | None, screened: int) -> tuple[int, int]:
    """Sets a batch and side by side on a device; a batch is whole on every device."""
    devices = len(jax.local_devices())
    if jax.default_backend() == "cpu":
        most = max(1, ROWS_TOGETHER // size)
        room = SETS
    else:
        # What the widest step keeps: a few arrays of every point that is screened, of every set.
        most = max(1, int(MEMORY_SHARE * _memory() / (screened * size * 8 * 6)))
        room = most * devices
    # Equal batches, so that the last is not mostly filling.
    many = int(batch) if batch else -(-count // -(-count // room))
    width = min(most, -(-many // devices))
    whole = width * devices
    return -(-many // whole) * whole, width


def _memory() -> float:
    stats = jax.local_devices()[0].memory_stats() or {}
    return float(stats.get("bytes_limit", FALLBACK_BYTES))
