"""Where runs are cut into those to fit and those to forecast."""

from collections.abc import Sequence

import numpy as np

from scalebayes.backtesting.trivial import FEWEST
from scalebayes.compute import DERIVED
from scalebayes.errors import InputError, listed, unknown
from scalebayes.runs import Runs

SHARES = (0.5, 0.7, 0.9)  # of the runs, fitted by default
ROUNDING = 1e-9  # C = 6 N D of a budget may differ from it in the last digits


def sized(runs: Runs, by: str | None) -> tuple[Runs, str]:
    """The runs with the column that they are cut by, and its name.

    Args:
        by: a column, by our name or the table's, or None for C = 6 N D, or x where the runs have no compute.

    Raises:
        InputError: there is no such column, or none to choose.

    >>> sized(Runs(N=[1e8], D=[2e9], loss=[3.0]), None)[1]
    'C'
    """
    known = dict.fromkeys(runs.inputs)
    if len(set(DERIVED) & set(known)) > 1:
        known |= dict.fromkeys(DERIVED)
    if by is None:
        by = next((name for name in ("C", "x") if name in known), None)
        if by is None:
            raise InputError(f"by: say which column the runs are cut by; they have {listed(known)}")
    by = runs.name_of(by)
    if by not in known:
        raise unknown("column by", by, known)
    return runs if by in runs.inputs else runs.derive(by), by


def beyond(size: np.ndarray, cutoff: float) -> np.ndarray:
    """Which runs lie beyond a cutoff (run,); the others are fitted.

    >>> beyond(np.array([1e20, 1e21 * (1 + 1e-12), 1e22]), 1e21)
    array([False, False,  True])
    """
    return size > cutoff * (1 + ROUNDING)


def checked(size: np.ndarray, by: str, cutoffs: Sequence[float] | None, min_rows: int) -> list[float]:
    """The cutoffs in order, each with `min_rows` runs up to it and one beyond.

    Args:
        size: values of the column `by` (run,). cutoffs: values of it, or None for those that leave half, 70 % and
            90 % of the runs, where they leave enough.

    Raises:
        InputError: a cutoff that doesn't, the same one twice, or none that does.
    """
    if cutoffs is None:
        cuts = sorted(set(np.quantile(size, SHARES, method="inverted_cdf").tolist()))
        fitted = {end: int((~beyond(size, end)).sum()) for end in cuts if beyond(size, end).any()}
        ends = [end for end, rows in fitted.items() if rows >= min_rows]
        if not ends:
            most = max(fitted.values(), default=0)
            fewer = f", or let a fit have fewer, min_rows={most}" if most >= FEWEST else ""
            raise InputError(
                f"no cutoff of {by} that leaves half or more of the {len(size)} runs has {min_rows} to fit and one to "
                f"score; add runs{fewer}"
            )
        return ends
    try:
        ends = [float(end) for end in cutoffs]
    except (TypeError, ValueError):
        raise InputError(f"cutoffs is a list of values of {by}, not {cutoffs!r}") from None
    if not ends or len(set(ends)) < len(ends) or not np.isfinite(ends).all():
        raise InputError(f"cutoffs is a list of different, finite values of {by}; not {cutoffs!r}")
    for end in ends:
        ahead = beyond(size, end)
        if (~ahead).sum() < min_rows:
            low = f"from {np.sort(size)[min_rows - 1]:.6g} on" if min_rows < len(size) else "of more runs"
            raise InputError(
                f"cutoff {end:g}: {(~ahead).sum()} of the runs have a {by} up to it, and {min_rows} are wanted; take "
                f"one {low}, or a smaller min_rows"
            )
        if not ahead.any():
            raise InputError(f"cutoff {end:g}: no run has a {by} beyond it; take one below {size.max():.6g}")
    return sorted(ends)
