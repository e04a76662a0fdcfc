"""`Calibration` is what `calibrate` returns: ranks of simulated truths, a test of them, and coverage of intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scalebayes.calibration.ranks import counts, coverage, envelope, p_value
from scalebayes.display.view import View, Viewed
from scalebayes.errors import unknown
from scalebayes.safe_files.saved import Saved

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents

# Probabilities of the intervals whose coverage is computed.
PROBS = (0.5, 0.8, 0.9, 0.95)
# Probability with which uniform ranks stay inside the simultaneous envelope at every place.
INSIDE = 0.95
# Which fits a result is of: all of them, or those that passed their own checks.
OF = ("all", "passed")


def judged(
    names: Sequence[str],
    rank: np.ndarray,
    below: np.ndarray,
    failures: Sequence[str],
    draws: int,
    resampled: np.ndarray | None = None,
) -> xr.Dataset:
    """The data of a calibration: ranks and their test, for all fits and for those that passed their own checks.

    Args:
        names: The names of the quantities that were ranked.

        rank: The rank of each truth among `draws` draws, from 0 to `draws` (param, sim).

        below: The share of all draws below each truth (param, sim); NaN where no coverage is wanted.

        failures: The names of the failed checks of each fit, joined by ", "; "" if it passed (sim,).

        draws: The number of draws that a truth is ranked among.

        resampled: Which fits were sampled again with NUTS (sim,). The default is None, no fit.

    >>> uniform = np.arange(100)[None] % 10
    >>> found = judged(["a"], uniform, (uniform + 0.5) / 10, [""] * 100, 9)
    >>> round(float(found["p_value"].sel(param="a", of="all")), 3), float(found["coverage"].sel(prob=0.8, of="all")[0])
    (1.0, 0.8)
    """
    failed = np.array([bool(one) for one in failures])
    x = np.arange(1, draws + 1) / (draws + 1)
    shape = (len(names), len(OF))
    p, cover, se = np.full(shape, np.nan), *np.full((2, *shape[:1], len(PROBS), len(OF)), np.nan)
    difference = np.full((*shape, draws), np.nan)
    ends = np.full((2, len(OF), draws), np.nan)
    inside = np.zeros(shape, bool)
    included = {"all": np.full(len(failed), True), "passed": ~failed}
    for j, of in enumerate(OF):
        n = int(included[of].sum())
        if not n:
            continue
        low, high = envelope(n, draws, INSIDE)
        ends[:, j] = low / n - x, high / n - x
        for i in range(len(names)):
            seen = counts(rank[i, included[of]], draws)
            difference[i, j], p[i, j] = seen / n - x, p_value(rank[i, included[of]], draws)
            inside[i, j] = ((seen >= low) & (seen <= high)).all()
            if not np.isnan(below[i]).any():
                each = [coverage(below[i, included[of]], prob) for prob in PROBS]
                cover[i, :, j], se[i, :, j] = zip(*each, strict=True)
    return xr.Dataset(
        {
            "rank": (("param", "sim"), rank),
            "below": (("param", "sim"), below),
            "failed": ("sim", failed),
            "failed_checks": ("sim", np.array(list(failures), dtype=str)),
            "resampled": ("sim", np.zeros(len(failed), bool) if resampled is None else resampled),
            "p_value": (("param", "of"), p),
            "inside": (("param", "of"), inside),
            "coverage": (("param", "prob", "of"), cover),
            "coverage_se": (("param", "prob", "of"), se),
            "ecdf_difference": (("param", "of", "ecdf_x"), difference),
            "lower": (("of", "ecdf_x"), ends[0]),
            "upper": (("of", "ecdf_x"), ends[1]),
        },
        {"param": list(names), "prob": list(PROBS), "of": list(OF), "ecdf_x": x},
        {"draws": draws},
    )


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Viewed, Saved):
    """The ranks of simulated truths, with a test of whether they are uniform and the coverage of intervals.

    Attributes:
        data: A dataset over the dims `param`, `sim`, `of`, `prob` and `ecdf_x`. The dim `of` has the results for
            "all" fits and for those that "passed" their own checks.

            - `rank` (param, sim): the rank of each truth among the draws of its fit. The attribute `draws` has the
              number of draws.
            - `below` (param, sim): the share of all draws of the fit that lie below the truth.
            - `failed`, `failed_checks` (sim,): whether the fit failed its own checks, and the names of these.
            - `resampled` (sim,): whether the fit was sampled again with NUTS.
            - `p_value` (param, of): the p-value of uniform ranks.
            - `inside` (param, of): whether the ranks stay inside the 95 % simultaneous envelope.
            - `coverage`, `coverage_se` (param, prob, of): the share of the truths inside the central interval, and
              its standard error.
            - `ecdf_difference` (param, of, ecdf_x): the ECDF of the ranks minus `ecdf_x`, for a figure.
            - `lower`, `upper` (of, ecdf_x): the ends of the envelope of `ecdf_difference`.
    """

    data: xr.Dataset

    def table(self, of: str = "passed") -> "pd.DataFrame":
        """The test and the coverage as a table with one row for each parameter.

        Args:
            of: Which fits the table is of: "passed", the default, for those that passed their own checks, or "all".

        Returns:
            A data frame with the columns `p_value` (of uniform ranks), `inside` (whether the ranks stay inside the
            95 % envelope), `covered_50`, `covered_80`, `covered_90` and `covered_95` (the share of the truths inside
            the interval), and `se_50` to `se_95` (their standard errors).

        Raises:
            InputError: `of` is neither "passed" nor "all".
        """
        import pandas as pd

        from scalebayes.display.table import Table

        if of not in OF:
            raise unknown("of", of, OF)
        data = self.data.sel(of=of)
        columns = {"p_value": data["p_value"].values, "inside": data["inside"].values}
        for prob in PROBS:
            columns[f"covered_{100 * prob:g}"] = data["coverage"].sel(prob=prob).values
            columns[f"se_{100 * prob:g}"] = data["coverage_se"].sel(prob=prob).values
        return Table(columns, index=pd.Index(self.data["param"].values, name="parameter"))

    def holds(self, of: str = "passed") -> bool:
        """Whether the ranks of all parameters together are consistent with a right sampler.

        They are if the smallest p-value times the number of parameters is at least .05, so that a right sampler fails
        at most one calibration in twenty. `inside` looks at each parameter alone: a right sampler leaves the envelope
        of each in one calibration of twenty, and so leaves one of many more often.

        Args:
            of: Which fits are tested: "passed", the default, for those that passed their own checks, or "all".

        Returns:
            True if the ranks are consistent with a right sampler.

        Raises:
            InputError: `of` is neither "passed" nor "all".
        """
        smallest = self.table(of)["p_value"].min()
        return bool(smallest * self.data.sizes["param"] >= 1 - INSIDE)

    def _contents(self) -> "Contents":
        from scalebayes.calibration.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """What printing the calibration shows: whether the ranks are uniform, which fits failed, and the table.

        Returns:
            A `View`, which prints as text and as HTML.
        """
        about, failed = self.data.attrs, self.data["failed"].values
        head = (
            f"Calibration of {about.get('law', 'a posterior')} by {about.get('method', 'its draws')}: {len(failed)} "
            f"simulations from the {about.get('drawn_from', 'prior')}, each ranked among {about['draws']} draws"
        )
        lines = []
        if about.get("left_out"):
            lines.append(f"{about['left_out']} more were left out: what the priors gave wasn't finite")
        if again := int(self.data["resampled"].sum()):
            lines.append(f"{again} were sampled with NUTS, because Laplace's k-hat failed")
        lines.append(f"All fits: {self._told('all')}.")
        if failed.any():
            each = Counter(name for one in self.data["failed_checks"].values if one for name in str(one).split(", "))
            why = ", ".join(f"{name} {count}" for name, count in each.most_common())
            lines.append(f"{failed.sum()} fits failed their own checks ({why}).")
            if not failed.all():
                lines.append(f"The other {(~failed).sum()}: {self._told('passed')}.")
        return View(head, lines=lines, table=None if failed.all() else self.table())

    def _told(self, of: str) -> str:
        names, data = list(map(str, self.data["param"].values)), self.data.sel(of=of)
        p = data["p_value"].values
        off = [name for name, inside in zip(names, data["inside"].values, strict=True) if not inside]
        least = f"smallest p-value {p.min():.2g}, {names[int(np.argmin(p))]}"
        if not off:
            return f"ranks inside the {INSIDE:.0%} envelope for every parameter ({least})"
        told = f"ranks outside the {INSIDE:.0%} envelope for {', '.join(off)} ({least})"
        return f"{told}, as by chance among {len(names)} parameters" if self.holds(of) else told
