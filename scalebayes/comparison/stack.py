"""`stack` mixes several fits into one forecaster, weighted by how well they predict."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal

import numpy as np

from scalebayes.comparison.compare import checked, compare
from scalebayes.comparison.result import KINDS
from scalebayes.errors import InputError, known_settings, listed, unknown
from scalebayes.fitting.finish import versions
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.of_stack import Stack
from scalebayes.seeds import Seed, as_key, seed_record
from scalebayes.status import Checks

# For each kind of weights, the identifiers of the checks of a comparison that bear on them.
DOUBTS = {"loo": ("pareto_k", "refits"), "largest": ("refits",), "evidence": ("evidence",)}


@known_settings
def stack(
    fits: Mapping[str, Fit] | Fits,
    weights: Literal["loo", "largest", "evidence"] | Mapping[str, float] = "loo",
    *,
    draws: int = 4000,
    refits: int = 10,
    seed: Seed = 0,
) -> Stack:
    """Mix fits into one forecaster: p(y) = sum_k w_k p(y | fit k).

    Args:
        fits: The fits by name, all of one observable, or the result of `fit_many(runs, laws=[...])`.

        weights: The weights by name of a fit, such as `compare(fits).weights("largest")`, or how to find them. "loo"
            stacks the leave-one-out scores of `compare`, "largest" stacks its scores on the largest runs, and
            "evidence" gives posterior probabilities of the fits. The default is "loo".

        draws: The number of draws of the mixture. The default is 4000.

        refits: The largest number of exact refits of each fit where the weights are "loo", as in `compare`. The
            default is 10.

        seed: The seed of the choice of draws and of the refits, an int or a JAX key. The default is 0.

    Returns:
        A `Stack`, which `predict`, `optimum` and `interval` take as they take a fit. It can be saved, and `load` reads
        it. Its checks are those of its members, and those of the comparison that bear on the weights.

    Raises:
        InputError: The fits differ in observable, in unit or in what N counts; there are no such weights; or `compare`
            raises it while it finds the weights.

    Source: Yao, Vehtari, Simpson and Gelman 2018, doi 10.1214/17-BA1091.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1e0, 1e1, 1e2, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2])
    >>> laws, method = ("power", "offset_power"), sb.Laplace(fallback=False)
    >>> fits = {law: sb.fit(runs, law, method=method, on_fail="ignore") for law in laws}
    >>> both = sb.stack(fits, {"power": 0.75, "offset_power": 0.25})
    >>> sb.predict(both, x=1e5)["loss"].sizes["draw"]
    4000
    """
    if isinstance(draws, bool) or not isinstance(draws, Integral) or draws < 1:
        raise InputError(f"draws is a whole number from 1 on, not {draws!r}")
    as_key(seed)
    if isinstance(weights, str):
        if weights not in KINDS:
            raise unknown("weights", weights, KINDS)
        _check_alike(checked(fits))
        compared = compare(fits, refits=0 if weights != "loo" else refits, largest=weights == "largest", seed=seed)
        chosen, by = compared.weights(weights), weights
        checks_of_weights = Checks(tuple(c.within("weights") for c in compared.checks if c.id in DOUBTS[weights]))
    else:
        chosen, by, checks_of_weights = dict(weights), "given", Checks(())
    members = dict(zip(fits.names, fits.items, strict=True)) if isinstance(fits, Fits) else dict(fits)
    _check_alike(members)
    return Stack(members, _in_order(chosen, members), by, int(draws), seed_record(seed), versions(), checks_of_weights)


def _check_alike(members: Mapping[str, Any]) -> None:
    """Refuse fits that can't be mixed."""
    if not members:
        raise InputError("there is nothing to stack: fits is name -> fit, such as {'power': fit_a, 'bnsl': fit_b}")
    for name, fit in members.items():
        if not isinstance(fit, Fit):
            raise InputError(f"{name!r} is no fit made by sb.fit: {type(fit).__name__}")
    (one, first), *others = members.items()
    for name, fit in others:
        for what in ("observable", "unit", "N_counts"):
            a, b = getattr(first.runs, what), getattr(fit.runs, what)
            if a != b:
                noun = what.replace("_", " ")
                raise InputError(f"{one!r} and {name!r} can't be stacked: their {noun} differs, {a!r} and {b!r}")


def _in_order(weights: Mapping[str, Any], members: Mapping[str, Fit]) -> dict[str, float]:
    """The weights in the order of the members, after a check that they are weights of these members."""
    for name in weights:
        if name not in members:
            raise unknown("fit in weights", name, members)
    if missing := [name for name in members if name not in weights]:
        raise InputError(f"weights lack {listed(missing)}; give every fit one, 0 to leave it out")
    for name, weight in weights.items():
        number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, (bool, complex))
        if not number or not 0 <= weight < np.inf:
            raise InputError(f"weights: {name} has {weight!r}; a weight is a number from 0 on")
    total = float(sum(weights.values()))
    if abs(total - 1) > 1e-6:
        raise InputError(f"weights sum to {total:g} and not to 1; divide them by {total:g}")
    return {name: float(weights[name]) / total for name in members}
