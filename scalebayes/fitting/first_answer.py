"""This file gives the warning that comes with the first answer of a fit that failed a check."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from scalebayes.fitting.bearing import as_text, failed
from scalebayes.fitting.result import Fit
from scalebayes.model.problem import Problem
from scalebayes.status import FitWarning

NAMED = 3  # number of fits whose failed checks a warning gives in full; of any beyond it the count is given

# The problems of the fits that need no warning, by their identity. Each fit has a new problem, and a copy of the fit
# with other checks or draws has the same one.
_settled: WeakValueDictionary[int, Problem] = WeakValueDictionary()
HERE = str(Path(__file__).parents[1]) + os.sep


def settle(*fits: Fit) -> None:
    """Mark fits, so that no later answer warns of them: the user wants no warning, or has seen it."""
    for fit in fits:
        _settled[id(fit.problem)] = fit.problem


def warn(fits: Mapping[str, Fit], weights: Mapping[str, float] | None = None) -> None:
    """Warn at the caller's line of fits that an answer rests on and that failed a check, once for each fit.

    Args:
        fits: A mapping from name to fit. A single fit has the name "".

        weights: A mapping from name to weight, where the fits are a mixture. The default is None.
    """
    bad = {name: fit for name, fit in fits.items() if failed(fit) and _settled.get(id(fit.problem)) is not fit.problem}
    if not bad:
        return
    settle(*bad.values())
    warnings.warn(_sentence(bad, len(fits), weights), FitWarning, skip_file_prefixes=(HERE,))


def _sentence(bad: Mapping[str, Fit], count: int, weights: Mapping[str, float] | None) -> str:
    if "" in bad:
        return f"this answer rests on a fit that failed: {as_text(failed(bad['']))}"
    shares = {name: f" (weight {weights[name]:.3g})" if weights else "" for name in bad}
    told = [f"{name!r}{shares[name]}: {as_text(failed(fit))}" for name, fit in list(bad.items())[:NAMED]]
    more = [f"and {len(bad) - NAMED} more"] if len(bad) > NAMED else []
    of = "a fit that failed" if count == len(bad) == 1 else f"{len(bad)} of {count} fits that failed"
    return f"this answer rests on {of}: {'; '.join([*told, *more])}"
