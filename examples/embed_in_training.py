"""A forecast inside a jitted training loop: train on while the next tokens are worth their compute.

    python examples/embed_in_training.py

`fit.law` is a pure JAX function and `fit.draws` are arrays: both go wherever JAX code goes, under jit, vmap and grad.
Here the loop is one compiled program. Before it starts, a gradient through the law chooses the size of the model; at
every step the posterior says how much loss the next tokens will save, and the loop ends when that is too little.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import scalebayes as sb

CHUNK = 2.0**18  # bytes between two looks at the forecast
WORTH = 2e-3  # nats a byte that a chunk must save, in nine draws of ten
BUDGET = 5e12  # FLOPs


def main() -> None:
    runs = sb.datasets.load("tiny_gpt", where="split == 'fit' and epochs <= 1")
    fit = sb.fit(runs, "skaling")
    draws = {name: jnp.asarray(x.ravel()[::8], jnp.float32) for name, x in fit.law_draws.items()}
    N = float(best_size(fit.law, draws, BUDGET))
    D, saved, loss = train(fit.law, draws, N, 1e9)
    print(f"{fit.law.name}, {len(runs)} runs, {len(draws['E'])} draws")
    print(f"for {BUDGET:.3g} FLOPs a model of N = {N:.3g}")
    why = f"less than {WORTH}" if saved <= WORTH else "but there is no more data"
    print(f"stopped at D = {float(D):.3g}: the next {CHUNK:.3g} bytes save {float(saved):.6f} nats, {why}")
    print(f"forecast of its loss {float(loss):.3f} nats a byte")


@partial(jax.jit, static_argnums=0)
def best_size(law: sb.Law, draws: dict[str, Any], C: float) -> Any:
    """The N that has the least mean loss over the posterior for C = 6 N D, by gradient descent on log N."""
    mean_loss = lambda u: law(N=jnp.exp(u), D=C / (6 * jnp.exp(u)), **draws).mean()  # noqa: E731
    slope, curvature = jax.grad(mean_loss), jax.grad(jax.grad(mean_loss))

    def step(_: int, u: Any) -> Any:
        return u - jnp.clip(slope(u) / jnp.abs(curvature(u)), -1.0, 1.0)

    return jnp.exp(jax.lax.fori_loop(0, 30, step, jnp.log(C / 6) / 2))


@partial(jax.jit, static_argnums=0)
def train(law: sb.Law, draws: dict[str, Any], N: float, most: float) -> tuple[Any, Any, Any]:
    """Train chunk after chunk while it is worth it: bytes trained on, what the next chunk saves, the loss forecast."""

    def saving(D: Any) -> Any:
        saved = law(N=N, D=D, **draws) - law(N=N, D=D + CHUNK, **draws)
        return jnp.quantile(saved, 0.1)

    def worth_it(state: tuple[Any, Any]) -> Any:
        D, _ = state
        return (most > D) & (saving(D) > WORTH)

    def chunk(state: tuple[Any, Any]) -> tuple[Any, Any]:
        D, weights = state
        return D + CHUNK, train_step(weights)

    D, _ = jax.lax.while_loop(worth_it, chunk, (jnp.asarray(CHUNK), train_step(jnp.zeros(8))))
    return D, saving(D), jnp.median(law(N=N, D=D, **draws))


def train_step(weights: Any) -> Any:
    """Where your own training goes: here a step towards a fixed point."""
    return weights - 0.1 * jax.grad(lambda w: jnp.sum((w - 1.0) ** 2))(weights)


if __name__ == "__main__":
    main()
