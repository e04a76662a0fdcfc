"""This file has `NextRuns`, the result of `next_runs`."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scalebayes.display.figures import figure
from scalebayes.display.view import View, Viewed
from scalebayes.safe_files.saved import Saved
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    from scalebayes.safe_files.netcdf import Contents


@dataclass(frozen=True, eq=False, repr=False)
class NextRuns(Viewed, Saved):
    """The runs to train next.

    Attributes:
        target: What they tell about, in words.

        scale: The scale of `before` and of the column `sd`, such as "log loss".

        before: The sd of the target now. For several points it is the root of the mean variance.

        table: One row for each run, in the order in which to train them: the candidate's columns, `cost`, `sd` (that of
            the target expected after this run and those before), `ratio` (`sd` over `before`: the expected width of the
            interval over its width now) and `worth`. For an optimum, `worth` is the regret that the run saves over what
            its FLOPs would save if they were added to the target's budget. For all other targets it is the share of the
            width that the run saves over its share of the budget.

        stop: The sentence that says when to stop.

        checks: The checks of the design: the runs so far with those chosen.

        alone: One row for each candidate: the columns that the law takes, `cost`, and `ratio`, the expected width of
            the interval over its width now if this run alone were trained. What luck in the draws would save is
            subtracted. It is empty where it was read from a file of an earlier release.
    """

    target: str
    scale: str
    before: float
    table: pd.DataFrame
    stop: str
    checks: Checks
    alone: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def cost(self) -> float:
        """The cost of all chosen runs."""
        return float(np.sum(self.table["cost"].to_numpy()))

    @property
    def ratio(self) -> float:
        """The expected width of the target's interval after all chosen runs over its width now."""
        return float(self.table["ratio"].to_numpy()[-1]) if len(self.table) else 1.0

    def _contents(self) -> "Contents":
        from scalebayes.planning.to_file import contents_of_next_runs

        return contents_of_next_runs(self)

    def view(self) -> View:
        """Describe the runs for printing.

        Returns:
            A `View` with the target, the runs, when to stop, and the checks to review.
        """
        head = (
            f"{len(self.table)} runs for {figure(self.cost)} FLOPs narrow the interval of {self.target} to "
            f"{self.ratio:.0%} of its width (sd of {self.scale} {figure(self.before)} before)"
        )
        rest = [self.stop, *(str(check) for check in self.checks.of(Status.FAIL, Status.REVIEW))]
        return View(head, table=self.table if len(self.table) else None, rest=rest)
