"""This file gives the optimum of one fit, and of the mixture of a stack's members, as a Dataset."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import InputError
from scalebayes.fitting.at_points import discrepancy_key
from scalebayes.fitting.groups import Groups, group_of_each
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import keys_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.inputs import with_groups
from scalebayes.forecasting.of_stack import Stack, farthest, mixed
from scalebayes.infer.double import double
from scalebayes.planning import optimum_of_curve as departed
from scalebayes.planning.best_choice import best_choice, candidates_of, chosen, inside, thinned
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.doubts import distance_of_median, review_of
from scalebayes.planning.least import tokens_of_sizes
from scalebayes.planning.limits import Limits, Range, allowed
from scalebayes.planning.optimum_of_law import of_law, profile_of
from scalebayes.planning.question import Question, cost_of, refuse_groups_of_law
from scalebayes.planning.smaller import prices_of

MARGIN = 1.0  # e-folds by which the candidates of a curve reach beyond the law's optima


def of_fit(fit: Fit, question: Question, groups: Groups, key: Any, candidates: np.ndarray | None = None) -> xr.Dataset:
    """The optimum of one fit, as `sb.optimum` returns it.

    Args:
        fit: The fit.

        question: What is asked.

        groups: The group or groups whose offset is taken.

        key: A JAX key for the draws of the discrepancy.

        candidates: Values of log N (budget, candidate). With them the result has `profile`, the observable at each
            candidate (chain, draw, budget, candidate). The default is None: they follow from the draws.
    """
    cost, limits = cost_of(fit, question), question.limits
    departs = fit.discrepancy is not None and question.of != "law"
    refuse_groups_of_law(groups, departs)
    if departs and question.smaller:
        raise InputError("the price of a smaller model is that of the law alone; add of='law', or leave out smaller")
    if departs and set(fit.law.inputs) != {"N", "D"}:
        raise InputError(f"the optimum of a curve is for laws of N and D, not of {fit.law.name!r}; add of='law'")
    arrays, codes = with_groups(fit, {"C": question.C}, groups)
    C, asked_for, plain = arrays["C"], candidates is not None, cost is six_nd and not limits.named()
    more: dict[str, Any] = {}
    with double():
        within = None if plain else allowed(limits, cost, C)
        law = found = of_law(fit, cost, C, within, limits)
        free = of_law(fit, cost, C, allowed(Limits(), cost, C), Limits()) if limits.named() else law
        if candidates is None:
            candidates = candidates_of(law.log_N, MARGIN if departs else 0.0)
        sizes = tokens_of_sizes(cost, C, limits).T if limits.N_in else None
        if limits.N_in:
            candidates = np.tile(np.log(limits.N_in), (len(C), 1))
        elif within is not None:
            candidates = inside(candidates, within)
        if departs:
            path = partial(departed.least, fit, C, group=codes, key=discrepancy_key(fit, key), cost=cost)
            freely = free.log_N if limits.named() else None
            found = path(log_N=law.log_N, within=within, candidates=candidates, free=freely, sizes=sizes)
            profile, paid = found.profile, found.paid
        else:
            profile = profile_of(fit, cost, C, candidates, within, every=asked_for, sizes=sizes)
            paid = law.loss - free.loss
        if question.smaller:
            more |= prices_of(fit, cost, C, (found.log_N, found.loss), question.smaller, limits)
    N = np.exp(found.log_N)
    D = other_size(C, N) if plain else np.exp(found.log_D)
    shape = (*fit.shape, len(C))
    loss = np.broadcast_to(np.where(np.isnan(N), np.nan, found.loss), shape)
    values: dict[str, Any] = {"N": N, "D": D, "D_per_N": D / N, fit.runs.observable: loss}
    if plain:
        exponent = np.nan if departs else law.exponent
        values |= {"N_exponent": exponent, "D_exponent": 1 - np.asarray(exponent)}
    if within is not None and limits.named():
        values["paid"] = paid
        more["binds"] = (("limit", "budget"), _binding(found, within, limits, D))
    flat = profile.reshape(-1, len(C), candidates.shape[-1])
    if asked_for:
        more["profile"] = (("chain", "draw", "budget", "candidate"), profile)
    some = slice(None) if len(flat) == loss[..., 0].size else thinned(loss[..., 0].size)
    best = best_choice(candidates, flat, loss.reshape(-1, len(C))[some], between=not limits.N_in)
    distances = distance_of_median(fit, cost, N, D)
    return xr.Dataset(
        {
            **{name: (("chain", "draw", "budget"), np.broadcast_to(x, shape)) for name, x in values.items()},
            **more,
            **chosen(best.log_N, best.regret, cost, C, within, (candidates, sizes)),
            "distance": (("budget", "axis"), np.column_stack(list(distances.values()))),
        },
        {
            "C": ("budget", C),
            "no_minimum": ("budget", np.broadcast_to(np.isnan(N), shape).mean(axis=(0, 1))),
            "axis": list(distances),
            **({"limit": list(limits.named())} if "binds" in more else {}),
            **({"smaller": list(question.smaller)} if question.smaller else {}),
        },
        {
            **{"cost": cost.formula, "of": "curve" if departs else "law", "moments": 1, **about(fit)},
            "review": review_of(fit, cost, distances, of_law=not departs),
        },
    )


def of_mixture(
    question: Question, groups: Groups, seed: Any, stack: Stack, answers: Mapping[str, xr.Dataset]
) -> xr.Dataset:
    """Mix the optima of a stack's members.

    The distance is that of the median optimum of the mixture. The best choice is that of the mixture, too: the members
    are asked once more, with the same keys, for the observable at candidates that all of them share.
    """
    best = mixed(stack, answers)
    N, D = (best[name].values for name in ("N", "D"))
    each = [distance_of_median(stack.members[name], question.cost, N, D) for name in answers]
    axes, far = farthest(
        [xr.DataArray(np.column_stack(list(x.values())), {"axis": list(x)}, ("budget", "axis")) for x in each]
    )
    best = best.assign(distance=(("budget", "axis"), far)).assign_coords(
        axis=axes, no_minimum=("budget", np.isnan(N).mean(axis=(0, 1)))
    )
    if best.attrs["of"] == "differs":
        best = best.assign_coords(of=("draw", [answers[name].attrs["of"] for name in best["model"].values]))
    first = next(iter(answers.values()))
    C, observable = first["C"].values, stack.members[next(iter(answers))].runs.observable
    within = None if question.plain else allowed(question.limits, question.cost, C)
    candidates = candidates_of(np.log(N))
    candidates = candidates if within is None or question.limits.N_in else inside(candidates, within)
    own, keys = group_of_each({name: stack.members[name] for name in answers}, groups), keys_of(stack, seed)
    profile = mixed(
        stack,
        {
            name: of_fit(stack.members[name], question, own[name], keys[name], candidates)[["profile", "distance"]]
            for name in answers
        },
    )["profile"].values[0]
    choice = best_choice(candidates, profile, best[observable].values[0], between=not question.limits.N_in)
    if "binds" in first:
        share = {name: len(where) / stack.draws for name, (where, _) in stack.picks.items()}
        best["binds"] = sum(share[name] * answers[name]["binds"] for name in answers)
    limits, cost = question.limits, question.cost
    sizes = tokens_of_sizes(cost, C, limits).T if limits.N_in else None
    return best.assign(chosen(choice.log_N, choice.regret, cost, C, within, (candidates, sizes)))


def _binding(found: Any, within: Range, limits: Limits, D: np.ndarray) -> np.ndarray:
    """The share of the draws in which each limit binds (limit, budget)."""
    shares = []
    for name in limits.named():
        if name == "unique_tokens":
            binds = limits.unique_tokens < D
        elif name == "N_in":
            binds = ~np.isnan(D)
        else:
            binds = (found.at_low & (within.low_by == name)) | (found.at_high & (within.high_by == name))
        shares.append(np.broadcast_to(binds, D.shape).mean(axis=(0, 1)))
    return np.stack(shares)
