"""This file has the method Bootstrap: it finds the mode of resampled runs, from the mode of all runs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.infer.batch import Batch, filled, mapped
from scalebayes.infer.compile import compiled_once, cores
from scalebayes.infer.descent import polished, positive
from scalebayes.infer.double import double
from scalebayes.infer.draws import Draws
from scalebayes.infer.map import numpy_mode
from scalebayes.infer.mode import SEARCH, Mode, Search, curvature
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.problem import Problem

STEPS = 60  # BFGS steps of a refit at most; a refit that needs more goes on to `finish`
WIDTH = 32  # resamples that are refitted side by side
# The largest decrement of a refit that has converged, in nats: about 5e-5 sds from the mode. For a noise that is no
# density it is a share of the objective at the start.
REACHED = 1e-9
LEAST = 2.0**-12  # share of a full BFGS step; a refit whose step becomes this short stops, and goes on to `finish`


@known_settings
@dataclass(frozen=True)
class Bootstrap:
    """The method that refits resampled runs (Efron 1979); each resample gives one draw, its mode.

    Runs, or whole groups of runs, are drawn with replacement. A refit weights each run by the number of times that it
    was drawn. It starts at the mode of all runs and keeps their reference. With `priors="flat"` this is the bootstrap
    of the maximum likelihood estimate. Where a resample lacks the runs that decide a parameter, the refit may leave
    that parameter anywhere: `converged` in the sample stats says which refits reached a mode.

    Args:
        resamples: The number of resamples, and so of refits and draws. The default is 1000.
        by: "run" (the default) draws single runs, "group" draws whole groups of the table's column `group`.
        search: The settings of the search for the mode of all runs. The default is `Search()`.

    Raises:
        InputError: `resamples` isn't a whole number from 1 on, or `by` is neither "run" nor "group".

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
        """The name of the method."""
        return "bootstrap"

    def run(self, problem: Problem, key: Any) -> Draws:
        """Draw from the posterior of a problem; the call is made inside `double()`."""
        key_mode, key_weights = jax.random.split(key)
        mode = numpy_mode(problem, key_mode, self.search)
        return self._refitted(problem.model, problem.numbers, problem.rows, mode, self.weights(problem, key_weights))

    def run_many(self, batch: Batch, keys: Any) -> list[Draws]:
        """Refuse many data sets, which this method doesn't take."""
        raise InputError(
            "fit_many can't bootstrap many data sets yet; call fit for each, which runs its refits side by side"
        )

    def weights(self, problem: Problem, key: Any) -> np.ndarray:
        """The number of times that each run is drawn (resample, padded run)."""
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
            with double():  # the setting is per thread
                full = part[filled(range(len(part)), WIDTH)]
                return [
                    x[: len(part)]
                    for x in jax.device_get(compiled_once(refit, model, numbers, rows, mode.z, inverse, full))
                ]

        def exact(few: np.ndarray) -> Any:
            with double():
                full = filled(few.tolist(), WIDTH)
                found = compiled_once(finish, model, numbers, rows, z[full], weights[full], self.search.newton_steps)
                return few, [x[: len(few)] for x in jax.device_get(found)]

        parts = np.array_split(weights, min(cores(), -(-len(weights) // WIDTH)))
        with ThreadPoolExecutor(len(parts)) as threads:
            z, lp, converged = (np.concatenate(x) for x in zip(*threads.map(quick, parts), strict=True))
            left = np.flatnonzero(~converged)
            # The refits read z, so all of them end before z changes.
            again = list(threads.map(exact, (left[i : i + WIDTH] for i in range(0, len(left), WIDTH))))
        for few, found in again:
            z[few], lp[few], converged[few] = found
        stats = {"lp": lp[None], "converged": converged[None]}
        return Draws(z[None], stats, {"resamples": float(len(weights))}, mode)


@jitted(0)
def refit(model: Model, numbers: Numbers, rows: Rows, start: Any, inverse: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Refit each resample by BFGS, from the mode and the inverse Hessian of all runs.

    Args:
        model: The model.
        numbers: The numbers of the model.
        rows: The runs.
        start: The mode of all runs (free,).
        inverse: The inverse Hessian there (free, free).
        weights: The weights of the runs in each resample (resample, run). The number of resamples is a multiple of
            `WIDTH`.

    Returns:
        The mode z (resample, free), its log density, and whether the refit reached it (resample,).
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


@jitted(0, 5)
def finish(model: Model, numbers: Numbers, rows: Rows, z: Any, weights: Any, steps: int) -> tuple[Any, Any, Any]:
    """Refit by Newton's method with exact Hessians, through the noise's relaxations, where `refit` didn't converge."""

    def one(each):
        z, weight = each
        weighted = rows._replace(mask=weight)

        def height(z, stage):
            value = -model.log_density(z, numbers, weighted, stage)
            return jnp.where(jnp.isfinite(value), value, 1e30)

        end = jax.tree.map(lambda x: x[0], polished(model, height, z[None], numbers.stages, steps))
        hessian = end.hessian if model.form.information is None else curvature(model, numbers, weighted, end.z)
        left = end.gradient @ jnp.linalg.solve(positive(hessian), end.gradient) / 2
        return end.z, -end.loss, left <= (1e-3 if model.form.density else 1e-6 * end.loss)

    return mapped(one, (z, weights), 1, "resample")
