"""This file has the algebra of units: dimensions, the one rule that rescales parameters, and the reference of a table.

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

from scalebayes.errors import InputError

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@cache
def parse_dimension(text: str) -> tuple[tuple[str, ast.expr], ...]:
    """Read the dimension of a parameter: bases with exponents, separated by blanks, with no blank inside an exponent.

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
    """The names of the parameters in the exponent of a dimension, which has numbers, names and + - * / only.

    Any other exponent is refused.
    """
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
