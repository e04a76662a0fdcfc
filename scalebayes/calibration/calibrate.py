"""`calibrate` tests whether posteriors are right, on runs that are simulated from the model itself."""

import time
from collections.abc import Mapping
from concurrent.futures import Executor
from numbers import Integral
from typing import Any

import jax
import numpy as np

from scalebayes import infer
from scalebayes.calibration.ranked_fit import RankedFit
from scalebayes.calibration.result import Calibration, judged
from scalebayes.calibration.simulate import (
    Simulations,
    doubled,
    from_posterior,
    from_prior,
    observed,
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
from scalebayes.infer import Method
from scalebayes.infer.double import double
from scalebayes.infer.fallback import kept as keeping
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs.argument_order import runs_first
from scalebayes.seeds import Seed, as_key, seed_record

# The name of the joint log likelihood among the quantities that are ranked.
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
    """Simulation-based calibration: fit runs of known parameters, and rank the parameters among the draws of the fits.

    Parameters are drawn from the priors. Runs are simulated from each draw at the inputs of `runs`, with the reference
    of `runs`, and each simulated data set is fitted. If the posteriors are right, the rank of each true parameter
    among the draws of its fit is uniform. The rank of the joint log likelihood is then uniform too; it reveals a
    method that ignores a part of the data, which the ranks of parameters can't.

    Parameters are ranked in the units of their priors. In the runs' own units an amplitude depends on its exponent,
    and its ranks would only repeat those of the exponent.

    A fit that fails its own checks, or whose k-hat asks for a review, is counted, and the check is named. The checks
    look at data and draws and never at the truth, so that the ranks of the other fits are still uniform.

    With `draw_from=fit`, the parameters are drawn from the posterior of that fit. The simulated runs are joined to the
    runs that it saw, and the new fits are of both. This is the same test, near these runs only.

    Args:
        runs: The table of runs, whose inputs the simulated runs have.

        law: The name of a law, a `Law` or a `Spec`, as for `fit_many`. The default is "chinchilla".

        noise: The noise, as for `fit_many`. By default the law's own; with a discrepancy, Normal noise takes the place
            of Student-t noise.

        discrepancy: The discrepancy, as for `fit_many`. The default is None, the law alone.

        method: The method to test: "laplace", "nuts", `Laplace(...)` or `NUTS(...)`. The default is "laplace".

        n: The number of simulations, at least 2. The default is 1000.

        draw_from: Where the true parameters are drawn from: "prior", the default, or a fit of this law to these runs.
            The noise, discrepancy, priors and inputs are then those of the fit.

        draws: The number of draws of each fit, evenly spaced, among which a truth is ranked. A fit with fewer
            effective draws counts as failed. The default is 99.

        priors: The prior of each parameter by its name, as for `fit_many`. By default the law's own.

        inputs: The column of each law input, as for `fit_many`. By default the columns of the same names.

        seed: An int or a JAX key. The default is 0.

        fallback: Whether more proposals and then NUTS follow where k-hat fails, as in `fit`. The default is True.

        batch: The number of data sets that are fitted in one call, as for `fit_many`. By default as many as the
            devices have room for.

        executor: The executor of `concurrent.futures` that fits the batches, as for `fit_many`. By default threads of
            this process.

        folder: The folder where finished batches are kept, so that a later call goes on from there, as for `fit_many`.
            By default nothing is kept.

        progress: Whether to show a bar on standard error. The default, None, shows it on a terminal.

    Returns:
        A `Calibration`, with `data`, `table()` and `holds()`. Printing it says in sentences whether the ranks are
        uniform.

    Raises:
        InputError: An argument can't be used; a prior can't be drawn from; the method has no posterior; or the noise
            is Student-t with a discrepancy, where the latent scale of each run would need a rank.

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
    with double():
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
        batches = (
            None if folder is None else Folder(folder, {"of": "calibrate", **about(problems, sampler, seed, batch)})
        )
        rank, below = np.zeros((len(names), size), int), np.full((len(names), size), np.nan)
        failures, resampled = [""] * size, np.zeros(size, bool)
        # Each simulation has its own generator, so that ties are broken alike in whatever order batches end.
        ties = np.random.default_rng(np.asarray(jax.random.key_data(key_ties))).spawn(size)
        with Bar(size, progress) as bar:
            run = Running(problems, key_fits, batch, executor, batches, bar)
            for i, fit, again in run.settled(sampler):
                ranked = RankedFit(fit, {name: x[i] for name, x in simulated.values.items()}, int(draws), ties[i])
                rank[:, i], below[:-1, i] = ranked.ranks(), ranked.below()
                failures[i], resampled[i] = ", ".join(ranked.failures()), again
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


def _check_scales(spec: Spec) -> None:
    """Refuse a noise that gives every run a latent scale with a discrepancy. No default noise is refused."""
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
    """The problem of the fit that parameters are drawn from, after a check that it is of this law and these runs."""
    if fit.law.name != law.name:
        raise InputError(f"draw_from is a fit of law {fit.law.name!r}, and law is {law.name!r}")
    if len(fit.runs) != len(runs) or not np.array_equal(fit.runs.y, runs.y):
        raise InputError("draw_from is a fit of other runs than these; give the runs that it was fitted to")
    return fit.problem


def _usable(problem: Problem, simulated: Simulations) -> tuple[Simulations, int]:
    """The data sets whose observable is finite and in the noise's range, and the number of the others.

    Ranks stay uniform without the others, because what decides is the data alone.
    """
    low, high = LINKS[problem.noise.form.on].range if problem.noise.form.within is None else problem.noise.form.within
    usable = ((simulated.y > low) & (simulated.y < high) & np.isfinite(simulated.y)).all(axis=1)
    if usable.sum() < 2:
        raise InputError("hardly a data set drawn from the priors is finite; look at sb.prior_predictive(runs, law)")
    values = {name: x[usable] for name, x in simulated.values.items()}
    return Simulations(values, simulated.y[usable]), int((~usable).sum())
