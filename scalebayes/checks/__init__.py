"""The checks that a fit is held to. Each looks at one thing and says what to do about it."""

from scalebayes.checks.residuals import residual_checks
from scalebayes.checks.sampling import sampling_checks
from scalebayes.checks.table import table_checks
from scalebayes.infer.draws import Draws
from scalebayes.problem import Problem
from scalebayes.status import Checks


def check(problem: Problem, draws: Draws) -> Checks:
    """All checks of a problem and its draws.

    Args:
        problem: runs, law and noise. draws: what the method returned.
    """
    return Checks((*table_checks(problem), *sampling_checks(problem, draws), *residual_checks(problem, draws)))
