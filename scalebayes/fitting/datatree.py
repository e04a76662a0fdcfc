"""This file turns a fit into an `xarray.DataTree` in ArviZ's schema."""

import re
from collections import Counter
from functools import cache, partial
from typing import Any
from urllib.parse import quote, unquote

import jax
import numpy as np
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.fitting import lazy, replicates
from scalebayes.fitting.left_out import leave_one_out
from scalebayes.infer.double import double

# From the number of dims of an array in `sample_stats` to the names of its dims.
DIMS = {1: ("proposal",), 2: ("chain", "draw"), 3: ("chain", "draw", "run")}
# Names that no variable of a tree can have: those of its dims, and those that a path takes for another place.
TAKEN = ("chain", "draw", "run", "proposal", "dataset", ".", "..", "%")


def tree_name(name: str) -> str:
    """The name of a column or a parameter in `Fit.data`: its own name where the tree can have it.

    A slash and a character that can't be printed are percent-encoded, as in the address of a web page. So is the first
    letter of a name in `TAKEN`. An empty name is "%". `own_name` gives the name back.

    >>> tree_name("N"), tree_name("val/loss"), tree_name("run"), tree_name("")
    ('N', 'val%2Floss', '%72un', '%')
    """
    if not name:
        return "%"
    if name in TAKEN:
        return f"%{ord(name[0]):02X}{name[1:]}"
    # A per cent sign of the name's own is encoded where it would be read as the start of a code.
    safe = re.sub("%(?=[0-9A-Fa-f]{2})", "%25", name)
    return "".join(c if c.isprintable() and c != "/" else quote(c, "", errors="surrogatepass") for c in safe)


def own_name(name: str) -> str:
    """The column or parameter whose name in `Fit.data` is `name`; the inverse of `tree_name`.

    >>> own_name("val%2Floss")
    'val/loss'
    """
    return "" if name == "%" else unquote(name, errors="surrogatepass")


def to_tree(fit: Any) -> xr.DataTree:
    """The tree of a fit's groups, as `Fit.data` describes them. The expensive ones are computed when first read."""
    attributes = {"inference_library": "scalebayes", "created_by": "scalebayes", "law": fit.law.name}
    chains, draws = fit.shape
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    posterior = xr.Dataset({tree_name(n): (("chain", "draw"), x) for n, x in fit.draws.items()}, coords, attributes)
    stats = xr.Dataset(
        {n: (DIMS[x.ndim], x) for n, x in fit.sample_stats.items()},
        {**coords, **({"run": run_names(fit.runs)} if "noise_factor" in fit.sample_stats else {})},
        {**attributes, **fit.numbers},
    )
    run, runs = {"run": run_names(fit.runs)}, fit.runs
    columns = {tree_name(name): ("run", x) for name, x in constant_columns(runs).items()}
    groups = {
        "posterior": posterior,
        "sample_stats": stats,
        "observed_data": xr.Dataset({tree_name(runs.observable): ("run", runs.y)}, run, attributes),
        "constant_data": xr.Dataset(columns, run, attributes),
    }
    if replicates.has_prior_draws(fit):
        groups["prior"] = _prior(fit, attributes)
    if fit.noise.form.density:
        anew = lazy.variable(
            ("chain", "draw", "run"), (chains, draws, len(runs)), partial(replicates.posterior_predictive, fit)
        )
        groups["posterior_predictive"] = xr.Dataset({tree_name(runs.observable): anew}, {**coords, **run}, attributes)
        groups["log_likelihood"] = log_likelihood(fit).assign_attrs(attributes)
    return xr.DataTree.from_dict(groups)


def _prior(fit: Any, attributes: dict[str, Any]) -> xr.Dataset:
    """The group `prior`: draws of the free parameters from their priors (chain = 1, draw)."""
    drawn, shape = cache(partial(replicates.prior, fit)), (1, replicates.PRIOR_DRAWS)
    values = {
        tree_name(name): lazy.variable(("chain", "draw"), shape, lambda name=name: drawn()[name])
        for name in fit.problem.model.free
    }
    return xr.Dataset(values, {"chain": [0], "draw": np.arange(replicates.PRIOR_DRAWS)}, attributes)


def constant_columns(runs: Any) -> dict[str, np.ndarray]:
    """The variables of the group constant_data in `Fit.data`: name -> (run,).

    They are the inputs of the runs, and their standard errors and counts if these are known.
    """
    known = {f"{runs.observable}_se": runs.se, "count": runs.count}
    return {**runs.inputs, **{name: x for name, x in known.items() if x is not None}}


def run_names(runs: Any) -> np.ndarray:
    """The coordinate of the dim run in `Fit.data`: the `run_id` where the table has it, else the position.

    Where several runs have the same `run_id`, or a run has none, its row in the table is added, so that all names
    differ.
    """
    labels = runs.labels.get("run_id")
    if labels is None:
        return np.arange(len(runs))
    seen = Counter(labels.tolist())
    names = [_run_name(name, seen[name], row) for name, row in zip(labels.tolist(), runs.rows.tolist(), strict=True)]
    # Where the runs have one row twice, its two names are the same, and the positions are used.
    return np.array(names, str) if len(set(names)) == len(names) else np.arange(len(runs))


def _run_name(name: str | None, times: int, row: int) -> str:
    if name is None:
        return f"row {row}"
    return name if times == 1 else f"{name} (row {row})"


def log_likelihood(fit: Any) -> xr.Dataset:
    """The log_likelihood group of `Fit.data`: each run's log density given the draw (chain, draw, run).

    It is in the observable's own units.

    A discrepancy couples the runs; with one the density is conditional on the other runs too.

    Raises:
        InputError: The noise is an objective and not a density.
    """
    if not fit.noise.form.density:
        raise InputError(f"noise {fit.noise!r} is an objective and not a density: it has no log likelihood")
    chains, draws = next(iter(fit.draws.values())).shape
    values = lazy.variable(
        ("chain", "draw", "run"), (chains, draws, len(fit.runs)), partial(_log_likelihood_of_runs, fit)
    )
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), "run": run_names(fit.runs)}
    return xr.Dataset({tree_name(fit.runs.observable): values}, coords)


def _log_likelihood_of_runs(fit: Any) -> np.ndarray:
    runs, columns = fit.runs, fit.problem.columns
    if fit.discrepancy is not None:
        return leave_one_out(fit)
    with double():
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
    return np.asarray(values)


def _pointwise_impl(fn, form, law, noise, inputs, y, se, count):
    return form.log_likelihood(y, fn(**inputs, **law), noise, se, count)


_pointwise = jax.jit(_pointwise_impl, static_argnums=(0, 1))
