"""Save a backtest to one NetCDF file and load it again."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.files import netcdf
from scalebayes.runs.stored import plain

FORMAT = 2
SCORES = "scores"
BY_FIT, BY_RUN, BY_PROB = ("law", "cutoff"), ("law", "cutoff", "run"), ("law", "cutoff", "prob", "run")
# What a backtest has, by its dims; more may be there.
NUMBERS = {
    **dict.fromkeys(("median", "log_error", "log_score", "crps", "pit"), BY_RUN),
    **dict.fromkeys(("lower", "upper", "covered", "log_width"), BY_PROB),
    **{"efolds": ("cutoff", "run"), "fitted": ("cutoff",), "cutoff": ("cutoff",), "prob": ("prob",)},
    **{"size": ("run",), "y": ("run",)},
}
WORDS = {"law": ("law",), "status": BY_FIT, "method": BY_FIT}
SAID = ("by", "observable", "method", "seed", "versions")


def save(data: xr.Dataset, path: Any) -> None:
    """Write the data of a backtest to one NetCDF file: see `Backtest.save`."""
    numbers = {str(name): x for name, x in data.variables.items() if x.dtype.kind in "fib"}
    # Text is the user's, and may hold what an array of a file can't.
    words = {str(name): [list(x.dims), x.values.tolist()] for name, x in data.variables.items() if x.dtype.kind in "UO"}
    record = {
        "dims": {name: list(x.dims) for name, x in numbers.items()},
        "words": words,
        "coords": [str(name) for name in data.coords],
        "attrs": plain(data.attrs),
    }
    arrays = {name: (tuple(map(str, x.dims)), x.values) for name, x in numbers.items()}
    about = {"scalebayes_backtest": FORMAT, "scalebayes": json.dumps(record)}
    netcdf.save(path, {SCORES: arrays}, {"": about})


def load(path: Any) -> xr.Dataset:
    """The data of a backtest in a file that `save` wrote.

    Raises:
        InputError: no such file, not a backtest, or a damaged one.
    """
    path = Path(path)
    whole = netcdf.checked(path, "backtest")
    content = netcdf.opened(path, whole, "backtest")
    found = content.attrs[""]
    if "scalebayes_backtest" not in found:
        raise InputError(f"can't read {path}: it is a NetCDF file, but not a backtest saved by scalebayes")
    try:
        written = int(found["scalebayes_backtest"])
        if written > FORMAT:
            raise InputError(f"can't read {path}: a later version of scalebayes wrote it (format {written}); upgrade")
        data = _second(content.groups[SCORES], json.loads(found["scalebayes"])) if written == FORMAT else _first(whole)
        _check(data)
    except InputError:
        raise
    except Exception as error:
        raise InputError(netcdf.damaged(path, f"{type(error).__name__}: {error}")) from None
    return data


def _second(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> xr.Dataset:
    variables = {name: (dims, arrays[name]) for name, dims in record["dims"].items()}
    variables |= {name: (dims, np.array(cells, str)) for name, (dims, cells) in record["words"].items()}
    return xr.Dataset(variables, attrs=record["attrs"]).set_coords(record["coords"])


def _first(whole: bytes) -> xr.Dataset:
    """Of the first format, which had no checksum."""
    with xr.open_dataset(io.BytesIO(whole), engine="h5netcdf") as opened:
        data = opened.load()
    del data.attrs["scalebayes_backtest"]
    return data


def _check(data: xr.Dataset) -> None:
    for name, dims in (NUMBERS | WORDS).items():
        kinds = "fib" if name in NUMBERS else "UO"
        if data[name].dims != dims or data[name].dtype.kind not in kinds:
            raise ValueError(f"{name!r} is {data[name].dtype} over {data[name].dims}")
    if lacking := [name for name in SAID if name not in data.attrs]:
        raise ValueError(f"it doesn't say {lacking[0]!r}")
    if not all(np.isfinite(data[name].values).all() for name in ("cutoff", "prob", "size", "y", "fitted")):
        raise ValueError("its cutoffs or its runs aren't finite")
