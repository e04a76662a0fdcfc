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
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.noise.links import LINKS

PATIENCE = 60
TURNS, FEW, SETTLED = 40, 15, 0.01  # between parameters and rows' scales; Newton steps a later turn; sds of a scale


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
        z: mode in unconstrained coordinates (free,), and where rows have scales of their own those (run,): then it is
            the mode of the free parameters given the scales. log_density: there.
        precision: of the Gaussian that approximates the posterior there (free, free), positive definite; of the rows'
            own coordinates, that of their prior.
        gradient_norm: Euclidean norm of the gradient in coordinates whitened by `precision`: sds from the mode.
        start_log_density: at the end of each start (start,). start_distance: from the mode, in sds (start,).
        start_sd: of the screened points, each coordinate (free,): the prior's sd where the prior is proper.
        location, scale: at the mode, the law's value and the scale of the noise, in reference units (run,); with a
            discrepancy, what the other runs say of each.
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

    own = model.held(rows)

    def loss(z, stage, own=own):
        value = -model.log_density(jnp.concatenate([z, own]), numbers, rows, stage)
        return jnp.where(jnp.isfinite(value), value, 1e30)

    draws = jax.vmap(lambda k: model.draw_starts(k, numbers))(jax.random.split(key, search.screened))
    _, promising = jax.lax.top_k(-jax.vmap(lambda z: loss(z, numbers.stages[0]))(draws), search.starts)
    z = draws[promising]
    if search.lbfgs_steps:
        z = _lbfgs(lambda z: loss(z, numbers.stages[0]), z, search.lbfgs_steps)
    if model.latent:
        z, own = _with_scales(model, numbers, rows, loss, z, search.newton_steps)
    else:
        z = polished(model, loss, z, numbers.stages, search.newton_steps)
    ends = jax.vmap(lambda z: loss(z, 1.0, own))(z)
    best = z[jnp.argmin(ends)]
    whole = jnp.concatenate([best, own])
    precision = positive(curvature(model, numbers, rows, whole))
    root = jnp.linalg.cholesky(precision)
    slope = jax.scipy.linalg.solve_triangular(root, jax.grad(loss)(best, 1.0, own), lower=True)
    distance = jnp.linalg.norm((z - best) @ root, axis=1)
    location, scale = at(model, numbers, rows, whole)
    gradient = jnp.linalg.norm(slope)
    precision = jax.scipy.linalg.block_diag(precision, jnp.eye(len(own))) if model.latent else precision
    return Mode(whole, -ends.min(), precision, gradient, -ends, distance, draws.std(axis=0), location, scale)


@partial(jax.jit, static_argnums=(0, 4, 5))
def find_modes(model: Model, numbers: Numbers, rows: Rows, keys: Any, search: Search, width: int) -> Mode:
    """`find_mode` of many data sets (set,), `width` of them side by side; every array has the leading axis set."""
    one = lambda each: find_mode(model, *each, search)  # noqa: E731
    return mapped(one, (numbers, rows, keys), width)


def at(model: Model, numbers: Numbers, rows: Rows, z: Any) -> tuple[Any, Any]:
    """The law's value and the scale of each row's noise at z, in reference units (run,); see `Mode`."""
    scaled = model.scaled(model.constrain(z, numbers), numbers)
    if model.process is not None:
        seen = model.residuals(scaled, numbers, rows, z[len(model.free) :])
        off, variance = model.process.left_out(model.process_values(scaled), seen)
        return rows.y * jnp.exp(-off), jnp.sqrt(variance)
    location = model.location(scaled, rows.inputs)
    scale = model.form.row_scale(location, model.noise_values(scaled), rows.se, rows.count)
    return location, jnp.broadcast_to(scale, location.shape)


def curvature(model: Model, numbers: Numbers, rows: Rows, z: Any) -> Any:
    """Minus the Hessian of the log density at z over the free parameters (free, free).

    Where the noise gives its expected information, that takes the place of the likelihood's Hessian:
    sum over rows of i_location g g' / s^2 + i_scale h h', with s the row's scale, g the gradient of log f (or f)
    and h that of log s.
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


def _lbfgs(loss, z, steps):
    """Starts (start, free) some steps of L-BFGS on, each the best of a ladder of step lengths.

    A line search that asks for gradients took a third of the time that the search compiles, for the same optima.
    """
    preconditioned = optax.scale_by_lbfgs()
    ladder = jnp.asarray([4.0**-k for k in range(-1, 7)])

    def one(z):
        def step(carry, _):
            z, state = carry
            value, gradient = jax.value_and_grad(loss)(z)
            direction, state = preconditioned.update(gradient, state, z)
            along = z - ladder[:, None] * jnp.asarray(direction)
            tries = jax.vmap(loss)(along)
            best = jnp.argmin(tries)
            return (jnp.where(tries[best] < value, along[best], z), state), None

        return jax.lax.scan(step, (z, preconditioned.init(z)), None, length=steps)[0][0]

    return jax.vmap(one)(z)


def polished(model: Model, loss: Any, z: Any, stages: Any, steps: Any) -> Any:
    """Starts (start, free) taken to their optima of `loss(z, stage)` by Newton's method, through the noise's stages."""
    # A kinked noise needs steps down to a kink; a smooth one is there after a few lengths.
    ladder = jnp.asarray([3.0**-k for k in range(20)] if model.form.soften else [4.0**-k for k in range(8)])
    newton = partial(_newton, loss, steps=steps, ladder=ladder)
    return jax.lax.scan(lambda z, stage: (newton(z, stage), None), z, stages)[0]


def _with_scales(model: Model, numbers: Numbers, rows: Rows, loss: Any, z: Any, steps: int) -> tuple[Any, Any]:
    """Starts (start, free) at their optima given the rows' own coordinates (run,), and these at the best of them.

    In turn: Newton's method given the scales, and the likeliest scales given the best start, the process being
    integrated out: generalised expectation-maximisation, which under no process is least squares reweighted.
    The mode is where the sampler starts and what it is whitened by, so it need not be reached to the last digit.
    """

    def unfinished(carry):
        number, _, own, before = carry
        return (number < 2) | ((number < TURNS) & (jnp.abs(own - before).max() > SETTLED))

    def turn(carry):
        number, z, before, _ = carry
        best = z[jnp.argmin(jax.vmap(lambda z: loss(z, 1.0, before))(z))]
        own = jnp.where(number == 0, before, likeliest(model, numbers, rows, best, before))
        here = lambda z, stage: loss(z, stage, own)  # noqa: E731
        return number + 1, polished(model, here, z, numbers.stages, jnp.where(number == 0, steps, FEW)), own, before

    held = model.held(rows)
    return jax.lax.while_loop(unfinished, turn, (0, z, held, held))[1:3]


def likeliest(model: Model, numbers: Numbers, rows: Rows, z: Any, own: Any) -> Any:
    """The rows' own coordinates (run,) that are likeliest at free parameters z, one step of
    expectation-maximisation on from `own`."""
    assert model.process is not None and model.form.mixture is not None
    scaled = model.scaled(model.constrain(z, numbers), numbers)
    values, seen = model.noise_values(scaled), model.residuals(scaled, numbers, rows, own)
    off, variance = model.process.left_out(model.process_values(scaled), seen)
    # Of a row's noise given all runs, over its scale: mean^2 and variance.
    share = seen.scale**2 / variance
    square = (off**2 * share / variance + 1 - share) * model.factor(values, own) ** 2
    return jnp.where(rows.mask > 0, model.form.mixture.likeliest(values, square), own)


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
