"""This file defines `Law`: a scaling law as a record of data with one pure function."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from numpyro.distributions import Distribution

from scalebayes.errors import InputError, unknown
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import check_reference, replaced
from scalebayes.parameters.units import exponent_names, parse_dimension


class Terms(NamedTuple):
    """The two terms exp(log_A)/N^alpha and exp(log_B)/D^beta, whose sum decides where a law has its optimum."""

    log_A: Any
    alpha: Any
    log_B: Any
    beta: Any


class Literature(NamedTuple):
    """A prior that was made from published fits, and the names and values of those fits."""

    prior: Param
    sources: str


@dataclass(frozen=True, eq=False)  # functions can't be compared, so a law equals itself alone
class Law:
    """A scaling law: a function `fn(inputs..., parameters...) -> observable`, and a prior for each parameter.

    Args:
        name: The name under which the law is registered and saved.
        fn: A pure JAX function of scalars that broadcast. It is called with keywords, and has no jit inside.
        params: A mapping from each parameter's name to a `Param`, to a NumPyro distribution (a prior in the runs' own
            units), or to a number (the parameter is fixed there).
        inputs: The names of the arguments that are columns of the runs. The default is all arguments that are not
            parameters.
        formula: The formula as text for people. The default is "".
        reference: The place where the law was published. The default is "".
        observable: The name of the quantity that the law gives. The default is "loss".
        range: The open interval of the observable's values; the default is (0, inf). Where its upper end is finite,
            as of an error rate, the law takes the observable as it is. Otherwise the law takes the observable
            divided by the runs' scale.
        noise: The name of the noise that suits the observable. The default is "student_t".
        bases: A mapping from an input to the base of its unit. It names the inputs whose base isn't the input itself:
            {"U": "D"} says that U is in the unit of D, {"P": ""} says that P enters the law as it is, such as a number
            of bits, and "loss" stands for the unit of the observable. The default is {}.
        domains: A mapping from an input that need not be positive to (low, high). Its values are at least low and
            below high. The default is {}: every input is positive.
        trend: A mapping from an input to -1 where the law never rises with it, and to 1 where the law never falls
            with it. The law may do either with an input that is left out. The default is {}.
        shares: The inputs that are shares of one whole. Where there are several, they add up to one. The default
            is ().
        settings: The settings of a law that has a list inside, such as the number of breaks. Where there are some,
            `fn` may take **rest. The default is {}.
        anchor: The runs that the law takes as its reference: "middle" (the default) for the middle of all runs, "end"
            for the largest tenth of them.
        terms: A function from the parameters to `Terms`, for a law whose optimum under C = 6 N D has a closed form.
            The law must be increasing in A/N^alpha + B/D^beta, and depend on N and D through this sum alone. The
            default is None: the law has no closed form.
        ties: The (kept, dropped) pairs of parameters that `tie` has made one. The default is ().
        literature: A mapping from a parameter to the prior that `with_priors("literature")` gives it, with the sources
            of that prior. The default is {}.

    Raises:
        InputError: `fn` doesn't take one of the parameters, an argument has no prior, a dimension has an unknown base,
            or `bases`, `domains`, `trend` or `shares` name something that they can't.

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
    range: tuple[float, float] = (0.0, math.inf)
    noise: str = "student_t"
    bases: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    trend: Mapping[str, int] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    anchor: Literal["middle", "end"] = "middle"
    terms: Callable[..., Terms] | None = None
    ties: tuple[tuple[str, str], ...] = ()
    literature: Mapping[str, Literature] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = (*self.inputs, *self.params) if self.settings else ()
        arguments = _arguments(self.name, self.fn, listed)
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
            _check_dimension(self.name, name, param, params, _bases(self.name, inputs, self.bases))
        object.__setattr__(self, "params", MappingProxyType(params))
        object.__setattr__(self, "inputs", inputs)
        if strange := sorted(set(self.domains) - set(inputs)):
            raise InputError(f"law {self.name!r}: domains names {strange[0]!r}, which isn't an input of it")
        for name, (low, _) in self.domains.items():
            if low <= 0 and self.bases.get(name, name) == name:
                raise InputError(
                    f"law {self.name!r}: {name!r} need not be positive, so its mean can't be its unit; say "
                    f"bases={{{name!r}: ''}} if it enters the law as it is, or name the input whose unit it has"
                )
        for name, param in params.items():
            if isinstance(param.prior, str) and param.prior == "reference":
                check_reference(name, param)
        object.__setattr__(self, "domains", MappingProxyType(dict(self.domains)))
        if strange := sorted(set(self.shares) - set(inputs)):
            raise InputError(f"law {self.name!r}: shares names {strange[0]!r}, which isn't an input of it")
        for name, sign in self.trend.items():
            if name not in inputs or sign not in (-1, 1):
                raise InputError(f"law {self.name!r}: trend maps inputs to -1 or 1, not {name!r} to {sign!r}")
        object.__setattr__(self, "trend", MappingProxyType(dict(self.trend)))
        object.__setattr__(self, "bases", MappingProxyType({name: self.bases.get(name, name) for name in inputs}))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __call__(self, *inputs: Any, **values: Any) -> Any:
        """Evaluate the law at inputs and parameters in the runs' own units.

        The arguments broadcast against each other. The call works under jit, vmap and grad.

        Args:
            *inputs: The inputs by position, in the order of `law.inputs`.
            **values: The inputs and the parameters by name. A parameter that is fixed at a number may be left out.

        Returns:
            The observable, in the shape that the arguments broadcast to.

        Raises:
            InputError: A name is missing, unknown or given twice, or more values are given by position than the law
                has inputs.

        >>> import scalebayes as sb
        >>> law = sb.laws.get("chinchilla")
        >>> round(float(law(1e9, 1e10, A=400.0, B=2000.0, alpha=0.34, beta=0.37, E=1.8)), 2)
        2.55
        """
        known = (*self.inputs, *self.params)
        if len(inputs) > len(self.inputs):
            raise InputError(
                f"law {self.name!r} takes {len(self.inputs)} by position, {', '.join(self.inputs)}, and {len(inputs)} "
                "are given; give parameters by name, as in fit.law(..., **fit.law_draws)"
            )
        placed = dict(zip(self.inputs, inputs, strict=False))
        if twice := [name for name in placed if name in values]:
            raise InputError(
                f"law {self.name!r} is given {twice[0]} by position and by name; its positions are "
                f"{', '.join(self.inputs)}; leave one of the two out"
            )
        values = {**placed, **values}
        for name in values:
            if name not in known:
                raise unknown(f"argument of law {self.name!r}", name, known)
        # A parameter that is fixed at the runs' reference has no number until there are runs.
        full = {**{n: p.prior for n, p in self.params.items() if p.fixed and p.prior != "reference"}, **values}
        if missing := [n for n in known if n not in full]:
            raise InputError(f"law {self.name!r} needs {', '.join(missing)}")
        return self.fn(**full)

    def with_priors(self, which: str | None = None, /, **priors: Any) -> "Law":
        """Make a law with other priors.

        Args:
            which: "literature" takes the priors from published fits, for each parameter that has one, isn't fixed and
                isn't among `priors`. `law.literature` shows these priors with their sources. The default is None:
                only `priors` are changed.
            **priors: The new prior of each parameter, by the parameter's name: a NumPyro distribution in the runs' own
                units, a `Param`, a number (the parameter is fixed there), or "flat".

        Returns:
            A new law; this one stays as it is.

        Raises:
            InputError: The law has no such parameter, the parameter can't have that prior, or the law has no priors
                from the literature.

        >>> import scalebayes as sb, numpyro.distributions as dist
        >>> sb.laws.get("chinchilla").with_priors(alpha=dist.Uniform(0.2, 0.5)).params["alpha"].prior.low
        0.2
        """
        params = dict(self.params)
        if which is not None:
            if which != "literature":
                raise unknown("set of priors", which, ["literature"])
            if not self.literature:
                raise InputError(f"law {self.name!r} has no priors from the literature; give your own by name")
            free = [name for name, param in params.items() if not param.fixed]
            known = {name: published.prior for name, published in self.literature.items() if name in free}
            priors = {**known, **priors}
        for name, prior in priors.items():
            if name not in params:
                raise unknown(f"parameter of law {self.name!r}", name, params)
            params[name] = replaced(name, params[name], prior)
        return replace(self, params=params)

    def fix(self, **values: float) -> "Law":
        """Make a law in which some parameters are fixed at numbers.

        Args:
            **values: The number of each parameter, by the parameter's name, in the runs' own units.

        Returns:
            A new law; this one stays as it is.

        Raises:
            InputError: The law has no such parameter, a value isn't a number, or the parameter can't have that value.

        >>> import scalebayes as sb
        >>> sb.laws.get("chinchilla").fix(alpha=0.5).params["alpha"].fixed
        True
        """
        if strange := [name for name, value in values.items() if not isinstance(value, Real)]:
            raise InputError(
                f"fix takes numbers, not {strange[0]}={values[strange[0]]!r}; for a distribution use with_priors"
            )
        return self.with_priors(**{n: x if isinstance(x, bool) else float(x) for n, x in values.items()})

    def tie(self, kept: str, dropped: str) -> "Law":
        """Make a law in which two parameters are one, under the name and with the prior of the first.

        Args:
            kept: The name of the parameter that stays.
            dropped: The name of the parameter that is set equal to `kept` and is no longer a parameter.

        Returns:
            A new law; this one stays as it is.

        Raises:
            InputError: The law has no such parameter, both names are the same, their dimensions differ, only `dropped`
                is fixed, or the prior of `kept` reaches values that `dropped` can't have.

        >>> import scalebayes as sb
        >>> tied = sb.laws.get("chinchilla").tie("alpha", "beta")
        >>> list(tied.params), tied.params["B"].dimension
        (['A', 'B', 'alpha', 'E'], 'loss D^alpha')
        """
        for name in (kept, dropped):
            if name not in self.params:
                raise unknown(f"parameter of law {self.name!r}", name, self.params)
        if kept == dropped:
            raise InputError(f"tie({kept!r}, {dropped!r}): the two parameters are the same; name two different ones")
        one, other = self.params[kept].dimension, self.params[dropped].dimension
        if one != other:
            raise InputError(f"tie({kept!r}, {dropped!r}): their dimensions differ, {one!r} and {other!r}")
        if self.params[dropped].fixed and not self.params[kept].fixed:
            raise InputError(f"{dropped!r} is fixed, and {kept!r} isn't; tie({dropped!r}, {kept!r}) fixes both")
        # This call refuses a prior that reaches values that the dropped parameter can't have.
        replaced(kept, self.params[dropped], self.params[kept].prior)

        def renamed(text: str | None) -> str | None:
            return text and re.sub(rf"\b{dropped}\b", kept, text)

        return replace(
            self,
            fn=_tied(self.fn, kept, dropped),
            terms=self.terms and _tied(self.terms, kept, dropped),
            params={
                name: replace(param, dimension=renamed(param.dimension))
                for name, param in self.params.items()
                if name != dropped
            },
            formula=f"{self.formula} with {dropped} = {kept}",
            ties=(*self.ties, (kept, dropped)),
        )

    @property
    def dimensions(self) -> dict[str, str | None]:
        """The dimension of each parameter, by its name."""
        return {name: param.dimension for name, param in self.params.items()}

    @property
    def has_scale(self) -> bool:
        """Whether the law takes the observable divided by the runs' scale; it takes a bounded observable as it is."""
        return math.isinf(self.range[1])

    @property
    def has_dimensions(self) -> bool:
        """Whether the dimension of every parameter is known, so that the law can be evaluated on scaled inputs."""
        return all(param.dimension is not None for param in self.params.values())


