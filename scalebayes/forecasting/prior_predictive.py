"""prior_predictive: the curves that a law's priors hold possible, at the inputs of runs, before any loss is seen."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes import laws
from scalebayes.errors import InputError
from scalebayes.forecasting.predict import curve
from scalebayes.laws.law import Law
from scalebayes.model.problem import build
from scalebayes.noise import noise as noises
from scalebayes.runs import Runs
from scalebayes.runs.argument_order import runs_first
from scalebayes.seeds import Seed, as_key

NEAR = 30


def prior_predictive(
    runs: Runs,
    law: str | Law = "chinchilla",
    *,
    priors: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    draws: int = 2000,
    seed: Seed = 0,
) -> xr.Dataset:
    """The law at the runs' inputs, with parameters drawn from its priors.

    Priors are relative to the runs' own scale, so the observable of the runs enters by its mean alone.

    Args:
        runs, law, priors, inputs: as for `fit`.

        draws: how many, 2,000 by default.

        seed: an int or a JAX key.

    Returns:
        Dataset with the observable (chain, draw, run) and each parameter (chain, draw), in the runs' own units;
        `interval` makes a table of it. Attributes: `finite`, the share of curves that are finite, and `near`, the
        share that stays near the runs at all of them: between 1/30 and 30 times their own scale; below 30 times
        it for an observable that may be negative, and within its range for a bounded one.

    Raises:
        InputError: what was given can't be used, or a prior is flat, which has no draws.

    >>> runs = Runs(N=[1e8, 1e9, 1e10], D=[2e9, 2e10, 2e11], loss=[3.2, 2.7, 2.3])
    >>> prior = prior_predictive(runs, "chinchilla")
    >>> prior.attrs["finite"], prior.attrs["near"] > 0.95
    (1.0, True)
    """
    runs, law = runs_first(runs, law, "prior_predictive")
    law = laws.get(law)
    with jax.enable_x64():
        problem = build(runs, law, noises.NormalRaw(), priors, inputs)
        sites = [site for site in problem.model.law_sites if not site.fixed]
        for site in sites:
            if isinstance(problem.law.params[site.name].prior, str):
                raise InputError(f"the prior of {site.name!r} is flat and has no draws; give it a distribution")
        keys = jax.random.split(as_key(seed), len(sites))
        drawn = {
            site.name: problem.numbers.priors[site.name].distribution.sample(key, (draws,))
            for site, key in zip(sites, keys, strict=True)
        }
        noise = {name: np.ones(draws) for name in problem.noise.params if name in problem.model.free}
        paper = problem.model.paper({**drawn, **noise}, problem.numbers)
        params = {
            site.name: np.broadcast_to(np.asarray(paper[site.name]), (draws,)) for site in problem.model.law_sites
        }
        columns = {name: problem.column(column) for name, column in problem.columns.items()}
        values = np.asarray(curve(problem.law.fn, columns, {name: x[:, None] for name, x in params.items()}))
    near = near_the_runs(law, values / problem.reference.scale).all(axis=1)
    return xr.Dataset(
        {
            runs.observable: (("chain", "draw", "run"), values[None]),
            **{name: (("chain", "draw"), x[None]) for name, x in params.items()},
        },
        {column: ("run", x) for column, x in zip(problem.columns.values(), columns.values(), strict=True)},
        {"finite": float(np.isfinite(values).all(axis=1).mean()), "near": float(near.mean()), "law": law.name},
    )


def near_the_runs(law: Law, values: np.ndarray) -> np.ndarray:
    """Which values of a law, over the runs' scale, could be those of the runs: see `prior_predictive`."""
    low, high = law.range
    if not law.has_scale:
        return (values >= low) & (values <= high)
    return np.abs(values) < NEAR if low < 0 else (values > 1 / NEAR) & (values < NEAR)
