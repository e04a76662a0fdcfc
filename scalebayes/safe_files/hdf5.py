"""This file reads the arrays of an HDF5 file that may be damaged or hostile.

It imports nothing from scalebayes, because `tried` runs it as a program of its own.
"""

import io
import subprocess
import sys
from typing import Any, NamedTuple

import h5py
import numpy as np

MAGIC = b"\x89HDF\r\n\x1a\n"  # the first bytes of an HDF5 file
DEEPEST = 6  # slashes in the path of a group; a file with a deeper group is refused
OURS = "scalebayes"  # the beginning of the names of the attributes that are read; other attributes are ignored
# The beginning of the NAME of a netCDF dimension without values. Such a dataset is not read.
BARE = b"This is a netCDF dimension but not a netCDF variable"
DAMAGED = 3  # exit code of the program for a damaged file
# Seconds of the clock and of the processor. A reader that takes longer counts as hanging, and the file as damaged.
# To start a reader takes half a second of the processor.
SECONDS, OF_CPU = 30.0, 3


class Content(NamedTuple):
    """The content of a file.

    Attributes:
        groups: The arrays by the path of their group and by their name.

        attrs: The attributes by the path of their group and by their name, for names that begin with "scalebayes".
    """

    groups: dict[str, dict[str, np.ndarray]]
    attrs: dict[str, dict[str, Any]]

    def of(self, part: str) -> "Content":
        """The group `part` and the groups in it, with their attributes. The paths are relative to `part`."""

        def inside[X](each: dict[str, X]) -> dict[str, X]:
            return {f"/{name}".removeprefix(f"/{part}")[1:]: x for name, x in each.items() if _lies(name, part)}

        return Content(inside(self.groups), inside(self.attrs))


def _lies(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}/")


def arrays_of(content: bytes) -> Content:
    """Read all arrays and attributes of an HDF5 file from its bytes, which may be hostile.

    Raises:
        Exception: The file is damaged. The reader may raise any kind of error.
        ValueError: The file is valid HDF5, but has something that files of scalebayes never have: a link to another
            file, a filter, or an array that is larger than the file.
    """
    found = Content({}, {})
    with h5py.File(io.BytesIO(content), "r") as file:
        _walk(file, "", len(content), found, set())
    return found


def _walk(group: Any, path: str, size: int, found: Content, seen: set[Any]) -> None:
    # The id of a group is the same on every path to it, so a group that contains itself is found.
    if group.id in seen or path.count("/") > DEEPEST:
        raise ValueError("a group lies in itself")
    seen.add(group.id)
    ours = {name: group.attrs[name] for name in group.attrs if name.startswith(OURS)}
    # xarray writes a number as an array of one element.
    found.attrs[path] = {name: np.ravel(x)[0] if np.size(x) == 1 else x for name, x in ours.items()}
    arrays = found.groups[path] = {}
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} lies in another place or file")
        one = group[name]
        if isinstance(one, h5py.Group):
            _walk(one, f"{path}/{name}" if path else name, size, found, seen)
        elif isinstance(one, h5py.Dataset) and not bytes(one.attrs.get("NAME", b"")).startswith(BARE):
            arrays[name] = _array(name, one, size)


def _array(name: str, one: Any, size: int) -> np.ndarray:
    text = h5py.check_string_dtype(one.dtype) is not None
    if not text and one.dtype.kind not in "iuf":
        raise ValueError(f"{name!r} holds {one.dtype}")
    made = one.id.get_create_plist()
    if one.external or one.is_virtual or made.get_nfilters() or one.nbytes > size:
        raise ValueError(f"{name!r} isn't kept in the file as it is")
    if one.id.get_storage_size() < one.nbytes:
        raise ValueError(f"{name!r} isn't all there")
    values = (one.asstr() if text else one)[()]
    # xarray writes truth values as integers with the attribute dtype="bool".
    return np.asarray(values).astype(bool) if one.attrs.get("dtype") == "bool" else np.asarray(values)


def tried(content: bytes) -> bool:
    """Whether another process can read a file to its end. A damaged file may hang its reader or end its process.

    The result is True too if no such process can be started, because this Python has no executable.

    Args:
        content: The content of a file without a checksum. A checksum is a faster way to find damage.
    """
    if not sys.executable:
        return True
    command = [sys.executable, "-P", __file__]
    try:
        code = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        return False
    return code != DAMAGED and code >= 0  # a code below 0: a signal ended the process


def _main() -> int:
    try:
        import resource  # some systems do not have it

        # The limit is in seconds of the processor, because a busy machine may slow down a reader that does not hang.
        resource.setrlimit(resource.RLIMIT_CPU, (OF_CPU, OF_CPU))
    except ImportError:
        pass
    try:
        arrays_of(sys.stdin.buffer.read())
    except Exception:
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
