"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scalebayes.errors import InputError


def target(path: Any) -> Path:
    """The path of a file to be written.

    Raises:
        InputError: it is a folder, or in a folder that isn't there.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"can't write {path}: it is a folder; give a file name such as {path / 'fit.nc'}")
    if not path.parent.is_dir():
        raise InputError(f"can't write {path}: there is no folder {path.parent}")
    return path


def write(path: Path, put: Callable[[str], object]) -> None:
    """Write a file: `put` fills one beside it, which then takes its name.

    Raises:
        InputError: the path can't be written.
    """
    try:
        handle, scratch = tempfile.mkstemp(suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}") from None
    os.close(handle)
    try:
        put(scratch)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(scratch, 0o666 & ~umask)
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}") from None
    finally:
        Path(scratch).unlink(missing_ok=True)
