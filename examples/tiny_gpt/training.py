"""Train one model on D bytes of U unique ones, and take its loss on fixed windows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tiny_gpt.corpus import standard_library, windows
from tiny_gpt.model import Shape, init, loss

BATCH = 8  # windows a step
EVALUATED = 32  # windows at once; their number is a multiple of it
CHUNK = 64  # steps a call of the compiled function
WARM_UP = 0.1  # share of the steps
BETAS, CLIP = (0.9, 0.95), 1.0
WEIGHT_DECAY = 0.1  # not on the gains of the norms


@dataclass(frozen=True)
class Run:
    """What one run is: a shape, D bytes in all of U unique ones, a peak learning rate, a seed."""

    shape: Shape
    D: int
    U: int
    peak_lr: float
    seed: int

    @property
    def steps(self) -> int:
        return self.D // (BATCH * self.shape.context)

    @property
    def name(self) -> str:
        unique = "" if self.U == self.D else f"-U{self.U}"
        return f"d{self.shape.width}-l{self.shape.layers}-D{self.D}{unique}-lr{self.peak_lr:g}-s{self.seed}"

    @property
    def entropy(self) -> tuple[int, ...]:
        """What its random numbers come from: two runs share neither data's order nor initial weights by their seed."""
        return self.seed, self.shape.width, self.shape.layers, self.D, self.U

    @property
    def C(self) -> int:
        """FLOPs of the training, exactly; see `Shape.flops_per_token`."""
        return self.D * self.shape.flops_per_token


def learning_rate(step: jax.Array, steps: jax.Array, peak: jax.Array) -> jax.Array:
    """Linear warm-up over the first tenth, then a cosine to zero at the end."""
    warm = WARM_UP * steps
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip((step - warm) / (steps - warm), 0, 1)))
    return peak * jnp.minimum((step + 1) / warm, cosine)


def optimizer(rate: jax.Array | float) -> optax.GradientTransformation:
    return optax.chain(
        optax.clip_by_global_norm(CLIP),
        optax.adamw(rate, b1=BETAS[0], b2=BETAS[1], weight_decay=WEIGHT_DECAY, mask=matrices),
    )


def matrices(params: dict) -> dict:
    """Which parameters decay: all but the gains of the norms."""
    return jax.tree.map_with_path(lambda path, _: not path[-1].key.endswith("norm"), params)


@jax.jit
def train(state: tuple, batches: jax.Array, first: jax.Array, count: jax.Array, steps: jax.Array, peak: jax.Array):
    """`count` steps of AdamW, numbered from `first` of `steps`, on batches (CHUNK, batch, context + 1)."""

    def step(i: jax.Array, state: tuple) -> tuple:
        params, memory = state
        grads = jax.grad(loss)(params, batches[i])
        updates, memory = optimizer(learning_rate(first + i, steps, peak)).update(grads, memory, params)
        return optax.apply_updates(params, updates), memory

    return jax.lax.fori_loop(0, count, step, state)


@jax.jit
def evaluate(params: dict, batches: jax.Array) -> jax.Array:
    """Mean loss over batches (batches, batch, context + 1)."""
    return jnp.mean(jax.lax.map(partial(loss, params), batches))


def order(found: int, run: Run) -> np.ndarray:
    """Which window each place of each batch holds, int (steps, BATCH): U unique ones, anew shuffled each epoch."""
    random = np.random.default_rng(run.entropy)
    unique = random.permutation(found)[: run.U // run.shape.context]
    wanted = run.steps * BATCH
    epochs = -(-wanted // len(unique))
    return np.concatenate([random.permutation(unique) for _ in range(epochs)])[:wanted].reshape(-1, BATCH)


def trained(run: Run) -> Iterator[tuple]:
    """The state after each chunk of steps."""
    text = windows(standard_library().parts["train"], run.shape.context)
    if text.shape[0] * run.shape.context < run.U:
        raise ValueError(f"U={run.U} bytes are wanted, and the training files hold {text.shape[0] * run.shape.context}")
    places = order(len(text), run)
    params = init(run.shape, jax.random.key(np.random.SeedSequence(run.entropy).generate_state(1)[0]))
    state = (params, optimizer(0.0).init(params))
    for first in range(0, run.steps, CHUNK):
        batches = text[places[first : first + CHUNK]]
        count = len(batches)
        batches = np.concatenate([batches, np.zeros((CHUNK - count, *batches.shape[1:]), np.uint8)])
        state = train(state, batches, first, count, run.steps, run.peak_lr)
        yield state


def result(run: Run, part: str, count: int, tell: Callable[[float], None] = lambda flops: None) -> dict[str, float]:
    """Train, and return the loss in nats a byte on `count` fixed windows of a part, and the seconds that it took.

    `tell` is called with the FLOPs of each chunk as it ends.
    """
    start = time.perf_counter()
    state = None
    for chunk, state in enumerate(trained(run)):
        jax.block_until_ready(state)
        tell(min(CHUNK, run.steps - CHUNK * chunk) / run.steps * run.C)
    if state is None:
        raise ValueError(f"D={run.D} bytes are less than the {BATCH * run.shape.context} of one step")
    fixed = windows(standard_library().parts[part], run.shape.context, count)
    at_end = float(evaluate(state[0], fixed.reshape(-1, EVALUATED, run.shape.context + 1)))
    return {"loss": at_end, "seconds": round(time.perf_counter() - start, 2)}
