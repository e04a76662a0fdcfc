"""The fit of the other runs, where some are left out."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.finish import finished
from scalebayes.fitting.result import Fit
from scalebayes.infer.fallback import run_on
from scalebayes.model.problem import build
from scalebayes.parameters.priors import TextPrior
from scalebayes.seeds import seed_record


def without(fit: Fit, left_out: np.ndarray, key: Any, *, same_model: bool) -> Fit:
    """The fit of the other runs, by the same method, and by what follows it where its k-hat fails.

    Where the runs were averaged, the others are averaged in the same cells.

    Args:
        left_out: True for those of `fit.scored_runs` that are left out, bool (run,).
        same_model: True to keep the reference, and with a discrepancy where the largest runs lie: the same priors,
            given fewer runs. False for those of the runs that are left, as if the others had never been there: what
            the law holds at the reference moves along.

    Raises:
        InputError: a prior is known as text alone, or the method can't fit what is left.
    """
    problem = fit.problem
    if text := [name for name, param in problem.params.items() if isinstance(param.prior, TextPrior)]:
        raise InputError(f"the prior of {text[0]!r} is known as text alone: it can't be fitted again; fit it anew")
    law, reference = (fit.law, problem.reference) if same_model else (problem.movable_law, None)
    with jax.enable_x64():
        origin = fit.origin and fit.origin.without(left_out)
        kept = fit.runs.take(~left_out) if origin is None else origin.table()
        again = build(kept, law, fit.noise, None, problem.columns, reference, fit.discrepancy)
        # The law has the priors in force, and a flat one doesn't say where to start.
        numbers = again.numbers._replace(starts=problem.numbers.starts)
        again = replace(again, numbers=numbers._replace(ends=problem.numbers.ends) if same_model else numbers)
        method, draws = run_on(fit.method, again, key)
        return replace(finished(again, method, seed_record(key), draws), origin=origin, label=fit.label)
