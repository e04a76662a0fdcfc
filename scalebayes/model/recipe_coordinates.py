"""This file has coordinates of several recipes in which the posterior of each is nearly a Gaussian.

The runs of a recipe hold the loss at the reference and its slopes there, and leave open how much of the loss is the
floor. In the logs of the parameters that is a bent ridge in each recipe, along which chains made a thousand steps for a
draw. So a recipe's coordinates q are the log of its loss at the reference, the logs of its slopes there, and the logits
of the shares of the law's terms, such as the floor. The change from the logs of the parameters keeps volumes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from numpyro.distributions import biject_to

from scalebayes.model.model import Model, Numbers

# The log of an amplitude of nothing; its exponential is still a normal number.
ABSENT = -700.0
HALVED = -0.7  # the log of a half, the share of the loss that falls where nothing is known


class PooledNumbers(NamedTuple):
    """All numbers of the model of several recipes except their runs; a pytree.

    Attributes:
        each: The numbers of each recipe; every array has the leading axis `recipe`.
        spread: The scale of the half-Normal prior of tau, for each pooled parameter (pooled,).
        middle: The middle of the prior of each law's and common parameter in unconstrained coordinates (free,).
        width: The sd of the same prior in these coordinates (free,).
        stages: The relaxations of the noise that the optimiser goes through.
        near: The place q of each recipe near which its coordinates are whitened (recipe, own and pooled).
        places: The inputs of the places of the shared part in reference units (place,), or None.
    """

    each: Numbers
    spread: Any
    middle: Any
    width: Any
    stages: Any
    near: Any
    places: dict[str, Any] | None = None


class Parameters(NamedTuple):
    """The unconstrained coordinates of the model of several recipes, taken apart; a pytree.

    `own` and `apart` are a recipe's coordinates q. In place of the first amplitude q has the log of the loss at the
    reference; in place of each other term of the law the logit of its share, of what the terms before leave; in place
    of a slope's exponent the log of the slope at the reference.

    Attributes:
        own: The coordinates of each recipe's own parameters (..., own, recipe).
        apart: The coordinates of each recipe's pooled parameters (..., pooled, recipe).
        mean: The coordinates mu of the pooled parameters (..., pooled).
        log_tau: The logs of tau (..., pooled).
        common: The coordinates of noise and discrepancy (..., common).
        logit_share: The logit of rho (..., 1), or (..., 0) without a discrepancy.
    """

    own: Any
    apart: Any
    mean: Any
    log_tau: Any
    common: Any
    logit_share: Any


@dataclass(frozen=True)
class RecipeCoordinates:
    """The coordinates of several recipes, and the parameters of each recipe at a place in them.

    Attributes:
        model: The model of one recipe.
        pooled: The free parameters of the law that are pooled, by their names.
        recipes: The number of recipes.
        amplitudes: The positive parameters, each recipe's own, of which the law's value at the reference is a sum,
            together with `floors`; or none.
        floors: The pooled ones in this sum.
        slopes: For each pooled exponent, its name and the input whose slope at the reference it multiplies.
    """

    model: Model
    pooled: tuple[str, ...]
    recipes: int
    amplitudes: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    slopes: tuple[tuple[str, str], ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """The free parameters of the law that aren't pooled."""
        names = [site.name for site in self.model.law_sites if not site.fixed]
        return tuple(name for name in names if name not in self.pooled)

    @property
    def common(self) -> tuple[str, ...]:
        """The free parameters of noise and discrepancy, which are the same for all recipes."""
        return tuple(s.name for s in self.model.noise_sites + self.model.process_sites if not s.fixed)

    def apart(self, z: Any) -> Parameters:
        """Coordinates (..., free), taken apart."""
        own, pooled, recipes = len(self.own), len(self.pooled), self.recipes
        sizes = (own * recipes, pooled * recipes, pooled, pooled, len(self.common), int(self.model.process is not None))
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        parts = [z[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]
        parts[0] = parts[0].reshape(*z.shape[:-1], own, recipes)
        parts[1] = parts[1].reshape(*z.shape[:-1], pooled, recipes)
        return Parameters(*parts)

    def together(self, parts: Parameters) -> Any:
        """The coordinates (..., free) of parameters that were taken apart."""
        lead = parts.mean.shape[:-1]
        return jnp.concatenate([x.reshape(*lead, -1) for x in parts], axis=-1)

    def placed(self, parts: Parameters, numbers: PooledNumbers) -> dict[str, Any]:
        """The coordinate of each free parameter of one recipe's model, by its name.

        Args:
            parts: The parameters of one posterior draw, with q of the recipes.
            numbers: The numbers of the model.

        Returns:
            The unconstrained coordinates (recipe,). Their volume is that of `parts`.
        """
        found = {name: parts.own[i] for i, name in enumerate(self.own)}
        found |= {name: parts.apart[i] for i, name in enumerate(self.pooled)}
        found |= {n: jnp.broadcast_to(parts.common[i], (self.recipes,)) for i, n in enumerate(self.common)}
        for name, _ in self.slopes:
            found[name] = jnp.zeros(self.recipes)  # any value, until the slope says which
        if self.amplitudes:
            first, terms = self.amplitudes[0], (*self.floors, *self.amplitudes)
            none = {**found, **dict.fromkeys(terms, jnp.full(self.recipes, ABSENT))}
            logs, left = {}, found[first]
            for name in terms:
                if name != first:
                    logs[name] = left + jax.nn.log_sigmoid(found[name])
                    left = left + jax.nn.log_sigmoid(-found[name])
            for name, log in {**logs, first: left}.items():
                found[name] = log - jnp.log(self.at_reference({**none, name: jnp.zeros(self.recipes)}, numbers))
        for i, name in enumerate(self.pooled):
            if name in dict(self.slopes):
                found[name] = parts.apart[i] - jnp.log(self.slope(found, dict(self.slopes)[name], numbers))
        return found

    def at_reference(
        self, found: Mapping[str, Any], numbers: PooledNumbers, logs: Mapping[str, Any] | None = None
    ) -> Any:
        """The law's value (recipe,) at the reference, or at other logs of the inputs, from coordinates (recipe,)."""
        there = {name: jnp.exp((logs or {}).get(name, 0.0)) for name in self.model.inputs}

        def one(found: Mapping[str, Any], numbers: Numbers) -> Any:
            values = {name: biject_to(numbers.priors[name].support)(x) for name, x in found.items()}
            return self.model.location(self.model.scaled(values, numbers), there)

        return jax.vmap(one)(dict(found), numbers.each)

    def slope(self, found: Mapping[str, Any], input: str, numbers: PooledNumbers) -> Any:
        """Minus the slope of the log of the law over the log of an input, at the reference (recipe,)."""
        along = lambda log: jnp.log(self.at_reference(found, numbers, {input: log}))  # noqa: E731
        return -jax.jvp(along, (jnp.zeros(()),), (jnp.ones(()),))[1]

    def deviates(self, found: Mapping[str, Any], parts: Parameters) -> Any:
        """The standard deviate z of each pooled parameter (pooled, recipe)."""
        theta = jnp.stack([found[name] for name in self.pooled])
        return (theta - parts.mean[:, None]) * jnp.exp(-parts.log_tau)[:, None]

    def starts(self, numbers: PooledNumbers, key: Any, count: int) -> Any:
        """Points (start, free) from which the mode is searched: draws of middles and noise, and each recipe at 0."""
        own, pooled = len(self.own), len(self.pooled)
        normal = jax.random.normal(key, (count, pooled + len(self.common)))
        mean, common = jnp.split(numbers.middle[own:] + numbers.width[own:] * normal, [pooled], axis=1)
        return self.together(
            Parameters(
                jnp.zeros((count, own, self.recipes)),
                jnp.zeros((count, pooled, self.recipes)),
                mean,
                jnp.broadcast_to(jnp.log(numbers.spread / 2), (count, pooled)),
                common,
                jnp.zeros((count, int(self.model.process is not None))),
            )
        )

    def at_middles(self, z: Any) -> Any:
        """Coordinates (free,) with the same shared parameters, and each recipe at 0."""
        parts = self.apart(z)
        return self.together(parts._replace(own=0 * parts.own, apart=0 * parts.apart))

    def usual(self, numbers: PooledNumbers) -> Any:
        """A place q of each recipe before its runs are seen (recipe, own and pooled)."""
        middle = dict(zip((*self.own, *self.pooled), numbers.middle, strict=False))
        at = [
            0.0 if n in (*self.amplitudes, *self.floors) else x + HALVED * (n in dict(self.slopes))
            for n, x in middle.items()
        ]
        return jnp.broadcast_to(jnp.asarray(at), (self.recipes, len(at)))

    def values(self, found: Mapping[str, Any], numbers: PooledNumbers) -> dict[str, Any]:
        """The free parameters of each recipe in the units of their priors (recipe,), from their coordinates."""
        return {name: biject_to(numbers.each.priors[name].support)(x) for name, x in found.items()}
