"""This file ranks the true parameters of simulated runs among the draws of their fit, and says where the fit failed."""

from typing import Any

import numpy as np

from scalebayes.calibration.ranks import rank_of, thinned
from scalebayes.calibration.simulate import log_likelihoods, prior_units
from scalebayes.fitting.result import Fit
from scalebayes.infer import diagnostics
from scalebayes.status import Status


class RankedFit:
    """A fit of simulated runs and the truth that they were simulated from, both in the units of the priors.

    Args:
        fit: The fit of the simulated runs.

        truth: The true value of each parameter.

        draws: The number of draws among which a truth is ranked.

        rng: The generator that breaks ties.
    """

    def __init__(self, fit: Fit, truth: dict[str, Any], draws: int, rng: np.random.Generator) -> None:
        self.fit, self.truth, self.draws, self.rng = fit, truth, draws, rng
        self.values = prior_units(fit.problem, {name: x.ravel() for name, x in fit.draws.items()})

    def ranks(self) -> list[int]:
        """The rank of each true parameter, and of the joint log likelihood at the truth."""
        chosen = thinned(next(iter(self.values.values())).size, self.draws)
        among = {name: x[chosen] for name, x in self.values.items()}
        with_truth = {name: np.append(x, self.truth[name]) for name, x in among.items()}
        likelihood = log_likelihoods(self.fit.problem, with_truth)
        of_parameters = [rank_of(self.truth[name], x, self.rng) for name, x in among.items()]
        return [*of_parameters, rank_of(likelihood[-1], likelihood[:-1], self.rng)]

    def below(self) -> list[float]:
        """The share of all draws that lie below each true parameter, with ties counted by half."""
        each = [(x, self.truth[name]) for name, x in self.values.items()]
        return [float((x < truth).mean() + (x == truth).mean() / 2) for x, truth in each]

    def failures(self) -> list[str]:
        """The names of the checks that failed.

        A k-hat to be reviewed counts as failed. "effective draws" stands for too few draws to rank a truth among.
        """
        failed = [check.name for check in self.fit.checks.of(Status.FAIL)]
        failed += [check.name for check in self.fit.checks.of(Status.REVIEW) if check.id == "k_hat"]
        effective = self.fit.numbers.get("importance_ess")
        if effective is None:
            effective = diagnostics.ess_bulk(np.stack(list(self.fit.draws.values()))).min()
        return failed if effective >= self.draws else [*failed, "effective draws"]
