"""Times our side of the speed benchmark: the kernels on a built problem, and the whole `sb.fit` call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np

import scalebayes as sb
from scalebayes import laws
from scalebayes.infer.chains import sample
from scalebayes.infer.diagnostics import ess_bulk, rhat
from scalebayes.infer.laplace import Laplace
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, find_mode
from scalebayes.infer.nuts import NUTS
from scalebayes.infer.proposals import propose
from scalebayes.model.problem import Problem, build

PARAMETERS = ("log_A", "log_B", "alpha", "beta", "E", "log_sigma")


@dataclass(frozen=True)
class Measure:
    """One timed run: its seconds, facts about its result, and for a sampler its draws (parameter, chain, draw)."""

    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
    draws: np.ndarray | None = None


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
        group: "map", "nuts" or "laplace".

        name: The name, which is unique in the group.

        run: A function from a seed to a `Measure`; None if the task can't run.

        note: A remark for the report.

        warm_up: A function that is called once, untimed, before the repeats; by default `run`.

        at_most: The largest number of repeats; by default there is no limit.

        missing: The reason why the task can't run; "" if it can.
    """

    group: str
    name: str
    run: Callable[[int], Measure] | None
    note: str = ""
    warm_up: Callable[[], Any] | None = None
    at_most: int | None = None
    missing: str = ""


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call, until its computation has ended, and its result."""
    start = time.perf_counter()
    result = jax.block_until_ready(call())
    return time.perf_counter() - start, result


def chain_facts(draws: np.ndarray, seconds: float, steps: Any = None) -> dict[str, float]:
    """Return the smallest bulk ESS over parameters, that ESS per second, the largest r-hat, and mean leapfrog steps."""
    ess = float(ess_bulk(draws).min())
    facts = {"ess": ess, "ess_per_second": ess / seconds, "rhat": float(rhat(draws).max())}
    return facts if steps is None else {**facts, "steps": float(np.mean(steps))}


def paper_draws(draws: Any) -> np.ndarray:
    """Return a fit's draws in the coordinates of the peers (parameter, chain, draw)."""
    logs = {"log_A": "A", "log_B": "B", "log_sigma": "noise_scale"}
    return np.stack([np.log(draws[logs[name]]) if name in logs else draws[name] for name in PARAMETERS])


HUBER: dict[str, Any] = {"law": "chinchilla", "noise": sb.Huber(delta=1e-3, scale=1.0), "priors": "flat"}


def _problem(runs: sb.Runs, **options: Any) -> Problem:
    """Build the problem of the Chinchilla law, with the noise and the priors of the options."""
    with jax.enable_x64():
        return build(runs, laws.get("chinchilla"), options.get("noise", sb.StudentT()), options.get("priors"))


def fit_map(runs: sb.Runs, seed: int) -> Measure:
    """Time the whole point fit."""
    seconds, fit = timed(lambda: sb.fit(runs, method="map", seed=seed, on_fail="ignore", **HUBER))
    return Measure(seconds, {"objective": -float(fit.sample_stats["lp"].item())})


def mode_kernel(problem: Problem, seed: int) -> Measure:
    """Time only the search for the mode."""
    with jax.enable_x64():
        key = jax.random.key(seed)
        seconds, mode = timed(lambda: find_mode(problem.model, problem.numbers, problem.rows, key, SEARCH))
        return Measure(seconds, {"objective": -float(mode.log_density)})


def fit_nuts(runs: sb.Runs, seed: int) -> Measure:
    """Time the whole posterior fit with default settings."""
    seconds, fit = timed(lambda: sb.fit(runs, seed=seed, on_fail="ignore"))
    draws = paper_draws(fit.draws)
    return Measure(seconds, chain_facts(draws, seconds, fit.sample_stats["n_steps"]), draws)


def nuts_kernel(problem: Problem, seed: int) -> Measure:
    """Time only the sampler, which starts from a mode that was found before."""
    method = NUTS()
    with jax.enable_x64():
        key_mode, key = jax.random.split(jax.random.key(seed))
        mode = numpy_mode(problem, key_mode, SEARCH)
        arguments = (problem.model, problem.numbers, problem.rows, mode.z, mode.precision, key)
        settings = (np.float64(method.target_accept), np.float64(method.spread))
        seconds, (z, stats) = timed(lambda: sample(*arguments, *settings, method.shape()))
        draws, steps = np.moveaxis(np.asarray(z), -1, 0), np.asarray(stats["n_steps"])
    return Measure(seconds, chain_facts(draws, seconds, steps))


def fit_laplace(runs: sb.Runs, seed: int) -> Measure:
    """Time the whole Laplace fit; since draws repeat proposals, its ESS is that of the weights, at most its draws."""
    seconds, fit = timed(lambda: sb.fit(runs, method="laplace", seed=seed, on_fail="ignore", fallback=False))
    draws = paper_draws(fit.draws)
    ess = min(fit.numbers["importance_ess"], draws[0].size)
    return Measure(seconds, {"ess": ess, "ess_per_second": ess / seconds, "khat": fit.numbers["khat"]}, draws)


def laplace_kernel(problem: Problem, seed: int) -> Measure:
    """Time only the proposals and their weights, from a mode that was found before."""
    method = Laplace()
    with jax.enable_x64():
        key_mode, key = jax.random.split(jax.random.key(seed))
        mode = numpy_mode(problem, key_mode, SEARCH)
        arguments = (problem.model, problem.numbers, problem.rows, mode.z, mode.precision, mode.start_sd, key)
        asked = float(method.df), method.proposals, method.rounds
        seconds, (_, density, proposal) = timed(lambda: propose(*arguments, *asked))
        log_ratio = np.asarray(density) - np.asarray(proposal)
    weight = np.exp(log_ratio - log_ratio.max())
    ess = min(float(weight.sum() ** 2 / (weight**2).sum()), method.draws)
    return Measure(seconds, {"ess": ess, "ess_per_second": ess / seconds})


def tasks(runs: sb.Runs) -> list[Task]:
    """Return our rows of the table."""
    objective, posterior = _problem(runs, **HUBER), _problem(runs)
    search = f"{SEARCH.screened} points screened, {SEARCH.starts} optimised"
    return [
        Task("map", "scalebayes, fit", partial(fit_map, runs), search),
        Task("map", "scalebayes, kernel", partial(mode_kernel, objective), "find_mode"),
        Task("nuts", "scalebayes, fit", partial(fit_nuts, runs), f"{NUTS().warmup}/{NUTS().draws} x {NUTS().chains}"),
        Task("nuts", "scalebayes, kernel", partial(nuts_kernel, posterior), "sample"),
        Task("laplace", "scalebayes, fit", partial(fit_laplace, runs), f"{Laplace().proposals} proposals"),
        Task("laplace", "scalebayes, kernel", partial(laplace_kernel, posterior), "propose"),
    ]
