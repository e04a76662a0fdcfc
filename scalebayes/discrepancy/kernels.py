"""This file has the components of a discrepancy: each is a term of a Gaussian process's covariance with its parameters.

- `Matern`: neighbouring runs share a misfit; it is larger for runs with few tokens where it fades with D.
- `Bend`: the surface bends in log D/N, by the same amount at every compute.
- `Drift`: the curve has a further slope beyond the largest runs. No run can show it; it makes intervals there honest.
- `Offset`: the rows of a group (a shape, a run, a recipe) share a shift.
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
    """The places of runs, as the components take them; a pytree.

    Attributes:
        logs: The log of each input (run,), by its name, less the mean of this log over the largest tenth of the runs.
            So it is 0 at the anchor.
        beyond: How far each place lies beyond the largest run (run,), in e-folds; of N D where a law has both. It is 0
            for a place that doesn't lie beyond.
        group: The number of the row's group (run,), or None.
    """

    logs: Mapping[str, Any]
    beyond: Any
    group: Any


class Component(Protocol):
    """A term of the covariance. It is hashable, since a trace depends on it."""

    name: ClassVar[str]

    def of(self, inputs: Sequence[str]) -> "Component":
        """Make the component for a law of these inputs.

        Raises:
            InputError: The law lacks an input that the component needs.
        """
        ...

    def params(self) -> dict[str, Param]:
        """The component's parameters; their names begin with the component's name."""
        ...

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        ...

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        ...


def _apart(a: Any, b: Any) -> Any:
    return a[:, None] - b[None, :]


@known_settings
@dataclass(frozen=True)
class Matern:
    """A Matern-3/2 process in the logs of the inputs, with a length for each input.

    cov = A(u) A(v) (1 + sqrt(3) d) exp(-sqrt(3) d), d^2 = sum_i ((u_i - v_i) / length_i)^2. The amplitude A is scale;
    where the process fades it is scale exp(-fade min(log D/D_end, 0)), which is larger for runs with few tokens.

    Its parameters are matern_scale (an sd on the log of the observable), matern_length_NAME of each input (in e-folds)
    and, where the process fades, matern_fade.

    Args:
        inputs: The names of the inputs in which the process varies. The default is (): all inputs of the law.
        fades: The name of the input along which the amplitude changes up to the largest runs, or None for a constant
            amplitude. The default is "auto": D where the law has N and D, else None.

    >>> sorted(Matern().of(["x"]).params())
    ['matern_length_x', 'matern_scale']
    """

    inputs: tuple[str, ...] = ()
    fades: str | None = "auto"
    name: ClassVar[str] = "matern"

    def of(self, inputs: Sequence[str]) -> "Matern":
        """Make the component for a law of these inputs; see `Component.of`."""
        chosen = tuple(self.inputs) or tuple(inputs)
        fades = ("D" if {"N", "D"} <= set(inputs) else None) if self.fades == "auto" else self.fades
        for one in (*chosen, *([fades] if fades else [])):
            if one not in inputs:
                raise unknown("input of the component matern", one, inputs)
        return replace(self, inputs=chosen, fades=fades)

    def params(self) -> dict[str, Param]:
        """The component's parameters with their default priors, by their names."""
        one = len(self.inputs) == 1
        scale = dist.LogNormal(-3.5, 0.7) if one else dist.LogNormal(math.log(0.02), 0.7)
        length = dist.LogNormal(0.0, 0.7) if one else dist.LogNormal(math.log(2.0), 0.5)
        found = {"matern_scale": Param(scale, "")}
        found |= {f"matern_length_{name}": Param(length, "") for name in self.inputs}
        if self.fades:
            found["matern_fade"] = Param(dist.Normal(0.3, 0.3), "")
        return found

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        squares = [(_apart(a.logs[n], b.logs[n]) / values[f"matern_length_{n}"]) ** 2 for n in self.inputs]
        # 1e-20 keeps the derivative finite: the root has none at zero, a row's distance from itself.
        distance = jnp.sqrt(3 * sum(squares[1:], squares[0]) + 1e-20)
        scale = self.amplitude(values, a.logs)[:, None] * self.amplitude(values, b.logs)[None, :]
        return scale * (1 + distance) * jnp.exp(-distance)

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        return self.amplitude(values, at.logs) ** 2

    def amplitude(self, values: Mapping[str, Any], logs: Mapping[str, Any]) -> Any:
        """The sd of the process at places (run,), from the logs of their inputs (run,)."""
        if not self.fades:
            return jnp.full_like(logs[self.inputs[0]], 1.0) * values["matern_scale"]
        early = jnp.minimum(logs[self.fades], 0.0)
        return values["matern_scale"] * jnp.exp(-values["matern_fade"] * early)


