"""Makes the contents of a fit's file, from which nothing that it names is ever imported or run."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.discrepancy import gp as discrepancies
from scalebayes.errors import InputError
from scalebayes.fitting.datatree import DIMS, tree_name
from scalebayes.parameters.priors import param_record
from scalebayes.runs import stored
from scalebayes.safe_files import netcdf
from scalebayes.status import checks_record

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

FORMAT = 2  # number of the format that is written; a file with a larger number is refused
# The names of the groups in a fit's file.
DRAWS, STATS, ORIGIN = "posterior", "sample_stats", "origin"
SHARED, APART = "shared", "apart"  # groups of a file of pooled recipes: what they share, and each one's deviates
OBSERVED, CONSTANT, LABELS = "observed_data", "constant_data", "labels"
RUNS = "runs"  # group of a file of many fits, in place of those three
CELL = "cell_of_run"  # variable with the number of the cell that each run was averaged in
# The kinds of result that a file may hold.
KINDS = ("fit", "fits", "stack", "recalibrated", "backtest", "comparison", "calibration", "registered")
FIT, FITS, STACK, RECALIBRATED, BACKTEST, COMPARISON, CALIBRATION, REGISTERED = KINDS
DECISIONS = ("recipes", "strategies", "next_runs")
RECIPES, STRATEGIES, NEXT_RUNS = DECISIONS
LONGEST = 200  # bytes of a variable's name; a longer name is replaced, since netCDF's own library takes at most 256


def contents_of(fit: "Fit") -> netcdf.Contents:
    """Return the arrays and the attributes that `Fit.save` writes.

    Raises:
        InputError: The fit shares a part of its discrepancy with other recipes.
    """
    check_kept(fit)
    return groups_of(fit), {"": about(json_of(record_of(fit)))}


def check_kept(fit: "Fit") -> None:
    """Refuse to save a fit that shares a part of its discrepancy with other recipes, which no file has.

    Raises:
        InputError: The fit is such a one.
    """
    if fit.common is not None:
        raise InputError(
            f"recipes pooled by {fit.pool!r} share a part of their discrepancy, which a file can't keep; save its "
            "forecasts, sb.register(fit, ...), or fit without the discrepancy: sb.fit(runs, law, pool=...)"
        )


def about(record: str, kind: str = FIT) -> dict[str, Any]:
    """Return the attributes that `save` writes, from the record of a fit or another result, and its kind."""
    return {"scalebayes_format": FORMAT, "scalebayes_kind": kind, "scalebayes": record}


def json_of(record: Mapping[str, Any]) -> str:
    """Return the record of a fit or another result as JSON in ASCII, whatever characters its names have."""
    return json.dumps(record, default=float)


def groups_of(fit: "Fit") -> dict[str, dict[str, netcdf.Variable]]:
    """Return the arrays that `Fit.save` writes, in ArviZ's schema.

    Labels are numbers, and the record has their words.
    """
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


def origin_of(fit: "Fit") -> dict[str, netcdf.Variable]:
    """Return the arrays that `Fit.save` writes of the runs that were averaged, with the cell of each run."""
    assert fit.origin is not None
    arrays = {**stored.arrays_of(fit.origin.runs), CELL: fit.origin.cell.astype(np.int64)}
    return {name: (("run",), x) for name, x in arrays.items()}


def places(record: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return in which arrays `Fit.save` writes the columns of the runs.

    Args:
        record: The record of the runs.

    Returns:
        A dict from a column's name in `stored.arrays_of` to its group and its variable.
    """
    observable = record["observable"]
    named = {"y": (OBSERVED, observable), "se": (CONSTANT, f"{observable}_se"), "count": (CONSTANT, "count")}
    named |= {f"{stored.COLUMN}{i}": (CONSTANT, name) for i, name in enumerate(record["columns"])}
    named |= {f"{stored.LABEL}{i}": (LABELS, name) for i, (name, _) in enumerate(record["labels"])}
    return {ours: (group, _short(tree_name(name), ours)) for ours, (group, name) in named.items()}


def _short(name: str, ours: str) -> str:
    """Return a name that other readers of NetCDF take; no `tree_name` begins like the replacement of a long name."""
    return name if len(name.encode()) <= LONGEST else f"%41{ours}"


def record_of(fit: "Fit") -> dict[str, Any]:
    """Return all that `Fit.save` writes besides arrays, in the types of JSON."""
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
        "label": fit.label,
        "pool": fit.pool,
        "numbers": dict(fit.numbers),
        "checks": checks_record(fit.checks),
        "versions": dict(fit.versions),
        "runs": stored.record_of(fit.runs),
        "origin": fit.origin and {"runs": stored.record_of(fit.origin.runs), "about": stored.plain(fit.origin.about)},
        # Number of draws that aren't finite, in a fit that failed its checks. Any further ones in a file are damage.
        "infinite": {name: n for name, x in fit.draws.items() if (n := int((~np.isfinite(x)).sum()))},
    }
