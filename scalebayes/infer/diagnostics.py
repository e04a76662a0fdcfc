"""This file calls ArviZ's diagnostics of chains and of importance weights on plain arrays."""

from typing import Any

import numpy as np


def _array_stats() -> Any:
    # ArviZ takes a second to import, and a fit that is only loaded from a file doesn't need it.
    from arviz_stats.base.array import array_stats

    return array_stats


def _per_parameter(name: str, draws: np.ndarray, **options: Any) -> np.ndarray:
    # chain_axis and draw_axis are given: by default ArviZ 1.x takes the last two axes, and their order may change.
    return np.asarray(getattr(_array_stats(), name)(draws, chain_axis=1, draw_axis=2, **options))


def rhat(draws: np.ndarray) -> np.ndarray:
    """The rank-normalised split r-hat (parameter,) of a method's draws (parameter, chain, draw).

    Source: Vehtari et al., arXiv 1903.08008.

    >>> rng = np.random.default_rng(0)
    >>> bool(rhat(rng.normal(size=(1, 4, 1000)))[0] < 1.01)
    True
    """
    return _per_parameter("rhat", draws)


def ess_bulk(draws: np.ndarray) -> np.ndarray:
    """The bulk effective sample size (parameter,) of draws (parameter, chain, draw)."""
    return _per_parameter("ess", draws, method="bulk")


def ess_tail(draws: np.ndarray) -> np.ndarray:
    """The tail effective sample size (parameter,) of draws (parameter, chain, draw), at the 5 % and 95 % quantiles."""
    return _per_parameter("ess", draws, method="tail", prob=(0.05, 0.95))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """The energy Bayesian fraction of missing information (chain,) of energies (chain, draw)."""
    return np.asarray(_array_stats().bfmi(energy))


def pareto_smoothed(log_ratio: np.ndarray) -> tuple[np.ndarray, float]:
    """The Pareto-smoothed, normalised log weights (proposal,) and the k-hat of log importance ratios (proposal,).

    Source: Vehtari et al., arXiv 1507.02646.

    >>> log_weight, khat = pareto_smoothed(np.random.default_rng(0).normal(size=1000))
    >>> round(float(np.exp(log_weight).sum()), 6)
    1.0
    """
    log_weight, khat = _array_stats().psislw(-log_ratio)
    log_weight = np.asarray(log_weight)
    return log_weight - np.logaddexp.reduce(log_weight), float(khat)
