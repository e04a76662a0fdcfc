"""This file makes NetCDF files in memory, adds a checksum to their end, and reads them if the checksum is right."""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import h5netcdf
import numpy as np

from scalebayes.errors import InputError
from scalebayes.safe_files import write as files
from scalebayes.safe_files.checksum import sealed, unsealed
from scalebayes.safe_files.hdf5 import MAGIC, Content, arrays_of, tried

# The dims and the values of an array.
Variable = tuple[tuple[str, ...], np.ndarray]
# The arrays of a file by the path of their group and by their name, and the attributes by the same two.
Contents = tuple[Mapping[str, Mapping[str, Variable]], Mapping[str, Mapping[str, Any]]]
CURE = "use another copy, or make it again"
# The attribute of each file that was saved with a checksum. If the checksum is gone, the file was changed.
MARK = "scalebayes_checksum"
WHERE = "the file's last line has the SHA-256 of all that comes before it"
# The attribute with the SHA-256 of the arrays and attributes. It shows that another program changed them, even if the
# last line of the file still has a checksum.
CONTENT = "scalebayes_content_sha256"


def save(path: Any, groups: Mapping[str, Mapping[str, Variable]], attrs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a NetCDF file with a checksum, whole or not at all.

    Args:
        path: The path of the file.

        groups: The arrays, each with its dims, by the path of their group and by their name.

        attrs: The attributes by the path of their group and by their name. Each is ASCII text or a number. The path of
            the root is "".

    Raises:
        InputError: The path can't be written.
    """
    files.write(files.target(path), sealed(made(groups, attrs)))


def made(groups: Mapping[str, Mapping[str, Variable]], attrs: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The bytes of a NetCDF file, without its checksum."""
    whole = io.BytesIO()
    with h5netcdf.File(whole, "w") as file:
        for place in dict.fromkeys(["", *groups, *attrs]):
            group = file if not place else file[place] if place in file else file.create_group(place)
            sizes = {dim: n for dims, x in groups.get(place, {}).values() for dim, n in zip(dims, x.shape, strict=True)}
            group.dimensions = sizes
            for name, (dims, values) in groups.get(place, {}).items():
                truth = values.dtype == bool
                variable = group.create_variable(name, dims, data=values.astype(np.int8) if truth else values)
                if truth:
                    variable.attrs["dtype"] = "bool"  # as xarray writes it
            for name, value in attrs.get(place, {}).items():
                group.attrs[name] = value
        file.attrs[MARK] = WHERE
        file.attrs[CONTENT] = digest_of(
            {place: {n: x for n, (_, x) in one.items()} for place, one in groups.items()}, attrs
        )
    return whole.getvalue()


def checked(path: Any, what: str) -> bytes:
    """The bytes of a NetCDF file, after a check that it is not damaged.

    The checksum of the file is checked. A file that never had a checksum is read to its end by another process.

    Args:
        path: The path of the file.

        what: What the file should hold, for the error message.

    Raises:
        InputError: The file does not exist, is of another kind, or is damaged.
    """
    whole = files.read(path)
    if not whole.startswith(MAGIC):
        raise InputError(f"can't read {path}: it is not a {what} saved by scalebayes, or it is damaged; {CURE}")
    try:
        content = unsealed(whole)
    except ValueError as error:
        raise InputError(damaged(path, str(error))) from None
    if content is not None:
        return whole
    if WHERE.encode() in whole:
        raise InputError(damaged(path, "it was cut short, or changed by another program"))
    if not tried(whole):
        raise InputError(f"can't read {path}: it is not a {what} saved by scalebayes, or it is damaged; {CURE}")
    return whole


def opened(path: Any, whole: bytes, what: str) -> Content:
    """The arrays and attributes of a NetCDF file, from the bytes that `checked` returned."""
    try:
        found = arrays_of(whole)
    except Exception as error:
        # A damaged or foreign file may make the reader raise any error; the message is always this one.
        raise InputError(
            f"can't read {path}: it is not a {what} saved by scalebayes, or it is damaged ({type(error).__name__}); "
            f"{CURE}"
        ) from None
    if MARK in found.attrs[""]:
        if unsealed(whole) is None:
            raise InputError(damaged(path, "its checksum is gone"))
        if found.attrs[""].get(CONTENT) != digest_of(found.groups, found.attrs):
            raise InputError(damaged(path, "its numbers aren't those that were saved"))
    return found


def damaged(path: Any, why: str) -> str:
    """The error message for a damaged NetCDF file.

    >>> damaged("fit.nc", "it has no draws")
    "can't read fit.nc: the file is damaged: it has no draws; use another copy, or make it again"
    """
    return f"can't read {path}: the file is damaged: {why}; {CURE}"


def digest_of(groups: Mapping[str, Mapping[str, np.ndarray]], attrs: Mapping[str, Mapping[str, Any]]) -> str:
    """The SHA-256, hex, of a NetCDF file's arrays and attributes and of the paths and names that they have."""
    digest = hashlib.sha256()
    for place, arrays in sorted(groups.items()):
        for name, x in sorted(arrays.items()):
            digest.update(repr((place, name, x.dtype.str, x.shape)).encode("utf-8", "surrogatepass"))
            digest.update(np.ascontiguousarray(x).tobytes())
    for place, each in sorted(attrs.items()):
        texts = sorted((name, str(value)) for name, value in each.items() if name not in (MARK, CONTENT))
        digest.update(repr((place, texts)).encode() if texts else b"")
    return digest.hexdigest()
