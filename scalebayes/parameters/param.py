"""Parameters: a prior and a dimension each, and the one rule that rescales them.

A law is evaluated on inputs divided by a reference and gives the observable divided by a scale, so that
every number in the model is of order one. A parameter's dimension says how it changes with these units:
`A` of Hoffmann et al. has dimension `loss N^alpha`, so A = A' * scale * N_ref^alpha, with A' what the
model sees. Exponents may be numbers or expressions in dimensionless parameters, as in `N loss^(1/alpha_N)`.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import biject_to, constraints

from scalebayes.errors import InputError

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Flat(dist.Distribution):
    """Constant density over the unconstrained coordinate: over log A for a positive A, over E for a real one.

    Improper, so it can't be sampled; a fit with it is a maximum likelihood fit whatever the coordinate.

    >>> float(Flat(constraints.positive).log_prob(1.0))
    -0.0
    """

    pytree_aux_fields = ("_support",)

    def __init__(self, support: Any) -> None:
        self._support = support
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        return self._support

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        bijection = biject_to(self._support)
        free = bijection.inv(value)
        return -bijection.log_abs_det_jacobian(free, value)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        raise InputError("a flat prior can't be sampled: give a proper prior, or draw from the law's own priors")


@dataclass(frozen=True)
class Param:
    """One parameter of a law or a noise: its prior, its dimension and what the prior is on.

    Args:
        prior: a NumPyro distribution over a scalar, or a number (the parameter is fixed there, in the runs' own
            units), or "flat" (constant over the unconstrained coordinate), or "reference" (fixed at one unit of the
            runs' reference).
        dimension: units, as powers of the law's inputs and of `loss`: "" for a pure number, `loss N^alpha`,
            `N loss^(1/alpha_N)`. None: not known, and then the whole law is evaluated on the runs' own units.
        scaled: True when the prior is on the parameter in reference units, False when in the runs' own.
        positive: the support where the prior is a number or "flat"; `within` in its place for any other.

    Raises:
        InputError: a prior that is none of these, or a dimension that can't be read.

    >>> Param(dist.LogNormal(-1.0, 0.5), "loss N^alpha").dimension
    'loss N^alpha'
    """

    prior: Any
    dimension: str | None = None
    scaled: bool = True
    positive: bool = True
    within: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.prior, bool) or not isinstance(self.prior, (int, float, np.number, str, dist.Distribution)):
            raise InputError(
                f"a prior is a NumPyro distribution, a number or 'flat', not {type(self.prior).__name__} {self.prior!r}"
            )
        if isinstance(self.prior, str) and self.prior not in ("flat", "reference"):
            raise InputError(f"unknown prior {self.prior!r}: give a NumPyro distribution, a number or 'flat'")
        if isinstance(self.prior, dist.Distribution) and (self.prior.batch_shape or self.prior.event_shape):
            raise InputError(f"a prior is over one number; this one has shape {self.prior.shape()}")
        if isinstance(self.prior, (int, float, np.number)) and not np.isfinite(self.prior):
            raise InputError(f"a fixed parameter is a finite number, not {self.prior!r}")
        if self.dimension is not None:
            parse_dimension(self.dimension)

    @property
    def fixed(self) -> bool:
        """Whether the parameter is a number rather than an unknown."""
        return isinstance(self.prior, (int, float, np.number)) or self.prior == "reference"

    @property
    def distribution(self) -> Any:
        """The prior as a NumPyro distribution (`Flat` for "flat")."""
        if isinstance(self.prior, str):
            return Flat(self.support)
        return self.prior

    @property
    def support(self) -> Any:
        """The NumPyro constraint of the parameter."""
        if isinstance(self.prior, dist.Distribution):
            return self.prior.support
        if self.within is not None:
            return self.within
        return constraints.positive if self.positive else constraints.real


@cache
def parse_dimension(text: str) -> tuple[tuple[str, ast.expr], ...]:
    """Read a dimension: bases with exponents, separated by blanks; no blanks within an exponent.

    >>> [base for base, exponent in parse_dimension("N loss^(1/alpha_N)")]
    ['N', 'loss']
    """
    factors = []
    for token in text.split():
        base, _, power = token.partition("^")
        try:
            exponent = ast.parse(power or "1", mode="eval").body
        except SyntaxError:
            raise InputError(f"dimension {text!r}: can't read the exponent {power!r}") from None
        if not base.isidentifier():
            raise InputError(f"dimension {text!r}: {base!r} is not a name")
        exponent_names(exponent, text)
        factors.append((base, exponent))
    return tuple(factors)


def exponent_names(node: ast.expr, text: str) -> set[str]:
    """The parameters in an exponent; anything but numbers, names, + - * / is refused."""
    match node:
        case ast.Constant(value=int() | float()):
            return set()
        case ast.Name(id=name):
            return {name}
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return exponent_names(inner, text)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            return exponent_names(left, text) | exponent_names(right, text)
    raise InputError(f"dimension {text!r}: an exponent has numbers, parameters and + - * / only")


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(operand=inner):
            return -_evaluate(inner, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_evaluate(left, values), _evaluate(right, values))
    raise AssertionError(node)


def log_unit(dimension: str | None, values: Mapping[str, Any], log_reference: Mapping[str, Any]) -> Any:
    """log of one reference unit in the runs' own units.

    Args:
        dimension: of the parameter.
        values: the dimensionless parameters (any one shape).
        log_reference: log of the reference of each base: inputs, and `loss` for the observable's scale.

    >>> round(float(log_unit("loss N^2", {}, {"N": 1.0, "loss": 0.5})), 3)
    2.5
    """
    total: Any = 0.0
    for base, exponent in parse_dimension(dimension or ""):
        total = total + _evaluate(exponent, values) * log_reference[base]
    return total


def rescale(
    values: Mapping[str, Any],
    dimensions: Mapping[str, str | None],
    log_reference: Mapping[str, Any],
    *,
    to: str = "paper",
) -> dict[str, Any]:
    """Parameters from reference units to the runs' own ("paper"), or back ("scaled").

    Args:
        values: name -> array, all of one shape.
        dimensions: name -> dimension.
        log_reference: as in `log_unit`.

    >>> out = rescale({"A": 2.0, "alpha": 0.5}, {"A": "N^alpha", "alpha": ""}, {"N": 2.0})
    >>> round(float(out["A"]), 4)
    5.4366
    """
    sign = {"paper": 1.0, "scaled": -1.0}[to]
    return {
        name: value * jnp.exp(sign * log_unit(dimensions.get(name), values, log_reference))
        if dimensions.get(name)
        else value
        for name, value in values.items()
    }


@dataclass(frozen=True)
class Reference:
    """The units the model works in: one value an input, and the observable's scale.

    Computed from the training rows alone, stored in the fit, and reused wherever the same model is refitted.

    Attributes:
        inputs: name -> geometric mean of the training rows.
        scale: geometric mean of the observable (root mean square where it may be negative).
    """

    inputs: Mapping[str, float]
    scale: float

    @classmethod
    def of(
        cls,
        inputs: Mapping[str, np.ndarray],
        y: np.ndarray,
        bases: Mapping[str, str] | None = None,
        scaled: bool = True,
        signed: bool = False,
    ) -> "Reference":
        """The reference of a table of runs.

        Args:
            inputs: name -> (run,). y: the observable (run,).
            bases: input -> the input whose unit it shares, "loss" for the observable's, "" for the reference 1.
            scaled: False for an observable that is taken as it is. signed: True for one that may be negative.

        >>> round(Reference.of({"N": np.array([1.0, 100.0])}, np.array([2.0, 2.0])).inputs["N"], 6)
        10.0
        """
        scale = float(np.exp(np.log(y).mean()) if (y > 0).all() and not signed else np.sqrt((y**2).mean()))
        units = {"": 1.0, "loss": scale if scaled and scale > 0 else 1.0}
        base = {name: (bases or {}).get(name, name) for name in inputs}
        units |= {name: float(np.exp(np.log(inputs[name]).mean())) for name in inputs if name in base.values()}
        return cls({name: units[base[name]] for name in inputs}, units["loss"])

    @classmethod
    def unit(cls, inputs: Mapping[str, Any]) -> "Reference":
        """The reference of a law without dimensions: the runs' own units."""
        return cls({name: 1.0 for name in inputs}, 1.0)

    @property
    def logs(self) -> dict[str, float]:
        """log of the reference of each base of a dimension."""
        return {**{name: float(np.log(x)) for name, x in self.inputs.items()}, "loss": float(np.log(self.scale))}
