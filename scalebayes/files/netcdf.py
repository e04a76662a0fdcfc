"""NetCDF files of arrays: made in memory, with a checksum at their end, and read where it holds."""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import h5netcdf
import numpy as np

from scalebayes.errors import InputError
from scalebayes.files import write as files
from scalebayes.files.checksum import sealed, unsealed
from scalebayes.files.hdf5 import MAGIC, Content, arrays_of, tried

# Dims and values.
Variable = tuple[tuple[str, ...], np.ndarray]
CURE = "use another copy, or make it again"
# An attribute of every file that has a checksum: where the checksum is gone, the file was changed.
MARK = "scalebayes_checksum"
WHERE = "the file's last line has the SHA-256 of all that comes before it"
# And one of the arrays and attributes themselves: what another program changed has another, whatever its last line.
CONTENT = "scalebayes_content_sha256"


def save(path: Any, groups: Mapping[str, Mapping[str, Variable]], attrs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one file, whole or not at all.

    Args:
        path: of the file. groups: path of a group -> name -> dims and array. attrs: path of a group -> its attributes,
            ASCII text or numbers; "" is the path of the root.

    Raises:
        InputError: the path can't be written.
    """
    files.write(files.target(path), sealed(made(groups, attrs)))


def made(groups: Mapping[str, Mapping[str, Variable]], attrs: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A NetCDF file as bytes, without its checksum."""
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
    """A NetCDF file as bytes whose checksum holds, or that never had one and can be read to the end.

    Args:
        path: of the file.

        what: is looked for in it, for the message.

    Raises:
        InputError: no such file, none of this kind, or a damaged one.
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
    """The arrays of a file, of which `checked` gave the bytes."""
    try:
        found = arrays_of(whole)
    except Exception as error:
        # Whatever a damaged or foreign file makes the reader raise, the answer is the same.
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
    """The sentence for a damaged file.

    >>> damaged("fit.nc", "it has no draws")
    "can't read fit.nc: the file is damaged: it has no draws; use another copy, or make it again"
    """
    return f"can't read {path}: the file is damaged: {why}; {CURE}"


def digest_of(groups: Mapping[str, Mapping[str, np.ndarray]], attrs: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256, hex, of arrays and attributes by their places and names."""
    digest = hashlib.sha256()
    for place, arrays in sorted(groups.items()):
        for name, x in sorted(arrays.items()):
            digest.update(repr((place, name, x.dtype.str, x.shape)).encode("utf-8", "surrogatepass"))
            digest.update(np.ascontiguousarray(x).tobytes())
    for place, each in sorted(attrs.items()):
        told = sorted((name, str(value)) for name, value in each.items() if name not in (MARK, CONTENT))
        digest.update(repr((place, told)).encode() if told else b"")
    return digest.hexdigest()
