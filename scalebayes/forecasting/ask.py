"""This file asks one question of a fit, of many fits, of a stack of fits or of a recalibrated fit."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.fitting import first_answer
from scalebayes.fitting.groups import Group, Groups, group_of_each, groups_of
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.of_fits import joined, of_recipes
from scalebayes.forecasting.of_stack import Stack, mixed
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import as_key

Asked = Fit | Fits | Stack | Recalibrated
# A function from a fit, the group or groups whose offset is taken, and a key to the answer of the fit.
Answer = Callable[[Fit, Groups, Any], xr.Dataset]
Mix = Callable[[Stack, Mapping[str, xr.Dataset]], xr.Dataset]


def ask(asked: Asked, answer: Answer, *, group: Group, seed: Any, mix: Mix = mixed, widen: bool = True) -> Any:
    """Ask one question of all fits in `asked`, join their answers to one Dataset, and warn of failed checks.

    Args:
        asked: A fit; `Fits`, whose answers are stacked along the dim dataset; a `Stack`, whose members' answers are
            mixed; or a `Recalibrated`, whose fit answers.

        answer: A function that gives the answer of one fit.

        group: The group of the runs whose offset is taken, or a sequence with one for each point, budget or target; of
            `Pooled`, the recipe that is asked, or one for each. None for a new group, and for all recipes. Members of a
            stack that don't have a group answer for a new group there. A sequence becomes the coordinate `group` of the
            answer, in which the name of a new group is blank.

        seed: An int or a JAX key. Fit i of `Fits` has the key `fold_in(seed, i)`. So has member i of a stack, counted
            over all members, whatever their weights are.

        mix: A function that makes one answer of those of a stack's members. The default is `mixed`.

        widen: Whether a `Recalibrated` widens the answer of its fit. The default is True.

    Raises:
        InputError: `asked` is none of these, or a group isn't known.
    """
    groups = groups_of(group)
    if isinstance(asked, Pooled) and groups is not None:
        asked.check(groups)
        keys = {name: jax.random.fold_in(as_key(seed), i) for i, name in enumerate(asked.names)}
        of = dict.fromkeys(groups if isinstance(groups, tuple) else (groups,))
        found = of_recipes(groups, {str(name): answer(asked[str(name)], None, keys[str(name)]) for name in of})
    elif isinstance(asked, Fits):
        keys = [jax.random.fold_in(as_key(seed), i) for i in range(len(asked))]
        found = joined(asked, [answer(one, groups, key) for one, key in zip(asked, keys, strict=True)])
    elif isinstance(asked, Stack):
        fits = {name: asked.members[name] for name in asked.picks}
        own, keys = group_of_each(fits, groups), keys_of(asked, seed)
        found = mix(asked, {name: answer(fit, own[name], keys[name]) for name, fit in fits.items()})
    elif isinstance(asked, Recalibrated):
        found = answer(asked.fit, groups, as_key(seed))
        found = asked.widened(found) if widen else found
    elif isinstance(asked, Fit):
        found = answer(asked, groups, as_key(seed))
    else:
        raise _no_fit(asked)
    warn_of(asked)
    if isinstance(groups, tuple):
        dim = next(one for one in ("point", "budget", "target") if one in found.dims)
        names = np.array([one or "" for one in groups])
        found = found.assign_coords(group=(dim, np.broadcast_to(names, found.sizes[dim]).copy()))
    return found


def fits_of(asked: Asked) -> list[Fit]:
    """The fits that a forecast, an optimum or another answer rests on.

    Raises:
        InputError: `asked` is no fit, `Fits`, stack or recalibrated fit.
    """
    if isinstance(asked, Stack):
        return [asked.members[name] for name in asked.picks]
    if isinstance(asked, Fits):
        return list(asked)
    if isinstance(asked, Recalibrated):
        return [asked.fit]
    if not isinstance(asked, Fit):
        raise _no_fit(asked)
    return [asked]


def _no_fit(asked: Any) -> InputError:
    return InputError(
        f"the first argument is a fit, Fits, a stack or a recalibrated fit, not {type(asked).__name__}; a table is "
        "fitted first: sb.fit(runs) or sb.forecaster(runs)"
    )


def keys_of(stack: Stack, seed: Any) -> dict[str, Any]:
    """The keys with which the members of a stack answer a forecast or an optimum, by the name of the member.

    Only the members with draws in the mixture, `stack.picks`, have a key. It is `fold_in(seed, i)`, with i the member's
    place among all members, counted from 0. The key therefore does not depend on the weights.
    """
    return {name: jax.random.fold_in(as_key(seed), i) for i, name in enumerate(stack.members) if name in stack.picks}


def warn_of(asked: Asked) -> None:
    """Warn of the failed checks of the fits that a forecast or an optimum rests on, as `first_answer.warn` does."""
    if isinstance(asked, Stack):
        first_answer.warn({name: asked.members[name] for name in asked.picks}, asked.weights)
    elif isinstance(asked, Fits):
        first_answer.warn(dict(zip(asked.names, asked.items, strict=True)))
    else:
        first_answer.warn({"": asked.fit if isinstance(asked, Recalibrated) else asked})


def one_fit(asked: Any, question: str) -> Fit:
    """Refuse all but one fit, for a question that only one fit can answer; return it.

    Args:
        asked: What the user gave.

        question: The name of the function, such as "export".

    Raises:
        InputError: `asked` is many fits, a stack, or no fit.
    """
    if isinstance(asked, Fit):
        return asked
    of = {Fits: "of many, ask each: fits[0], fits['name']", Stack: "of a stack, ask its members: stack.members['name']"}
    cure = of.get(type(asked), "a table is fitted first: sb.fit(runs) or sb.forecaster(runs)")
    raise InputError(f"{question} takes one fit, not {type(asked).__name__}; {cure}")


def check_alone(fit: Fit, question: str) -> None:
    """Refuse a fit of a recipe that was pooled with others, for what would fit it again, or needs its own prior.

    Args:
        fit: The fit.

        question: The name of the function, such as "update".

    Raises:
        InputError: The fit is of a recipe that was pooled with others.
    """
    if fit.pool:
        raise InputError(
            f"{question} takes a fit of its own, and this one is of a recipe that was pooled with others by "
            f"{fit.pool!r}; fit all recipes anew, or this one alone: sb.fit(runs, law)"
        )
