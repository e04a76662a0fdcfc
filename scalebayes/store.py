"""Save a fit to one NetCDF file and load it again. Nothing named in a file is ever imported or run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import numpy as np
import xarray as xr

from scalebayes import discrepancy as discrepancies
from scalebayes import files, infer, laws
from scalebayes import noise as noises
from scalebayes.averaging import Averaged
from scalebayes.discrepancy import Discrepancy
from scalebayes.errors import InputError, listed
from scalebayes.laws.base import Law
from scalebayes.noise import Noise
from scalebayes.parameters import Param, Reference
from scalebayes.priors import param_from_record, param_record
from scalebayes.problem import build
from scalebayes.result import Fit
from scalebayes.runs import Runs
from scalebayes.status import checks_of, checks_record
from scalebayes.tree import constant_columns

FORMAT = 1
CELL = "cell_of_run"


def save(fit: Fit, path: Any) -> None:
    """Write a fit to one NetCDF file: see `Fit.save`."""
    target = files.target(path)
    tree = file_tree(fit)
    files.write(target, lambda scratch: tree.to_netcdf(scratch, engine="h5netcdf"))


def file_tree(fit: Fit) -> xr.DataTree:
    """A fit as it lies in a file."""
    tree = fit.data.copy()
    if "log_likelihood" in tree.children:
        del tree["log_likelihood"]
    tree["constant_data"] = xr.DataTree(tree["constant_data"].to_dataset().assign(label_columns(fit.runs)))
    if fit.origin is not None:
        tree["origin"] = xr.DataTree(origin_table(fit.origin))
    tree.attrs = {"scalebayes_format": FORMAT, "scalebayes": json.dumps(record_of(fit), default=float)}
    return tree


def load(path: Any, law: Law | Sequence[Law] | None = None) -> Any:
    """Read a fit that `Fit.save` wrote, the fits of `Fits.save`, or the stack of `Stack.save`.

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
    if not path.is_file():
        raise InputError(f"can't read {path}: there is no such file")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
        written = int(tree.attrs.get("scalebayes_format", 0))
        many = bool(tree.attrs.get("scalebayes_fits", 0))
        text = tree.to_dataset()["record"].values.tobytes() if many else tree.attrs["scalebayes"] if written else "null"
        record = json.loads(text)
    except Exception:
        # Whatever a damaged or foreign file makes the reader raise, the answer is the same.
        raise InputError(f"can't read {path}: it is not a fit saved by scalebayes, or it is damaged") from None
    if record is None:
        raise InputError(f"can't read {path}: it is a NetCDF file, but not a fit saved by scalebayes")
    if written > FORMAT:
        raise InputError(f"can't read {path}: a later version of scalebayes wrote it (format {written}); upgrade")
    try:
        if many:
            from scalebayes.many.store import restored as restored_fits

            held = {one["law"]["name"] for group in record["groups"] for one in group["fits"]}
            if strange := [one.name for one in given if one.name not in held]:
                raise InputError(f"{path} holds fits of {listed(sorted(held))}, and law= is {strange[0]!r}")
            return restored_fits(path, tree, record, {one.name: one for one in given})
        if tree.attrs.get("scalebayes_stack", 0):
            from scalebayes.mixture_store import restored as restored_stack

            return restored_stack(path, tree, record, given)
        if len(given) > 1:
            raise InputError(f"{path} holds one fit: law= is one law")
        return restored(tree, record, law_of(path, record["law"], given[0] if given else None))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"can't read {path}: the file is damaged ({type(error).__name__}: {error})") from None


def origin_table(origin: Averaged) -> xr.Dataset:
    """The runs that were averaged, and the cell of each."""
    runs = origin.runs
    columns = {name: ("run", x) for name, x in {**constant_columns(runs), runs.observable: runs.y}.items()}
    return xr.Dataset({**columns, **label_columns(runs), CELL: ("run", origin.cell)})


def record_of(fit: Fit) -> dict[str, Any]:
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
        "runs": _runs_record(fit.runs),
        "origin": fit.origin and {"runs": _runs_record(fit.origin.runs), "about": dict(fit.origin.about)},
    }


