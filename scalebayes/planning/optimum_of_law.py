"""This file finds where a fit's law is least at a cost: in closed form, by search, or within limits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.compute import LOG_6, other_size
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.predict import curve
from scalebayes.infer.batch import in_batches
from scalebayes.laws.law import Terms
from scalebayes.planning.best_choice import thinned
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.least import least, of_sizes, values_at
from scalebayes.planning.limits import Limits, Range, log_other


class OfLaw(NamedTuple):
    """Where a fit's law is least; every array is (chain, draw, budget), or broadcasts to it.

    Attributes:
        log_N: log N of the optimum; NaN where there is none.
        log_D: log D there.
        loss: The observable there.
        at_low: Whether the optimum is at the lower end of the range that limits leave.
        at_high: Whether it is at the upper end.
        exponent: d log N / d log C, at the cost 6 N D without limits; NaN otherwise.
    """

    log_N: Any
    log_D: Any
    loss: Any
    at_low: Any = False
    at_high: Any = False
    exponent: Any = np.nan


GRID = 257  # number of values of log N on the grid; a maximum and a minimum between two neighbours aren't seen
REACH = 30.0  # e-folds of log N searched to either side of the reference's N : D; a minimum further out isn't found
BISECTIONS = 60  # number of halvings of the interval between two values of the grid


def of_law(fit: Fit, cost: Cost, budget: np.ndarray, within: Range | None, limits: Limits) -> OfLaw:
    """The optimum of a fit's law at each budget. Call it inside `double()`.

    Args:
        fit: The fit.

        cost: The cost; it gives the law's inputs besides N and D.

        budget: The budgets C (budget,).

        within: The range of log N that limits leave. None is for the cost 6 N D without limits, for which there is a
            closed form or a search that gives the exponent too.

        limits: The limits, of which `N_in` is read here.
    """
    if within is None:
        params = {name: x[..., None] for name, x in fit.law_draws.items()}
        if fit.law.terms is None:
            log_N, exponent = search(fit.law.fn, params, budget, fit.reference.inputs)
        else:
            log_N, exponent = closed_form(fit.law.terms(**params), budget)
        log_N = np.asarray(log_N)
        N = np.exp(log_N)
        loss = np.asarray(curve(fit.law.fn, {"N": N, "D": other_size(budget, N)}, params))
        return OfLaw(log_N, np.log(budget) - LOG_6 - log_N, loss, exponent=np.asarray(exponent))
    shape, params = (*fit.shape, len(budget)), _flat(fit)
    if limits.N_in:
        found = of_sizes(fit.law.fn, params, cost, budget, limits)
    else:
        found = least(fit.law.fn, params, cost, budget, within)
    return OfLaw(*(x.reshape(shape) for x in found))


def profile_of(
    fit: Fit,
    cost: Cost,
    budget: np.ndarray,
    candidates: np.ndarray,
    within: Range | None,
    every: bool,
    sizes: np.ndarray | None = None,
) -> np.ndarray:
    """The law at candidates of log N (budget, candidate), in draws of a fit (draw, budget, candidate).

    Args:
        fit: The fit.

        cost: The cost.

        budget: The budgets C (budget,).

        candidates: The values of log N.

        within: The range that limits leave; None for none.

        every: Whether all draws are asked, as chain and draw, and not some of many.

        sizes: log D of the candidates (budget, candidate), where they are the sizes that can be trained. The default is
            None: the candidates are trained on what the budget pays for.
    """
    count, flat = candidates.shape[1], candidates.ravel()
    log_D = log_other(cost, np.repeat(budget, count), flat) if sizes is None else sizes.ravel()
    if within is not None and sizes is None:
        log_D = np.where(np.repeat(within.low >= within.high, count), np.repeat(within.log_D, count), log_D)
    some = slice(None) if every else thinned(fit.shape[0] * fit.shape[1])
    params = {name: x[some] for name, x in _flat(fit).items()}
    found = values_at(fit.law.fn, params, cost, flat, log_D)
    return found.reshape(*(fit.shape if every else (-1,)), *candidates.shape)


def _flat(fit: Fit) -> dict[str, np.ndarray]:
    return {name: x.ravel() for name, x in fit.law_draws.items()}


def closed_form(terms: Terms, budget: np.ndarray) -> tuple[Any, Any]:
    """The optimum log N* and the exponent a for a law that falls with A/N^alpha + B/D^beta.

    N* = G (C/6)^a, with a = beta / (alpha + beta) and G = (alpha A / (beta B))^(1 / (alpha + beta)).
    Source: Hoffmann et al. 2022, arXiv 2203.15556, equation 4.
    """
    total = terms.alpha + terms.beta
    log_G = (jnp.log(terms.alpha) + terms.log_A - jnp.log(terms.beta) - terms.log_B) / total
    exponent = terms.beta / total
    log_N = log_G + exponent * jnp.log(other_size(budget, 1))
    return log_N, jnp.broadcast_to(exponent, log_N.shape)


def search(fn: Any, params: dict[str, Any], budget: np.ndarray, reference: Mapping[str, float]) -> tuple[Any, Any]:
    """The optimum log N* and its exponent by search, over 30 e-folds of N to either side of the reference's N : D.

    The slope of log f along C = 6 N D is computed on a grid in log N by automatic differentiation, which is exact even
    where a large E hides the difference of two losses. A minimum lies where the slope turns from negative to positive.
    The lowest one is refined by bisection. The exponent is the implicit derivative -f_uc / f_uu, with u = log N and
    c = log C. Both are NaN where the slope never turns.
    """
    shape = np.broadcast_shapes(*(np.shape(x) for x in params.values()), (1, 1, len(budget)))
    flat = {name: jnp.broadcast_to(x, shape).ravel() for name, x in params.items()}
    log_C = jnp.broadcast_to(jnp.log(budget), shape).ravel()
    log_N, exponent = _search(fn, flat, log_C, float(np.log(reference["N"] / reference["D"])))
    return log_N.reshape(shape), exponent.reshape(shape)


def _search_impl(fn, params, log_C, log_ratio):
    def one(params, log_C):
        def height(u, c):
            return jnp.log(fn(N=jnp.exp(u), D=jnp.exp(c - LOG_6 - u), **params))

        slope = jax.grad(height)
        u = (log_C - LOG_6 + log_ratio) / 2 + jnp.linspace(-REACH, REACH, GRID)
        slopes = jax.vmap(slope, (0, None))(u, log_C)
        turns = (slopes[:-1] < 0) & (slopes[1:] >= 0)
        best = jnp.argmin(jnp.where(turns, jax.vmap(height, (0, None))(u[:-1], log_C), jnp.inf))

        def halve(_, ends):
            low, high = ends
            middle = (low + high) / 2
            rising = slope(middle, log_C) > 0
            return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

        low, high = jax.lax.fori_loop(0, BISECTIONS, halve, (u[best], u[best + 1]))
        at = (low + high) / 2
        curvature, mixed = jax.grad(slope, (0, 1))(at, log_C)
        found = turns.any()
        return jnp.where(found, at, jnp.nan), jnp.where(found, -mixed / curvature, jnp.nan)

    return in_batches(lambda pair: one(*pair), (params, log_C), 1024)


_search = jax.jit(_search_impl, static_argnums=0)
