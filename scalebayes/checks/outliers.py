"""This file checks the scatter of the runs around the law: outliers, and a scatter that is too wide for noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import stdtrit

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.checks.residuals import amount, off
from scalebayes.checks.robust import robust_scale, robust_trend
from scalebayes.checks.tangent import Around, axes, decided
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.descent import polished
from scalebayes.infer.draws import Draws
from scalebayes.infer.mode import at
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem
from scalebayes.runs.filter_text import comparison, in_quotes
from scalebayes.status import Check, Status

# `robust_scale` of Student-t noise with `OUTLIERS_TAILS` degrees of freedom, in units of the scale of that noise.
MAD = 1.4826 * 0.7407
# The largest number of rows that a sentence names.
NAMED = 5
# Number of steps of the search for the mode without the outliers.
STEPS = 60
# Words by which the name of a loss is recognised.
LOSSES = ("loss", "bpb", "bits_per_byte", "nll", "cross_entropy", "perplexity", "ppl")


@dataclass(frozen=True)
class Outliers:
    """The outliers.

    Attributes:
        rows: The rows beyond the limit, the farthest first.

        scales: The distance of each run from the law in robust scales of the scatter (run,).
    """

    rows: np.ndarray
    scales: np.ndarray


def scatter_checks(problem: Problem, draws: Draws, near: Around) -> Iterator[Check]:
    """The check of the typical scatter of the runs around the law, and the check of outliers."""
    n = len(problem.runs)
    location = draws.mode.location[:n]
    difference = off(problem, location)
    if not np.isfinite(difference).all():
        return
    yield _scatter(problem, location, difference)
    if n >= limits.OUTLIERS_FEWEST:
        yield _outliers(problem, draws, near, difference)


def _scatter(problem: Problem, location: np.ndarray, difference: np.ndarray) -> Check:
    id, n = "scatter", len(location)
    relative = np.abs(problem.rows.y[:n] / location - 1).max()
    if relative < limits.SCATTER_EXACT:
        return make_check(
            id,
            Status.REVIEW,
            f"the law passes through every run to {relative:.0e}: the table has no noise, or too few runs to show it, "
            "and the noise's scale can't be told from zero; fix it, priors={'noise_scale': 0.003}.",
        )
    typical, most = float(np.median(np.abs(difference))), float(np.abs(difference).max())
    limit = _limit(problem)
    seen = f"{amount(problem, typical)} typically, and {amount(problem, most)} at most"
    if not typical > limit:
        return make_check(id, Status.PASS, f"The runs scatter around the law by {seen}.")
    return make_check(
        id,
        Status.REVIEW,
        f"the runs scatter around the law by {seen}, far more than runs that differ by noise alone (a limit of "
        f"{amount(problem, limit)}): some have diverged or memorised their data, runs of several kinds are in one "
        f"table, or the runs follow another law; {_kinds(problem)}.",
    )


def _limit(problem: Problem) -> float:
    on, observable = problem.model.form.on, problem.runs.observable.lower()
    if on == "logit":
        return limits.SCATTER_OF_ODDS
    if on == "raw":
        # For a share the limit is in the unit of the share; for another observable it is relative to the runs' range.
        y = problem.rows.y[: len(problem.runs)]
        return limits.SCATTER_OF_A_LOSS if not problem.law.has_scale else limits.SCATTER_OF_ANOTHER * float(np.ptp(y))
    return limits.SCATTER_OF_A_LOSS if any(word in observable for word in LOSSES) else limits.SCATTER_OF_ANOTHER


def _kinds(problem: Problem) -> str:
    """What to type if the observable falls into two kinds, and else what to look at."""
    name, y = problem.runs.observable, problem.runs.y
    if name.isidentifier() and (y > 0).all():
        size = np.sort(y)
        gap = int(np.argmax(size[1:] / size[:-1]))
        if size[gap + 1] > limits.SCATTER_GAP * size[gap]:
            cut = float(f"{np.sqrt(size[gap] * size[gap + 1]):.1g}")
            below = gap + 1 <= len(y) // 2
            sign, count = (">", gap + 1) if below else ("<", len(y) - gap - 1)
            if size[gap] < cut < size[gap + 1]:
                return (
                    f"look at the {count} run{'s' if count > 1 else ''} "
                    f"{'below' if below else 'above'} {cut:g}, and fit the others alone, "
                    f"where={in_quotes(comparison(name, sign, f'{cut:g}'))}"
                )
    return "look at the rows that are farthest off, and fit runs of one kind alone, where=..."


def outliers_of(difference: np.ndarray, scale: np.ndarray, inputs: Sequence[np.ndarray], fitted: int) -> Outliers:
    """The rows that the check of outliers finds: those beyond a limit that Student-t noise seldom exceeds.

    The noise exceeds it in the share `limits.OUTLIERS_CHANCE` of tables.

    The scale of the scatter is from the median distance, which outliers move less than the fitted scale of the noise.

    Args:
        difference: The distance of each run from the law, on the noise's scale (run,).

        scale: The scale of each row's noise, of which only the ratios matter (run,).

        inputs: The axes of the law's inputs, each (run,). A trend along them is a misfit of the law, and makes no row
            an outlier.

        fitted: The number of parameters that the runs decide.

    Returns:
        The rows beyond the limit, and the distance of each row.

    >>> off = np.array([0.1, -0.1, 0.2, -0.2, 0.1, -0.3, 0.2, -0.1, 0.2, 9.0])
    >>> outliers_of(off, np.ones(10), [], 2).rows
    array([9])
    """
    n = len(difference)
    relative = difference / (scale / np.median(scale))
    design = np.column_stack([np.ones(n), *((x - x.mean()) / x.std() for x in inputs)])
    fitted = min(fitted + len(inputs), n // 2)
    _, rest = robust_trend(relative, design)
    off_by = np.abs(rest) / max(robust_scale(rest, fitted), limits.SCATTER_EXACT)
    limit = max(limits.OUTLIERS_SCALES, -float(stdtrit(limits.OUTLIERS_TAILS, limits.OUTLIERS_CHANCE / (2 * n))) / MAD)
    order = np.argsort(-off_by)
    return Outliers(order[off_by[order] > limit], off_by)


def _outliers(problem: Problem, draws: Draws, near: Around, difference: np.ndarray) -> Check:
    id, n = "outliers", len(difference)
    fitted = decided(problem, draws, near).shape[1] if problem.discrepancy is None else len(problem.columns)
    outliers = outliers_of(difference, draws.mode.scale[:n], list(axes(problem).values()), fitted)
    far = np.argsort(-outliers.scales)[:NAMED]
    if not outliers.rows.size:
        listing = ", ".join(
            f"{_named(problem, i)} by {outliers.scales[i]:.1f} scales"
            for i in far
            if i == far[0] or outliers.scales[i] > limits.OUTLIERS_SCALES
        )
        return make_check(
            id, Status.PASS, f"No run is further off than noise with heavy tails explains; the farthest: {listing}."
        )
    listing = "; ".join(
        _distance_text(problem, i, float(difference[i]), float(outliers.scales[i])) for i in outliers.rows[:NAMED]
    )
    more = f"; and {outliers.rows.size - NAMED} more" if outliers.rows.size > NAMED else ""
    single = outliers.rows.size == 1
    return make_check(
        id,
        Status.REVIEW,
        f"{outliers.rows.size} of {n} runs {'lies' if single else 'lie'} far off the law: {listing}{more}. "
        f"{_moved(problem, draws, outliers.rows)}. "
        f"Look at {'it' if single else 'them'} first (a typing error, another unit, a run that "
        "diverged?): leave a run out for such a reason and not for its result, and report both answers.",
    )


def _distance_text(problem: Problem, i: int, difference: float, scales: float) -> str:
    way = "above" if difference > 0 else "below"
    return f"{_named(problem, i)} {way} it by {amount(problem, abs(difference))} ({scales:.0f} scales)"


def _named(problem: Problem, i: int) -> str:
    ids = problem.runs.labels.get("run_id")
    row = f"row {problem.runs.rows[i]}"
    return row if ids is None or ids[i] is None else f"run {str(ids[i])!r} ({row})"


def _moved(problem: Problem, draws: Draws, rows: np.ndarray) -> str:
    """A sentence on how far the mode at the largest run moves without some rows."""
    n = len(problem.runs)
    mask = np.array(problem.rows.mask)
    mask[rows] = 0.0
    masked = problem.rows._replace(mask=mask)
    location = compiled_once(_refitted, problem.model, problem.numbers, masked, draws.mode.z)
    top = int(np.argmax(np.sum([*axes(problem).values(), np.zeros(n)], axis=0)))
    before, after = (float(x[top]) * problem.reference.scale for x in (draws.mode.location, np.asarray(location)))
    where = ", ".join(f"{column} {problem.runs.inputs[column][top]:.3g}" for column in problem.columns.values())
    change = f" ({100 * (after / before - 1):+.2g} %)" if before > 0 else ""
    return (
        f"Without {'it' if len(rows) == 1 else 'them'} the mode at the largest run ({where}) goes from {before:.4g} to "
        f"{after:.4g}{change}"
    )


@jitted(0)
def _refitted(model: Model, numbers: Numbers, rows: Rows, z: Any) -> Any:
    """The law's value at every row, at the optimum for the unmasked rows that is reached from z."""
    free = len(model.free)
    row_coordinates = z[free:]

    def loss(z: Any, stage: Any) -> Any:
        value = -model.log_density(jnp.concatenate([z, row_coordinates]), numbers, rows, stage)
        return jnp.where(jnp.isfinite(value), value, 1e30)

    best = polished(model, loss, z[None, :free], numbers.stages, STEPS).z[0]
    return at(model, numbers, rows, jnp.concatenate([best, row_coordinates]))[0]
