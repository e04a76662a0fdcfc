"""Makes the fits of many data sets from the arrays and the record of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.datatree import tree_name
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.result import Fit
from scalebayes.fitting.to_file import APART, DRAWS, ORIGIN, RUNS, SHARED, STATS, json_of
from scalebayes.safe_files.hdf5 import Content
from scalebayes.storage.fit import law_of
from scalebayes.storage.fit import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.law import Law


def restored(path: Path, content: Content, record: Mapping[str, Any], given: Mapping[str, "Law"]) -> Fits:
    """Read back the fits of a loaded file, which `save` wrote; `given` has the laws that the user gave, by name."""
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
    found = Fits(
        names,
        tuple(fits[i] for i in range(len(names))),
        float(record["seconds"]),
        int(record["resampled"]),
        {str(name): str(x) for name, x in record["versions"].items()},
    )
    return _pooled(found, content, record["pool"]) if record.get("pool") else found


def _pooled(fits: Fits, content: Content, record: Mapping[str, Any]) -> Pooled:
    """Return the pooled recipes of a loaded file, after checking the arrays of what they share."""
    shapes = {SHARED: fits[0].shape, APART: (*fits[0].shape, len(fits))}
    parts = {}
    for group, shape in shapes.items():
        arrays, names = content.groups.get(group, {}), record[group]
        parts[group] = {name: arrays[tree_name(name)] for name in names if _is_text(name) and tree_name(name) in arrays}
        if len(parts[group]) != len(names) or len(arrays) != len(names):
            raise InputError(f"{group} of its recipes isn't what its record lists")
        if any(x.dtype != np.float64 or x.shape != shape or not np.isfinite(x).all() for x in parts[group].values()):
            raise InputError(f"{group} of its recipes isn't of finite numbers for each draw")
    own = {name: getattr(fits, name) for name in ("names", "items", "seconds", "resampled", "versions")}
    return Pooled(**own, column=str(record["column"]), draws=parts[SHARED], apart=parts[APART])


def _is_text(name: Any) -> bool:
    """Return whether a name is text."""
    return isinstance(name, str)
