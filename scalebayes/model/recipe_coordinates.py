"""This file has the coordinates in which several recipes are sampled together.

The runs of a recipe hold the loss at the reference and its slopes there, and leave open how much of the loss is the
floor. In the logs of the parameters that is a bent ridge in each recipe, along which chains made a thousand steps for a
draw. So a recipe's coordinates are the log of its loss at the reference, the logs of its slopes there, the shares of
its amplitudes, and the z_g of its floor: exponents are centred, floors are not (`placed`).
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
# The amplitudes are the level less the floor, kept positive by a softplus that bends at this share of the level. With a
# smaller share the corner is sharper where the floor is nearly all of the level.
CORNER = 0.02
FAR = -30.0  # from here on a softplus and its exponential are the same number
HALVED = -0.7  # the log of a half


class PooledNumbers(NamedTuple):
    """All numbers of the model of several recipes except their runs; a pytree.

    Attributes:
        each: The numbers of each recipe; every array has the leading axis `recipe`.
        spread: The scale of the half-Normal prior of tau, for each pooled parameter (pooled,).
        middle: The middle of the prior of each law's and common parameter in unconstrained coordinates (free,).
        width: The sd of the same prior in these coordinates (free,).
        stages: The relaxations of the noise that the optimiser goes through.
        places: The inputs of the places of the shared part in reference units (place,), or None.
    """

    each: Numbers
    spread: Any
    middle: Any
    width: Any
    stages: Any
    places: dict[str, Any] | None = None


class Parameters(NamedTuple):
    """The unconstrained coordinates of the model of several recipes, taken apart; a pytree.

    Attributes:
        own: The coordinates of each recipe's own parameters (..., own, recipe). In place of the amplitudes they are
            the log of the loss at the reference and, with two amplitudes, the logit of the second one's share.
        apart: For a slope, its log at the reference; for another pooled parameter its standard deviate z
            (..., pooled, recipe).
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
        amplitudes: The one or two positive parameters, each recipe's own, in which the law's value at the reference is
            a straight line; or none.
        slopes: For each pooled exponent, its name and the input whose slope at the reference it multiplies.
    """

    model: Model
    pooled: tuple[str, ...]
    recipes: int
    amplitudes: tuple[str, ...] = ()
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

    def placed(self, parts: Parameters, numbers: PooledNumbers) -> tuple[dict[str, Any], Any]:
        """The coordinate of each free parameter of one recipe's model, by its name, and a log volume.

        Args:
            parts: The parameters of one posterior draw.
            numbers: The numbers of the model.

        Returns:
            The unconstrained coordinates (recipe,), and the log of their volume over that of `parts`.
        """
        theta = parts.mean[:, None] + jnp.exp(parts.log_tau)[:, None] * parts.apart
        found = {name: parts.own[i] for i, name in enumerate(self.own)}
        found |= {name: theta[i] for i, name in enumerate(self.pooled)}
        found |= {n: jnp.broadcast_to(parts.common[i], (self.recipes,)) for i, n in enumerate(self.common)}
        for name, _ in self.slopes:
            found[name] = jnp.zeros(self.recipes)  # any value, until the slope says which
        volume = jnp.zeros(())
        if self.amplitudes:
            none = {**found, **dict.fromkeys(self.amplitudes, jnp.full(self.recipes, ABSENT))}
            floor = self.at_reference(none, numbers)
            log_level, left = found[self.amplitudes[0]], (jnp.zeros(self.recipes),)
            if len(self.amplitudes) == 2:
                logit = found[self.amplitudes[1]]
                left = (jax.nn.log_sigmoid(-logit), jax.nn.log_sigmoid(logit))
            gap = (1 - floor * jnp.exp(-log_level)) / CORNER
            above = jnp.where(gap < FAR, gap, jnp.log(jax.nn.softplus(jnp.maximum(gap, FAR))))
            total = log_level + jnp.log(CORNER) + above
            turn = jnp.exp(jnp.where(gap < FAR, 0.0, jax.nn.log_sigmoid(gap) - above)) / CORNER
            volume = jnp.log1p(turn * floor * jnp.exp(-log_level)).sum()
            for name, share in zip(self.amplitudes, left, strict=True):
                one = self.at_reference({**none, name: jnp.zeros(self.recipes)}, numbers) - floor
                found[name] = total + share - jnp.log(one)
        for i, name in enumerate(self.pooled):
            if name in dict(self.slopes):
                found[name] = parts.apart[i] - jnp.log(self.slope(found, dict(self.slopes)[name], numbers))
        return found, volume

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
        """Points (start, free) from which the mode is searched: recipes that are alike, at draws from the priors."""
        own, pooled = len(self.own), len(self.pooled)
        normal = jax.random.normal(key, (count, own + pooled + len(self.common)))
        level, mean, common = jnp.split(numbers.middle + numbers.width * normal, [own, own + pooled], axis=1)
        # Level and share begin in their middles; a slope begins at a half of the exponent.
        held = jnp.array([name in self.amplitudes for name in self.own], bool)
        level = jnp.where(held, 0.0, level)
        steep = jnp.array([name in dict(self.slopes) for name in self.pooled])
        return self.together(
            Parameters(
                jnp.broadcast_to(level[..., None], (count, own, self.recipes)),
                jnp.broadcast_to(jnp.where(steep, mean + HALVED, 0.0)[..., None], (count, pooled, self.recipes)),
                mean,
                jnp.broadcast_to(jnp.log(numbers.spread / 2), (count, pooled)),
                common,
                jnp.zeros((count, int(self.model.process is not None))),
            )
        )

    def values(self, found: Mapping[str, Any], numbers: PooledNumbers) -> dict[str, Any]:
        """The free parameters of each recipe in the units of their priors (recipe,), from their coordinates."""
        return {name: biject_to(numbers.each.priors[name].support)(x) for name, x in found.items()}
