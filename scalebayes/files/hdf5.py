"""The arrays of an HDF5 file that may be damaged or hostile. It imports nothing of ours: `tried` runs it by itself."""

import io
import subprocess
import sys
from typing import Any, NamedTuple

import h5py
import numpy as np

MAGIC = b"\x89HDF\r\n\x1a\n"  # how such a file begins
DEEPEST = 6  # groups in groups
OURS = "scalebayes"  # how the attributes begin that are read
BARE = b"This is a netCDF dimension but not a netCDF variable"
DAMAGED = 3  # the exit code that says so
SECONDS, OF_CPU = 30.0, 3  # after which a reader hangs; starting one takes half a second of the processor


class Content(NamedTuple):
    """What is in a file: path of a group -> name -> array, and path -> the attributes that begin with our name."""

    groups: dict[str, dict[str, np.ndarray]]
    attrs: dict[str, dict[str, Any]]

    def of(self, part: str) -> "Content":
        """The groups under one, with paths from there on, its attributes among them."""

        def inside[X](each: dict[str, X]) -> dict[str, X]:
            return {f"/{name}".removeprefix(f"/{part}")[1:]: x for name, x in each.items() if _lies(name, part)}

        return Content(inside(self.groups), inside(self.attrs))


def _lies(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}/")


def arrays_of(content: bytes) -> Content:
    """Everything in a file, given as its bytes.

    Raises:
        Exception: of whatever kind the reader of a damaged file has. ValueError for what is valid and no file of ours
            has: links to other files, filters, arrays larger than the file.
    """
    found = Content({}, {})
    with h5py.File(io.BytesIO(content), "r") as file:
        _walk(file, "", len(content), found, set())
    return found


def _walk(group: Any, path: str, size: int, found: Content, seen: set[Any]) -> None:
    # An id is the same by every way to a group.
    if group.id in seen or path.count("/") > DEEPEST:
        raise ValueError("a group lies in itself")
    seen.add(group.id)
    ours = {name: group.attrs[name] for name in group.attrs if name.startswith(OURS)}
    # xarray writes a number as a list of one.
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
    # As xarray writes truth values.
    return np.asarray(values).astype(bool) if one.attrs.get("dtype") == "bool" else np.asarray(values)


def tried(content: bytes) -> bool:
    """Whether a process of its own can read a file to the end: a damaged one may hang the reader, or end its process.

    True too where no such process can be started, as of a Python that has no program.

    Args:
        content: of a file without a checksum, which says sooner whether there is any damage.
    """
    if not sys.executable:
        return True
    command = [sys.executable, "-P", __file__]
    try:
        code = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        return False
    return code != DAMAGED and code >= 0  # below 0: a signal ended it


def _main() -> int:
    try:
        import resource  # not on every system

        # A busy machine is no hanging reader: its own seconds count.
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
