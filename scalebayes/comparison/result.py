"""Comparison: what `compare` returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, unknown
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("loo", "largest", "evidence")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Viewed):
    """How well fits of the same runs foretell runs that they haven't seen.

    Attributes:
        data: over (model, run), models in the order they were given.
            `elpd_loo`, `se`, `p_loo` (model,) and `elpd_loo_i` (model, run): expected log predictive density of a run
            given the others, summed over the runs; its standard error; the effective number of parameters.
            `difference`, `difference_se` (model,): of elpd_loo from the best.
            `pareto_k` (model, run), `refitted` (model, run): which runs have an exact refit; `bad_k` (model,).
            `lpd_largest`, `lpd_largest_se` (model,): mean log predictive density of the largest runs, nats a run, by
            the fit of the others; `lpd_largest_i` (model, run), NaN for the others; the coordinate `held_out` (run,).
            `log_evidence`, `log_evidence_se` (model,): in the observable's own units; NaN where it isn't estimated.
            `weight_loo`, `weight_largest`, `weight_evidence` (model,): NaN where there are none.
        checks: of the comparison: the fits' own and their refits', Pareto k, whether rankings agree, evidence.
    """

    data: xr.Dataset
    checks: Checks

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fits, in the order they were given."""
        return tuple(map(str, self.data["model"].values))

    def weights(self, by: str = "loo") -> dict[str, float]:
        """Name of a fit -> its weight, as `stack` takes them.

        Args:
            by: "loo" or "largest" (stacking of those scores), or "evidence".

        Raises:
            InputError: no such weights, or they aren't there.
        """
        if by not in KINDS:
            raise unknown("weights", by, KINDS)
        found = self.data[f"weight_{by}"].values
        if np.isnan(found).any():
            check = next((c for c in self.checks if c.id == by), None)
            why = f": {check.sentence}" if check else ""
            raise InputError(f"this comparison has no weights by {by!r}{why}")
        return dict(zip(self.names, found.tolist(), strict=True))

    def table(self) -> "pd.DataFrame":
        """One row a fit, the best by elpd_loo first; `bad_k` counts runs of a high Pareto k, `refits` those refitted
        exactly. Columns that no fit has are left out."""
        import pandas as pd

        from scalebayes.display.table import Table

        columns = ["elpd_loo", "se", "difference", "difference_se", "p_loo", "bad_k"]
        rest = ["lpd_largest", "lpd_largest_se", "log_evidence", *(f"weight_{kind}" for kind in KINDS)]
        found = {name: self.data[name].values for name in columns}
        found["refits"] = self.data["refitted"].sum("run").values
        found |= {name: self.data[name].values for name in rest if not np.isnan(self.data[name].values).all()}
        table = Table(found, index=pd.Index(self.names, name="model"))
        return table.sort_values("elpd_loo", ascending=False, kind="stable")

    def save(self, path: Any) -> None:
        """Write one NetCDF file, whole or not at all; `load` brings back the same numbers.

        Args:
            path: of the file.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.comparison.to_file import save

        save(self, path)

    def view(self) -> View:
        """What printing the comparison tells: its checks that did not pass, and its table."""
        bad = [str(c) for status in (Status.FAIL, Status.REVIEW) for c in self.checks.of(status)]
        sizes = self.data.sizes
        held = int(self.data["held_out"].values.sum())
        unit = f", {self.data.attrs['unit']}" if self.data.attrs["unit"] else ""
        head = f"Comparison of {sizes['model']} fits on {sizes['run']} runs ({self.data.attrs['observable']}{unit})" + (
            f", the largest {held} held out" if held else ""
        )
        rest = [] if bad else [f"all {len(self.checks)} checks pass"]
        return View(head, bad, table=self.table(), rest=rest)
