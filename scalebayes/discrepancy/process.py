"""Process: the Gaussian process of a discrepancy, integrated out over the runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.discrepancy import dense as gaussian
from scalebayes.discrepancy import markov
from scalebayes.discrepancy.kernels import Matern, Places

JITTER = 1e-9  # of a row's variance: the same place twice, seen without noise


class Residuals(NamedTuple):
    """log y - log f of runs; a pytree of arrays (run,).

    Attributes:
        places: where the runs lie. off: log y - log f. scale: sd of each run's noise. mask: 0 where a row is padding.
    """

    places: Places
    off: Any
    scale: Any
    mask: Any


@dataclass(frozen=True)
class Process:
    """The components of a discrepancy, for one law: what a trace depends on.

    A Matern along one input, alone, goes through its Markov form, in time linear in the runs; anything else through
    the covariance of all runs, in time cubic in them.
    """

    components: tuple[Any, ...]

    @property
    def axis(self) -> str | None:
        """The input along which the process is Markov, or None where it isn't."""
        if len(self.components) != 1 or not isinstance(self.components[0], Matern):
            return None
        inputs = self.components[0].inputs
        return inputs[0] if len(inputs) == 1 else None

    def covariance(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """Covariance of delta between places (run of a, run of b)."""
        terms = [one.covariance(values, a, b) for one in self.components]
        return sum(terms[1:], terms[0])

    def log_density(self, values: Mapping[str, Any], seen: Residuals) -> Any:
        """Log density of the residuals of all runs, but for -log(2 pi) / 2 each."""
        if self.axis:
            return markov.log_density(self._path(self.axis, values, seen)[0])
        return gaussian.log_density(*self._joint(values, seen))

    def left_out(self, values: Mapping[str, Any], seen: Residuals) -> tuple[Any, Any]:
        """Each residual off what the other runs say of it, and the variance of that (run,)."""
        if not self.axis:
            return gaussian.left_out(*self._joint(values, seen))
        path, back = self._path(self.axis, values, seen)
        mean, sd, _ = markov.smoothed(path)
        # With R the noise's variance and V that of delta given all runs: Q r = (r - mean) / R, Q_ii = (R - V) / R^2.
        variance = path.variance**2 / jnp.maximum(path.variance - sd**2, 1e-12 * path.variance)
        off = (path.residual - mean) * variance / path.variance
        return off[back], variance[back]

    def given_others(self, values: Mapping[str, Any], seen: Residuals, left: Any, there: tuple[Places, ...]) -> Any:
        """delta at places, one of each of `there` a set, given all runs but one.

        Args:
            left: number of the run that is left out (set,). there: places (set,).

        Returns:
            Means (member, set) and covariances (member, member, set), a member for each of `there`.
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
        """delta at places given the runs: mean and sd (point,), and a joint draw (point,) or None without a key."""
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
        """Residuals (run,) with their covariance (run, run); rows of padding are apart."""
        kept = seen.mask > 0
        covariance = jnp.where(kept[:, None] & kept[None, :], self.covariance(values, seen.places, seen.places), 0.0)
        own = jnp.where(kept, seen.scale**2 + JITTER * jnp.diagonal(covariance), 1.0)
        return jnp.where(kept, seen.off, 0.0), covariance + jnp.diag(own)

    def _path(
        self, axis: str, values: Mapping[str, Any], seen: Residuals, there: Places | None = None
    ) -> tuple[markov.Path, Any]:
        """Runs, and points where nothing is seen, along an axis, and where each of them is on it."""
        matern: Matern = self.components[0]
        log, off, mask = (jnp.asarray(x) for x in (seen.places.logs[axis], seen.off, seen.mask))
        noise = seen.scale + jnp.zeros_like(off)
        # delta = scale g, and g alone is Markov along the axis: its scale may go by any input.
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
