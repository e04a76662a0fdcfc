"""This file keeps traced programs on disk beside the compiled ones, so that a later process does not trace them again.

JAX's own cache has what XLA compiled. To find it, JAX must first trace the Python functions of a program, which takes
seconds for the programs of a fit. Here the traced program is kept by `jax.export`, under a digest of all that it
depends on: the package's source, the versions of the libraries, the settings of JAX, the kind of device, and the
program's static arguments and the shapes of the others. A program that depends on a function of the user is not kept,
since nothing tells whether that function has changed.
"""

import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import jax
from jax import export

from scalebayes.errors import InputError
from scalebayes.infer.compilation_cache import folder_in_use
from scalebayes.parameters.priors import Traced
from scalebayes.safe_files.checksum import sealed, unsealed
from scalebayes.safe_files.write import write

OURS = __name__.partition(".")[0]  # the package, whose functions the digest of its source covers
LIBRARIES = ("jax", "jaxlib", "numpyro", "numpy", "optax")
# Settings of JAX by a part of their names that say where files go or what is printed, and change no program.
WITHOUT_EFFECT = ("cache", "log", "dump", "traceback", "profil", "debug_infos")

# Program -> the positions of its static arguments.
_static: dict[Any, tuple[int, ...]] = {}
# Digest -> the function of the flat arguments, and the tree of its result; None where JAX can't export the program.
_loaded: dict[str, tuple[Callable[..., Any], Any] | None] = {}


class _NotKept(Exception):
    """A program depends on something of which no digest can be made."""


def jitted(*static: int) -> Callable[[Callable[..., Any]], Any]:
    """Make a decorator that jits a function, whose traces `call` may keep, with static arguments at these positions.

    >>> @jitted(0)
    ... def times(factor, x):
    ...     return factor * x
    >>> float(call(times, 2.0, jax.numpy.array(3.0)))
    6.0
    """

    def decorate(function: Callable[..., Any]) -> Any:
        program = jax.jit(function, static_argnums=static)
        _static[program] = static
        return program

    return decorate


def call(program: Any, *arguments: Any) -> Any:
    """Call a program that `jitted` made, by the trace on disk where there is one; any other program is just called."""
    folder = folder_in_use()
    if folder is None or program not in _static or len(jax.local_devices()) > 1:
        return program(*arguments)
    try:
        digest = _digest(program, arguments)
    except _NotKept:
        return program(*arguments)
    leaves, tree = jax.tree.flatten([x for i, x in enumerate(arguments) if i not in _static[program]])
    if digest not in _loaded:
        path = Path(folder) / "traces" / digest
        found = _read(path)
        if found is None:
            try:
                found = _traced(program, arguments, leaves, tree)
            except (NotImplementedError, ValueError):  # it has an operation that JAX doesn't export
                _loaded[digest] = None
                return program(*arguments)
            _write(path, found)
        blob, result = found
        _loaded[digest] = jax.jit(export.deserialize(bytearray(blob)).call), result
    loaded = _loaded[digest]
    if loaded is None:
        return program(*arguments)
    function, result = loaded
    return jax.tree.unflatten(result, function(*leaves))


def _traced(program: Any, arguments: tuple[Any, ...], leaves: list[Any], tree: Any) -> tuple[bytes, Any]:
    """Trace a program; return it as bytes, a function of flat arguments, and the tree of its result."""
    results = []

    def flat(*leaves: Any) -> list[Any]:
        others = iter(jax.tree.unflatten(tree, leaves))
        whole = [x if i in _static[program] else next(others) for i, x in enumerate(arguments)]
        found, result = jax.tree.flatten(program(*whole))
        results.append(result)
        return found

    return bytes(export.export(jax.jit(flat))(*leaves).serialize()), results[0]


