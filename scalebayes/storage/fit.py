"""Save a fit to one NetCDF file and load it again. Nothing named in a file is ever imported or run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.discrepancy import gp as discrepancies
from scalebayes.errors import InputError, listed, shown
from scalebayes.files import netcdf
from scalebayes.files.hdf5 import Content
from scalebayes.fitting.datatree import DIMS, tree_name
from scalebayes.fitting.result import Fit
from scalebayes.laws.law import Law
from scalebayes.parameters.priors import param_record
from scalebayes.runs import stored
from scalebayes.status import checks_record
from scalebayes.storage.first_format import upgraded
from scalebayes.storage.restore import CELL, DRAWS, KINDS, ORIGIN, STATS, law_of, places, restored, together

FORMAT = 2


def save(fit: Fit, path: Any) -> None:
    """Write a fit to one NetCDF file: see `Fit.save`."""
    netcdf.save(path, groups_of(fit), {"": about(json_of(record_of(fit)))})


def about(record: str, kind: str = KINDS[0]) -> dict[str, Any]:
    """The attributes of a file of some kind."""
    return {"scalebayes_format": FORMAT, "scalebayes_kind": kind, "scalebayes": record}


def json_of(record: Mapping[str, Any]) -> str:
    """A record as ASCII text, whatever the names in it."""
    return json.dumps(record, default=float)


def groups_of(fit: Fit) -> dict[str, dict[str, netcdf.Variable]]:
    """The arrays of a fit as they lie in a file, in ArviZ's schema; labels are numbers, whose words the record has."""
    groups: dict[str, dict[str, netcdf.Variable]] = {
        DRAWS: {tree_name(name): (DIMS[x.ndim], x) for name, x in fit.draws.items()},
        STATS: {tree_name(name): (DIMS[x.ndim], x) for name, x in fit.sample_stats.items()},
    }
    place = places(stored.record_of(fit.runs))
    for name, x in stored.arrays_of(fit.runs).items():
        group, variable = place[name]
        groups.setdefault(group, {})[variable] = (("run",), x)
    if fit.origin is not None:
        groups[ORIGIN] = origin_of(fit)
    return groups


def origin_of(fit: Fit) -> dict[str, netcdf.Variable]:
    """The runs that were averaged, and the cell of each."""
    assert fit.origin is not None
    arrays = {**stored.arrays_of(fit.origin.runs), CELL: fit.origin.cell.astype(np.int64)}
    return {name: (("run",), x) for name, x in arrays.items()}


def load(path: Any, law: Law | Sequence[Law] | None = None) -> Any:
    """Read a fit that `Fit.save` wrote, the fits of `Fits.save`, or the stack of `Stack.save`.

    The checksum at the file's end is read before all else. A file of a version without one is read too, and held to
    what a fit is: finite draws, sizes that agree with the runs.

    Args:
        path: of the file. law: the law, or for many fits and a stack the laws, not in the registry: functions are
            never read from a file.

    Raises:
        InputError: no such file, not a fit, a damaged file, a law that isn't in the registry or isn't the file's.

    >>> import tempfile, scalebayes as sb
    >>> fitted = sb.fit(sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5]), "power", method="map")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted.save(f"{folder}/fit.nc")
    ...     again = load(f"{folder}/fit.nc")
    >>> bool(again.draws["alpha"] == fitted.draws["alpha"])
    True
    """
    path, given = Path(path), [law] if isinstance(law, Law) else list(law or ())
    content = netcdf.load(path)
    found = content.attrs[""]
    if "scalebayes_format" not in found:
        raise InputError(f"can't read {path}: it is a NetCDF file, but not a fit saved by scalebayes")
    try:
        written = int(found["scalebayes_format"])
        if written > FORMAT:
            raise InputError(f"can't read {path}: a later version of scalebayes wrote it (format {written}); upgrade")
        if written == FORMAT and netcdf.MARK not in found:
            raise InputError("its checksum is gone")
        kind, record, content = _parts(content, written)
        return _read(path, kind, content, record, given)
    except InputError as error:
        # What is to be done by who loads it names the file.
        named = shown(str(path)) in str(error)
        raise InputError(str(error) if named else netcdf.damaged(path, str(error))) from None
    except Exception as error:
        raise InputError(netcdf.damaged(path, f"{type(error).__name__}: {error}")) from None


def _parts(content: Content, written: int) -> tuple[str, Any, Content]:
    """What is in a file, its record, and its arrays as this version writes them."""
    if written < FORMAT:
        return upgraded(content)
    found = content.attrs[""]
    kind, record = str(found["scalebayes_kind"]), json.loads(found["scalebayes"])
    return kind, record, content._replace(groups=together(content.groups, record)) if kind == KINDS[0] else content


def _read(path: Path, kind: str, content: Content, record: Mapping[str, Any], given: Sequence[Law]) -> Any:
    if kind == KINDS[1]:
        from scalebayes.storage.many_fits import restored as restored_fits

        held = {one["law"]["name"] for group in record["groups"] for one in group["fits"]}
        if strange := [one.name for one in given if one.name not in held]:
            raise InputError(f"{path} holds fits of {listed(sorted(held))}, and law= is {strange[0]!r}")
        return restored_fits(path, content, record, {one.name: one for one in given})
    if kind == KINDS[2]:
        from scalebayes.storage.stack import restored as restored_stack

        return restored_stack(path, content, record, given)
    if kind != KINDS[0]:
        raise InputError(f"it holds {kind!r:.40}, which is none of {listed(KINDS)}")
    if len(given) > 1:
        raise InputError(f"{path} holds one fit: law= is one law")
    return restored(content.groups, record, law_of(path, record["law"], given[0] if given else None))


def record_of(fit: Fit) -> dict[str, Any]:
    """What else is known of a fit, in JSON's types."""
    return {
        "law": {
            "name": fit.law.name,
            "settings": dict(fit.law.settings),
            "ties": [list(pair) for pair in fit.law.ties],
            "formula": fit.law.formula,
            "params": {name: param_record(p) for name, p in fit.problem.movable_law.params.items()},
        },
        "noise": {
            "name": fit.noise.name,
            "settings": dict(fit.noise.settings),
            "params": {name: param_record(p) for name, p in fit.noise.params.items()},
        },
        "discrepancy": fit.discrepancy and discrepancies.record_of(fit.discrepancy),
        "method": {"name": fit.method.name, "settings": asdict(fit.method)},
        "columns": dict(fit.problem.columns),
        "reference": {"inputs": dict(fit.reference.inputs), "scale": fit.reference.scale},
        "seed": fit.seed,
        "numbers": dict(fit.numbers),
        "checks": checks_record(fit.checks),
        "versions": dict(fit.versions),
        "runs": stored.record_of(fit.runs),
        "origin": fit.origin and {"runs": stored.record_of(fit.origin.runs), "about": stored.plain(fit.origin.about)},
        # Of a fit that failed its checks; any other draw of a file that isn't finite is damage.
        "infinite": {name: n for name, x in fit.draws.items() if (n := int((~np.isfinite(x)).sum()))},
    }
