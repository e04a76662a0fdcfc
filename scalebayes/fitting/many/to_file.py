"""Makes the contents of the one file that has the fits of many data sets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.fitting.datatree import DIMS, tree_name
from scalebayes.fitting.to_file import (
    DRAWS,
    FITS,
    ORIGIN,
    RUNS,
    STATS,
    about,
    check_kept,
    json_of,
    origin_of,
    record_of,
)
from scalebayes.runs import stored
from scalebayes.safe_files import netcdf

if TYPE_CHECKING:
    from scalebayes.fitting.many.result import Fits

NOTHING: Mapping[str, Any] = MappingProxyType({})


def contents_of(fits: "Fits", more: Mapping[str, Any] = NOTHING) -> netcdf.Contents:
    """Return the arrays and the attributes that `Fits.save` writes: one file of many fits.

    Fits whose arrays have the same shapes share a group. Their draws are stacked along the dim dataset, and their runs
    are one table, in the order of the fits. `more` is added to the record.
    """
    for fit in fits:
        check_kept(fit)
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
        **more,
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
    return groups, {"": about(json_of(record), FITS)}


def _stacked(each: Sequence[Mapping[str, np.ndarray]]) -> dict[str, netcdf.Variable]:
    """Return the arrays of several fits, stacked along the dim dataset."""
    return {
        tree_name(name): (("dataset", *DIMS[x.ndim]), np.stack([one[name] for one in each]))
        for name, x in each[0].items()
    }
