"""This file checks for conflict between the priors and the runs.

If the runs lie far out in the tail of a prior, the prior is wrong for them, or they are not the runs that it was made
for (Evans and Moshonov 2006, doi 10.1214/06-BA129). The posterior then lies between the two, and agrees with neither.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpyro.distributions import biject_to
from scipy import special

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.infer.draws import Draws
from scalebayes.model.problem import Problem
from scalebayes.parameters.priors import FAMILIES, Traced, prior_text
from scalebayes.status import Check, Status

ID = "prior_data_conflict"


def _of_two(z: Any, share: float, loc_1: float, scale_1: float, loc_2: float, scale_2: float) -> Any:
    return share * special.ndtr((z - loc_1) / scale_1) + (1 - share) * special.ndtr((z - loc_2) / scale_2)


# Family -> share of the prior below z, where z is the unconstrained coordinate: the log of a positive parameter, or the
# logit of one between two bounds.
SHARE_BELOW: Mapping[str, Callable[..., Any]] = {
    "Beta": lambda z, a, b: special.betainc(a, b, special.expit(z)),
    "Exponential": lambda z, rate: -special.expm1(-rate * np.exp(z)),
    "Gamma": lambda z, a, rate: special.gammainc(a, rate * np.exp(z)),
    "HalfCauchy": lambda z, scale: 2 / math.pi * np.arctan(np.exp(z) / scale),
    "HalfNormal": lambda z, scale: special.erf(np.exp(z) / scale / math.sqrt(2)),
    "InverseGamma": lambda z, a, rate: special.gammaincc(a, rate * np.exp(-z)),
    "LogNormal": lambda z, loc, scale: special.ndtr((z - loc) / scale),
    "LogUniform": lambda z, low, high: np.log1p((high / low - 1) * special.expit(z)) / np.log(high / low),
    "Normal": lambda z, loc, scale: special.ndtr((z - loc) / scale),
    "StudentT": lambda z, df, loc, scale: special.stdtr(df, (z - loc) / scale),
    **dict.fromkeys(("TwoLogNormals", "TwoNormals"), _of_two),
    "Uniform": lambda z, low, high: special.expit(z),
}
# Priors that include their lower end, such as a floor of 0: a mode near that end is no conflict.
FROM_THEIR_END = ("Exponential", "HalfCauchy", "HalfNormal", "LogUniform", "Uniform")


def prior_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """The check of whether the mode lies far out in the tail of a prior."""
    if not problem.noise.form.density:
        return
    ends = _beyond(problem, draws.mode.z)
    if not ends:
        return
    far = {end: share for end, share in ends.items() if share < limits.CONFLICT_LEVEL / len(ends)}
    if not far:
        name, side = min(ends, key=ends.__getitem__)
        least = _per_cent(ends[name, side])
        seen = f"{name} is nearest to an end of its prior, with {least} of it {side}"
        yield make_check(ID, Status.PASS, f"No prior conflicts with the runs: {seen}.")
        return
    of_law = [end for end in far if end[0] in problem.law.params]
    wider = _wider(problem, draws.mode.z, min(of_law, key=far.__getitem__)[0]) if of_law else ""
    seen = ", ".join(f"{name} ({_per_cent(share)} of its prior is {side})" for (name, side), share in far.items())
    yield make_check(
        ID,
        Status.REVIEW,
        f"the mode lies where a prior hardly reaches: {seen}. The answer is then between prior and runs. The law, the "
        f"units or the kind of runs may not be those that the prior is for{wider}.",
        about=tuple(dict.fromkeys(name for name, _ in far)),
    )


def _beyond(problem: Problem, mode: np.ndarray) -> dict[tuple[str, str], float]:
    """The share of each prior below and above the mode, by parameter and side ("below" or "above").

    For parameters of noise and discrepancy only the side above counts, because runs that scatter less than expected do
    no harm.
    """
    shares = {}
    for name, z in zip(problem.model.free, mode.tolist(), strict=False):  # a mode may go on with rows' own scales
        prior = problem.numbers.priors[name]
        share = share_below(prior, z)
        if share is None:
            continue
        if name in problem.law.params and prior.family not in FROM_THEIR_END:
            shares[name, "below"] = share
        shares[name, "above"] = 1 - share
    return shares


def share_below(prior: Traced, z: float) -> float | None:
    """The share of a prior below the mode's coordinate, for the check of the prior's tails.

    The coordinate is unconstrained. The share is None if the prior's distribution function isn't known.

    >>> import numpyro.distributions as dist
    >>> round(share_below(Traced.of(dist.LogNormal(-1.0, 0.5)), -2.0), 4)
    0.0228
    """
    if prior.family is not None:
        return float(SHARE_BELOW[prior.family](z, *prior.arguments))
    try:
        return float(prior.distribution.cdf(biject_to(prior.support)(z)))
    except NotImplementedError:
        return None


def _wider(problem: Problem, mode: np.ndarray, name: str) -> str:
    """What to type for a wider prior of a parameter; blank if its family has no scale."""
    param, z = problem.params[name], float(mode[problem.model.free.index(name)])
    family = type(param.prior).__name__
    of = {n: float(getattr(param.prior, n)) for n in FAMILIES.get(family, ())}
    if "scale" not in of:
        return ""
    off = abs(z - of["loc"] if "loc" in of else math.exp(z)) / of["scale"]
    wide = type(param.prior)(**{**of, "scale": max(limits.CONFLICT_WIDER, math.ceil(off)) * of["scale"]})
    text = f"dist.{prior_text(wide)}"
    if param.dimension and param.scaled:
        text = f"sb.Param({text}, {param.dimension!r})"
    return f"; if they are, widen it, priors={{{name!r}: {text}}}, and see how far the answer moves"


def _per_cent(share: float) -> str:
    return "less than 0.01 %" if share < 1e-4 else f"{100 * share:.2g} %"
