"""Backtest: what `backtest` returns, its table, and what it says of forecasts so far out."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scalebayes.display.figures import as_typed
from scalebayes.display.table import Table
from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, unknown

# Forecasts are alike that are this near in e-folds, or in share of the distance.
NEAR, NEAR_SHARE = 0.5, 0.25


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Viewed):
    """Forecasts of runs by fits that never saw them, and their scores.

    Attributes:
        data: over law, cutoff, run and prob. `median`, `log_error`, `log_score`, `crps`, `pit` (law, cutoff, run);
            `lower`, `upper`, `covered`, `log_width` (law, cutoff, prob, run), as `score` has them; `efolds` (cutoff,
            run), of the column `by`, beyond the largest run fitted; all NaN where the run was fitted. `fitted`
            (cutoff,), how many lie up to it, of which a window takes its own; `status`, the worst check of each fit,
            and `method`, that gave it (law, cutoff).
            Coordinates of run: `y`, the observable, `size`, the column `by`, `run_id` and `group`. The settings are
            attributes.
    """

    data: xr.Dataset

    @property
    def laws(self) -> list[str]:
        """The names of the forecasters; the trivial one is the last."""
        return [str(name) for name in self.data["law"].values]

    def table(self) -> pd.DataFrame:
        """One row a forecaster and cutoff.

        Columns: `fitted` and `scored`, how many runs; `efolds` and `efolds_max`, the median and the largest distance
        beyond the runs fitted; `rmse` of the log of the median; mean `log_score` and `crps`; `cover_50`, ..., shares
        of runs inside the intervals; `width_90`, the median width on the log of the interval nearest to 90 %; `pit`
        and `pit_sd`, mean and sd (of right forecasts .5 and .289); `status`, the worst check of the fit.
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
        """What forecasts by `law` that were about as far out as `efolds` covered: the line of a forecast's report.

        Alike are forecasts within half an e-fold, or a quarter of the distance. Where no run was so far out the
        nearest are told of, and that they are nearer.

        Args:
            law: a name of `laws`. efolds: of the column `by`, beyond the largest run. prob: of the interval.

        Raises:
            InputError: no such law or prob in the backtest, or efolds isn't a finite number from 0 on.
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

    def save(self, path: Any) -> None:
        """Write one NetCDF file, whole or not at all; `load` brings back the same numbers.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.backtesting.file import save

        save(self.data, path)

    @classmethod
    def load(cls, path: Any) -> "Backtest":
        """Read a backtest that `save` wrote: `scalebayes.load` does the same, and this goes with the next release.

        Raises:
            InputError: no such file, not a backtest, or a damaged one.

        Warns:
            DeprecationWarning: always.
        """
        from scalebayes.backtesting.file import load

        warnings.warn("Backtest.load goes with the next release; use sb.load(path)", DeprecationWarning, stacklevel=2)

        return cls(load(path))

    def view(self) -> View:
        """What printing the backtest tells: which of its fits failed, and the table."""
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
