"""Makes a stack from the arrays and the records of a file."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebayes.checks.registry import read_checks
from scalebayes.errors import InputError, listed
from scalebayes.fitting.to_file import RUNS
from scalebayes.forecasting.of_stack import Stack
from scalebayes.safe_files.hdf5 import Content
from scalebayes.storage.fit import law_of, seed_of, together
from scalebayes.storage.fit import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.law import Law

MOST = 100_000_000  # draws of a mixture; a file that says more is refused, since no memory holds their answers


def restored(path: Path, content: Content, record: Mapping[str, Any], given: Sequence["Law"]) -> Stack:
    """Read back the stack of a loaded file, which `save` wrote; `given` has the laws that the user gave."""
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
        read_checks(record.get("compared", [])),
    )
