"""calibrate: whether a method's intervals hold what they say, on data simulated from the model itself."""

import time
from collections.abc import Mapping
from concurrent.futures import Executor
from numbers import Integral
from typing import Any

import jax
import numpy as np

from scalebayes import infer
from scalebayes.calibration.ranks import rank_of, thinned
from scalebayes.calibration.result import Calibration, judged
from scalebayes.calibration.simulate import (
    Simulations,
    doubled,
    from_posterior,
    from_prior,
    log_likelihoods,
    observed,
    prior_units,
)
from scalebayes.discrepancy.gp import Departure
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.finish import versions
from scalebayes.fitting.many.checkpoints import Folder
from scalebayes.fitting.many.fit_many import about
from scalebayes.fitting.many.progress import Bar
from scalebayes.fitting.many.runner import Running, check_executor
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Method, diagnostics
from scalebayes.infer.fallback import kept as keeping
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs.argument_order import runs_first
from scalebayes.seeds import Seed, as_key, seed_record
from scalebayes.status import Status

JOINT = "log_likelihood"


@known_settings
def calibrate(
    runs: Runs,
    law: str | Law | Spec = "chinchilla",
    *,
    noise: str | Noise | None = None,
    discrepancy: Departure = None,
    method: Method = "laplace",
    n: int = 1000,
    draw_from: Any = "prior",
    draws: int = 99,
    priors: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    seed: Seed = 0,
    fallback: bool = True,
    batch: int | None = None,
    executor: Executor | None = None,
    folder: Any = None,
    progress: bool | None = None,
) -> Calibration:
    """Simulation-based calibration: fit data of known parameters, and rank those among the draws of their fits.

    Parameters are drawn from the priors, runs are simulated at the inputs of `runs`, with the reference of `runs` kept,
    and all are fitted in one batch. Where the posteriors are right, the rank of each parameter among `draws` draws is
    uniform, and so is that of the joint log likelihood, which sees what ranks of parameters can't: a method that
    ignores part of the data. Parameters are ranked in the units of their priors: an amplitude in the runs' own units
    goes with its exponent, and its ranks would say the same twice. A fit that fails its own checks, or whose k-hat
    is to be reviewed, is counted and named; as the checks see data and draws and no truth, ranks of the others are
    still uniform.

    With `draw_from=fit` the parameters are from that fit's posterior, the simulated runs are joined to those it saw,
    and the fits are of both: the same test, near these runs alone.

    Args:
        runs, law, noise, discrepancy, priors, inputs, method: as for `fit_many`; of a method that samples.
        n: simulations. draw_from: "prior", or a fit of this law to these runs, which says noise, discrepancy, priors.
        draws: of each fit that a truth is ranked among, evenly apart; a fit with fewer effective ones counts as failed.
        seed: an int or a JAX key. fallback: whether more proposals and NUTS follow where k-hat fails, as in `fit`.
        batch, executor, folder, progress: as for `fit_many`.

    Returns:
        `Calibration`: `.data`, `.table()`, and sentences when printed.

    Raises:
        InputError: what was given can't be used, a prior that can't be drawn from, a method without a posterior, or
            Student-t noise with a discrepancy, by name or of `draw_from`: each run's latent scale would need a rank.

    Source: Talts et al. 2018, arXiv 1804.06788; Modrák et al. 2023, arXiv 2211.02383; Säilynoja et al. 2025,
    arXiv 2502.03279, for `draw_from=fit`.

    >>> runs = Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2])
    >>> found = calibrate(runs, "power", n=64, fallback=False)
    >>> found.data["rank"].sizes, found.data["param"].values.tolist()
    (Frozen({'param': 4, 'sim': 64}), ['A', 'alpha', 'noise_scale', 'log_likelihood'])
    """
    runs, law = runs_first(runs, law, "calibrate")
    started = time.perf_counter()
    for name, value in (("n", n), ("draws", draws)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 2:
            raise InputError(f"{name} is a whole number from 2 on, not {value!r}")
    check_executor(executor)
    if isinstance(draw_from, Fit):
        if not all(x is None for x in (noise, discrepancy, priors, inputs)):
            raise InputError("draw_from=fit has the fit's own noise, discrepancy, priors and inputs; leave them out")
        noise, discrepancy = draw_from.noise, draw_from.discrepancy
    elif draw_from != "prior":
        raise InputError(f"draw_from is 'prior' or a fit made by sb.fit, not {draw_from!r}")
    if isinstance(law, Spec) or noise is not None:
        _check_scales(Spec.of(law, noise, discrepancy))
    spec = Spec.of(law, noise, discrepancy, None, priors, inputs)
    sampler = spec.method(method)
    _check_method(sampler, int(draws))
    sampler = sampler if fallback else keeping(sampler)
    with jax.enable_x64():
        key_data, key_fits, key_ties = jax.random.split(as_key(seed), 3)
        if isinstance(draw_from, Fit):
            problem = _problem_of(draw_from, spec.law, runs)
            simulated = from_posterior(draw_from, int(n), key_data)
            y = np.concatenate([np.broadcast_to(problem.runs.y, simulated.y.shape), simulated.y], axis=1)
            simulated, template = simulated._replace(y=y), doubled(problem)
        else:
            template = problem = spec.problem(runs)
            simulated = from_prior(problem, int(n), key_data)
        simulated, left_out = _usable(problem, simulated)
        names = [*problem.model.free, JOINT]
        problems = [observed(template, y) for y in simulated.y]
        size = len(problems)
        kept = None if folder is None else Folder(folder, {"of": "calibrate", **about(problems, sampler, seed, batch)})
        rank, below = np.zeros((len(names), size), int), np.full((len(names), size), np.nan)
        failures, resampled = [""] * size, np.zeros(size, bool)
        # One a simulation, so that ties are broken alike in whatever order batches end.
        ties = np.random.default_rng(np.asarray(jax.random.key_data(key_ties))).spawn(size)
        with Bar(size, progress) as bar:
            run = Running(problems, key_fits, batch, executor, kept, bar)
            for i, fit, again in run.settled(sampler):
                own = _Ranked(fit, {name: x[i] for name, x in simulated.values.items()}, int(draws), ties[i])
                rank[:, i], below[:-1, i] = own.ranks(), own.below()
                failures[i], resampled[i] = ", ".join(own.failures()), again
    attrs = {
        "law": problem.law.name,
        "noise": repr(problem.noise),
        "discrepancy": repr(problem.discrepancy) if problem.discrepancy else "none",
        "method": sampler.name,
        "drawn_from": "posterior" if isinstance(draw_from, Fit) else "prior",
        "runs": len(runs),
        "left_out": left_out,
        "seed": seed_record(seed),
        "seconds": time.perf_counter() - started,
        **{f"version_{name}": version for name, version in versions().items()},
    }
    return Calibration(judged(names, rank, below, failures, int(draws), resampled).assign_attrs(attrs))


class _Ranked:
    """A fit of simulated runs beside the truth that they were simulated from, both in the units of the priors."""

    def __init__(self, fit: Fit, truth: dict[str, Any], draws: int, rng: np.random.Generator) -> None:
        self.fit, self.truth, self.draws, self.rng = fit, truth, draws, rng
        self.found = prior_units(fit.problem, {name: x.ravel() for name, x in fit.draws.items()})

    def ranks(self) -> list[int]:
        """The rank of each parameter, and of the joint log likelihood."""
        chosen = thinned(next(iter(self.found.values())).size, self.draws)
        kept = {name: x[chosen] for name, x in self.found.items()}
        with_truth = {name: np.append(x, self.truth[name]) for name, x in kept.items()}
        likelihood = log_likelihoods(self.fit.problem, with_truth)
        found = [rank_of(self.truth[name], x, self.rng) for name, x in kept.items()]
        return [*found, rank_of(likelihood[-1], likelihood[:-1], self.rng)]

    def below(self) -> list[float]:
        """The share of all draws below each parameter's truth; of equal ones half."""
        each = [(x, self.truth[name]) for name, x in self.found.items()]
        return [float((x < truth).mean() + (x == truth).mean() / 2) for x, truth in each]

    def failures(self) -> list[str]:
        """The checks that failed, and k-hat where it is to be reviewed; "effective draws" where there are fewer than
        the truth is ranked among."""
        failed = [check.name for check in self.fit.checks.of(Status.FAIL)]
        failed += [check.name for check in self.fit.checks.of(Status.REVIEW) if check.id == "k_hat"]
        effective = self.fit.numbers.get("importance_ess")
        if effective is None:
            effective = diagnostics.ess_bulk(np.stack(list(self.fit.draws.values()))).min()
        return failed if effective >= self.draws else [*failed, "effective draws"]


def _check_scales(spec: Spec) -> None:
    """Refuse a noise that with a discrepancy gives every run a scale of its own; by default there is none such."""
    if spec.discrepancy and spec.noise.form.mixture:
        raise InputError(
            f"noise={spec.noise.name!r} with a discrepancy: every run then has a latent scale of its own, and "
            "calibrate can't rank those; use noise='normal', or draw from a fit with normal noise"
        )


def _check_method(method: Any, draws: int) -> None:
    if not isinstance(method, (infer.NUTS, infer.Laplace)):
        raise InputError(f"calibrate needs draws of a posterior, and {method.name} gives none; use 'laplace' or 'nuts'")
    total = method.draws * (method.chains if isinstance(method, infer.NUTS) else 1)
    if total < draws:
        raise InputError(f"a truth is to be ranked among {draws} draws, and {method.name} has {total}; ask for fewer")


def _problem_of(fit: Fit, law: Law, runs: Runs) -> Problem:
    """The problem of the fit that parameters are drawn from, checked to be of this law and these runs."""
    if fit.law.name != law.name:
        raise InputError(f"draw_from is a fit of law {fit.law.name!r}, and law is {law.name!r}")
    if len(fit.runs) != len(runs) or not np.array_equal(fit.runs.y, runs.y):
        raise InputError("draw_from is a fit of other runs than these; give the runs that it was fitted to")
    return fit.problem


def _usable(problem: Problem, simulated: Simulations) -> tuple[Simulations, int]:
    """The data sets whose observable is finite and in the noise's range, and how many are not.

    Leaving them out keeps ranks uniform, as it goes by the data alone.
    """
    low, high = LINKS[problem.noise.form.on].range if problem.noise.form.within is None else problem.noise.form.within
    kept = ((simulated.y > low) & (simulated.y < high) & np.isfinite(simulated.y)).all(axis=1)
    if kept.sum() < 2:
        raise InputError("hardly a data set drawn from the priors is finite; look at sb.prior_predictive(runs, law)")
    values = {name: x[kept] for name, x in simulated.values.items()}
    return Simulations(values, simulated.y[kept]), int((~kept).sum())
