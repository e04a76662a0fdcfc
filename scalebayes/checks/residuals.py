"""Structure left in the residuals: where there is some, the law is wrong and intervals beyond are too narrow."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import stats
from scipy.special import fdtrc, ndtri

from scalebayes.infer.draws import Draws
from scalebayes.links import LINKS
from scalebayes.problem import Problem
from scalebayes.status import Check, Status

MIN_ROWS = 20
LEVEL = 0.01
EXACT = 1e-5


def residual_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """Residuals at the mode against the log of each input, of C and of D/N, over all runs and over the largest."""
    n = len(problem.runs)
    location, scale = draws.mode.location[:n], draws.mode.scale[:n]
    yield _exact(problem, location)
    residual = standardised(problem, location, scale)
    covariates = covariates_of(problem)
    what = "the law" if problem.discrepancy is None else "the law with its discrepancy"
    if not np.isfinite(residual).all():
        yield Check("residuals", Status.FAIL, "the law at the mode isn't finite at every run; check its formula.")
        return
    if len(residual) < MIN_ROWS or not covariates:
        yield Check(
            "residuals",
            Status.REVIEW,
            f"fewer than {MIN_ROWS} runs can't show whether {what} misfits: a forecast beyond them rests on "
            f"{what if problem.discrepancy is None else 'the priors of both'} alone; hold out the largest run and see "
            "whether the interval catches it.",
        )
        return
    yield _check("residuals", "all runs", residual, covariates, what)
    by = "log C" if "log C" in covariates else next(iter(covariates))
    size = covariates[by]
    largest = size >= np.sort(size)[-max(MIN_ROWS, len(size) // 10)]
    if len(residual) >= 2 * MIN_ROWS:
        within = {name: x[largest] for name, x in covariates.items()}
        yield _check(
            "residuals of the largest runs",
            f"the {largest.sum()} runs of largest {by.removeprefix('log ')}",
            residual[largest],
            within,
            what,
        )


def _exact(problem: Problem, location: np.ndarray) -> Check:
    """A law that passes through every run: the noise's scale then runs off to zero, and no sampler can follow."""
    off = np.abs(problem.rows.y[: len(location)] / location - 1).max()
    if not off < EXACT:
        return Check("scatter", Status.PASS, f"The runs scatter around the law, by {off:.2g} at most.")
    return Check(
        "scatter",
        Status.REVIEW,
        f"the law passes through every run to {off:.0e}: the table has no noise, or too few runs to show it, and "
        "the noise's scale can't be told from zero; fix it, priors={'noise_scale': 0.003}.",
    )


def standardised(problem: Problem, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(g(y) - g(f)) / scale of the row, with g the noise's link: log, logit or the observable itself (run,)."""
    link = LINKS[problem.model.form.on]
    difference = np.asarray(link.of(problem.rows.y[: len(location)])) - np.asarray(link.of(location))
    return difference / scale


def covariates_of(problem: Problem) -> dict[str, np.ndarray]:
    """log of each input that varies, or itself where it need not be positive; of C and D/N too (run,)."""
    found = {problem.axis_name(c): problem.axis(c, problem.column(c)) for c in problem.columns.values()}
    if {"log N", "log D"} <= set(found):
        found["log C"] = np.log(6) + found["log N"] + found["log D"]
        found["log D/N"] = found["log D"] - found["log N"]
    return {name: x for name, x in found.items() if np.ptp(x) > 1e-9}


def normal_scores(residual: np.ndarray) -> np.ndarray:
    """Van der Waerden's scores: ranks turned into Normal quantiles, so that heavy tails don't decide a test."""
    return ndtri(stats.rankdata(residual) / (len(residual) + 1))


def structure(score: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """R^2 and p-value of the F test of a parabola in x fitted to values (run,)."""
    n = len(score)
    t = (x - x.mean()) / x.std()
    design = np.column_stack([np.ones(n), t, t**2])
    _, _, rank, _ = np.linalg.lstsq(design, score, rcond=1e-8)
    fitted = design @ np.linalg.lstsq(design, score, rcond=1e-8)[0]
    r2 = float(1 - np.sum((score - fitted) ** 2) / np.sum((score - score.mean()) ** 2))
    used, left = rank - 1, n - rank
    return r2, float(fdtrc(used, left, r2 / used / max((1 - r2) / left, 1e-300)))


def _check(name: str, where: str, residual: np.ndarray, covariates: Mapping[str, np.ndarray], what: str) -> Check:
    score = normal_scores(residual)
    found = {axis: structure(score, x) for axis, x in covariates.items() if np.ptp(x) > 1e-9}
    if not found:
        return Check(name, Status.PASS, f"No input varies over {where}.")
    axis, (r2, p) = min(found.items(), key=lambda item: item[1][1])
    level = LEVEL / len(found)
    if p > level:
        return Check(name, Status.PASS, f"Over {where} no trend (strongest against {axis}, R^2 {r2:.2f}).")
    told = ", ".join(f"{a} (R^2 {r:.2f}, p {q:.0e})" for a, (r, q) in found.items() if q <= level)
    return Check(
        name,
        Status.REVIEW,
        f"over {where} the residuals still depend on {told}: {what} doesn't hold there, and intervals beyond the runs "
        "are too narrow; compare another law, or leave the smallest runs out and see whether the forecast moves.",
    )
