"""This file lets one thread of the process compile at a time, and says how many threads may run what is compiled."""

import os
from collections.abc import Callable
from threading import RLock
from typing import Any

import jax

from scalebayes.infer.traces import call

_ready: set[Any] = set()
_compiling = RLock()


def compiled_once(program: Callable[..., Any], *arguments: Any) -> Any:
    """Call a program, so that only one thread of the process compiles at a time; `traces.jitted` makes such programs.

    Two threads that compiled at the same time have crashed the compiler. Calls of a compiled program run side by side.
    """
    return jax.block_until_ready(dispatched(program, *arguments))


def dispatched(program: Any, *arguments: Any) -> Any:
    """Call a program as `compiled_once` does, but don't wait for its result."""
    return alone_at_first((program, arguments), lambda: call(program, *arguments))


def alone_at_first[T](what: Any, call: Callable[[], T]) -> T:
    """Return the result of a call; of all first calls, whatever their kinds, only one runs at a time.

    Args:
        what: The things on which the compiled programs depend: a tree of arrays, whose shapes and dtypes count, and of
            hashable values.
        call: A function without arguments.

    Returns:
        What `call` returns.
    """
    leaves, structure = jax.tree.flatten(what)
    key = structure, tuple((x.shape, x.dtype) if hasattr(x, "dtype") else x for x in leaves)
    if key in _ready:
        return call()
    with _compiling:
        if key not in _ready:
            result = call()
            _ready.add(key)
            return result
    return call()


def cores() -> int:
    """The number of CPU cores on which this process may run a method."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
