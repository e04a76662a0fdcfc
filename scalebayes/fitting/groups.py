"""This file finds the group of the runs whose offset an answer takes, where the discrepancy has such offsets."""

from collections.abc import Mapping

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.fitting.result import Fit
from scalebayes.runs import Runs


def group_code(fit: Fit, group: str | None) -> int:
    """The number of a group among the fit's groups; -1 where `group` is None, which stands for a new group.

    Raises:
        InputError: The fit has no offset for each group, or its runs don't have this group.
    """
    if group is None:
        return -1
    if not _offset(fit):
        raise InputError(f"group={group!r}: the fit has no discrepancy with an offset for each group; leave it out")
    known = _groups(fit)
    if str(group) not in known:
        raise unknown("group", str(group), known)
    return known[str(group)]


def group_codes(fit: Fit, runs: Runs) -> np.ndarray:
    """The number that the group of each run has among the fit's groups (run,); -1 for a group that the fit lacks."""
    known = _groups(fit)
    return np.array([known.get(str(one), -1) for one in runs.labels.get("group", [None] * len(runs))])


def group_of_each(fits: Mapping[str, Fit], group: str | None) -> dict[str, str | None]:
    """For each fit of a stack, the group where the fit has an offset for it, else None.

    Raises:
        InputError: No fit has an offset for each group, or none of their runs have this group.
    """
    known = {name: _groups(fit) if _offset(fit) else {} for name, fit in fits.items()}
    if group is not None and not any(known.values()):
        raise InputError(
            f"group={group!r}: no fit of the stack has a discrepancy with an offset for each group; leave it out"
        )
    every = sorted({one for groups in known.values() for one in groups})
    if group is not None and str(group) not in every:
        raise unknown("group", str(group), every)
    return {name: group if str(group) in groups else None for name, groups in known.items()}


def _offset(fit: Fit) -> bool:
    """Whether the fit's discrepancy has an offset for each group."""
    return fit.problem.rows.group is not None


def _groups(fit: Fit) -> dict[str, int]:
    """A mapping from each group to its number in the fit's rows."""
    return {name: i for i, name in enumerate(sorted(set(map(str, fit.runs.labels.get("group", ())))))}
