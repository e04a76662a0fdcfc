"""This file has the scores of a fit on each run in turn and on the largest runs, and its evidence."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from scalebayes.comparison.leave_one_out_averaged import leave_one_out_averaged
from scalebayes.comparison.refit import without
from scalebayes.fitting.datatree import run_names, tree_name
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.density import log_density, mean_over_draws
from scalebayes.model.arrays import largest as largest_of
from scalebayes.seeds import as_key
from scalebayes.status import Checks


class Loo(NamedTuple):
    """Leave-one-out scores of a fit.

    Attributes:
        elpd: The log predictive density of each run given the others (run,).

        p: The part of each run in the effective number of parameters (run,).

        pareto_k: The Pareto k of each run (run,).

        good: Whether the Pareto k is low enough to trust the weights (run,).

        refitted: Which runs have an exact refit (run,).

        checks: The checks of each refit.
    """

    elpd: np.ndarray
    p: np.ndarray
    pareto_k: np.ndarray
    good: np.ndarray
    refitted: np.ndarray
    checks: list[Checks]


def leave_one_out(fit: Fit, refits: int, key: Any) -> Loo:
    """Leave-one-out scores of a fit by ArviZ's PSIS-LOO, with exact refits where the Pareto k is too high."""
    from arviz_stats.loo.loo import loo  # imported here, because ArviZ takes seconds to import

    terms, seen = _terms(fit)
    draws = fit.size
    # Resampled draws are repeated, which ArviZ can't see from the autocorrelation of one chain.
    reff = min(1.0, fit.numbers["importance_ess"] / draws) if "importance_ess" in fit.numbers else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ warns of high k, which the table and the checks show
        found: Any = loo(seen, pointwise=True, reff=reff)
    weights = found.log_weights.transpose("chain", "draw", "run").values.reshape(draws, -1)
    elpd: np.ndarray = np.array(logsumexp(terms + weights, axis=0))
    k = np.array(found.pareto_k.values, np.float64)
    refitted, checks = np.full(len(k), False), []
    good = k <= found.good_k  # a NaN isn't good
    bad = np.flatnonzero(~good)
    for i in bad[np.argsort(-np.nan_to_num(k[bad], nan=np.inf), kind="stable")][:refits]:
        alone = np.arange(len(k)) == i
        again = without(fit, alone, jax.random.fold_in(key, int(i)), same_model=True)
        elpd[i] = mean_over_draws(log_density(again, fit.scored_runs.take(alone), new=False))[0]
        refitted[i] = True
        checks.append(again.checks)
    return Loo(elpd, mean_over_draws(terms) - elpd, k, good, refitted, checks)


def _terms(fit: Fit) -> tuple[np.ndarray, Any]:
    """Log density of each run given the others (draw, run), and a tree whose log_likelihood is what the fit saw of it.

    Both are the same where the fit saw each run. A fit of averaged runs saw only the averages. How far a run lies from
    the others of its cell is then part of the first and not of the second: importance weights by the first would take
    out of the posterior what was never in it.
    """
    name, runs = tree_name(fit.runs.observable), fit.scored_runs
    if fit.origin is None:
        values = fit.log_likelihood()[name].values
        return values.reshape(-1, len(runs)), fit.data
    terms, seen = leave_one_out_averaged(fit)
    shape = (*fit.shape, len(runs))
    groups = {
        "posterior": fit.data["posterior"].to_dataset(),
        "log_likelihood": xr.Dataset({name: (("chain", "draw", "run"), seen.reshape(shape))}, {"run": run_names(runs)}),
    }
    return terms, xr.DataTree.from_dict(groups)


def held_out(members: Mapping[str, Fit]) -> tuple[np.ndarray | None, str]:
    """Which runs a comparison holds out, the largest tenth, bool (run,), with a blank text; or None and the reason."""
    fits = list(members.values())
    columns = {name: x for fit in fits for name, x in fit.scored_runs.inputs.items()}
    used = {c: columns[c] for fit in fits for c in fit.problem.columns.values() if fit.problem.axis_name(c) != c}
    if "C" in columns and np.isfinite(columns["C"]).all():
        size = {"C": columns["C"]}
    else:
        size = {name: columns[name] for name in ("N", "D")} if {"N", "D"} <= set(columns) else used
    if not size:
        return None, "the runs have no size, such as C, or N and D"
    held = largest_of(size)
    if held.sum() > len(held) / 2:
        return None, f"{held.sum()} of {len(held)} runs tie for the largest"
    return held, ""


def largest_scores(members: Mapping[str, Fit], held: np.ndarray, seed: Any) -> tuple[np.ndarray, dict[str, Checks]]:
    """In a comparison, the log predictive density of held-out runs by fits of the others (model, held).

    The checks of each fit follow.
    """
    scores, checks = [], {}
    for k, (name, fit) in enumerate(members.items()):
        key = jax.random.fold_in(jax.random.fold_in(as_key(seed), k), len(held))
        again = without(fit, held, key, same_model=False)
        scores.append(mean_over_draws(log_density(again, fit.scored_runs.take(held), new=True)))
        checks[name] = again.checks
    return np.stack(scores), checks


def log_evidence(fit: Fit) -> tuple[float, float]:
    """The log evidence by which a fit is compared, and its Monte-Carlo error; NaN where the fit has none.

    It is in the observable's own units.

    The fit has the evidence of y / scale, in reference units, where the density of a run is `scale` times as large.
    """
    if fit.origin is not None:
        # The evidence of averages lacks the density of the runs around them: it can't be weighed against a fit of all.
        return np.nan, np.nan
    flat = [name for name in fit.problem.model.free if isinstance(fit.problem.params[name].prior, str)]
    if "log_evidence" not in fit.numbers or flat:
        return np.nan, np.nan
    own = fit.numbers["log_evidence"] - len(fit.runs) * np.log(fit.reference.scale)
    proposals = fit.sample_stats["log_weight"].size
    return own, float(np.sqrt(max(1 / fit.numbers["importance_ess"] - 1 / proposals, 0.0)))
