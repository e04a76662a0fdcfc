"""This file has the formula C = 6 N D for the training FLOPs of a dense transformer, and its inverses for N and D.

Source: Kaplan et al. 2020, arXiv 2001.08361, section 2.1. A forward pass takes 2 FLOPs per parameter and token, and the
backward pass takes twice as many. Attention over the context, embeddings and the output layer are not counted.
"""

import math
from collections.abc import Mapping
from typing import Any

# The formula of each of C, N and D in terms of the two others, and the names of these two.
DERIVED = {"C": "6 N D", "N": "C / (6 D)", "D": "C / (6 N)"}
SOURCES = {"C": ("N", "D"), "N": ("C", "D"), "D": ("C", "N")}
LOG_6 = math.log(6.0)  # log C = log 6 + log N + log D


def flops(N: Any, D: Any) -> Any:
    """The training FLOPs C = 6 N D of a model with N parameters on D tokens.

    >>> flops(1e9, 2e10)
    1.2e+20
    """
    return 6 * N * D


def other_size(C: Any, size: Any) -> Any:
    """The tokens D = C / (6 N) if `size` is N, or the parameters N = C / (6 D) if `size` is D.

    With a size of 1 the result is the product N D = C / 6.

    >>> other_size(1.2e20, 1e9)
    20000000000.0
    """
    return C / (6 * size)


def derived(name: str, columns: Mapping[str, Any]) -> Any:
    """Compute the column `name`, one of N, D and C, from the columns of the two others.

    >>> derived("D", {"C": 1.2e20, "N": 1e9})
    20000000000.0
    """
    a, b = (columns[source] for source in SOURCES[name])
    return flops(a, b) if name == "C" else other_size(a, b)
