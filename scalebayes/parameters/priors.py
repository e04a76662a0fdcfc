"""This file has priors as data: the form of a prior that a trace takes, and the record that a file keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import biject_to

from scalebayes.errors import InputError
from scalebayes.parameters import two_kinds
from scalebayes.parameters.param import Param
from scalebayes.parameters.units import exponent_names, parse_dimension

# The arguments from which each kind of distribution is made again. A prior of another kind is kept as text.
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
    "TwoLogNormals": ("share", "loc_1", "scale_1", "loc_2", "scale_2"),
    "TwoNormals": ("share", "loc_1", "scale_1", "loc_2", "scale_2"),
    "Uniform": ("low", "high"),
}


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Traced:
    """A prior as a trace takes it: a pytree of the prior's arguments.

    NumPyro's own pytrees list their arguments in an order that changes from process to process, and every compiled
    program changes with it. Here a distribution of a known family is a tuple of its arguments in a fixed order. Another
    distribution is taken as it is.

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
        return _class(self.family)(**arguments, validate_args=False)

    @property
    def support(self) -> Any:
        """The support of the distribution."""
        return self.distribution.support

    def tree_flatten(self) -> tuple[tuple[Any], str | None]:
        """The arguments as children, and the family as the static part."""
        return (self.arguments,), self.family

    @classmethod
    def tree_unflatten(cls, family: str | None, children: tuple[Any]) -> "Traced":
        """The prior that `tree_flatten` took apart."""
        return cls(family, children[0])


class Beta(dist.Beta):
    """NumPyro's Beta, for a record that is made when a module is imported.

    NumPyro's own makes an array at once, which starts JAX's backend. This one makes the array when it is first used.

    >>> prior_text(Beta(1.0, 4.0)), round(float(Beta(1.0, 4.0).mean), 6)
    ('Beta(1, 4)', 0.2)
    """

    def __init__(self, concentration1: float, concentration0: float) -> None:
        self.concentration1, self.concentration0 = concentration1, concentration0
        dist.Distribution.__init__(self, validate_args=False)

    @property
    def _dirichlet(self) -> Any:
        return dist.Dirichlet(np.array([self.concentration1, self.concentration0]))


class TextPrior(dist.Distribution):
    """A prior that a file has as text only. People can read it, but it can't be sampled or evaluated."""

    pytree_aux_fields = ("text", "_support")

    def __init__(self, text: str, support: Any) -> None:
        self.text, self._support = text, support
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        """The support that the file says."""
        return self._support

    def __repr__(self) -> str:
        return self.text


def _class(family: str) -> Any:
    return getattr(two_kinds if hasattr(two_kinds, family) else dist, family)


def prior_text(prior: Any) -> str:
    """A parameter's prior as text for people.

    >>> prior_text(dist.LogNormal(-1.0, 0.5)), prior_text(0.5), prior_text("flat")
    ('LogNormal(-1, 0.5)', 'fixed at 0.5', 'flat')
    """
    if isinstance(prior, str):
        return {"reference": "the middle of the runs"}.get(prior, prior)
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
            prior = _class(prior["family"])(**arguments)
        else:
            prior = TextPrior(prior["text"], dist.constraints.positive if positive else dist.constraints.real)
    return Param(prior, record["dimension"], record["scaled"], positive)


def _is_positive(param: Param) -> bool:
    return not bool(param.support(-1.0))


def replaced(name: str, old: Param, prior: Any) -> Param:
    """Give a parameter another prior.

    Args:
        name: The name of the parameter.
        old: The parameter.
        prior: A distribution in the runs' own units, a `Param`, a number (the parameter is fixed there) or "flat".

    Returns:
        The parameter with the new prior.

    Raises:
        InputError: The prior is none of these, has another dimension, or reaches beyond the parameter's support.

    >>> replaced("alpha", Param(dist.LogNormal(-1.0, 0.5), ""), 0.5).fixed
    True
    """
    if name.startswith("noise_") and old.fixed:
        raise InputError(f"{name!r} is a setting of the noise and not a parameter here; set it in noise=")
    try:
        new = prior if isinstance(prior, Param) else Param(prior, None, not isinstance(prior, dist.Distribution))
    except InputError as error:
        raise InputError(f"prior of {name!r}: {error}") from None
    if new.dimension not in (None, old.dimension):
        raise InputError(f"prior of {name!r}: its dimension is {old.dimension!r} in this law, not {new.dimension!r}")
    # A number or "flat" has no support of its own, so it keeps the parameter's. A later prior has to lie in it too.
    new = replace(new, dimension=old.dimension, within=old.support)
    if new.prior == "reference":
        check_reference(name, new)
    if isinstance(new.prior, str):
        return new
    values = np.array([float(new.prior)]) if new.fixed else _reach(new.support)
    if not _inside(old.support, values):
        what = f"{new.prior}" if new.fixed else f"a {type(new.prior).__name__}, over {_describe(new.support)},"
        cure = "use a distribution within it, such as LogNormal or TruncatedNormal(..., low=0) for a positive parameter"
        raise InputError(
            f"prior of {name!r}: {what} reaches beyond the parameter's support, {_describe(old.support)}; "
            f"{'fix it at one of these' if new.fixed else cure}"
        )
    return new


def check_reference(name: str, param: Param) -> None:
    """Refuse "reference" for a parameter that has no fixed unit.

    Raises:
        InputError: The parameter is a pure number, or its unit depends on other parameters.
    """
    if not param.dimension or any(exponent_names(e, param.dimension) for _, e in parse_dimension(param.dimension)):
        raise InputError(
            f"{name!r} can't be held at the runs' reference: a parameter of dimension {param.dimension!r} has none; "
            "give a number"
        )


def _reach(support: Any) -> np.ndarray:
    """Three values of a support: near both ends and in the middle."""
    return np.asarray(biject_to(support)(np.array([-20.0, 0.0, 20.0])), float)


def _inside(support: Any, values: np.ndarray) -> bool:
    return bool(np.all(np.asarray(support(values))))


def _describe(support: Any) -> str:
    low, _, high = (round(float(x), 6) for x in _reach(support))
    if low <= -20:
        return "all real numbers"
    return f"numbers above {low:g}" if high > 1e6 else f"numbers from {low:g} to {high:g}"
