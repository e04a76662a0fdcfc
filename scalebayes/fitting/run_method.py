"""This file fits one table by a method, and makes the `Fit`."""

from dataclasses import replace
from typing import Any

from scalebayes.fitting.finish import finished
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import Spec
from scalebayes.infer.fallback import run_on
from scalebayes.runs import Runs
from scalebayes.seeds import Seed, as_key, seed_record


def alone(runs: Runs, spec: Spec, method: Any, seed: Seed) -> Fit:
    """Fit a spec to runs by a method, or by what follows where its k-hat fails; call it inside `double()`.

    Raises:
        InputError: The spec can't be fitted to these runs.
    """
    problem, key = spec.problem(runs), as_key(seed)
    used, draws = run_on(method, problem, key)
    return replace(finished(problem, used, seed_record(seed), draws), label=spec.name)
