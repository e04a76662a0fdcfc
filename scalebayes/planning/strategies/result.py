"""`Strategies` is what `strategies` returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.figures import figure
from scalebayes.display.view import View, Viewed
from scalebayes.fitting.summary import check_prob, columns_of
from scalebayes.safe_files.saved import Saved

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents


@dataclass(frozen=True, eq=False, repr=False)
class Strategies(Viewed, Saved):
    """How named strategies do against the optimum of the same cost.

    Attributes:
        data: A Dataset with `loss` and `regret` (chain, draw, point), where a point is a strategy at a budget, and
            `distance` (point, axis) of its N and D from the runs, in e-folds. `strategy`, `C`, `N`, `D` and `breaks`,
            the limits that it breaks, are coordinates of the dim point. `interval` takes it.
    """

    data: xr.Dataset

    def table(self, prob: float = 0.9) -> "pd.DataFrame":
        """The strategies as a table with one row for each strategy and budget.

        Args:
            prob: The probability of the intervals. The default is 0.9.

        Returns:
            A data frame with the columns `strategy`, `C`, `N`, `D`; `loss`, the median, with `lower` and `upper`;
            `regret`, its mean over the draws, with `regret_lower` and `regret_upper`; `breaks`, where limits are
            broken; and `efolds`, the largest distance from the runs. The ends of an interval are blank for one draw.
        """
        from scalebayes.display.table import Table

        check_prob(prob)
        loss, regret = (
            columns_of(
                self.data[name].transpose("chain", "draw", "point").values.reshape(-1, self.data.sizes["point"]),
                prob,
                1,
            )
            for name in ("loss", "regret")
        )
        columns = {name: self.data[name].values for name in ("strategy", "C", "N", "D")}
        columns |= {"loss": loss["median"], "lower": loss["lower"], "upper": loss["upper"]}
        columns |= {"regret": regret["mean"], "regret_lower": regret["lower"], "regret_upper": regret["upper"]}
        if (self.data["breaks"].values != "").any():
            columns["breaks"] = self.data["breaks"].values
        columns["efolds"] = self.data["distance"].max("axis").values
        table = Table(columns)
        table.attrs = {name: self.data.attrs[name] for name in ("failed", "review") if self.data.attrs[name]}
        return table

    def sentences(self, prob: float = 0.9) -> list[str]:
        """What the comparison says, in words.

        Args:
            prob: The probability of the intervals. The default is 0.9.

        Returns:
            For each budget that several strategies share, a sentence on the one that loses least to the optimum and
            the one that loses most, of those that break no limit and aren't the optimum.
        """
        rows, optima = self.table(prob).to_dict("records"), self.data.attrs["optima"]
        told = []
        for C in dict.fromkeys(row["C"] for row in rows):
            here = [row for row in rows if row["C"] == C and row["strategy"] not in optima and not row.get("breaks")]
            if len(here) > 1:
                best, worst = (which(here, key=lambda row: row["regret"]) for which in (min, max))
                told.append(
                    f"At C = {figure(C, 3)} {best['strategy']} loses least, {_regret(best)}, and {worst['strategy']} "
                    f"most, {_regret(worst)}."
                )
        return told

    def _contents(self) -> "Contents":
        from scalebayes.planning.to_file import contents_of_strategies

        return contents_of_strategies(self)

    def view(self) -> View:
        """What printing the strategies shows: failed checks, the table, and what to review.

        Returns:
            A `View`, which prints as text and as HTML.
        """
        attrs, drawn = self.data.attrs, self.data.sizes["chain"] * self.data.sizes["draw"]
        draws = f"over {drawn} draws" if drawn > 1 else "at the mode"
        head = f"strategies against the optimum of the same cost, {attrs['cost']}, {draws}"
        failed = [f"fail    {attrs['failed']}"] if attrs["failed"] else []
        rest = [f"review  {attrs['review']}"] if attrs["review"] else []
        return View(head, failed, self.sentences(), self.table(), rest)


def _regret(row: Mapping[str, Any]) -> str:
    ends = (figure(row[name], 2) for name in ("regret_lower", "regret_upper"))
    return figure(row["regret"], 2) + ("" if np.isnan(row["regret_lower"]) else f" [{', '.join(ends)}]")
