"""Labelled arrays, as xarray has them, as the variables and the record of a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.files.netcdf import Variable

# Name -> dims and the kinds of values ("fib" for numbers, "UO" for text, "b" for truth values), of what must be there.
Shape = Mapping[str, tuple[tuple[str, ...], str]]
NUMBERS, TEXT, TRUTH = "fib", "UO", "b"


def parts_of(data: xr.Dataset) -> tuple[dict[str, Variable], dict[str, Any]]:
    """The numbers of a Dataset as variables of a file, and a record of the rest in JSON's types.

    Attributes are left to the caller, who knows what they hold.
    """
    numbers = {str(name): x for name, x in data.variables.items() if x.dtype.kind in NUMBERS}
    # Text is the user's, and may hold what an array of a file can't.
    words = {str(name): [list(x.dims), x.values.tolist()] for name, x in data.variables.items() if x.dtype.kind in TEXT}
    record = {
        "dims": {name: list(x.dims) for name, x in numbers.items()},
        "words": words,
        "coords": [str(name) for name in data.coords],
    }
    return {name: (tuple(map(str, x.dims)), x.values) for name, x in numbers.items()}, record


def of_parts(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.Dataset:
    """The Dataset that `parts_of` took apart.

    Raises:
        Exception: of whatever kind, where arrays and record don't belong together.
    """
    variables: dict[str, Any] = {name: (dims, arrays[name]) for name, dims in record["dims"].items()}
    variables |= {name: (dims, np.array(cells, str)) for name, (dims, cells) in record["words"].items()}
    return xr.Dataset(variables, attrs=dict(attrs)).set_coords(record["coords"])


def check_shape(data: xr.Dataset, shape: Shape) -> None:
    """Refuse a Dataset that lacks a variable, or has it over other dims or of another kind of values.

    Raises:
        ValueError: which variable, and what it is.
    """
    for name, (dims, kinds) in shape.items():
        if name not in data.variables:
            raise ValueError(f"it has no {name!r}")
        if data[name].dims != dims or data[name].dtype.kind not in kinds:
            raise ValueError(f"{name!r} is {data[name].dtype} over {data[name].dims}")
