"""This file reads registered forecasts back from their file, and refuses a file that was changed."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.backtesting.marginals import Components
from scalebayes.backtesting.on_record import Member, Registered
from scalebayes.backtesting.record_file import COLUMN, FORECAST, MEMBER, NOISE, contents_of, record_of
from scalebayes.errors import InputError
from scalebayes.fitting.to_file import FORMAT, REGISTERED, json_of
from scalebayes.noise import families as noises
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.hdf5 import Content

WHAT = "record of forecasts"  # the word for a file's content in errors
# What the attributes of the forecast, and what was fitted, must say, with the types.
SAID = {**dict.fromkeys(("failed", "law", "unit", "N_counts", "plain", "review"), str), "observed": int, "moments": int}
FITTED = {
    **dict.fromkeys(("law", "formula", "label", "method", "runs"), str),
    **{"settings": dict, "seed": (int, list), "rows": int, "versions": dict},
}


def read(path: Any) -> Registered:
    """The registered forecasts in a file.

    Raises:
        InputError: There is no such file, it was changed, or it holds another kind of result.
    """
    whole = netcdf.checked(path, WHAT)
    content = netcdf.opened(path, whole, WHAT)
    attrs = content.attrs[""]
    if attrs.get("scalebayes_kind") != REGISTERED:
        kind = attrs.get("scalebayes_kind")
        held = f"it holds a {kind}" if isinstance(kind, str) else "it was not saved by scalebayes"
        raise InputError(
            f"{path} holds no registered forecasts ({held}); a fit is scored by sb.score(sb.load(path), runs), and its "
            "forecasts are registered by sb.register(fit, path, N=..., D=...)"
        )
    try:
        if int(attrs["scalebayes_format"]) > FORMAT:
            raise ValueError("a later version of scalebayes wrote it; upgrade")
        if netcdf.MARK not in attrs:
            raise ValueError("its checksum is gone")
        return restored(content, json.loads(attrs["scalebayes"]))
    except Exception as error:
        raise InputError(netcdf.damaged(path, f"{type(error).__name__}: {error}")) from None


def restored(content: Content, record: Mapping[str, Any]) -> Registered:
    """Make the registered forecasts from the arrays and the record of a file.

    Raises:
        Exception: They aren't those of registered forecasts. The exception may be of any type.
    """
    arrays, attrs = content.groups[FORECAST], record["attrs"]
    for said, wanted in ((attrs, SAID), *((one["fitted"], FITTED) for one in record["members"])):
        if wrong := [name for name, kind in wanted.items() if not isinstance(said[name], kind)]:
            raise ValueError(f"what it says of {wrong[0]!r} is of another type")
    points, axes = arrays["draws"].shape[-1], [str(axis) for axis in record["axes"]]
    coords = {str(name): ("point", arrays[f"{COLUMN}{i}"]) for i, name in enumerate(record["columns"])}
    if record["groups"] is not None:
        coords["group"] = ("point", np.array(record["groups"], str))
    forecast = xr.Dataset(
        {
            record["observable"]: (("chain", "draw", "point"), arrays["draws"]),
            "distance": (("point", "axis"), arrays["distance"]),
        },
        {**coords, "axis": axes},
        dict(attrs),
    )
    members = []
    for i, one in enumerate(record["members"]):
        own = content.groups[f"{MEMBER}{i}"]
        noise = {str(name): own[f"{NOISE}{j}"] for j, name in enumerate(one["parameters"])}
        _check_member(own["location"], own.get("sd"), noise, points)
        said = Components(own["location"], own.get("sd"), noise)
        model = noises.get(one["noise"]["name"], one["noise"]["settings"])
        if set(noise) != set(model.params):
            raise ValueError(f"its noise has {sorted(noise)}, and not {sorted(model.params)}")
        members.append(Member(one["name"], int(one["draws"]), model, said, one["fitted"]))
    seed = record["seed"]
    found = Registered(
        forecast,
        tuple(members),
        datetime.fromisoformat(record["date"]).isoformat(),
        float(record["prob"]),
        record["note"],
        tuple(seed) if isinstance(seed, list) else int(seed),
        record["versions"],
        float(record["factor"]),
    )
    _check_same(found, content, record)
    return found


def _check_member(location: np.ndarray, sd: np.ndarray | None, noise: Mapping[str, np.ndarray], points: int) -> None:
    """Refuse what a member says of the points where the arrays don't belong together.

    Raises:
        ValueError: An array isn't of one number for each draw and point, or for each draw.
    """
    shape = location.shape
    each = {"location": location, **({} if sd is None else {"sd": sd}), **noise}
    for name, x in each.items():
        wanted = shape if name in ("location", "sd") else shape[:1]
        if x.dtype != np.float64 or x.shape != wanted or len(shape) != 2 or shape[1] != points:
            raise ValueError(f"{name!r} isn't one number for each draw")
        if not np.isfinite(x).all():
            raise ValueError(f"{name!r} has draws that aren't finite")


def _check_same(found: Registered, content: Content, record: Mapping[str, Any]) -> None:
    """Refuse a file in which anything is of another type, missing or too much: its contents aren't those of `found`.

    Raises:
        ValueError: The file isn't the one that saving the registered forecasts writes.
    """
    groups, _ = contents_of(found)
    ours = {place: {name: x for name, (_, x) in one.items()} for place, one in groups.items()}
    if netcdf.digest_of(ours, {}) != netcdf.digest_of({n: x for n, x in content.groups.items() if n or x}, {}):
        raise ValueError("its arrays aren't those of registered forecasts")
    if json_of(record_of(found)) != json_of(record):
        raise ValueError("its record isn't that of registered forecasts")
    if not all(x.dtype == np.float64 and np.isfinite(x).all() for x in content.groups[FORECAST].values()):
        raise ValueError("its forecasts or its points aren't finite numbers")
    versions = [found.versions, *(one.fitted["versions"] for one in found.members)]
    strings = [found.note, found.date, found.observable, *found.columns, *(one.name for one in found.members)]
    strings += [version for each in versions for version in each.values()]
    numbers = 0 < found.prob < 1 and found.factor >= 1 and all(one.draws > 0 for one in found.members)
    if not all(isinstance(one, str) for one in strings) or not numbers or not found.members or not found.columns:
        raise ValueError("its record has what no registered forecasts have")