def _read(path: Path) -> tuple[bytes, Any] | None:
    """Read a trace that `_write` wrote; None where there is none, or it is damaged."""
    try:
        body = unsealed(path.read_bytes())
    except (OSError, ValueError):
        return None
    return None if body is None else pickle.loads(body)


def _write(path: Path, found: tuple[bytes, Any]) -> None:
    """Write a trace whole, so that no process reads half of it. A folder that can't be written keeps nothing."""
    try:
        path.parent.mkdir(exist_ok=True)
        write(path, sealed(pickle.dumps(found)))
    except (OSError, InputError):
        return


def _digest(program: Any, arguments: tuple[Any, ...]) -> str:
    """The digest of all that a program with these arguments depends on.

    Raises:
        _NotKept: An argument has a function or an object that is not of this package.
    """
    parts = [_surroundings(), _name(program.__wrapped__)]
    for i, argument in enumerate(arguments):
        parts += ["static", *_static_parts(argument)] if i in _static[program] else ["traced", *_traced_parts(argument)]
    settings = {name: x for name, x in jax.config.values.items() if not any(no in name for no in WITHOUT_EFFECT)}
    parts += [repr(sorted((name, str(x)) for name, x in settings.items())), str(jax.config.jax_enable_x64)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _surroundings() -> str:
    """A text of the package's source, of the versions of Python and the libraries, and of the kind of device."""
    from importlib.metadata import version

    source = hashlib.sha256()
    root = Path(sys.modules[OURS].__file__ or "").parent
    for path in sorted(root.rglob("*.py")):
        source.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    device = jax.local_devices()[0]
    return "\n".join([source.hexdigest(), sys.version, *versions, device.platform, device.device_kind])


def _static_parts(what: Any) -> Iterator[str]:
    """The texts that tell a static argument from any other.

    Raises:
        _NotKept: It has an object of which no such text is known.
    """
    if isinstance(what, (str, bytes, int, float, complex, bool, type(None))):
        yield repr(what)
    elif isinstance(what, FunctionType):
        yield _name(what)
    elif is_dataclass(what) and not isinstance(what, type):
        yield _name(type(what))
        for one in fields(what):
            yield from _static_parts(getattr(what, one.name))
    elif isinstance(what, (tuple, list)):
        yield from _sequence_parts(what, _static_parts)
    else:
        raise _NotKept(what)


def _traced_parts(what: Any) -> Iterator[str]:
    """The texts of an argument's tree, with the shape and the dtype of each leaf.

    Raises:
        _NotKept: The tree has a node of which no such text is known, such as a distribution of the user.
    """
    if what is None or isinstance(what, (bool, int, float, complex)):
        yield type(what).__name__
    elif hasattr(what, "dtype") and hasattr(what, "shape"):
        yield f"{what.dtype}{what.shape}{getattr(what, 'weak_type', False)}"
    elif isinstance(what, dict):
        yield f"dict of {sorted(what)}"
        for name in sorted(what):
            yield from _traced_parts(what[name])
    elif isinstance(what, Traced) and what.family is not None:
        yield what.family
        yield from _traced_parts(what.arguments)
    elif isinstance(what, (tuple, list)):
        yield from _sequence_parts(what, _traced_parts)
    else:
        raise _NotKept(what)


def _sequence_parts(what: Any, parts: Callable[[Any], Iterator[str]]) -> Iterator[str]:
    """The texts of a tuple, a list or a named tuple, with `parts` giving those of each member."""
    yield f"{_name(type(what)) if hasattr(what, '_fields') else type(what).__name__} of {len(what)}"
    for each in what:
        yield from parts(each)


def _name(what: Any) -> str:
    """The name by which a function or class of this package is found again.

    Raises:
        _NotKept: It is of another package, or nothing is found by its name, as of a function made by a function.
    """
    module, name = what.__module__, what.__qualname__
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if module.partition(".")[0] != OURS or getattr(found, "__wrapped__", found) is not what:
        raise _NotKept(what)
    return f"{module}.{name}"
