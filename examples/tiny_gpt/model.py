"""A decoder-only transformer on bytes: pre-norm (RMS), rotary positions, squared ReLU, tied embedding, no biases."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

BYTES = 256
HEAD = 16  # width of a head
MLP = 4  # widths inside


@dataclass(frozen=True)
class Shape:
    """The size of a model; the width is a multiple of 16, one head each."""

    width: int
    layers: int
    context: int = 128

    @property
    def heads(self) -> int:
        return self.width // HEAD

    @property
    def N(self) -> int:
        """Parameters without the embedding: 12 width^2 a layer, and the gains of its two norms and the last one."""
        return self.layers * (12 * self.width**2 + 2 * self.width) + self.width

    @property
    def N_total(self) -> int:
        """All parameters; the output layer is the embedding, so it counts once."""
        return self.N + BYTES * self.width

    @property
    def flops_per_token(self) -> int:
        """FLOPs of training on one token, a multiply-add as two: every matrix product, forward and backward.

        Forward: 24 width^2 a layer in the weights, 4 context width a layer in attention (scores and values, the
        masked half computed too), 512 width in the output layer. Backward: twice that, one product for each factor.
        """
        forward = self.layers * (24 * self.width**2 + 4 * self.context * self.width) + 2 * BYTES * self.width
        return 3 * forward


def init(shape: Shape, key: jax.Array) -> dict:
    """Parameters, float32; the layers stacked on a leading axis. Residual outputs start smaller by sqrt(2 layers)."""
    d, n = shape.width, shape.layers
    keys = jax.random.split(key, 5)

    def normal(k: jax.Array, *size: int, scale: float) -> jax.Array:
        return scale * jax.random.normal(k, size)

    into, out = d**-0.5, (2 * n) ** -0.5
    layers = {
        "attend_norm": jnp.ones((n, d)),
        "attend_in": normal(keys[0], n, d, 3 * d, scale=into),
        "attend_out": normal(keys[1], n, d, d, scale=into * out),
        "mlp_norm": jnp.ones((n, d)),
        "mlp_in": normal(keys[2], n, d, MLP * d, scale=into),
        "mlp_out": normal(keys[3], n, MLP * d, d, scale=into * MLP**-0.5 * out),
    }
    return {"embedding": normal(keys[4], BYTES, d, scale=into), "layers": layers, "last_norm": jnp.ones(d)}


def normed(x: jax.Array, gain: jax.Array) -> jax.Array:
    return gain * x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def rotated(x: jax.Array) -> jax.Array:
    """Rotary positions on (batch, head, time, HEAD), https://arxiv.org/abs/2104.09864."""
    half = HEAD // 2
    angle = jnp.arange(x.shape[-2])[:, None] * 10_000.0 ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def layer(x: jax.Array, p: dict) -> jax.Array:
    batch, time, width = x.shape
    split = (normed(x, p["attend_norm"]) @ p["attend_in"]).reshape(batch, time, 3, width // HEAD, HEAD)
    q, k, v = split.transpose(2, 0, 3, 1, 4)  # each (batch, head, time, HEAD)
    scores = rotated(q) @ rotated(k).swapaxes(-1, -2) * HEAD**-0.5
    seen = jnp.tril(jnp.ones((time, time), bool))
    weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1)
    x = x + (weights @ v).swapaxes(1, 2).reshape(x.shape) @ p["attend_out"]
    return x + jax.nn.relu(normed(x, p["mlp_norm"]) @ p["mlp_in"]) ** 2 @ p["mlp_out"]


def loss(params: dict, windows: jax.Array) -> jax.Array:
    """Mean nats a byte of predicting each byte but the first from those before it; windows (batch, context + 1)."""
    tokens = windows.astype(jnp.int32)
    width = params["embedding"].shape[1]
    x = params["embedding"][tokens[:, :-1]] * width**0.5
    x, _ = jax.lax.scan(lambda x, p: (layer(x, p), None), x, params["layers"], unroll=True)
    logits = normed(x, params["last_norm"]) @ params["embedding"].T
    right = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - right)
