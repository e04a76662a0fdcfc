"""recalibrate: intervals widened by what backtests on the same runs showed to be missing, said in every answer."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from scipy.special import ndtri

from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.result import Fit
from scalebayes.laws.law import Law
from scalebayes.noise.links import LINKS, Link
from scalebayes.runs import Runs

FURTHEST = 1e-4  # from 0 and 1: a PIT from some thousand draws is known no closer
PRIOR_CUTOFFS = 4.0  # a guess, on no data: one bad cutoff is little evidence, ten are much


class Widening(NamedTuple):
    """factor: at least 1. raw: what the forecasts say alone. forecasts: runs scored. cutoffs: that they are from."""

    factor: float
    raw: float
    forecasts: int
    cutoffs: int


def widening(pit: Any, prior_cutoffs: float = PRIOR_CUTOFFS) -> Widening:
    """By how much intervals are too narrow, from where the truth fell in forecasts of runs that were held out.

    With z = Phi^-1(PIT), forecasts that are too narrow by k on their own scale have z ~ Normal(0, k^2). The likeliest k
    is the root of the mean of z^2, over the runs of each cutoff and then over cutoffs: runs above one cutoff share
    the fit's error, and are no evidence of their own. So are cutoffs few, and k^2 is drawn to 1:
    factor^2 = (sum over cutoffs of mean z^2 + prior_cutoffs) / (cutoffs + prior_cutoffs), and never below 1, as no
    backtest is reason to narrow an interval. A z beyond 3.7 counts as 3.7, since draws tell no more.

    Args:
        pit: probability integral transforms (cutoff, run), NaN where a run wasn't scored.
        prior_cutoffs: the weight of 1, in cutoffs.

    Raises:
        InputError: not of that shape, not between 0 and 1, or none.

    >>> widening(np.array([[0.02, 0.99], [0.97, np.nan]])).factor
    1.4...
    >>> widening(np.array([[0.4, 0.6]])).factor
    1.0
    """
    pit = np.asarray(pit, np.float64)
    if pit.ndim != 2:
        raise InputError(f"pit is an array (cutoff, run), not one of shape {pit.shape}")
    there = np.isfinite(pit)
    if not there.any():
        raise InputError("no forecast was scored, so there is nothing to learn a factor from")
    if (pit[there] < 0).any() or (pit[there] > 1).any():
        raise InputError("pit has values outside 0 to 1")
    if not prior_cutoffs >= 0:
        raise InputError(f"prior_cutoffs is a number from 0 on, not {prior_cutoffs!r}")
    squares = ndtri(np.clip(np.where(there, pit, 0.5), FURTHEST, 1 - FURTHEST)) ** 2
    scored = there.any(axis=1)
    means = np.where(there, squares, 0.0).sum(axis=1)[scored] / there.sum(axis=1)[scored]
    count = int(scored.sum())
    squared = (means.sum() + prior_cutoffs) / (count + prior_cutoffs)
    return Widening(float(np.sqrt(max(squared, 1.0))), float(np.sqrt(means.mean())), int(there.sum()), count)


@dataclass(frozen=True, eq=False, repr=False)
class Recalibrated(Viewed):
    """A fit whose forecasts are widened: `predict` and `optimum` take it as they take a fit.

    Attributes:
        fit: as it was. widening: the factor, and how many forecasts it was learnt from. label: of the backtest's law.
    """

    fit: Fit
    widening: Widening
    label: str

    @property
    def factor(self) -> float:
        """What a draw's distance from the median is multiplied with, on the noise's scale; at least 1."""
        return self.widening.factor

    @property
    def link(self) -> Link:
        """The scale on which draws are moved away from their median: that of the noise."""
        form = self.fit.noise.form
        return LINKS["logit" if form.range == (0.0, 1.0) else form.on]

    @property
    def law(self) -> Law:
        """The fit's."""
        return self.fit.law

    @property
    def runs(self) -> Runs:
        """The fit's."""
        return self.fit.runs

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        _, raw, forecasts, cutoffs = self.widening
        of = f"{forecasts} forecasts above {cutoffs} cutoff{'s' if cutoffs > 1 else ''} in the backtest"
        if self.factor == 1:
            return f"intervals are as the fit has them: {of} were no further off than they said (by {raw:.2f} of it)"
        return (
            f"intervals widened by {self.factor:.2f}, learnt from {of}, which were off by {raw:.2f} of what they said"
        )

    def widened(self, answer: xr.Dataset) -> xr.Dataset:
        """Draws of the observable as m + factor (x - m) about the median m of each point.

        On the scale of the noise: the log of a loss, the logit of a share, a plain number as it is.

        Args:
            answer: of `predict`, for the fit.
        """
        name, link = self.runs.observable, self.link
        with jax.enable_x64():
            x = np.asarray(link.of(answer[name].values))
            middle = np.median(x, axis=(0, 1))
            wide = np.asarray(link.inverse(middle + self.factor * (x - middle)))
        said = {"widened": self.factor, "widened_from": self.widening.forecasts, "recalibrated": self.sentence}
        return answer.assign({name: (answer[name].dims, wide)}).assign_attrs(said)

    def save(self, path: Any) -> None:
        """Write one NetCDF file with the fit and its factor, whole or not at all; `load` brings back the same numbers.

        Args:
            path: of the file.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.forecasting.to_file import save_recalibrated

        save_recalibrated(self, path)

    def view(self) -> View:
        """What printing it tells: what failed of the fit, by how much its intervals are widened, and the fit."""
        fit = self.fit.view()
        return replace(fit, head=f"Recalibrated: {self.sentence}", lines=[fit.head, *fit.lines])


def recalibrate(
    fit: Fit, backtest: Any, *, law: str | None = None, prior_cutoffs: float = PRIOR_CUTOFFS
) -> Recalibrated:
    """Widen a fit's forecasts by what its backtests missed, where they missed anything.

    `predict` then gives draws m + factor (x - m) on the log, about the median m of each point, for the curve and for a
    new run alike; medians stay, and so does the optimum. The factor is that of `widening`, and every answer's
    attributes say it and how many forecasts it was learnt from.

    Args:
        fit: of the law and the runs that were backtested. backtest: of `backtest`; of its `data`, `pit` is read.
        law: the backtest's label of the fit's law; by default the fit's own, `fit.label`.
        prior_cutoffs: as in `widening`.

    Raises:
        InputError: no fit, a backtest without PIT values, or without this law.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.4, 1.9, 1.5])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.01, 0.99]]])}, {"law": ["power"]})
    >>> wide = recalibrate(fitted, pit)
    >>> print(wide.sentence)
    intervals widened by 1.37, learnt from 2 forecasts above 1 cutoff in the backtest, which were off by 2.33 of ...
    """
    if not isinstance(fit, Fit):
        raise InputError(f"recalibrate takes a fit made by sb.fit, not {type(fit).__name__}")
    data = backtest if isinstance(backtest, xr.Dataset) else getattr(backtest, "data", None)
    if not isinstance(data, xr.Dataset) or "pit" not in data or set(data["pit"].dims) != {"law", "cutoff", "run"}:
        raise InputError(f"backtest is what sb.backtest returns, with pit (law, cutoff, run), not {backtest!r:.60}")
    label = law or fit.label or fit.law.name
    known = [str(one) for one in data["law"].values]
    if label not in known:
        raise unknown("law in the backtest", label, known)
    pit = data["pit"].sel(law=label).transpose("cutoff", "run").values
    return Recalibrated(fit, widening(pit, prior_cutoffs), label)
