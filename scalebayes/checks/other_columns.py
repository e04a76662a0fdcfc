"""This file tests residuals against columns that the law doesn't take, such as experiments, sweeps and schedules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import fdtrc, fdtri

from scalebayes.checks import limits
from scalebayes.checks.column_cures import cures
from scalebayes.checks.column_designs import Other, others_of, partial, surface
from scalebayes.checks.registry import make_check
from scalebayes.checks.residuals import covariates_of, normal_scores, standardised
from scalebayes.infer.draws import Draws
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS
from scalebayes.runs import Runs
from scalebayes.runs.settings import settings
from scalebayes.runs.split import table_name
from scalebayes.status import Check, Status

# Number of columns after which the search ends.
NAMED = 3


@dataclass(frozen=True)
class Scatter:
    """The scatter of runs around a law.

    Attributes:
        runs: The table of runs.

        law: The law that was fitted.

        used: The values of each column that the law takes, by its name (run,).

        axes: The same columns on the scale in which distances are measured, mostly the log (run,).

        residual: The standardised residual of each run, on the link's scale and in units of `scale` (run,).

        scale: The scale of the noise of each run, on the link's scale (run,).

        spread: The standard deviation of the observable on the link's scale.

        size: The size by which the largest runs are found (run,).

        offsets: Whether the fit has an offset for each group. The default is False.
    """

    runs: Runs
    law: Law
    used: Mapping[str, np.ndarray]
    axes: Mapping[str, np.ndarray]
    residual: np.ndarray
    scale: np.ndarray
    spread: float
    size: np.ndarray
    offsets: bool = False

    def take(self, mask: np.ndarray) -> "Scatter":
        """The scatter of the runs where a mask, bool (run,), is True."""
        return replace(
            self,
            runs=self.runs.take(mask),
            used={name: x[mask] for name, x in self.used.items()},
            axes={name: x[mask] for name, x in self.axes.items()},
            residual=self.residual[mask],
            scale=self.scale[mask],
            size=self.size[mask],
        )


@dataclass(frozen=True)
class Explained:
    """A column that explains scatter.

    Attributes:
        column: The column.

        share: The share of the scatter that the column explains, of what earlier columns left.

        p: The p-value of the F test, multiplied by the number of tests.

        left: The share of the column that the inputs don't determine.

        moved: The rms of the column's effect, on the link's scale.
    """

    column: Other
    share: float
    p: float
    left: float
    moved: float


def column_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """The checks of the residuals at the mode against every other column, over all runs and over the largest."""
    n = len(problem.runs)
    location, scale = draws.mode.location[:n], draws.mode.scale[:n]
    residual = standardised(problem, location, scale)
    if not np.isfinite(residual).all():
        return
    used = {column: problem.column(column) for column in problem.columns.values()}
    axes = {column: problem.axis(column, x) for column, x in used.items()}
    spread = float(np.std(np.asarray(LINKS[problem.model.form.on].of(problem.rows.y[:n]))))
    sizes = covariates_of(problem)
    size = sizes.get("log C", next(iter(sizes.values()), np.zeros(n)))
    offsets = problem.rows.group is not None
    yield from checks_of(Scatter(problem.runs, problem.law, used, axes, residual, scale, spread, size, offsets))


def checks_of(scatter: Scatter) -> Iterator[Check]:
    """The checks of the columns that the law doesn't take, over all runs and the largest; none without such columns."""
    if columns := others_of(scatter.runs, scatter.used, surface(scatter.axes)):
        yield _check("other_columns", scatter, columns, limits.COLUMNS_LEVEL)
    if len(scatter.runs) >= 2 * limits.RESIDUALS_ROWS:
        least = np.sort(scatter.size)[-max(limits.RESIDUALS_ROWS, len(scatter.runs) // 10)]
        largest = scatter.take(scatter.size >= least)
        if columns := others_of(largest.runs, largest.used, surface(largest.axes)):
            of = f" of the {len(largest.runs)} largest runs"
            yield _check("other_columns_largest", largest, columns, limits.COLUMNS_LEVEL_OF_LARGEST, of)


def search(scatter: Scatter, columns: Sequence[Other], level: float) -> tuple[list[Explained], float]:
    """The columns that explain the scatter beyond a smooth surface in the inputs, the strongest first.

    Each design of a column has an F test on the normal scores of the residuals, at the `level` divided by the number of
    tests. A column that is found joins the surface, so that the next column explains what the earlier ones leave.

    Args:
        scatter: The scatter of the runs around the law.

        columns: The columns to test.

        level: The probability of a false alarm over all tests.

    Returns:
        The columns that were found, and the smallest share of the scatter that would have been found; 1 if nothing
        could be tested.
    """
    basis, score = surface(scatter.axes), normal_scores(scatter.residual)
    # The law's free parameters cost the residuals degrees of freedom, even if the surface has fewer terms.
    spent, n = max(basis.shape[1], sum(not p.fixed for p in scatter.law.params.values())), len(score)
    explaining: list[Explained] = []
    least = 1.0
    while len(explaining) < NAMED:
        rest = score - basis @ (basis.T @ score)
        total = max(float(rest @ rest), 1e-300)
        tests = []
        for column in columns:
            for design in column.designs:
                beyond = partial(design, basis)
                terms, spare = beyond.shape[1], n - spent - beyond.shape[1]
                if terms and spare >= limits.COLUMNS_SPARE:
                    share = min(float(np.sum((beyond.T @ rest) ** 2)) / total, 1 - 1e-12)
                    p = float(fdtrc(terms, spare, share / terms / ((1 - share) / spare)))
                    tests.append((p, -share, len(tests), column, design, beyond))
        if not tests:
            break
        allowed = level / len(tests)
        if not explaining:
            least = min(_least(test[-1].shape[1], n - spent - test[-1].shape[1], allowed) for test in tests)
        p, share, _, column, design, beyond = min(tests, key=lambda test: test[:3])
        if p > allowed:
            break
        whole, off = design - design.mean(axis=0), scatter.residual * scatter.scale
        left = np.sum((whole - basis @ (basis.T @ whole)) ** 2) / np.sum(whole**2)
        moved = np.sqrt(np.sum((beyond.T @ (off - basis @ (basis.T @ off))) ** 2) / n)
        explaining.append(Explained(column, -share, min(p * len(tests), 1.0), float(left), float(moved)))
        basis, spent = np.column_stack([basis, beyond]), spent + beyond.shape[1]
        columns = [other for other in columns if other is not column]
    return explaining, least


def _least(terms: int, spare: int, level: float) -> float:
    """The smallest share of the scatter that is significant at a level."""
    ratio = terms * float(fdtri(terms, spare, 1 - level)) / spare
    return ratio / (1 + ratio)


def _check(id: str, scatter: Scatter, columns: Sequence[Other], level: float, of: str = "") -> Check:
    explaining, least = search(scatter, columns, level)
    runs = scatter.runs
    if explaining:
        first = explaining[0]
        fails = not of and first.share > limits.COLUMNS_MOST and first.moved > limits.COLUMNS_MOVED * scatter.spread
        about = tuple(explained.column.name for explained in explaining)
        return make_check(id, Status.FAIL if fails else Status.REVIEW, _sentence(scatter, explaining, of), about=about)
    names = [repr(table_name(runs, column.name)) for column in columns]
    listing = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if least > limits.COLUMNS_SEEN:
        few = f"{len(runs)} runs are too few to tell whether the scatter depends on {listing}."
        return make_check(id, Status.PASS, few, conclusive=False)
    return make_check(
        id,
        Status.PASS,
        f"The scatter{of} doesn't depend on {listing}, as far as {len(runs)} runs can tell: a column that explains "
        f"{least:.0%} of it would be found.",
    )


def _sentence(scatter: Scatter, explaining: Sequence[Explained], of: str) -> str:
    runs, inputs, setting = scatter.runs, " and ".join(scatter.used), settings(scatter.used.values())
    first, count = explaining[0], setting.max() + 1
    name = table_name(runs, first.column.name)
    sentence = f"{name!r} explains {first.share:.0%} of the scatter{of} around the law (p {max(first.p, 1e-99):.0e})"
    sentence += "".join(
        f", {table_name(runs, later.column.name)!r} {later.share:.0%} of what is left" for later in explaining[1:]
    )
    if first.left < limits.COLUMNS_ALONE:
        sentence += f"; it goes along with {inputs}, so that a part of this may be the law's own misfit"
    if first.column.swept and count < len(setting):
        sentence += f"; {len(setting)} rows are {count} settings of {inputs}"
    return f"{sentence}: {cures(runs, scatter.law, tuple(scatter.used), first.column, scatter.offsets)}."
