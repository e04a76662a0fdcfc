"""From runs, law, noise and priors to the arrays that inference takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpyro.distributions import Distribution

from scalebayes.errors import InputError, unknown
from scalebayes.laws.base import Law
from scalebayes.model import Model, Numbers, Rows, default_start
from scalebayes.noise import Noise
from scalebayes.parameters import Param, Reference, log_unit
from scalebayes.priors import Traced, replaced
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

    def column(self, name: str) -> np.ndarray:
        """A column that the law takes, float64 (run,), checked to lie where the law is defined."""
        return self.runs.column(name, self._domain(name))

    def axis(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values of a column as distances are measured: their log, or themselves where they need not be positive."""
        return np.log(values) if self._domain(name) is None else values

    def axis_name(self, name: str) -> str:
        """What `axis` gives, in words: "log N", or "S" of an input that need not be positive."""
        return f"log {name}" if self._domain(name) is None else name

    def _domain(self, column: str) -> tuple[float, float] | None:
        inputs = {column: name for name, column in self.columns.items()}
        return self.law.domains.get(inputs.get(column, column))


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
    _check_observable(runs, law, noise)
    chosen_law, chosen_noise = _with_priors(law, noise, priors)
    if not noise.form.density and any(not p.fixed and p.prior != "flat" for p in chosen_law.params.values()):
        raise InputError(
            f"noise {noise!r} has a fixed scale: it is an objective, beside which a prior has no weight that means "
            "anything; use priors='flat' (--priors flat), or leave the scale free"
        )
    values = {name: runs.column(column, law.domains.get(name)) for name, column in columns.items()}
    if reference is None:
        own = Reference.of(values, runs.y, law.bases, law.has_scale, law.range[0] < 0)
        reference = own if law.has_dimensions else Reference.unit(values)
    chosen_law = _at_reference(chosen_law, reference)
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


def _check_observable(runs: Runs, law: Law, noise: Noise) -> None:
    """That the noise can be on the observable, and the law can give it."""
    low, high = law.range
    off = runs.y[~((runs.y >= low) & (runs.y <= high))]
    if off.size and not law.has_scale:
        cure = "; a percentage is to be divided by 100" if (off > high).any() else ""
        raise InputError(
            f"law {law.name!r} gives {law.observable} from {low:g} to {high:g}, and {runs.observable} is {off[0]:g} in "
            f"{_rows_of(off)}{cure}"
        )
    low, high = noise.form.range
    where = "positive" if math.isinf(high) else f"between {low:g} and {high:g}"
    off = runs.y[~((runs.y > low) & (runs.y < high))]
    if off.size:
        raise InputError(
            f"noise {noise.name!r} is for an observable that is {where}, and {runs.observable} is {off[0]:g} in "
            f"{_rows_of(off)}; leave such runs out, or use noise='normal_raw', which takes any number"
        )
    if not math.isinf(high) and law.has_scale:
        raise InputError(
            f"noise {noise.name!r} is for an observable that is {where}, and law {law.name!r} has no upper end; use "
            "noise='student_t', or a law of a share such as 'sigmoid_compute' (sb.Law(..., range=(0, 1)) for your own)"
        )


def _rows_of(off: np.ndarray) -> str:
    return f"{off.size} run{'s' if off.size > 1 else ''}"


def _at_reference(law: Law, reference: Reference) -> Law:
    """The law with the parameters that are held at the reference as numbers in the runs' own units."""
    held = {name: param for name, param in law.params.items() if isinstance(param.prior, str) and param.fixed}
    if not held:
        return law
    numbers = {n: replace(p, prior=float(np.exp(log_unit(p.dimension, {}, reference.logs)))) for n, p in held.items()}
    return replace(law, params={**law.params, **numbers})


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
        known[name] = replaced(name, known[name], prior)
    return (
        replace(law, params={name: known[name] for name in law.params}),
        replace(noise, params={name: known[name] for name in noise.params}),
    )


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
