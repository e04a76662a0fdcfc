"""This file chooses the one N that is best in expected loss, and gives its expected regret."""

from typing import NamedTuple

import numpy as np

from scalebayes.compute import other_size
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import Range, log_other

CANDIDATES = 65  # values of log N among which the best is looked for; a parabola gives what lies between two
EDGES = 0.005, 0.995  # quantiles of the optimum over draws between which they lie
ROUNDING = 1e-12  # share of the expected loss below which a regret is the rounding of sums
DRAWS = 500  # number of draws over which the law is averaged at every candidate; its noise cancels in a regret


class Choice(NamedTuple):
    """The choice that is best in expected loss at each budget; every array is (budget,).

    Attributes:
        log_N: log N of the choice; NaN where no draw has an optimum.
        expected: The expected loss there.
        regret: The expected loss there less the expected loss of a choice that knew the true law, at least 0.
    """

    log_N: np.ndarray
    expected: np.ndarray
    regret: np.ndarray


def candidates_of(log_N: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The candidates (budget, candidate): evenly spaced over the draws' optima log N (..., budget).

    Args:
        log_N: The optima of the draws; NaN where a draw has none. Where no draw has one, the candidates are NaN.

        margin: E-folds by which the candidates reach further to both sides. The default is 0.

    >>> candidates_of(np.array([[1.0], [3.0]]))[0, [0, -1]].round(2).tolist()
    [1.01, 2.99]
    """
    flat = np.asarray(log_N).reshape(-1, np.shape(log_N)[-1])
    flat = np.where(np.isfinite(flat), flat, np.nan)
    ends = np.full((2, flat.shape[1]), np.nan)
    there = ~np.isnan(flat).all(axis=0)
    ends[:, there] = np.nanquantile(flat[:, there], EDGES, axis=0)
    low, high = ends[0] - margin, ends[1] + margin
    return low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, CANDIDATES)


def inside(candidates: np.ndarray, within: Range) -> np.ndarray:
    """Candidates (budget, candidate) as evenly spaced as before, between ends that limits leave."""
    low = np.clip(candidates[:, :1], within.low[:, None], within.high[:, None])
    high = np.clip(candidates[:, -1:], within.low[:, None], within.high[:, None])
    return low + (high - low) * np.linspace(0.0, 1.0, candidates.shape[1])


def thinned(draws: int) -> slice:
    """The draws that are averaged: every one of few, and evenly spaced ones of many."""
    return slice(None, None, max(1, draws // DRAWS))


def best_choice(candidates: np.ndarray, profile: np.ndarray, loss: np.ndarray, between: bool = True) -> Choice:
    """Choose the candidate of least expected loss.

    Args:
        candidates: Values of log N (budget, candidate).

        profile: The loss at the candidates (draw, budget, candidate).

        loss: The loss at the optimum of each of the same draws (draw, budget); draws with NaN are left out.

        between: Whether the choice may lie between two candidates, on a parabola. The default is True.

    Returns:
        The choice at each budget.

    >>> u = np.linspace(-1.0, 1.0, 65)[None]
    >>> chosen = best_choice(u, np.stack([(u - 0.5) ** 2, (u + 0.1) ** 2]), np.zeros((2, 1)))
    >>> [round(float(x[0]), 6) for x in chosen]
    [0.2, 0.09, 0.09]
    """
    there = ~np.isnan(loss)
    count = there.sum(axis=0)
    mean = np.where(there[..., None], profile, 0.0).sum(axis=0) / np.maximum(count, 1)[:, None]
    known = np.where(there, loss, 0.0).sum(axis=0) / np.maximum(count, 1)
    best = np.argmin(np.where(np.isnan(mean), np.inf, mean), axis=1)
    rows, part, bend, slope = np.arange(len(best)), 0.0, 0.0, 0.0
    if between:
        best = np.clip(best, 1, mean.shape[1] - 2)
        low, middle, high = (mean[rows, best + k] for k in (-1, 0, 1))
        bend, slope = low - 2 * middle + high, (high - low) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(bend > 0, np.clip(-slope / bend, -1.0, 1.0), 0.0)
    log_N = candidates[rows, best] + part * (candidates[:, 1] - candidates[:, 0] if between else 0.0)
    expected = mean[rows, best] + part * slope + part**2 * bend / 2
    regret = expected - known
    regret = np.where(regret > ROUNDING * np.abs(known), regret, 0.0)
    none = count == 0
    return Choice(*(np.where(none, np.nan, x) for x in (log_N, expected, regret)))


def chosen(
    log_N: np.ndarray,
    regret: np.ndarray,
    cost: Cost,
    C: np.ndarray,
    within: Range | None,
    listed: tuple[np.ndarray, np.ndarray | None],
) -> dict[str, tuple[str, np.ndarray]]:
    """The variables `N_best`, `D_best` and `regret` of the best choice.

    Args:
        log_N: log N of the choice (budget,).

        regret: Its regret (budget,).

        cost: The cost.

        C: The budgets (budget,).

        within: The range that limits leave; None for none.

        listed: The candidates of log N (budget, candidate), and log D of each where they are the sizes that can be
            trained; else None.
    """
    N, (candidates, sizes) = np.exp(log_N), listed
    if within is None:
        D = other_size(C, N)
    elif sizes is not None:
        nearest = np.abs(candidates - log_N[:, None]).argmin(axis=1)
        D = np.exp(np.take_along_axis(sizes, nearest[:, None], axis=1)[:, 0])
    else:
        log_D = np.where(within.low >= within.high, within.log_D, log_other(cost, C, log_N))
        D = np.where(np.isnan(N), np.nan, np.exp(log_D))
    return {"N_best": ("budget", N), "D_best": ("budget", D), "regret": ("budget", regret)}
