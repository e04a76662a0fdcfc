"""Makes a fit from the arrays and the record of a file, and checks each of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes import infer, laws
from scalebayes.checks.registry import read_checks
from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.errors import InputError, listed
from scalebayes.fitting.datatree import tree_name
from scalebayes.fitting.result import Fit
from scalebayes.fitting.to_file import CELL, DRAWS, ORIGIN, RUNS, STATS, places
from scalebayes.infer.double import double
from scalebayes.laws.law import Law
from scalebayes.model.problem import build
from scalebayes.noise import families as noises
from scalebayes.noise.noise import Noise
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import param_from_record
from scalebayes.parameters.units import Reference
from scalebayes.runs import stored
from scalebayes.runs.averaging import Averaged

Groups = Mapping[str, Mapping[str, np.ndarray]]


def law_of(path: Path, record: Mapping[str, Any], law: Law | None) -> Law:
    """Return the law of a loaded file's record, with the priors and the ties of the record.

    Args:
        path: The path of the file, for the errors.

        record: The record of the law.

        law: The law that the user gave; None to take it from the registry.

    Returns:
        The law. Its function and its dimensions are never those of the file.

    Raises:
        InputError: The law is not in the registry, or `law` has another name, other ties or other parameters.
    """
    name, params = record["name"], record["params"]
    if law is None:
        if name not in laws.names():
            raise InputError(f"{path} holds a fit of law {name!r}, not in the registry: load(path, law=my_law)")
        law = laws.get(name, **record["settings"])
        for kept, dropped in record.get("ties", ()):
            law = law.tie(kept, dropped)
    else:
        for kept, dropped in record.get("ties", ()):
            law = law if (kept, dropped) in law.ties else law.tie(kept, dropped)
        if len(law.ties) != len(record.get("ties", ())):
            raise InputError(f"{path} holds a fit whose ties are {record.get('ties', [])}, and law= has {law.ties}")
    if law.name != name:
        raise InputError(f"{path} holds a fit of law {name!r}, and law= is {law.name!r}")
    if set(law.params) != set(params):
        raise InputError(f"law {name!r} has parameters {listed(law.params)}, and {path} has {listed(params)}")
    # Dimensions come from the law and not from the file, which must not change what its draws mean.
    return replace(law, params={n: _as_of(param_from_record(params[n]), p) for n, p in law.params.items()})


def _as_of(saved: Param, own: Param) -> Param:
    """Return a parameter of a file with the dimension and the support that the law or the noise gives it."""
    return replace(saved, dimension=own.dimension, within=own.support)


def together(groups: Groups, record: Mapping[str, Any]) -> dict[str, Mapping[str, np.ndarray]]:
    """Return the groups of a loaded fit's file with its runs gathered in one group, as `restored` takes them."""
    there = {ours: groups.get(group, {}).get(name) for ours, (group, name) in places(record["runs"]).items()}
    return {**groups, RUNS: {ours: x for ours, x in there.items() if x is not None}}


def restored(groups: Groups, record: Mapping[str, Any], law: Law) -> Fit:
    """Read back the fit of a loaded file's arrays and record.

    Args:
        groups: Group -> its arrays, with the runs in one group.

        record: The record of the fit.

        law: The law of the fit, from `law_of`.

    Returns:
        The fit.

    Raises:
        InputError: The arrays and the record don't belong together.
    """
    runs = stored.restored(groups[RUNS], record["runs"])
    noise: Noise = noises.get(record["noise"]["name"], record["noise"]["settings"])
    saved = {n: _as_of(param_from_record(p), noise.params[n]) for n, p in record["noise"]["params"].items()}
    noise = replace(noise, params=saved)
    reference = Reference(record["reference"]["inputs"], record["reference"]["scale"])
    with double():
        problem = build(runs, law, noise, None, record["columns"], reference, _departure(record.get("discrepancy")))
    settings = record["method"]["settings"]
    method = infer.METHODS[record["method"]["name"]](**settings | {"search": infer.Search(**settings["search"])})
    draws, stats = _sampled(groups, record, problem.model.free, len(runs))
    return Fit(
        problem,
        method,
        seed_of(record["seed"]),
        MappingProxyType(draws),
        MappingProxyType(stats),
        MappingProxyType({str(name): float(x) for name, x in record["numbers"].items()}),
        read_checks(record["checks"]),
        MappingProxyType({str(name): str(x) for name, x in record["versions"].items()}),
        _origin(groups, record.get("origin")),
        str(record.get("label", "")),
        str(record.get("pool", "")),
    )


def seed_of(record: Any) -> int | tuple[int, ...]:
    """Return the seed of a loaded file's record: a whole number, or the numbers of a JAX key."""
    found = tuple(record) if isinstance(record, list) else record
    if not all(type(x) is int and x >= 0 for x in (found if isinstance(found, tuple) else (found,))):
        raise InputError("its seed is no whole number")
    return found


def _sampled(
    groups: Groups, record: Mapping[str, Any], free: tuple[str, ...], runs: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the draws and the sample stats, after checking their names, shapes and values."""
    found, stats = groups[DRAWS], {str(name): x for name, x in groups.get(STATS, {}).items()}
    draws = {name: found[tree_name(name)] for name in free if tree_name(name) in found}
    if set(draws) != set(free) or len(found) != len(free):
        raise InputError(f"it has draws of {listed(found)}, and its law of {listed(free)}")
    shape = next(iter(draws.values())).shape
    if len(shape) != 2 or not all(shape):
        raise InputError(f"its draws have the shape {shape}, and not (chain, draw)")
    infinite = record.get("infinite", {})
    for name, x in draws.items():
        if x.dtype != np.float64 or x.shape != shape or (~np.isfinite(x)).sum() != infinite.get(name, 0):
            raise InputError(f"the draws of {name!r} aren't {shape[0]} x {shape[1]} finite numbers")
    for name, x in stats.items():
        if x.dtype.kind not in "fib" or x.ndim not in (1, 2, 3) or (x.ndim > 1 and x.shape != (*shape, runs)[: x.ndim]):
            raise InputError(f"{name!r} of its sample stats isn't one number a draw")
    return draws, stats


def _origin(groups: Groups, record: Mapping[str, Any] | None) -> Averaged | None:
    """Return the runs that were averaged, and their cells; older files don't have them."""
    if record is None:
        return None
    runs, cell = stored.restored(groups[ORIGIN], record["runs"]), groups[ORIGIN][CELL]
    if (
        cell.shape != (len(runs),)
        or cell.dtype.kind != "i"
        or not np.array_equal(np.unique(cell), np.arange(cell.max() + 1))
    ):
        raise InputError("the cells of its runs aren't numbered from 0 on")
    return Averaged(runs, cell, record["about"])


def _departure(record: Mapping[str, Any] | None) -> Discrepancy | None:
    """Return the discrepancy of a record; the dimensions and supports of its parameters come from its components."""
    saved = discrepancies.from_record(record)
    if saved is None:
        return None
    own = {name: param for one in saved.components for name, param in one.params().items()}
    if set(own) != set(saved.params):
        raise InputError(f"its discrepancy has {listed(saved.params)}, and not {listed(own)}")
    return replace(saved, params=MappingProxyType({name: _as_of(saved.params[name], own[name]) for name in own}))
