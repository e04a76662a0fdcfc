"""Priors as data: what a trace takes and what a file keeps of a parameter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpyro.distributions as dist

from scalebayes.parameters import Param

# The arguments that make each distribution again. A prior of another kind is kept as text.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Beta": ("concentration1", "concentration0"),
    "Exponential": ("rate",),
    "Gamma": ("concentration", "rate"),
    "HalfCauchy": ("scale",),
    "HalfNormal": ("scale",),
    "InverseGamma": ("concentration", "rate"),
    "LogNormal": ("loc", "scale"),
    "LogUniform": ("low", "high"),
    "Normal": ("loc", "scale"),
    "StudentT": ("df", "loc", "scale"),
    "Uniform": ("low", "high"),
}


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Traced:
    """A prior as a trace takes it: a pytree of its arguments.

    NumPyro's own pytrees list their arguments in an order that changes from process to process, and with it every
    compiled program. Here a known family is its arguments in order; another distribution is taken as it is.

    >>> Traced.of(dist.LogNormal(-1.0, 0.5)).arguments
    (-1.0, 0.5)
    """

    family: str | None
    arguments: Any

    @classmethod
    def of(cls, prior: Any) -> "Traced":
        """The traced form of a NumPyro distribution."""
        family = type(prior).__name__
        if family not in FAMILIES:
            return cls(None, prior)
        return cls(family, tuple(getattr(prior, name) for name in FAMILIES[family]))

    @property
    def distribution(self) -> Any:
        """The NumPyro distribution."""
        if self.family is None:
            return self.arguments
        arguments = dict(zip(FAMILIES[self.family], self.arguments, strict=True))
        return getattr(dist, self.family)(**arguments, validate_args=False)

    @property
    def support(self) -> Any:
        """Of the distribution."""
        return self.distribution.support

    def tree_flatten(self) -> tuple[tuple[Any], str | None]:
        return (self.arguments,), self.family

    @classmethod
    def tree_unflatten(cls, family: str | None, children: tuple[Any]) -> "Traced":
        return cls(family, children[0])


class TextPrior(dist.Distribution):
    """A prior that a file knows as text alone: it can be read, and neither sampled nor evaluated."""

    pytree_aux_fields = ("text", "_support")

    def __init__(self, text: str, support: Any) -> None:
        self.text, self._support = text, support
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        return self._support

    def __repr__(self) -> str:
        return self.text


def prior_text(prior: Any) -> str:
    """A prior for people.

    >>> prior_text(dist.LogNormal(-1.0, 0.5)), prior_text(0.5), prior_text("flat")
    ('LogNormal(-1, 0.5)', 'fixed at 0.5', 'flat')
    """
    if isinstance(prior, str):
        return prior
    if not isinstance(prior, dist.Distribution):
        return f"fixed at {prior:.6g}"
    if isinstance(prior, TextPrior):
        return prior.text
    name = type(prior).__name__
    if name not in FAMILIES:
        return repr(prior)
    return f"{name}({', '.join(f'{float(getattr(prior, argument)):.4g}' for argument in FAMILIES[name])})"


def param_record(param: Param) -> dict[str, Any]:
    """A parameter as JSON data.

    >>> param_record(Param(dist.HalfNormal(2.0), "loss"))["prior"]
    {'family': 'HalfNormal', 'scale': 2.0}
    """
    prior = param.prior
    if isinstance(prior, dist.Distribution):
        name = type(prior).__name__
        known = name in FAMILIES
        prior = (
            {"family": name, **{a: float(getattr(prior, a)) for a in FAMILIES[name]}}
            if known
            else {"text": prior_text(prior)}
        )
    elif not isinstance(prior, str):
        prior = float(prior)
    return {"prior": prior, "dimension": param.dimension, "scaled": param.scaled, "positive": _is_positive(param)}


def param_from_record(record: Mapping[str, Any]) -> Param:
    """The parameter that `param_record` wrote.

    >>> param_from_record(param_record(Param(dist.HalfNormal(2.0), "loss"))).prior.scale
    2.0
    """
    prior = record["prior"]
    positive = record["positive"]
    if isinstance(prior, Mapping):
        if "family" in prior:
            arguments = {name: float(prior[name]) for name in FAMILIES[prior["family"]]}
            prior = getattr(dist, prior["family"])(**arguments)
        else:
            prior = TextPrior(prior["text"], dist.constraints.positive if positive else dist.constraints.real)
    return Param(prior, record["dimension"], record["scaled"], positive)


def _is_positive(param: Param) -> bool:
    return not bool(param.support(-1.0))
