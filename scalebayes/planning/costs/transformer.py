"""This file has the cost of a dense transformer by its shape, and the conversion of N with embeddings to N without."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, known_settings
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost, positive_number
from scalebayes.planning.costs.shape import BACKWARD, NON_EMBEDDING, TOTAL, Shape, checked_counts, grown

SOURCE = "matrix products as in Kaplan et al. 2020, arXiv 2001.08361, table 1, and the output layer"


@known_settings
def transformer(
    *,
    shape: Shape | Sequence[Shape] | None = None,
    aspect: float | None = None,
    vocabulary: float | None = None,
    context: float | None = None,
    N_counts: str = TOTAL,
    causal: bool = False,
) -> Cost:
    """The exact training FLOPs of a dense decoder-only transformer, for every N of a family of shapes.

    N gives the depth and the width, they give the FLOPs of a token (`Shape.flops_per_token`), and D times these is C.
    Attention makes C more than 6 N D where the context is long against the width, and so does the output layer where N
    leaves the embedding out.

    Args:
        shape: A `Shape`, whose family the models are: depth and width grow in proportion. Or a list of shapes that are
            trained: at their sizes the cost is theirs, between two of them log C is straight in log N, and beyond the
            ends it goes on by the family of the last one.

        aspect: The family by its rule, width = aspect x depth, in place of `shape`: 4 widths in the feed-forward layer,
            a tied embedding, no biases.

        vocabulary: The vocabulary of the rule's models.

        context: The context of the rule's models.

        N_counts: What N of the law counts: "total", or "non-embedding" where it leaves embeddings and output layer out,
            as in `Runs.N_counts`. The default is "total".

        causal: Whether attention is counted over the tokens that a token sees, half the context, rather than over all
            of it. The default is False.

    Returns:
        The cost.

    Raises:
        InputError: Not one of `shape` and `aspect` is given, the rule lacks a size, or FLOPs fall along a list.

    >>> cost = transformer(aspect=128, vocabulary=32_000, context=2048)
    >>> round(cost(1e9, 2e10) / (6 * 1e9 * 2e10), 3)
    1.148
    >>> llama = Shape(32, 4096, 32_000, 4096, feed_forward=11_008, gated=True, tied=False)
    >>> round(transformer(shape=llama)(6.74e9, 2e12) / (6 * 6.74e9 * 2e12), 3)
    1.14
    """
    checked_counts(N_counts)
    if isinstance(shape, Sequence):
        _no_rule("transformer", aspect, vocabulary, context)
        per_token, name = _of_ladder(shape, N_counts, causal), f"{len(shape)} shapes"
    else:
        one = _family("transformer", shape, aspect, vocabulary=vocabulary, context=context)
        per_token, name = _of_family(one, N_counts, causal), f"width = {one.width / one.depth:.4g} depth"
    return Cost(
        "transformer",
        lambda N, D: per_token(N) * D,
        f"C = FLOPs of the matrix products x D, {name}, N {checked_counts(N_counts)}",
        SOURCE,
    )


@known_settings
def of_non_embedding(
    training: Cost = six_nd,
    *,
    shape: Shape | None = None,
    aspect: float | None = None,
    vocabulary: float | None = None,
) -> Cost:
    """The cost of a law's N that counts all parameters, by a cost of the parameters without embeddings.

    With `six_nd` it is C = 6 N D as Kaplan et al. 2020 count it, for a law that was fitted to total parameters.

    Args:
        training: The cost, of N without embeddings. The default is `six_nd`.

        shape: As in `transformer`.

        aspect: As in `transformer`.

        vocabulary: As in `transformer`.

    Returns:
        The cost.

    Raises:
        InputError: Not one of `shape` and `aspect` is given, or the rule lacks its vocabulary.

    >>> f"{of_non_embedding(aspect=128, vocabulary=32_000)(1e9, 2e10):.4g}"
    '1.117e+20'
    """
    one = _family("of_non_embedding", shape, aspect, vocabulary=vocabulary)
    return Cost(
        "of_non_embedding",
        lambda N, D: training.fn(_converted(one, N, TOTAL), D),
        f"{training.formula}, N without embeddings",
        training.source,
        {name: _of_converted(one, fn) for name, fn in training.inputs.items()},
        training.training and of_non_embedding(training.training, shape=shape, aspect=aspect, vocabulary=vocabulary),
    )


@known_settings
def non_embedding(
    N: Any, *, shape: Shape | None = None, aspect: float | None = None, vocabulary: float | None = None
) -> Any:
    """Convert parameters with embeddings to parameters without, in a family of shapes.

    Args:
        N: All parameters: a number, or an array of NumPy or JAX, traced or not.

        shape: As in `transformer`.

        aspect: As in `transformer`.

        vocabulary: As in `transformer`.

    Returns:
        The parameters without the embeddings of tokens and positions and without an output layer that isn't tied.

    Raises:
        InputError: Not one of `shape` and `aspect` is given, or the rule lacks its vocabulary.

    >>> gpt2 = Shape(12, 768, vocabulary=50_257, context=1024, learned_positions=True, biases=True)
    >>> round(non_embedding(124_439_808, shape=gpt2))
    85056000
    """
    return _converted(_family("non_embedding", shape, aspect, vocabulary=vocabulary), N, TOTAL)


@known_settings
def with_embeddings(
    N: Any, *, shape: Shape | None = None, aspect: float | None = None, vocabulary: float | None = None
) -> Any:
    """Convert parameters without embeddings to all parameters: the inverse of `non_embedding`.

    Args:
        N: The parameters without embeddings: a number, or an array of NumPy or JAX, traced or not.

        shape: As in `transformer`.

        aspect: As in `transformer`.

        vocabulary: As in `transformer`.

    Returns:
        All parameters.

    Raises:
        InputError: Not one of `shape` and `aspect` is given, or the rule lacks its vocabulary.

    >>> gpt2 = Shape(12, 768, vocabulary=50_257, context=1024, learned_positions=True, biases=True)
    >>> round(with_embeddings(85_056_000, shape=gpt2))
    124439808
    """
    return _converted(_family("with_embeddings", shape, aspect, vocabulary=vocabulary), N, NON_EMBEDDING)


def _converted(shape: Shape, N: Any, N_counts: str) -> Any:
    """The other count of the model of a family that has N parameters as `N_counts` counts them."""
    return grown(shape.parameter_terms(N_counts == NON_EMBEDDING), shape.scale(N, N_counts))


def _of_converted(shape: Shape, fn: Any) -> Any:
    return lambda N, D: fn(_converted(shape, N, TOTAL), D)


def _of_family(shape: Shape, N_counts: str, causal: bool) -> Any:
    """FLOPs a token as a function of N, of the family of one shape."""
    terms = shape.forward_terms(causal)
    return lambda N: (1 + BACKWARD) * grown(terms, shape.scale(N, N_counts))


def _of_ladder(shapes: Sequence[Shape], N_counts: str, causal: bool) -> Any:
    """FLOPs a token as a function of N, through those of the shapes."""
    if not shapes or not all(isinstance(one, Shape) for one in shapes):
        raise InputError("transformer: shape is a sb.costs.Shape or a list of them")
    embeddings = checked_counts(N_counts) == TOTAL
    ladder = sorted(shapes, key=lambda one: one.parameters(embeddings))
    sizes = np.array([one.parameters(embeddings) for one in ladder], np.float64)
    flops = np.array([one.flops_per_token(causal) for one in ladder], np.float64)
    for i in np.flatnonzero((np.diff(sizes) <= 0) | (np.diff(flops) <= 0)):
        raise InputError(
            f"transformer: from N = {sizes[i]:.6g} to N = {sizes[i + 1]:.6g} FLOPs a token don't rise "
            f"({flops[i]:.6g}, {flops[i + 1]:.6g}); leave one of the two shapes out"
        )
    first, last = _of_family(ladder[0], N_counts, causal), _of_family(ladder[-1], N_counts, causal)
    log_sizes, log_flops = np.log(sizes), np.log(flops)

    def per_token(N: Any) -> Any:
        xp = jnp if isinstance(N, jax.Array) else np
        inside = xp.exp(xp.interp(xp.log(N), log_sizes, log_flops))
        return xp.where(xp.less(N, sizes[0]), first(N), xp.where(xp.greater(N, sizes[-1]), last(N), inside))

    return per_token


def _family(caller: str, shape: Any, aspect: Any, **sizes: Any) -> Shape:
    """The shape that stands for the family: the one given, or the one of depth 1 of the rule."""
    if shape is not None:
        _no_rule(caller, aspect, *sizes.values())
        if not isinstance(shape, Shape):
            raise InputError(f"{caller}: shape is a sb.costs.Shape, not {shape!r}")
        return shape
    if aspect is None or None in sizes.values():
        values = {"vocabulary": "32_000", "context": "2048"}
        rule = ", ".join(["aspect=128", *(f"{name}={values[name]}" for name in sizes)])
        raise InputError(f"{caller} needs a family of models: {rule}, or shape=sb.costs.Shape(...)")
    return Shape(depth=1, width=positive_number(f"{caller}: aspect", aspect), **{"context": 1, **sizes})


def _no_rule(caller: str, *given: Any) -> None:
    if any(one is not None for one in given):
        raise InputError(f"{caller}: shape= has the sizes; leave aspect=, vocabulary= and context= out")
