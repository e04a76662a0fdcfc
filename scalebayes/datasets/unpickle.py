"""This file reads data frames from pickles that are not trusted.

A pickle is a program that can call every class that it names. Here each class of pandas and numpy is replaced by a
stand-in that only stores its arguments, so the pickle can't call anything else. The version of pandas that wrote the
pickle therefore does not matter.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.reading.cells import objects

# The codes of the dtypes that are read. Any other dtype is refused, because numpy trusts the flags of a dtype.
DTYPES = frozenset({"b1", "i4", "i8", "u4", "u8", "f4", "f8", "O8"})


def refused(what: str) -> InputError:
    """The error for a data set's pickle that names something else than a table of numbers needs."""
    return InputError(f"the pickle asks for {what}, which no table of numbers needs; it isn't read")


class Kind:
    """The stand-in for a dtype of numpy, of numbers or of objects."""

    def __init__(self, code: str, *_: Any):
        if code not in DTYPES:
            raise refused(f"an array of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """The stand-in for an array of numpy."""

    def __init__(self, *_: Any):
        self.cells = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, data = state
        cells = objects(data) if kind.dtype == object else np.frombuffer(data, kind.dtype)
        self.cells = cells.reshape(shape, order="F" if by_column else "C")


def array(buffer: Any, kind: Kind, shape: tuple[int, ...], order: str) -> Array:
    """Make an array of numbers in a data set's pickle from its bytes, in C order, or by column if `order` is 'F'."""
    made = Array()
    made.cells = np.frombuffer(buffer, kind.dtype).reshape(shape, order="F" if order == "F" else "C")
    return made


def scalar(kind: Kind, data: bytes) -> Any:
    """Make one number in a data set's pickle from its bytes."""
    return np.frombuffer(data, kind.dtype)[0].item()


@dataclass(frozen=True)
class Block:
    """Columns of one dtype: their values (column, row), and their positions in the frame."""

    values: Array
    places: Any
    dimensions: int


@dataclass(frozen=True)
class Blocks:
    """The blocks of a frame and its two axes."""

    blocks: tuple[Block, ...]
    axes: list[Any]


class Values:
    """The stand-in for the values of a series, (row,)."""

    cells: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.cells = state[1][0].cells


class Index:
    """The stand-in for every class of the labels of an axis."""


def index(_: Any, fields: dict[str, Any]) -> Any:
    """The labels of an axis of the data frame in a data set's pickle; None if they are a range."""
    return fields["data"].cells if "data" in fields else None


class Series:
    """The stand-in for a series. `cells` are its values, (row,)."""

    cells: np.ndarray

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.cells = state["_mgr"].cells


class Frame:
    """The stand-in for a data frame. `columns` maps the name of a column to its cells, (row,)."""

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
        """The rows, each as a dict from the names of the columns to its cells."""
        return [{name: cells[i] for name, cells in self.columns.items()} for i in range(len(self))]


# The stand-ins by package and name. The module between them differs from version to version.
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
    """An unpickler that finds the stand-ins and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a class. Raises `InputError` for a class that has none."""
        key = (module.split(".")[0], name)
        if key not in STAND_INS:
            raise refused(f"{module}.{name}")
        return STAND_INS[key]


def read_frame(content: bytes) -> Frame:
    """Read the data frame in a data set's pickle without running what the pickle names.

    Raises:
        InputError: The pickle names a class that no table needs, or it holds no data frame.

    >>> read_frame(pickle.dumps(print))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: the pickle asks for builtins.print, which no table of numbers needs; it isn't read
    """
    frame = Unpickler(io.BytesIO(content)).load()
    if not isinstance(frame, Frame):
        raise InputError(f"the pickle holds a {type(frame).__name__}, not a data frame; it isn't read")
    return frame
