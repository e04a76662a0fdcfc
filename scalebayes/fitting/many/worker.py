"""This file computes one batch of data sets, in a thread of this process or in another process."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.fitting.many.plan import Group
from scalebayes.infer import Draws
from scalebayes.infer.batch import Batch, stacked
from scalebayes.infer.compilation_cache import folder_in_use, use_folder_of
from scalebayes.infer.compile import alone_at_first
from scalebayes.infer.double import double
from scalebayes.infer.mode import Mode
from scalebayes.model.problem import Problem

# From the digest of a pickled model to the model, in each process, so that all batches of a model run one program.
_models: dict[str, Any] = {}


class Parcel(NamedTuple):
    """A batch that can be sent to another process: the model as bytes, all else as arrays.

    Attributes:
        model: The pickled model.

        digest: The digest of these bytes.

        arrays: The numbers and the rows of the batch.

        width: The width of the batch.

        cache: The sender's folder of compiled programs, or None.
    """

    model: bytes
    digest: str
    arrays: Any
    width: int
    cache: str | None = None


def batch_of(problems: Sequence[Problem], members: Sequence[int], group: Group) -> Batch:
    """The batch of `fit_many` for some members of a group.

    The last member is repeated up to the number of the group's batch.
    """
    chosen = [problems[i] for i in members]
    chosen += [chosen[-1]] * (group.batch - len(chosen))
    return stacked(chosen, group.size, group.width)


def keys_of(key: Any, members: Sequence[int], group: Group) -> np.ndarray:
    """The keys of a batch of `fit_many`: the data of `fold_in(key, i)` of each member i (batch, ...).

    The last is repeated as in `batch_of`.
    """
    positions = np.array([*members, *[members[-1]] * (group.batch - len(members))])
    return np.asarray(jax.random.key_data(jax.vmap(jax.random.fold_in, (None, 0))(key, positions)))


def parcel(batch: Batch) -> Parcel:
    """Pack a batch of `fit_many` as a `Parcel`, which can be sent to another process.

    The model is pickled by value, so that a law of the caller's own script reaches the other process too.
    """
    model = cloudpickle.dumps(batch.model)
    return Parcel(model, hashlib.sha256(model).hexdigest(), (batch.numbers, batch.rows), batch.width, folder_in_use())


def compute(method: Any, batch: Batch | Parcel, keys: np.ndarray, impl: str, count: int) -> dict[str, np.ndarray]:
    """Compute in a worker of `fit_many` the draws of the first `count` data sets of a batch, as stacked arrays.

    Their first axis is the data set.

    Args:
        method: The method, with its settings.

        batch: The batch, or its parcel in another process.

        keys: The data of each data set's key.

        impl: The name of the keys' implementation in JAX.

        count: The number of data sets; the rest of the batch is padding.
    """
    with double():
        if isinstance(batch, Parcel):
            use_folder_of(batch.cache)
            if batch.digest not in _models:
                _models[batch.digest] = cloudpickle.loads(batch.model)
            numbers, rows = batch.arrays
            batch = Batch(_models[batch.digest], numbers, rows, batch.width)
        chosen = batch
        own = jax.random.wrap_key_data(jnp.asarray(keys), impl=impl)
        # The first call for a model and shape compiles, and no other thread may compile at the same time.
        what = (method, chosen.model, chosen.numbers, chosen.rows, chosen.width)
        draws = alone_at_first(what, lambda: method.run_many(chosen, own))
    return to_arrays(draws[:count])


def to_arrays(draws: Sequence[Draws]) -> dict[str, np.ndarray]:
    """The draws that a worker of `fit_many` returns, as named arrays whose first axis is the data set."""
    arrays = {"z": np.stack([one.z for one in draws])}
    arrays |= {f"stats/{name}": np.stack([one.stats[name] for one in draws]) for name in draws[0].stats}
    arrays |= {f"numbers/{name}": np.array([one.numbers[name] for one in draws]) for name in draws[0].numbers}
    return arrays | {f"mode/{name}": np.stack([getattr(one.mode, name) for one in draws]) for name in Mode._fields}


def from_arrays(arrays: dict[str, np.ndarray]) -> list[Draws]:
    """The draws of each data set that a worker of `fit_many` returned; the inverse of `to_arrays`."""

    def part(kind: str, i: int) -> dict[str, Any]:
        return {name.removeprefix(kind): x[i] for name, x in arrays.items() if name.startswith(kind)}

    return [
        Draws(
            arrays["z"][i],
            part("stats/", i),
            {name: float(x) for name, x in part("numbers/", i).items()},
            Mode(**part("mode/", i)),
        )
        for i in range(len(arrays["z"]))
    ]


def are_whole(arrays: dict[str, np.ndarray], problems: Sequence[Problem]) -> bool:
    """Whether arrays from the folder of a `fit_many` are whole: names, types and shapes as `to_arrays` gives them."""
    z, count, model = arrays.get("z"), len(problems), problems[0].model
    if z is None or z.ndim != 4 or not z.size or any(x.ndim < 1 or len(x) != count for x in arrays.values()):
        return False
    # Rows with scales of their own have coordinates after those of the free parameters.
    if not (z.shape[-1] == len(model.free) or (model.latent and z.shape[-1] > len(model.free))):
        return False
    if {name for name in arrays if name.startswith("mode/")} != {f"mode/{name}" for name in Mode._fields}:
        return False
    return arrays["mode/z"].shape[1:] == z.shape[3:] and all(_is_whole(name, x, z.shape) for name, x in arrays.items())


def _is_whole(name: str, x: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array has the type and the axes of its kind, given the shape of z (set, chain, draw, coordinate)."""
    kind, _, field = name.partition("/")
    if kind in ("z", "mode"):
        axes = {"z": 2, "precision": 3, "log_density": 1, "gradient_norm": 1}.get(field, 2) if field else 4
        return x.dtype == np.float64 and x.ndim == axes and not (field in ("", "z") and np.isnan(x).any())
    if kind == "stats":
        return x.dtype.kind in "fib" and (x.ndim == 2 or (x.ndim in (3, 4) and x.shape[:3] == shape[:3]))
    return kind == "numbers" and x.dtype.kind in "fib" and x.ndim == 1
