"""This file has `recalibrate`, which widens a fit's intervals where those of its backtests were too narrow."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.special import ndtri

from scalebayes.display.view import View, Viewed
from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.fitting.result import Fit
from scalebayes.infer.double import double
from scalebayes.laws.law import Law
from scalebayes.noise.links import LINKS, Link
from scalebayes.noise.noise import Form
from scalebayes.runs import Runs
from scalebayes.safe_files.saved import Saved

if TYPE_CHECKING:
    from scalebayes.safe_files.netcdf import Contents

# Distance of a PIT from 0 and from 1: a PIT that is closer counts as this far. Some thousand draws tell no more.
FURTHEST = 1e-4
# Weight of the prior factor 1, in cutoffs: the more, the closer to 1 the factor is. It is a guess and rests on no data:
# one bad cutoff is little evidence, ten are much.
PRIOR_CUTOFFS = 4.0


class Widening(NamedTuple):
    """By how much intervals are widened, and from how many forecasts this was learnt.

    Attributes:
        factor: The factor by which intervals are widened, at least 1.

        raw: The factor that the forecasts give without the prior; below 1 the intervals were too wide.

        forecasts: The number of forecasts that were scored.

        cutoffs: The number of cutoffs that they are from.
    """

    factor: float
    raw: float
    forecasts: int
    cutoffs: int


def widening(pit: Any, prior_cutoffs: float = PRIOR_CUTOFFS) -> Widening:
    """Estimate the factor by which intervals are too narrow, from the PIT values of held-out runs.

    Let z = Phi^-1(PIT). Forecasts that are too narrow by a factor k, on their own scale, have z ~ Normal(0, k^2). The
    maximum-likelihood estimate of k is the root mean square of z. The mean is taken over the runs of each cutoff and
    then over cutoffs, since the runs above one cutoff share the error of one fit. As cutoffs are few, k^2 is shrunk
    towards 1: factor^2 = (sum over cutoffs of mean z^2 + prior_cutoffs) / (cutoffs + prior_cutoffs). The factor is
    never below 1, as no backtest is a reason to narrow an interval. A z beyond 3.7 counts as 3.7, since the draws tell
    no more.

    Args:
        pit: Probability integral transforms (cutoff, run), NaN where a run wasn't scored.

        prior_cutoffs: The weight of the prior factor 1, in cutoffs. The default is 4.

    Returns:
        A `Widening` with the factor.

    Raises:
        InputError: `pit` hasn't two dims, has a value outside 0 to 1, or has no value; or `prior_cutoffs` is negative.

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


def link_of(form: Form) -> Link:
    """The scale on which forecasts with a noise are widened: log, logit or raw."""
    return LINKS["logit" if form.range == (0.0, 1.0) else form.on]


@dataclass(frozen=True, eq=False, repr=False)
class Recalibrated(Viewed, Saved):
    """A fit whose forecasts are widened. `predict`, `optimum` and `export` take it as they take a fit.

    Attributes:
        fit: The fit without changes.

        widening: The factor, and the number of forecasts that it was learnt from.

        label: The label of the fit's law in the backtest.
    """

    fit: Fit
    widening: Widening
    label: str

    @property
    def factor(self) -> float:
        """The factor by which a draw's distance from the median is multiplied, on the noise's scale; at least 1."""
        return self.widening.factor

    @property
    def link(self) -> Link:
        """The scale on which draws are moved away from their median. It is that of the noise: log, logit or raw."""
        return link_of(self.fit.noise.form)

    @property
    def law(self) -> Law:
        """The law of the fit, with the priors that the fit used."""
        return self.fit.law

    @property
    def runs(self) -> Runs:
        """The training runs of the fit."""
        return self.fit.runs

    @property
    def sentence(self) -> str:
        """A sentence that says by how much intervals are widened, and from which forecasts this was learnt."""
        _, raw, forecasts, cutoffs = self.widening
        of = f"{forecasts} forecasts above {cutoffs} cutoff{'s' if cutoffs > 1 else ''} in the backtest"
        if self.factor == 1:
            return f"intervals are those of the fit: errors of {of} were {raw:.2f} times as large as the intervals said"
        return (
            f"intervals widened by {self.factor:.2f}, learnt from {of}, whose errors were {raw:.2f} times as large as "
            "the intervals said"
        )

    def widened(self, answer: xr.Dataset) -> xr.Dataset:
        """Widen the draws of an answer: a draw x becomes m + factor (x - m), with m the median at its point.

        x and m are on the scale of the noise, such as the log of a loss or the logit of a share.

        Args:
            answer: A Dataset that `predict` returned for the fit.

        Returns:
            The Dataset with widened draws. Its attributes `widened`, `widened_from` and `recalibrated` are the factor,
            the number of forecasts that it was learnt from, and `sentence`.
        """
        name, link = self.runs.observable, self.link
        with double():
            x = np.asarray(link.of(answer[name].values))
            middle = np.median(x, axis=(0, 1))
            wide = np.asarray(link.inverse(middle + self.factor * (x - middle)))
        said = {"widened": self.factor, "widened_from": self.widening.forecasts, "recalibrated": self.sentence}
        return answer.assign({name: (answer[name].dims, wide)}).assign_attrs(said)

    def _contents(self) -> "Contents":
        from scalebayes.forecasting.to_file import contents_of_recalibrated

        return contents_of_recalibrated(self)

    def view(self) -> View:
        """Describe the recalibrated fit for printing.

        Returns:
            A `View` with the checks that failed, by how much the intervals are widened, and the fit.
        """
        fit = self.fit.view()
        return replace(fit, head=f"Recalibrated: {self.sentence}", lines=[fit.head, *fit.lines])


@known_settings
def recalibrate(
    fit: Fit, backtest: Any, *, law: str | None = None, prior_cutoffs: float = PRIOR_CUTOFFS
) -> Recalibrated:
    """Widen a fit's forecasts where the intervals of its backtests were too narrow.

    For the curve and for a new run, `predict` then gives draws m + factor (x - m), with m the median at each point and
    x a draw of the fit, on the scale of the noise: the log of a loss, the logit of a share. The medians and the optimum
    stay the same. The attributes of every answer have the factor and the number of forecasts that it was learnt from.

    Let z = Phi^-1(PIT) of each held-out run. Then factor^2 = (sum over cutoffs of mean z^2 + prior_cutoffs) /
    (cutoffs + prior_cutoffs), and the factor is at least 1.

    Args:
        fit: A `Fit` of the law and the runs that were backtested.

        backtest: The result of `backtest`, or its `data`, of which `pit` (law, cutoff, run) is read.

        law: The label of the fit's law in the backtest. The default is None: `fit.label`.

        prior_cutoffs: The weight of the prior factor 1, in cutoffs: the more, the closer to 1 the factor is. The
            default is 4.

    Returns:
        A `Recalibrated`, which `predict`, `optimum` and `export` take as they take a fit.

    Raises:
        InputError: `fit` isn't a `Fit`; the backtest has no PIT values, or doesn't have this law; or `prior_cutoffs` is
            negative.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.4, 1.9, 1.5])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.01, 0.99]]])}, {"law": ["power"]})
    >>> wide = recalibrate(fitted, pit)
    >>> print(wide.sentence)
    intervals widened by 1.37, learnt from 2 forecasts above 1 cutoff in the backtest, whose errors were 2.33 times ...
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
