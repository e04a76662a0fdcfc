"""This file has the expected variance of a target after further runs, which is linear in the posterior draws.

With a target t, the curve f_c at a candidate c, and a variance s_c^2 of the noise of a new run there, the best linear
estimate of t from the new run leaves the variance Var(t) - Cov(t, f_c)^2 / (Var(f_c) + s_c^2). This is the formula of
Bayesian linear regression, exact where t and the curve are jointly Normal over the posterior. It doesn't depend on what
the run will show. After each run that is chosen, the joint covariance is conditioned on it, by one column: no matrix of
candidates by candidates is made.

With S independent draws, the square of a sample covariance of unrelated quantities is Var(t) Var(f_c) / (S - 1) on
average. This is subtracted from the square where runs are chosen, so that none is chosen by luck. The variance that a
batch leaves is adjusted once for the batch, as R^2 is: runs beyond the curve's number of parameters share their luck.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


class Within(Protocol):
    """The covariance that a process adds within a posterior draw, averaged over draws.

    Attributes:
        target: The variance of each target (target,).

        across: The covariance of targets and candidates (target, candidate).

        own: The variance of each candidate (candidate,).
    """

    target: np.ndarray
    across: np.ndarray
    own: np.ndarray

    def column(self, candidate: int) -> np.ndarray:
        """The covariance of all candidates with one of them (candidate,)."""
        ...


@dataclass(frozen=True)
class Joint:
    """The joint distribution of targets and of the curve at candidates, over the posterior.

    Attributes:
        targets: The posterior mean of each target in each draw (draw, target).

        points: The posterior mean of the curve at each candidate in each draw (draw, candidate).

        noise: The variance of the noise of a new run at each candidate (candidate,).

        effective: The number of independent draws that the draws are worth.

        free: The number of parameters on which the curve depends.

        within: Pairs of a weight and what a process adds within a draw.
    """

    targets: np.ndarray
    points: np.ndarray
    noise: np.ndarray
    effective: float
    free: int
    within: Sequence[tuple[float, Within]] = ()


@dataclass
class State:
    """The variances and covariances of a `Joint` that are left after the runs that were chosen so far.

    >>> slope = np.random.default_rng(0).normal(size=(4000, 1))
    >>> state = State(Joint(slope, slope * [1.0, 2.0], np.array([1.0, 1.0]), 4000.0, 1))
    >>> state.gain().round(1)  # one observation of x times the slope leaves the variance 1 / (1 + x^2)
    array([0.5, 0.8])
    """

    joint: Joint
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        joint = self.joint
        self._targets = joint.targets - joint.targets.mean(axis=0)
        self._points = joint.points - joint.points.mean(axis=0)
        self._free = max(len(self._targets) - 1, 1)
        # The variances over the draws, without what a process adds: the covariance that is due to luck rises with them.
        self._drawn_target = np.einsum("st,st->t", self._targets, self._targets) / self._free
        self._drawn_own = np.einsum("sc,sc->c", self._points, self._points) / self._free
        self.target = self._drawn_target + sum(w * one.target for w, one in joint.within)
        self.own = self._drawn_own + sum(w * one.own for w, one in joint.within)
        self.across = self._targets.T @ self._points / self._free + sum(w * one.across for w, one in joint.within)
        self._rows: list[np.ndarray] = []  # the part of each candidate that a chosen run has shown, in units of its sd

    def left(self) -> np.ndarray:
        """The variance of each target (target,) that is left, adjusted for the luck of the runs that were taken."""
        shared, spare = min(len(self.taken), self.joint.free), max(self.joint.effective - 1, 1)
        drawn = np.minimum(self._drawn_target, self.target) if np.isfinite(spare) and shared else 0.0
        return self.target + drawn * (shared / max(spare - shared, 1) if np.isfinite(spare) else 0.0)

    def gain(self) -> np.ndarray:
        """By how much a run at each candidate is expected to lower the sum of the targets' variances (candidate,)."""
        return self._gains().sum(axis=0)

    def take(self, candidate: int) -> None:
        """Condition the joint covariance on a run at one candidate."""
        joint, shown = self.joint, np.sqrt(self.own[candidate] + self.joint.noise[candidate])
        column = self._points.T @ self._points[:, candidate] / self._free
        column = column + sum(w * one.column(candidate) for w, one in joint.within)
        column = (column - sum((row * row[candidate] for row in self._rows), np.zeros_like(column))) / shown
        told = np.minimum((self.across[:, candidate] / shown) ** 2, self.target)
        self.target = self.target - told
        self.across = self.across - np.outer(self.across[:, candidate] / shown, column)
        self.own = np.maximum(self.own - column**2, 0.0)
        self._rows.append(column)
        self.taken.append(candidate)

    def _gains(self) -> np.ndarray:
        """By how much a run at each candidate is expected to lower the variance of each target (target, candidate)."""
        luck = np.outer(np.minimum(self._drawn_target, self.target), np.minimum(self._drawn_own, self.own))
        squared = np.maximum(self.across**2 - luck / max(self.joint.effective - 1, 1), 0.0)
        gains = squared / (self.own + self.joint.noise)
        return np.minimum(gains, self.target[:, None])
