"""This file has `update`, which takes new runs into a fit: its posterior is where the new one begins."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from scalebayes.backtesting.on_record import Registered
from scalebayes.backtesting.scorable import check_runs, columns_of
from scalebayes.checks import limits
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.finish import finished
from scalebayes.fitting.forecaster import forecaster
from scalebayes.fitting.groups import has_offsets
from scalebayes.fitting.on_fail import act, check_on_fail, failed_sentence
from scalebayes.fitting.recipes import recipe
from scalebayes.fitting.recommended_checks import told
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import RECOMMENDED
from scalebayes.fitting.summary import check_prob
from scalebayes.forecasting.ask import check_alone, one_fit
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer import NUTS, Draws, Laplace
from scalebayes.infer.double import double
from scalebayes.infer.fallback import run_on, trusted
from scalebayes.model.problem import Problem, build
from scalebayes.parameters.priors import TextPrior
from scalebayes.planning.moves import logged
from scalebayes.runs import Runs
from scalebayes.runs.joined import joined
from scalebayes.runs.observables import refuse_another
from scalebayes.runs.window import window_text
from scalebayes.seeds import Seed, as_key, seed_record

WARM, WHOLE = "from the old posterior", "whole refit"
STARTS = 2  # draws of the old posterior from which the mode is searched; two ends that agree are a check
# Effective number of proposals, as a share of the draws, below which chains are run again for a fit that had chains.
# Chains of NUTS have a quarter or more.
EFFECTIVE = 0.25
# The same for a fit by Laplace, as a share of the effective number that the old fit had: other runs make another
# posterior, which may be harder to propose to.
KEPT = 0.5
# How often at most the proposals move. On 34 and 40 of the Chinchilla runs with a process, one move left as many
# effective proposals as four: 744 and 809 of 8,000 against 753.
ROUNDS = 1


@known_settings
def update(
    fit: Fit,
    new_runs: Runs,
    *,
    watch: Any = None,
    prob: float = 0.9,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
) -> Fit:
    """Take new runs into a fit: fit the old runs and the new ones together, starting from the old posterior.

    The result is that of fitting all runs anew, within the error of the draws: the units, and the priors that depend on
    them, are those of all runs. The mode is searched from draws of the old posterior alone, and proposals around it are
    weighted to the new posterior, for a fit by NUTS too: the method of its update is `Laplace`. Where k-hat fails, or
    less than half as many proposals are effective as the old fit had, all runs are fitted anew by the old method. So
    are modes, resamples, chains in which every run has a scale of its own, and the averages of `forecaster`, always.
    `moves` says which it was. An update of a fit by NUTS takes a sixth of the time of its refit. Of a fit by Laplace,
    whose time goes into the same proposals, it takes half with a process, and as long as the refit without one.

    Args:
        fit: A `Fit`. Of `Fits` or a `Stack`, each fit is updated alone.

        new_runs: The runs that came since, or the table that has grown by them: rows that the fit has already are
            dropped. They have the observable and the unit of the fit's runs.

        watch: Points whose forecasts are watched: a mapping such as {"N": 7e10, "D": 1.4e12}, a data frame, or a
            `Registered`. Their forecasts of the curve before and after the update are kept with the fit, and `moves`
            gives them as a table. Points that were watched before stay watched. The default is None.

        prob: The probability of the watched intervals, between 0 and 1. The default is 0.9.

        seed: An int or a JAX key. The default is 0.

        on_fail: "warn", "raise" or "ignore", as for `fit`. The default is "warn".

    Returns:
        The `Fit` of all runs.

    Raises:
        InputError: The runs aren't of what was fitted, have nothing new, or have a run of the fit with other values;
            or the fit can't be repeated, since it has a window of its runs alone or a prior that is known as text.
        FitError: A check failed, and `on_fail` is "raise".

    Warns:
        FitWarning: A check failed, and `on_fail` is "warn".

    >>> import scalebayes as sb
    >>> x = np.geomspace(1, 1e4, 12)
    >>> y = 1.2 + 2 * x**-0.4 * np.exp(0.01 * np.sin(np.arange(12.0)))
    >>> first = sb.fit(sb.Runs(x=x[:9], loss=y[:9]), "offset_power", method="laplace", on_fail="ignore")
    >>> later = update(first, sb.Runs(x=x, loss=y), watch={"x": 1e6}, on_fail="ignore")
    >>> len(later.runs), sb.moves(later)["runs"].tolist()
    (12, [9, 12])
    """
    check_on_fail(on_fail)
    check_prob(prob)
    fit = _checked(fit, new_runs)
    table, dropped = joined(fit.scored_runs, new_runs)
    with double():
        result, how = _updated(fit, table, seed)
    result = logged(fit, result, watch.columns if isinstance(watch, Registered) else watch, how, dropped, prob)
    act(on_fail, failed_sentence(result), [result])
    return result


def _checked(fit: Any, new: Runs) -> Fit:
    """The fit, after a check that it can be repeated with these runs."""
    if isinstance(fit, Recalibrated):
        raise InputError(
            "update takes one fit, not Recalibrated; update its fit, and widen that by a backtest of all runs: "
            "sb.update(wide.fit, new_runs)"
        )
    fit = one_fit(fit, "update")
    check_alone(fit, "update")
    check_runs(new, fit.runs.observable, {"unit": fit.runs.unit, "N_counts": fit.runs.N_counts})
    refuse_another(new, fit.runs)
    columns_of(new, fit.problem.columns, fit.law.domains)
    if window_text(fit.runs):
        raise InputError(
            "the fit has the runs of a window alone, and can't say which of the others belong in the next one; fit all "
            "runs anew, sb.forecaster(runs)"
        )
    if text := [name for name, param in fit.problem.params.items() if isinstance(param.prior, TextPrior)]:
        raise InputError(f"the prior of {text[0]!r} is known as text alone: it can't be fitted again; fit it anew")
    if has_offsets(fit) and "group" not in new.labels:
        raise InputError(
            "the fit has an offset for each group, and the new runs have no column 'group'; say which is whose"
        )
    return fit


def _updated(fit: Fit, table: Runs, seed: Seed) -> tuple[Fit, str]:
    """The fit of all runs, and how it was made. The call is made inside `double()`."""
    recommended = fit.label == RECOMMENDED
    if fit.origin is not None or (recommended and not _same_recipe(fit, table)):
        column = fit.problem.columns.get("x")
        inputs, kind = ({"x": column}, fit.runs.metadata["kind"][0]) if column else (None, None)
        again = forecaster(
            table, inputs=inputs, kind=kind, method=fit.method, seed=seed, on_fail="ignore", progress=False
        )
        return again, WHOLE
    law, old = fit.problem.movable_law, fit.problem
    problem = build(table, law, fit.noise, None, old.columns, None, fit.discrepancy)
    # The law has the priors of the fit. A flat prior has no starts of its own, so those of the fit are kept.
    problem = replace(problem, numbers=problem.numbers._replace(starts=old.numbers.starts))
    key = as_key(seed)
    warm = _from_the_old(fit, problem, key)
    method, draws = warm or run_on(fit.method, problem, key)
    result = replace(finished(problem, method, seed_record(seed), draws), label=fit.label)
    return told(result) if recommended else result, WARM if warm else WHOLE


def _same_recipe(fit: Fit, table: Runs) -> bool:
    """Whether the recommended forecaster fits all runs as it fitted the old ones, and averages none of them."""
    column = fit.problem.columns.get("x")
    inputs, kind = ({"x": column}, fit.runs.metadata["kind"][0]) if column else (None, None)
    now = recipe(table, inputs, kind)
    if now.cells is not None and len(table) > now.cells:
        return False
    parts = [[one.name for one in of.components] if of else [] for of in (now.discrepancy, fit.discrepancy)]
    return parts[0] == parts[1] and (now.law.name, repr(now.noise)) == (fit.law.name, repr(fit.noise))


def _from_the_old(fit: Fit, problem: Problem, key: Any) -> tuple[Any, Draws] | None:
    """The method and the draws of a fit that starts from an old one; None where it would be no better than a guess."""
    method = fit.method
    if problem.model.latent or not isinstance(method, (Laplace, NUTS)):
        return None
    near = _near(fit, problem)
    if not np.isfinite(near).all():
        return None
    chains = isinstance(method, NUTS)
    warm = Laplace(draws=fit.size, proposals=2 * fit.size, search=method.search) if chains else method
    draws = replace(warm, rounds=min(warm.rounds, ROUNDS)).run(problem, key, near)
    effective = EFFECTIVE * warm.draws if chains else max(limits.ESS, KEPT * fit.numbers.get("importance_ess", 0.0))
    enough = trusted(draws.numbers) and draws.numbers["importance_ess"] >= effective
    return (warm, draws) if enough else None


def _near(fit: Fit, problem: Problem) -> np.ndarray:
    """Draws of the old posterior in the coordinates of the new problem (start, free), its densest draw first."""
    lp = fit.sample_stats["lp"].reshape(-1)
    chosen = np.linspace(0, lp.size - 1, STARTS).astype(int)
    chosen[0] = np.argmax(lp)
    own = {
        name: x.reshape(-1)[chosen]
        for of in (fit.law_draws, fit.noise_draws, fit.discrepancy_draws)
        for name, x in of.items()
    }
    return np.asarray(problem.model.unconstrained(own, problem.numbers))
