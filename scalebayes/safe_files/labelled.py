"""This file converts a Dataset of xarray to the variables and the record of a file, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.safe_files.netcdf import Variable

# The variables that a Dataset must have: by name, their dims and the kinds of their values. The kinds are "fib" for
# numbers, "UO" for text and "b" for truth values.
Shape = Mapping[str, tuple[tuple[str, ...], str]]
NUMBERS, TEXT, TRUTH = "fib", "UO", "b"


def parts_of(data: xr.Dataset) -> tuple[dict[str, Variable], dict[str, Any]]:
    """The numeric variables of a Dataset, as variables of a NetCDF file, and a record of the rest as JSON data.

    The attributes of the Dataset are not in the record. The caller keeps them.
    """
    numbers = {str(name): x for name, x in data.variables.items() if x.dtype.kind in NUMBERS}
    # Text comes from the user. It may hold characters that an array in a file can't hold.
    words = {str(name): [list(x.dims), x.values.tolist()] for name, x in data.variables.items() if x.dtype.kind in TEXT}
    record = {
        "dims": {name: list(x.dims) for name, x in numbers.items()},
        "words": words,
        "coords": [str(name) for name in data.coords],
    }
    return {name: (tuple(map(str, x.dims)), x.values) for name, x in numbers.items()}, record


def of_parts(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Make the Dataset of a NetCDF file from the parts that `parts_of` returned.

    Raises:
        Exception: The arrays and the record do not belong together. The error may be of any kind.
    """
    variables: dict[str, Any] = {name: (dims, arrays[name]) for name, dims in record["dims"].items()}
    variables |= {name: (dims, np.array(cells, str)) for name, (dims, cells) in record["words"].items()}
    return xr.Dataset(variables, attrs=dict(attrs)).set_coords(record["coords"])


def check_shape(data: xr.Dataset, shape: Shape) -> None:
    """Check that a Dataset from a file has the variables of `shape`, with the right dims and kinds of values.

    Raises:
        ValueError: A variable is missing or wrong. The message names it and says what it is.
    """
    for name, (dims, kinds) in shape.items():
        if name not in data.variables:
            raise ValueError(f"it has no {name!r}")
        if data[name].dims != dims or data[name].dtype.kind not in kinds:
            raise ValueError(f"{name!r} is {data[name].dtype} over {data[name].dims}")
