"""This file has what a discrepancy adds to the joint distribution of targets and of the curve at candidates.

In each draw the curve is Normal given the runs. Its mean is computed in every draw that is used. Its covariance within
a draw is exact for all places of the runs, and is averaged over `WITHIN` draws, so that its Monte-Carlo error is that
of the process's parameters alone.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from scalebayes.discrepancy.quick_mean import quick_mean
from scalebayes.fitting.in_own_units import flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.infer.batch import in_batches
from scalebayes.infer.double import double

# The number of draws whose covariance within a draw is averaged, and the largest number of values kept for it (240 MB).
WITHIN, KEPT = 32, 3e7
TOGETHER = 4e6  # the largest number of covariances in memory at once, when means are computed


class Member(NamedTuple):
    """A fit, and the numbers of its draws that are used, chains joined in order (draw,)."""

    fit: Fit
    picks: np.ndarray


class Places(NamedTuple):
    """Where a fit is asked: a mapping from law input to values, and the number of each place's group (place,)."""

    inputs: Mapping[str, np.ndarray]
    groups: np.ndarray


class Spots(NamedTuple):
    """Where a target depends on the discrepancy: places of each draw (draw, spot), and weights (draw, target, spot).

    The weights are None where each spot is a target.
    """

    places: Places
    weights: np.ndarray | None


class Process(NamedTuple):
    """What a fit's discrepancy adds: its mean at targets and at candidates in each draw, and the `Within` of a draw."""

    targets: Any
    points: np.ndarray
    within: "WithinDraws"


def process_of(member: Member, spots: Spots | None, candidates: Places, targets: int) -> Process:
    """What the discrepancy of a fit adds; `targets` is their number."""
    fit, picks = member
    problem, count = fit.problem, len(picks)
    ends = problem.numbers.ends
    assert ends is not None and problem.model.process is not None
    fixed = (
        own_units(fit),
        ends.seen_at(problem.rows),
        ends,
        {n: np.float64(x) for n, x in fit.reference.inputs.items()},
    )
    grouped = problem.rows.group is not None
    there = (dict(candidates.inputs), candidates.groups.astype(np.float64) if grouped else None)
    at = None
    if spots is not None:
        groups = np.broadcast_to(spots.places.groups.astype(np.float64), (count, len(spots.places.groups)))
        at = (dict(spots.places.inputs), groups if grouped else None)
    draws = jax.tree.map(lambda x: x[picks], flat(fit))
    few = max(min(WITHIN, count, int(KEPT / (len(problem.rows.mask) * len(candidates.groups)))), 2)
    some = np.unique(np.linspace(0, count - 1, few).astype(int))
    together = max(1, int(TOGETHER / (len(problem.rows.mask) * len(candidates.groups))))
    with double():
        points, mean = _means(problem.model, together, *fixed, there, (draws, at))
        parts = _within(problem.model, *fixed, there, jax.tree.map(lambda x: x[some], (draws, at)))
    mean = None if mean is None else np.asarray(mean)
    weights = None
    if spots is not None and mean is not None and spots.weights is not None:
        mean, weights = np.einsum("stj,sj->st", spots.weights, mean), spots.weights[some]

    def column(candidate: int) -> np.ndarray:
        one = jax.tree.map(lambda x: x[candidate : candidate + 1], there)
        with double():
            return np.asarray(
                _prior(problem.model, ends, fixed[-1], there, one, jax.tree.map(lambda x: x[some], draws))
            )

    white, own = map(np.asarray, parts[:2])
    adds = WithinDraws(white, own, None if at is None else parts[2:], weights, targets, column)
    return Process(0.0 if mean is None else mean, np.asarray(points), adds)


class WithinDraws:
    """The covariance of delta within a draw, averaged over a few draws; see `expected_variance.Within`."""

    def __init__(self, white: Any, own: Any, spots: Any, weights: Any, targets: int, prior: Any):
        self._white, self._prior = white, prior
        self._columns: dict[int, np.ndarray] = {}  # batches of different surcharges share many of their candidates
        self.own = np.maximum(own - np.einsum("rnc,rnc->rc", white, white), 0.0).mean(axis=0)
        self.target, self.across = np.zeros(targets), np.zeros((targets, white.shape[-1]))
        if spots is not None:
            back, along, between = map(np.asarray, spots)
            across = along - np.swapaxes(back, 1, 2) @ white
            inner = between - np.swapaxes(back, 1, 2) @ back
            if weights is not None:
                across, inner = weights @ across, weights @ inner @ np.swapaxes(weights, 1, 2)
            self.across = across.mean(axis=0)
            self.target = np.maximum(np.einsum("rtt->rt", inner), 0.0).mean(axis=0)

    def column(self, candidate: int) -> np.ndarray:
        """The covariance of all candidates with one of them (candidate,)."""
        if candidate not in self._columns:
            shown = np.einsum("rnc,rn->c", self._white, self._white[:, :, candidate]) / len(self._white)
            self._columns[candidate] = self._prior(candidate) - shown
        return self._columns[candidate]


def _at(ends, reference, where):
    inputs, group = where
    return ends.places({name: x / reference[name] for name, x in inputs.items()}, group)


@partial(jax.jit, static_argnums=(0, 1))
def _means(model, together, rows, seen_at, ends, reference, there, draws):
    """The mean of delta given the runs, at candidates and at spots, in each draw."""
    places = _at(ends, reference, there)

    def one(each):
        (law, noise, process, factor), spots = each
        seen = residuals(model, rows, seen_at, law, noise, factor)

        if spots is None:
            return quick_mean(model.process, process, seen, places), None
        given = model.process.given_runs(process, seen)
        across = model.process.across(process, given.known, _at(ends, reference, spots))
        return quick_mean(model.process, process, seen, places), across.T @ given.weights

    return in_batches(one, draws, together)


@partial(jax.jit, static_argnums=0)
def _within(model, rows, seen_at, ends, reference, there, draws):
    """What the covariance of delta within a draw consists of, in each draw."""
    places = _at(ends, reference, there)

    def one(each):
        (law, noise, process, factor), spots = each
        seen = residuals(model, rows, seen_at, law, noise, factor)
        given = model.process.given_runs(process, seen)

        def back_to_runs(there):
            return given.root @ model.process.across(process, given.known, there)

        found = (back_to_runs(places), model.process.variance(process, places))
        if spots is None:
            return found
        at = _at(ends, reference, spots)
        covariance = model.process.covariance
        return *found, back_to_runs(at), covariance(process, at, places), covariance(process, at, at)

    return jax.lax.map(one, draws)


@partial(jax.jit, static_argnums=0)
def _prior(model, ends, reference, there, one, draws):
    """The covariance of delta at all candidates with one of them before anything is seen, averaged over draws."""
    places, single = _at(ends, reference, there), _at(ends, reference, one)
    each = jax.lax.map(lambda draw: model.process.covariance(draw[2], places, single)[:, 0], draws)
    return each.mean(axis=0)
