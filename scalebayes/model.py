"""Model = law x noise: the NumPyro model of a table of runs, and its log density.

`Model` is what a trace depends on and is hashable; `Numbers` and `Rows` are arrays that a trace takes. So a fit with
other data, other prior numbers or another reference runs the program of the first fit of that shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import biject_to
from numpyro.infer.util import potential_energy

from scalebayes.laws.base import Law
from scalebayes.noise import Form, Noise
from scalebayes.parameters import Param, log_unit, rescale
from scalebayes.priors import Traced


class Site(NamedTuple):
    """A parameter as the model sees it. scaled: its prior or number is in reference units."""

    name: str
    dimension: str | None
    scaled: bool
    fixed: bool


class Numbers(NamedTuple):
    """All numbers of a model but the runs; a pytree.

    Attributes:
        priors: free site -> `Traced` prior.
        starts: free site -> `Traced` distribution that the optimiser's starts are drawn from.
        fixed: fixed site -> value.
        log_reference: input or `loss` -> log of the reference.
        stages: relaxations of the noise that the optimiser goes through, the last is 1.
    """

    priors: dict[str, Traced]
    starts: dict[str, Traced]
    fixed: dict[str, Any]
    log_reference: dict[str, Any]
    stages: Any


class Rows(NamedTuple):
    """The runs in reference units, padded; a pytree of arrays (run,).

    Attributes:
        inputs: name -> input / reference. y: observable / scale. mask: 0 where a row is padding.
        se: known standard error / scale, count: readings averaged in the row; None where the runs have none.
    """

    inputs: dict[str, Any]
    y: Any
    mask: Any
    se: Any
    count: Any


@dataclass(frozen=True)
class Model:
    """What a trace depends on: the law's function, the noise's functions, and the sites.

    Attributes:
        fn, inputs: of the law. law_sites, noise_sites: their parameters, free and fixed.
        form: of the noise.
    """

    fn: Callable[..., Any]
    inputs: tuple[str, ...]
    law_sites: tuple[Site, ...]
    noise_sites: tuple[Site, ...]
    form: Form

    @classmethod
    def of(cls, law: Law, noise: Noise) -> "Model":
        """The model of a law and a noise."""
        return cls(law.fn, law.inputs, _sites(law.params), _sites(noise.params), noise.form)

    @property
    def sites(self) -> tuple[Site, ...]:
        """Law and noise parameters, in the order of draws and tables."""
        return self.law_sites + self.noise_sites

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the unknown parameters: the coordinates of the posterior, in order."""
        return tuple(site.name for site in self.sites if not site.fixed)

    def scaled(self, values: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """All parameters in reference units, from free ones in their priors' units."""
        full = {**numbers.fixed, **values}
        return {
            site.name: full[site.name]
            if site.scaled or not site.dimension
            else full[site.name] * jnp.exp(-log_unit(site.dimension, full, numbers.log_reference))
            for site in self.sites
        }

    def paper(self, values: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """All parameters in the runs' own units, from free ones in their priors' units."""
        dimensions = {site.name: site.dimension for site in self.sites}
        return rescale(self.scaled(values, numbers), dimensions, numbers.log_reference)

    def constrain(self, z: Any, numbers: Numbers) -> dict[str, Any]:
        """Free parameters in their priors' units, from unconstrained coordinates z (free,)."""
        return {name: biject_to(numbers.priors[name].support)(z[i]) for i, name in enumerate(self.free)}

    def noise_values(self, scaled: Mapping[str, Any], stage: Any = None) -> dict[str, Any]:
        """The noise's parameters, relaxed by `stage` where the noise can be."""
        values = {site.name: scaled[site.name] for site in self.noise_sites}
        return values if stage is None or self.form.soften is None else self.form.soften(values, stage)

    def location(self, scaled: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        """The law's value in reference units at inputs in reference units."""
        return self.fn(**inputs, **{site.name: scaled[site.name] for site in self.law_sites})

    def log_likelihood(self, scaled: Mapping[str, Any], rows: Rows, stage: Any = None) -> Any:
        """Log density of each row's observable in reference units (run,); minus the objective where it is one."""
        location, values = self.location(scaled, rows.inputs), self.noise_values(scaled, stage)
        return self.form.log_likelihood(rows.y, location, values, rows.se, rows.count)

    def numpyro_model(self, numbers: Numbers, rows: Rows, stage: Any = None) -> None:
        """The NumPyro model: a site a free parameter, in its prior's units, and the masked likelihood."""
        values = {name: numpyro.sample(name, numbers.priors[name].distribution) for name in self.free}
        pointwise = self.log_likelihood(self.scaled(values, numbers), rows, stage)
        numpyro.factor("log_likelihood", pointwise * rows.mask)

    @partial(jax.jit, static_argnums=0)
    def log_density(self, z: Any, numbers: Numbers, rows: Rows, stage: Any = None) -> Any:
        """Log posterior density, up to a constant, over unconstrained coordinates z (free,)."""
        values = dict(zip(self.free, z, strict=True))
        return -potential_energy(self.numpyro_model, (numbers, rows, stage), {}, values)

    def draw_starts(self, key: Any, numbers: Numbers) -> Any:
        """One draw from the starting distributions, in unconstrained coordinates (free,)."""
        keys = jax.random.split(key, len(self.free))
        return jnp.stack(
            [
                biject_to(numbers.priors[name].support)._inverse(numbers.starts[name].distribution.sample(k))
                for name, k in zip(self.free, keys, strict=True)
            ]
        )


def _sites(params: Mapping[str, Param]) -> tuple[Site, ...]:
    # A pure number is the same in any units, so how its prior was given must not make another trace.
    return tuple(
        Site(name, p.dimension, (p.scaled or not p.dimension) and not p.fixed, p.fixed) for name, p in params.items()
    )


def default_start(support: Any) -> Any:
    """Where to start a parameter that has no proper prior."""
    bijection = biject_to(support)
    return dist.TransformedDistribution(dist.Normal(0.0, 2.0), bijection)