def _runs_record(runs: Runs) -> dict[str, Any]:
    return {
        "observable": runs.observable,
        "unit": runs.unit,
        "range": list(runs.range),
        "N_counts": runs.N_counts,
        "metadata": json.loads(json.dumps(dict(runs.metadata), default=str)),
        "derived": dict(runs.derived),
        "labels": list(runs.labels),
        "inputs": list(runs.inputs),
        "hash": runs.hash,
    }


def label_columns(runs: Runs) -> dict[str, Any]:
    """Labels as text, blank where there is none; `label_` keeps them apart from inputs."""
    return {f"label_{n}": ("run", np.array(["" if x is None else str(x) for x in v])) for n, v in runs.labels.items()}


def law_of(path: Path, record: Mapping[str, Any], law: Law | None) -> Law:
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
    # Dimensions are the law's own: a file must not change what its draws mean.
    return replace(law, params={n: _as_of(param_from_record(params[n]), p) for n, p in law.params.items()})


def _as_of(saved: Param, own: Param) -> Param:
    """A parameter of a file with the dimension and the support of the law's or the noise's own."""
    return replace(saved, dimension=own.dimension, within=own.support)


def restored(tree: xr.DataTree, record: Mapping[str, Any], law: Law) -> Fit:
    observed = {name: ("run", x.values) for name, x in tree["observed_data"].data_vars.items()}
    runs = _runs(tree["constant_data"].to_dataset().assign(observed), record["runs"])
    noise: Noise = noises.get(record["noise"]["name"], record["noise"]["settings"])
    saved = {n: _as_of(param_from_record(p), noise.params[n]) for n, p in record["noise"]["params"].items()}
    noise = replace(noise, params=saved)
    reference = Reference(record["reference"]["inputs"], record["reference"]["scale"])
    with jax.enable_x64():
        problem = build(runs, law, noise, None, record["columns"], reference, _departure(record.get("discrepancy")))
    settings = record["method"]["settings"]
    method = infer.METHODS[record["method"]["name"]](**settings | {"search": infer.Search(**settings["search"])})
    posterior, seed = tree["posterior"].to_dataset(), record["seed"]
    return Fit(
        problem,
        method,
        tuple(seed) if isinstance(seed, list) else seed,
        MappingProxyType({name: posterior[name].values for name in problem.model.free}),
        MappingProxyType({str(name): x.values for name, x in tree["sample_stats"].data_vars.items()}),
        MappingProxyType(record["numbers"]),
        checks_of(record["checks"]),
        MappingProxyType(record["versions"]),
        _origin(tree, record.get("origin")),
    )


def _origin(tree: xr.DataTree, record: Mapping[str, Any] | None) -> Averaged | None:
    """The runs that were averaged, and their cells; a file from before they were kept has none."""
    if record is None:
        return None
    table = tree["origin"].to_dataset()
    return Averaged(_runs(table, record["runs"]), table[CELL].values, record["about"])


def _departure(record: Mapping[str, Any] | None) -> Discrepancy | None:
    """The discrepancy of a record, its parameters with the dimensions and supports of its components' own."""
    saved = discrepancies.from_record(record)
    if saved is None:
        return None
    own = {name: param for one in saved.components for name, param in one.params().items()}
    if set(own) != set(saved.params):
        raise InputError(f"the file is damaged: its discrepancy has {listed(saved.params)}, and not {listed(own)}")
    return replace(saved, params=MappingProxyType({name: _as_of(saved.params[name], own[name]) for name in own}))


def _runs(table: xr.Dataset, record: Mapping[str, Any]) -> Runs:
    observable = record["observable"]
    given = [name for name in record["inputs"] if name not in record["derived"]]
    columns: dict[str, Any] = {name: table[name].values for name in (*given, observable)}
    columns |= {name: table[name].values for name in (f"{observable}_se", "count") if name in table}
    columns |= {n: [x or None for x in table[f"label_{n}"].values.tolist()] for n in record["labels"]}
    about: dict[str, Any] = {name: record[name] for name in ("observable", "unit", "N_counts", "metadata")}
    runs = Runs(**about, range=tuple(record["range"]), **columns)
    for name in record["derived"]:
        runs = runs.derive(name)
    if runs.hash != record["hash"]:
        raise InputError("the file is damaged: its runs aren't those that were fitted")
    return runs
