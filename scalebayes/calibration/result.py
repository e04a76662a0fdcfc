"""Calibration: ranks of simulated truths, whether they are uniform, and what intervals covered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.calibration.ranks import counts, coverage, envelope, p_value
from scalebayes.display.view import View, Viewed
from scalebayes.errors import unknown

if TYPE_CHECKING:
    import pandas as pd

PROBS = (0.5, 0.8, 0.9, 0.95)
INSIDE = 0.95  # of the simultaneous envelope
OF = ("all", "passed")


def judged(
    names: Sequence[str],
    rank: np.ndarray,
    below: np.ndarray,
    failures: Sequence[str],
    draws: int,
    resampled: np.ndarray | None = None,
) -> xr.Dataset:
    """Ranks with their test, of all fits and of those that passed their own checks.

    Args:
        names: of the quantities that were ranked. rank: of the truth among `draws` draws (param, sim), from 0 on.
        below: share of all draws below the truth (param, sim); NaN where no interval is asked for.
        failures: the failed checks of each fit, "" for none (sim,). resampled: fits that NUTS sampled again (sim,).

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
    kept = {"all": np.full(len(failed), True), "passed": ~failed}
    for j, of in enumerate(OF):
        n = int(kept[of].sum())
        if not n:
            continue
        low, high = envelope(n, draws, INSIDE)
        ends[:, j] = low / n - x, high / n - x
        for i in range(len(names)):
            seen = counts(rank[i, kept[of]], draws)
            difference[i, j], p[i, j] = seen / n - x, p_value(rank[i, kept[of]], draws)
            inside[i, j] = ((seen >= low) & (seen <= high)).all()
            if not np.isnan(below[i]).any():
                each = [coverage(below[i, kept[of]], prob) for prob in PROBS]
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
class Calibration(Viewed):
    """What `calibrate` returns.

    Attributes:
        data: Dataset with `rank` (param, sim), of the truth among `draws` draws, and `below` (param, sim), the share
            of all draws below it; `failed`, `failed_checks` and `resampled` (sim,). Along the dim `of`, for "all" fits
            and for those that "passed" their own checks: `p_value` and `inside`, of the 95 % simultaneous envelope
            (param, of); `coverage` of central intervals with `coverage_se` (param, prob, of); and for the figure
            `ecdf_difference` (param, of, ecdf_x), the ECDF of the ranks minus `ecdf_x`, with the envelope's `lower`
            and `upper` (of, ecdf_x).
    """

    data: xr.Dataset

    def table(self, of: str = "passed") -> "pd.DataFrame":
        """One row a parameter: p-value, inside the envelope or not, coverage at 50, 80, 90 and 95 % with its error.

        Args:
            of: "passed", the fits that passed their own checks, or "all".

        Raises:
            InputError: neither.
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
        """Whether no rank strays further than one in twenty such calibrations would, all parameters taken together.

        Each parameter's envelope is left by one right sampler in twenty; here the smallest p-value, times the number
        of parameters, is at least .05.

        Args:
            of: as in `table`.

        Raises:
            InputError: as in `table`.
        """
        smallest = self.table(of)["p_value"].min()
        return bool(smallest * self.data.sizes["param"] >= 1 - INSIDE)

    def save(self, path: Any) -> None:
        """Write one NetCDF file, whole or not at all; `load` brings back the same numbers.

        Args:
            path: of the file.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.calibration.to_file import save

        save(self, path)

    def view(self) -> View:
        """What printing the calibration tells: whether ranks are uniform, which fits failed, and the table."""
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
