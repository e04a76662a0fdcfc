"""This file has the coordinates in which chains sample several recipes: each recipe whitened, given what all share.

Given the middles mu, the spreads tau and the noise, the recipes are independent, and the posterior of each is nearly a
Gaussian in its coordinates q of `RecipeCoordinates`. Its precision is that of the runs and of the pooling together. So
where runs hold a parameter, it is of the width that they leave; where they don't, it is mu give or take tau. The
sampler's coordinates are x, with q = m + L'^-1 x for the middle m and the Cholesky factor L of the precision. Both are
functions of what the recipes share. So for each recipe and parameter, and at every tau, x lies where it should between
the centred parameter and its standard deviate, and no funnel is left (Betancourt and Girolami, arXiv 1312.0906).

m and L are found by a few steps of Gauss and Newton from a fixed place. Whatever they are, the density over x has the
volume of the change, so the posterior is the same. Beside a discrepancy the runs hold a recipe less, and such steps
take minutes to compile; there x are the standard deviates of its parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from numpyro.distributions import biject_to

from scalebayes.model.model import Numbers, Rows
from scalebayes.model.recipe_coordinates import Parameters, PooledNumbers, RecipeCoordinates
from scalebayes.noise.links import LINKS

# Steps of Gauss and Newton to the middle. With two, chains diverged where a spread was below a hundredth, since the
# parameters of recipes then have to be alike to that precision, and the shares of the floor are bent in them.
STEPS = 3
FARTHEST = 2.0  # a step tends to this length in each coordinate as Newton's own grows; with more, m may lie far out
LENGTHS = (1.0, 0.5, 0.125, 0.03)  # shares of a step that are tried while a place is searched from afar


@dataclass(frozen=True)
class RecipeWhitening(RecipeCoordinates):
    """The coordinates of the sampler. In its `Parameters`, `own` and `apart` are the whitened x of each recipe."""

    def unwhitened(self, z: Any, numbers: PooledNumbers, rows: Any) -> tuple[Parameters, Any]:
        """The parameters at coordinates z (free,) with q in place of x, and the log of the volume of q over that of x.

        Args:
            z: The sampler's coordinates.
            numbers: The numbers of the model.
            rows: The `PooledRows`.
        """
        parts = self.apart(z)
        if self.model.process is not None:
            return self._scaled(parts, numbers)

        def step(q: Any, _: Any) -> tuple[Any, Any]:
            change, root, _ = self._newton(q, parts, numbers, rows)
            return q + change, root

        middle, roots = jax.lax.scan(step, numbers.near.T, None, length=STEPS)
        root = jax.tree.map(lambda x: x[-1], roots)
        q = middle + _back(root, jnp.concatenate([parts.own, parts.apart]))
        own = len(self.own)
        return parts._replace(own=q[:own], apart=q[own:]), -sum(jnp.log(line[-1]).sum() for line in root)

    def _scaled(self, parts: Parameters, numbers: PooledNumbers) -> tuple[Parameters, Any]:
        """As `unwhitened`, where x is the standard deviate of each parameter from its prior, or from mu."""
        own = len(self.own)
        middle, width = numbers.middle[:own, None], numbers.width[:own, None]
        tau = jnp.exp(parts.log_tau)[:, None]
        scaled = parts._replace(own=middle + width * parts.own, apart=parts.mean[:, None] + tau * parts.apart)
        return scaled, self.recipes * (parts.log_tau.sum() + jnp.log(width).sum())

    def likeliest(self, z: Any, numbers: PooledNumbers, rows: Any, steps: int) -> Any:
        """The likeliest q of each recipe (recipe, own and pooled), given what recipes share at coordinates z (free,).

        It is searched from `numbers.near`, by steps that are shortened where the full one is no better. Beside a
        discrepancy it isn't searched, since nothing is whitened near it.
        """
        if self.model.process is not None:
            return numbers.near
        shared, lengths = self.apart(z), jnp.array(LENGTHS)

        def step(_: Any, q: Any) -> Any:
            change, _, here = self._newton(q, shared, numbers, rows)
            tried = jax.vmap(lambda length: self._terms(q + length * change, shared, numbers, rows)[1])(lengths)
            tried = jnp.where(jnp.isfinite(tried), tried, -jnp.inf)
            return q + jnp.where(tried.max(axis=0) > here, lengths[tried.argmax(axis=0)], 0.0) * change

        return jax.lax.fori_loop(0, steps, step, numbers.near.T).T

    def _newton(self, q: Any, shared: Parameters, numbers: PooledNumbers, rows: Any) -> tuple[Any, Any, Any]:
        """A step of Gauss and Newton from q (own and pooled, recipe), the factor L there, and the log density.

        All recipes are differentiated at once along each of their coordinates, since none depends on another.
        """
        (_, here), along = jax.linearize(lambda q: self._terms(q, shared, numbers, rows), q)
        lines, slope = jax.vmap(along)(jnp.broadcast_to(jnp.eye(len(q))[:, :, None], (len(q), *q.shape)))
        root = _cholesky([[(lines[i] * lines[j]).sum(axis=-1) for j in range(i + 1)] for i in range(len(q))])
        change = _back(root, _forward(root, slope))
        return FARTHEST * jnp.tanh(change / FARTHEST), root, here

    def _terms(self, q: Any, shared: Parameters, numbers: PooledNumbers, rows: Any) -> tuple[Any, Any]:
        """What has the sd 1 given a recipe (recipe, term), and the recipe's log density (recipe,), at q.

        Terms are the runs over their noise, the deviates of pooled parameters, and the recipe's own over their prior's
        sd.
        """
        own = len(self.own)
        found = self.placed(shared._replace(own=q[:own], apart=q[own:]), numbers)
        deviates, first = self.deviates(found, shared), jax.tree.map(lambda x: x[0], numbers.each.priors)
        seen, log = jax.vmap(self._of_runs)(self.values(found, numbers), numbers.each, rows.each)
        log = log - (deviates**2).sum(axis=0) / 2
        log += sum(log_prior(first[name], found[name]) for name in self.own)
        alone = [(found[name] / width)[None] for name, width in zip(self.own, numbers.width[:own], strict=True)]
        return jnp.concatenate([seen.T, deviates, *alone]).T, log

    def _of_runs(self, values: Mapping[str, Any], numbers: Numbers, rows: Rows) -> tuple[Any, Any]:
        """The runs of one recipe over their noise (run,), and their log likelihood."""
        model, scaled = self.model, self.model.scaled(values, numbers)
        location = model.location(scaled, rows.inputs)
        scale = model.form.row_scale(location, model.noise_values(scaled), rows.se, rows.count)
        likely = jnp.sum(model.log_likelihood(scaled, rows) * rows.mask)
        return LINKS[model.form.on].of(location) / scale * rows.mask, likely


def log_prior(prior: Any, z: Any) -> Any:
    """The log density of a prior over its unconstrained coordinate, at coordinates z of any shape."""
    distribution = prior.distribution
    bijection = biject_to(distribution.support)
    value = bijection(z)
    return distribution.log_prob(value) + bijection.log_abs_det_jacobian(z, value)


# The matrices of recipes are small and many, so what is done with them is written out: `a[i][j]` is an entry of all.


def _cholesky(a: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The lower factor of symmetric matrices, of which the lower halves are given.

    >>> [[float(x) for x in line] for line in _cholesky([[4.0], [2.0, 2.0]])]
    [[2.0], [1.0, 1.0]]
    """
    root: list[list[Any]] = []
    for i, line in enumerate(a):
        root.append([])
        for j, x in enumerate(line):
            rest = x - sum((root[i][k] * root[j][k] for k in range(j)), 0.0)
            root[i].append(jnp.sqrt(rest) if i == j else rest / root[j][j])
    return root


def _forward(root: Sequence[Sequence[Any]], y: Any) -> Any:
    """L^-1 y for the factors L and vectors y (entry, recipe)."""
    found: list[Any] = []
    for i, line in enumerate(root):
        found.append((y[i] - sum((x * there for x, there in zip(line, found, strict=False)), 0.0)) / line[i])
    return jnp.stack(found)


def _back(root: Sequence[Sequence[Any]], y: Any) -> Any:
    """L'^-1 y for the factors L and vectors y (entry, recipe)."""
    found: dict[int, Any] = {}
    for i in reversed(range(len(root))):
        found[i] = (y[i] - sum((root[k][i] * there for k, there in found.items()), 0.0)) / root[i][i]
    return jnp.stack([found[i] for i in range(len(root))])