@cache  # a law that is tied again has the same function, so that nothing is traced again
def _tied(fn: Callable[..., Any], kept: str, dropped: str) -> Callable[..., Any]:
    def tied(**values: Any) -> Any:
        return fn(**values, **{dropped: values[kept]})

    names = [name for name in inspect.signature(fn).parameters.values() if name.name != dropped]
    tied.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return tied


def _arguments(name: str, fn: Callable[..., Any], listed: tuple[str, ...]) -> tuple[str, ...]:
    if not callable(fn):
        raise InputError(f"law {name!r}: fn is a function of inputs and parameters, not {type(fn).__name__}")
    signature = inspect.signature(fn)
    if listed and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return listed
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"law {name!r}: fn must name its arguments; {parameter} doesn't")
    return tuple(signature.parameters)


def with_length(least: int, most: int) -> Callable[[Callable[[int], Law]], Callable[..., Law]]:
    """A decorator for the maker of a law with a list inside: it checks the list's length and makes each law once.

    A law that is made once has one function, so that a second fit of it compiles nothing.
    """

    def decorate(make: Callable[[int], Law]) -> Callable[..., Law]:
        setting, parameter = next(iter(inspect.signature(make).parameters.items()))
        made = cache(make)

        @wraps(make)
        def checked(**settings: Any) -> Law:
            for name in settings:
                if name != setting:
                    raise unknown(f"setting of law {make.__name__!r}", name, [setting])
            length = settings.get(setting, parameter.default)
            if isinstance(length, bool) or not isinstance(length, Integral) or not least <= int(length) <= most:
                raise InputError(
                    f"law {make.__name__!r}: {setting} is a whole number from {least} to {most}, not {length!r}"
                )
            return made(int(length))

        return checked

    return decorate


def _as_param(name: str, prior: Any) -> Param:
    if isinstance(prior, Param):
        return prior
    try:
        return Param(prior, scaled=not isinstance(prior, Distribution))
    except InputError as error:
        raise InputError(f"parameter {name!r}: {error}") from None


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
