"""This file gives the least loss along a range of budgets, draw by draw, of a fit, a stack or a recalibrated fit.

That of a law is computed at every node. A law with its discrepancy is taken apart: its least loss over that of the law
alone varies slowly with the budget. It is computed at the budgets that are asked and at few others, and its log is
interpolated between them in log C; beyond the last of them it stays as it is there.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.fitting.at_points import discrepancy_key
from scalebayes.fitting.groups import Group, Groups, codes_of
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked, ask, fits_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.predict import predict
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.double import double
from scalebayes.planning import optimum_of_curve
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.doubts import distances_of, review_of
from scalebayes.planning.limits import allowed
from scalebayes.planning.optimum_of_law import of_law
from scalebayes.planning.question import Question, cost_of

GRID = 21  # places of a path of the discrepancy at each budget, fewer than for the place of an optimum
APART = 2.5  # e-folds of compute between the budgets at which a discrepancy is computed, at most
BEYOND = 2.0, 5.0  # e-folds from the smallest and from the largest budget asked at which it is computed, too
FEW = 16  # budgets asked; of more, this many that are evenly spaced stand for all


class LeastLoss(NamedTuple):
    """The least losses of one recipe.

    Attributes:
        curve: At the nodes (draw, node).

        loss: At the budgets that were asked (draw, budget).

        answer: A Dataset with the distance at the budgets that were asked, and the attributes of an answer.
    """

    curve: np.ndarray
    loss: np.ndarray
    answer: xr.Dataset


def least_loss(asked: Asked, nodes: np.ndarray, question: Question, group: Group, seed: Any) -> LeastLoss:
    """The observable at the optimum of each budget; that of a `Recalibrated` is widened, as a forecast is.

    Args:
        asked: A fit, a stack or a recalibrated fit.

        nodes: log C of further budgets (node,).

        question: The budgets, the cost, its limits, and of what the optimum is.

        group: The group whose offset is taken.

        seed: An int or a JAX key.
    """
    found = ask(
        asked, lambda fit, groups, key: _of_fit(fit, nodes, question, groups, key), group=group, seed=seed, widen=False
    )
    curve, loss = (
        found[name].transpose("chain", "draw", dim).values.reshape(-1, found.sizes[dim])
        for name, dim in (("curve", "node"), ("loss", "budget"))
    )
    if isinstance(asked, Recalibrated):
        curve, loss = widened(asked, curve), widened(asked, loss)
    return LeastLoss(curve, loss, found[["distance"]])


def ratio_of_groups(asked: Asked, groups: tuple[Any, Any], seed: Any) -> np.ndarray:
    """The observable of the second group over that of the first (draw,), the same at every N and D.

    Groups differ by an offset of the discrepancy, which is a constant on the log of the observable. It is drawn for
    both groups jointly, at the middle of the runs, where all else that departs from the law is the same for both.
    """
    first = fits_of(asked)[0]
    N, D = (float(first.reference.inputs[name]) for name in ("N", "D"))
    both = predict(asked, N=[N, N], D=[D, D], group=list(groups), seed=seed)
    values = both[first.runs.observable].transpose("chain", "draw", "point").values.reshape(-1, 2)
    return values[:, 1] / values[:, 0]


def _of_fit(fit: Fit, nodes: np.ndarray, question: Question, groups: Groups, key: Any) -> xr.Dataset:
    cost, limits = cost_of(fit, question), question.limits
    departs = fit.discrepancy is not None and question.of != "law"
    if groups is not None and not departs:
        raise InputError(f"group={groups!r}: the law alone has no offset for a group; leave it out")
    log_C = np.concatenate([nodes, np.log(question.C)])
    plain = cost is six_nd and not limits.named() and fit.law.terms is not None
    with double():
        within = None if plain else allowed(limits, cost, np.exp(log_C))
        law = of_law(fit, cost, np.exp(log_C), within, limits)
        shape = (*fit.shape, len(log_C))
        log_N, log_D, loss = (np.broadcast_to(x, shape) for x in law[:3])
        if departs:
            few = _few(np.log(question.C), nodes[0], nodes[-1])
            within = None if plain else allowed(limits, cost, np.exp(few))
            own = of_law(fit, cost, np.exp(few), within, limits)
            codes, path = codes_of(fit, groups), discrepancy_key(fit, key)
            found = optimum_of_curve.least(fit, np.exp(few), own.log_N, codes, path, GRID, cost=cost, within=within)
            loss = loss * _between(log_C, few, np.log(found.loss / np.asarray(own.loss)), np.log(question.C))
    middle = {
        name: np.exp(_middle(x[..., len(nodes) :])) for name, x in (("N", log_N), ("D", log_D))
    }  # of the law, around which a discrepancy moves the optimum by little
    distances = distances_of(fit, cost, middle["N"], middle["D"])
    return xr.Dataset(
        {
            "curve": (("chain", "draw", "node"), loss[..., : len(nodes)]),
            "loss": (("chain", "draw", "budget"), loss[..., len(nodes) :]),
            "distance": (("budget", "axis"), np.column_stack(list(distances.values()))),
        },
        {"axis": list(distances)},
        {
            **{"of": "curve" if departs else "law", "moments": 0, **about(fit)},
            "review": review_of(fit, cost, distances, of_law=not departs),
        },
    )


def _few(asked: np.ndarray, low: float, high: float) -> np.ndarray:
    """Log C of the budgets at which a discrepancy is computed: those asked, with others between and beyond them."""
    asked = np.unique(asked)
    if len(asked) > FEW:
        asked = np.linspace(asked[0], asked[-1], FEW)
    beyond = [asked[0] - np.array(BEYOND), asked[-1] + np.array(BEYOND)]
    between = [np.linspace(a, b, int(np.ceil((b - a) / APART)) + 1)[1:-1] for a, b in pairwise(asked)]
    return np.unique(np.clip(np.concatenate([asked, *beyond, *between]), low, high))


def _between(log_C: np.ndarray, few: np.ndarray, log_ratio: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The ratio (chain, draw, budget) at log C, of its log at few budgets; NaN at those without an optimum alone."""
    flat = log_ratio.reshape(-1, len(few))
    found = np.full((len(flat), len(log_C)), np.nan)
    for i, row in enumerate(flat):
        there = np.isfinite(row)
        if there.any():
            found[i] = np.interp(log_C, few[there], row[there])
    nearest = np.abs(log_C[:, None] - few).argmin(axis=1)
    exact = np.abs(log_C - few[nearest]) < 1e-9
    found[:, exact] = np.where(np.isnan(flat[:, nearest[exact]]), np.nan, found[:, exact])
    return np.exp(found).reshape(*log_ratio.shape[:2], len(log_C))


def widened(asked: Recalibrated, values: np.ndarray) -> np.ndarray:
    """The draws (draw, budget) moved away from their median, as `Recalibrated` moves those of a forecast."""
    with double():
        x = np.asarray(asked.link.of(values))
        middle = np.nanmedian(x, axis=0)
        return np.asarray(asked.link.inverse(middle + asked.factor * (x - middle)))


def _middle(values: np.ndarray) -> np.ndarray:
    """The median over the draws with an optimum (budget,); NaN where no draw has one."""
    found = ~np.isnan(values).all(axis=(0, 1))
    middle = np.full(values.shape[-1], np.nan)
    middle[found] = np.nanmedian(values[..., found], axis=(0, 1))
    return middle
