"""fit: the posterior of a law given runs."""

import warnings
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to

from scalebayes import infer, laws
from scalebayes.checks import check
from scalebayes.checks.sampling import agreeing
from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.errors import InputError, known_settings, shown, unknown
from scalebayes.fitting.first_answer import settle
from scalebayes.fitting.result import Fit
from scalebayes.infer import Draws
from scalebayes.infer.batch import compiled_once
from scalebayes.infer.fallback import kept, run_on
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem, build
from scalebayes.noise import noise as noises
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.window import Window
from scalebayes.seeds import as_key, seed_record
from scalebayes.status import FitError, FitWarning, Status


@known_settings
def fit(
    runs: Runs,
    law: str | Law = "chinchilla",
    *,
    noise: str | Noise | None = None,
    discrepancy: Any = None,
    window: Window | Literal["auto"] | None = None,
    method: Any = "nuts",
    priors: Literal["flat"] | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    seed: Any = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: None = None,
) -> Fit:
    """Fit a scaling law to runs: the posterior of its parameters, with its checks.

    Args:
        runs: the table; `read_runs` or `Runs`.
        law: a name of `scalebayes.laws.names()`, or a `Law`.
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
        progress: not there yet; None.

    Raises:
        InputError: what was given can't be used. FitError: with `on_fail="raise"`.

    >>> N = [1e7, 1e8, 1e9] * 3
    >>> D = [1e9] * 3 + [1e10] * 3 + [1e11] * 3
    >>> L = [1.8 + 400 / n**0.34 + 2000 / d**0.37 for n, d in zip(N, D)]
    >>> fitted = fit(Runs(N=N, D=D, loss=L), "chinchilla", method="map", priors={"noise_scale": 1e-3})
    >>> sorted(fitted.draws)
    ['A', 'B', 'E', 'alpha', 'beta']
    """
    if progress is not None:
        raise InputError(f"progress={progress!r}: not there yet; leave it out")
    if on_fail not in ("warn", "raise", "ignore"):
        raise unknown("on_fail", on_fail, ("warn", "raise", "ignore"))
    if not isinstance(runs, Runs):
        raise InputError(
            f"runs is a table made by sb.read_runs or sb.Runs, not {type(runs).__name__}; give sb.read_runs(...)"
        )
    law, noise, discrepancy, method = chosen(law, noise, discrepancy, method)
    method = method if fallback else kept(method)
    with jax.enable_x64():
        problem, key = prepared(runs, law, noise, discrepancy, priors, inputs, window), as_key(seed)
        used, draws = run_on(method, problem, key)
        result = finished(problem, used, seed_record(seed), draws)
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


def chosen(
    law: str | Law, noise: str | Noise | None, discrepancy: Any, method: Any
) -> tuple[Law, Noise, Discrepancy | None, Any]:
    """Law, noise, discrepancy and method by their names, and whether they go together."""
    law, method, discrepancy = laws.get(law), infer.get(method), discrepancies.get(discrepancy)
    noise = noises.get(noise_of(law, discrepancy) if noise is None else noise)
    if discrepancy and isinstance(method, infer.Bootstrap):
        raise InputError("Bootstrap with a discrepancy: it resamples runs that the process couples; use method='nuts'")
    if discrepancy and noise.form.mixture and not isinstance(method, infer.NUTS):
        raise InputError(
            f"{method.name} with noise {noise.name!r} and a discrepancy: every run then has an unknown scale of its "
            "own, too many for a mode or importance weights to speak for; use method='nuts', or noise='normal'"
        )
    if not noise.form.density and not isinstance(method, (infer.MAP, infer.Bootstrap)):
        raise InputError(
            f"noise {noise!r} has a fixed scale: it is an objective and not a density, and {method.name} samples a "
            "density; use method='map' or 'bootstrap', or leave the scale free"
        )
    return law, noise, discrepancy, method


def noise_of(law: Law, discrepancy: Any) -> str:
    """The noise where none is asked for: the law's own.

    A process is integrated out under a Normal noise; any other is for the user to ask for, and to be refused.
    """
    return "normal" if discrepancy and law.noise == "student_t" else law.noise


def prepared(
    runs: Runs,
    law: Law,
    noise: Noise,
    discrepancy: Discrepancy | None,
    priors: Any,
    inputs: Mapping[str, str] | None,
    window: Any = None,
) -> Problem:
    """The problem of a fit; inside `jax.enable_x64()`."""
    if view := windows.get(window):
        bound = {name: runs.name_of(column) for name, column in (inputs or {}).items()}
        runs = view.of(runs, [bound.get(name, name) for name in law.inputs])
    problem = build(runs, law, noise, priors, inputs, discrepancy=discrepancy)
    if not problem.model.free:
        raise InputError("every parameter is fixed: nothing is left to fit")
    return problem


def finished(problem: Problem, method: Any, seed: int | tuple[int, ...], draws: Draws) -> Fit:
    """The fit of a problem whose draws are there, with its checks; inside `jax.enable_x64()`."""
    return Fit(
        problem,
        method,
        seed,
        _in_own_units(problem, draws.z),
        MappingProxyType({**draws.stats, **_factors(problem, draws.z)}),
        MappingProxyType({**draws.numbers, **_mode_numbers(problem, draws)}),
        check(problem, draws),
        versions(),
    )


def _in_own_units(problem: Problem, z: np.ndarray) -> Mapping[str, np.ndarray]:
    values = compiled_once(_own_units, problem.model, problem.numbers, z)
    return MappingProxyType({name: np.asarray(values[name]) for name in problem.model.free})


def _own_units_impl(model: Any, numbers: Any, z: Any) -> dict[str, Any]:
    values = {name: biject_to(numbers.priors[name].support)(z[..., i]) for i, name in enumerate(model.free)}
    return model.paper(values, numbers)


_own_units = jax.jit(_own_units_impl, static_argnums=0)


def _factors(problem: Problem, z: np.ndarray) -> dict[str, np.ndarray]:
    """What each run's scale is multiplied with (chain, draw, run), where the noise is a mixture over runs."""
    if not problem.model.latent:
        return {}
    # A batch may have padded the rows further.
    own = z[..., len(problem.model.free) :][..., : len(problem.runs)]
    return {"noise_factor": np.asarray(compiled_once(_factor, problem.model, problem.numbers, z, own))}


def _factor_impl(model: Any, numbers: Any, z: Any, own: Any) -> Any:
    values = {name: biject_to(numbers.priors[name].support)(z[..., i]) for i, name in enumerate(model.free)}
    noise = model.noise_values(model.scaled(values, numbers))
    return model.factor({name: jnp.asarray(x)[..., None] for name, x in noise.items()}, own)


_factor = jax.jit(_factor_impl, static_argnums=0)


def _mode_numbers(problem: Problem, draws: Draws) -> dict[str, float]:
    agree = agreeing(problem, draws)
    return {
        "starts": float(agree.size),
        "starts_agree": float(agree.sum()),
        "gradient_norm": float(draws.mode.gradient_norm),
        "mode_lp": float(draws.mode.log_density),
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of what a fit's numbers depend on."""
    import platform
    from importlib.metadata import version

    packages = ("scalebayes", "jax", "jaxlib", "numpyro", "optax", "arviz-stats", "numpy")
    return {**{name: version(name) for name in packages}, "python": platform.python_version()}
