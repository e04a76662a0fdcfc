"""fit: the posterior of a law given runs."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import jax

from scalebayes.discrepancy.gp import Departure
from scalebayes.display.progress import told as progressing
from scalebayes.errors import known_settings, shown, unknown
from scalebayes.fitting.finish import finished
from scalebayes.fitting.first_answer import settle
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Method
from scalebayes.infer.fallback import kept, run_on
from scalebayes.laws.law import Law
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table
from scalebayes.runs.window import Window
from scalebayes.seeds import Seed, as_key, seed_record
from scalebayes.status import FitError, FitWarning, Status


@known_settings
def fit(
    runs: Runs,
    law: str | Law | Spec = "chinchilla",
    *,
    noise: str | Noise | None = None,
    discrepancy: Departure = None,
    window: Window | Literal["auto"] | None = None,
    method: Method = "nuts",
    priors: Literal["flat"] | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit:
    """Fit a scaling law to runs: the posterior of its parameters, with its checks.

    Args:
        runs: the table; `read_runs` or `Runs`.
        law: a name of `scalebayes.laws.names()`, a `Law`, or a `Spec`, which has noise, discrepancy, window, priors
            and inputs as well.
        noise: a name of `scalebayes.noises.names()`, or `StudentT()`, `Normal()`, `Huber()`, ...; by default the law's
            own, which for a loss is Student-t on its log; with a discrepancy `Normal()`, or `StudentT()` by "nuts".
        discrepancy: how the true curve may depart from the law: None for not at all, "gp" for the Gaussian process
            that suits the law, or `GP(...)`.
        method: "nuts", "laplace", "map" or "bootstrap", or `NUTS(...)`, `Laplace(...)`, `MAP(...)`, `Bootstrap(...)`.
            Where Laplace's k-hat fails, more proposals are tried and then NUTS; the fit's `method` says which its draws
            are of.
        priors: parameter -> NumPyro distribution in the runs' own units, number (fixed), "flat" or `Param`; or "flat"
            for all of them. Parameters left out keep the law's priors.
        inputs: law input -> column of the runs, such as {"x": "C"}.
        seed: an int or a JAX key; the same seed gives the same numbers on the same machine.
        on_fail: what a failed check does: a `FitWarning`, now and with the first answer of the fit; a `FitError`;
            nothing, then too.
        fallback: False to keep Laplace's draws where its k-hat fails, with the check that says so.
        window: what the fit looks at: None for all runs, `Window(efolds=2.0)` for the last e-folds of them, "auto" for
            that of the recommended forecaster. The fit's runs are those in the window.
        progress: True for a line on standard error that says what is going on, where that takes over two seconds; False
            for none; None, the default, for one on a terminal and in a notebook.

    Raises:
        InputError: what was given can't be used. FitError: with `on_fail="raise"`.

    >>> N = [1e7, 1e8, 1e9] * 3
    >>> D = [1e9] * 3 + [1e10] * 3 + [1e11] * 3
    >>> L = [1.8 + 400 / n**0.34 + 2000 / d**0.37 for n, d in zip(N, D)]
    >>> fitted = fit(Runs(N=N, D=D, loss=L), "chinchilla", method="map", priors={"noise_scale": 1e-3})
    >>> sorted(fitted.draws)
    ['A', 'B', 'E', 'alpha', 'beta']
    """
    if on_fail not in ("warn", "raise", "ignore"):
        raise unknown("on_fail", on_fail, ("warn", "raise", "ignore"))
    if not isinstance(runs, Runs):
        raise no_table(runs)
    spec = Spec.of(law, noise, discrepancy, window, priors, inputs)
    sampler = spec.method(method)
    sampler = sampler if fallback else kept(sampler)
    doing = f"fitting {spec.law.name} to {len(runs)} runs; the first fit of a shape compiles"
    with progressing(doing, progress), jax.enable_x64():
        problem, key = spec.problem(runs), as_key(seed)
        used, draws = run_on(sampler, problem, key)
        result = replace(finished(problem, used, seed_record(seed), draws), label=spec.name)
    if failed := result.checks.of(Status.FAIL):
        sentence = shown("; ".join(f"{c.name}: {c.sentence}" for c in failed))
        if on_fail == "raise":
            raise FitError(sentence)
        if on_fail == "warn":
            # Past this function and the check of its keywords: at the caller's line.
            warnings.warn(sentence, FitWarning, stacklevel=3)
    if on_fail == "ignore":
        settle(result)
    return result
