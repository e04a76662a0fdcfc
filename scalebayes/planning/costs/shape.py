"""This file has the shape of a dense decoder-only transformer: its parameters, its FLOPs, and the family it belongs to.

Counted are the matrix products, a multiply-add as two FLOPs, as in Kaplan et al. 2020, arXiv 2001.08361, table 1, and
Hoffmann et al. 2022, arXiv 2203.15556, appendix F. The output layer counts, which Kaplan et al. leave out. The softmax
and the look-up of embeddings don't, which Hoffmann et al. count (the look-up as a product): the first is 3 FLOPs to
4 head sizes, and the second multiplies nothing.
"""

from dataclasses import dataclass, fields
from typing import Any

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.planning.costs.record import positive_number

# What a law's N counts, in the words of `Runs.N_counts`.
TOTAL, NON_EMBEDDING = "total", "non-embedding"

# Newton's steps to the scale of a model of N parameters, from above on a rising convex cubic. Over N of 1 to 1e18,
# vocabularies of 1 to 1e7 and aspects of 1 to 1000 six leave an error of 6e-16, five 3e-13. The last is for gradients.
NEWTON_STEPS = 7

BACKWARD = 2  # forward passes that a backward pass costs: one product for each factor of a forward product


@known_settings
@dataclass(frozen=True)
class Shape:
    """The shape of a dense decoder-only transformer, which counts its parameters and its FLOPs.

    A shape stands for a family, too: the models whose depth and width are both so many times its own, with attention
    and feed-forward layers as wide against the width, the same vocabulary and context. The numbers needn't be whole.

    Args:
        depth: The layers.

        width: The width of the residual stream.

        vocabulary: The tokens that the embedding and the output layer know.

        context: The tokens of a training sequence.

        heads: The heads of attention that ask. They matter only with `kv_heads`, or where `heads` times `head_size`
            isn't the width. The default is None: together they are as wide as the residual stream.

        head_size: The width of a head. The default is None, for width / heads.

        kv_heads: The heads with keys and values, fewer than `heads` in grouped-query attention. The default is None,
            for as many.

        feed_forward: The inner width of the feed-forward layer. The default is None, for 4 widths, or 8/3 if `gated`.

        gated: Whether the feed-forward layer has a gate, such as SwiGLU, which is a third matrix. The default is False.

        tied: Whether the output layer is the embedding. The default is True.

        learned_positions: Whether each position of the context has an embedding. The default is False.

        biases: Whether norms and matrices have biases. The default is False: norms have a gain and matrices nothing.

    Raises:
        InputError: A size isn't positive, or the heads contradict each other.

    >>> gpt2 = Shape(12, 768, vocabulary=50_257, context=1024, learned_positions=True, biases=True)
    >>> gpt2.parameters(), gpt2.parameters(embeddings=False), gpt2.flops_per_token()
    (124439808, 85056000, 854438400)
    """

    depth: float
    width: float
    vocabulary: float
    context: float
    heads: float | None = None
    head_size: float | None = None
    kv_heads: float | None = None
    feed_forward: float | None = None
    gated: bool = False
    tied: bool = True
    learned_positions: bool = False
    biases: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, bool):
                if not isinstance(value, bool):
                    raise InputError(f"Shape: {field.name} is True or False, not {value!r}")
            elif value is not None or field.default is not None:
                positive_number(f"Shape: {field.name}", value)
        if self.kv_heads is not None and self.heads is None:
            raise InputError(f"Shape: kv_heads={self.kv_heads} needs heads=, the heads that ask")
        if self.kv_heads is not None and self.heads is not None and self.kv_heads > self.heads:
            raise InputError(f"Shape: kv_heads={self.kv_heads} is more than heads={self.heads}; swap them")

    @property
    def attention_width(self) -> float:
        """The width of all heads that ask together."""
        return self.width if self.heads is None or self.head_size is None else self.heads * self.head_size

    @property
    def feed_forward_width(self) -> float:
        """The inner width of the feed-forward layer."""
        if self.feed_forward is not None:
            return self.feed_forward
        return _quotient(8 * self.width, 3) if self.gated else 4 * self.width

    def parameters(self, embeddings: bool = True) -> float:
        """Count the parameters.

        Args:
            embeddings: Whether the embeddings of tokens and positions, and an output layer that isn't tied, are
                counted. The default is True.

        Returns:
            The number, an int where the sizes are.
        """
        return sum(self.parameter_terms(embeddings))

    def flops_per_token(self, causal: bool = False) -> float:
        """Count the FLOPs of training on one token: forward, and backward at twice that.

        Args:
            causal: Whether attention is counted over the tokens that a token sees, (context + 1) / 2 on average, as an
                implementation that skips the masked half computes it. The default is False, for the full context.

        Returns:
            The FLOPs, an int where the sizes are.
        """
        return (1 + BACKWARD) * self.forward_flops_per_token(causal)

    def forward_flops_per_token(self, causal: bool = False) -> float:
        """Count the FLOPs of a forward pass for one token of a full context; `causal` is that of `flops_per_token`."""
        return sum(self.forward_terms(causal))

    def parameter_terms(self, embeddings: bool) -> tuple[float, float, float]:
        """The parameters that grow in the family with the cube, with the square and in proportion to the scale."""
        kv, inner = self._kv_width, self.feed_forward_width
        norm = self.width * (2 if self.biases else 1)
        biases = self.attention_width + 2 * kv + (2 if self.gated else 1) * inner + 2 * self.width
        vectors = 2 * norm + (biases if self.biases else 0)
        rows = (1 if self.tied else 2) * self.vocabulary + (self.context if self.learned_positions else 0)
        ends = norm + (rows * self.width if embeddings else 0)
        return self.depth * self._matrices, self.depth * vectors, ends

    def forward_terms(self, causal: bool) -> tuple[float, float, float]:
        """The FLOPs of a forward pass that grow in the family as `parameter_terms` do."""
        seen_twice = self.context + 1 if causal else 2 * self.context
        attention = 2 * self.attention_width * seen_twice  # scores and weighted values, 2 FLOPs each a token seen
        return 2 * self.depth * self._matrices, self.depth * attention, 2 * self.vocabulary * self.width

    def scale(self, N: Any, N_counts: str = TOTAL) -> Any:
        """How many times as deep and as wide as this shape the model of its family with N parameters is.

        Args:
            N: The parameters: a number, or an array of NumPy or JAX, traced or not.

            N_counts: "total", or "non-embedding" for N without embeddings and output layer. The default is "total".

        Returns:
            The scale, like N.

        Raises:
            InputError: `N_counts` is another word.

        >>> shape = Shape(depth=1, width=128, vocabulary=32_000, context=2048)
        >>> round(shape.scale(1e9), 2)  # 16.79 layers of width 2,149
        16.79
        """
        terms = self.parameter_terms(checked_counts(N_counts) == TOTAL)
        scale = (N / terms[0]) ** (1 / 3)  # the cube alone: never below the root
        for _ in range(NEWTON_STEPS):
            slope = (3 * terms[0] * scale + 2 * terms[1]) * scale + terms[2]
            scale = scale - (grown(terms, scale) - N) / slope
        return scale

    @property
    def _kv_width(self) -> float:
        if self.kv_heads is None or self.heads is None:
            return self.attention_width
        return _quotient(self.attention_width * self.kv_heads, self.heads)

    @property
    def _matrices(self) -> float:
        """The weights of one layer's matrices: query and output, keys and values, the feed-forward layer."""
        feed_forward = (3 if self.gated else 2) * self.feed_forward_width
        return self.width * (2 * self.attention_width + 2 * self._kv_width + feed_forward)


def grown(terms: tuple[float, float, float], scale: Any) -> Any:
    """The sum of a cube, a square and a proportional term at a scale of the family."""
    return ((terms[0] * scale + terms[1]) * scale + terms[2]) * scale


def checked_counts(N_counts: str) -> str:
    """The word for what N counts, "non_embedding" spelt as `Runs.N_counts` has it.

    Raises:
        InputError: It is another word.

    >>> checked_counts("non_embedding")
    'non-embedding'
    """
    word = str(N_counts).replace("_", "-")
    if word not in (TOTAL, NON_EMBEDDING):
        raise unknown("N_counts", N_counts, (TOTAL, NON_EMBEDDING))
    return word


def _quotient(a: float, b: float) -> float:
    """The number a / b, which stays an int where it is whole."""
    return a // b if a % b == 0 else a / b
