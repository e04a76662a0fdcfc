"""This file defines `Noise`: how the observable of a run scatters around the law.

A noise is a record of its parameters (their names begin with `noise_`), the distribution of the residual, and the link
on which the residual lives ("log", "logit" or "raw"). The law is the median of a new run; with the noise `beta` it is
the mean. The scale of a row is sqrt(noise_scale^2 / count + se^2), with se the row's known standard error and count the
number of readings averaged in the row. With a discrepancy the Student-t noise is a mixture of Normals, one for each row
(`Form.mixture`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp

from scalebayes.noise.huber import huber
from scalebayes.noise.links import LINKS
from scalebayes.noise.student_t_mixture import Mixture
from scalebayes.parameters.param import Param


@dataclass(frozen=True)
class Form:
    """The functions of a noise. A trace depends on them.

    Attributes:
        residual: A function (noise parameters, scale of the row) -> distribution of the residual.
        on: The link: "log" (the residual is log y - log f), "logit" (logit y - logit f) or "raw" (y - f).
        spread: A function from the law's value to the factor of noise_scale there; None for the factor 1.
        density: False where the noise is an objective and no density. Only MAP and Bootstrap take such a noise.
        moments: Whether a new run has a mean and a variance.
        soften: A function (noise parameters, stage) -> parameters of a relaxed noise that is easier to optimise.
        information: A function from the noise parameters to the expected information of location and log scale at unit
            scale. A noise has it where the Hessian of the log density at the mode describes the posterior poorly.
        whole: A function (law's value, scale of the row) -> distribution of the observable, for a noise that isn't a
            distribution of a residual.
        within: The open interval of the observable, where it is narrower than the link's.
        new: A function from the noise parameters to those of a new run, where a new run scatters differently from the
            runs that were seen.
        mixture: The mixture of Normals, one for each row, that the noise is with a discrepancy. None where the noise
            is Normal already or is no such mixture.
    """

    residual: Callable[[Mapping[str, Any], Any], Any]
    on: str = "log"
    spread: Callable[[Any], Any] | None = None
    density: bool = True
    moments: bool = True
    soften: Callable[[Mapping[str, Any], Any], dict[str, Any]] | None = None
    information: Callable[[Mapping[str, Any]], tuple[Any, Any]] | None = None
    whole: Callable[[Any, Any], Any] | None = None
    within: tuple[float, float] | None = None
    new: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    mixture: Mixture | None = None

    def of_new_run(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The noise's parameters for a run that is still to be trained."""
        return values if self.new is None else self.new(values)

    @property
    def range(self) -> tuple[float, float]:
        """The open interval in which an observable can have this noise."""
        return self.within or LINKS[self.on].range

    @property
    def centre(self) -> str:
        """Whether the law is the "median" or the "mean" of a new run."""
        return "median" if self.whole is None else "mean"

    def row_scale(self, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """The scale of each row's residual: its sd, or the scale of a distribution with heavier tails.

        Args:
            location: The law's value, of any shape.
            values: The noise's parameters. They broadcast with `location`.
            se: The known standard errors, in the observable's units, or None.
            count: The number of readings averaged in each row, or None.

        Returns:
            The scales (run,), or one number where `spread`, `se` and `count` are None.
        """
        scale = values["noise_scale"] if self.spread is None else values["noise_scale"] * self.spread(location)
        if count is not None:
            scale = scale / jnp.sqrt(count)
        if se is None:
            return scale
        return jnp.sqrt(scale**2 + (se * LINKS[self.on].slope(location)) ** 2)

    def distribution(self, location: Any, values: Mapping[str, Any], se: Any = None, count: Any = None) -> Any:
        """The distribution of the observable of runs at which the law's value is `location`.

        Args:
            location: The law's value, of any shape; positive where `on` is "log".
            values: The noise's parameters. They broadcast with `location`.
            se: The known standard errors, in the observable's units. The default is None.
            count: The number of readings averaged in each row. The default is None.

        Returns:
            A NumPyro distribution.
        """
        # The runs are checked when they are read. NumPyro's own check is a select for each value, across which XLA
        # can't vectorise: it would make the density four times slower.
        scale = self.row_scale(location, values, se, count)
        if self.whole is not None:
            return self.whole(location, scale)
        return LINKS[self.on].around(location, self.residual(values, scale))

    def log_likelihood(self, y: Any, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """The log density of each row's observable (run,), or minus the row's objective where the noise is one."""
        if self.density:
            return self.distribution(location, values, se, count).log_prob(y)
        residual = jnp.log(y) - jnp.log(location)
        return -huber(residual / self.row_scale(location, values, se, count), values["noise_delta"])


@dataclass(frozen=True)
class Noise:
    """The distribution of a run's observable around the law.

    Attributes:
        name: The name of the noise, one of `scalebayes.noises.names()`.
        params: The `Param` of each parameter, by its name, which begins with `noise_`.
        form: The functions of the noise.
        settings: The settings that the user gave, to print and to save.
        stages: The relaxations (`Form.soften`) that the optimiser goes through. The last one is 1, which is the noise
            itself.
    """

    name: str
    params: Mapping[str, Param]
    form: Form
    settings: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.settings.items() if v is not None)})"
