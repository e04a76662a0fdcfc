"""From runs, law, noise and priors to the arrays that inference takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpyro.distributions import Distribution, biject_to

from scalebayes.errors import InputError, unknown
from scalebayes.laws.base import Law
from scalebayes.model import Model, Numbers, Rows, default_start
from scalebayes.noise import Noise
from scalebayes.parameters import Param, Reference
from scalebayes.priors import Traced
from scalebayes.runs import Runs


@dataclass(frozen=True)
class Problem:
    """A model with its numbers and its runs: all that a method needs.

    Attributes:
        runs: the table, with what had to be derived. law, noise: with the priors in force.
        columns: law input -> column of the runs. reference: the units of the model.
        model, numbers, rows: for the traced code (float64 NumPy arrays).
    """

    runs: Runs
    law: Law
    noise: Noise
    columns: Mapping[str, str]
    reference: Reference
    model: Model
    numbers: Numbers
    rows: Rows


def build(
    runs: Runs,
    law: Law,
    noise: Noise,
    priors: str | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    reference: Reference | None = None,
) -> Problem:
    """Put runs, law and noise together.

    Args:
        priors: None (the law's and the noise's own), "flat", or parameter -> distribution in the runs' own units,
            number, "flat" or `Param`.
        inputs: law input -> column, where they differ, such as {"x": "C"}.
        reference: of an earlier fit; by default that of these runs.

    Raises:
        InputError: an unknown name, a prior that doesn't match the parameter, a column that the law needs and the
            runs lack, an observable that the noise can't be on.
    """
    columns, runs = _bind(runs, law, inputs or {})
    if clash := sorted(set(law.params) & set(noise.params)):
        raise InputError(f"law {law.name!r} and noise {noise.name!r} both have a parameter {clash[0]!r}; rename it")
    if noise.form.on == "log" and not (runs.y > 0).all():
        raise InputError(
            f"noise {noise.name!r} is on the log of {runs.observable}, which isn't positive: normal_raw is not"
        )
    chosen_law, chosen_noise = _with_priors(law, noise, priors)
    if not noise.form.density and any(not p.fixed and p.prior != "flat" for p in chosen_law.params.values()):
        raise InputError(
            f"noise {noise!r} has a fixed scale: it is an objective, beside which a prior has no weight that means "
            "anything; use priors='flat' (--priors flat), or leave the scale free"
        )
    values = {name: runs.column(column) for name, column in columns.items()}
    if reference is None:
        reference = Reference.of(values, runs.y) if law.has_dimensions else Reference.unit(values)
    return Problem(
        runs,
        chosen_law,
        chosen_noise,
        columns,
        reference,
        Model.of(chosen_law, chosen_noise),
        _numbers(law, noise, chosen_law, chosen_noise, reference),
        _rows(runs, values, reference),
    )


def padded(rows: int) -> int:
    """Rows after padding: the next of 8, 12, 16, 24, 32, 48, ... so that few shapes are traced.

    >>> [padded(n) for n in (2, 9, 240)]
    [8, 12, 256]
    """
    size = 8
    while size < rows:
        size = size * 3 // 2 if size & (size - 1) == 0 else size // 3 * 4
    return size


def _bind(runs: Runs, law: Law, inputs: Mapping[str, str]) -> tuple[dict[str, str], Runs]:
    for name in inputs:
        if name not in law.inputs:
            raise unknown(f"input of law {law.name!r}", name, law.inputs)
    columns = {name: inputs.get(name, name) for name in law.inputs}
    for name, column in columns.items():
        if column in runs.inputs:
            continue
        if column in ("N", "D", "C") and len({"N", "D", "C"} & set(runs.inputs)) == 2:
            runs = runs.derive(column)
            continue
        found = ", ".join(runs.inputs) or "none"
        cure = f"name a column: inputs={{{name!r}: ...}}, or --input {name}=..." if name == column else "name another"
        raise InputError(
            f"law {law.name!r} needs {name!r}, and the runs have no column {column!r} (they have {found}); {cure}"
        )
    return columns, runs


def _with_priors(law: Law, noise: Noise, priors: str | Mapping[str, Any] | None) -> tuple[Law, Noise]:
    if priors is None:
        return law, noise
    known = {**law.params, **noise.params}
    if isinstance(priors, str):
        if priors != "flat":
            raise unknown("priors", priors, ["flat"])
        priors = {name: "flat" for name, param in known.items() if not param.fixed}
    if not isinstance(priors, Mapping):
        raise InputError(f"priors is 'flat' or a mapping from parameter to prior, not {type(priors).__name__}")
    for name, prior in priors.items():
        if name not in known:
            raise unknown("parameter in priors", name, known)
        known[name] = _replaced(name, known[name], prior)
    return (
        replace(law, params={name: known[name] for name in law.params}),
        replace(noise, params={name: known[name] for name in noise.params}),
    )


def _replaced(name: str, old: Param, prior: Any) -> Param:
    if name.startswith("noise_") and old.fixed:
        raise InputError(f"{name!r} is a setting of the noise and not a parameter of this one; set it in noise=, there")
    try:
        new = prior if isinstance(prior, Param) else Param(prior, None, not isinstance(prior, Distribution))
    except InputError as error:
        raise InputError(f"prior of {name!r}: {error}") from None
    if new.dimension not in (None, old.dimension):
        raise InputError(f"prior of {name!r}: its dimension is {old.dimension!r} in this law, not {new.dimension!r}")
    new = replace(new, dimension=old.dimension)
    if isinstance(new.prior, str):
        return replace(new, positive=not _inside(old.support, np.array([-1.0])))
    values = np.array([float(new.prior)]) if new.fixed else _reach(new.support)
    if not _inside(old.support, values):
        what = f"{new.prior}" if new.fixed else f"a {type(new.prior).__name__}, over {_describe(new.support)},"
        raise InputError(
            f"prior of {name!r}: {what} reaches beyond the parameter's support, {_describe(old.support)}; use a "
            "distribution within it, such as LogNormal or TruncatedNormal(..., low=0) for a positive parameter"
        )
    return new


def _reach(support: Any) -> np.ndarray:
    """Values at both ends and in the middle of a support."""
    return np.asarray(biject_to(support)(np.array([-20.0, 0.0, 20.0])), float)


def _inside(support: Any, values: np.ndarray) -> bool:
    return bool(np.all(np.asarray(support(values))))


def _describe(support: Any) -> str:
    low, _, high = (round(float(x), 6) for x in _reach(support))
    if low <= -20:
        return "all real numbers"
    return f"numbers above {low:g}" if high > 1e6 else f"numbers from {low:g} to {high:g}"


def _float64(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def _numbers(law: Law, noise: Noise, chosen_law: Law, chosen_noise: Noise, reference: Reference) -> Numbers:
    own = {**law.params, **noise.params}
    chosen = {**chosen_law.params, **chosen_noise.params}
    free = {name: param for name, param in chosen.items() if not param.fixed}

    def start(name: str, param: Param) -> Any:
        for candidate in (param, own[name]):
            same = candidate.scaled == param.scaled or not candidate.dimension
            if same and isinstance(candidate.prior, Distribution):
                return candidate.prior
        return default_start(param.support)

    return Numbers(
        _float64({name: Traced.of(param.distribution) for name, param in free.items()}),
        _float64({name: Traced.of(start(name, param)) for name, param in free.items()}),
        _float64({name: param.prior for name, param in chosen.items() if param.fixed}),
        _float64(reference.logs),
        np.asarray(noise.stages, np.float64),
    )


def _rows(runs: Runs, values: Mapping[str, np.ndarray], reference: Reference) -> Rows:
    size, n = padded(len(runs)), len(runs)

    def pad(column: np.ndarray) -> np.ndarray:
        # By the first row, where the law is finite wherever it is at all; the mask takes it out.
        return np.concatenate([column, np.full(size - n, column[0])])

    return Rows(
        {name: pad(x / reference.inputs[name]) for name, x in values.items()},
        pad(runs.y / reference.scale),
        np.concatenate([np.ones(n), np.zeros(size - n)]),
        None if runs.se is None else pad(runs.se / reference.scale),
        None if runs.count is None else pad(runs.count),
    )
