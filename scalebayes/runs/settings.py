"""This file finds rows with the same setting of the inputs, and groups that only name the size of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

# Relative difference up to which two positive values are one level. D that is rounded to whole batches differs by up to
# 1.3 % within a setting of Porian's runs. A difference of 1.5 % changes a loss by less than another seed does. Sizes
# that somebody chose to be different are further apart.
TOLERANCE = 0.015
# Ratio of the largest to the smallest size in a group. Up to this ratio the group counts as one size.
ONE_SIZE = 1.25
SIZES = ("N", "D", "C", "x")


def levels(values: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """The number of the level that each row has in a table's column, int (run,).

    Values that differ only by rounding have the same level.

    Text, and numbers that are not all positive, are compared exactly. Blank cells have a level of their own.

    >>> levels(np.array([1e9, 1.002e9, 2e9, 1e9])).tolist()
    [0, 0, 1, 0]
    """
    if values.dtype.kind != "f":
        return np.unique(np.array(["" if cell is None else f"={cell}" for cell in values]), return_inverse=True)[1]
    different, code = np.unique(values, return_inverse=True)
    given = different[~np.isnan(different)]
    if not given.size or not given[0] > 0 or not np.isfinite(given[-1]):
        return code
    # Each value is compared with the smallest of its level, so that a chain of close values is not one level.
    merged, start, count = np.empty(len(different), int), given[0], 0
    for i, value in enumerate(given):
        if value > start * (1 + tolerance):
            start, count = value, count + 1
        merged[i] = count
    merged[len(given) :] = count + 1
    return merged[code]


def settings(columns: Iterable[np.ndarray], tolerance: float = TOLERANCE) -> np.ndarray:
    """The number of each row's setting, int (run,). Rows whose columns differ only by rounding have the same setting.

    >>> N, D = np.array([1e8, 1e8, 1e9]), np.array([2e9, 2.004e9, 2e9])
    >>> settings([N, D]).tolist()
    [0, 0, 1]
    """
    codes = np.column_stack([levels(column, tolerance) for column in columns])
    return np.unique(codes, axis=0, return_inverse=True)[1].ravel()


def size_named(group: np.ndarray, inputs: Mapping[str, np.ndarray]) -> str | None:
    """The input that a label of runs (run,) only renames, as the family '70m' renames N; None if there is none.

    A label renames a size if each group has one size, and no two groups have the same. A model then can't distinguish
    an offset per group from the dependence of the law on the size.

    >>> family = np.array(["70m", "70m", "1b"], dtype=object)
    >>> size_named(family, {"N": np.array([7e7, 7e7, 1e9])})
    'N'
    >>> size_named(np.array(["ours", "theirs", "ours"]), {"N": np.array([7e7, 7e7, 1e9])})
    """
    code = levels(group)
    for name in SIZES:
        if name in inputs and code.max() > 0:
            ends = np.array([(x.min(), x.max()) for x in (inputs[name][code == k] for k in range(code.max() + 1))])
            ends = ends[np.argsort(ends[:, 0])]
            alone = ends[:, 1] <= ONE_SIZE * ends[:, 0]
            apart = ends[1:, 0] > (1 + TOLERANCE) * ends[:-1, 1]
            if alone.all() and apart.all():
                return name
    return None


def groups_of(labels: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The group of each run in a table, text (run,), for a model with an offset per group.

    The result is None if the runs have no column `group`, if the group only names the size, or if each row is a group.
    """
    group = labels.get("group")
    if group is None or len(set(group)) == len(group) > 1 or size_named(group, inputs):
        return None
    return np.asarray(group, str)
