"""This file repeats a fit without some of its runs."""

from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.finish import finished
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import check_alone
from scalebayes.infer.double import double
from scalebayes.infer.fallback import run_on
from scalebayes.model.problem import build
from scalebayes.parameters.priors import TextPrior
from scalebayes.seeds import seed_record


def without(fit: Fit, left_out: np.ndarray, key: Any, *, same_model: bool) -> Fit:
    """Repeat a fit that is compared without some runs, by the same method, and by its fallback where its k-hat fails.

    If the runs were averaged in cells, the remaining runs are averaged in the same cells.

    Args:
        fit: The fit to repeat.

        left_out: True for each run of `fit.scored_runs` that is left out, bool (run,).

        key: The JAX key of the refit.

        same_model: True to keep the reference and, with a discrepancy, the place of the largest runs, so that the
            priors are the same and only the runs are fewer. False to take both from the remaining runs, as if the
            others had never been trained; what the law holds at the reference then moves with it.

    Raises:
        InputError: A prior is known only as text, or the method can't fit the remaining runs.
    """
    check_alone(fit, "a refit without some runs, as in compare,")
    problem = fit.problem
    if text := [name for name, param in problem.params.items() if isinstance(param.prior, TextPrior)]:
        raise InputError(f"the prior of {text[0]!r} is known as text alone: it can't be fitted again; fit it anew")
    law, reference = (fit.law, problem.reference) if same_model else (problem.movable_law, None)
    with double():
        origin = fit.origin and fit.origin.without(left_out)
        kept = fit.runs.take(~left_out) if origin is None else origin.table()
        again = build(kept, law, fit.noise, None, problem.columns, reference, fit.discrepancy)
        # The law has the priors of the fit. A flat prior has no starts of its own, so those of the fit are kept.
        numbers = again.numbers._replace(starts=problem.numbers.starts)
        again = replace(again, numbers=numbers._replace(ends=problem.numbers.ends) if same_model else numbers)
        method, draws = run_on(fit.method, again, key)
        return replace(finished(again, method, seed_record(key), draws), origin=origin, label=fit.label)
