"""This file finds where a law is least along C = 6 N D, in closed form or by search."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.compute import LOG_6, other_size
from scalebayes.infer.batch import in_batches
from scalebayes.laws.law import Terms

GRID = 257  # number of values of log N on the grid; a maximum and a minimum between two neighbours aren't seen
REACH = 30.0  # e-folds of log N searched to either side of the reference's N : D; a minimum further out isn't found
BISECTIONS = 60  # number of halvings of the interval between two values of the grid


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
