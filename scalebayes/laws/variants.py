"""This file makes a law from another: with other priors, or with two parameters that are one."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from scalebayes.errors import InputError, unknown
from scalebayes.parameters.priors import replaced

if TYPE_CHECKING:
    from scalebayes.laws.law import Law


def with_priors(law: "Law", which: str | None, priors: Mapping[str, Any]) -> "Law":
    """The law with other priors, as `Law.with_priors` says."""
    params = dict(law.params)
    if which is not None:
        if which != "literature":
            raise unknown("set of priors", which, ["literature"])
        if not law.literature:
            raise InputError(f"law {law.name!r} has no priors from the literature; give your own by name")
        free = [name for name, param in params.items() if not param.fixed]
        known = {name: published.prior for name, published in law.literature.items() if name in free}
        priors = {**known, **priors}
    for name, prior in priors.items():
        if name not in params:
            raise unknown(f"parameter of law {law.name!r}", name, params)
        params[name] = replaced(name, params[name], prior)
    return replace(law, params=params)


def tied(law: "Law", kept: str, dropped: str) -> "Law":
    """The law in which `dropped` is `kept`, as `Law.tie` says."""
    for name in (kept, dropped):
        if name not in law.params:
            raise unknown(f"parameter of law {law.name!r}", name, law.params)
    if kept == dropped:
        raise InputError(f"tie({kept!r}, {dropped!r}): the two parameters are the same; name two different ones")
    one, other = law.params[kept].dimension, law.params[dropped].dimension
    if one != other:
        raise InputError(f"tie({kept!r}, {dropped!r}): their dimensions differ, {one!r} and {other!r}")
    if law.params[dropped].fixed and not law.params[kept].fixed:
        raise InputError(f"{dropped!r} is fixed, and {kept!r} isn't; tie({dropped!r}, {kept!r}) fixes both")
    # This call refuses a prior that reaches values that the dropped parameter can't have.
    replaced(kept, law.params[dropped], law.params[kept].prior)

    def renamed(text: str | None) -> str | None:
        return text and re.sub(rf"\b{dropped}\b", kept, text)

    return replace(
        law,
        fn=_without(law.fn, kept, dropped),
        terms=law.terms and _without(law.terms, kept, dropped),
        params={
            name: replace(param, dimension=renamed(param.dimension))
            for name, param in law.params.items()
            if name != dropped
        },
        formula=f"{law.formula} with {dropped} = {kept}",
        ties=(*law.ties, (kept, dropped)),
    )


@cache  # a law that is tied again has the same function, so that nothing is traced again
def _without(fn: Callable[..., Any], kept: str, dropped: str) -> Callable[..., Any]:
    def tied(**values: Any) -> Any:
        return fn(**values, **{dropped: values[kept]})

    names = [name for name in inspect.signature(fn).parameters.values() if name.name != dropped]
    tied.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return tied
