"""`Comparison` is what `compare` returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, unknown
from scalebayes.safe_files.saved import Saved
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents

KINDS = ("loo", "largest", "evidence")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Viewed, Saved):
    """How well fits of the same runs predict runs that they haven't seen.

    Attributes:
        data: A dataset over the dims `model` and `run`; the models are in the order in which they were given. Scores
            are in nats, and densities are those of the observable in its own unit.

            - `elpd_loo` (model,): the log predictive density of each run given the others, summed over the runs.
              `elpd_loo_i` (model, run) is the part of each run, `se` (model,) the standard error of the sum, and
              `p_loo` (model,) the effective number of parameters.
            - `difference` (model,): `elpd_loo` minus that of the best model, with its standard error `difference_se`.
            - `pareto_k` (model, run): the Pareto k of each run. `bad_k` (model,) counts the runs whose k is too high,
              and `refitted` (model, run) says which runs have an exact refit.
            - `lpd_largest` (model,): the mean log predictive density of the largest runs, in nats a run, by a fit of
              the other runs; `lpd_largest_se` is its standard error. `lpd_largest_i` (model, run) has the density of
              each of the largest runs and NaN elsewhere. The coordinate `held_out` (run,) says which these are.
            - `log_evidence` (model,): the log evidence, with its Monte-Carlo error `log_evidence_se`; NaN where it
              isn't estimated.
            - `weight_loo`, `weight_largest`, `weight_evidence` (model,): the weights by each score; NaN where there
              are none.

        checks: The checks of the comparison: the checks that fits and refits failed, Pareto k, whether the two
            rankings agree, and the error of the evidence.
    """

    data: xr.Dataset
    checks: Checks

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fits, in the order in which they were given."""
        return tuple(map(str, self.data["model"].values))

    def weights(self, by: str = "loo") -> dict[str, float]:
        """The weights of the fits, as `stack` takes them.

        Args:
            by: What the weights are from: "loo" or "largest" for stacking of that score, or "evidence" for posterior
                probabilities of the fits. The default is "loo".

        Returns:
            The weight of each fit, by its name. The weights sum to one.

        Raises:
            InputError: There are no weights of that name, or this comparison lacks them.
        """
        if by not in KINDS:
            raise unknown("weights", by, KINDS)
        weights = self.data[f"weight_{by}"].values
        if np.isnan(weights).any():
            check = next((c for c in self.checks if c.id == by), None)
            why = f": {check.sentence}" if check else ""
            raise InputError(f"this comparison has no weights by {by!r}{why}")
        return dict(zip(self.names, weights.tolist(), strict=True))

    def table(self) -> "pd.DataFrame":
        """The scores as a table with one row for each fit.

        Returns:
            A data frame with the columns `elpd_loo`, `se`, `difference`, `difference_se`, `p_loo`, `bad_k`, `refits`
            (the number of exact refits), `lpd_largest`, `lpd_largest_se`, `log_evidence` and the weights, as in
            `data`. The fit with the best `elpd_loo` comes first. A column that no fit has a value for is left out.
        """
        import pandas as pd

        from scalebayes.display.table import Table

        columns = ["elpd_loo", "se", "difference", "difference_se", "p_loo", "bad_k"]
        rest = ["lpd_largest", "lpd_largest_se", "log_evidence", *(f"weight_{kind}" for kind in KINDS)]
        scores = {name: self.data[name].values for name in columns}
        scores["refits"] = self.data["refitted"].sum("run").values
        scores |= {name: self.data[name].values for name in rest if not np.isnan(self.data[name].values).all()}
        table = Table(scores, index=pd.Index(self.names, name="model"))
        return table.sort_values("elpd_loo", ascending=False, kind="stable")

    def _contents(self) -> "Contents":
        from scalebayes.comparison.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """What printing the comparison shows: the checks that did not pass, and the table.

        Returns:
            A `View`, which prints as text and as HTML.
        """
        bad = [str(c) for status in (Status.FAIL, Status.REVIEW) for c in self.checks.of(status)]
        sizes = self.data.sizes
        held = int(self.data["held_out"].values.sum())
        unit = f", {self.data.attrs['unit']}" if self.data.attrs["unit"] else ""
        head = f"Comparison of {sizes['model']} fits on {sizes['run']} runs ({self.data.attrs['observable']}{unit})" + (
            f", the largest {held} held out" if held else ""
        )
        rest = [] if bad else [f"all {len(self.checks)} checks pass"]
        return View(head, bad, table=self.table(), rest=rest)
