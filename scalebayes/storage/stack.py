"""Save a stack to one NetCDF file, a group a member, and load it again."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebayes.errors import InputError, listed
from scalebayes.files import netcdf
from scalebayes.files.hdf5 import Content
from scalebayes.forecasting.of_stack import Stack
from scalebayes.status import checks_of, checks_record
from scalebayes.storage.fit import about, groups_of, json_of, record_of
from scalebayes.storage.restore import KINDS, RUNS, law_of, seed_of, together
from scalebayes.storage.restore import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.law import Law

MOST = 100_000_000  # draws of a mixture, more than any memory answers for


def save(stack: Stack, path: Any) -> None:
    """Write a stack to one NetCDF file: see `Stack.save`."""
    record = {
        "names": list(stack.members),
        "weights": list(stack.weights.values()),
        "by": stack.by,
        "draws": stack.draws,
        "seed": stack.seed,
        "versions": dict(stack.versions),
        "compared": checks_record(stack.compared),
    }
    groups, attrs = {}, {"": about(json_of(record), KINDS[2])}
    # Names are the user's, and may hold what a path of the file can't.
    for i, fit in enumerate(stack.members.values()):
        groups |= {f"member{i}/{name}": arrays for name, arrays in groups_of(fit).items()}
        attrs[f"member{i}"] = {"scalebayes": json_of(record_of(fit))}
    netcdf.save(path, groups, attrs)


def restored(path: Path, content: Content, record: Mapping[str, Any], given: Sequence["Law"]) -> Stack:
    """The stack of a file that `save` wrote, with the laws that were `given`."""
    parts = [content.of(f"member{i}") for i in range(len(record["names"]))]
    records = [json.loads(part.attrs[""]["scalebayes"]) for part in parts]
    held = sorted({one["law"]["name"] for one in records})
    if strange := [law.name for law in given if law.name not in held]:
        raise InputError(f"{path} holds fits of {listed(held)}, and law= is {strange[0]!r}")
    named, members = {law.name: law for law in given}, {}
    for name, part, one in zip(record["names"], parts, records, strict=True):
        groups = part.groups if RUNS in part.groups else together(part.groups, one)
        members[name] = restored_fit(groups, one, law_of(path, one["law"], named.get(one["law"]["name"])))
    weights = dict(zip(record["names"], map(float, record["weights"]), strict=True))
    draws = int(record["draws"])
    sound = all(0 <= x <= 1 for x in weights.values()) and math.isclose(sum(weights.values()), 1, rel_tol=1e-6)
    if not sound or not members or not all(isinstance(name, str) for name in members) or not 0 < draws <= MOST:
        raise InputError("its weights don't add up to one, or it has no members or no draws")
    return Stack(
        members,
        weights,
        str(record["by"]),
        draws,
        seed_of(record["seed"]),
        {str(name): str(x) for name, x in record["versions"].items()},
        checks_of(record.get("compared", [])),
    )
