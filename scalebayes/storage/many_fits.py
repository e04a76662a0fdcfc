"""Save the fits of many data sets to one NetCDF file and load them again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.files import netcdf
from scalebayes.files.hdf5 import Content
from scalebayes.fitting.datatree import DIMS, tree_name
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.runs import stored
from scalebayes.storage.fit import about, json_of, origin_of, record_of
from scalebayes.storage.restore import DRAWS, KINDS, ORIGIN, RUNS, STATS, law_of
from scalebayes.storage.restore import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.law import Law


def save(fits: Fits, path: Any) -> None:
    """Write fits to one NetCDF file: see `Fits.save`.

    Fits whose arrays have one shape share a group, their draws stacked along the dim dataset; the runs of all of a
    group's fits are one table, in order.
    """
    alike: dict[Any, list[int]] = defaultdict(list)
    tables = [stored.arrays_of(fit.runs) for fit in fits]
    for i, (fit, table) in enumerate(zip(fits, tables, strict=True)):
        shapes = tuple((name, x.shape) for name, x in (*fit.draws.items(), *fit.sample_stats.items()))
        alike[tuple(table), shapes].append(i)
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
            for members in alike.values()
        ],
    }
    groups: dict[str, dict[str, netcdf.Variable]] = {}
    for number, members in enumerate(alike.values()):
        each = [fits[i] for i in members]
        groups[f"group{number}/{DRAWS}"] = _stacked([fit.draws for fit in each])
        groups[f"group{number}/{STATS}"] = _stacked([fit.sample_stats for fit in each])
        first = tables[members[0]]
        groups[f"group{number}/{RUNS}"] = {
            name: (("row",), np.concatenate([tables[i][name] for i in members])) for name in first
        }
    groups |= {f"{ORIGIN}{i}": origin_of(fit) for i, fit in enumerate(fits) if fit.origin is not None}
    netcdf.save(path, groups, {"": about(json_of(record), KINDS[1])})


def _stacked(each: Sequence[Mapping[str, np.ndarray]]) -> dict[str, netcdf.Variable]:
    return {
        tree_name(name): (("dataset", *DIMS[x.ndim]), np.stack([one[name] for one in each]))
        for name, x in each[0].items()
    }


def restored(path: Path, content: Content, record: Mapping[str, Any], given: Mapping[str, "Law"]) -> Fits:
    """The fits of a file that `save` wrote, with the laws that were `given`, by name."""
    fits: dict[int, Fit] = {}
    laws: dict[str, Any] = {}
    for number, group in enumerate(record["groups"]):
        parts = {name: content.groups.get(f"group{number}/{name}", {}) for name in (DRAWS, STATS, RUNS)}
        ends = np.cumsum([0, *group["rows"]])
        held = {"dataset": len(group["members"]), "row": int(ends[-1])}
        for name, of in ((DRAWS, "dataset"), (STATS, "dataset"), (RUNS, "row")):
            if any(len(x) != held[of] for x in parts[name].values()):
                raise InputError(f"{name} of its fits isn't of {held[of]} {of}s")
        for j, (i, one) in enumerate(zip(group["members"], group["fits"], strict=True)):
            single = {name: {key: x[j] for key, x in parts[name].items()} for name in (DRAWS, STATS)}
            single[RUNS] = {key: x[ends[j] : ends[j + 1]] for key, x in parts[RUNS].items()}
            if one.get("origin"):
                single[ORIGIN] = content.groups[f"{ORIGIN}{i}"]
            text = json_of(one["law"])
            if text not in laws:
                laws[text] = law_of(path, one["law"], given.get(one["law"]["name"]))
            fits[i] = restored_fit(single, one, laws[text])
    names = tuple(record["names"])
    if sorted(fits) != list(range(len(names))) or len(set(names)) < len(names) or not all(map(_is_text, names)):
        raise InputError(f"it has {len(names)} names and {len(fits)} fits")
    return Fits(
        names,
        tuple(fits[i] for i in range(len(names))),
        float(record["seconds"]),
        int(record["resampled"]),
        {str(name): str(x) for name, x in record["versions"].items()},
    )


def _is_text(name: Any) -> bool:
    return isinstance(name, str)
