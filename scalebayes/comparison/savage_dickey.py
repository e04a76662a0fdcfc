"""`savage_dickey` gives the Bayes factor of a law with a parameter held at a point, from the fit of the free law."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.comparison import kernel_density as density
from scalebayes.comparison.restriction import axis_of, param_of
from scalebayes.errors import InputError
from scalebayes.fitting import first_answer as asked
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import check_alone
from scalebayes.infer import diagnostics
from scalebayes.infer.double import double
from scalebayes.parameters.priors import prior_text
from scalebayes.status import Status

# Number of effective draws within a bandwidth of the point: with fewer, the Bayes factor is only bounded from above.
FEW = 30
# |log10 Bayes factor| below which the sentence uses each phrase.
STRENGTH = ((0.5, "hardly tell"), (1.0, "speak"), (2.0, "speak strongly"), (np.inf, "speak decisively"))


@dataclass(frozen=True)
class SavageDickey:
    """The Bayes factor of a restriction of a law.

    Attributes:
        restriction: The restriction as text, such as "E = 0".

        log10_bayes_factor: The log10 Bayes factor of the restricted law over the free one. Above 0 the runs support
            the restriction.

        se: The Monte-Carlo standard error of `log10_bayes_factor`; NaN where that is only a bound.

        at_most: Whether `log10_bayes_factor` is an upper bound, at 95 %, because too few draws are near the point for
            an estimate.

        near: The effective number of draws within a bandwidth of the point.

        sentence: The result as a sentence, which is also what `print` shows.
    """

    restriction: str
    log10_bayes_factor: float
    se: float
    at_most: bool
    near: float
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def savage_dickey(fit: Fit, /, **point: Any) -> SavageDickey:
    """The Bayes factor of a restriction: a parameter is held at a number (E=0) or equals another one (alpha="beta").

    The Savage-Dickey ratio is BF = p(point | runs) / p(point): the posterior density over the prior density at the
    point, both under the free law. The densities are over the log of a positive parameter, or over log(alpha / beta)
    for two of them. At the end of its support they are over the parameter itself.

    In the restricted law, the other parameters have their priors of the free law, given the point. For alpha = beta,
    the prior of the common value is the product of both densities, normalised. A wider prior of the parameter favours
    the restriction.

    The posterior density is a kernel estimate with a Normal as parametric start (Hjort and Glad 1995). It is cut at
    the end of the support and has Silverman's bandwidth at the effective sample size. Its error is from a block
    bootstrap.

    Args:
        fit: A fit of the free law, by NUTS or Laplace.

        **point: One parameter and its point: a number in the runs' own units, as in E=0, or the name of another
            parameter, as in alpha="beta".

    Returns:
        A `SavageDickey`, with `log10_bayes_factor`, its standard error `se`, `at_most` where it is only a bound, and
        a `sentence`.

    Raises:
        InputError: There is no such parameter; its prior is flat, or has no positive and finite density at the point;
            the fit has fewer than 100 draws; or the fit is by Laplace and the point is the end of the support.

    Warns:
        FitWarning: The fit failed a check. The warning comes once for each fit, as in `predict`.

    Source: Dickey 1971, doi 10.1214/aoms/1177693507; Verdinelli and Wasserman 1995, doi 10.1080/01621459.1995.10476554.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1e0, 1e1, 1e2, 1e3, 1e4, 1e5], loss=[3.01, 2.38, 1.91, 1.49, 1.21, 0.953])
    >>> fitted = sb.fit(runs, "power", method="laplace")
    >>> print(savage_dickey(fitted, alpha=0.1))
    The runs speak decisively for alpha = 0.1: log10 Bayes factor 2.0... (Monte-Carlo error 0.0...), it depends on ...
    """
    if not isinstance(fit, Fit):
        raise InputError(f"savage_dickey takes a fit made by sb.fit, not {type(fit).__name__}")
    check_alone(fit, "savage_dickey")
    if len(point) != 1:
        raise InputError(
            f"savage_dickey takes one parameter and its point, such as E=0 or alpha='beta'; {len(point)} were given"
        )
    ((name, value),) = point.items()
    with double():
        axis = axis_of(fit, name, value)
    effective, inflation = _effective(fit, axis.draws)
    estimate = density.at(axis.draws, axis.point, effective, axis.low, axis.high)
    estimate = estimate._replace(se=estimate.se * inflation)
    few = estimate.near < FEW
    ratio = ((estimate.log_bound if few else estimate.log_density) - axis.log_prior) / np.log(10)
    restriction = f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}"
    sentence = _sentence(fit, name, restriction, ratio, estimate, few)
    asked.warn({"": fit})
    return SavageDickey(
        restriction, float(ratio), np.nan if few else estimate.se / np.log(10), few, estimate.near, sentence
    )


def _effective(fit: Fit, draws: np.ndarray) -> tuple[float, float]:
    """The effective sample size, and the factor by which weights inflate an error estimated from resampled draws."""
    chains = float(min(diagnostics.ess_bulk(draws[None])[0], draws.size))
    effective = min(chains, fit.numbers.get("importance_ess", chains))
    return effective, float(np.sqrt(chains / effective))


def _sentence(fit: Fit, name: str, restriction: str, ratio: float, estimate: density.Found, few: bool) -> str:
    strength = next(words for limit, words in STRENGTH if abs(ratio) < limit)
    prior = prior_text(param_of(fit, name).prior)
    depends = f"it depends on the prior of {name}, {prior}"
    if few:
        factor = f"log10 Bayes factor at most {ratio:.2f}"
        factor += f", for {estimate.near:.0f} effective draws are near; {depends}"
        against = "against" if ratio < 0 else "no more for"
        text = f"The runs {strength if ratio < -0.5 else 'speak'} {against} {restriction}: {factor}"
    else:
        factor = f"log10 Bayes factor {ratio:.2f} (Monte-Carlo error {estimate.se / np.log(10):.2f}), {depends}"
        side = "for" if ratio > 0 else "against"
        what = f"{restriction} from a free {name}" if abs(ratio) < 0.5 else f"{side} {restriction}"
        text = f"The runs {strength} {what}: {factor}"
    failed = ", ".join(check.name for check in fit.checks.of(Status.FAIL))
    return f"{text}; don't rely on it, for the fit failed: {failed}." if failed else f"{text}."
