"""`RecipeComparison` is what `compare_recipes` returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from scalebayes.display.figures import as_typed, figure
from scalebayes.display.view import View, Viewed
from scalebayes.fitting.summary import check_prob
from scalebayes.safe_files.saved import Saved

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents

# The factor of compute up to which a budget that reaches a loss is looked for; above it the loss is out of reach.
FURTHEST = 1e6


class CrossingBudget(NamedTuple):
    """The budget where two recipes cross.

    Attributes:
        share: The share of the pairs of draws that cross between the smallest and the largest budget.

        median: The median of the budget over these pairs; NaN where there are none.

        lower: The lower end of its interval.

        upper: The upper end.

        a_wins_beyond: The share of these pairs in which a is the better one at budgets above; NaN where there are none.

        again: The share of these pairs that cross more than once; their last crossing counts.
    """

    share: float
    median: float
    lower: float
    upper: float
    a_wins_beyond: float
    again: float


@dataclass(frozen=True, eq=False, repr=False)
class RecipeComparison(Viewed, Saved):
    """Which of two recipes is better at which budget, and by how much compute.

    Attributes:
        data: A Dataset of pairs of draws. `loss_a`, `loss_b` and `gain` are (chain, draw, budget): the least loss of
            each at the budget, and the compute with which b reaches the loss of a, over the budget; it is inf where b
            doesn't with a million times the compute, and 0 where it does with a millionth. `crossing` (chain, draw) is
            the budget of the last crossing, NaN without one; `crossings` counts them, and `a_wins_beyond` says whether
            a is the better one above it. `distance` (budget, axis) is the larger one of the two optima's distances from
            their runs, in e-folds. The attributes `a` and `b` are the names, `shared_draws` is 1 where both stem from
            one fit, and `of`, `failed` and `review` are those of `optimum`.
    """

    data: xr.Dataset

    @property
    def names(self) -> tuple[str, str]:
        """What a and b are called."""
        return self.data.attrs["a"], self.data.attrs["b"]

    @property
    def pairs(self) -> int:
        """The number of pairs of draws."""
        return self.data.sizes["draw"]

    def probability(self) -> np.ndarray:
        """The probability that a has the lower loss at each budget (budget,).

        Returns:
            The share of the pairs in which it has; a tie counts half. It is NaN for one pair, as of fits by MAP.
        """
        a, b = (self._draws(f"loss_{one}") for one in ("a", "b"))
        there = ~np.isnan(a + b)
        wins = np.where(there, (a < b) + 0.5 * (a == b), 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.where((there.sum(axis=0) > 0) & (self.pairs > 1), wins / there.sum(axis=0), np.nan)

    def crossing(self, prob: float = 0.9) -> CrossingBudget:
        """The budget where the two cross, between the smallest and the largest budget that was asked.

        Args:
            prob: The probability of the interval. The default is 0.9.

        Returns:
            A `CrossingBudget`, with the share of the pairs that cross at all.
        """
        check_prob(prob)
        where, count = (self.data[name].values.ravel() for name in ("crossing", "crossings"))
        crossed = count > 0
        if not crossed.any():
            return CrossingBudget(0.0, *[np.nan] * 5)
        median, lower, upper = _quantiles(where[crossed], prob)
        beyond = self.data["a_wins_beyond"].values.ravel()[crossed]
        return CrossingBudget(
            crossed.mean(), float(median), float(lower), float(upper), beyond.mean(), (count[crossed] > 1).mean()
        )

    def table(self, prob: float = 0.9) -> "pd.DataFrame":
        """The comparison as a table with one row for each budget.

        Args:
            prob: The probability of the intervals. The default is 0.9.

        Returns:
            A data frame with the columns `C`; `P`, the probability that a has the lower loss; `loss_a` and `loss_b`,
            medians; `gain`, `gain_lower` and `gain_upper`, the compute that b needs over that of a; `out_of_reach`, the
            share of the pairs in which b doesn't reach a's loss; and `efolds`, the largest distance from the runs. The
            ends of an interval are blank for one pair. Pairs without an optimum are left out.
        """
        from scalebayes.display.table import Table

        check_prob(prob)
        gain = self._draws("gain")
        median, lower, upper = np.array([_quantiles(one[~np.isnan(one)], prob) for one in gain.T]).T
        losses = {name: np.nanmedian(self._draws(name), axis=0) for name in ("loss_a", "loss_b")}
        table = Table(
            {
                "C": self.data["C"].values,
                "P": self.probability(),
                **losses,
                "gain": median,
                "gain_lower": lower,
                "gain_upper": upper,
                "out_of_reach": np.isinf(gain).mean(axis=0),
                "efolds": self.data["distance"].max("axis").values,
            }
        )
        table.attrs = {name: self.data.attrs[name] for name in ("failed", "review") if self.data.attrs[name]}
        return table

    def sentences(self, prob: float = 0.9) -> list[str]:
        """What the comparison says, in words.

        Args:
            prob: The probability of the intervals. The default is 0.9.

        Returns:
            A sentence on which one is better, one on where they cross where there are several budgets, and one on the
            compute-equivalent gain.
        """
        table = self.table(prob)
        ends = [table.iloc[i] for i in dict.fromkeys((int(table["C"].argmin()), int(table["C"].argmax())))]
        told = [self._better(ends)]
        if len(ends) > 1:
            told.append(self._crossed(self.crossing(prob), ends[0]["C"], ends[1]["C"]))
        return [*told, self._gained(ends[-1])]

    def _contents(self) -> "Contents":
        from scalebayes.planning.to_file import contents_of_recipes

        return contents_of_recipes(self)

    def view(self) -> View:
        """What printing the comparison shows: failed checks, what it found in words, and the table.

        Returns:
            A `View`, which prints as text and as HTML.
        """
        a, b = self.names
        drawn = "pairs of the same draws" if self.data.attrs["shared_draws"] else "pairs of draws"
        drawn = f"{self.pairs} {drawn}" if self.pairs > 1 else "one draw of each"
        head = f"{a} against {b}, each at its optimum of {self.data.attrs['cost']}, {drawn}"
        failed = [f"fail    {self.data.attrs['failed']}"] if self.data.attrs["failed"] else []
        rest = [f"review  {self.data.attrs['review']}"] if self.data.attrs["review"] else []
        return View(head, failed, self.sentences(), self.table(), rest)

    def _draws(self, name: str) -> np.ndarray:
        return self.data[name].values.reshape(-1, self.data.sizes["budget"])

    def _better(self, ends: list) -> str:
        a, b = self.names
        if self.pairs == 1:
            at = [(as_typed(row["C"]), a if row["loss_a"] < row["loss_b"] else b, row) for row in ends]
            if all(row["loss_a"] == row["loss_b"] for row in ends):
                return f"{a} and {b} tie at the mode."
            named = [f"{who} has the lower loss at C = {C}" for C, who, _ in at]
            return f"At the mode {' and '.join(dict.fromkeys(named))}; one draw of each has no probability."
        at = [f"{_share(row['P'])} at C = {as_typed(row['C'])}" for row in ends]
        return f"{a} beats {b} with probability {' and '.join(at)}."

    def _crossed(self, found: CrossingBudget, low: float, high: float) -> str:
        a, b = self.names
        between = f"between C = {as_typed(low)} and {as_typed(high)}"
        if not found.share:
            return f"They don't cross {between}{' in any draw' if self.pairs > 1 else ''}."
        if self.pairs == 1:
            return f"They cross at C = {figure(found.median, 3)}."
        better, share = max((a, found.a_wins_beyond), (b, 1 - found.a_wins_beyond), key=lambda each: each[1])
        beyond = f"above it {better} is better{'' if share == 1 else f' in {_percent(share)} of these'}"
        again = f"; {_percent(found.again)} of these cross more than once" if found.again >= 0.005 else ""
        return (
            f"In {_percent(found.share)} of the draws they cross {between}, at {figure(found.median, 3)} "
            f"[{figure(found.lower, 3)}, {figure(found.upper, 3)}]; {beyond}{again}."
        )

    def _gained(self, row) -> str:
        a, b = self.names
        if np.isinf(row["gain"]):
            share = "" if self.pairs == 1 else f" in {_percent(row['out_of_reach'])} of the draws"
            return (
                f"{b} doesn't reach {a}'s loss at C = {as_typed(row['C'])}{share}, with a million times that compute."
            )
        gain, lower, upper = (figure(row[name], 3) for name in ("gain", "gain_lower", "gain_upper"))
        needs = gain if np.isnan(row["gain_lower"]) else f"{gain} [{lower}, {upper}]"
        out = f"; in {_percent(row['out_of_reach'])} of the draws it is out of reach" if row["out_of_reach"] > 0 else ""
        return f"To reach {a}'s loss at C = {as_typed(row['C'])}, {b} needs {needs} times that compute{out}."


def _quantiles(values: np.ndarray, prob: float) -> np.ndarray:
    """The median and the ends of the interval of positive numbers that may be 0 or inf; NaN for ends of one number."""
    if not len(values):
        return np.full(3, np.nan)
    tail, furthest = (1 - prob) / 2, 1e4  # e-folds, beyond any finite number's log
    with np.errstate(divide="ignore"):
        logs = np.clip(np.log(values), -furthest, furthest)
    found = np.quantile(logs, [0.5, tail, 1 - tail])
    # Between a number and inf there is no middle: the larger one is taken.
    found = np.where(found > 710, np.inf, np.where(found < -710, -np.inf, found))
    return np.where([True, len(values) > 1, len(values) > 1], np.exp(found), np.nan)


def _percent(share: float) -> str:
    """A share in percent, with > 99 % and < 1 % where not all or none is meant."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def _share(share: float) -> str:
    """A probability of two digits; a share of the draws tells no more than that it is below .01 or above .99."""
    return "< 0.01" if share < 0.01 else "> 0.99" if share > 0.99 else f"{share:.2f}"
