"""forecaster: the recommended configuration for a forecast beyond the runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

import jax
import numpy as np

from scalebayes.checks import evidence, limits
from scalebayes.checks.other_columns import Scatter, checks_of
from scalebayes.checks.registry import make_check
from scalebayes.errors import known_settings
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.many.fit_many import fit_many
from scalebayes.fitting.recipes import recipe
from scalebayes.fitting.result import Fit
from scalebayes.infer import Laplace, Method, Search
from scalebayes.runs import Runs
from scalebayes.runs import ladder_or_curve as kinds
from scalebayes.runs.averaging import Averaged, averaged, averaged_text, scattered
from scalebayes.runs.no_table import no_table
from scalebayes.seeds import Seed
from scalebayes.status import Check, Checks, Status

LOOKED = 100  # draws, by which cells are looked at
PASSES = 3  # fits at most, until no cell's runs scatter more than their noise
METHOD = Laplace(
    draws=1000,
    proposals=6000,
    df=4.0,
    rounds=6,
    search=Search(screened=256, starts=4, newton_steps=30, lbfgs_steps=0),
)


@known_settings
def forecaster(
    runs: Runs,
    *,
    inputs: Mapping[str, str] | None = None,
    kind: Literal["ladder", "curve"] | None = None,
    method: Method = METHOD,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit:
    """Fit runs in the configuration that is recommended for forecasts beyond them.

    Runs of N and D: `end_chinchilla` with a Gaussian process as discrepancy (a misfit that fades with D, a bend in
    D/N, a drift), and an offset a group where there are groups; above 64 runs they are averaged in cells with counts,
    but for cells whose runs scatter more than the noise that is found. Runs of one input: `end_power` with a Gaussian
    process, of which there are two kinds. A ladder of finished runs (losses at several N, or at up to 30 values of D
    or C) has broad priors on the exponent and the floor, and all runs count. The curve of one run (any other input,
    more values, or a run with several of them) has the priors of learning curves, and a window: the last two e-folds,
    or more where noisy runs ask for it. By Laplace, and by NUTS where its k-hat fails.

    Args:
        runs: the table.

        inputs: {"x": column} for a forecast along one column of several, such as {"x": "C"}.

        kind: "ladder" or "curve", where runs of one input are another kind than they look like; by default None, and
            the check "kind" says what they were read as, and why.

        method: of the fit.

        seed, on_fail, fallback, progress: as for `fit`.

    Returns:
        A `Fit`: `predict`, `optimum`, `save` as of any other. Its checks say what was averaged, what runs of one input
        were read as, and where few runs leave the intervals mostly to the priors.

    Raises:
        InputError: as `recipe` and `fit`. FitError: with `on_fail="raise"`.

    >>> ladder = forecaster(Runs(C=[1e18, 1e19, 1e20, 1e21], loss=[3.5, 3.1, 2.8, 2.55]), on_fail="ignore")
    >>> ladder.checks["kind"].sentence
    "Read as a ladder of finished runs (4 values of C); kind='curve' reads them as the curve of one run."
    >>> x = [2.0**k for k in range(12)]
    >>> fitted = forecaster(Runs(x=x, loss=[1 + u**-0.5 for u in x]), on_fail="ignore")
    >>> sorted(fitted.draws)
    ['F', 'alpha', 'logit_phi', 'matern_fade', 'matern_length_x', 'matern_scale', 'noise_new', 'noise_scale']
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    chosen = recipe(runs, inputs, kind)
    if chosen.kind is not None:
        runs = kinds.noted(runs, chosen.kind)
    settings = {
        "law": chosen,
        "method": method,
        "seed": seed,
        "on_fail": on_fail,
        "fallback": fallback,
        "progress": progress,
    }
    if chosen.cells is None or len(runs) <= chosen.cells:
        return _told(fit_many([runs], **settings)[0])
    runs = runs.derive("N").derive("D")
    apart = loose = np.zeros(len(runs), bool)
    passes = 0
    while True:
        apart, passes = apart | loose, passes + 1
        table, cell = averaged(runs, ("N", "D"), chosen.cells, apart)
        fit = fit_many([table], **settings)[0]
        off, variance = _off(fit, runs)
        loose = np.isin(cell, scattered(cell, off, variance)) & ~apart
        if passes == PASSES or not loose.any():
            checks = Checks((*fit.checks, *_others(fit, runs, off, np.sqrt(variance))))
            fit = replace(fit, checks=checks, origin=Averaged(runs, cell, table.metadata["averaged"]))
            return _told(fit, len(runs), int(apart.sum()), int(loose.sum()))


