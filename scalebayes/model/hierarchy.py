"""This file has the model of several recipes whose exponents and floors are partially pooled, and its log density.

Every recipe has the model of one table (`Model`), with a reference of its own for the loss and one reference of the
inputs for all. On the unconstrained scale a pooled parameter of recipe g is theta_g = mu + tau z_g: mu has the prior of
the law, tau is half-Normal, and z_g is standard Normal. Every other parameter of the law is each recipe's own. The
noise, and the parameters of a discrepancy, are the same for all recipes.

A discrepancy has two parts with one covariance K: rho K for the part that all recipes share, and (1 - rho) K for each
recipe's own part. So each recipe alone has the discrepancy of a fit without pooling. Both parts are integrated out.
With W the noise and the own parts, B the matrix that takes each run to its place, and K_s = L L' the covariance of the
shared part at the places, the covariance of the runs is W + B K_s B', and Woodbury's identity needs one factor for each
recipe and one of the size of the places.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.discrepancy.in_common import covariance, smooth
from scalebayes.discrepancy.process import JITTER
from scalebayes.model.model import HALF, Numbers, Rows
from scalebayes.model.recipe_coordinates import PooledNumbers
from scalebayes.model.recipe_whitening import RecipeWhitening, log_prior
from scalebayes.noise.noise import Form


class PooledRows(NamedTuple):
    """The runs of several recipes; a pytree.

    Attributes:
        each: The padded rows of each recipe (recipe, run).
        place: The number of each run's place in the shared part (recipe, run), or None.
    """

    each: Rows
    place: Any = None

    @property
    def mask(self) -> Any:
        """0 where a row is padding (recipe, run)."""
        return self.each.mask


class Solved(NamedTuple):
    """The density of the runs, and what they say of the shared part at its places.

    Attributes:
        log_density: The log density of all residuals, without the term -log(2 pi) / 2 of each.
        mean: The mean of the shared part at its places (place,).
        root: A root of its covariance there (place, place).
    """

    log_density: Any
    mean: Any
    root: Any


@dataclass(frozen=True)
class Hierarchy(RecipeWhitening):
    """All that a trace of several recipes depends on.

    The samplers take it as they take a `Model`: it has the names of its coordinates, and a log density over them.
    """

    latent = False  # no row has a coordinate of its own
    process = None  # the discrepancy is inside the log density, and no ridge is followed

    @property
    def form(self) -> Form:
        """The functions of the noise."""
        return self.model.form

    @property
    def free(self) -> tuple[str, ...]:
        """A name for each coordinate, in their order, as checks quote it."""
        each = [f"{name} of recipe {i + 1}" for name in (*self.own, *self.pooled) for i in range(self.recipes)]
        shared = ["the share of the discrepancy in common"] if self.model.process else []
        spreads = [f"the spread of {name} between recipes" for name in self.pooled]
        return (*each, *(f"the middle of {name}" for name in self.pooled), *spreads, *self.common, *shared)

    @partial(jax.jit, static_argnums=0)
    def log_density(self, z: Any, numbers: PooledNumbers, rows: PooledRows, stage: Any = None) -> Any:
        """The log posterior density, up to a constant, over unconstrained coordinates z (free,)."""
        parts, volume = self.unwhitened(z, numbers, rows)
        tau = jnp.exp(parts.log_tau)
        found = self.placed(parts, numbers)
        prior = volume - jnp.sum(self.deviates(found, parts) ** 2) / 2
        prior += jnp.sum((1 - self.recipes) * parts.log_tau - (tau / numbers.spread) ** 2 / 2)
        first = jax.tree.map(lambda x: x[0], numbers.each.priors)
        for name in self.own:
            prior += log_prior(first[name], found[name]).sum()
        for i, name in enumerate(self.pooled):
            prior += log_prior(first[name], parts.mean[i]).sum()
        for i, name in enumerate(self.common):
            prior += log_prior(first[name], parts.common[i]).sum()
        share = parts.logit_share
        prior += jnp.sum(jax.nn.log_sigmoid(share) + jax.nn.log_sigmoid(-share))
        values = self.values(found, numbers)
        if self.model.process is None:
            return prior + jax.vmap(partial(self._log_likelihood, stage))(values, numbers.each, rows.each).sum()
        joint = self.solved(jax.nn.sigmoid(share[0]), values, numbers, rows).log_density
        return prior + joint - jnp.sum(rows.mask * (jnp.log(rows.each.y) + HALF))

    def _log_likelihood(self, stage: Any, values: Mapping[str, Any], numbers: Numbers, rows: Rows) -> Any:
        """The log likelihood of one recipe without a discrepancy."""
        return jnp.sum(self.model.log_likelihood(self.model.scaled(values, numbers), rows, stage) * rows.mask)

    def solved(self, share: Any, values: Mapping[str, Any], numbers: PooledNumbers, rows: PooledRows) -> Solved:
        """The log density of the residuals of all recipes, and what they say of the part that recipes share.

        Args:
            share: The share rho of the discrepancy's variance that recipes have in common.
            values: The free parameters of each recipe (recipe,), in the units of their priors.
            numbers: The numbers of the model.
            rows: The runs.
        """
        process, model = self.model.process, self.model
        assert process is not None and numbers.places is not None
        first = jax.tree.map(lambda x: x[0], numbers.each)
        assert first.ends is not None
        at = first.ends.places(numbers.places)
        many = at.beyond.shape[0]

        def of_recipe(values: Mapping[str, Any], numbers: Numbers, rows: Rows, place: Any) -> tuple[Any, ...]:
            scaled = model.scaled(values, numbers)
            seen, of = model.residuals(scaled, numbers, rows), model.process_values(scaled)
            kept = seen.mask > 0
            whole = process.covariance(of, seen.places, seen.places)
            own = whole - share * smooth(process, of, seen.places, seen.places)
            own = jnp.where(kept[:, None] & kept[None, :], own, 0.0)
            noise = seen.scale**2 + JITTER * process.variance(of, seen.places)
            root = jnp.linalg.cholesky(own + jnp.diag(jnp.where(kept, noise, 1.0)))
            there = (place[:, None] == jnp.arange(many)) * seen.mask[:, None]
            both = jnp.column_stack([there, jnp.where(kept, seen.off, 0.0)])
            white = jax.scipy.linalg.solve_triangular(root, both, lower=True)
            return white.T @ white, jnp.log(jnp.diagonal(root)).sum()

        inner, logs = jax.vmap(of_recipe)(values, numbers.each, rows.each, rows.place)
        inner = inner.sum(axis=0)
        of = model.process_values(model.scaled({name: x[0] for name, x in values.items()}, first))
        root = jnp.linalg.cholesky(covariance(process, of, share, at))
        weighed = jnp.linalg.cholesky(jnp.eye(many) + root.T @ inner[:-1, :-1] @ root)
        pull = jax.scipy.linalg.solve_triangular(weighed, root.T @ inner[:-1, -1], lower=True)
        joint = (pull @ pull - inner[-1, -1]) / 2 - logs.sum() - jnp.log(jnp.diagonal(weighed)).sum()
        # (I + L' G L)^-1 = (C C')^-1 for C = `weighed`, so the posterior of the shared part is L C^-T (pull + normal).
        back = jax.scipy.linalg.solve_triangular(weighed, root.T, lower=True).T
        return Solved(joint, back @ pull, back)
