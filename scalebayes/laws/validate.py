"""This file checks a law when it is made: its function, its parameters and its inputs must fit each other."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from numpyro.distributions import Distribution

from scalebayes.errors import InputError, unknown
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import check_reference
from scalebayes.parameters.units import exponent_names, parse_dimension

if TYPE_CHECKING:
    from scalebayes.laws.law import Law


def arguments_of(name: str, fn: Callable[..., Any], listed: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the arguments of a law's function; `listed` are those of a function that takes **rest."""
    if not callable(fn):
        raise InputError(f"law {name!r}: fn is a function of inputs and parameters, not {type(fn).__name__}")
    signature = inspect.signature(fn)
    if listed and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return listed
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"law {name!r}: fn must name its arguments; {parameter} doesn't")
    return tuple(signature.parameters)


def as_param(name: str, prior: Any) -> Param:
    """The parameter of a law whose prior the user gave."""
    if isinstance(prior, Param):
        return prior
    try:
        return Param(prior, scaled=not isinstance(prior, Distribution))
    except InputError as error:
        raise InputError(f"parameter {name!r}: {error}") from None


def check(law: "Law", arguments: tuple[str, ...]) -> None:
    """Refuse a law whose parts don't fit each other; `arguments` are those of its function."""
    _check_names(law, arguments)
    bases = _bases(law.name, law.inputs, law.bases)
    for name, param in law.params.items():
        _check_dimension(law.name, name, param, law.params, bases)
        if isinstance(param.prior, str) and param.prior == "reference":
            check_reference(name, param)
    _check_inputs(law)


def _check_names(law: "Law", arguments: tuple[str, ...]) -> None:
    params, inputs = law.params, law.inputs
    if strange := sorted(set(params) - set(arguments)):
        raise InputError(f"law {law.name!r}: fn takes no argument {strange[0]!r}; it takes {', '.join(arguments)}")
    if not inputs:
        raise InputError(f"law {law.name!r}: every argument of fn has a prior, so no input is left")
    if missing := [a for a in arguments if a not in params and a not in inputs]:
        raise InputError(f"law {law.name!r}: no prior for {', '.join(missing)}; add it to params")
    if both := sorted(set(inputs) & set(params)):
        raise InputError(f"law {law.name!r}: {both[0]!r} is both an input and a parameter")
    if not params:
        raise InputError(
            f"law {law.name!r}: no parameters; give params={{name: prior}}, e.g. "
            f"params={{'{arguments[-1]}': dist.LogNormal(0, 1)}}"
        )


def _bases(law: str, inputs: tuple[str, ...], bases: Mapping[str, str]) -> tuple[str, ...]:
    """The bases that a dimension of this law may have."""
    for name, base in bases.items():
        if name not in inputs or base not in ("", "loss", *inputs):
            raise InputError(f"law {law!r}: bases maps an input to an input, 'loss' or '', not {name!r} to {base!r}")
    return tuple(dict.fromkeys([*(base for name in inputs if (base := bases.get(name, name))), "loss"]))


def _check_dimension(law: str, name: str, param: Param, params: Mapping[str, Param], bases: tuple[str, ...]) -> None:
    for base, exponent in parse_dimension(param.dimension or ""):
        if base not in bases:
            raise unknown(f"base in the dimension of {name!r} of law {law!r}", base, bases)
        for other in exponent_names(exponent, param.dimension or ""):
            if other not in params or params[other].dimension != "":
                raise InputError(
                    f"law {law!r}: the dimension {param.dimension!r} of {name!r} has {other!r} in an exponent, "
                    f"which must be a dimensionless parameter"
                )


def _check_inputs(law: "Law") -> None:
    """Refuse `domains`, `shares` or `trend` that name what isn't an input, or say of an input what can't be."""
    if strange := sorted(set(law.domains) - set(law.inputs)):
        raise InputError(f"law {law.name!r}: domains names {strange[0]!r}, which isn't an input of it")
    for name, (low, _) in law.domains.items():
        if low <= 0 and law.bases.get(name, name) == name:
            raise InputError(
                f"law {law.name!r}: {name!r} need not be positive, so its mean can't be its unit; say "
                f"bases={{{name!r}: ''}} if it enters the law as it is, or name the input whose unit it has"
            )
    if strange := sorted(set(law.shares) - set(law.inputs)):
        raise InputError(f"law {law.name!r}: shares names {strange[0]!r}, which isn't an input of it")
    for name, sign in law.trend.items():
        if name not in law.inputs or sign not in (-1, 1):
            raise InputError(f"law {law.name!r}: trend maps inputs to -1 or 1, not {name!r} to {sign!r}")
