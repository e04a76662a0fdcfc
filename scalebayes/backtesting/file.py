"""This file makes the contents of a backtest's file, and reads a backtest from the content of such a file."""

import io
import json
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError
from scalebayes.fitting.to_file import BACKTEST, FORMAT, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.hdf5 import Content
from scalebayes.safe_files.labelled import NUMBERS, TEXT, check_shape, of_parts, parts_of

SCORES = "scores"
# The attribute in which files of earlier versions have their format.
OLD = "scalebayes_backtest"
BY_FIT, BY_RUN, BY_PROB = ("law", "cutoff"), ("law", "cutoff", "run"), ("law", "cutoff", "prob", "run")
# The arrays that a backtest must have, each with its dims and its type. It may have more.
HAS = {
    **{name: (BY_RUN, NUMBERS) for name in ("median", "log_error", "log_score", "crps", "pit")},
    **{name: (BY_PROB, NUMBERS) for name in ("lower", "upper", "covered", "log_width")},
    **{"efolds": (("cutoff", "run"), NUMBERS), "fitted": (("cutoff",), NUMBERS), "cutoff": (("cutoff",), NUMBERS)},
    **{"prob": (("prob",), NUMBERS), "size": (("run",), NUMBERS), "y": (("run",), NUMBERS)},
    **{"law": (("law",), TEXT), "status": (BY_FIT, TEXT), "method": (BY_FIT, TEXT)},
}
# The attributes that a backtest must have.
SAID = ("by", "observable", "method", "seed", "versions")


def contents_of(data: xr.Dataset) -> netcdf.Contents:
    """Return the arrays and the attributes that `Backtest.save` writes, from the data of the backtest."""
    arrays, record = parts_of(data)
    return {SCORES: arrays}, {"": about(json_of({**record, "attrs": plain(data.attrs)}), BACKTEST)}


def load(path: Any) -> xr.Dataset:
    """The data of a backtest in a file. It is here for `Backtest.load`, and goes with it.

    Raises:
        InputError: The file doesn't exist, has no backtest, or is damaged.
    """
    whole = netcdf.checked(path, "backtest")
    content = netcdf.opened(path, whole, "backtest")
    attrs = content.attrs[""]
    if OLD not in attrs and attrs.get("scalebayes_kind") != BACKTEST:
        raise InputError(f"can't read {path}: it is a NetCDF file, but not a backtest saved by scalebayes")
    try:
        return restored(path, content, whole)
    except InputError:
        raise
    except Exception as error:
        raise InputError(netcdf.damaged(path, f"{type(error).__name__}: {error}")) from None


def restored(path: Any, content: Content, whole: bytes) -> xr.Dataset:
    """The data that `Backtest.load` makes from the content of a file, in any format up to the present one.

    Args:
        path: The path of the file, for the message.

        content: The content that was read from the file.

        whole: The file as bytes, from which the first format is read.

    Raises:
        InputError: A later version wrote the file.
        Exception: The content isn't that of a backtest. The exception may be of any type.
    """
    attrs = content.attrs[""]
    written = int(attrs[OLD if OLD in attrs else "scalebayes_format"])
    if written > FORMAT:
        raise InputError(f"can't read {path}: a later version of scalebayes wrote it (format {written}); upgrade")
    if written < FORMAT:
        data = _first(whole)
    else:
        record = json.loads(attrs["scalebayes"])
        data = of_parts(content.groups[SCORES], record, record["attrs"])
    check_shape(data, HAS)
    if lacking := [name for name in SAID if name not in data.attrs]:
        raise ValueError(f"it doesn't say {lacking[0]!r}")
    if not all(np.isfinite(data[name].values).all() for name in ("cutoff", "prob", "size", "y", "fitted")):
        raise ValueError("its cutoffs or its runs aren't finite")
    return data


def _first(whole: bytes) -> xr.Dataset:
    """The data of a backtest from a file of the first format, which had no checksum."""
    with xr.open_dataset(io.BytesIO(whole), engine="h5netcdf") as opened:
        data = opened.load()
    del data.attrs[OLD]
    return data
