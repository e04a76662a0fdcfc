"""This file finds the posterior mode: it screens many starts, runs L-BFGS from the best, and ends with Newton steps.

The search is one traced function of arrays. Starts are drawn from the prior and ranked by their density. The best of
them go through optax's L-BFGS side by side. Newton's method ends what L-BFGS leaves open, one start after the other; it
takes the exact Hessian with its eigenvalues made positive. Where the noise has relaxations, it goes through them, with
one start for each optimum of the first. It stops on the Newton decrement, which doesn't depend on the coordinates'
scale, on the number of runs or on the size of the objective.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from scalebayes.errors import InputError, known_settings
from scalebayes.infer.batch import mapped
from scalebayes.infer.descent import Ends, lbfgs, polished, positive
from scalebayes.infer.starts import draw_starts
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.noise.links import LINKS

# Where rows have scales of their own: the largest number of turns between parameters and scales; the Newton steps of
# each turn after the first; and, in sds of its prior, the change of a scale's coordinate from which on turns go on.
TURNS, FEW, SETTLED = 40, 15, 0.01


@known_settings
@dataclass(frozen=True)
class Search:
    """The settings of the search for the posterior mode; they are static in a trace.

    Args:
        screened: The number of points that are drawn from the starting distributions. The default is 1024.
        starts: The number of these points that are optimised, the best ones. The default is 8.
        lbfgs_steps: The number of L-BFGS steps of each start. The default is 12.
        newton_steps: The largest number of Newton steps in each stage of the noise. The default is 200.

    Raises:
        InputError: A setting is out of its range.

    >>> Search(starts=16).screened
    1024
    """

    screened: int = 1024
    starts: int = 8
    lbfgs_steps: int = 12
    newton_steps: int = 200

    def __post_init__(self) -> None:
        if not 1 <= self.starts <= self.screened or self.lbfgs_steps < 0 or self.newton_steps < 1:
            raise InputError("Search: starts is from 1 to screened, newton_steps at least 1, lbfgs_steps at least 0")


SEARCH = Search()


class Mode(NamedTuple):
    """The best optimum that was found, with the ends of all starts; a pytree.

    Attributes:
        z: The mode in unconstrained coordinates (free,). Where rows have scales of their own, their coordinates (run,)
            follow, and this is the mode of the free parameters given these scales.
        log_density: The log density at the mode.
        precision: The precision of the Gaussian that approximates the posterior at the mode (free, free), positive
            definite. Where rows have coordinates of their own, it has their prior's precision for them.
        gradient_norm: The Euclidean norm of the gradient before Newton's last step, in coordinates whitened by
            `precision`. It is the distance from the exact mode in sds, or more.
        start_log_density: The log density at the end of each start (start,).
        start_distance: The distance of the end of each start from the mode, in sds (start,).
        start_sd: The sd of the screened points in each coordinate (free,). It is the prior's sd where the prior is
            proper.
        location: The law's value at the mode, in reference units (run,). With a discrepancy it is the prediction of
            each run from all other runs.
        scale: The scale of the noise at the mode, in reference units (run,). With a discrepancy it is the sd of each
            run's log observable around this prediction.
    """

    z: Any
    log_density: Any
    precision: Any
    gradient_norm: Any
    start_log_density: Any
    start_distance: Any
    start_sd: Any
    location: Any
    scale: Any


@jitted(0, 4)
def find_mode(model: Model, numbers: Numbers, rows: Rows, key: Any, search: Search, near: Any = None) -> Mode:
    """Search for the mode of a model's posterior over unconstrained coordinates.

    Args:
        model: The model.
        numbers: The numbers of the model.
        rows: The runs.
        key: A JAX key.
        search: The settings of the search.
        near: Points near the mode (start, free), which are optimised in place of the best of the screened ones. The
            default is None.

    Returns:
        The mode.
    """
    own = model.held(rows)

    def loss(z, stage, own=own):
        value = -model.log_density(jnp.concatenate([z, own]), numbers, rows, stage)
        return jnp.where(jnp.isfinite(value), value, 1e30)

    draws = draw_starts(model, numbers, jax.random.split(key, search.screened))
    if near is None:
        _, promising = jax.lax.top_k(-jax.vmap(lambda z: loss(z, numbers.stages[0]))(draws), search.starts)
        z = draws[promising]
    else:
        z = near
    if near is None and search.lbfgs_steps:
        z = lbfgs(lambda z: loss(z, numbers.stages[0]), z, search.lbfgs_steps)
    if model.latent:
        ends, own = _with_scales(model, numbers, rows, loss, z, search.newton_steps)
    else:
        ends = polished(model, loss, z, numbers.stages, search.newton_steps)
    best = jax.tree.map(lambda x: x[jnp.argmin(ends.loss)], ends)
    whole = jnp.concatenate([best.z, own])
    information = model.form.information
    precision = positive(best.hessian if information is None else curvature(model, numbers, rows, whole))
    root = jnp.linalg.cholesky(precision)
    slope = jax.scipy.linalg.solve_triangular(root, best.gradient, lower=True)
    distance = jnp.linalg.norm((ends.z - best.z) @ root, axis=1)
    location, scale = at(model, numbers, rows, whole)
    gradient = jnp.linalg.norm(slope)
    precision = jax.scipy.linalg.block_diag(precision, jnp.eye(len(own))) if model.latent else precision
    return Mode(whole, -best.loss, precision, gradient, -ends.loss, distance, draws.std(axis=0), location, scale)


@jitted(0, 4, 5)
def find_modes(model: Model, numbers: Numbers, rows: Rows, keys: Any, search: Search, width: int) -> Mode:
    """Search for the modes of many data sets, `width` of them side by side; every array has the leading axis `set`."""
    one = lambda each: find_mode(model, *each, search)  # noqa: E731
    return mapped(one, (numbers, rows, keys), width)


def at(model: Model, numbers: Numbers, rows: Rows, z: Any) -> tuple[Any, Any]:
    """What `Mode` has as `location` and `scale`: the law's value and the scale of each row's noise at z (run,)."""
    scaled = model.scaled(model.constrain(z, numbers), numbers)
    if model.process is not None:
        seen = model.residuals(scaled, numbers, rows, z[len(model.free) :])
        off, variance = model.process.left_out(model.process_values(scaled), seen)
        return rows.y * jnp.exp(-off), jnp.sqrt(variance)
    location = model.location(scaled, rows.inputs)
    scale = model.form.row_scale(location, model.noise_values(scaled), rows.se, rows.count)
    return location, jnp.broadcast_to(scale, location.shape)


def curvature(model: Model, numbers: Numbers, rows: Rows, z: Any) -> Any:
    """Minus the Hessian of the log density at the mode z over the free parameters (free, free).

    Where the noise has an expected information, it takes the place of the likelihood's Hessian. It is the sum over rows
    of i_location g g' / s^2 + i_scale h h', with s the row's scale, g the gradient of the law's value on the noise's
    link (log f, logit f or f) and h the gradient of log s.
    """
    form, information = model.form, model.form.information
    if information is None:
        z, own = z[: len(model.free)], z[len(model.free) :]
        return -jax.hessian(lambda z: model.log_density(jnp.concatenate([z, own]), numbers, rows))(z)

    def row_terms(z):
        location, scale = at(model, numbers, rows, z)
        return LINKS[form.on].of(location), jnp.log(scale)

    scaled = model.scaled(model.constrain(z, numbers), numbers)
    of_location, of_scale = information(model.noise_values(scaled))
    _, log_scale = row_terms(z)
    g, h = jax.jacfwd(row_terms)(z)
    g = g * (jnp.sqrt(of_location) * jnp.exp(-log_scale) * rows.mask)[:, None]
    h = h * (jnp.sqrt(of_scale) * rows.mask)[:, None]
    empty = rows._replace(mask=jnp.zeros_like(rows.mask))
    return -jax.hessian(model.log_density)(z, numbers, empty) + g.T @ g + h.T @ h


def _with_scales(model: Model, numbers: Numbers, rows: Rows, loss: Any, z: Any, steps: int) -> tuple[Ends, Any]:
    """The optima of the starts z (start, free) given the rows' own coordinates (run,), and these coordinates.

    Two steps are made in turn: Newton's method for the parameters given the scales, and the likeliest scales given the
    best start. The process is integrated out. This is generalised expectation-maximisation; without a process it would
    be iteratively reweighted least squares. The sampler starts at the mode and is whitened by its precision, so the
    mode need not be reached to the last digit.
    """

    def unfinished(carry):
        number, _, own, before = carry
        return (number < 2) | ((number < TURNS) & (jnp.abs(own - before).max() > SETTLED))

    def turn(carry):
        number, ends, before, _ = carry
        likely = likeliest(model, numbers, rows, ends.z[jnp.argmin(ends.loss)], before)
        own = jnp.where(number == 0, before, likely)
        here = lambda z, stage: loss(z, stage, own)  # noqa: E731
        return (
            number + 1,
            polished(model, here, ends.z, numbers.stages, jnp.where(number == 0, steps, FEW)),
            own,
            before,
        )

    held, (starts, free) = model.held(rows), z.shape
    ends = Ends(z, jnp.zeros(starts), jnp.zeros_like(z), jnp.zeros((starts, free, free)))
    return jax.lax.while_loop(unfinished, turn, (0, ends, held, held))[1:3]


def likeliest(model: Model, numbers: Numbers, rows: Rows, z: Any, own: Any) -> Any:
    """The likeliest coordinate of each row's own noise scale (run,), given the free parameters z.

    This is one step of expectation-maximisation that starts from the coordinates `own`. It is for a noise that is
    Normal given each row's scale, such as Student-t, beside a process.
    """
    assert model.process is not None and model.form.mixture is not None
    scaled = model.scaled(model.constrain(z, numbers), numbers)
    values, seen = model.noise_values(scaled), model.residuals(scaled, numbers, rows, own)
    off, variance = model.process.left_out(model.process_values(scaled), seen)
    # `square` is the expected square of a row's noise over its scale, given all runs: its mean^2 plus its variance.
    share = seen.scale**2 / variance
    square = (off**2 * share / variance + 1 - share) * model.factor(values, own) ** 2
    return jnp.where(rows.mask > 0, model.form.mixture.likeliest(values, square), own)
