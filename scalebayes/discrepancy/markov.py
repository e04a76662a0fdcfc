"""This file has the Markov form of a Matern-3/2 process along one axis: it is exact, and passes over sorted places.

delta = a g(t) with an amplitude a at each place, and (g, g') is a Markov process. So a Kalman filter gives the density
of n residuals in time proportional to n; a Cholesky factor takes time proportional to n^3. Source: Hartikainen and
Sarkka 2010, doi 10.1109/MLSP.2010.5589113.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Path(NamedTuple):
    """A process seen along an axis, sorted by place; a pytree of arrays (place,).

    Attributes:
        gap: The distance to the place before, in units of length / sqrt(3).
        scale: The amplitude a at the place.
        residual: The residual that was seen at the place.
        variance: The variance of the residual's noise.
        seen: 0 where no residual was seen at the place.
    """

    gap: Any
    scale: Any
    residual: Any
    variance: Any
    seen: Any


class State(NamedTuple):
    """The mean and covariance of (g, g'), with the axis in units in which g' has variance 1."""

    g: Any
    slope: Any
    var: Any
    cov: Any
    var_slope: Any


START = State(0.0, 0.0, 1.0, 0.0, 1.0)


def _move(gap: Any) -> tuple[Any, Any, Any, Any]:
    """The matrix that moves (g, g') across a gap, row by row."""
    decay = jnp.exp(-gap)
    return decay * (1 + gap), decay * gap, -decay * gap, decay * (1 - gap)


def _moved(state: State, gap: Any) -> State:
    a, b, c, d = _move(gap)
    # In the units of State the stationary covariance is the identity 1, so that P becomes 1 + M (P - 1) M'.
    var, cov, var_slope = state.var - 1, state.cov, state.var_slope - 1
    first, second = (a * var + b * cov, a * cov + b * var_slope), (c * var + d * cov, c * cov + d * var_slope)
    return State(
        a * state.g + b * state.slope,
        c * state.g + d * state.slope,
        1 + a * first[0] + b * first[1],
        c * first[0] + d * first[1],
        1 + c * second[0] + d * second[1],
    )


def _updated(state: State, here: Path) -> tuple[State, Any, Any]:
    """The state once a residual is seen, and the residual less its prediction, with the variance of this difference."""
    variance = jnp.where(here.seen > 0, here.scale**2 * state.var + here.variance, 1.0)
    off = jnp.where(here.seen > 0, here.residual - here.scale * state.g, 0.0)
    pull = jnp.where(here.seen > 0, here.scale / variance, 0.0)
    gain, gain_slope = state.var * pull, state.cov * pull
    kept = 1 - gain * here.scale
    return (
        State(
            state.g + gain * off,
            state.slope + gain_slope * off,
            state.var * kept,
            state.cov * kept,
            state.var_slope - gain_slope * here.scale * state.cov,
        ),
        off,
        variance,
    )


def log_density(path: Path) -> Any:
    """The log density of the residuals under the discrepancy along one axis, without -log(2 pi) / 2 of each."""

    def step(state, here):
        state, off, variance = _updated(_moved(state, here.gap), here)
        return state, off**2 / variance + jnp.log(variance)

    return -jax.lax.scan(step, _start(path), path)[1].sum() / 2


def smoothed(path: Path, key: Any = None) -> tuple[Any, Any, Any]:
    """Predict delta at every place from all residuals.

    Args:
        path: The places with the residuals that were seen.
        key: A JAX key for the draw; the default is None, for no draw.

    Returns:
        The mean (place,), the sd (place,), and a joint draw (place,), or None without a key.
    """

    def forth(state, here):
        state = _updated(_moved(state, here.gap), here)[0]
        return state, state

    last, states = jax.lax.scan(forth, _start(path), path)
    normal = jnp.zeros((path.gap.shape[0], 2)) if key is None else jax.random.normal(key, (path.gap.shape[0], 2))

    def back(after, each):
        # This is Rauch, Tung and Striebel's smoother, with a draw of the state given the state drawn at the next place.
        (later, drawn), (state, gap, u) = after, each
        a, b, c, d = _move(gap)
        ahead = _moved(state, gap)
        det = ahead.var * ahead.var_slope - ahead.cov**2
        # (p, q) and (r, s) are the rows of P M'; g and h are these rows times the inverse of the covariance ahead.
        p, q = a * state.var + b * state.cov, c * state.var + d * state.cov
        r, s = a * state.cov + b * state.var_slope, c * state.cov + d * state.var_slope
        g = ((p * ahead.var_slope - q * ahead.cov) / det, (q * ahead.var - p * ahead.cov) / det)
        h = ((r * ahead.var_slope - s * ahead.cov) / det, (s * ahead.var - r * ahead.cov) / det)
        off, off_slope = later.g - ahead.g, later.slope - ahead.slope
        var, cov, var_slope = later.var - ahead.var, later.cov - ahead.cov, later.var_slope - ahead.var_slope
        first, second = (
            (g[0] * var + g[1] * cov, g[0] * cov + g[1] * var_slope),
            (
                h[0] * var + h[1] * cov,
                h[0] * cov + h[1] * var_slope,
            ),
        )
        now = State(
            state.g + g[0] * off + g[1] * off_slope,
            state.slope + h[0] * off + h[1] * off_slope,
            state.var + g[0] * first[0] + g[1] * first[1],
            state.cov + h[0] * first[0] + h[1] * first[1],
            state.var_slope + h[0] * second[0] + h[1] * second[1],
        )
        left = State(
            state.g + g[0] * (drawn[0] - ahead.g) + g[1] * (drawn[1] - ahead.slope),
            state.slope + h[0] * (drawn[0] - ahead.g) + h[1] * (drawn[1] - ahead.slope),
            state.var - g[0] * p - g[1] * q,
            state.cov - h[0] * p - h[1] * q,
            state.var_slope - h[0] * r - h[1] * s,
        )
        return (now, _drawn(left, u)), (now, _drawn(left, u)[0])

    before = (jax.tree.map(lambda x: x[:-1], states), path.gap[1:], normal[:-1])
    (_, _), (found, drawn) = jax.lax.scan(back, (last, _drawn(last, normal[-1])), before, reverse=True)
    mean = path.scale * jnp.append(found.g, last.g)
    sd = path.scale * jnp.sqrt(jnp.maximum(jnp.append(found.var, last.var), 0.0))
    if key is None:
        return mean, sd, None
    return mean, sd, path.scale * jnp.append(drawn, _drawn(last, normal[-1])[0])


def _drawn(state: State, u: Any) -> tuple[Any, Any]:
    """A draw of (g, g') from standard Normals u (2,); after a gap of zero there is no variance left."""
    root = jnp.sqrt(jnp.maximum(state.var, 0.0))
    low = jnp.where(root > 0, state.cov / jnp.where(root > 0, root, 1.0), 0.0)
    rest = jnp.sqrt(jnp.maximum(state.var_slope - low**2, 0.0))
    return state.g + root * u[0], state.slope + low * u[0] + rest * u[1]


def _start(path: Path) -> State:
    """The stationary state as arrays of the path's dtype, so that a scan can carry it."""
    zero = jnp.sum(path.gap[:1] + path.scale[:1] + path.residual[:1] + path.variance[:1]) * 0
    return State(*(zero + x for x in START))
