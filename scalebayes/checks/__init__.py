"""This folder has the checks of a fit. Each check looks at one thing, and says what to do if it doesn't pass."""

from scalebayes.checks.checkpoints import checkpoint_checks
from scalebayes.checks.data import data_checks
from scalebayes.checks.law import law_checks
from scalebayes.checks.other_columns import column_checks
from scalebayes.checks.outliers import scatter_checks
from scalebayes.checks.priors import prior_checks
from scalebayes.checks.residuals import residual_checks
from scalebayes.checks.sampling import sampling_checks
from scalebayes.checks.table import table_checks
from scalebayes.checks.tangent import around
from scalebayes.infer.draws import Draws
from scalebayes.model.problem import Problem
from scalebayes.status import Checks


def check(problem: Problem, draws: Draws) -> Checks:
    """All checks of a fit, from its problem and its draws.

    Args:
        problem: The runs, the law and the noise.

        draws: The draws that the method returned.
    """
    near = around(problem, draws)
    return Checks(
        (
            *table_checks(problem),
            *data_checks(problem),
            *checkpoint_checks(problem),
            *sampling_checks(problem, draws),
            *prior_checks(problem, draws),
            *law_checks(problem, draws, near),
            *scatter_checks(problem, draws, near),
            *residual_checks(problem, draws, near),
            *column_checks(problem, draws),
        )
    )
