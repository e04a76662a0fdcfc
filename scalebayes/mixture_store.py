"""Save a stack to one NetCDF file, a group a member, and load it again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from scalebayes import files
from scalebayes.errors import InputError, listed
from scalebayes.mixture import Stack
from scalebayes.status import checks_of, checks_record
from scalebayes.store import FORMAT, file_tree, law_of
from scalebayes.store import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.base import Law


def save(stack: Stack, path: Any) -> None:
    """Write a stack to one NetCDF file: see `Stack.save`."""
    target = files.target(path)
    members = list(stack.members.values())
    record = {
        "names": list(stack.members),
        "weights": list(stack.weights.values()),
        "by": stack.by,
        "draws": stack.draws,
        "seed": stack.seed,
        "versions": dict(stack.versions),
        "compared": checks_record(stack.compared),
    }
    # Names are the user's, and may hold what a path of the file can't.
    tree = xr.DataTree(children={f"member{i}": file_tree(fit) for i, fit in enumerate(members)})
    tree.attrs = {"scalebayes_format": FORMAT, "scalebayes_stack": 1, "scalebayes": json.dumps(record)}
    files.write(target, lambda scratch: tree.to_netcdf(scratch, engine="h5netcdf"))


def restored(path: Path, tree: xr.DataTree, record: Mapping[str, Any], given: Sequence["Law"]) -> Stack:
    """The stack of a file that `save` wrote, with the laws that were `given`."""
    groups = [tree[f"member{i}"] for i in range(len(record["names"]))]
    records = [json.loads(group.attrs["scalebayes"]) for group in groups]
    held = sorted({one["law"]["name"] for one in records})
    if strange := [law.name for law in given if law.name not in held]:
        raise InputError(f"{path} holds fits of {listed(held)}, and law= is {strange[0]!r}")
    named, members = {law.name: law for law in given}, {}
    for name, group, one in zip(record["names"], groups, records, strict=True):
        # A node of a tree carries its place in it; a fit reads a tree of its own.
        own = xr.DataTree.from_dict({child: node.to_dataset() for child, node in group.children.items()})
        members[name] = restored_fit(own, one, law_of(path, one["law"], named.get(one["law"]["name"])))
    weights, seed = dict(zip(record["names"], record["weights"], strict=True)), record["seed"]
    return Stack(
        members,
        weights,
        record["by"],
        int(record["draws"]),
        tuple(seed) if isinstance(seed, list) else seed,
        record["versions"],
        checks_of(record.get("compared", [])),
    )