def _off(fit: Fit, runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """log y of runs off the fitted curve, and the variance that its noise and the curve's own doubt give it (run,)."""
    held = fit.size
    chosen = np.linspace(0, held - 1, min(held, LOOKED)).round().astype(int)
    few = replace(
        fit,
        draws={name: x.reshape(1, -1)[:, chosen] for name, x in fit.draws.items()},
        sample_stats={},
    )
    points = {name: runs.column(column) for name, column in fit.problem.columns.items()}
    codes = group_codes(fit, runs)
    with jax.enable_x64():
        found = conditional(few, points, codes)
        law = np.log(np.asarray(fit.law(**points, **{name: x.reshape(-1, 1) for name, x in few.law_draws.items()})))
    curve = law + found.mean
    count = np.ones(len(runs)) if runs.count is None else runs.count
    se = 0.0 if runs.se is None else runs.se / runs.y
    noise = np.mean(few.noise_draws["noise_scale"] ** 2) / count + se**2
    return np.log(runs.y) - curve.mean(axis=0), noise + np.mean(found.sd**2, axis=0)


def _others(fit: Fit, runs: Runs, off: np.ndarray, scale: np.ndarray) -> Iterator[Check]:
    """The checks of the columns that averaging drops, by each run's log y `off` the curve, in `scale`s (run,)."""
    used = {column: runs.column(column) for column in fit.problem.columns.values()}
    logs = {column: np.log(x) for column, x in used.items()}
    spread, size = float(np.std(np.log(runs.y))), np.sum(list(logs.values()), axis=0)
    offsets = fit.problem.rows.group is not None
    return checks_of(Scatter(runs, fit.law, used, logs, off / scale, scale, spread, size, offsets))


def _kind(fit: Fit, read: str) -> Check:
    """How runs of one input were read, and what a ladder of N alone or of D alone leaves open."""
    size, other = kinds.size_of(fit.runs, next(iter(fit.problem.columns.values()))), {"N": "D", "D": "N"}
    if fit.runs.metadata["kind"][0] != kinds.LADDER or size not in other:
        return make_check("kind", Status.PASS, f"Read as {read}.")
    return make_check(
        "kind",
        Status.REVIEW,
        f"read as {read}. How it goes on depends on {other[size]}, which the fit doesn't have: of "
        f"{evidence.LADDERS} ladders along N or D whose other scale was the same in every run, {_worth('ladder')}, "
        f"and with kind='curve' {_worth('curve')}; so read both, or add a column {other[size]} and fit N and D.",
    )


def _worth(kind: str) -> str:
    """What forecasts of ladders along N or D were worth, in words.

    >>> _worth("ladder")
    'forecasts were 4 % too low on average and 90 % intervals held 89 %'
    """
    error, held = evidence.LADDERS_ERROR[kind].value, evidence.LADDERS_HELD[kind]
    way = "low" if error < 0 else "high"
    return f"forecasts were {100 * abs(error):.0f} % too {way} on average and 90 % intervals held {held}"


def _told(fit: Fit, runs: int = 0, apart: int = 0, loose: int = 0) -> Fit:
    """The fit with the checks of the recipe, of so many runs, some kept apart, and some in cells that scatter."""
    found = []
    if read := kinds.kind_text(fit.runs):
        found.append(_kind(fit, read))
    if "averaged" in fit.runs.metadata:
        kept = f"; {apart} of them stay as they are, since their cells scattered more than the noise" if apart else ""
        left = (
            f" {loose} are still in cells that scatter more than the noise: fit fewer runs, or all of them by "
            "sb.fit(runs, 'end_chinchilla', discrepancy='gp')."
            if loose
            else " No cell's runs scatter more than their noise."
        )
        found.append(
            make_check(
                "averaged_cells",
                Status.REVIEW if loose else Status.PASS,
                f"{averaged_text(fit.runs)}{kept}.{left}",
            )
        )
    n = runs or len(fit.runs)
    if n <= limits.MOSTLY_PRIOR_RUNS:
        found.append(
            make_check(
                "mostly_prior",
                Status.REVIEW,
                f"{n} runs say little of what lies beyond them: the width of a forecast there is mostly that of the "
                "priors. It is honest for sweeps like those that they were taken from; more runs, or longer ones, make "
                "it yours.",
            )
        )
    return replace(fit, checks=Checks((*fit.checks, *found)))
