"""This file ranks a truth among the draws of its posterior, and tests whether ranks are uniform.

If the posterior is right, the ranks are uniform. Among n ranks in L draws, the number of ranks below k is then
Binomial(n, k / (L + 1)), for each k from 1 to L. The test statistic is the smallest of the 2 L tail probabilities of
these counts. A recursion over k gives its exact distribution.
Source: Säilynoja, Bürkner and Vehtari 2022, arXiv 2103.10522, section 2.
"""

from functools import lru_cache

import numpy as np
import scipy
from scipy import special

# Tail probability: smaller ones are all taken as this one.
LEAST = 1e-13
# Relative difference of two tail probabilities: up to it they count as equal, because rounding explains it.
EQUAL = 1e-9
# Number of bisection steps that find the envelope.
STEPS = 30


def rank_of(truth: float, draws: np.ndarray, rng: np.random.Generator) -> int:
    """The number of draws (draw,) that lie below a truth; ties are broken at random.

    >>> rank_of(0.5, np.array([0.1, 0.4, 0.9]), np.random.default_rng(0))
    2
    """
    return int((draws < truth).sum() + rng.integers(0, (draws == truth).sum() + 1))


def thinned(total: int, kept: int) -> np.ndarray:
    """The positions of the `kept` evenly spaced draws among `total` that the test of ranks takes (kept,).

    >>> thinned(100, 4).tolist()
    [0, 33, 66, 99]
    """
    return np.linspace(0, total - 1, kept).round().astype(int)


def counts(ranks: np.ndarray, draws: int) -> np.ndarray:
    """The number of simulations whose rank (sim,) is below k, for each k from 1 to `draws` (draws,)."""
    return np.searchsorted(np.sort(ranks), np.arange(1, draws + 1))


def p_value(ranks: np.ndarray, draws: int) -> float:
    """The p-value of uniform ranks: the probability that uniform ranks stray as far at the place where they stray most.

    Args:
        ranks: The ranks, from 0 to `draws` (sim,).

        draws: The number of draws that the truths were ranked among.

    >>> round(p_value(np.repeat(np.arange(10), 10), 9), 3)
    1.0
    >>> p_value(np.repeat(np.arange(5), 20), 9) < 1e-9
    True
    """
    seen, n, below = counts(ranks, draws), len(ranks), _places(draws)
    low, high = scipy.stats.binom.cdf(seen, n, below), scipy.stats.binom.cdf(n - seen, n, 1 - below)
    return chance(float(2 * np.minimum(low, high).min()), n, draws)


def chance(tail: float, n: int, draws: int) -> float:
    """The probability that the smallest of all two-sided tails of n uniform ranks is at most `tail`."""
    low, high = _limits(tail, n, draws)
    factorial = special.gammaln(np.arange(n + 1) + 1.0)
    before, chances, reached = np.array([0]), np.array([1.0]), 0.0
    for k, place in enumerate(_places(draws)):
        after = np.arange(low[k], high[k] + 1)
        # Each rank that isn't below k - 1 is below k with this probability.
        share = (place - reached) / (1 - reached)
        left, more = n - before[None, :], after[:, None] - before[None, :]
        possible = (more >= 0) & (more <= left)
        more = np.where(possible, more, 0)
        log_step = factorial[left] - factorial[more] - factorial[left - more]
        log_step = log_step + more * np.log(share) + (left - more) * np.log1p(-share)
        chances = np.where(possible, np.exp(log_step), 0.0) @ chances
        before, reached = after, place
    return float(np.clip(1 - chances.sum(), 0.0, 1.0))


@lru_cache(maxsize=256)
def envelope(n: int, draws: int, prob: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest counts between which uniform ranks stay at every k with probability at least `prob`.

    >>> low, high = envelope(100, 9)
    >>> low[4], high[4]
    (np.int64(37), np.int64(63))
    """
    inside, outside = np.log(LEAST), np.log(1 - prob)
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        fits = chance(float(np.exp(middle)), n, draws) <= 1 - prob
        inside, outside = (middle, outside) if fits else (inside, middle)
    return _limits(float(np.exp(inside)), n, draws)


def coverage(below: np.ndarray, prob: float) -> tuple[float, float]:
    """The share of the simulated truths that lie inside the central interval, and its standard error.

    Args:
        below: The share of the draws below each truth (sim,).

        prob: The probability of the interval.

    >>> coverage((np.arange(100) + 0.5) / 100, 0.9)
    (0.9, 0.03...)
    """
    tail = (1 - prob) / 2
    inside = int(((below > tail) & (below < 1 - tail)).sum())
    # Jeffreys' mean, so that the error isn't zero where all truths are inside.
    mean = (inside + 0.5) / (len(below) + 1)
    return inside / len(below), float(np.sqrt(mean * (1 - mean) / len(below)))


def _places(draws: int) -> np.ndarray:
    """The probability k / (L + 1) of a rank below k, for each k from 1 to L (draws,)."""
    return np.arange(1, draws + 1) / (draws + 1)


def _limits(tail: float, n: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest counts whose two-sided tail probability is more than `tail` (draws,)."""
    side = max(tail * (1 + EQUAL), LEAST) / 2
    low = np.maximum(scipy.stats.binom.ppf(side, n, _places(draws)), 0).astype(int)
    return low, n - low[::-1]
