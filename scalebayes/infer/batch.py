"""This file stacks the arrays of several problems of one model, so that many data sets run in one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from scalebayes.model.arrays import alike, doubled_to, longer
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem


@dataclass(frozen=True)
class Batch:
    """Data sets of one model and one padded size.

    Attributes:
        model: The model of all data sets.
        numbers: The numbers of the model; every array has the leading axis `set`.
        rows: The runs; every array has the leading axis `set`.
        width: The number of data sets that are computed side by side. The number of sets is a multiple of it.
    """

    model: Model
    numbers: Numbers
    rows: Rows
    width: int

    def __len__(self) -> int:
        return self.rows.mask.shape[0]

    def take(self, full: Sequence[int]) -> "Batch":
        """A batch of some of the sets, whose number is a multiple of the width."""
        numbers, rows = jax.tree.map(lambda x: x[list(full)], (self.numbers, self.rows))
        return replace(self, numbers=numbers, rows=rows)


def stacked(problems: Sequence[Problem], size: int, width: int) -> Batch:
    """Make the batch of problems that a method runs side by side.

    Args:
        problems: The problems, all of one model and with the same optional columns.
        size: The number of rows of each problem after padding.
        width: The width of the batch. The last problem is repeated until the number of problems is a multiple of it.

    Returns:
        The batch.
    """
    full = [problems[i] for i in filled(range(len(problems)), width)]
    leaves = lambda *x: np.stack(x)  # noqa: E731
    numbers = jax.tree.map(leaves, *(p.numbers for p in full))
    rows = alike([longer(p.rows, size) for p in full])
    return Batch(full[0].model, numbers, jax.tree.map(leaves, *rows), width)


def filled(chosen: Sequence[int], width: int) -> list[int]:
    """The indices of a batch, with the last one repeated until their number is a multiple of `width`.

    >>> filled([4, 7, 9], 2)
    [4, 7, 9, 9]
    """
    chosen = list(chosen)
    return chosen + [chosen[-1]] * (-len(chosen) % width)


def filled_to_few(chosen: Sequence[int], least: int) -> list[int]:
    """The indices of a batch, with the last one repeated until their number is `least` times a power of two.

    So few shapes are compiled.

    >>> filled_to_few([4, 7, 9], 1)
    [4, 7, 9, 9]
    """
    return [*chosen, *[chosen[-1]] * (doubled_to(len(chosen), least) - len(chosen))]


def apart(tree: Any, sets: int) -> list[Any]:
    """The results of the first `sets` data sets of a batch, each a tree of NumPy arrays.

    The tree of all has the leading axis `set`.
    """
    tree = jax.tree.map(np.asarray, jax.device_get(tree))
    return [jax.tree.map(lambda x, i=i: x[i], tree) for i in range(sets)]


def in_batches(one: Callable[[Any], Any], each: Any, most: int) -> Any:
    """Apply `one` to every member of a tree of arrays, in batches of equal size, of up to `most` members.

    `jax.lax.map` alone would leave a last batch of another size, for which it compiles a second copy of `one`. Where a
    number has only small divisors, such a last batch costs less than the small batches.

    Args:
        one: A function of one member.
        each: A tree of arrays with the same leading axis.
        most: The largest number of members in a batch, for which there is memory or cache.

    Returns:
        The results as a tree of arrays with the same leading axis.
    """
    return jax.lax.map(one, each, batch_size=even(jax.tree.leaves(each)[0].shape[0], most))


def even(size: int, most: int) -> int:
    """The largest number up to `most` that divides `size`, or `most` where all such numbers are below a quarter of it.

    >>> even(6000, 64), even(1000, 64), even(997, 64), even(3, 64)
    (60, 50, 64, 3)
    """
    best = max(i for i in range(1, min(size, most) + 1) if size % i == 0)
    return best if best == size or 4 * best >= most else most


def mapped(one: Callable[[Any], Any], each: Any, width: int, axis: str = "set", most: int | None = None) -> Any:
    """Apply `one` to every data set of a batch of arrays, `width` of them side by side on every local device.

    With one device it is `jax.lax.map`. With several devices the leading axis is sharded over them, where it can be cut
    into equal parts. Every device loops over its own members, so that no device waits for the slowest member of
    another.

    Args:
        one: A function of one member.
        each: A tree of arrays, whose leading axis is over the members.
        width: The number of members that are computed side by side on a device.
        axis: The name of the leading axis; the default is "set".
        most: The largest number of devices to use. The default is None: all local devices.

    Returns:
        The results as a tree of arrays with the same leading axis.
    """
    devices = jax.local_devices()[:most]
    sets = jax.tree.leaves(each)[0].shape[0]
    if len(devices) == 1 or sets % (len(devices) * width):
        return jax.lax.map(one, each, batch_size=width)
    over, mesh = PartitionSpec(axis), Mesh(np.array(devices), (axis,))
    part = lambda each: jax.lax.map(one, each, batch_size=width)  # noqa: E731
    return jax.shard_map(part, mesh=mesh, in_specs=over, out_specs=over, check_vma=False)(each)