@known_settings
@dataclass(frozen=True)
class Bend:
    """An integrated Wiener process in the log of a ratio, which begins at the largest runs and goes both ways.

    Let u and v be the logs of the ratio over that of the largest runs, m the smaller and M the larger of |u| and |v|.
    Then cov = scale^2 m^2 (M / 2 - m / 6) where u and v have one sign, else cov = 0. Its parameter is bend_scale.

    Args:
        over: The names of the two inputs whose ratio it is, numerator first. The default is ("D", "N"), for D/N.

    >>> list(Bend().of(["N", "D"]).params())
    ['bend_scale']
    """

    over: tuple[str, str] = ("D", "N")
    name: ClassVar[str] = "bend"

    def of(self, inputs: Sequence[str]) -> "Bend":
        """Make the component for a law of these inputs; see `Component.of`."""
        for one in self.over:
            if one not in inputs:
                raise unknown("input of the component bend", one, inputs)
        return self

    def params(self) -> dict[str, Param]:
        """The component's parameters with their default priors, by their names."""
        return {"bend_scale": Param(dist.LogNormal(math.log(0.02), 0.7), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        u, v = ((place.logs[self.over[0]] - place.logs[self.over[1]]) for place in (a, b))
        small = jnp.minimum(jnp.abs(u)[:, None], jnp.abs(v)[None, :])
        large = jnp.maximum(jnp.abs(u)[:, None], jnp.abs(v)[None, :])
        found = values["bend_scale"] ** 2 * small**2 * (large / 2 - small / 6)
        return jnp.where(u[:, None] * v[None, :] > 0, found, 0.0)

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        return values["bend_scale"] ** 2 * jnp.abs(at.logs[self.over[0]] - at.logs[self.over[1]]) ** 3 / 3


@known_settings
@dataclass(frozen=True)
class Drift:
    """A random slope beyond the largest run: cov = scale^2 r r', with r how far a place lies beyond it, in e-folds.

    The runs say nothing about this slope, so the posterior of its parameter drift_scale is the prior.

    >>> list(Drift().of(["x"]).params())
    ['drift_scale']
    """

    name: ClassVar[str] = "drift"

    def of(self, inputs: Sequence[str]) -> "Drift":
        """Make the component for a law of these inputs; see `Component.of`."""
        return self

    def params(self) -> dict[str, Param]:
        """The component's parameters with their default priors, by their names."""
        return {"drift_scale": Param(dist.LogNormal(-5.5, 0.5), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        return values["drift_scale"] ** 2 * a.beyond[:, None] * b.beyond[None, :]

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        return values["drift_scale"] ** 2 * at.beyond**2


@known_settings
@dataclass(frozen=True)
class Offset:
    """A shift that the rows of a group share: cov = scale^2 where two rows have the same group, else 0.

    The shifts of all groups have one scale, the parameter offset_scale, an sd on the log of the observable.

    >>> list(Offset().of(["x"]).params())
    ['offset_scale']
    """

    name: ClassVar[str] = "offset"

    def of(self, inputs: Sequence[str]) -> "Offset":
        """Make the component for a law of these inputs; see `Component.of`."""
        return self

    def params(self) -> dict[str, Param]:
        """The component's parameters with their default priors, by their names."""
        return {"offset_scale": Param(dist.LogNormal(math.log(0.01), 1.0), "")}

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        if a.group is None or b.group is None:
            return jnp.zeros((a.beyond.shape[0], b.beyond.shape[0]))
        return values["offset_scale"] ** 2 * (a.group[:, None] == b.group[None, :])

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        return values["offset_scale"] ** 2 * jnp.full(at.beyond.shape, 0.0 if at.group is None else 1.0)


COMPONENTS: Mapping[str, Any] = MappingProxyType({"matern": Matern, "bend": Bend, "drift": Drift, "offset": Offset})
