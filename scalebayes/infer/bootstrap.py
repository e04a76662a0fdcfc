"""Bootstrap: the mode of resampled runs, every refit started at the mode of all of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.infer.batch import Batch, compiled_once, cores, filled, mapped
from scalebayes.infer.draws import Draws
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, curvature, polished, positive
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem

STEPS = 60
WIDTH = 32
REACHED = 1e-9  # of the decrement, in nats: 5e-5 sds from the mode
LEAST = 2.0**-12


@known_settings
@dataclass(frozen=True)
class Bootstrap:
    """The spread of the mode over resampled runs (Efron 1979), one draw a resample.

    Runs, or whole groups of runs, are drawn with replacement; a refit weights each by how often it was drawn, and
    starts at the mode of all runs, whose reference it keeps. With `priors="flat"` it is the bootstrap of the maximum
    likelihood estimate. A resample that lacks what a parameter needs puts that parameter anywhere: `converged` in the
    sample stats says which refits reached a mode.

    Args:
        resamples: refits. by: "run", or "group" for the table's groups, whose runs then share their fate.

    >>> Bootstrap(resamples=200).name
    'bootstrap'
    """

    resamples: int = 1000
    by: Literal["run", "group"] = "run"
    search: Search = SEARCH

    def __post_init__(self) -> None:
        if isinstance(self.resamples, bool) or not isinstance(self.resamples, Integral) or self.resamples < 1:
            raise InputError(f"Bootstrap: resamples is a whole number from 1 on, not {self.resamples!r}")
        if self.by not in ("run", "group"):
            raise unknown("Bootstrap: by", self.by, ("run", "group"))

    @property
    def name(self) -> str:
        return "bootstrap"

    def run(self, problem: Problem, key: Any) -> Draws:
        key_mode, key_weights = jax.random.split(key)
        mode = numpy_mode(problem, key_mode, self.search)
        return self._refitted(problem.model, problem.numbers, problem.rows, mode, self.weights(problem, key_weights))

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        raise InputError("fit_many has no bootstrap of many data sets yet; call fit for each, which is batched already")

    def weights(self, problem: Problem, key: Any) -> np.ndarray:
        """How often each run is drawn (resample, padded run)."""
        n, rng = len(problem.runs), np.random.default_rng(np.asarray(jax.random.key_data(key)))
        unit = np.arange(n)
        if self.by == "group":
            groups = problem.runs.labels.get("group")
            if groups is None:
                raise InputError("Bootstrap(by='group'): the runs have no column 'group'; use by='run'")
            if blank := sum(group is None for group in groups):
                raise InputError(
                    f"Bootstrap(by='group'): {blank} of the runs have no group; give each one, or leave them out with "
                    "where="
                )
            unit = np.unique(np.asarray(groups, str), return_inverse=True)[1]
        units = unit.max() + 1
        drawn = rng.multinomial(units, np.full(units, 1 / units), size=self.resamples)
        weights = np.zeros((self.resamples, len(problem.rows.mask)))
        weights[:, :n] = drawn[:, unit]
        return weights

    def _refitted(self, model: Model, numbers: Numbers, rows: Rows, mode: Mode, weights: np.ndarray) -> Draws:
        inverse = np.linalg.inv(mode.precision)

        def quick(part: np.ndarray) -> Any:
            with jax.enable_x64():  # of this thread
                full = part[filled(range(len(part)), WIDTH)]
                return [
                    x[: len(part)]
                    for x in jax.device_get(compiled_once(refit, model, numbers, rows, mode.z, inverse, full))
                ]

        def exact(few: np.ndarray) -> Any:
            with jax.enable_x64():
                full = filled(few.tolist(), WIDTH)
                found = compiled_once(finish, model, numbers, rows, z[full], weights[full], self.search.newton_steps)
                return few, [x[: len(few)] for x in jax.device_get(found)]

        parts = np.array_split(weights, min(cores(), -(-len(weights) // WIDTH)))
        with ThreadPoolExecutor(len(parts)) as threads:
            z, lp, converged = (np.concatenate(x) for x in zip(*threads.map(quick, parts), strict=True))
            left = np.flatnonzero(~converged)
            # The refits read z, and are all there before it changes.
            again = list(threads.map(exact, (left[i : i + WIDTH] for i in range(0, len(left), WIDTH))))
        for few, found in again:
            z[few], lp[few], converged[few] = found
        stats = {"lp": lp[None], "converged": converged[None]}
        return Draws(z[None], stats, {"resamples": float(len(weights))}, mode)


@partial(jax.jit, static_argnums=0)
def refit(model: Model, numbers: Numbers, rows: Rows, start: Any, inverse: Any, weights: Any) -> tuple[Any, Any, Any]:
    """BFGS from the mode and the inverse Hessian of all runs: z (resample, free), log density, whether it got there.

    Args:
        weights: of the runs in each resample (resample, run), a multiple of `WIDTH` resamples.
    """

    def one(weight):
        weighted = rows._replace(mask=weight)

        def height(z):
            value = -model.log_density(z, numbers, weighted)
            return jnp.where(jnp.isfinite(value), value, 1e30)

        both = jax.value_and_grad(height)
        first, slope = both(start)
        enough = REACHED if model.form.density else REACHED * first

        def unfinished(state):
            _, _, slope, inverse, length, step = state
            return (slope @ inverse @ slope / 2 > enough) & (length > LEAST) & (step < STEPS)

        def move(state):
            z, value, slope, inverse, length, step = state
            by = -length * inverse @ slope
            new, new_slope = both(z + by)
            change = new_slope - slope
            curved = by @ change
            better = (new <= value + 1e-4 * slope @ by) & (curved > 0)
            turned = inverse @ change
            scale = jnp.where(better, curved, 1.0)
            cross = jnp.outer(turned, by)
            updated = inverse + (1 + change @ turned / scale) * jnp.outer(by, by) / scale - (cross + cross.T) / scale
            return (
                jnp.where(better, z + by, z),
                jnp.where(better, new, value),
                jnp.where(better, new_slope, slope),
                jnp.where(better, updated, inverse),
                jnp.where(better, 1.0, length / 4),
                step + 1,
            )

        state = (start, first, slope, inverse, jnp.asarray(1.0), 0)
        z, value, slope, shape, _, _ = jax.lax.while_loop(unfinished, move, state)
        return z, -value, slope @ shape @ slope / 2 <= enough

    return mapped(one, weights, WIDTH, "resample")


@partial(jax.jit, static_argnums=(0, 5))
def finish(model: Model, numbers: Numbers, rows: Rows, z: Any, weights: Any, steps: int) -> tuple[Any, Any, Any]:
    """Newton's method with exact Hessians, through the noise's relaxations, for what `refit` leaves open."""

    def one(each):
        z, weight = each
        weighted = rows._replace(mask=weight)

        def height(z, stage):
            value = -model.log_density(z, numbers, weighted, stage)
            return jnp.where(jnp.isfinite(value), value, 1e30)

        z = polished(model, height, z[None], numbers.stages, steps)[0]
        value, slope = jax.value_and_grad(height)(z, 1.0)
        left = slope @ jnp.linalg.solve(positive(curvature(model, numbers, weighted, z)), slope) / 2
        return z, -value, left <= (1e-3 if model.form.density else 1e-6 * value)

    return mapped(one, (z, weights), 1, "resample")
