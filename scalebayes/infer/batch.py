"""Many data sets as one: the arrays of several problems of one model, with a leading axis set."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem


@dataclass(frozen=True)
class Batch:
    """Data sets of one model and one padded size; every array of `numbers` and `rows` has the leading axis set.

    Attributes:
        width: how many are computed side by side; the number of sets is a multiple of it.
    """

    model: Model
    numbers: Numbers
    rows: Rows
    width: int

    def __len__(self) -> int:
        return self.rows.mask.shape[0]

    def take(self, full: Sequence[int]) -> "Batch":
        """Some of the sets, a multiple of the width of them."""
        numbers, rows = jax.tree.map(lambda x: x[list(full)], (self.numbers, self.rows))
        return replace(self, numbers=numbers, rows=rows)


def stacked(problems: Sequence[Problem], size: int, width: int) -> Batch:
    """Problems of one model as a batch.

    Args:
        problems: of one model, with the same known columns. size: rows of each, after padding.
        width: as in `Batch`; the last problem is repeated to a multiple of it.
    """
    full = [problems[i] for i in filled(range(len(problems)), width)]
    leaves = lambda *x: np.stack(x)  # noqa: E731
    numbers = jax.tree.map(leaves, *(p.numbers for p in full))
    return Batch(full[0].model, numbers, jax.tree.map(leaves, *(longer(p.rows, size) for p in full)), width)


def longer(rows: Rows, size: int) -> Rows:
    """Rows padded to `size` by copies of the first, masked out."""
    more = size - len(rows.mask)
    padded = jax.tree.map(lambda x: np.concatenate([x, np.full(more, x[0])]), rows)
    return padded._replace(mask=np.concatenate([rows.mask, np.zeros(more)]))


def filled(chosen: Sequence[int], width: int) -> list[int]:
    """Indices, the last one repeated until there is a multiple of `width`.

    >>> filled([4, 7, 9], 2)
    [4, 7, 9, 9]
    """
    chosen = list(chosen)
    return chosen + [chosen[-1]] * (-len(chosen) % width)


def filled_to_few(chosen: Sequence[int], least: int) -> list[int]:
    """Indices, the last one repeated to `least` times a power of two, so that few shapes are compiled.

    >>> filled_to_few([4, 7, 9], 1)
    [4, 7, 9, 9]
    """
    size = least
    while size < len(chosen):
        size *= 2
    return [*chosen, *[chosen[-1]] * (size - len(chosen))]


def apart(tree: Any, sets: int) -> list[Any]:
    """The first `sets` members of a tree of arrays with a leading axis set, as NumPy arrays."""
    tree = jax.tree.map(np.asarray, jax.device_get(tree))
    return [jax.tree.map(lambda x, i=i: x[i], tree) for i in range(sets)]


def mapped(one: Callable[[Any], Any], each: Any, width: int, axis: str = "set", most: int | None = None) -> Any:
    """`one` of every member of a tree of arrays, `width` side by side on every local device, or the first `most`.

    With one device it is `jax.lax.map`. With several the leading axis is sharded over them where it can be cut into
    equal parts: every device loops over its own members, so that none waits for another's slowest.
    """
    devices = jax.local_devices()[:most]
    sets = jax.tree.leaves(each)[0].shape[0]
    if len(devices) == 1 or sets % (len(devices) * width):
        return jax.lax.map(one, each, batch_size=width)
    over, mesh = PartitionSpec(axis), Mesh(np.array(devices), (axis,))
    part = lambda each: jax.lax.map(one, each, batch_size=width)  # noqa: E731
    return jax.shard_map(part, mesh=mesh, in_specs=over, out_specs=over, check_vma=False)(each)


_ready: set[Any] = set()
_compiling = RLock()


def compiled_once(program: Callable[..., Any], *arguments: Any) -> Any:
    """Call a jitted program; the first call of each shape, which compiles, is alone in the process.

    Two threads that compile at once have brought the compiler down; calls of what is compiled run side by side.
    """
    return alone_at_first((program, arguments), lambda: jax.block_until_ready(program(*arguments)))


def alone_at_first[T](what: Any, call: Callable[[], T]) -> T:
    """The result of a call; the first one of each kind is alone in the process.

    Args:
        what: that the compiled programs depend on: a tree of arrays, of which the shapes count, and of hashables.
    """
    leaves, structure = jax.tree.flatten(what)
    key = structure, tuple((x.shape, str(x.dtype)) if hasattr(x, "dtype") else x for x in leaves)
    if key in _ready:
        return call()
    with _compiling:
        if key not in _ready:
            result = call()
            _ready.add(key)
            return result
    return call()


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
