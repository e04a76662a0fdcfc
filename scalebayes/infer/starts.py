"""This file draws the points from which the search for the posterior mode starts."""

from typing import Any

import jax
import jax.numpy as jnp
from numpyro.distributions import biject_to

from scalebayes.model.model import Model, Numbers
from scalebayes.parameters.priors import Traced


def draw_starts(model: Model, numbers: Numbers, keys: Any) -> Any:
    """Draw starts of the search for the mode, in unconstrained coordinates (draw, free).

    Parameters whose distributions are of one family are drawn together, since each copy of a sampler takes a third of a
    second to compile.

    Args:
        model: The model.
        numbers: The numbers of the model, which have the starting distributions.
        keys: A JAX key for each draw (draw,).
    """
    families: dict[Any, list[int]] = {}
    for i, name in enumerate(model.free):
        prior, start = numbers.priors[name].family, numbers.starts[name].family
        families.setdefault((prior, start) if prior and start else i, []).append(i)
    each = jax.vmap(lambda key: jax.random.split(key, len(model.free)))(keys)
    columns: dict[int, Any] = {}
    for members in families.values():
        pairs = [(numbers.priors[model.free[i]], numbers.starts[model.free[i]]) for i in members]
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *pairs)
        of_family = jax.vmap(jax.vmap(_drawn, (None, 0)), (0, 1))(stacked, each[:, jnp.array(members)])
        columns |= dict(zip(members, of_family, strict=True))
    return jnp.stack([columns[i] for i in range(len(model.free))], axis=1)


def _drawn(distributions: tuple[Traced, Traced], key: Any) -> Any:
    prior, start = distributions
    return biject_to(prior.support).inv(start.distribution.sample(key))
