"""Components of a discrepancy: the terms of a Gaussian process's covariance, each with its parameters.

- `Matern`: a misfit that neighbouring runs share, larger for short runs where it fades with D;
- `Bend`: the surface may bend in log D/N, the same at every compute;
- `Drift`: a slope beyond the largest runs, which no run can show: it is there to be honest;
- `Offset`: rows of a group (a shape, a run, a recipe) share a shift.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.errors import known_settings, unknown
from scalebayes.parameters.param import Param


class Places(NamedTuple):
    """Where runs lie, as the components see it; a pytree.

    Attributes:
        logs: input -> log of it over the runs' largest (run,), 0 at the anchor.
        beyond: e-folds beyond the largest run (run,), of N D where a law has both.
        group: number of the row's group (run,), or None.
    """

    logs: Mapping[str, Any]
    beyond: Any
    group: Any


class Component(Protocol):
    """A term of the covariance; hashable, since a trace depends on it."""

    name: ClassVar[str]

    def of(self, inputs: Sequence[str]) -> "Component":
        """The component for a law of these inputs.

        Raises:
            InputError: the law lacks an input that it needs.
        """
        ...

    def params(self) -> dict[str, Param]:
        """Its parameters, names beginning with its own."""
        ...

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """Covariance of delta between places (run of a, run of b)."""
        ...


def _apart(a: Any, b: Any) -> Any:
    return a[:, None] - b[None, :]


@known_settings
@dataclass(frozen=True)
class Matern:
    """A Matern-3/2 process in the logs of the inputs, with a length each.

    cov = A(u) A(v) (1 + sqrt(3) d) exp(-sqrt(3) d), d^2 = sum_i ((u_i - v_i) / length_i)^2, A = scale, or
    scale exp(-fade min(log D/D_end, 0)): larger for the runs of few tokens.

    Args:
        inputs: of the law, by default all. fades: the input with which the scale falls up to the largest runs; by
            default D, where the law has N and D; None for a constant scale.

    >>> sorted(Matern().of(["x"]).params())
    ['matern_length_x', 'matern_scale']
    """

    inputs: tuple[str, ...] = ()
    fades: str | None = "auto"
    name: ClassVar[str] = "matern"

    def of(self, inputs: Sequence[str]) -> "Matern":
        chosen = tuple(self.inputs) or tuple(inputs)
        fades = ("D" if {"N", "D"} <= set(inputs) else None) if self.fades == "auto" else self.fades
        for one in (*chosen, *([fades] if fades else [])):
            if one not in inputs:
                raise unknown("input of the component matern", one, inputs)
        return replace(self, inputs=chosen, fades=fades)

    def params(self) -> dict[str, Param]:
        one = len(self.inputs) == 1
        scale = dist.LogNormal(-3.5, 0.7) if one else dist.LogNormal(math.log(0.02), 0.7)
        length = dist.LogNormal(0.0, 0.7) if one else dist.LogNormal(math.log(2.0), 0.5)
        found = {"matern_scale": Param(scale, "")}
        found |= {f"matern_length_{name}": Param(length, "") for name in self.inputs}
        if self.fades:
            found["matern_fade"] = Param(dist.Normal(0.3, 0.3), "")
        return found

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        squares = [(_apart(a.logs[n], b.logs[n]) / values[f"matern_length_{n}"]) ** 2 for n in self.inputs]
        # The root of zero has no derivative, and a row's distance from itself is zero.
        distance = jnp.sqrt(3 * sum(squares[1:], squares[0]) + 1e-20)
        scale = self.amplitude(values, a.logs)[:, None] * self.amplitude(values, b.logs)[None, :]
        return scale * (1 + distance) * jnp.exp(-distance)

    def amplitude(self, values: Mapping[str, Any], logs: Mapping[str, Any]) -> Any:
        """The process's sd at places, by the logs of their inputs (run,)."""
        if not self.fades:
            return jnp.full_like(logs[self.inputs[0]], 1.0) * values["matern_scale"]
        early = jnp.minimum(logs[self.fades], 0.0)
        return values["matern_scale"] * jnp.exp(-values["matern_fade"] * early)


@known_settings
@dataclass(frozen=True)
class Bend:
    """An integrated Wiener process in the log of a ratio, by default D/N, from the largest runs outwards.

    cov = scale^2 m^2 (M / 2 - m / 6) for u and v of one sign, m the smaller and M the larger of |u|, |v|; else 0.

    >>> list(Bend().of(["N", "D"]).params())
    ['bend_scale']
    """

    over: tuple[str, str] = ("D", "N")
    name: ClassVar[str] = "bend"

    def of(self, inputs: Sequence[str]) -> "Bend":
        for one in self.over:
            if one not in inputs:
                raise unknown("input of the component bend", one, inputs)
        return self

    def params(self) -> dict[str, Param]:
        return {"bend_scale": Param(dist.LogNormal(math.log(0.02), 0.7), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        u, v = ((place.logs[self.over[0]] - place.logs[self.over[1]]) for place in (a, b))
        small = jnp.minimum(jnp.abs(u)[:, None], jnp.abs(v)[None, :])
        large = jnp.maximum(jnp.abs(u)[:, None], jnp.abs(v)[None, :])
        found = values["bend_scale"] ** 2 * small**2 * (large / 2 - small / 6)
        return jnp.where(u[:, None] * v[None, :] > 0, found, 0.0)


@known_settings
@dataclass(frozen=True)
class Drift:
    """A random slope beyond the largest run: cov = scale^2 r r', with r the e-folds beyond it.

    The runs say nothing of it: its scale is its prior's.

    >>> list(Drift().of(["x"]).params())
    ['drift_scale']
    """

    name: ClassVar[str] = "drift"

    def of(self, inputs: Sequence[str]) -> "Drift":
        return self

    def params(self) -> dict[str, Param]:
        return {"drift_scale": Param(dist.LogNormal(-5.5, 0.5), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        return values["drift_scale"] ** 2 * a.beyond[:, None] * b.beyond[None, :]


@known_settings
@dataclass(frozen=True)
class Offset:
    """A shift that the rows of a group share, from a common scale: cov = scale^2 where groups are the same.

    >>> list(Offset().of(["x"]).params())
    ['offset_scale']
    """

    name: ClassVar[str] = "offset"

    def of(self, inputs: Sequence[str]) -> "Offset":
        return self

    def params(self) -> dict[str, Param]:
        return {"offset_scale": Param(dist.LogNormal(math.log(0.01), 1.0), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        if a.group is None or b.group is None:
            return jnp.zeros((a.beyond.shape[0], b.beyond.shape[0]))
        return values["offset_scale"] ** 2 * (a.group[:, None] == b.group[None, :])


COMPONENTS: Mapping[str, Any] = MappingProxyType({"matern": Matern, "bend": Bend, "drift": Drift, "offset": Offset})
