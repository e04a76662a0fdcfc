"""This file makes a digest of what a function computes, so that a folder of batches belongs to one law."""

import hashlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import CodeType, FunctionType
from typing import Any


def function_digest(what: Any) -> str:
    """A digest by which `fit_many` knows functions again: of their code, defaults and closures.

    `what` is a function, or a record with functions in its fields.

    A function that is called by a global name counts by that name alone.

    >>> function_digest(lambda x: x + 1) == function_digest(lambda x: x + 2)
    False
    >>> function_digest(lambda x: x + 1) == function_digest(lambda x: x + 1)
    True
    """
    digest = hashlib.sha256()
    _feed(what, digest.update, set())
    return digest.hexdigest()[:16]


def _feed(what: Any, take: Callable[[bytes], object], seen: set[int]) -> None:
    if id(what) in seen:
        return
    wrapped = getattr(what, "func", None)
    if isinstance(what, FunctionType):
        seen.add(id(what))
        _feed(what.__code__, take, seen)
        _feed((what.__defaults__, sorted((what.__kwdefaults__ or {}).items())), take, seen)
        for cell in what.__closure__ or ():
            _feed(cell.cell_contents, take, seen)
    elif isinstance(what, CodeType):
        take(what.co_code)
        _feed((what.co_names, what.co_consts), take, seen)
    elif isinstance(what, (tuple, list)):
        for one in what:
            _feed(one, take, seen)
    elif is_dataclass(what) and not isinstance(what, type):
        for one in fields(what):
            _feed(getattr(what, one.name), take, seen)
    elif callable(wrapped):
        _feed((wrapped, getattr(what, "args", ()), sorted(getattr(what, "keywords", {}).items())), take, seen)
    elif isinstance(what, (str, bytes, int, float, complex, bool, type(None))):
        take(repr(what).encode())
    else:
        # An object without a stable text, such as one that prints its address, counts by its type alone.
        take(f"{type(what).__module__}.{type(what).__qualname__}".encode())
