"""forecaster: the recommended configuration for a forecast beyond the runs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import numpy as np
import numpyro.distributions as dist

from scalebayes import window as windows
from scalebayes.averaging import Averaged, averaged, averaged_text, scattered
from scalebayes.checks.columns import Scatter, checks_of
from scalebayes.components import Matern
from scalebayes.conditional import conditional
from scalebayes.discrepancy import GP, Discrepancy
from scalebayes.errors import InputError, known_settings, listed
from scalebayes.groups import group_codes
from scalebayes.infer import Laplace, Search
from scalebayes.many.fitting import fit_many
from scalebayes.noise import Noise, Normal
from scalebayes.result import Fit
from scalebayes.runs import Runs
from scalebayes.runs.settings import groups_of
from scalebayes.status import Check, Checks, Status
from scalebayes.window import Window

CELLS = 64  # rows that a process over N and D is given; more of them are averaged
FEW = 10  # runs, below which no bend and no drift can be told from the law
LOOKED = 100  # draws, by which cells are looked at
LITTLE = 15  # runs, up to which the width beyond them is mostly the priors'
PASSES = 3  # fits at most, until no cell's runs scatter more than their noise
NOISE = dist.LogNormal(math.log(0.006), 1.0)  # of a sweep
# Of a curve: learnt from half A of the image curves by benchmarks/learn.py, rounded means over its last steps.
CURVE = {
    "alpha": dist.LogNormal(-0.38, 0.39),
    "logit_phi": dist.Normal(0.37, 1.1),
    "noise_scale": dist.LogNormal(-4.2, 0.95),
    "matern_scale": dist.LogNormal(-3.8, 0.5),
    "matern_length_x": dist.LogNormal(-0.6, 0.53),
    "matern_fade": dist.Normal(0.23, 0.35),
}
NEW_RUN = (0.25, 0.35)
METHOD = Laplace(
    draws=1000,
    proposals=6000,
    df=4.0,
    rounds=6,
    search=Search(screened=256, starts=4, newton_steps=30, lbfgs_steps=0),
)


@dataclass(frozen=True)
class Recipe:
    """How the recommended forecaster fits runs: the arguments of `fit`, and how many rows it may average runs to.

    Attributes:
        law: its name. noise, discrepancy, window, priors, inputs: as `fit` takes them. cells: None where nothing is
            averaged.
    """

    law: str
    noise: Noise
    discrepancy: Discrepancy
    window: Window | None = None
    priors: Mapping[str, Any] = field(default_factory=dict)
    cells: int | None = None
    inputs: Mapping[str, str] | None = None

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of `fit` and `fit_many`."""
        return {
            "law": self.law,
            "noise": self.noise,
            "discrepancy": self.discrepancy,
            "window": self.window,
            "priors": self.priors,
            "inputs": self.inputs,
        }


def recipe(runs: Runs, inputs: Mapping[str, str] | None = None) -> Recipe:
    """The recommended configuration for runs of N and D, or of one input.

    Args:
        inputs: {"x": column} for a forecast along one column of a table that has several.

    Raises:
        InputError: the runs have several inputs, none of them N and D, and none is named.

    >>> recipe(Runs(x=[1.0, 2.0], loss=[3.0, 2.0])).law
    'end_power'
    """
    there = set(runs.inputs)
    if not inputs and len({"N", "D", "C"} & there) >= 2:
        few = len(runs) < FEW
        components = ("matern",) if few else ("matern", "bend", "drift")
        groups = groups_of(runs.labels, runs.inputs)
        grouped = groups is not None and len(set(groups)) > 1
        process = GP(*components, *(["offset"] if grouped else []))
        return Recipe("end_chinchilla", Normal(), process, None, {"noise_scale": NOISE}, CELLS)
    if inputs and set(inputs) != {"x"}:
        raise InputError(f"forecaster takes inputs={{'x': column}}, not {dict(inputs)!r}")
    if not inputs and len(there) != 1:
        raise InputError(
            f"forecaster needs N and D (or two of N, D, C), or one input, and the runs have {listed(runs.inputs)}; "
            "name one: inputs={'x': ...}"
        )
    process = GP(Matern(fades="x"), **{name: prior for name, prior in CURVE.items() if name.startswith("matern")})
    priors = {name: prior for name, prior in CURVE.items() if not name.startswith("matern")}
    along = inputs or {"x": next(iter(there))}
    return Recipe("end_power", Normal(new_run=NEW_RUN), process, windows.get("auto"), priors, inputs=along)


@known_settings
def forecaster(
    runs: Runs,
    *,
    inputs: Mapping[str, str] | None = None,
    method: Any = METHOD,
    seed: Any = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
) -> Fit:
    """Fit runs in the configuration that is recommended for forecasts beyond them.

    Runs of N and D: `end_chinchilla` with a Gaussian process as discrepancy (a misfit that fades with D, a bend in
    D/N, a drift), and an offset a group where there are groups; above 64 runs they are averaged in cells with counts,
    but for cells whose runs scatter more than the noise that is found. Runs of one input: `end_power` with a Gaussian
    process, over the last two e-folds, or more where noisy runs ask for it. By Laplace, and by NUTS where its k-hat
    fails.

    Args:
        runs: the table. inputs: {"x": column} for a forecast along one column of several, such as {"x": "C"}.
        method: of the fit. seed, on_fail: as for `fit`.

    Returns:
        A `Fit`: `predict`, `optimum`, `save` as of any other. Its checks say what was averaged, and where few runs
        leave the intervals mostly to the priors.

    Raises:
        InputError: as `recipe` and `fit`. FitError: with `on_fail="raise"`.

    >>> x = [2.0**k for k in range(12)]
    >>> fitted = forecaster(Runs(x=x, loss=[1 + u**-0.5 for u in x]), on_fail="ignore")
    >>> sorted(fitted.draws)
    ['F', 'alpha', 'logit_phi', 'matern_fade', 'matern_length_x', 'matern_scale', 'noise_new', 'noise_scale']
    """
    if not isinstance(runs, Runs):
        raise InputError(f"runs is a table made by sb.read_runs or sb.Runs, not {type(runs).__name__}")
    chosen = recipe(runs, inputs)
    settings = {**chosen.settings(), "method": method, "seed": seed, "on_fail": on_fail}
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
    held = next(iter(fit.draws.values())).size
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


def _told(fit: Fit, runs: int = 0, apart: int = 0, loose: int = 0) -> Fit:
    """The fit with the checks of the recipe, of so many runs, some kept apart, and some in cells that scatter."""
    found = []
    if "averaged" in fit.runs.metadata:
        kept = f"; {apart} of them stay as they are, since their cells scattered more than the noise" if apart else ""
        left = (
            f" {loose} are still in cells that scatter more than the noise: fit fewer runs, or all of them by "
            "sb.fit(runs, 'end_chinchilla', discrepancy='gp')."
            if loose
            else " No cell's runs scatter more than their noise."
        )
        found.append(
            Check(
                "averaged cells",
                Status.REVIEW if loose else Status.PASS,
                f"{averaged_text(fit.runs)}{kept}.{left}",
            )
        )
    n = runs or len(fit.runs)
    if n <= LITTLE:
        found.append(
            Check(
                "mostly prior",
                Status.REVIEW,
                f"{n} runs say little of what lies beyond them: the width of a forecast there is mostly that of the "
                "priors. It is honest for sweeps like those that they were taken from; more runs, or longer ones, make "
                "it yours.",
            )
        )
    return replace(fit, checks=Checks((*fit.checks, *found)))
