"""C = 6 N D, the training FLOPs of a dense transformer, and what it says of N and D.

Source: Kaplan et al. 2020, arXiv 2001.08361, section 2.1: a forward pass takes 2 FLOPs a parameter and token, and the
backward pass twice as many; attention over the context, embeddings and the output layer aren't counted.
"""

import math
from collections.abc import Mapping
from typing import Any

# What each of the three is in the other two, in words and by their names.
DERIVED = {"C": "6 N D", "N": "C / (6 D)", "D": "C / (6 N)"}
SOURCES = {"C": ("N", "D"), "N": ("C", "D"), "D": ("C", "N")}
LOG_6 = math.log(6.0)  # log C = log 6 + log N + log D


def flops(N: Any, D: Any) -> Any:
    """Training FLOPs of N parameters on D tokens.

    >>> flops(1e9, 2e10)
    1.2e+20
    """
    return 6 * N * D


def partner(C: Any, one: Any) -> Any:
    """The tokens that C FLOPs train N parameters on, or the parameters that they train on D tokens.

    >>> partner(1.2e20, 1e9)
    20000000000.0
    """
    return C / (6 * one)


def derived(name: str, columns: Mapping[str, Any]) -> Any:
    """N, D or C from the two others.

    >>> derived("D", {"C": 1.2e20, "N": 1e9})
    20000000000.0
    """
    a, b = (columns[source] for source in SOURCES[name])
    return flops(a, b) if name == "C" else partner(a, b)
