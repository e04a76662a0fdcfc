"""This file tests residuals for structure: if there is some, the law is wrong and its forecasts are too narrow."""

from collections.abc import Iterator, Mapping

import numpy as np
import scipy
from scipy.special import fdtrc, fdtri, ncfdtr, ndtri

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.checks.robust import ranks, robust_scale
from scalebayes.checks.tangent import Around, decided
from scalebayes.compute import LOG_6
from scalebayes.infer.draws import Draws
from scalebayes.model.problem import Problem
from scalebayes.noise.links import LINKS
from scalebayes.status import Check, Status

# Sds of the noise: the search for the smallest misfit that would be found ends here.
FAR = 100.0


def residual_checks(problem: Problem, draws: Draws, near: Around) -> Iterator[Check]:
    """Test the residuals at the mode against the log of each input, of C and of D/N, over all runs and the largest.

    The test is an F test of a parabola in each covariate on the normal scores of the residuals. The directions that
    the fit takes up (`tangent.decided`) are left out, so that the test holds its level from eight runs on.
    """
    n = len(problem.runs)
    location, scale = draws.mode.location[:n], draws.mode.scale[:n]
    residual = standardised(problem, location, scale)
    covariates = covariates_of(problem)
    what = "the law" if problem.discrepancy is None else "the law with its discrepancy"
    if not np.isfinite(residual).all():
        yield make_check("residuals", Status.FAIL, "the law at the mode isn't finite at every run; check its formula.")
        return
    # With a discrepancy, each residual is from a prediction by the other runs: the fit takes no direction up.
    taken = decided(problem, draws, near) if problem.discrepancy is None else None
    if n >= limits.RESIDUALS_ROWS and covariates:
        yield _check("residuals", "all runs", residual, covariates, what, taken)
    else:
        yield _of_few(problem, location, scale, covariates, taken, what)
    if n >= 2 * limits.RESIDUALS_ROWS and covariates:
        by = "log C" if "log C" in covariates else next(iter(covariates))
        size = covariates[by]
        largest = size >= np.sort(size)[-max(limits.RESIDUALS_ROWS, n // 10)]
        within = {name: x[largest] for name, x in covariates.items()}
        where = f"the {largest.sum()} runs of largest {by.removeprefix('log ')}"
        yield _check("residuals_largest", where, residual[largest], within, what, None)


def standardised(problem: Problem, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The standardised residuals (g(y) - g(f)) / scale (run,) that the checks test, with g the noise's link.

    The link is log, logit or the identity.
    """
    return off(problem, location) / scale


def off(problem: Problem, location: np.ndarray) -> np.ndarray:
    """The residuals g(y) - g(f) (run,) that the checks look at, with g the noise's link and f the law."""
    link = LINKS[problem.model.form.on]
    return np.asarray(link.of(problem.rows.y[: len(location)])) - np.asarray(link.of(location))


def amount(problem: Problem, size: float) -> str:
    """The size of a misfit in the sentence of a check: per cent or a factor on the log scale of the noise."""
    observable = problem.runs.observable
    if problem.model.form.on == "log":
        return f"{100 * np.expm1(size):.2g} % of {observable}" if size < np.log(2) else f"a factor {np.exp(size):.3g}"
    if problem.model.form.on == "logit":
        return f"a factor {np.exp(size):.3g} in the odds of {observable}"
    return f"{size * problem.reference.scale:.2g} of {observable}"


def covariates_of(problem: Problem) -> dict[str, np.ndarray]:
    """The covariates of the check of residuals by name (run,): the log of each input that varies, of C and of D/N.

    An input that need not be positive is its own covariate, without the log.
    """
    covariates = {problem.axis_name(c): problem.axis(c, problem.column(c)) for c in problem.columns.values()}
    if {"log N", "log D"} <= set(covariates):
        covariates["log C"] = LOG_6 + covariates["log N"] + covariates["log D"]
        covariates["log D/N"] = covariates["log D"] - covariates["log N"]
    return {name: x for name, x in covariates.items() if np.ptp(x) > 1e-9}


def normal_scores(residual: np.ndarray) -> np.ndarray:
    """The normal scores of residuals (van der Waerden): ranks as Normal quantiles, lest heavy tails decide a test."""
    return ndtri(ranks(residual) / (len(residual) + 1))


def structure(score: np.ndarray, x: np.ndarray, taken: np.ndarray | None = None) -> tuple[float, float]:
    """The test of residuals for structure: R^2 and p-value of a parabola in x, where the fit hasn't taken them up.

    Args:
        score: The normal scores of the residuals (run,).

        x: The covariate (run,).

        taken: The orthonormal directions that the fit has taken up (run, direction). The default is None, no
            direction.
    """
    beside, parabola = _parabola(x, taken)
    left_over = _without(score, beside)
    used, left = parabola.shape[1], len(score) - beside.shape[1] - parabola.shape[1]
    total = float(left_over @ left_over)
    if not used or left < 1 or not total > 0:
        return 0.0, 1.0
    r2 = min(float(np.sum((parabola.T @ left_over) ** 2)) / total, 1.0)
    return r2, float(fdtrc(used, left, r2 / used / max((1 - r2) / left, 1e-300)))


def detectable(x: np.ndarray, taken: np.ndarray | None, level: float) -> float:
    """The size of a parabola that the test of residuals finds with the chance `limits.RESIDUALS_POWER`, four in five.

    The size is the rise from the middle of x to its ends, in sds of the noise. It is infinite if there are too few
    runs to find any parabola.
    """
    beside, parabola = _parabola(x, taken)
    used, left = parabola.shape[1], len(x) - beside.shape[1] - parabola.shape[1]
    middle = (x - (x.max() + x.min()) / 2) / (np.ptp(x) / 2)
    seen = np.linalg.norm(parabola.T @ middle**2)
    if not used or left < 2 or seen < 1e-9:
        return np.inf
    limit = fdtri(used, left, 1 - level)

    def missing(size: float) -> float:
        return float(1 - ncfdtr(used, left, size**2, limit)) - limits.RESIDUALS_POWER

    return scipy.optimize.root_scalar(missing, bracket=(0.0, FAR)).root / seen if missing(FAR) > 0 else np.inf


def _parabola(x: np.ndarray, taken: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Two orthonormal bases (run, column): a constant with the directions taken up, and a parabola in x beside them."""
    t = (x - x.mean()) / x.std()
    flat = np.ones((len(x), 1)) / np.sqrt(len(x))
    beside = _basis(flat if taken is None else np.column_stack([flat, taken]), 1e-6)
    return beside, _basis(_without(np.column_stack([t, t**2 - 1]), beside), np.sqrt(len(x)) * limits.RESIDUALS_TANGENT)


def _basis(columns: np.ndarray, tolerance: float) -> np.ndarray:
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > tolerance]


def _without(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return values - basis @ (basis.T @ values)


def _check(
    id: str,
    where: str,
    residual: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    what: str,
    taken: np.ndarray | None,
) -> Check:
    tests = _tested(residual, covariates, taken)
    if not tests:
        return make_check(id, Status.PASS, f"No input varies over {where}.")
    if trends := _significant(tests):
        return make_check(id, Status.REVIEW, _misfit(where, trends, what))
    axis, (r2, _) = min(tests.items(), key=lambda item: item[1][1])
    return make_check(id, Status.PASS, f"Over {where} no trend (strongest against {axis}, R^2 {r2:.2f}).")


def _tested(
    residual: np.ndarray, covariates: Mapping[str, np.ndarray], taken: np.ndarray | None
) -> dict[str, tuple[float, float]]:
    score = normal_scores(residual)
    return {axis: structure(score, x, taken) for axis, x in covariates.items() if np.ptp(x) > 1e-9}


def _significant(tests: Mapping[str, tuple[float, float]]) -> str:
    level = limits.RESIDUALS_LEVEL / len(tests)
    return ", ".join(f"{axis} (R^2 {r2:.2f}, p {p:.0e})" for axis, (r2, p) in tests.items() if p <= level)


def _misfit(where: str, trends: str, what: str) -> str:
    return (
        f"over {where} the residuals still depend on {trends}: {what} doesn't hold there, and intervals beyond the "
        "runs are too narrow; compare another law, or leave the smallest runs out and see whether the forecast moves."
    )


def _of_few(
    problem: Problem,
    location: np.ndarray,
    scale: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    taken: np.ndarray | None,
    what: str,
) -> Check:
    """The check of fewer runs than `limits.RESIDUALS_ROWS`, which says what misfit would have been found."""
    n, difference = len(location), off(problem, location)
    tests = _tested(difference / scale, covariates, taken) if n >= limits.RESIDUALS_FEWEST else {}
    if tests and (sentence := _significant(tests)):
        return make_check("residuals", Status.REVIEW, _misfit(f"all {n} runs", sentence, what))
    could = ""
    if tests:
        by = "log C" if "log C" in tests else next(iter(tests))
        unit = robust_scale(difference, 0 if taken is None else taken.shape[1])
        bend = unit * detectable(covariates[by], taken, limits.RESIDUALS_LEVEL / len(tests))
        spread = np.ptp(np.asarray(LINKS[problem.model.form.on].of(problem.rows.y[:n])))
        seen = f"{amount(problem, min(bend, spread))} between the middle of {by} and its ends"
        if bend <= limits.RESIDUALS_BLUNT * spread:
            sentence = (
                f"Nothing over all {n} runs says that {what} misfits; a misfit of {seen} would have been found in four "
                "of five such tables."
            )
            return make_check("residuals", Status.PASS, sentence)
        could = f" (only a misfit of {seen} would be found in four of five such tables)" if bend < spread else ""
    return make_check(
        "residuals",
        Status.REVIEW,
        f"{n} run{'s' if n > 1 else ''} can't show whether {what} misfits{could}: a forecast beyond them rests on "
        f"{what if problem.discrepancy is None else 'the priors of both'} alone; hold out the largest run and see "
        "whether the interval catches it.",
        conclusive=False,
    )
