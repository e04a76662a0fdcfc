"""Residuals against the columns of the table that the law doesn't take: pooled experiments, sweeps, schedules."""

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

NAMED = 3  # columns, of those that are found one after the other


@dataclass(frozen=True)
class Scatter:
    """What runs scatter around a law.

    Attributes:
        runs: the table. law: what was fitted.
        used: the law's columns, name -> values (run,). axes: as distances in them are measured, mostly logs (run,).
        residual: of each run, in `scale`s on the scale of the observable's link (run,).
        spread: standard deviation of the observable on that scale. size: by which runs are the largest (run,).
        offsets: whether what was fitted has an offset a group.
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

    def take(self, kept: np.ndarray) -> "Scatter":
        """That of the runs where a mask, bool (run,), is True."""
        return replace(
            self,
            runs=self.runs.take(kept),
            used={name: x[kept] for name, x in self.used.items()},
            axes={name: x[kept] for name, x in self.axes.items()},
            residual=self.residual[kept],
            scale=self.scale[kept],
            size=self.size[kept],
        )


@dataclass(frozen=True)
class Found:
    """A column that explains scatter.

    Attributes:
        column: which. share: of what was left before it. p: of the F test, with all tests counted.
        left: share of the column that its dependence on the inputs leaves. moved: rms of its effect, on the link's
            scale.
    """

    column: Other
    share: float
    p: float
    left: float
    moved: float


def column_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """Residuals at the mode against every other column, over all runs and over the largest."""
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
    """The checks of the columns that the law doesn't take, over all runs and over the largest; none without such."""
    if columns := others_of(scatter.runs, scatter.used, surface(scatter.axes)):
        yield _check("other_columns", scatter, columns, limits.COLUMNS_LEVEL)
    if len(scatter.runs) >= 2 * limits.RESIDUALS_ROWS:
        least = np.sort(scatter.size)[-max(limits.RESIDUALS_ROWS, len(scatter.runs) // 10)]
        largest = scatter.take(scatter.size >= least)
        if columns := others_of(largest.runs, largest.used, surface(largest.axes)):
            of = f" of the {len(largest.runs)} largest runs"
            yield _check("other_columns_largest", largest, columns, limits.COLUMNS_LEVEL_OF_LARGEST, of)


def search(scatter: Scatter, columns: Sequence[Other], level: float) -> tuple[list[Found], float]:
    """The columns that explain the scatter beyond a smooth surface in the inputs, the strongest first.

    Each has F tests of normal scores of the residuals, at the `level` divided by the number of tests. What was found
    joins the surface, so that the next column is one that explains what the first leaves.

    Returns:
        What was found, and the smallest share of the scatter that would have been, 1 where none would.
    """
    basis, score = surface(scatter.axes), normal_scores(scatter.residual)
    # The residuals have lost the law's parameters as degrees of freedom, whether the surface has as many terms or not.
    spent, n = max(basis.shape[1], sum(not p.fixed for p in scatter.law.params.values())), len(score)
    found: list[Found] = []
    least = 1.0
    while len(found) < NAMED:
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
        if not found:
            least = min(_least(test[-1].shape[1], n - spent - test[-1].shape[1], allowed) for test in tests)
        p, share, _, column, design, beyond = min(tests, key=lambda test: test[:3])
        if p > allowed:
            break
        whole, off = design - design.mean(axis=0), scatter.residual * scatter.scale
        left = np.sum((whole - basis @ (basis.T @ whole)) ** 2) / np.sum(whole**2)
        moved = np.sqrt(np.sum((beyond.T @ (off - basis @ (basis.T @ off))) ** 2) / n)
        found.append(Found(column, -share, min(p * len(tests), 1.0), float(left), float(moved)))
        basis, spent = np.column_stack([basis, beyond]), spent + beyond.shape[1]
        columns = [other for other in columns if other is not column]
    return found, least


def _least(terms: int, spare: int, level: float) -> float:
    """The share of the scatter that is just significant at a level."""
    ratio = terms * float(fdtri(terms, spare, 1 - level)) / spare
    return ratio / (1 + ratio)


def _check(id: str, scatter: Scatter, columns: Sequence[Other], level: float, of: str = "") -> Check:
    found, least = search(scatter, columns, level)
    runs = scatter.runs
    if found:
        first = found[0]
        fails = not of and first.share > limits.COLUMNS_MOST and first.moved > limits.COLUMNS_MOVED * scatter.spread
        about = tuple(one.column.name for one in found)
        return make_check(id, Status.FAIL if fails else Status.REVIEW, _sentence(scatter, found, of), about=about)
    names = [repr(table_name(runs, column.name)) for column in columns]
    told = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if least > limits.COLUMNS_SEEN:
        few = f"{len(runs)} runs are too few to tell whether the scatter depends on {told}."
        return make_check(id, Status.PASS, few, conclusive=False)
    return make_check(
        id,
        Status.PASS,
        f"The scatter{of} doesn't depend on {told}, as far as {len(runs)} runs can tell: a column that explains "
        f"{least:.0%} of it would be found.",
    )


def _sentence(scatter: Scatter, found: Sequence[Found], of: str) -> str:
    runs, inputs, setting = scatter.runs, " and ".join(scatter.used), settings(scatter.used.values())
    first, count = found[0], setting.max() + 1
    name = table_name(runs, first.column.name)
    told = f"{name!r} explains {first.share:.0%} of the scatter{of} around the law (p {max(first.p, 1e-99):.0e})"
    told += "".join(f", {table_name(runs, one.column.name)!r} {one.share:.0%} of what is left" for one in found[1:])
    if first.left < limits.COLUMNS_ALONE:
        told += f"; it goes along with {inputs}, so that a part of this may be the law's own misfit"
    if first.column.swept and count < len(setting):
        told += f"; {len(setting)} rows are {count} settings of {inputs}"
    return f"{told}: {cures(runs, scatter.law, tuple(scatter.used), first.column, scatter.offsets)}."
