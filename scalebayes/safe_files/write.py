"""This file writes files whole or not at all, and reads them."""

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from scalebayes.errors import InputError

# Reasons, by the number of the error, why a file does not fit on its disk.
FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EFBIG: "the file would be larger than is allowed here",
}


def target(path: Any) -> Path:
    """Check the path of a file that is going to be written, and return it as a `Path`.

    Raises:
        InputError: The path is a folder, a device or a pipe, or its folder does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"can't write {path}: it is a folder; give a file name such as {path / 'fit.nc'}")
    if not path.parent.is_dir():
        raise InputError(
            f"can't write {path}: there is no folder {path.parent}; make it first, or give a path that is there"
        )
    if path.exists() and not path.is_file():
        raise InputError(f"can't write {path}: it is a device or a pipe; give the name of a file")
    return path


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    The content is written to a temporary file in the same folder. When all of it is on the disk, the temporary file is
    renamed to `path`.

    Raises:
        InputError: The path can't be written, or the disk is full. The temporary file is removed.
    """
    scratch = None
    try:
        handle, scratch = tempfile.mkstemp(suffix=".part", dir=path.parent)
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(scratch, 0o666 & ~umask)
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"can't write {path}: {_reason(error)}") from None
    finally:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    """Why a file can't be written, in words, with a cure for a full disk."""
    said = error.strerror or str(error)
    full = FULL.get(error.errno or 0)
    return f"{full} ({said}); make room, or give a path on another disk" if full else said


def read(path: Any) -> bytes:
    """The content of a file.

    Raises:
        InputError: The file does not exist, can't be read, or is a folder, a device or a pipe. A pipe might never end.
    """
    path = Path(path)
    try:
        about = path.stat()
    except (OSError, ValueError):
        raise InputError(f"can't read {path}: there is no such file; check the path") from None
    if not stat.S_ISREG(about.st_mode):
        what = "a folder" if stat.S_ISDIR(about.st_mode) else "a device or a pipe"
        raise InputError(f"can't read {path}: it is {what} and not a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise InputError(f"can't read {path}: its {about.st_size:,} bytes don't fit into memory") from None
