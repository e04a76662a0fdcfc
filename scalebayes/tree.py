"""A fit as an `xarray.DataTree` in ArviZ's schema."""

from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes.conditional import leave_one_out
from scalebayes.errors import InputError

# Of sample stats, by how many they have.
DIMS = {1: ("proposal",), 2: ("chain", "draw"), 3: ("chain", "draw", "run")}


def to_tree(fit: Any) -> xr.DataTree:
    """Posterior, sample_stats, observed_data and constant_data of a fit."""
    attributes = {"inference_library": "scalebayes", "created_by": "scalebayes", "law": fit.law.name}
    chains, draws = next(iter(fit.draws.values())).shape
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    posterior = xr.Dataset({n: (("chain", "draw"), x) for n, x in fit.draws.items()}, coords, attributes)
    stats = xr.Dataset(
        {n: (DIMS[x.ndim], x) for n, x in fit.sample_stats.items()},
        {**coords, **({"run": run_names(fit.runs)} if "noise_factor" in fit.sample_stats else {})},
        {**attributes, **fit.numbers},
    )
    run, runs = {"run": run_names(fit.runs)}, fit.runs
    columns = {name: ("run", x) for name, x in constant_columns(runs).items()}
    return xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": stats,
            "observed_data": xr.Dataset({runs.observable: ("run", runs.y)}, run, attributes),
            "constant_data": xr.Dataset(columns, run, attributes),
        }
    )


def constant_columns(runs: Any) -> dict[str, np.ndarray]:
    """Inputs, known standard errors and counts of runs (run,), as a tree and a file name them."""
    known = {f"{runs.observable}_se": runs.se, "count": runs.count}
    return {**runs.inputs, **{name: x for name, x in known.items() if x is not None}}


def run_names(runs: Any) -> np.ndarray:
    """The coordinate of the dim run: the run_id where there is one, else the position."""
    labels = runs.labels.get("run_id")
    return np.arange(len(runs)) if labels is None else np.asarray(labels, str)


def log_likelihood(fit: Any) -> xr.Dataset:
    """log p(observable of a run | draw), in the observable's own units (chain, draw, run); with a discrepancy, which
    couples the runs, given the other runs too."""
    if not fit.noise.form.density:
        raise InputError(f"noise {fit.noise!r} is an objective and not a density: it has no log likelihood")
    runs, columns = fit.runs, fit.problem.columns
    if fit.discrepancy is not None:
        values = leave_one_out(fit)
        return xr.Dataset({runs.observable: (("chain", "draw", "run"), values)}, {"run": run_names(runs)})
    with jax.enable_x64():
        values = _pointwise(
            fit.law.fn,
            fit.noise.form,
            {name: x[..., None] for name, x in fit.law_draws.items()},
            {name: x[..., None] for name, x in fit.noise_draws.items()},
            {name: runs.column(column) for name, column in columns.items()},
            runs.y,
            runs.se,
            runs.count,
        )
    return xr.Dataset({runs.observable: (("chain", "draw", "run"), np.asarray(values))}, {"run": run_names(runs)})


def _pointwise_impl(fn, form, law, noise, inputs, y, se, count):
    return form.log_likelihood(y, fn(**inputs, **law), noise, se, count)


_pointwise = jax.jit(_pointwise_impl, static_argnums=(0, 1))
