"""This file has `Registered`, forecasts that were put on record before their runs were trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from scalebayes.backtesting.marginals import Components, forecast_by, mixed, widened
from scalebayes.backtesting.proper_scores import Forecast
from scalebayes.display.view import View, Viewed
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.interval import interval
from scalebayes.forecasting.recalibrate import link_of
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.saved import Saved
from scalebayes.seeds import as_key

if TYPE_CHECKING:
    import pandas as pd


class Member(NamedTuple):
    """What one fit says of the registered points, with all that a score needs of it.

    Attributes:
        name: The name of a stack's member; "" for a single fit.

        draws: The number of draws that the member gives to a stack's mixture; for a single fit all of its draws.

        noise: The noise.

        said: The law and the discrepancy at the points, and the draws of the noise.

        fitted: What was fitted, as JSON data: the `law` with its `formula` and `settings`, the `label`, the `method`,
            the `seed`, the SHA-256 of the `runs`, the number of their `rows`, and the `versions` of libraries.
    """

    name: str
    draws: int
    noise: Noise
    said: Components
    fitted: Mapping[str, Any]

    @classmethod
    def of(cls, fit: Fit, said: Components, name: str, draws: int) -> "Member":
        """The record of a fit that says `said` of the points."""
        runs = fit.scored_runs
        fitted = {
            "law": fit.law.name,
            "formula": fit.law.formula,
            "settings": dict(fit.law.settings),
            "label": fit.label,
            "method": fit.method.name,
            "seed": fit.seed,
            "runs": runs.hash,
            "rows": len(runs),
            "versions": dict(fit.versions),
        }
        return cls(name, draws, fit.noise, said, fitted)


@dataclass(frozen=True, eq=False, repr=False)
class Registered(Viewed, Saved):
    """Forecasts on record: what a fit said of runs that weren't trained yet, and when. `score` takes it.

    Attributes:
        forecast: The forecast of a new run at each point, as `predict(..., observed=True)` gave it: draws of the
            observable (chain, draw, point), and `distance` (point, axis).

        members: What each fit says of the points; more than one for a stack.

        date: The date and time in UTC, as in "2026-11-30T09:15:00+00:00".

        prob: The probability of the registered intervals.

        note: A note of whoever registered the forecasts.

        seed: The seed of the draws, as an int, or the numbers of a JAX key.

        versions: A mapping from library to the version that made the record.

        factor: The factor by which a `Recalibrated` widened the forecasts; 1 for any other fit.
    """

    forecast: xr.Dataset
    members: tuple[Member, ...]
    date: str
    prob: float
    note: str
    seed: int | tuple[int, ...]
    versions: Mapping[str, str]
    factor: float = 1.0

    @property
    def observable(self) -> str:
        """The observable that is forecast."""
        return str(next(iter(self.forecast.data_vars)))

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The inputs of the points by the column of the runs (point,)."""
        coords = self.forecast.coords.items()
        return {str(name): x.values for name, x in coords if x.dims == ("point",) and name not in ("point", "group")}

    @property
    def groups(self) -> np.ndarray | None:
        """The group of each point (point,), blank for a new group; None where no groups were given."""
        return self.forecast["group"].values if "group" in self.forecast.coords else None

    @cached_property
    def digest(self) -> str:
        """The SHA-256, hex, of all that the file has. Published, it shows that nothing was changed afterwards."""
        groups, attrs = self._contents()
        return netcdf.digest_of({place: {n: x for n, (_, x) in one.items()} for place, one in groups.items()}, attrs)

    def table(self) -> "pd.DataFrame":
        """The registered intervals, with one row for each point.

        Returns:
            A data frame as `interval` gives it, with the registered probability.
        """
        return interval(self.forecast, self.prob)

    def forecast_of(self, runs: Runs, point: np.ndarray, seed: Any) -> Forecast:
        """The forecast, to be scored, of runs at some of the points, with the runs' counts and known errors.

        Args:
            runs: The runs.

            point: The number of each run's point (run,).

            seed: An int or a JAX key, for draws of the noise.
        """
        forecasts = []
        for i, member in enumerate(self.members):
            key = jax.random.fold_in(as_key(seed), i)

            def of_member(runs: Runs, member: Member = member, key: Any = key) -> Forecast:
                return forecast_by(member.noise.form, lambda at: member.said.at(point[at]), runs, key)

            if self.factor == 1:
                forecasts.append(of_member(runs))
            else:
                # Draws that were widened about their median have the median that they had before.
                middle = np.median(self.forecast[self.observable].values, axis=(0, 1))[point]
                forecasts.append(widened(of_member, runs, self.factor, link_of(member.noise.form), middle))
        return forecasts[0] if len(forecasts) == 1 else mixed(forecasts, [one.draws for one in self.members])

    def _contents(self) -> netcdf.Contents:
        from scalebayes.backtesting.record_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """Describe the record for printing.

        Returns:
            A `View` with the checks that failed when it was made, what was registered and when, and the intervals.
        """
        said, count = self.forecast.attrs, self.forecast.sizes["point"]
        hashes = {one.fitted["runs"]: one.fitted["rows"] for one in self.members}
        of = " and ".join(f"{rows} runs ({digest[:12]})" for digest, rows in hashes.items())
        what = "forecast" if count == 1 else f"{count} forecasts"
        head = f"Registered {self.date}: {what} of {self.observable} by {said['law']}, fitted to {of}"
        lines = [
            *([f"note: {self.note}"] if self.note else []),
            *([said["recalibrated"]] if said.get("recalibrated") else []),
            f"{100 * self.prob:g} % intervals of a new run, with its noise",
        ]
        by = f"scalebayes {self.versions.get('scalebayes', '?')}, seed {self.seed}"
        rest = [f"made by {by}; SHA-256 of the record: {self.digest}"]
        return View(head, [said["failed"]] if said.get("failed") else [], lines, self.table(), rest)
