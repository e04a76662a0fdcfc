"""This file has `prior_predictive`, which draws curves of a law from its priors, at the inputs of the runs."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes import laws
from scalebayes.errors import InputError, known_settings
from scalebayes.forecasting.predict import curve
from scalebayes.infer.double import double
from scalebayes.laws.law import Law
from scalebayes.model.problem import build
from scalebayes.noise import families as noises
from scalebayes.runs import Runs
from scalebayes.runs.argument_order import runs_first
from scalebayes.seeds import Seed, as_key

# Factor of the runs' own scale: a value above it, or below its inverse, is not near the runs.
NEAR = 30


@known_settings
def prior_predictive(
    runs: Runs,
    law: str | Law = "chinchilla",
    *,
    priors: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    draws: int = 2000,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute the law at the runs' inputs, with parameters drawn from its priors.

    The priors are relative to the runs' own scale, so the observable of the runs enters by its mean alone.

    Args:
        runs: The table of runs, made by `read_runs` or `Runs`.

        law: A name or a `Law`, as for `fit`. The default is "chinchilla".

        priors: A mapping from parameter to prior, as for `fit`. The default is None: the law's own priors.

        inputs: A mapping from law input to column of the runs. The default is None: columns of the same names.

        draws: The number of draws. The default is 2,000.

        seed: An int or a JAX key. The default is 0.

    Returns:
        A Dataset with the observable (chain, draw, run) and each parameter (chain, draw), in the runs' own units;
        `interval` makes a table of it. The attribute `finite` is the share of curves that are finite at all runs. The
        attribute `near` is the share of curves that are near the runs at all of them. Near means between 1/30 and 30
        times the runs' own scale; for an observable that may be negative, less than 30 times the scale in absolute
        value; for a bounded observable, within its range.

    Raises:
        InputError: An argument can't be used, or a prior is flat, so that it can't be drawn from.

    >>> runs = Runs(N=[1e8, 1e9, 1e10], D=[2e9, 2e10, 2e11], loss=[3.2, 2.7, 2.3])
    >>> prior = prior_predictive(runs, "chinchilla")
    >>> prior.attrs["finite"], prior.attrs["near"] > 0.95
    (1.0, True)
    """
    runs, law = runs_first(runs, law, "prior_predictive")
    law = laws.get(law)
    with double():
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
    """Whether values of a law, over the runs' own scale, are near the runs; `prior_predictive` says what near means."""
    low, high = law.range
    if not law.has_scale:
        return (values >= low) & (values <= high)
    return np.abs(values) < NEAR if low < 0 else (values > 1 / NEAR) & (values < NEAR)
