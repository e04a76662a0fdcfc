"""This file turns the columns that the law doesn't take into designs, against which residuals are tested."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scalebayes.checks import limits
from scalebayes.checks.robust import ranks
from scalebayes.runs import Runs
from scalebayes.runs.column_roles import FEW, distinct, is_name, is_outcome
from scalebayes.runs.settings import levels, settings, size_named


@dataclass(frozen=True)
class Other:
    """A column and the ways in which the scatter may depend on it.

    Attributes:
        name: The name of the column in `Runs`.

        values: The values in the table (run,).

        designs: The designs of the column, each (run, terms) without a constant. A few levels give indicators. A
            number gives a parabola in its rank and a parabola in its log.

        swept: Whether the column varies between rows of one setting.
    """

    name: str
    values: np.ndarray
    designs: tuple[np.ndarray, ...]
    swept: bool


def others_of(runs: Runs, used: Mapping[str, np.ndarray], basis: np.ndarray) -> list[Other]:
    """The columns that the check of other columns tests, because they may explain the scatter around a law.

    Columns are left out if they are inputs of the law, are determined by the inputs, name the rows, are outcomes such
    as a training loss or a time, or group the rows as an earlier column does.

    Args:
        runs: The table of runs.

        used: The values of each column that the law takes (run,).

        basis: The `surface` of the inputs (run, terms).
    """
    setting = settings(used.values())
    known = {**runs.inputs, **runs.labels}
    if {"N", "D"} <= set(used):
        known.pop("C", None)
    others, seen = [], set()
    for name, values in known.items():
        if name in used or name in runs.derived or is_name(name, values):
            continue
        if values.dtype.kind == "f" and (np.isinf(values).any() or is_outcome(name, values)):
            continue
        code = levels(values)
        key = _canonical(code).tobytes()
        if code.max() == 0 or key in seen or _determined(values, code, used, setting):
            continue
        if values.dtype.kind == "f" and (_follows(values, runs.y) or determined(values, basis)):
            continue
        seen.add(key)
        if designs := tuple(_designs(values, code)):
            within = len(np.unique(np.column_stack([setting, code]), axis=0)) > setting.max() + 1
            others.append(Other(name, values, designs, within))
    return others


def surface(used: Mapping[str, np.ndarray]) -> np.ndarray:
    """A smooth surface in the inputs' axes (run, terms), which the check of columns takes for any misfit of the law.

    The surface is a full quadratic of up to two inputs. With more inputs it has the products only where there are at
    least five runs for each term. Where there are fewer runs, it has the squares without the products if these leave
    five runs for each term, and else it is a plane.
    """
    axes = [(x - x.mean()) / x.std() for x in used.values() if np.ptp(x) > 1e-9]
    runs = len(next(iter(used.values())))
    terms = [np.ones(runs), *axes]
    squares = [x**2 for x in axes]
    products = [a * b for i, a in enumerate(axes) for b in axes[:i]]
    enough = len(axes) <= 2 or len(terms) + len(squares) + len(products) <= runs / 5
    if enough:
        terms += squares + products
    elif len(terms) + len(squares) <= runs / 5:
        terms += squares
    return orthonormal(np.column_stack(terms))


def orthonormal(design: np.ndarray, least: float = 1e-8) -> np.ndarray:
    """An orthonormal basis of a design against which residuals are tested.

    Directions whose size is below `least` of the largest are left out.
    """
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    return left[:, size > least * max(size.max(initial=0.0), 1e-300)]


def partial(design: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The part of a design beyond an orthonormal `basis`, against which residuals are tested, as an orthonormal basis.

    It is empty if `basis` determines the design.
    """
    centred = orthonormal(design - design.mean(axis=0))
    left, size, _ = np.linalg.svd(centred - basis @ (basis.T @ centred), full_matrices=False)
    return left[:, size > limits.COLUMNS_LEFT]


def _designs(values: np.ndarray, code: np.ndarray) -> Iterator[np.ndarray]:
    count = np.bincount(code)
    number, few = values.dtype.kind == "f", len(count) <= FEW
    if few or not number:
        # A row whose value no other row has can't be told from an outlier: all such rows together are one level.
        level = np.where(count[code] > 1, code, len(count))
        kinds = np.unique(level)
        if len(kinds) > 1:
            yield (level[:, None] == kinds[1:]).astype(float)
    if number and len(count) > 3:
        given = ~np.isnan(values)
        blank = [] if given.all() else [(~given).astype(float)]
        log = np.log(values[given]) if (values[given] > 0).all() else values[given]
        for x in (ranks(code[given]), log):
            t = np.zeros(len(values))
            t[given] = (x - x.mean()) / max(float(x.std()), 1e-300)
            yield np.column_stack([t, t**2, *blank])


def determined(values: np.ndarray, basis: np.ndarray) -> bool:
    """Whether the check of columns leaves a column out, because it is a smooth function of the inputs.

    The column is numeric and has many values. `basis` is the `surface` of the inputs.
    """
    if distinct(values) <= FEW or np.isnan(values).any() or len(values) < basis.shape[1] + limits.COLUMNS_MARGIN:
        return False
    return any(
        float(np.sum((basis.T @ (x - x.mean())) ** 2)) > limits.COLUMNS_FUNCTION * float(np.sum((x - x.mean()) ** 2))
        for x in ((np.log(values),) if (values > 0).all() else ()) + (values, ranks(values))
    )


def _determined(values: np.ndarray, code: np.ndarray, used: Mapping[str, np.ndarray], setting: np.ndarray) -> bool:
    """Whether a column only renames the values of an input, or the settings."""
    partition = _canonical(code)
    coded = [setting, *(levels(x) for x in used.values())]
    if any(x.max() + 1 < len(x) and np.array_equal(partition, _canonical(x)) for x in coded):
        return True
    return values.dtype.kind != "f" and size_named(values, used) is not None


def _canonical(code: np.ndarray) -> np.ndarray:
    """The codes, renumbered in the order of their first occurrence, so that equal partitions give equal arrays."""
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _follows(values: np.ndarray, y: np.ndarray) -> bool:
    """Whether a numeric column is the observable in another form, such as its perplexity."""
    given = ~np.isnan(values)
    if given.sum() < 4 or np.ptp(values[given]) == 0 or np.ptp(y[given]) == 0:
        return False
    measured = len(np.unique(values[given])) > max(FEW, limits.COLUMNS_MEASURED * given.sum())
    rank = abs(float(np.corrcoef(ranks(values[given]), ranks(y[given]))[0, 1]))
    return rank > (limits.COLUMNS_FOLLOW if measured else limits.COLUMNS_FOLLOW_EXACTLY)
