"""Law: a scaling law as data and one pure function."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from numpyro.distributions import Distribution

from scalebayes.errors import InputError, unknown
from scalebayes.parameters import Param, exponent_names, parse_dimension


class Terms(NamedTuple):
    """The two terms whose sum decides a law's optimum: exp(log_A)/N^alpha + exp(log_B)/D^beta."""

    log_A: Any
    alpha: Any
    log_B: Any
    beta: Any


@dataclass(frozen=True)
class Law:
    """A scaling law: `fn(inputs..., parameters...) -> observable`, with a prior and a dimension a parameter.

    Args:
        name: what it is registered and saved under.
        fn: pure JAX function of scalars that broadcast; called with keywords. No jit inside.
        params: name -> `Param`, or a NumPyro distribution (a prior in the runs' own units), or a number (fixed).
        inputs: the arguments that are columns of the runs; by default all that are not parameters.
        formula: for people. reference: where it was published.
        observable: what it gives.
        settings: of laws with a list inside, such as the number of breaks.
        terms: parameters -> `Terms`, where the optimum under C = 6 N D is in closed form: the law must be
            increasing in A/N^alpha + B/D^beta and depend on N and D through it alone.

    Raises:
        InputError: a parameter that `fn` doesn't take, an argument without a prior, a dimension in unknown bases.

    >>> import numpyro.distributions as dist
    >>> mine = Law("mine", lambda N, a, E: E + N**-a, {"a": dist.LogNormal(-1.0, 0.5), "E": 1.0})
    >>> mine.inputs
    ('N',)
    >>> float(mine(N=16.0, a=0.5))
    1.25
    """

    name: str
    fn: Callable[..., Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    formula: str = ""
    reference: str = ""
    observable: str = "loss"
    settings: Mapping[str, Any] = field(default_factory=dict)
    terms: Callable[..., Terms] | None = None

    def __post_init__(self) -> None:
        arguments = _arguments(self.name, self.fn)
        params = {name: _as_param(name, prior) for name, prior in self.params.items()}
        if strange := sorted(set(params) - set(arguments)):
            raise InputError(f"law {self.name!r}: fn takes no argument {strange[0]!r}; it takes {', '.join(arguments)}")
        inputs = tuple(self.inputs) or tuple(a for a in arguments if a not in params)
        if not inputs:
            raise InputError(f"law {self.name!r}: every argument of fn has a prior, so no input is left")
        if missing := [a for a in arguments if a not in params and a not in inputs]:
            raise InputError(f"law {self.name!r}: no prior for {', '.join(missing)}; add it to params")
        if both := sorted(set(inputs) & set(params)):
            raise InputError(f"law {self.name!r}: {both[0]!r} is both an input and a parameter")
        if not params:
            raise InputError(
                f"law {self.name!r}: no parameters; give params={{name: prior}}, e.g. "
                f"params={{'{arguments[-1]}': dist.LogNormal(0, 1)}}"
            )
        for name, param in params.items():
            _check_dimension(self.name, name, param, params, (*inputs, "loss"))
        object.__setattr__(self, "params", MappingProxyType(params))
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __call__(self, **values: Any) -> Any:
        """Evaluate the law at inputs and parameters in the runs' own units, given by name; they broadcast.

        Fixed parameters may be left out. Works under jit, vmap and grad.

        Raises:
            InputError: a name is missing or unknown.
        """
        known = (*self.inputs, *self.params)
        for name in values:
            if name not in known:
                raise unknown(f"argument of law {self.name!r}", name, known)
        full = {**{n: p.prior for n, p in self.params.items() if p.fixed}, **values}
        if missing := [n for n in known if n not in full]:
            raise InputError(f"law {self.name!r} needs {', '.join(missing)}")
        return self.fn(**full)

    @property
    def dimensions(self) -> dict[str, str | None]:
        """name -> dimension of each parameter."""
        return {name: param.dimension for name, param in self.params.items()}

    @property
    def has_dimensions(self) -> bool:
        """Whether every parameter has a dimension, so that the law can be evaluated on scaled inputs."""
        return all(param.dimension is not None for param in self.params.values())


def _arguments(name: str, fn: Callable[..., Any]) -> tuple[str, ...]:
    if not callable(fn):
        raise InputError(f"law {name!r}: fn is a function of inputs and parameters, not {type(fn).__name__}")
    signature = inspect.signature(fn)
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"law {name!r}: fn must name its arguments; {parameter} doesn't")
    return tuple(signature.parameters)


def _as_param(name: str, prior: Any) -> Param:
    if isinstance(prior, Param):
        return prior
    try:
        return Param(prior, scaled=not isinstance(prior, Distribution))
    except InputError as error:
        raise InputError(f"parameter {name!r}: {error}") from None


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
