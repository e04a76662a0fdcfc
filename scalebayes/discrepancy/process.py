"""This file has the Gaussian process of a discrepancy, which is integrated out over the runs.

It has three computations. A Matern process along one input is Markov (`markov.py`), in time linear in the runs. Any
other process has the covariance of all places where runs lie (`dense.py`), in time cubic in their number, up to
`model.layout.DENSE` places. With more, a fixed number of inducing places carries the process (`inducing.py`), in time
linear in the places. Before either, runs that share a place are averaged, which is exact (`shared_places.py`). Where
runs lie and which of them share a place is data that `model/layout.py` finds once.

Predictions at points take the covariance of up to `EXACT` places all the same. A posterior needs tens of thousands of
densities, and a prediction one factor for each draw. And what lies far to one side of the runs hangs on the details of
the nearest of them, which inducing places smooth over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.discrepancy import dense as gaussian
from scalebayes.discrepancy import inducing, markov, shared_places
from scalebayes.discrepancy.kernels import Matern, Offset, Places
from scalebayes.discrepancy.shared_places import Known, Shared

# The largest number of places, after padding, whose covariance a prediction at points takes. With more, a prediction of
# a thousand draws would take tens of seconds; with fewer, the mean at points far to the side of the runs would be off
# by up to a fifth of the process's sd.
EXACT = 256
JITTER = 1e-9  # share of the process's variance added to each row's noise, for places that repeat without noise


class Residuals(NamedTuple):
    """The residuals log y - log f of runs; a pytree of arrays (run,).

    Attributes:
        places: The places where the runs lie.
        off: log y - log f.
        scale: The sd of each run's noise.
        mask: 0 where a row is padding.
        shared: Which runs share a place; None where each has its own.
        inducing: The inducing places (inducing,); None where all places are computed with.
    """

    places: Places
    off: Any
    scale: Any
    mask: Any
    shared: Shared | None = None
    inducing: Places | None = None


class SeenAt(NamedTuple):
    """Where the runs lie: what `Residuals` has of them beside their residuals; a pytree."""

    places: Places
    shared: Shared | None
    inducing: Places | None

    def residuals(self, off: Any, scale: Any, mask: Any) -> Residuals:
        """The runs with their residuals, the sd of the noise of each, and 0 in `mask` for padding."""
        return Residuals(self.places, off, scale, mask, self.shared, self.inducing)


class GivenRuns(NamedTuple):
    """What the runs say of delta at any place.

    With K the covariance of the runs' places and other ones (place, point), the mean of delta at the others is
    K' weights, and its covariance is the prior's less (root K)' (root K).

    Attributes:
        known: The runs' places and residuals; a place that runs share counts once.
        root: The inverse of the lower Cholesky factor of the residuals' covariance (place, place).
        weights: The inverse of that covariance times the residuals (place,).
    """

    known: Known
    root: Any
    weights: Any


@dataclass(frozen=True)
class Process:
    """The components of a discrepancy for one law. A trace depends on them.

    The file's docstring says how it is computed.
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

    def variance(self, values: Mapping[str, Any], at: Places) -> Any:
        """The variance of delta at places (run,)."""
        terms = [one.variance(values, at) for one in self.components]
        return sum(terms[1:], terms[0])

    def log_density(self, values: Mapping[str, Any], seen: Residuals) -> Any:
        """The log density of the residuals of all runs, without the term -log(2 pi) / 2 of each."""
        if self.axis:
            return markov.log_density(self._path(self.axis, values, seen)[0])
        known, within = self._averaged(values, seen)
        if seen.inducing is not None:
            return inducing.log_density(known.off, self._parts(values, known, seen.inducing)) + within
        return gaussian.log_density(known.off, self._matrix(values, known)) + within

    def left_out(self, values: Mapping[str, Any], seen: Residuals) -> tuple[Any, Any]:
        """Each residual less its mean given all other runs, and the variance of this difference (run,)."""
        if not self.axis:
            known, _ = self._averaged(values, seen)
            if seen.inducing is not None:
                found = inducing.left_out(known.off, self._parts(values, known, seen.inducing))
            else:
                found = gaussian.left_out(known.off, self._matrix(values, known))
            if seen.shared is None:
                return found
            return shared_places.left_out(self._known(values, seen), known, seen.shared, *found)
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
        known = self._known(values, seen)
        if seen.inducing is not None:
            parts = self._parts(values, known, seen.inducing)
            across = [inducing.across_runs(parts, self._smooth(values, seen.inducing, one), one.group) for one in there]
            inverse = inducing.inverse(parts)
        else:
            across = [self.covariance(values, seen.places, one) * seen.mask[:, None] for one in there]
            inverse = gaussian.inverse(self._matrix(values, known))

        def within(each: tuple[Places, ...]) -> Any:
            alone = [jax.tree.map(lambda x: x[None], one) for one in each]
            return jnp.array([[self.covariance(values, a, b)[0, 0] for b in alone] for a in alone])

        prior = jnp.moveaxis(jax.vmap(within)(there), 0, -1)
        return gaussian.given_others(known.off, inverse, left, jnp.stack(across, 1), prior)

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
        known, _ = self._averaged(values, seen)
        prior = self.covariance(values, there, there)
        if seen.inducing is not None and known.off.shape[0] > EXACT:
            parts, across = self._parts(values, known, seen.inducing), self._smooth(values, seen.inducing, there)
            return inducing.conditional(known.off, parts, across, there.group, prior, key)
        across = self.across(values, known, there)
        return gaussian.conditional(known.off, self._matrix(values, known), across, prior, key)

    def given_runs(self, values: Mapping[str, Any], seen: Residuals) -> GivenRuns:
        """What the runs say of delta at any place; exact for every process, in time cubic in the runs' places."""
        known, _ = self._averaged(values, seen)
        root = gaussian.inverse_of_root(jnp.linalg.cholesky(self._matrix(values, known)))
        return GivenRuns(known, root, root.T @ (root @ known.off))

    def across(self, values: Mapping[str, Any], known: Known, there: Places) -> Any:
        """The covariance of delta between the runs' places and others (place, point); 0 for padding."""
        return self.covariance(values, known.places, there) * known.mask[:, None]

    def _known(self, values: Mapping[str, Any], seen: Residuals) -> Known:
        """The residuals of the runs, with the variance of the noise of each."""
        kept = seen.mask > 0
        variance = seen.scale**2 + JITTER * self.variance(values, seen.places)
        return Known(seen.places, jnp.where(kept, seen.off, 0.0), jnp.where(kept, variance, 1.0), seen.mask)

    def _averaged(self, values: Mapping[str, Any], seen: Residuals) -> tuple[Known, Any]:
        """The residuals, averaged where runs share a place, and what `shared_places.averaged` has beside them."""
        known = self._known(values, seen)
        return (known, 0.0) if seen.shared is None else shared_places.averaged(known, seen.shared)

    def _matrix(self, values: Mapping[str, Any], known: Known) -> Any:
        """The covariance of residuals with their noise (place, place); padding is independent of all others."""
        kept = known.mask > 0
        covariance = self.covariance(values, known.places, known.places)
        return jnp.where(kept[:, None] & kept[None, :], covariance, 0.0) + jnp.diag(known.variance)

    def _smooth(self, values: Mapping[str, Any], a: Places, b: Places) -> Any:
        """The covariance of delta without the offsets of groups (run of a, run of b)."""
        return self.covariance(values, a._replace(group=None), b._replace(group=None))

    def _parts(self, values: Mapping[str, Any], known: Known, at: Places) -> inducing.Parts:
        """The parts of the covariance of residuals with their noise, by inducing places."""
        grouped = known.places.group is not None and any(isinstance(one, Offset) for one in self.components)
        return inducing.Parts(
            self._smooth(values, at, at),
            self._smooth(values, at, known.places),
            self.variance(values, known.places._replace(group=None)) + known.variance,
            values["offset_scale"] ** 2 if grouped else None,
            known.places.group if grouped else None,
            known.mask,
        )

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
