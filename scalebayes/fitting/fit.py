"""This file has `fit`, which computes the posterior of a law given runs."""

from collections.abc import Mapping
from typing import Any, Literal, overload

from scalebayes.discrepancy.gp import Departure
from scalebayes.display.progress import told as progressing
from scalebayes.errors import known_settings
from scalebayes.fitting.on_fail import act, check_on_fail, failed_sentence
from scalebayes.fitting.pooled.pool import pooled
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.result import Fit
from scalebayes.fitting.run_method import alone
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Method
from scalebayes.infer.double import double
from scalebayes.infer.fallback import kept
from scalebayes.laws.law import Law
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table
from scalebayes.runs.window import Window
from scalebayes.seeds import Seed


@overload
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
    pool: None = None,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit: ...


@overload
def fit(runs: Runs, law: str | Law | Spec = "chinchilla", *, pool: str, **settings: Any) -> Pooled: ...


@known_settings
def fit(  # type: ignore[reportInconsistentOverload]
    runs: Runs,
    law: str | Law | Spec = "chinchilla",
    *,
    noise: str | Noise | None = None,
    discrepancy: Departure = None,
    window: Window | Literal["auto"] | None = None,
    method: Method = "nuts",
    priors: Literal["flat"] | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    pool: str | None = None,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    progress: bool | None = None,
) -> Fit | Pooled:
    """Fit a scaling law to runs: compute the posterior of its parameters, and check the fit.

    Args:
        runs: The table of runs, made by `read_runs` or `Runs`.

        law: A name of `scalebayes.laws.names()`, a `Law`, or a `Spec`. A `Spec` also sets the noise, discrepancy,
            window, priors and inputs. The default is "chinchilla".

        noise: A name of `scalebayes.noises.names()`, or a noise such as `StudentT()`, `Normal()` or `Huber()`. The
            default is the law's own noise, which for a loss is Student-t on the log of the loss. With a discrepancy,
            `Normal()` is the default in place of Student-t; `StudentT()` then needs the method "nuts".

        discrepancy: How the true curve may depart from the law: "gp" for the Gaussian process that suits the law, or
            `GP(...)`. The default is None: the law is taken as exact.

        window: Which of the runs are fitted: `Window(efolds=2.0)` for the last two e-folds of the runs, or "auto" for
            the window of the recommended forecaster. The fit's `runs` are those in the window. The default is None:
            all runs.

        method: "nuts", "laplace", "map" or "bootstrap", or one of them with settings: `NUTS(...)`, `Laplace(...)`,
            `MAP(...)`, `Bootstrap(...)`. Where Laplace's k-hat fails, more proposals are tried and then NUTS; the
            fit's `method` is the one that made its draws. The default is "nuts".

        priors: A mapping from parameter to a NumPyro distribution in the runs' own units, a number (the parameter is
            fixed), "flat" or a `Param`; or "flat" for all parameters. A parameter that isn't in the mapping keeps the
            prior of the law or the noise. The default is None: all keep theirs.

        inputs: A mapping from law input to column of the runs, such as {"x": "C"}. The default is None: the columns
            have the names of the inputs.

        pool: A column with the names of recipes, such as "recipe". All recipes are fitted together: their exponents and
            floor shares are partially pooled, their amplitudes are each recipe's own, and the noise is the same for
            all. The method is NUTS. The default is None: the runs are of one recipe.

        seed: An int or a JAX key. The same seed gives the same numbers on the same machine. The default is 0.

        on_fail: What happens where a check fails. "warn" gives a `FitWarning` now, and one with the first answer of
            the fit; "raise" raises a `FitError`; "ignore" does nothing, also at the first answer. The default is
            "warn".

        fallback: Whether other proposals and NUTS are tried where Laplace's k-hat fails. With False the draws of
            Laplace are kept, and the check of k-hat fails. The default is True.

        progress: Whether a line on standard error says what is going on where the fit takes over two seconds. The
            default is None: the line appears on a terminal and in a notebook only.

    Returns:
        A `Fit`, with the draws of the posterior and the checks. With `pool`, a `Pooled`, which has the fit of each
        recipe by its name, and what they share.

    Raises:
        InputError: An argument can't be used; the message says why.
        FitError: A check failed, and `on_fail` is "raise".

    Warns:
        FitWarning: A check failed, and `on_fail` is "warn".

    >>> N = [1e7, 1e8, 1e9] * 3
    >>> D = [1e9] * 3 + [1e10] * 3 + [1e11] * 3
    >>> L = [1.8 + 400 / n**0.34 + 2000 / d**0.37 for n, d in zip(N, D)]
    >>> fitted = fit(Runs(N=N, D=D, loss=L), "chinchilla", method="map", priors={"noise_scale": 1e-3})
    >>> sorted(fitted.draws)
    ['A', 'B', 'E', 'alpha', 'beta']
    """
    check_on_fail(on_fail)
    if not isinstance(runs, Runs):
        raise no_table(runs)
    spec = Spec.of(law, noise, discrepancy, window, priors, inputs)
    sampler = spec.method(method)
    sampler = sampler if fallback else kept(sampler)
    if pool is not None:
        return pooled(runs, pool, spec, sampler, seed, on_fail, progress)
    doing = f"fitting {spec.law.name} to {len(runs)} runs; the first fit of a shape compiles"
    with progressing(doing, progress), double():
        result = alone(runs, spec, sampler, seed)
    act(on_fail, failed_sentence(result), [result])
    return result
