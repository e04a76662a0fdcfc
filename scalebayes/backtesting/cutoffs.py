"""This file finds the cutoffs, which divide runs into those that are fitted and those that are forecast."""

from collections.abc import Sequence

import numpy as np

from scalebayes.backtesting.trivial import FEWEST
from scalebayes.compute import DERIVED
from scalebayes.errors import InputError, listed, unknown
from scalebayes.runs import Runs

# Shares of the runs that the default cutoffs leave to fit.
SHARES = (0.5, 0.7, 0.9)
# Relative difference: a run that exceeds a cutoff by less counts as at the cutoff, and is fitted. C = 6 N D may differ
# from the budget that it was chosen for in the last digits.
ROUNDING = 1e-9


def sized(runs: Runs, by: str | None) -> tuple[Runs, str]:
    """The runs of a backtest, with the column that they are cut by, and the name of that column.

    Args:
        runs: The runs.

        by: The column, by its name here or in the user's table; None for C = 6 N D, or x if the runs have no compute.

    Raises:
        InputError: There is no such column, or no column to take by default.

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
    """Which runs lie beyond a cutoff of the backtest, bool (run,). The other runs are fitted.

    >>> beyond(np.array([1e20, 1e21 * (1 + 1e-12), 1e22]), 1e21)
    array([False, False,  True])
    """
    return size > cutoff * (1 + ROUNDING)


def checked(size: np.ndarray, by: str, cutoffs: Sequence[float] | None, min_rows: int) -> list[float]:
    """The cutoffs of a backtest in increasing order, each with at least `min_rows` runs up to it and one run beyond.

    Args:
        size: The values of the column `by` (run,).

        by: The name of the column, for the messages.

        cutoffs: The cutoffs, or None for those up to which half, 70 % and 90 % of the runs lie, where these are enough.

        min_rows: The smallest number of runs to fit.

    Raises:
        InputError: A cutoff has too few runs up to it or none beyond it, is given twice, or isn't finite; or no
            default cutoff leaves enough runs.
    """
    if cutoffs is None:
        cuts = sorted(set(np.quantile(size, SHARES, method="inverted_cdf").tolist()))
        fitted = {end: int((~beyond(size, end)).sum()) for end in cuts if beyond(size, end).any()}
        ends = [end for end, rows in fitted.items() if rows >= min_rows]
        if not ends:
            most = max(fitted.values(), default=0)
            fewer = f", or let a fit have fewer, min_rows={most}" if most >= FEWEST else ""
            raise InputError(
                f"no cutoff of {by} with at least half of the {len(size)} runs up to it leaves {min_rows} runs to fit "
                f"and one to score; add runs{fewer}"
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
