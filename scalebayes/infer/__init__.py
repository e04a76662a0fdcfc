"""This folder has the inference methods; each takes a problem and a key and returns `Draws`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from scalebayes.errors import InputError, unknown
from scalebayes.infer.bootstrap import Bootstrap
from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import Laplace
from scalebayes.infer.map import MAP
from scalebayes.infer.mode import Search
from scalebayes.infer.nuts import NUTS

Method = Literal["nuts", "laplace", "map", "bootstrap"] | NUTS | Laplace | MAP | Bootstrap
"""What `method=` takes: the name of a method, or a method object with its settings."""

METHODS: Mapping[str, type] = MappingProxyType({"nuts": NUTS, "laplace": Laplace, "map": MAP, "bootstrap": Bootstrap})

__all__ = ["MAP", "METHODS", "NUTS", "Bootstrap", "Draws", "Laplace", "Method", "Search", "get"]


def get(method: Any) -> Any:
    """Find a method by its name.

    Args:
        method: The name of a method, or a method object, which is returned as it is.

    Returns:
        The method; one that is found by its name has its default settings.

    Raises:
        InputError: There is no such method. The message lists the methods.

    >>> get("laplace").proposals
    8000
    """
    if isinstance(method, tuple(METHODS.values())):
        return method
    if not isinstance(method, str):
        raise InputError(f"a method is a name or a method object such as sb.NUTS(), not {type(method).__name__}")
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    return METHODS[method]()
