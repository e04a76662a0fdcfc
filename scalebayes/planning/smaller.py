"""This file finds what a smaller model costs: the loss at the same budget, and the compute that makes up for it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.inputs import positive
from scalebayes.infer.batch import in_batches
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.frontier import TOGETHER, height, log_D_of
from scalebayes.planning.limits import LARGEST, Limits

GRID = 65  # values of log D from those that the budget pays for to the most, between which the loss is looked for
HALVINGS = 52  # of the interval between two of them; the last step is below the rounding of log D


def times_of(smaller: Any) -> tuple[float, ...]:
    """The factors by which models are smaller, of what a user gives: a number, a list, or None for none.

    Raises:
        InputError: A factor isn't a finite number above 1, or one is given twice.
    """
    if smaller is None:
        return ()
    times = positive("smaller", smaller)
    if (times <= 1).any():
        raise InputError(
            f"smaller has how many times smaller a model is than the optimum, such as 2 or 4, not {times.min():g}"
        )
    if len(set(times)) < len(times):
        raise InputError(f"smaller has {times.tolist()}: each factor is given once")
    return tuple(times.tolist())


def prices_of(
    fit: Fit,
    cost: Cost,
    budget: np.ndarray,
    optimum: tuple[Any, Any],
    times: tuple[float, ...],
    limits: Limits,
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Find the price of models that are smaller than the optimum. Call it inside `double()`.

    A smaller model is trained on as many tokens as the rest of the budget pays for. More tokens make up for its size,
    until the law falls no more. Upper limits of the tokens hold for it, too; a lower limit of N doesn't.

    Args:
        fit: The fit, whose law is asked.

        cost: The cost.

        budget: The budgets C (budget,).

        optimum: log N of the optimum and its loss, which broadcast to (chain, draw, budget); NaN where there is none.

        times: How many times smaller the models are.

        limits: The limits.

    Returns:
        The dims and values of `smaller_paid`, the loss of the smaller model less that of the optimum, and of
        `smaller_compute`, the factor of the budget at which it has the loss of the optimum: inf where no number of
        tokens is enough.
    """
    shape = (*fit.shape, len(budget))
    log_N, loss = (np.broadcast_to(x, shape).reshape(-1, len(budget)) for x in optimum)
    params = {name: x.ravel() for name, x in fit.law_draws.items()}
    most = min(np.log(limits.max_D or np.inf), np.log(limits.D or np.inf), LARGEST)
    per_N = np.log(limits.max_D_per_N or np.inf)
    found = _priced(fit.law.fn, cost, params, log_N, loss, np.log(budget), np.log(times), most, per_N)
    dims = "chain", "draw", "budget", "smaller"
    return {
        f"smaller_{name}": (dims, np.asarray(x).reshape(*shape, len(times)))
        for name, x in zip(("paid", "compute"), found, strict=True)
    }


def _priced_impl(law, cost, params, log_N, loss, log_C, log_times, most, per_N):
    steps = jnp.linspace(0.0, 1.0, GRID)[:, None, None]

    def one(each):
        params, log_N, loss = each
        u, wanted = log_N[:, None] - log_times, loss[:, None]
        end = jnp.minimum(most, u + per_N)
        start = jnp.minimum(log_D_of(cost, u, jnp.broadcast_to(log_C[:, None], u.shape)), end)
        v = start + (end - start) * steps  # (grid, budget, smaller)
        heights = height(law, cost, u, v, params)
        reached = heights <= wanted
        first = jnp.argmax(reached, axis=0)
        at = lambda i: jnp.take_along_axis(v, i[None], axis=0)[0]  # noqa: E731

        def halve(_, ends):
            low, high = ends
            middle = (low + high) / 2
            enough = height(law, cost, u, middle, params) <= wanted
            return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

        _, enough = jax.lax.fori_loop(0, HALVINGS, halve, (at(jnp.maximum(first - 1, 0)), at(first)))
        compute = cost.fn(jnp.exp(u), jnp.exp(enough)) / jnp.exp(log_C[:, None])
        compute = jnp.where(reached.any(axis=0), compute, jnp.inf)
        return heights[0] - wanted, jnp.where(jnp.isnan(u), jnp.nan, compute)

    together = max(1, TOGETHER // (len(log_C) * len(log_times)))
    return in_batches(one, (params, log_N, loss), together)


_priced = jax.jit(_priced_impl, static_argnums=(0, 1))
