"""Data frames out of pickles that aren't trusted: stand-ins take the place of every class that a file may name.

A pickle is a program, and the classes that it names are what it can call. Nothing of pandas or numpy is called by
the file: the stand-ins only keep what they are given, so the pandas that wrote it may be of another version.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.reading.cells import objects

# Whatever else a dtype can say is refused: numpy takes the flags of a dtype at their word.
DTYPES = frozenset({"b1", "i4", "i8", "u4", "u8", "f4", "f8", "O8"})


def refused(what: str) -> InputError:
    return InputError(f"the pickle asks for {what}, which no table of numbers needs; it isn't read")


class Kind:
    """Stands in for numpy's dtype, of numbers and of objects."""

    def __init__(self, code: str, *_: Any):
        if code not in DTYPES:
            raise refused(f"an array of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """Stands in for numpy's array."""

    def __init__(self, *_: Any):
        self.cells = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, data = state
        cells = objects(data) if kind.dtype == object else np.frombuffer(data, kind.dtype)
        self.cells = cells.reshape(shape, order="F" if by_column else "C")


def array(buffer: Any, kind: Kind, shape: tuple[int, ...], order: str) -> Array:
    """An array of numbers, from its bytes."""
    made = Array()
    made.cells = np.frombuffer(buffer, kind.dtype).reshape(shape, order="F" if order == "F" else "C")
    return made


def scalar(kind: Kind, data: bytes) -> Any:
    """One number, from its bytes."""
    return np.frombuffer(data, kind.dtype)[0].item()


@dataclass(frozen=True)
class Block:
    """Columns of one type, values (column, row), and their places in the frame."""

    values: Array
    places: Any
    dimensions: int


@dataclass(frozen=True)
class Blocks:
    """The blocks of a frame and its two axes."""

    blocks: tuple[Block, ...]
    axes: list[Any]


class Values:
    """What a series holds, (row,)."""

    cells: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.cells = state[1][0].cells


class Index:
    """Stands in for every class of labels."""


def index(_: Any, fields: dict[str, Any]) -> Any:
    """The labels of an axis; None for those that are a range."""
    return fields["data"].cells if "data" in fields else None


class Series:
    """Stands in for a series: `cells`, (row,)."""

    cells: np.ndarray

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.cells = state["_mgr"].cells


class Frame:
    """Stands in for a data frame: `columns`, name -> cells, (row,)."""

    columns: dict[str, np.ndarray]

    def __setstate__(self, state: dict[str, Any]) -> None:
        blocks = state["_mgr"]
        names = blocks.axes[0]
        self.columns = {}
        for block in blocks.blocks:
            places = block.places.cells if isinstance(block.places, Array) else block.places
            self.columns |= dict(zip(names[places], block.values.cells, strict=True))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def records(self) -> list[dict[str, Any]]:
        """The rows, each by the names of the columns."""
        return [{name: cells[i] for name, cells in self.columns.items()} for i in range(len(self))]


# By package and name: the module in between is another from version to version.
STAND_INS: dict[tuple[str, str], Any] = {
    ("builtins", "slice"): slice,
    ("numpy", "_frombuffer"): array,
    ("numpy", "_reconstruct"): Array,
    ("numpy", "dtype"): Kind,
    ("numpy", "ndarray"): None,
    ("numpy", "scalar"): scalar,
    ("pandas", "BlockManager"): Blocks,
    ("pandas", "DataFrame"): Frame,
    ("pandas", "Float64Index"): Index,
    ("pandas", "Index"): Index,
    ("pandas", "Int64Index"): Index,
    ("pandas", "RangeIndex"): Index,
    ("pandas", "Series"): Series,
    ("pandas", "SingleBlockManager"): Values,
    ("pandas", "_new_Index"): index,
    ("pandas", "_unpickle_block"): Block,
}


class Unpickler(pickle.Unpickler):
    """An unpickler that knows the stand-ins and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        key = (module.split(".")[0], name)
        if key not in STAND_INS:
            raise refused(f"{module}.{name}")
        return STAND_INS[key]


def read_frame(content: bytes) -> Frame:
    """The data frame in a pickle; what the file says is never run.

    Raises `InputError` for a pickle that names any class but those of a table, and for one that holds no data frame.

    >>> read_frame(pickle.dumps(print))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: the pickle asks for builtins.print, which no table of numbers needs; it isn't read
    """
    found = Unpickler(io.BytesIO(content)).load()
    if not isinstance(found, Frame):
        raise InputError(f"the pickle holds a {type(found).__name__}, not a data frame; it isn't read")
    return found
