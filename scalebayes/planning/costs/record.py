"""This file defines `Cost`, the compute of a run as a function of N and D."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.infer.double import double

# Sizes at which a new cost is tried: models of 1 M to 10 T parameters, on 10 M to 1,000 T tokens.
TRIED = np.geomspace(1e6, 1e13, 8), np.geomspace(1e7, 1e15, 9)


@dataclass(frozen=True, eq=False)  # functions can't be compared, so a cost equals itself alone
class Cost:
    """The compute of a run as a record: a name, and a pure function of N and D.

    Args:
        name: The name, which answers show.

        fn: A pure JAX function `fn(N, D)` that gives FLOPs. It broadcasts, and rises with N and with D.

        formula: The formula as text for people. The default is the name.

        source: Where the formula was published. The default is "".

        inputs: A mapping from a further input of a law to a function of N and D that gives it, such as the unique
            tokens of `repeated`. The default is {}.

        training: The cost of training alone, where `fn` has more, such as that of serving. The runs' own C is held
            against it. The default is None: `fn` is the cost of training.

    Raises:
        InputError: `fn` isn't a function of N and D, or what it gives isn't positive, or doesn't rise with N and D.

    >>> mine = Cost("mine", lambda N, D: 8 * N * D)
    >>> mine(1e9, 2e10)
    1.6e+20
    >>> Cost("falls", lambda N, D: D / N)
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: cost 'falls' falls from N = 1e+06 to N = 1e+07, at D = 1e+07; a cost rises with N ...
    """

    name: str
    fn: Callable[[Any, Any], Any]
    formula: str = ""
    source: str = ""
    inputs: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    training: "Cost | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "formula", self.formula or self.name)
        N, D = np.meshgrid(*TRIED, indexing="ij")
        try:
            with double():
                found = np.broadcast_to(np.asarray(self.fn(N, D), np.float64), N.shape)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"cost {self.name!r}: fn takes N and D and gives FLOPs, as in sb.Cost('mine', lambda N, D: 8 * N * D); "
                f"at arrays of N and D it raised {type(error).__name__}: {error}"
            ) from error
        wrong = ~(np.isfinite(found) & (found > 0))
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            raise InputError(
                f"cost {self.name!r} is {found[i, j]:g} at N = {N[i, j]:g}, D = {D[i, j]:g}; a cost is positive and "
                "finite for every N and D"
            )
        for axis, (one, other) in enumerate((("N", "D"), ("D", "N"))):
            grids = dict(N=N, D=D)
            falls = np.argwhere(np.diff(found, axis=axis) < 0)
            if len(falls):
                i, j = falls[0]
                after = grids[one][(i + 1, j) if axis == 0 else (i, j + 1)]
                raise InputError(
                    f"cost {self.name!r} falls from {one} = {grids[one][i, j]:g} to {one} = {after:g}, at {other} = "
                    f"{grids[other][i, j]:g}; a cost rises with N and D"
                )

    def __call__(self, N: Any, D: Any) -> Any:
        """The FLOPs of a run with N parameters on D tokens; the two broadcast."""
        return self.fn(N, D)

    @property
    def of_training(self) -> "Cost":
        """The cost of training alone."""
        return self.training or self

    def __repr__(self) -> str:
        return f"Cost({self.name}: {self.formula})"


def checked_cost(cost: Any) -> Cost:
    """The cost that a user gave.

    Raises:
        InputError: It is none.
    """
    if not isinstance(cost, Cost):
        raise InputError(
            "cost is one of sb.costs, such as sb.costs.with_inference(1e12), or sb.Cost('mine', lambda N, D: 8 * N * "
            f"D), not {cost!r}"
        )
    return cost


def positive_number(name: str, value: Any) -> float:
    """A number that was given by name, as a float.

    Raises:
        InputError: It isn't a positive and finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number > 0):
        raise InputError(f"{name} is a positive number, not {value!r}")
    return number
