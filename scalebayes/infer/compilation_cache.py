"""This file keeps JAX's compiled programs on disk, so that a later process does not compile them again."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from scalebayes.datasets.cache import CACHE, cache_folder
from scalebayes.errors import InputError, known_settings

_FOLDER = "jax_compilation_cache_dir"
# Without these two, JAX keeps no program that took less than a second to compile, and most programs of a fit are such.
_LIMITS = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": -1}

# JAX's settings as this file made them, and as they were before. Both are empty while the cache is off.
_made: dict[str, Any] = {}
_before: dict[str, Any] = {}


@known_settings
def compilation_cache(folder: str | os.PathLike[str] | bool | None) -> Path | None:
    """Keep compiled programs on disk, so that the first fit of a later process starts sooner.

    The cache is off until this function is called. It is JAX's own cache, and it is one for the whole process: it keeps
    the programs of all code that uses JAX. The function may be called before or after the first fit.

    The programs of fits and forecasts with laws of this package are kept as JAX traced them, too. Without that, a later
    process would trace them again, which takes seconds, before it could find what was compiled.

    Each combination of versions of scalebayes, JAX and jaxlib has a subfolder. JAX's key of a program has the program
    itself, jaxlib's version, the compiler's options and the device, so programs of two versions are never confused. The
    subfolder lets you delete what an old version left; nothing else deletes it.

    Several processes may use one folder at once. JAX does not write a file in one step. If a process reads a file that
    is unfinished, or is damaged so that it can't be unpacked, JAX warns and compiles the program again, with the same
    result. JAX does not replace a damaged file; to be rid of the warning, delete the folder.

    The processes of an executor of `fit_many` use the folder too, where they can see it and have no cache of their own.
    No other process inherits the cache. Commands of the command line keep their programs where
    `compilation_cache(True)` does.

    JAX runs what it finds in the folder, so nobody whom you don't trust should be able to write to it.

    Args:
        folder: Where the programs are kept. A path is a folder, which is made if it is not there; JAX then uses it in
            place of any folder that was set before, by `jax_compilation_cache_dir` or $JAX_COMPILATION_CACHE_DIR. True
            is the folder that was set so, as it is; if there is none, it is the folder `jit` in $SCALEBAYES_CACHE or
            else in the user's cache folder. False and None turn the cache off: JAX's settings become what they were
            before the first call. They change nothing if no call set a folder.

    Returns:
        The folder that has the files: the subfolder of the versions, or the folder of JAX that was left as it is. After
        False and None, the function returns None.

    Raises:
        InputError: The folder can't be made or written, the value is neither a path nor a bool, or JAX's cache is
            disabled by its setting `jax_enable_compilation_cache`. JAX's settings are then unchanged.

    >>> import tempfile
    >>> import scalebayes as sb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     used = sb.compilation_cache(folder)
    ...     # What is fitted here leaves its programs in `used`.
    ...     sb.compilation_cache(False)
    >>> used.name.startswith("scalebayes-")
    True
    """
    set_before, ours = jax.config.jax_compilation_cache_dir, folder_in_use() is not None
    if folder is None or folder is False:
        if ours:
            _apply(_before)
        _made.clear()
        _before.clear()
        return None
    if not jax.config.jax_enable_compilation_cache:
        raise InputError(
            "JAX's cache is disabled by jax_enable_compilation_cache; "
            "call jax.config.update('jax_enable_compilation_cache', True) first"
        )
    if folder is True and set_before and not ours:
        return Path(set_before)
    used = _writable(folder)
    if not ours:
        _before.update({name: getattr(jax.config, name) for name in (_FOLDER, *_LIMITS)})
    _made.update({_FOLDER: str(used), **_LIMITS})
    _apply(_made)
    return used


def folder_in_use() -> str | None:
    """The folder of compiled programs that a call of `compilation_cache` set, for other processes to use; else None."""
    return _made[_FOLDER] if _made and jax.config.jax_compilation_cache_dir == _made[_FOLDER] else None


def use_folder_of(folder: str | None) -> None:
    """Use the folder of another process, which `folder_in_use` gave there.

    Nothing changes where this process has a cache already, or where the folder isn't there, as on another machine.
    """
    off = jax.config.jax_enable_compilation_cache and not jax.config.jax_compilation_cache_dir
    if folder and off and os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        _apply({_FOLDER: folder, **_LIMITS})


def _apply(settings: dict[str, Any]) -> None:
    """Change JAX's settings, and let JAX open the cache anew, since it holds on to the folder of its first program."""
    for name, value in settings.items():
        jax.config.update(name, value)
    reset_cache()


def _writable(folder: Any) -> Path:
    """The subfolder of the versions in a folder that the user gave, made and tried."""
    if folder is not True and not (isinstance(folder, (str, os.PathLike)) and str(folder)):
        raise InputError(f"folder is a path, True or False, not {folder!r}")
    # The package itself stands below this folder and is not imported from here; it is loaded already.
    own = sys.modules["scalebayes"].__version__
    versions = f"scalebayes-{own}-jax-{jax.__version__}-jaxlib-{version('jaxlib')}"
    shown = folder
    try:
        shown = cache_folder() / "jit" if folder is True else Path(folder).expanduser()
        used = shown.absolute() / versions
        used.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=used):
            pass
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no home folder; ValueError: a null character
        cure = (
            f"set {CACHE} to a folder that you can write to, or give one" if folder is True else "give another folder"
        )
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"compiled programs can't be kept in {shown}: {reason}; {cure}") from None
    return used
