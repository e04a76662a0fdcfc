"""This file defines `Law`: a scaling law as a record of data with one pure function."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from scalebayes.errors import InputError, unknown
from scalebayes.laws.validate import arguments_of, as_param, check
from scalebayes.laws.variants import tied, with_priors
from scalebayes.parameters.param import Param

FLOOR = "E"  # the name of every law's irreducible loss


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
        arguments = arguments_of(self.name, self.fn, listed)
        params = {name: as_param(name, prior) for name, prior in self.params.items()}
        inputs = tuple(self.inputs) or tuple(a for a in arguments if a not in params)
        object.__setattr__(self, "params", MappingProxyType(params))
        object.__setattr__(self, "inputs", inputs)
        check(self, arguments)
        for name in ("domains", "trend", "settings"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        object.__setattr__(self, "bases", MappingProxyType({name: self.bases.get(name, name) for name in inputs}))

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
        return with_priors(self, which, priors)

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
        return tied(self, kept, dropped)

    @property
    def plain(self) -> tuple[str, ...]:
        """The inputs that may be 0 or negative, such as shares, so that they have no log."""
        return tuple(name for name, (low, _) in self.domains.items() if low <= 0)

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
