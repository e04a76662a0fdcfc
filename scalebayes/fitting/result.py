"""Fit: what `fit` returns, the same from every method."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.display.view import View, Viewed
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.noise import Noise
from scalebayes.parameters.param import Reference
from scalebayes.runs import Runs
from scalebayes.runs.averaging import Averaged, averaged_text
from scalebayes.runs.ladder_or_curve import kind_text
from scalebayes.runs.window import window_text
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Viewed):
    """The posterior of a law given runs.

    Attributes:
        problem: runs, law, noise and reference. method: with its settings. seed: an int, or a JAX key's numbers.
        draws: free parameter -> float64 array (chain, draw), in the runs' own units, equally weighted.
        sample_stats: per draw, for Laplace `log_weight` (proposal,), and `noise_factor` (chain, draw, run) for
            Student-t noise with a discrepancy: what a run's scale is multiplied with.
        numbers: one each: `khat`, `importance_ess`, `starts`, `starts_agree`, `gradient_norm`.
        checks: what the fit was held to. versions: of the libraries that made it.
        origin: where `forecaster` averaged the runs, those that it was given, and the cells; else None. label: the
            name of what was fitted, as backtests have it, such as "power+gp" or "recommended".
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

    @property
    def runs(self) -> Runs:
        """The training runs; where they were averaged, the averages."""
        return self.problem.runs

    @property
    def scored_runs(self) -> Runs:
        """The runs that `compare` scores: the training runs, as they were before `forecaster` averaged them."""
        return self.runs if self.origin is None else self.origin.runs

    @property
    def law(self) -> Law:
        """The law, with the priors in force."""
        return self.problem.law

    @property
    def noise(self) -> Noise:
        """The noise, with the priors in force."""
        return self.problem.noise

    @property
    def reference(self) -> Reference:
        """The units that the model worked in."""
        return self.problem.reference

    @property
    def shape(self) -> tuple[int, int]:
        """How many chains there are, and draws in each (chain, draw)."""
        return next(iter(self.draws.values())).shape  # type: ignore[return-value]

    @property
    def size(self) -> int:
        """How many draws there are in all chains together."""
        return next(iter(self.draws.values())).size

    @property
    def is_mode(self) -> bool:
        """Whether the fit is one draw, the mode, as by MAP: it has no intervals."""
        return self.size == 1

    @property
    def law_draws(self) -> dict[str, np.ndarray]:
        """Every parameter of the law, fixed ones too (chain, draw): `fit.law(N=..., D=..., **fit.law_draws)`."""
        return self._with_fixed(self.law.params)

    @property
    def noise_draws(self) -> dict[str, np.ndarray]:
        """Every parameter of the noise, fixed ones too (chain, draw)."""
        return self._with_fixed(self.noise.params)

    @property
    def discrepancy(self) -> Discrepancy | None:
        """The discrepancy, with its components and the priors in force, or None."""
        return self.problem.discrepancy

    @property
    def discrepancy_draws(self) -> dict[str, np.ndarray]:
        """Every parameter of the discrepancy, fixed ones too (chain, draw); none without one."""
        return self._with_fixed(self.discrepancy.params if self.discrepancy else {})

    def _with_fixed(self, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {
            name: self.draws[name] if name in self.draws else np.full(self.shape, float(p.prior))
            for name, p in params.items()
        }

    @cached_property
    def data(self) -> "xr.DataTree":
        """The fit in ArviZ's schema, so that `arviz.loo(fit.data)` and the plots of ArviZ take it as it is.

        Groups: `posterior`; `sample_stats`; `observed_data`; `constant_data`, the columns that are no observable;
        `prior`, 2,000 draws; `posterior_predictive`, the observable of the runs drawn anew; `log_likelihood`, as
        `log_likelihood()` gives it. The last three are computed when their values are first looked at, with a seed of
        their own that is always the same. A fit with a flat prior has no `prior`. One whose noise is an objective and
        not a density, such as `Huber(scale=1.0)`, has neither `posterior_predictive` nor `log_likelihood`.

        Columns and parameters keep their names, unless a tree can't have them: a slash and what can't be printed are
        written as in the address of a web page, "val/loss" as "val%2Floss", and so is the first letter of a name that
        is taken, such as "run"; a name without letters is "%". `urllib.parse.unquote` is the way back. The coordinate
        of the dim run is the `run_id`; where several runs have one, or one has none, with its row in the table.
        """
        from scalebayes.fitting.datatree import to_tree

        return to_tree(self)

    def log_likelihood(self) -> "xr.Dataset":
        """Pointwise log density of the observable (chain, draw, run): the group of that name of `data`.

        Of the fit's rows: where `forecaster` averaged the runs, of the averages. `compare` scores each run.

        Raises:
            InputError: the noise is an objective and not a density.
        """
        if "log_likelihood" in self.data.children:
            return self.data["log_likelihood"].to_dataset()
        from scalebayes.fitting.datatree import log_likelihood

        return log_likelihood(self)  # which says why there is none

    def summary(self, prob: float = 0.9) -> "pd.DataFrame":
        """One row a parameter: median, mean, sd, equal-tailed interval, and for NUTS ESS and r-hat.

        Args:
            prob: of the interval. Lower, upper and sd are blank where there is one draw.
        """
        from scalebayes.fitting.summary import summary

        return summary(self, prob)

    def save(self, path: Any) -> None:
        """Write one NetCDF file, whole or not at all; `load` brings back the same numbers.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.fitting.to_file import save

        save(self, path)

    def view(self) -> View:
        """What printing the fit tells: what failed, the fit, its parameters, and what to review."""
        bad = [str(c) for c in self.checks.of(Status.FAIL)]
        review = [str(c) for c in self.checks.of(Status.REVIEW)]
        departure = f"discrepancy {self.discrepancy!r}, " if self.discrepancy else ""
        window = "".join(f", {text}" for text in (window_text(self.runs), averaged_text(self.runs)) if text)
        head = (
            f"Fit of {self.law.name}: {self.runs.observable} = {self.law.formula or '(own law)'}, "
            f"noise {self.noise!r}, {departure}{len(self.runs)} runs{window}, {self.method.name}, seed {self.seed}"
        )
        read = [f"read as {kind}"] if (kind := kind_text(self.runs)) else []
        note = [] if bad or review else [f"all {len(self.checks)} checks pass"]
        return View(head, bad, read, self.summary(), [*review, *note])
