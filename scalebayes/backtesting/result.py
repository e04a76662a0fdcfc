"""`Backtest` is what `backtest` returns: the scores, their table, and a sentence on forecasts of a given distance."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from scalebayes.display.figures import as_typed
from scalebayes.display.table import Table
from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, unknown
from scalebayes.safe_files.saved import Saved

if TYPE_CHECKING:
    from scalebayes.safe_files.netcdf import Contents

# Forecasts count as equally far out if their distances differ by at most this many e-folds, or by at most this share
# of the distance that was asked for, whichever is larger.
NEAR, NEAR_SHARE = 0.5, 0.25


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Viewed, Saved):
    """Forecasts of runs by fits that never saw them, and their scores.

    Attributes:
        data: A dataset over the dims `law`, `cutoff`, `run` and `prob`. A score is NaN where the run was fitted.

            - `median`, `log_error`, `log_score`, `crps`, `pit` (law, cutoff, run): the scores of each run, as `score`
              defines them.
            - `lower`, `upper`, `covered`, `log_width` (law, cutoff, prob, run): the intervals, as `score` defines
              them.
            - `efolds` (cutoff, run): how many e-folds of the column `by` the run lies beyond the largest fitted run;
              NaN where the run was fitted.
            - `fitted` (cutoff,): the number of runs up to the cutoff. A window fits only some of them.
            - `status` (law, cutoff): the worst status among the checks of the fit.
            - `method` (law, cutoff): the method that gave the draws of the fit.

            The coordinates of `run` are `y` (the observable), `size` (the column `by`), `run_id` and `group`. The
            settings of the backtest are attributes of the dataset.
    """

    data: xr.Dataset

    @property
    def laws(self) -> list[str]:
        """The names of the forecasters; the trivial one is the last."""
        return [str(name) for name in self.data["law"].values]

    def table(self) -> pd.DataFrame:
        """The scores as a table with one row for each forecaster and cutoff.

        Returns:
            A data frame with these columns:

            - `law`, `cutoff`: the forecaster and the cutoff.
            - `fitted`, `scored`: the number of runs up to the cutoff, and of those beyond it.
            - `efolds`, `efolds_max`: the median and the largest distance of the scored runs from the fitted ones.
            - `rmse`: the root mean square of `log_error`.
            - `log_score`, `crps`: the means of these scores.
            - `cover_50`, ...: the share of the scored runs inside each interval.
            - `width_90`: the median log width of the interval whose probability is nearest to 90 %.
            - `pit`, `pit_sd`: the mean and the sd of `pit`, which are .5 and .289 for calibrated forecasts.
            - `status`: the worst status among the checks of the fit.
        """
        data, probs = self.data, self.data["prob"].values
        wide = probs[np.abs(probs - 0.9).argmin()]
        rows = []
        for law in self.laws:
            for cutoff in data["cutoff"].values:
                one = data.sel(law=law, cutoff=cutoff)
                one = one.isel(run=np.flatnonzero(np.isfinite(one["efolds"].values)))
                rows.append(
                    {
                        "law": law,
                        "cutoff": float(cutoff),
                        "fitted": int(one["fitted"]),
                        "scored": one.sizes["run"],
                        "efolds": float(one["efolds"].median()),
                        "efolds_max": float(one["efolds"].max()),
                        "rmse": float(np.sqrt((one["log_error"] ** 2).mean(skipna=False))),
                        "log_score": float(one["log_score"].mean(skipna=False)),
                        "crps": float(one["crps"].mean(skipna=False)),
                        **{f"cover_{_percent(p)}": float(one["covered"].sel(prob=p).mean()) for p in probs},
                        f"width_{_percent(wide)}": float(one["log_width"].sel(prob=wide).median(skipna=False)),
                        "pit": float(one["pit"].mean(skipna=False)),
                        "pit_sd": float(one["pit"].std(skipna=False)),
                        "status": str(one["status"].item()),
                    }
                )
        return Table(rows)

    def sentence(self, law: str, efolds: float, prob: float = 0.9) -> str:
        """A sentence on how often intervals held in forecasts that were about as far out as `efolds`.

        Forecasts count as equally far out if their distances differ by at most half an e-fold, or by at most a quarter
        of `efolds` if that is more. If no run was as far out, the sentence is about the forecasts of the nearest
        distance, and says so.

        Args:
            law: The name of a forecaster, one of `laws`.

            efolds: The distance beyond the largest fitted run, in e-folds of the column `by`.

            prob: The probability of the interval. The default is 0.9.

        Returns:
            The sentence, without a capital or a full stop, so that a report can quote it.

        Raises:
            InputError: The backtest has no such law or no such prob, or `efolds` isn't a finite number from 0 on.
        """
        data, by = self.data, self.data.attrs["by"]
        if law not in self.laws:
            raise unknown("law of the backtest", law, self.laws)
        probs = data["prob"].values
        if not np.isclose(probs, prob).any():
            raise unknown("prob of the backtest", f"{prob:g}", [f"{p:g}" for p in probs])
        if not 0 <= efolds < np.inf:
            raise InputError(f"efolds is a finite number from 0 on, such as 1.8; not {efolds!r}")
        out = data["efolds"].values
        near = np.abs(out - efolds) <= max(NEAR, NEAR_SHARE * efolds)
        there = near.any()
        if not there:
            nearest = out.flat[np.nanargmin(np.abs(out - efolds))]
            near = np.abs(out - nearest) <= max(NEAR, NEAR_SHARE * nearest)
        covered = data["covered"].sel(law=law).sel(prob=prob, method="nearest").transpose("cutoff", "run").values[near]
        cutoffs, runs = (int(near.any(axis).sum()) for axis in (1, 0))
        of = f"{efolds:.1f} e-folds of {by}"
        told = (
            f"on your runs, forecasts this far out ({of})"
            if there
            else f"none of your runs was forecast this far out ({of}); the nearest, {_span(out[near])} out,"
        )
        inside = f"{int(covered.sum())} of {covered.size} forecasts"
        return (
            f"{told} covered {100 * covered.mean():.0f} % at {_percent(prob)} %: {inside}, of {_counted(runs, 'run')} "
            f"from {_counted(cutoffs, 'cutoff')}"
        )

    def _contents(self) -> "Contents":
        from scalebayes.backtesting.file import contents_of

        return contents_of(self.data)

    @classmethod
    def load(cls, path: Any) -> "Backtest":
        """Read a backtest that `save` wrote. Use `scalebayes.load` instead: the next release removes this method.

        Args:
            path: The path of the file.

        Returns:
            The backtest.

        Raises:
            InputError: The file doesn't exist, has no backtest, or is damaged.

        Warns:
            DeprecationWarning: Always.
        """
        from scalebayes.backtesting.file import load

        warnings.warn("Backtest.load goes with the next release; use sb.load(path)", DeprecationWarning, stacklevel=2)

        return cls(load(path))

    def view(self) -> View:
        """What printing the backtest shows: the fits that failed, and the table.

        Returns:
            A `View`, which prints as text and as HTML.
        """
        about, table = self.data.attrs, self.table()
        head = (
            f"Backtest on {self.data.sizes['run']} runs: fitted up to a {about['by']}, scored beyond it, on the log of "
            f"{about['observable']}; {about['method']}, seed {about['seed']}"
        )
        bad = table[table["status"] == "fail"].groupby("law", sort=False)["cutoff"]
        failed = [
            f"fail    fits of {law}: checks failed, fitted up to {about['by']} = {', '.join(map(as_typed, cutoffs))}"
            for law, cutoffs in bad
        ]
        return View(head, failed, table=table)


def _percent(prob: float) -> str:
    return f"{100 * prob:.3g}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _span(efolds: np.ndarray) -> str:
    low, high = (f"{x:.1f}" for x in (efolds.min(), efolds.max()))
    return f"{low} e-folds" if low == high else f"{low} to {high} e-folds"
