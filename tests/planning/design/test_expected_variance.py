"""The expected variance after further runs, against closed forms, and batches under a budget."""

import numpy as np
import pytest

from scalebayes.planning.design.choose import chosen
from scalebayes.planning.design.expected_variance import Joint, State


def linear(draws, seed=0, candidates=12):
    """A curve that is linear in three parameters with prior covariance P, and a target linear in them."""
    rng = np.random.default_rng(seed)
    design, target = rng.normal(size=(candidates, 3)), rng.normal(size=(3, 1))
    root = rng.normal(size=(3, 3))
    noise = rng.uniform(0.1, 1.0, candidates)
    # Draws whose sample covariance is P exactly, so that nothing is left to chance.
    raw = rng.normal(size=(draws, 3))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T)).T)
    theta = raw @ root.T
    return Joint(theta @ target, theta @ design.T, noise, np.inf, 3), design, target[:, 0], root @ root.T, noise


def left(design, target, prior, noise, order):
    """The variance of the target after some runs, by Bayesian linear regression."""
    precision = np.linalg.inv(prior)
    for i in order:
        precision = precision + np.outer(design[i], design[i]) / noise[i]
    return target @ np.linalg.inv(precision) @ target


def test_one_run_and_batches_follow_bayesian_linear_regression():
    """Fails if the expected variance after one run, or after a batch, isn't the closed form's."""
    joint, design, target, prior, noise = linear(500)
    state = State(joint)
    assert state.target.item() == pytest.approx(target @ prior @ target, rel=1e-9)
    for order in ([3], [3, 7], [3, 7, 0], [3, 7, 0, 3]):
        each = [left(design, target, prior, noise, [*state.taken, i]) for i in range(len(design))]
        assert state.target.item() - state.gain() == pytest.approx(each, rel=1e-7)
        state.take(order[-1])
        assert state.target.item() == pytest.approx(left(design, target, prior, noise, order), rel=1e-7)


def test_covariance_by_luck_is_taken_off():
    """Fails if unrelated candidates seem to tell of the target, the more so the fewer draws there are."""
    rng = np.random.default_rng(1)
    gains, raw = [], []
    for _ in range(50):
        joint = Joint(rng.normal(size=(200, 1)), rng.normal(size=(200, 40)), np.full(40, 0.01), 200.0, 40)
        gains.append(State(joint).gain().mean())
        raw.append(State(Joint(joint.targets, joint.points, joint.noise, np.inf, 40)).gain().mean())
    assert np.mean(raw) == pytest.approx(1 / 200, rel=0.15)
    assert np.mean(gains) < 0.6 * np.mean(raw)


def test_what_a_batch_leaves_is_adjusted_for_luck():
    """Fails if runs that tell nothing seem to, on average, or the same luck is counted for every run that shares it."""
    rng = np.random.default_rng(4)
    left = []
    for _ in range(200):
        state = State(Joint(rng.normal(size=(100, 1)), rng.normal(size=(100, 5)), np.full(5, 1e-9), 100.0, 5))
        for i in range(5):
            state.take(i)
        left.append(state.left().item())
    assert np.mean(left) == pytest.approx(1.0, abs=0.03)
    slope = rng.normal(size=(100, 1))
    state = State(Joint(slope, np.tile(slope, 50), np.full(50, 50.0), 100.0, 1))
    for i in range(50):
        state.take(i)
    assert state.left().item() == pytest.approx(0.5, rel=0.25)


def test_budget_holds_and_the_better_batch_is_kept():
    """Fails if runs cost more than the budget, or tiny runs are taken where a large one saves more."""
    rng = np.random.default_rng(2)
    slope = rng.normal(size=(4000, 1))
    # The large run shows the target at once; ten tiny ones are cheaper for what they show, but show little.
    joint = Joint(slope, np.hstack([slope * 10, slope * np.full(10, 0.1)]), np.ones(11), 4000.0, 1)
    cost = np.array([100.0, *np.full(10, 0.001)])
    batch = chosen(joint, cost, 100.0, 10)
    assert batch.order[0] == 0 and cost[batch.order].sum() <= 100.0
    assert batch.variances[-1].item() < 0.02
    cheap = chosen(joint, cost, 1.0, 10)
    assert sorted(cheap.order) == list(range(1, 11))
    assert cheap.variances[-1].item() == pytest.approx(1 / (1 + 10 * 0.01), rel=0.05)


def test_what_a_process_adds_counts():
    """Fails if a process within draws isn't part of variances, of covariances, or of what a chosen run shows."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(6, 6))
    whole = root @ root.T  # the covariance of a target and five candidates

    class Known:
        target, across, own = whole[:1, 0], whole[:1, 1:], np.diag(whole)[1:]

        def column(self, candidate):
            return whole[1:, 1 + candidate]

    joint = Joint(np.zeros((10, 1)), np.zeros((10, 5)), np.full(5, 0.3), np.inf, 5, [(1.0, Known())])
    state = State(joint)
    for i in (2, 4, 0):
        state.take(i)
    seen = np.array([3, 5, 1])
    within = whole[np.ix_(seen, seen)] + 0.3 * np.eye(3)
    exact = whole[0, 0] - whole[0, seen] @ np.linalg.solve(within, whole[seen, 0])
    assert state.target.item() == pytest.approx(exact, rel=1e-8)
