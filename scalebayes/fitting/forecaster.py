"""This file has `forecaster`, which fits the configuration that is recommended for forecasts beyond the runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, overload

import numpy as np

from scalebayes import infer
from scalebayes.checks.other_columns import Scatter, checks_of
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.many.fit_many import fit_many
from scalebayes.fitting.on_fail import check_on_fail
from scalebayes.fitting.pooled.recommended import recommended_of
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.recipes import recipe
from scalebayes.fitting.recommended_checks import told
from scalebayes.fitting.result import Fit
from scalebayes.infer import MAP, NUTS, Laplace, Method, Search
from scalebayes.infer.double import double
from scalebayes.laws.law import Law
from scalebayes.runs import Runs
from scalebayes.runs import ladder_or_curve as kinds
from scalebayes.runs.averaging import Averaged, averaged, scattered
from scalebayes.runs.no_table import no_table
from scalebayes.runs.observables import refuse_several
from scalebayes.seeds import Seed
from scalebayes.status import Check, Checks

LOOKED = 100  # number of draws used to find cells with excess scatter; a fit with fewer draws gives them all
# The largest number of fits: modes, and the posterior at the end. There are fewer where no cell has excess scatter.
# Where a cell still has it after the last fit, a check says so.
PASSES = 3
METHOD = Laplace(
    draws=1000,
    proposals=6000,
    df=4.0,
    rounds=3,
    search=Search(screened=256, starts=4, newton_steps=30, lbfgs_steps=0),
)


@overload
def forecaster(
    runs: Runs,
    *,
    law: str | Law | None = None,
    inputs: Mapping[str, str] | None = None,
    kind: Literal["ladder", "curve"] | None = None,
    pool: None = None,
    method: Method = METHOD,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit: ...


@overload
def forecaster(runs: Runs, *, pool: str, **settings: Any) -> Pooled: ...


@known_settings
def forecaster(  # type: ignore[reportInconsistentOverload]
    runs: Runs,
    *,
    law: str | Law | None = None,
    inputs: Mapping[str, str] | None = None,
    kind: Literal["ladder", "curve"] | None = None,
    pool: str | None = None,
    method: Method = METHOD,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit | Pooled:
    """Fit runs in the configuration that is recommended for forecasts beyond them.

    Runs with two of N, D and C are fitted by the law `end_chinchilla` with a Gaussian process as discrepancy. The
    process has a misfit that fades with D; from 10 runs on also a bend in D/N and a drift; and an offset for each group
    where the runs have several groups. More than 64 runs are averaged in cells, with the number of runs in each cell as
    its count. Runs in a cell with more scatter than the fitted noise are not averaged. After three fits at most, a
    check says whether such a cell is left.

    Runs of one input are fitted by the law `end_power` with a Gaussian process. They are read as one of two kinds:

    - A ladder of finished runs has losses at several values of N, or at up to 30 values of D or C. Its priors on the
      exponent and the floor are broad, and all runs are fitted.
    - The curve of one run has any other input, more values, or a run with several values. Its priors are those of
      learning curves. The fit has a window: the last two e-folds, or more where the runs are noisy.

    The method is Laplace. Where its k-hat fails, more proposals are tried and then NUTS.

    Args:
        runs: The table of runs, made by `read_runs` or `Runs`.

        law: A name or a `Law`, such as "routed" or "vocabulary", for runs with other inputs than N and D. The fit has a
            Gaussian process over the law's inputs as its discrepancy. An input that may be 0, such as a share, is
            taken by its value over its sd in place of its log. No backtests stand behind such forecasts; `backtest`
            your own runs. The default is None: the recommended law.

        inputs: {"x": column} for a forecast along one column of a table with several, such as {"x": "C"}. The default
            is None: N and D, or the only input. With `law` it maps inputs of the law to columns.

        kind: "ladder" or "curve", where runs of one input are of another kind than they look like. The default is
            None: the kind follows from the runs, and the check "kind" says which it is and why.

        pool: A column with the names of recipes, such as "recipe", which are fitted together, as by `fit`: exponents
            and floor shares are partially pooled, and a part of the departure from the law is common to all recipes.
            Nothing is averaged. The default is None: the runs are of one recipe.

        method: A name or a method with settings, as for `fit`. The default is Laplace with 1,000 draws, 6,000
            proposals and a wide search for the mode, and with `pool` it is NUTS.

        seed: An int or a JAX key. The default is 0.

        on_fail: "warn", "raise" or "ignore", as for `fit`. The default is "warn".

        fallback: Whether other proposals and NUTS are tried where Laplace's k-hat fails. The default is True.

        progress: Whether a line on standard error says what is going on where a fit takes over two seconds. The
            default is None: the line appears on a terminal and in a notebook only.

    Returns:
        A `Fit`, which `predict`, `optimum`, `export` and `recalibrate` take as any other. Its checks also say which
        runs were averaged, which kind runs of one input are, and whether the runs are so few that the width of the
        intervals is mostly that of the priors. With `pool`, a `Pooled`.

    Raises:
        InputError: An argument can't be used, or the runs have several inputs, none of them N and D, and `inputs`
            names none.
        FitError: A check failed, and `on_fail` is "raise".

    Warns:
        FitWarning: A check failed, and `on_fail` is "warn".

    >>> runs = Runs(C=[1e18, 1e19, 1e20, 1e21], loss=[3.5, 3.1, 2.8, 2.55])
    >>> ladder = forecaster(runs, on_fail="ignore", fallback=False)
    >>> ladder.checks["kind"].sentence
    "Read as a ladder of finished runs (4 values of C); kind='curve' reads them as the curve of one run."
    >>> sorted(ladder.draws)
    ['F', 'alpha', 'logit_phi', 'matern_length_x', 'matern_scale', 'noise_scale']
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    if pool is not None:
        check_on_fail(on_fail)
        if law is not None:
            raise InputError("pool takes the recommended law; for another one use sb.fit(runs, law, pool=...)")
        used = NUTS() if method is METHOD else infer.get(method)
        asked = {"inputs": inputs, "kind": kind}
        alone = partial(forecaster, method=method, on_fail=on_fail, fallback=fallback, **asked)
        return recommended_of(runs, pool, asked, used, alone, seed=seed, on_fail=on_fail, progress=progress)
    refuse_several(runs, together="sb.forecaster(runs, pool='observable')")
    chosen = recipe(runs, inputs, kind, law)
    settings = _settings(chosen, method, seed, on_fail, fallback, progress)
    if law is not None:
        return fit_many([runs], **settings)[0]
    if chosen.kind is not None:
        runs = kinds.noted(runs, chosen.kind)
    if chosen.cells is None or len(runs) <= chosen.cells:
        return told(fit_many([runs], **settings)[0])
    runs = runs.derive("N").derive("D")
    mode = MAP(getattr(method, "search", METHOD.search))
    apart = _scattered_runs(runs, chosen.cells, {**settings, "method": mode})
    table, cell = averaged(runs, ("N", "D"), chosen.cells, apart)
    fit = fit_many([table], **settings)[0]
    off, variance = _off(fit, runs)
    loose = np.isin(cell, scattered(cell, off, variance)) & ~apart
    checks = Checks((*fit.checks, *_others(fit, runs, off, np.sqrt(variance))))
    fit = replace(fit, checks=checks, origin=Averaged(runs, cell, table.metadata["averaged"]))
    return told(fit, len(runs), int(apart.sum()), int(loose.sum()))


