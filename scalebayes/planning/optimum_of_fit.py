"""This file gives the optimum of one fit, and of the mixture of a stack's members, as a Dataset."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.at_points import discrepancy_key
from scalebayes.fitting.groups import Groups, group_of_each
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import keys_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.inputs import with_groups
from scalebayes.forecasting.of_stack import Stack, farthest, mixed
from scalebayes.planning import optimum_of_curve as departed
from scalebayes.planning.best_choice import best_choice, candidates_of, chosen, inside, thinned
from scalebayes.planning.costs.formulas import repeated, six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.doubts import distances_of, review_of
from scalebayes.planning.least import tokens_of_sizes
from scalebayes.planning.limits import Limits, Range, allowed
from scalebayes.planning.optimum_of_law import of_law, profile_of
from scalebayes.planning.smaller import prices_of, times_of

MARGIN = 1.0  # e-folds by which the candidates of a curve reach beyond the law's optima


class Question(NamedTuple):
    """What is asked of every fit: the budgets C (budget,), the cost, its limits, and "law", "curve" or None.

    `smaller` has how many times smaller than the optimum the models are whose price is asked for.
    """

    C: Any
    cost: Cost
    limits: Limits
    of: str | None
    smaller: tuple[float, ...] = ()

    @classmethod
    def checked(cls, C: Any, cost: Any, subject_to: Any, of: Any, smaller: Any = None) -> "Question":
        """Make a question of what a user gives.

        Raises:
            InputError: `cost` is none, a limit can't be used, `of` is neither "law" nor "curve", or `smaller` has a
                factor that isn't above 1.
        """
        if of not in (None, "law", "curve"):
            raise unknown("of", of, ("law", "curve"))
        if not isinstance(cost, Cost):
            raise InputError(
                "cost is one of sb.costs, such as sb.costs.with_inference(1e12), or sb.Cost('mine', lambda N, D: 8 * N "
                f"* D), not {cost!r}"
            )
        return cls(C, cost, Limits.of(subject_to), of, times_of(smaller))

    @property
    def plain(self) -> bool:
        """Whether the cost is 6 N D and there are no limits."""
        return self.cost is six_nd and not self.limits.named()


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
    named = [one for one in (groups if isinstance(groups, tuple) else (groups,)) if one is not None]
    if named and not departs:
        raise InputError(f"group={named[0]!r}: the law alone has no offset for a group; leave it out")
    if departs and question.smaller:
        raise InputError("the price of a smaller model is that of the law alone; add of='law', or leave out smaller")
    if departs and set(fit.law.inputs) != {"N", "D"}:
        raise InputError(f"the optimum of a curve is for laws of N and D, not of {fit.law.name!r}; add of='law'")
    arrays, codes = with_groups(fit, {"C": question.C}, groups)
    C, asked_for, plain = arrays["C"], candidates is not None, cost is six_nd and not limits.named()
    more: dict[str, Any] = {}
    with jax.enable_x64():
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
            **{"cost": cost.formula or cost.name, "of": "curve" if departs else "law", "moments": 1, **about(fit)},
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


def cost_of(fit: Fit, question: Question) -> Cost:
    """The cost of a question for a fit, with the law's inputs besides N and D.

    Raises:
        InputError: The law isn't one of N and D, or needs an input that neither the cost nor a limit gives.
    """
    law, unique = fit.law, question.limits.unique_tokens
    cost = repeated(unique, question.cost) if unique else question.cost
    lacking = [name for name in law.inputs if name not in ("N", "D", *cost.inputs)]
    renamed = any(name != column for name, column in fit.problem.columns.items())
    if not {"N", "D"} <= set(law.inputs) or renamed or (lacking and lacking != ["U"]):
        of_these = ", ".join(f"{n} = {c}" if n != c else n for n, c in fit.problem.columns.items())
        raise InputError(
            f"optimum splits a budget between N and D, and law {law.name!r} takes {of_these}; fit runs that have "
            "N and D"
        )
    if lacking:
        raise InputError(
            f"law {law.name!r} takes U: say how many unique tokens there are, subject_to={{'unique_tokens': 25e9}}"
        )
    if unique and "U" not in law.inputs:
        raise InputError(
            f"law {law.name!r} knows no repetition, so unique_tokens would change nothing; say max_D={unique:g} in its "
            "place, or fit data_constrained"
        )
    if question.cost.inputs and not set(question.cost.inputs) <= set(law.inputs):
        names = ", ".join(name for name in question.cost.inputs if name not in law.inputs)
        raise InputError(
            f"cost {question.cost.name!r} gives {names}, which law {law.name!r} doesn't take; use the cost "
            "without it, or fit a law that takes it"
        )
    return cost


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


def distance_of_median(fit: Fit, cost: Cost, N: np.ndarray, D: np.ndarray) -> dict[str, np.ndarray]:
    """The distance of the median of N and D (chain, draw, budget) from a fit's runs, in e-folds: axis -> (budget,)."""
    return distances_of(fit, cost, _median(N), _median(D))


def _median(values: np.ndarray) -> np.ndarray:
    """The median over the draws with an optimum (budget,); NaN where no draw has one."""
    found = ~np.isnan(values).all(axis=(0, 1))
    middle = np.full(values.shape[-1], np.nan)
    middle[found] = np.nanmedian(values[..., found], axis=(0, 1))
    return middle
