"""This file has the Gaussian process of a discrepancy, which is integrated out over the runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.discrepancy import dense as gaussian
from scalebayes.discrepancy import markov
from scalebayes.discrepancy.kernels import Matern, Places

JITTER = 1e-9  # share of the process's variance added to each row's noise, for places that repeat without noise


class Residuals(NamedTuple):
    """The residuals log y - log f of runs; a pytree of arrays (run,).

    Attributes:
        places: The places where the runs lie.
        off: log y - log f.
        scale: The sd of each run's noise.
        mask: 0 where a row is padding.
    """

    places: Places
    off: Any
    scale: Any
    mask: Any


@dataclass(frozen=True)
class Process:
    """The components of a discrepancy for one law. A trace depends on them.

    A single Matern along one input is computed by its Markov form, in time linear in the number of runs. Any other
    process is computed by the covariance of all runs, in time cubic in their number.
    """

    components: tuple[Any, ...]

    @property
    def axis(self) -> str | None:
        """The input along which the process is Markov, or None where it is not Markov."""
        if len(self.components) != 1 or not isinstance(self.components[0], Matern):
            return None
        inputs = self.components[0].inputs
        return inputs[0] if len(inputs) == 1 else None

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta between places (run of a, run of b)."""
        terms = [one.covariance(values, a, b) for one in self.components]
        return sum(terms[1:], terms[0])

    def log_density(self, values: Mapping[str, Any], seen: Residuals) -> Any:
        """The log density of the residuals of all runs, without the term -log(2 pi) / 2 of each."""
        if self.axis:
            return markov.log_density(self._path(self.axis, values, seen)[0])
        return gaussian.log_density(*self._joint(values, seen))

    def left_out(self, values: Mapping[str, Any], seen: Residuals) -> tuple[Any, Any]:
        """Each residual less its mean given all other runs, and the variance of this difference (run,)."""
        if not self.axis:
            return gaussian.left_out(*self._joint(values, seen))
        path, back = self._path(self.axis, values, seen)
        mean, sd, _ = markov.smoothed(path)
        # With Q the inverse covariance, R the variance of the noise and V that of delta given all runs:
        # Q r = (r - mean) / R and Q_ii = (R - V) / R^2.
        variance = path.variance**2 / jnp.maximum(path.variance - sd**2, 1e-12 * path.variance)
        off = (path.residual - mean) * variance / path.variance
        return off[back], variance[back]

    def given_others(self, values: Mapping[str, Any], seen: Residuals, left: Any, there: tuple[Places, ...]) -> Any:
        """Predict delta at small sets of places, each from all runs but one.

        Args:
            values: The parameters of the process.
            seen: The residuals of the runs.
            left: For each set, the number of the run that is left out (set,).
            there: The places of the sets (set,); each set has one member from each entry.

        Returns:
            The means (member, set) and covariances (member, member, set).
        """
        residual, covariance = self._joint(values, seen)
        across = [self.covariance(values, seen.places, one) * seen.mask[:, None] for one in there]

        def within(each: tuple[Places, ...]) -> Any:
            alone = [jax.tree.map(lambda x: x[None], one) for one in each]
            return jnp.array([[self.covariance(values, a, b)[0, 0] for b in alone] for a in alone])

        prior = jnp.moveaxis(jax.vmap(within)(there), 0, -1)
        return gaussian.given_others(residual, covariance, left, jnp.stack(across, 1), prior)

    def conditional(
        self, values: Mapping[str, Any], seen: Residuals, there: Places, key: Any = None
    ) -> tuple[Any, Any, Any]:
        """Predict delta at places from all runs.

        Args:
            values: The parameters of the process.
            seen: The residuals of the runs.
            there: The places (point,).
            key: A JAX key for the draw; the default is None, for no draw.

        Returns:
            The mean (point,), the sd (point,), and a joint draw (point,), or None without a key.
        """
        if self.axis:
            path, back = self._path(self.axis, values, seen, there)
            found = markov.smoothed(path, key)
            points = back[seen.off.shape[0] :]
            mean, sd, drawn = (None if x is None else x[points] for x in found)
            return mean, sd, drawn
        residual, covariance = self._joint(values, seen)
        across = self.covariance(values, seen.places, there) * seen.mask[:, None]
        return gaussian.conditional(residual, covariance, across, self.covariance(values, there, there), key)

    def _joint(self, values: Mapping[str, Any], seen: Residuals) -> tuple[Any, Any]:
        """The residuals (run,) and their covariance (run, run); a row of padding is independent of all others."""
        kept = seen.mask > 0
        covariance = jnp.where(kept[:, None] & kept[None, :], self.covariance(values, seen.places, seen.places), 0.0)
        own = jnp.where(kept, seen.scale**2 + JITTER * jnp.diagonal(covariance), 1.0)
        return jnp.where(kept, seen.off, 0.0), covariance + jnp.diag(own)

    def _path(
        self, axis: str, values: Mapping[str, Any], seen: Residuals, there: Places | None = None
    ) -> tuple[markov.Path, Any]:
        """The path of the runs, and of points where nothing is seen, along an axis, and the position of each in it."""
        matern: Matern = self.components[0]
        log, off, mask = (jnp.asarray(x) for x in (seen.places.logs[axis], seen.off, seen.mask))
        noise = seen.scale + jnp.zeros_like(off)
        # delta = scale g. Only g has to be Markov along the axis, so that the scale may depend on any input.
        scale = matern.amplitude(values, seen.places.logs)
        if there is not None:
            nothing = jnp.zeros_like(there.logs[axis])
            log, off = jnp.concatenate([log, there.logs[axis]]), jnp.concatenate([off, nothing])
            noise, mask = jnp.concatenate([noise, nothing + 1]), jnp.concatenate([mask, nothing])
            scale = jnp.concatenate([scale, matern.amplitude(values, there.logs)])
        order = jnp.argsort(log)
        log, scale = log[order], scale[order]
        gap = jnp.diff(log, prepend=log[:1]) * jnp.sqrt(3.0) / values[f"matern_length_{axis}"]
        variance = noise[order] ** 2 + JITTER * scale**2
        return markov.Path(gap, scale, off[order], variance, mask[order]), jnp.argsort(order)
