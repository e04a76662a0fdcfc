"""Save the fits of many data sets to one NetCDF file and load them again."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes import files
from scalebayes.many.fits import Fits
from scalebayes.result import Fit
from scalebayes.store import FORMAT, label_columns, law_of, origin_table, record_of
from scalebayes.store import restored as restored_fit
from scalebayes.tree import DIMS, constant_columns

if TYPE_CHECKING:
    from scalebayes.laws.base import Law


def save(fits: Fits, path: Any) -> None:
    """Write fits to one NetCDF file: see `Fits.save`.

    Fits whose arrays have one shape share a group, their draws stacked along the dim dataset; the runs of all of a
    group's fits are one table, in order.
    """
    target = files.target(path)
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, fit in enumerate(fits):
        runs = (*constant_columns(fit.runs), *fit.runs.labels)
        shapes = tuple((name, x.shape) for name, x in (*fit.draws.items(), *fit.sample_stats.items()))
        groups[fit.runs.observable, runs, shapes].append(i)
    record = {
        "names": fits.names,
        "seconds": fits.seconds,
        "resampled": fits.resampled,
        "versions": dict(fits.versions),
        "groups": [
            {
                "members": members,
                "rows": [len(fits[i].runs) for i in members],
                "fits": [record_of(fits[i]) for i in members],
            }
            for members in groups.values()
        ],
    }
    text = np.frombuffer(json.dumps(record, default=float).encode(), np.uint8)
    parts = {}
    for number, members in enumerate(groups.values()):
        for name, dataset in _group([fits[i] for i in members]).items():
            parts[f"group{number}/{name}"] = dataset
    parts |= {f"origin{i}": origin_table(fit.origin) for i, fit in enumerate(fits) if fit.origin is not None}
    tree = xr.DataTree.from_dict({"/": xr.Dataset({"record": ("byte", text)}), **parts})
    tree.attrs = {"scalebayes_format": FORMAT, "scalebayes_fits": 1}
    files.write(target, lambda scratch: tree.to_netcdf(scratch, engine="h5netcdf"))


def _group(fits: list[Fit]) -> dict[str, xr.Dataset]:
    first = fits[0]

    def stacked(each: Sequence[Mapping[str, np.ndarray]]) -> xr.Dataset:
        return xr.Dataset(
            {name: (("dataset", *DIMS[x.ndim]), np.stack([one[name] for one in each])) for name, x in each[0].items()}
        )

    def joined(each: Sequence[Mapping[str, np.ndarray]]) -> xr.Dataset:
        return xr.Dataset({name: ("row", np.concatenate([one[name] for one in each])) for name in each[0]})

    labels = [{name: x for name, (_, x) in label_columns(fit.runs).items()} for fit in fits]
    observed = f"y_{first.runs.observable}"
    columns = [{**constant_columns(f.runs), **own, observed: f.runs.y} for f, own in zip(fits, labels, strict=True)]
    return {
        "posterior": stacked([fit.draws for fit in fits]),
        "sample_stats": stacked([fit.sample_stats for fit in fits]),
        "runs": joined(columns),
    }


def restored(path: Path, tree: xr.DataTree, record: Mapping[str, Any], given: Mapping[str, "Law"]) -> Fits:
    """The fits of a file that `save` wrote, with the laws that were `given`, by name."""
    fits: dict[int, Fit] = {}
    for number, group in enumerate(record["groups"]):
        parts = {name: tree[f"group{number}/{name}"].to_dataset() for name in ("posterior", "sample_stats", "runs")}
        ends = np.concatenate([[0], np.cumsum(group["rows"])])
        table = {str(name): x.values for name, x in parts["runs"].data_vars.items()}
        laws: dict[str, Any] = {}
        for j, (i, one) in enumerate(zip(group["members"], group["fits"], strict=True)):
            observable = one["runs"]["observable"]
            mine = {name: ("run", x[ends[j] : ends[j + 1]]) for name, x in table.items()}
            observed = {observable: mine.pop(f"y_{observable}")}
            single = {
                "posterior": parts["posterior"].isel(dataset=j),
                "sample_stats": parts["sample_stats"].isel(dataset=j),
                "observed_data": xr.Dataset(observed),
                "constant_data": xr.Dataset(mine),
            }
            if one.get("origin"):
                single["origin"] = tree[f"origin{i}"].to_dataset()
            text = json.dumps(one["law"])
            if text not in laws:
                laws[text] = law_of(path, one["law"], given.get(one["law"]["name"]))
            fits[i] = restored_fit(xr.DataTree.from_dict(single), one, laws[text])
    return Fits(
        tuple(record["names"]),
        tuple(fits[i] for i in range(len(fits))),
        record["seconds"],
        record["resampled"],
        record["versions"],
    )
