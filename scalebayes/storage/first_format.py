"""Converts files of the first format, which had columns under the user's names and no checksum, to the second."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from scalebayes.fitting.to_file import CELL, DRAWS, FIT, FITS, ORIGIN, RUNS, STACK, STATS
from scalebayes.safe_files.hdf5 import Content

Arrays = dict[str, np.ndarray]


def upgraded(content: Content) -> tuple[str, dict[str, Any], Content]:
    """Return the kind, record and arrays of a loaded file of the first format, as the second format has them."""
    found = content.attrs[""]
    if found.get("scalebayes_fits", 0):
        return _fits(content)
    record = json.loads(found["scalebayes"])
    if found.get("scalebayes_stack", 0):
        return _stack(content, record)
    groups, record = _fit(content.groups, record)
    return FIT, record, content._replace(groups=groups)


def _fit(groups: Mapping[str, Arrays], record: dict[str, Any]) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """Return the arrays and the record of one fit in the second format."""
    observable = record["runs"]["observable"]
    runs, about = _runs(groups["constant_data"], groups["observed_data"][observable], record["runs"])
    made = {DRAWS: _variables(groups[DRAWS]), STATS: _variables(groups[STATS]), RUNS: runs}
    record = {**record, "runs": about}
    if origin := record.get("origin"):
        made[ORIGIN], record["origin"] = _origin(groups[ORIGIN], origin)
    return made, record


def _stack(content: Content, record: dict[str, Any]) -> tuple[str, dict[str, Any], Content]:
    """Return the kind, the record and the arrays of a stack in the second format."""
    groups: dict[str, Arrays] = {}
    attrs = {"": content.attrs[""]}
    for i in range(len(record["names"])):
        member = content.of(f"member{i}")
        own, about = _fit(member.groups, json.loads(member.attrs[""]["scalebayes"]))
        groups |= {f"member{i}/{name}": x for name, x in own.items()}
        attrs |= {f"member{i}": {"scalebayes": json.dumps(about)}, **{f"member{i}/{name}": {} for name in own}}
    return STACK, record, Content(groups, attrs)


def _fits(content: Content) -> tuple[str, dict[str, Any], Content]:
    """Return the kind, the record and the arrays of many fits in the second format."""
    record = json.loads(content.groups[""]["record"].tobytes())
    groups: dict[str, Arrays] = {}
    for number, group in enumerate(record["groups"]):
        place = f"group{number}"
        groups |= {f"{place}/{part}": _variables(content.groups[f"{place}/{part}"]) for part in (DRAWS, STATS)}
        table, ends = content.groups[f"{place}/{RUNS}"], np.cumsum([0, *group["rows"]])
        each = []
        for j, (i, one) in enumerate(zip(group["members"], group["fits"], strict=True)):
            mine = {name: x[ends[j] : ends[j + 1]] for name, x in table.items()}
            runs, one["runs"] = _runs(mine, mine[f"y_{one['runs']['observable']}"], one["runs"])
            each.append(runs)
            if origin := one.get("origin"):
                groups[f"{ORIGIN}{i}"], one["origin"] = _origin(content.groups[f"{ORIGIN}{i}"], origin)
        groups[f"{place}/{RUNS}"] = {name: np.concatenate([runs[name] for runs in each]) for name in each[0]}
    return FITS, record, content._replace(groups=groups)


def _variables(arrays: Arrays) -> Arrays:
    """Return the arrays of a group without the coordinates of its dims."""
    return {name: x for name, x in arrays.items() if name not in ("chain", "draw", "run")}


def _origin(table: Arrays, record: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """Return the runs that were averaged, and their record, in the second format."""
    runs, about = _runs(table, table[record["runs"]["observable"]], record["runs"])
    return {**runs, CELL: table[CELL]}, {**record, "runs": about}


def _runs(table: Mapping[str, np.ndarray], y: np.ndarray, record: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """Return runs in the second format; the first format wrote a missing label as a blank one."""
    given = [name for name in record["inputs"] if name not in record["derived"]]
    known = {"se": f"{record['observable']}_se", "count": "count"}
    arrays = {"y": y}
    arrays |= {ours: table[theirs] for ours, theirs in known.items() if theirs in table}
    arrays |= {f"column{i}": table[name] for i, name in enumerate(given)}
    labels = []
    for i, name in enumerate(record["labels"]):
        words, codes = np.unique(table[f"label_{name}"].astype(str), return_inverse=True)
        blank = words == ""
        arrays[f"label{i}"] = np.where(blank, -1, np.cumsum(~blank) - 1)[codes.ravel()]
        labels.append([name, words[~blank].tolist()])
    return arrays, {**record, "columns": given, "labels": labels, "rows": [*range(1, 1 + len(y))], "origin": {}}
