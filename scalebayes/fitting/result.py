"""This file has `Fit`, the result of `fit`, which is the same class for every method."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.discrepancy.in_common import CommonDraws
from scalebayes.display.view import View, Viewed
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.noise import Noise
from scalebayes.parameters.units import Reference
from scalebayes.runs import Runs
from scalebayes.runs.averaging import Averaged, averaged_text
from scalebayes.runs.ladder_or_curve import kind_text
from scalebayes.runs.window import window_text
from scalebayes.safe_files.saved import Saved
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scalebayes.safe_files.netcdf import Contents


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Viewed, Saved):
    """The posterior of a law given runs, with its checks.

    `predict`, `optimum`, `export` and `recalibrate` take a fit.

    Attributes:
        problem: The runs, the law, the noise, the discrepancy and the reference units of the fit.

        method: The method that made the draws, with its settings.

        seed: The seed as an int, or the numbers of a JAX key.

        draws: A mapping from each free parameter to its posterior draws, float64 (chain, draw), in the runs' own units.
            All draws have equal weight.

        sample_stats: A mapping from name to what the method recorded. Most arrays have one number for each draw
            (chain, draw). Laplace has `log_weight` (proposal,). Student-t noise with a discrepancy has `noise_factor`
            (chain, draw, run), by which the noise scale of each run is multiplied.

        numbers: A mapping from name to one number of the whole fit, such as `khat`, `importance_ess`, `starts`,
            `starts_agree` and `gradient_norm`.

        checks: The checks of the fit, each with its status and its sentence.

        versions: A mapping from library to the version that made the fit.

        origin: The runs before `forecaster` averaged them, and the cell of each; None where nothing was averaged.

        label: The name of what was fitted, as in backtests, such as "power+gp" or "recommended".

        pool: The column of recipes that were fitted together with this one; blank where a fit is alone.

        common: The draws of the part of the discrepancy that these recipes share; None where there is none.
    """

    problem: Problem
    method: Any
    seed: int | tuple[int, ...]
    draws: Mapping[str, np.ndarray]
    sample_stats: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]
    checks: Checks
    versions: Mapping[str, str] = field(default_factory=dict)
    origin: Averaged | None = None
    label: str = ""
    pool: str = ""
    common: CommonDraws | None = None

    @property
    def runs(self) -> Runs:
        """The training runs; if `forecaster` averaged them, the averages."""
        return self.problem.runs

    @property
    def scored_runs(self) -> Runs:
        """The runs that `compare` scores: the training runs before `forecaster` averaged them."""
        return self.runs if self.origin is None else self.origin.runs

    @property
    def law(self) -> Law:
        """The law, with the priors that the fit used."""
        return self.problem.law

    @property
    def noise(self) -> Noise:
        """The noise, with the priors that the fit used."""
        return self.problem.noise

    @property
    def reference(self) -> Reference:
        """The units of the inputs and the observable inside the model."""
        return self.problem.reference

    @property
    def shape(self) -> tuple[int, int]:
        """The number of chains, and the number of draws in each chain."""
        return next(iter(self.draws.values())).shape  # type: ignore[return-value]

    @property
    def size(self) -> int:
        """The number of draws in all chains together."""
        return next(iter(self.draws.values())).size

    @property
    def is_mode(self) -> bool:
        """Whether the fit has one draw, the posterior mode, as from MAP. Such a fit has no intervals."""
        return self.size == 1

    @property
    def law_draws(self) -> dict[str, np.ndarray]:
        """A mapping from every parameter of the law, fixed or free, to its draws (chain, draw).

        `fit.law(N=..., D=..., **fit.law_draws)` gives the law at an input, draw by draw.
        """
        return self._with_fixed(self.law.params)

    @property
    def noise_draws(self) -> dict[str, np.ndarray]:
        """A mapping from every parameter of the noise, fixed or free, to its draws (chain, draw)."""
        return self._with_fixed(self.noise.params)

    @property
    def discrepancy(self) -> Discrepancy | None:
        """The discrepancy, with its components and the priors that the fit used; None where the fit has none."""
        return self.problem.discrepancy

    @property
    def discrepancy_draws(self) -> dict[str, np.ndarray]:
        """A mapping from every parameter of the discrepancy, fixed or free, to its draws (chain, draw).

        The mapping is empty where the fit has no discrepancy.
        """
        return self._with_fixed(self.discrepancy.params if self.discrepancy else {})

    def _with_fixed(self, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {
            name: self.draws[name] if name in self.draws else np.full(self.shape, float(p.prior))
            for name, p in params.items()
        }

    @cached_property
    def data(self) -> "xr.DataTree":
        """The fit in ArviZ's schema: `arviz.loo(fit.data)` and the plots of ArviZ take it without changes.

        The groups are:

        - `posterior` and `sample_stats`: the draws, and what the method recorded;
        - `observed_data`: the observable of the runs;
        - `constant_data`: the inputs, and known standard errors and counts of the runs;
        - `prior`: 2,000 draws of the free parameters from their priors. A fit with a flat prior doesn't have it;
        - `posterior_predictive`: the observable of the same runs, drawn anew from the posterior;
        - `log_likelihood`: the result of `log_likelihood()`.

        The last three are computed when their values are first read, always with the same seed. A fit whose noise is
        an objective and not a density, such as `Huber(scale=1.0)`, has neither `posterior_predictive` nor
        `log_likelihood`.

        Columns and parameters keep their names where a tree allows it. A slash and a character that can't be printed
        are percent-encoded, as in the address of a web page: "val/loss" is "val%2Floss". So is the first letter of a
        name that a tree needs itself, such as "run". An empty name is "%". `urllib.parse.unquote` gives the name back.
        The coordinate of the dim run is the `run_id`. Where several runs have one `run_id`, or a run has none, it also
        has the run's row in the table.
        """
        from scalebayes.fitting.datatree import to_tree

        return to_tree(self)

    def log_likelihood(self) -> "xr.Dataset":
        """Compute the pointwise log density of the observable: log p(observable of a run | draw).

        It is the group `log_likelihood` of `data`. With a discrepancy the density of a run is conditional on the other
        runs too. Where `forecaster` averaged the runs, the rows are the averages; `compare` scores each run.

        Returns:
            A Dataset with the log density in nats (chain, draw, run), under the name of the observable.

        Raises:
            InputError: The noise is an objective and not a density.
        """
        if "log_likelihood" in self.data.children:
            return self.data["log_likelihood"].to_dataset()
        from scalebayes.fitting.datatree import log_likelihood

        return log_likelihood(self)  # This raises the error that says why there is none.

    def summary(self, prob: float = 0.9) -> "pd.DataFrame":
        """Summarise the posterior of each free parameter in a table.

        Args:
            prob: The probability of the equal-tailed interval, between 0 and 1. The default is 0.9.

        Returns:
            A data frame with one row for each parameter: `median`, `mean`, `sd`, `lower` and `upper`, and for NUTS
            `ess_bulk`, `ess_tail` and `r_hat`. A fit with one draw has blank `sd`, `lower` and `upper`.

        Raises:
            InputError: `prob` isn't between 0 and 1.
        """
        from scalebayes.fitting.summary import summary

        return summary(self, prob)

    def _contents(self) -> "Contents":
        from scalebayes.fitting.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """Describe the fit for printing.

        Returns:
            A `View` with the checks that failed, the fit, its parameters, and the checks to review.
        """
        bad = [str(c) for c in self.checks.of(Status.FAIL)]
        review = [str(c) for c in self.checks.of(Status.REVIEW)]
        departure = f"discrepancy {self.discrepancy!r}, " if self.discrepancy else ""
        pooled = [f"pooled with the other recipes of the column {self.pool!r}"] if self.pool else []
        window = "".join(f", {text}" for text in (window_text(self.runs), averaged_text(self.runs)) if text)
        head = (
            f"Fit of {self.law.name}: {self.runs.observable} = {self.law.formula or '(own law)'}, "
            f"noise {self.noise!r}, {departure}{len(self.runs)} runs{window}, {self.method.name}, seed {self.seed}"
        )
        read = [f"read as {kind}"] if (kind := kind_text(self.runs)) else []
        note = [] if bad or review else [f"all {len(self.checks)} checks pass"]
        return View(head, bad, [*read, *pooled], self.summary(), [*review, *note])