def _settings(law: Any, method: Any, seed: Any, on_fail: Any, fallback: bool, progress: bool | None) -> dict[str, Any]:
    """The settings of `fit_many`."""
    settings = {"method": method, "seed": seed, "on_fail": on_fail, "fallback": fallback, "progress": progress}
    return {"law": law, **settings}


def _scattered_runs(runs: Runs, cells: int, settings: Mapping[str, Any]) -> np.ndarray:
    """Whether each run stands in a cell with excess scatter, and so isn't averaged, bool (run,).

    Runs of such cells are taken out, and the rest is fitted again, until no cell scatters too much. The fits are modes:
    the residuals from a mode find nearly the same cells as those from a posterior, in a fifth of the time.
    """
    apart = np.zeros(len(runs), bool)
    for _ in range(PASSES - 1):
        table, cell = averaged(runs, ("N", "D"), cells, apart)
        fit = fit_many([table], **{**settings, "on_fail": "ignore"})[0]
        loose = np.isin(cell, scattered(cell, *_off(fit, runs))) & ~apart
        if not loose.any():
            break
        apart = apart | loose
    return apart


def _off(fit: Fit, runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """Residuals log y - log f of runs from the fitted curve f, and their variance by the noise and the curve (run,)."""
    held = fit.size
    chosen = np.linspace(0, held - 1, min(held, LOOKED)).round().astype(int)
    few = replace(
        fit,
        draws={name: x.reshape(1, -1)[:, chosen] for name, x in fit.draws.items()},
        sample_stats={},
    )
    points = {name: runs.column(column) for name, column in fit.problem.columns.items()}
    codes = group_codes(fit, runs)
    with double():
        found = conditional(few, points, codes)
    curve = np.log(found.law) + found.mean
    count = np.ones(len(runs)) if runs.count is None else runs.count
    se = 0.0 if runs.se is None else runs.se / runs.y
    noise = np.mean(few.noise_draws["noise_scale"] ** 2) / count + se**2
    return np.log(runs.y) - curve.mean(axis=0), noise + np.mean(found.sd**2, axis=0)


def _others(fit: Fit, runs: Runs, off: np.ndarray, scale: np.ndarray) -> Iterator[Check]:
    """The checks of the columns that averaging drops, by the residual `off` of each run and its `scale` (run,)."""
    used = {column: runs.column(column) for column in fit.problem.columns.values()}
    logs = {column: np.log(x) for column, x in used.items()}
    spread, size = float(np.std(np.log(runs.y))), np.sum(list(logs.values()), axis=0)
    offsets = fit.problem.rows.group is not None
    return checks_of(Scatter(runs, fit.law, used, logs, off / scale, scale, spread, size, offsets))
