"""stack: several fits as one forecaster, weighted by how well they foretell."""

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

# Weights -> the identifiers of the checks of a comparison that they rest on.
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
        fits: name -> fit, of one observable, or `fit_many(runs, laws=[...])`.
        weights: "loo" and "largest" for stacking of the scores of `compare`, among the runs and beyond them;
            "evidence" for posterior probabilities; or name -> weight, such as `compare(fits).weights("largest")`.
        draws: of the mixture. refits: as for `compare`.
        seed: of the draws taken, and of the refits; an int or a JAX key.

    Returns:
        `Stack`, which `predict`, `optimum` and `interval` take as they take a fit; `save` and `load` too. Its checks
        are those of the comparison that its weights rest on, and of its members.

    Raises:
        InputError: the fits differ in observable, unit or what N counts, there are no such weights, or, where the
            weights are to be found, what `compare` raises.

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
        found = compare(fits, refits=0 if weights != "loo" else refits, largest=weights == "largest", seed=seed)
        chosen, by = found.weights(weights), weights
        told = Checks(tuple(c.within("weights") for c in found.checks if c.id in DOUBTS[weights]))
    else:
        chosen, by, told = dict(weights), "given", Checks(())
    members = dict(zip(fits.names, fits.items, strict=True)) if isinstance(fits, Fits) else dict(fits)
    _check_alike(members)
    return Stack(members, _in_order(chosen, members), by, int(draws), seed_record(seed), versions(), told)


def _check_alike(members: Mapping[str, Any]) -> None:
    """Refuse what can't be mixed."""
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
                told = what.replace("_", " ")
                raise InputError(f"{one!r} and {name!r} can't be stacked: their {told} differs, {a!r} and {b!r}")


def _in_order(weights: Mapping[str, Any], members: Mapping[str, Fit]) -> dict[str, float]:
    """The weights in the order of the members, if they are weights of them."""
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
