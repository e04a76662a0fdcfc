"""The posterior mode: screened multi-start, vmapped L-BFGS, then Newton steps to the end.

All of it is one traced function of arrays. Starts are drawn from the prior, ranked by their density, and the best go
through optax's L-BFGS side by side; Newton's method with the exact Hessian, its eigenvalues made positive, ends what
L-BFGS leaves open, through the noise's relaxations where it has some. It stops on the Newton decrement, which doesn't
depend on the coordinates' scale, on the number of runs or on the size of the objective.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from scalebayes.errors import InputError, known_settings
from scalebayes.infer.batch import mapped
from scalebayes.links import LINKS
from scalebayes.model import Model, Numbers, Rows

PATIENCE = 60


@known_settings
@dataclass(frozen=True)
class Search:
    """Settings of the search for the mode; static in a trace.

    Attributes:
        screened: points drawn from the starting distributions. starts: how many of them are optimised.
        lbfgs_steps: of L-BFGS. newton_steps: at most, in each stage of the noise.
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
    """The best optimum and what the others say; a pytree.

    Attributes:
        z: mode in unconstrained coordinates (free,). log_density: there.
        precision: of the Gaussian that approximates the posterior there (free, free), positive definite.
        gradient_norm: Euclidean norm of the gradient in coordinates whitened by `precision`: sds from the mode.
        start_log_density: at the end of each start (start,). start_distance: from the mode, in sds (start,).
        start_sd: of the screened points, each coordinate (free,): the prior's sd where the prior is proper.
        location, scale: at the mode, the law's value and the scale of the noise, in reference units (run,).
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


@partial(jax.jit, static_argnums=(0, 4))
def find_mode(model: Model, numbers: Numbers, rows: Rows, key: Any, search: Search) -> Mode:
    """Search for the mode of a model's posterior over unconstrained coordinates."""

    def loss(z, stage):
        value = -model.log_density(z, numbers, rows, stage)
        return jnp.where(jnp.isfinite(value), value, 1e30)

    draws = jax.vmap(lambda k: model.draw_starts(k, numbers))(jax.random.split(key, search.screened))
    _, promising = jax.lax.top_k(-jax.vmap(lambda z: loss(z, numbers.stages[0]))(draws), search.starts)
    z = draws[promising]
    z = _lbfgs(lambda z: loss(z, numbers.stages[0]), z, search.lbfgs_steps)
    z = polished(model, loss, z, numbers.stages, search.newton_steps)
    ends = jax.vmap(lambda z: loss(z, 1.0))(z)
    best = z[jnp.argmin(ends)]
    precision = positive(curvature(model, numbers, rows, best))
    root = jnp.linalg.cholesky(precision)
    slope = jax.scipy.linalg.solve_triangular(root, jax.grad(loss)(best, 1.0), lower=True)
    distance = jnp.linalg.norm((z - best) @ root, axis=1)
    location, scale = at(model, numbers, rows, best)
    gradient = jnp.linalg.norm(slope)
    return Mode(best, -ends.min(), precision, gradient, -ends, distance, draws.std(axis=0), location, scale)


@partial(jax.jit, static_argnums=(0, 4, 5))
def find_modes(model: Model, numbers: Numbers, rows: Rows, keys: Any, search: Search, width: int) -> Mode:
    """`find_mode` of many data sets (set,), `width` of them side by side; every array has the leading axis set."""
    one = lambda each: find_mode(model, *each, search)  # noqa: E731
    return mapped(one, (numbers, rows, keys), width)


def at(model: Model, numbers: Numbers, rows: Rows, z: Any) -> tuple[Any, Any]:
    """The law's value and the scale of each row's noise at z, in reference units (run,)."""
    scaled = model.scaled(model.constrain(z, numbers), numbers)
    location = model.location(scaled, rows.inputs)
    scale = model.form.row_scale(location, model.noise_values(scaled), rows.se, rows.count)
    return location, jnp.broadcast_to(scale, location.shape)


def curvature(model: Model, numbers: Numbers, rows: Rows, z: Any) -> Any:
    """Minus the Hessian of the log density at z (free, free).

    Where the noise gives its expected information, that takes the place of the likelihood's Hessian:
    sum over rows of i_location g g' / s^2 + i_scale h h', with s the row's scale, g the gradient of log f (or f)
    and h that of log s.
    """
    form, information = model.form, model.form.information
    if information is None:
        return -jax.hessian(model.log_density)(z, numbers, rows)

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


def _lbfgs(loss, z, steps):
    optimiser = optax.lbfgs(linesearch=optax.scale_by_zoom_linesearch(max_linesearch_steps=8))
    value_and_grad = optax.value_and_grad_from_state(loss)

    def one(z):
        def step(carry, _):
            z, state = carry
            value, gradient = value_and_grad(z, state=state)
            updates, state = optimiser.update(gradient, state, z, value=value, grad=gradient, value_fn=loss)
            moved = jnp.asarray(optax.apply_updates(z, updates))
            return (jnp.where(jnp.isfinite(moved).all(), moved, z), state), None

        return jax.lax.scan(step, (z, optimiser.init(z)), None, length=steps)[0][0]

    return jax.vmap(one)(z)


def polished(model: Model, loss: Any, z: Any, stages: Any, steps: int) -> Any:
    """Starts (start, free) taken to their optima of `loss(z, stage)` by Newton's method, through the noise's stages."""
    # A kinked noise needs steps down to a kink; a smooth one is there after a few lengths.
    ladder = jnp.asarray([3.0**-k for k in range(20)] if model.form.soften else [4.0**-k for k in range(8)])
    newton = partial(_newton, loss, steps=steps, ladder=ladder)
    return jax.lax.scan(lambda z, stage: (newton(z, stage), None), z, stages)[0]


def _newton(loss, z, stage, steps, ladder):
    """Newton's method on all starts at once, with positive curvature and the best of a ladder of step lengths.

    Past `PATIENCE` steps only the best start keeps the others going: a start on a far plateau may take hundreds.
    """
    f = partial(loss, stage=stage)

    def slope(z):
        gradient = jax.grad(f)(z)
        return gradient, gradient

    def step(z, value, going):
        hessian, gradient = jax.jacfwd(slope, has_aux=True)(z)
        values, vectors = jnp.linalg.eigh(jnp.where(jnp.isfinite(hessian), hessian, 0.0))
        size = jnp.maximum(jnp.abs(values), 1e-10 * jnp.abs(values).max() + 1e-30)
        direction = -(vectors / size) @ (vectors.T @ gradient)
        decrement = -gradient @ direction / 2
        tries = jax.vmap(lambda t: f(z + t * direction))(ladder)
        best = jnp.argmin(tries)
        better = going & (tries[best] < value)
        z = jnp.where(better, z + ladder[best] * direction, z)
        return z, jnp.where(better, tries[best], value), better & (decrement > 1e-13 * jnp.abs(value))

    def unfinished(carry):
        _, value, going, i = carry
        return (i < steps) & going.any() & ((i < PATIENCE) | going[jnp.argmin(value)])

    def step_all(carry):
        z, value, going, i = carry
        return *jax.vmap(step)(z, value, going), i + 1

    start = (z, jax.vmap(f)(z), jnp.ones(len(z), bool), 0)
    return jax.lax.while_loop(unfinished, step_all, start)[0]


def positive(matrix):
    """The matrix with its eigenvalues made positive, so that it has a Cholesky factor."""
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    size = jnp.maximum(jnp.abs(values), 1e-12 * jnp.abs(values).max() + 1e-30)
    return (vectors * size) @ vectors.T
