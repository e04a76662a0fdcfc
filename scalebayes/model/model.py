"""This file has the NumPyro model of a table of runs, made of law, noise and discrepancy, and its log density.

A trace depends on `Model`, which is hashable, and takes the arrays of `Numbers` and `Rows`. So a fit with other data,
other numbers in its priors or another reference runs the program that the first fit of that shape compiled.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
from numpyro.distributions import biject_to
from numpyro.infer.util import potential_energy

from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import Process, Residuals, SeenAt
from scalebayes.discrepancy.shared_places import Layout
from scalebayes.laws.law import Law
from scalebayes.noise.noise import Form, Noise
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import Traced
from scalebayes.parameters.units import log_unit, rescale


class Site(NamedTuple):
    """A parameter as the model takes it; `scaled` says that its prior is in reference units."""

    name: str
    dimension: str | None
    scaled: bool
    fixed: bool


class Numbers(NamedTuple):
    """All numbers of a model except the runs; a pytree.

    Attributes:
        priors: The `Traced` prior of each free site, by its name.
        starts: The `Traced` distribution of each free site from which the optimiser's starts are drawn.
        fixed: The value of each fixed site, by its name.
        log_reference: The log of the reference of each input, by its name, and of "loss".
        stages: The relaxations of the noise that the optimiser goes through. The last one is 1.
        ends: The place of the largest runs where the model has a discrepancy, else None.
    """

    priors: dict[str, Traced]
    starts: dict[str, Traced]
    fixed: dict[str, Any]
    log_reference: dict[str, Any]
    stages: Any
    ends: "Ends | None" = None


class Ends(NamedTuple):
    """The place of the largest runs, in reference units; a pytree.

    Attributes:
        anchor: The mean of each input's log over the largest tenth of the runs, by the input's name.
        most: The largest log of each input, by its name; where the law has N and D, the largest log of N D alone, under
            the name "C".
        plain: The sd over the runs of each input that may be 0 or negative, such as a share, by its name. Such an input
            has its value over this sd where others have their log; it has no largest runs, and is not in `most`.
    """

    anchor: dict[str, Any]
    most: dict[str, Any]
    plain: dict[str, Any]

    def places(self, inputs: Mapping[str, Any], group: Any = None) -> Places:
        """Inputs in reference units (run,), as the components of a discrepancy see them."""
        logs = {name: self._as_log(name, inputs[name]) for name in self.anchor}
        if not self.most:
            beyond = jnp.zeros_like(next(iter(logs.values())))
        elif "C" in self.most:
            beyond = logs["N"] + logs["D"] - self.most["C"]
        else:
            over = [logs[name] - most for name, most in self.most.items()]
            beyond = jnp.stack(over).max(axis=0)
        return Places({n: x - self.anchor[n] for n, x in logs.items()}, jnp.maximum(beyond, 0.0), group)

    def at_anchor(self) -> dict[str, Any]:
        """The inputs of the anchor, in reference units."""
        return {n: x * self.plain[n] if n in self.plain else jnp.exp(x) for n, x in self.anchor.items()}

    def _as_log(self, name: str, x: Any) -> Any:
        return x / self.plain[name] if name in self.plain else jnp.log(x)

    def seen_at(self, rows: "Rows") -> SeenAt:
        """Where rows in reference units lie, as the process takes it."""
        at = rows.layout or Layout(None, None)
        inducing = None if at.inducing is None else self.places(at.inducing)
        return SeenAt(self.places(rows.inputs, rows.group), at.shared, inducing)


class Rows(NamedTuple):
    """The runs in reference units, padded; a pytree of arrays (run,).

    Attributes:
        inputs: Each input divided by its reference, by its name.
        y: The observable divided by its scale.
        mask: 0 where a row is padding.
        se: The known standard error divided by the observable's scale, or None where the runs have none.
        count: The number of readings averaged in the row, or None where the runs have none.
        group: The number of the row's group where the discrepancy has an offset for each group, else None.
        layout: Where the runs lie, or None where each row has a place of its own and there are few.
    """

    inputs: dict[str, Any]
    y: Any
    mask: Any
    se: Any
    count: Any
    group: Any = None
    layout: Layout | None = None


@dataclass(frozen=True)
class Model:
    """All that a trace depends on: the functions of law and noise, the process, and the sites.

    The unconstrained coordinates z are those of the free parameters. Where the model is `latent`, one coordinate for
    each padded row follows.

    Attributes:
        fn: The law's function.
        inputs: The names of the law's inputs.
        law_sites: The law's parameters, free and fixed.
        noise_sites: The noise's parameters, free and fixed.
        form: The functions of the noise.
        process: The process of the discrepancy, or None.
        process_sites: The parameters of the process, free and fixed.
    """

    fn: Callable[..., Any]
    inputs: tuple[str, ...]
    law_sites: tuple[Site, ...]
    noise_sites: tuple[Site, ...]
    form: Form
    process: Process | None = None
    process_sites: tuple[Site, ...] = ()

    @classmethod
    def of(cls, law: Law, noise: Noise, discrepancy: Discrepancy | None = None) -> "Model":
        """The model of a law, a noise and a discrepancy."""
        of_law = (law.fn, law.inputs, _sites(law.params), _sites(noise.params), noise.form)
        if discrepancy is None:
            return cls(*of_law)
        return cls(*of_law, discrepancy.process, _sites(discrepancy.params))

    @property
    def sites(self) -> tuple[Site, ...]:
        """Parameters of law, noise and discrepancy, in the order of draws and tables."""
        return self.law_sites + self.noise_sites + self.process_sites

    @property
    def free(self) -> tuple[str, ...]:
        """The names of the unknown parameters, in the order of the posterior's coordinates."""
        return tuple(site.name for site in self.sites if not site.fixed)

    @property
    def latent(self) -> bool:
        """Whether every row has an unknown scale, whose coordinate follows those of the free parameters."""
        return self.process is not None and self.form.mixture is not None

    def held(self, rows: Rows) -> Any:
        """The rows' own coordinates (run,) before anything is known about them; shape (0,) where rows have none."""
        return jnp.zeros_like(rows.mask if self.latent else rows.mask[:0])

    def scaled(self, values: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """All parameters in reference units, from the free parameters in the units of their priors."""
        full = {**numbers.fixed, **values}
        return {
            site.name: full[site.name]
            if site.scaled or not site.dimension
            else full[site.name] * jnp.exp(-log_unit(site.dimension, full, numbers.log_reference))
            for site in self.sites
        }

    def paper(self, values: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """All parameters in the runs' own units, from the free parameters in the units of their priors."""
        dimensions = {site.name: site.dimension for site in self.sites}
        return rescale(self.scaled(values, numbers), dimensions, numbers.log_reference)

    def unconstrained(self, own: Mapping[str, Any], numbers: Numbers) -> Any:
        """The unconstrained coordinates z (..., free) of all parameters in the runs' own units, fixed ones among them.

        It undoes `constrain` and `paper`.
        """
        dimensions = {site.name: site.dimension for site in self.sites}
        scaled = rescale(own, dimensions, numbers.log_reference, to="scaled")
        in_prior = {s.name: (scaled if s.scaled or not s.dimension else own)[s.name] for s in self.sites}
        each = [biject_to(numbers.priors[name].support).inv(jnp.asarray(in_prior[name])) for name in self.free]
        return jnp.stack(jnp.broadcast_arrays(*each), axis=-1)

    def constrain(self, z: Any, numbers: Numbers) -> dict[str, Any]:
        """The free parameters in the units of their priors, from unconstrained coordinates z (free, or more)."""
        return {name: biject_to(numbers.priors[name].support)(z[i]) for i, name in enumerate(self.free)}

    def noise_values(self, scaled: Mapping[str, Any], stage: Any = None) -> dict[str, Any]:
        """The noise's parameters, relaxed by `stage` where the noise has relaxations."""
        values = {site.name: scaled[site.name] for site in self.noise_sites}
        return values if stage is None or self.form.soften is None else self.form.soften(values, stage)

    def location(self, scaled: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        """The law's value in reference units at inputs in reference units."""
        return self.fn(**inputs, **{site.name: scaled[site.name] for site in self.law_sites})

    def log_likelihood(self, scaled: Mapping[str, Any], rows: Rows, stage: Any = None) -> Any:
        """The log density of each row's observable in reference units (run,), or minus its objective."""
        location, values = self.location(scaled, rows.inputs), self.noise_values(scaled, stage)
        return self.form.log_likelihood(rows.y, location, values, rows.se, rows.count)

    def residuals(self, scaled: Mapping[str, Any], numbers: Numbers, rows: Rows, own: Any = None) -> Residuals:
        """The residuals of the rows, for a discrepancy; `own` are the rows' own coordinates (run,), or None."""
        assert numbers.ends is not None
        location = self.location(scaled, rows.inputs)
        scale = self.form.row_scale(location, self.noise_values(scaled), rows.se, rows.count)
        scale = scale * self.factor(self.noise_values(scaled), own)
        return numbers.ends.seen_at(rows).residuals(jnp.log(rows.y) - jnp.log(location), scale, rows.mask)

    def factor(self, noise: Mapping[str, Any], own: Any) -> Any:
        """The factor of each row's scale (run,), from the rows' own coordinates; 1 where rows have none."""
        return self.form.mixture.factor(noise, own) if self.latent and self.form.mixture else 1.0

    def process_values(self, scaled: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of the discrepancy."""
        return {site.name: scaled[site.name] for site in self.process_sites}

    def numpyro_model(self, numbers: Numbers, rows: Rows, stage: Any = None) -> None:
        """The NumPyro model: a site for each free parameter, in the units of its prior, and the masked likelihood."""
        values = {name: numpyro.sample(name, numbers.priors[name].distribution) for name in self.free}
        scaled = self.scaled(values, numbers)
        if self.process is None:
            numpyro.factor("log_likelihood", self.log_likelihood(scaled, rows, stage) * rows.mask)
            return
        own = None
        if self.latent and self.form.mixture:
            coordinate = self.form.mixture.coordinate(self.noise_values(scaled))
            own = numpyro.sample(OWN, coordinate.expand(rows.mask.shape))
        joint = self.process.log_density(self.process_values(scaled), self.residuals(scaled, numbers, rows, own))
        numpyro.factor("log_likelihood", joint - jnp.sum(rows.mask * (jnp.log(rows.y) + HALF)))

    @partial(jax.jit, static_argnums=0)
    def log_density(self, z: Any, numbers: Numbers, rows: Rows, stage: Any = None) -> Any:
        """The log posterior density, up to a constant, over unconstrained coordinates z (free,).

        Where the model is `latent`, z has one coordinate more for each row. Those of padding have their prior.
        """
        free = len(self.free)
        values = dict(zip(self.free, z[:free] if self.latent else z, strict=True))
        if self.latent:
            values[OWN] = z[free:]
        return -potential_energy(self.numpyro_model, (numbers, rows, stage), {}, values)


HALF = math.log(2 * math.pi) / 2  # the constant of a Normal's log density, for each row
OWN = "noise_own"  # the NumPyro site of the rows' own coordinates


def _sites(params: Mapping[str, Param]) -> tuple[Site, ...]:
    # A pure number is the same in any units, so the units of its prior must not make another trace.
    return tuple(
        Site(name, p.dimension, (p.scaled or not p.dimension) and not p.fixed, p.fixed) for name, p in params.items()
    )
