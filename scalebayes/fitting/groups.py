"""This file finds the group of the runs whose offset an answer takes, where the discrepancy has such offsets."""

from collections.abc import Collection, Iterable, Mapping, Set
from typing import Any

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.fitting.result import Fit
from scalebayes.runs import Runs
from scalebayes.runs.reading.cells import as_cells, text

Group = str | Iterable[str | None] | None  # what a user gives: one name for all points, or one for each point
Groups = str | tuple[str | None, ...] | None  # the same as `groups_of` reads it; None stands for a new group


def groups_of(group: Group) -> Groups:
    """The groups that a user gave: a tuple where there is one for each point, else the one name as it was given.

    A blank cell, such as NaN, becomes None.

    Raises:
        InputError: The sequence is empty, has no order, or has more than one dim.

    >>> groups_of("a"), groups_of(["a", None]), groups_of(np.array([7.0, np.nan]))
    ('a', ('a', None), ('7', None))
    """
    if isinstance(group, str) or not isinstance(group, Iterable):
        return group
    if getattr(group, "ndim", 1) == 0:  # an array of one name
        return str(group)
    names: list[Any] = list(group)
    if not names:
        raise InputError("group: one name, or a list with one for each point; the list is empty")
    if isinstance(group, (Set, Mapping)) or any(np.ndim(one) for one in names):
        raise InputError(f"group: one name, or a list with one for each point, not {group!r:.60}")
    return tuple(text(as_cells("group", names)).tolist())


def group_code(fit: Fit, group: str | None) -> int:
    """The number of a group among the fit's groups, which are sorted by name and counted from 0.

    None stands for a new group, which any fit takes; its number is -1.

    Raises:
        InputError: A group is named, and the fit has no offset for each group or its runs don't have this group.
    """
    return int(codes_of(fit, group).item())


def group_codes(fit: Fit, runs: Runs) -> np.ndarray:
    """The number that the group of each run has among the fit's groups (run,); -1 for a group that the fit lacks."""
    known = _groups(fit)
    return np.array([known.get(str(one), -1) for one in runs.labels.get("group", [None] * len(runs))])


def codes_of(fit: Fit, groups: Groups) -> np.ndarray:
    """The number of the group of each point among the fit's groups (point,); of length 1 for one name.

    Raises:
        InputError: The fit has no offset for each group, or its runs don't have one of these groups.
    """
    known = _groups(fit) if has_offsets(fit) else {}
    _check(groups, known, "the fit has no discrepancy")
    return np.array([-1 if one is None else known[str(one)] for one in _each(groups)])


def group_of_each(fits: Mapping[str, Fit], groups: Groups) -> dict[str, Groups]:
    """For each fit of a stack, the groups, with None in place of a group that the fit has no offset for.

    Raises:
        InputError: No fit has an offset for each group, or none of their runs have one of these groups.
    """
    known = {name: _groups(fit) if has_offsets(fit) else {} for name, fit in fits.items()}
    _check(groups, sorted({one for own in known.values() for one in own}), "no fit of the stack has a discrepancy")
    if isinstance(groups, tuple):
        return {name: tuple(one if one in own else None for one in groups) for name, own in known.items()}
    return {name: groups if str(groups) in own else None for name, own in known.items()}


def _each(groups: Groups) -> tuple[str | None, ...]:
    """The groups as a tuple, which has length 1 for one name."""
    return groups if isinstance(groups, tuple) else (groups,)


def _check(groups: Groups, known: Collection[str], lacks: str) -> None:
    """Refuse groups that aren't known.

    Args:
        groups: The groups, of which each None is allowed.

        known: The groups with an offset; none of them where no fit has such offsets.

        lacks: The beginning of the sentence that says so.

    Raises:
        InputError: A group isn't known, or none is.
    """
    for group in dict.fromkeys(one for one in _each(groups) if one is not None):
        if not known:
            raise InputError(f"group={group!r}: {lacks} with an offset for each group; leave it out")
        if str(group) not in known:
            error = unknown("group", str(group), known)
            raise InputError(f"{error}; a blank name is a new group") if isinstance(groups, tuple) else error


def has_offsets(fit: Fit) -> bool:
    """Whether the fit's discrepancy has an offset for each group."""
    return fit.problem.rows.group is not None


def _groups(fit: Fit) -> dict[str, int]:
    """A mapping from each group to its number in the fit's rows."""
    return {name: i for i, name in enumerate(sorted(set(map(str, fit.runs.labels.get("group", ())))))}
