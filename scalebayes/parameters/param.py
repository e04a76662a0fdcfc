"""This file defines parameters, with a prior and a dimension each, and the one rule that rescales them.

A law takes inputs divided by a reference and gives the observable divided by a scale, so that every number in the model
is of order one. A parameter's dimension says how the parameter changes with these units. `A` of Hoffmann et al. has the
dimension `loss N^alpha`, so A = A' * scale * N_ref^alpha, where A' is the parameter in reference units, as the model
takes it. An exponent is a number or an expression in dimensionless parameters, as in `N loss^(1/alpha_N)`.
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
    """The flat prior: a constant density over the unconstrained coordinate.

    The coordinate is log A for a positive parameter A, and E for a real parameter E. The prior is improper, so it can't
    be sampled. A fit with it is a maximum likelihood fit, whatever the coordinate.

    >>> float(Flat(constraints.positive).log_prob(1.0))
    -0.0
    """

    pytree_aux_fields = ("_support",)

    def __init__(self, support: Any) -> None:
        self._support = support
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        """The support of the parameter."""
        return self._support

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """Minus the log derivative of the bijection from the unconstrained coordinate, at a value."""
        bijection = biject_to(self._support)
        free = bijection.inv(value)
        return -bijection.log_abs_det_jacobian(free, value)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Refuse to draw, since the prior is improper."""
        raise InputError("a flat prior can't be sampled: give a proper prior, or draw from the law's own priors")


@dataclass(frozen=True)
class Param:
    """One parameter of a law, a noise or a discrepancy: its prior, its dimension, and the units of its prior.

    Args:
        prior: A NumPyro distribution over a scalar, or a number (the parameter is fixed there, in the runs' own units),
            or "flat" (a constant density over the unconstrained coordinate), or "reference" (the parameter is fixed at
            one unit of the runs' reference).
        dimension: The parameter's unit, as powers of the law's inputs and of `loss`, such as `loss N^alpha` or
            `N loss^(1/alpha_N)`; "" is a pure number. The default is None: the unit isn't known, and the whole law is
            evaluated in the runs' own units.
        scaled: True (the default) where the prior is on the parameter in reference units, False where it is on the
            parameter in the runs' own units.
        positive: The support of a parameter whose prior is no distribution: the positive numbers where it is True (the
            default), all real numbers where it is False.
        within: A NumPyro constraint that is the support of such a parameter in place of `positive`. The default is
            None.

    Raises:
        InputError: The prior is none of these, or the dimension can't be read.

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
        """Whether the parameter is fixed at a number, and so isn't an unknown."""
        return isinstance(self.prior, (int, float, np.number)) or self.prior == "reference"

    @property
    def distribution(self) -> Any:
        """The prior as a NumPyro distribution; "flat" gives a `Flat`."""
        if isinstance(self.prior, str):
            return Flat(self.support)
        return self.prior

    @property
    def support(self) -> Any:
        """The NumPyro constraint that says which values the parameter can have."""
        if isinstance(self.prior, dist.Distribution):
            return self.prior.support
        if self.within is not None:
            return self.within
        return constraints.positive if self.positive else constraints.real


@cache
def parse_dimension(text: str) -> tuple[tuple[str, ast.expr], ...]:
    """Read a dimension: bases with exponents, separated by blanks, with no blank inside an exponent.

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
    """The names of the parameters in an exponent; it has numbers, names and + - * / only, or it is refused."""
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
    """The log of one reference unit of a parameter, in the runs' own units.

    Args:
        dimension: The dimension of the parameter.
        values: The dimensionless parameters by their names, all of one shape.
        log_reference: The log of the reference of each base: the inputs, and `loss` for the observable's scale.

    Returns:
        The log, of the shape of `values`.

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
    """Convert parameters between reference units and the runs' own units.

    Args:
        values: The array of each parameter, by its name; all arrays have one shape.
        dimensions: The dimension of each parameter, by its name.
        log_reference: The log of the reference of each base, as in `log_unit`.
        to: "paper" (the default) converts to the runs' own units, "scaled" converts to reference units.

    Returns:
        The converted array of each parameter, by its name.

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
    """The units in which the model works: one value for each input, and the observable's scale.

    The reference is computed from the training rows alone and stored in the fit. It is used again wherever the same
    model is refitted.

    Attributes:
        inputs: The reference of each input, by its name: the geometric mean of the input over the training rows.
        scale: The observable's scale: its geometric mean over the training rows, or its root mean square where it may
            be negative, or 1 where it is taken as it is.
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
        """Compute the reference of a table of runs.

        Args:
            inputs: The values (run,) of each input, by its name.
            y: The observable (run,).
            bases: A mapping from an input to the base of its unit: the input whose unit it shares, "loss" for the
                observable's unit, or "" for the reference 1. The default is None: each input has a unit of its own.
            scaled: False for an observable that is taken as it is; the default is True.
            signed: True for an observable that may be negative; the default is False.

        Returns:
            The reference.

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
        """The reference of a law without dimensions, which is 1 for each input and the observable.

        Args:
            inputs: A mapping whose keys are the names of the inputs.

        Returns:
            The reference that stands for the runs' own units.
        """
        return cls({name: 1.0 for name in inputs}, 1.0)

    @property
    def logs(self) -> dict[str, float]:
        """The log of the reference of each base of a dimension: the inputs by their names, and "loss"."""
        return {**{name: float(np.log(x)) for name, x in self.inputs.items()}, "loss": float(np.log(self.scale))}
