"""One question put to whatever can be asked: a fit, the fits of many data sets, a stack of fits, a widened fit."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.fitting import first_answer
from scalebayes.fitting.groups import group_of_each
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.of_fits import joined
from scalebayes.forecasting.of_stack import Stack, mixed
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import as_key

Asked = Fit | Fits | Stack | Recalibrated
# The answer of one fit, to the group whose offset is meant and with its own key.
Answer = Callable[[Fit, str | None, Any], xr.Dataset]
Mix = Callable[[Stack, Mapping[str, xr.Dataset]], xr.Dataset]


def ask(asked: Asked, answer: Answer, *, group: str | None, seed: Any, mix: Mix = mixed, widen: bool = True) -> Any:
    """The answer of all fits that are asked, as one Dataset; and a warning of what failed of them.

    Args:
        asked: a fit; `Fits`, whose answers are stacked along the dim dataset; a `Stack`, whose members' answers are
            mixed; or a `Recalibrated`, whose fit answers.

        answer: gives the answer of one fit.

        group: of the runs, whose offset is meant; members of a stack that have no such group answer without it.

        seed: an int or a JAX key. Fit i of `Fits` has the key `fold_in(seed, i)`; so has member i of all members of a
            stack, whatever weight the others have.

        mix: makes one answer of those of a stack's members.

        widen: True where a `Recalibrated` widens the answer of its fit; False where it leaves it as it is.

    Raises:
        InputError: `asked` is none of these.
    """
    if isinstance(asked, Fits):
        keys = [jax.random.fold_in(as_key(seed), i) for i in range(len(asked))]
        found = joined(asked, [answer(one, group, key) for one, key in zip(asked, keys, strict=True)])
    elif isinstance(asked, Stack):
        fits = {name: asked.members[name] for name in asked.picks}
        groups, keys = group_of_each(fits, group), keys_of(asked, seed)
        found = mix(asked, {name: answer(fit, groups[name], keys[name]) for name, fit in fits.items()})
    elif isinstance(asked, Recalibrated):
        found = answer(asked.fit, group, as_key(seed))
        found = asked.widened(found) if widen else found
    elif isinstance(asked, Fit):
        found = answer(asked, group, as_key(seed))
    else:
        raise _no_fit(asked)
    warn_of(asked)
    return found


def fits_of(asked: Asked) -> list[Fit]:
    """The fits that an answer rests on.

    Raises:
        InputError: `asked` is none of those that can be asked.
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
    """Member with draws -> its key in an answer, by its place among all members."""
    return {name: jax.random.fold_in(as_key(seed), i) for i, name in enumerate(stack.members) if name in stack.picks}


def warn_of(asked: Asked) -> None:
    """Warn of what failed of the fits that an answer rests on: see `first_answer.warn`."""
    if isinstance(asked, Stack):
        first_answer.warn({name: asked.members[name] for name in asked.picks}, asked.weights)
    elif isinstance(asked, Fits):
        first_answer.warn(dict(zip(asked.names, asked.items, strict=True)))
    else:
        first_answer.warn({"": asked.fit if isinstance(asked, Recalibrated) else asked})


def one_fit(asked: Any, question: str) -> Fit:
    """The fit that is asked, where a question is to one alone.

    Args:
        question: the function, such as "export".

    Raises:
        InputError: many are asked, or none.
    """
    if isinstance(asked, Fit):
        return asked
    of = {Fits: "of many, ask each: fits[0], fits['name']", Stack: "of a stack, ask its members: stack.members['name']"}
    cure = of.get(type(asked), "a table is fitted first: sb.fit(runs) or sb.forecaster(runs)")
    raise InputError(f"{question} takes one fit, not {type(asked).__name__}; {cure}")
