"""This file makes the arrays that inference takes: the numbers of a model, padded rows, and the largest runs' place."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import Distribution, biject_to

from scalebayes.discrepancy.shared_places import Layout
from scalebayes.model.model import Ends, Numbers, Rows
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import Traced
from scalebayes.parameters.units import Reference
from scalebayes.runs import Runs

TOP = 0.1  # share of the runs that are the largest, by size; the data decide the law best there


def padded(rows: int) -> int:
    """The number of a model's rows after padding: the next of 8, 12, 16, 24, 32, 48, ..., so that few are traced.

    >>> [padded(n) for n in (2, 9, 240)]
    [8, 12, 256]
    """
    size = 8
    while size < rows:
        size = size * 3 // 2 if size & (size - 1) == 0 else size // 3 * 4
    return size


def doubled_to(count: int, least: int) -> int:
    """The size `least`, doubled until it holds `count` members, so that few shapes are traced.

    >>> doubled_to(3, 16), doubled_to(65, 16)
    (16, 128)
    """
    size = least
    while size < count:
        size *= 2
    return size


def longer(rows: Rows, size: int) -> Rows:
    """The rows of a problem padded to `size` for its batch, by copies of the first row, which the mask takes out."""
    more = size - len(rows.mask)
    padded = jax.tree.map(lambda x: np.concatenate([x, np.full(more, x[0])]), rows._replace(layout=None))
    return padded._replace(mask=np.concatenate([rows.mask, np.zeros(more)]), layout=_longer(rows.layout, more))


def alike(rows: Sequence[Rows]) -> list[Rows]:
    """The rows of the problems of a batch, with layouts of one size."""
    layouts = [one.layout for one in rows]
    if layouts[0] is None:
        return list(rows)
    return [one._replace(layout=filled) for one, filled in zip(rows, _filled(layouts), strict=True)]


def _filled(layouts: Sequence[Any]) -> list[Any]:
    """Layouts of one structure with each array filled up by their first entries to the largest size."""

    def fill(column: list[np.ndarray]) -> list[np.ndarray]:
        most = max(map(len, column))
        return [np.append(x, np.full(most - len(x), x[0])) for x in column]

    leaves, structure = zip(*(jax.tree.flatten(one) for one in layouts), strict=True)
    columns = [fill(list(column)) for column in zip(*leaves, strict=True)]
    return [jax.tree.unflatten(structure[0], each) for each in zip(*columns, strict=True)]


def _longer(layout: Layout | None, more: int) -> Layout | None:
    if layout is None or layout.shared is None:
        return layout
    place = np.append(layout.shared.place, np.zeros(more, int))
    return layout._replace(shared=layout.shared._replace(place=place))


def largest(inputs: Mapping[str, np.ndarray], plain: Collection[str] = ()) -> np.ndarray:
    """Whether a model takes each run as one of the largest tenth (run,).

    The order is that of N D where the law has both, else of the sum of logs. Inputs in `plain`, which may be 0, don't
    count; where there are no others, all runs are taken.

    >>> largest({"x": np.arange(1.0, 21.0)}).sum()
    np.int64(3)
    """
    of = [inputs[name] for name in (("N", "D") if {"N", "D"} <= set(inputs) else inputs) if name not in plain]
    if not of:
        return np.full(len(next(iter(inputs.values()))), True)
    size = np.sum([np.log(x) for x in of], axis=0)
    return size >= np.quantile(size, 1 - TOP, method="closest_observation") - 1e-9


def ends_of(inputs: Mapping[str, np.ndarray], reference: Reference, plain: Collection[str] = ()) -> Ends:
    """Where the model has the largest runs, in reference units.

    `inputs` are those of the runs (run,), in the runs' own units. Those in `plain` may be 0 or negative, the others are
    positive.
    """
    own = {name: x / reference.inputs[name] for name, x in inputs.items()}
    spread = {name: own[name].std() or 1.0 for name in plain}
    logs = {name: x / spread[name] if name in spread else np.log(x) for name, x in own.items()}
    top = largest(inputs, plain)
    most = {name: x.max() for name, x in logs.items() if name not in spread}
    if {"N", "D"} <= set(logs):
        most = {"C": (logs["N"] + logs["D"]).max()}
    return Ends({name: x[top].mean() for name, x in logs.items()}, most, spread)


def float64(tree: Any) -> Any:
    """The model's numbers, a tree, with float64 NumPy arrays as leaves."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def numbers_of(
    own: Mapping[str, Param], chosen: Mapping[str, Param], reference: Reference, stages: Any, ends: Ends | None
) -> Numbers:
    """All numbers of a model; `own` has the parameters with their default priors, `chosen` with the priors in force."""
    free = {name: param for name, param in chosen.items() if not param.fixed}

    def start(name: str, param: Param) -> Any:
        for candidate in (param, own[name]):
            same = candidate.scaled == param.scaled or not candidate.dimension
            if same and isinstance(candidate.prior, Distribution):
                return candidate.prior
        return _default_start(param.support)

    return Numbers(
        float64({name: Traced.of(param.distribution) for name, param in free.items()}),
        float64({name: Traced.of(start(name, param)) for name, param in free.items()}),
        float64({name: param.prior for name, param in chosen.items() if param.fixed}),
        float64(reference.logs),
        np.asarray(stages, np.float64),
        float64(ends),
    )


def _default_start(support: Any) -> Any:
    """The distribution of the starts of a parameter that has no proper prior."""
    bijection = biject_to(support)
    return dist.TransformedDistribution(dist.Normal(0.0, 2.0), bijection)


def rows_of(runs: Runs, values: Mapping[str, np.ndarray], reference: Reference, group: np.ndarray | None) -> Rows:
    """The rows that the model takes: the runs in reference units, padded.

    `values` are the law's inputs and `group` the rows' groups (run,).
    """
    size, n = padded(len(runs)), len(runs)

    def pad(column: np.ndarray) -> np.ndarray:
        # Padding repeats the first row, at which the law is finite if it is finite anywhere. The mask takes it out.
        return np.concatenate([column, np.full(size - n, column[0])])

    return Rows(
        {name: pad(x / reference.inputs[name]) for name, x in values.items()},
        pad(runs.y / reference.scale),
        np.concatenate([np.ones(n), np.zeros(size - n)]),
        None if runs.se is None else pad(runs.se / reference.scale),
        None if runs.count is None else pad(runs.count),
        None if group is None else pad(group.astype(np.float64)),
    )
