"""This file makes the summary table of a fit, and the columns that every table of draws has."""

from typing import Any

import numpy as np
import pandas as pd

from scalebayes.display.table import Table
from scalebayes.errors import InputError
from scalebayes.infer import diagnostics


def summary(fit: Any, prob: float = 0.9) -> pd.DataFrame:
    """Make the table of `Fit.summary`, with one row for each free parameter."""
    check_prob(prob)
    rows = {name: columns_of(x.reshape(-1), prob, 1) for name, x in fit.draws.items()}
    table = Table.from_dict(rows, orient="index", dtype=np.float64)
    if "n_steps" in fit.sample_stats:
        stacked = np.stack(list(fit.draws.values()))
        table["ess_bulk"] = diagnostics.ess_bulk(stacked)
        table["ess_tail"] = diagnostics.ess_tail(stacked)
        table["r_hat"] = diagnostics.rhat(stacked) if stacked.shape[1] > 1 else np.nan
    return table


def check_prob(prob: float) -> None:
    """Refuse a probability for the intervals of a fit's summary that isn't between 0 and 1."""
    if not 0 < prob < 1:
        raise InputError(f"prob is between 0 and 1, such as 0.9; not {prob!r}")


def columns_of(draws: np.ndarray, prob: float, moments: int) -> dict[str, Any]:
    """The columns of the table that summarises a fit's draws.

    Args:
        draws: The draws along the first axis; NaN where a draw has no value.

        prob: The probability of the equal-tailed interval.

        moments: 1 for `mean` and `sd` too; 0 where the noise has none.
    """
    tail = (1 - prob) / 2
    # A draw without an optimum is NaN and left out; the table gives the share of such draws. Where all draws are NaN,
    # the cells are blank.
    found = (~np.isnan(draws)).sum(axis=0)
    kept = np.where(found == 0, 0.0, draws)
    # Between a number and infinity, such as the compute of a loss out of reach, nothing can be interpolated.
    how = "higher" if np.isinf(kept).any() else "linear"
    lower, median, upper = np.nanquantile(kept, [tail, 0.5, 1 - tail], axis=0, method=how)
    columns: dict[str, Any] = {"median": np.where(found, median, np.nan)}
    if moments:
        infinite = np.isinf(kept).any(axis=0)  # as a factor of compute may be; it has no mean
        finite = np.where(infinite, 0.0, kept)
        mean = np.nanmean(finite, axis=0)
        variance = np.nansum((finite - mean) ** 2, axis=0) / np.maximum(found - 1, 1)
        columns |= {
            "mean": np.where((found > 0) & ~infinite, mean, np.nan),
            "sd": np.where((found > 1) & ~infinite, np.sqrt(variance), np.nan),
        }
    return columns | {"lower": np.where(found > 1, lower, np.nan), "upper": np.where(found > 1, upper, np.nan)}
