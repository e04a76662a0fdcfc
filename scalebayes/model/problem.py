"""This file makes a `Problem` from runs, law, noise, discrepancy and priors: the model with the arrays it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.compute import DERIVED
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.discrepancy.in_common import CommonPlaces
from scalebayes.errors import InputError, unknown
from scalebayes.laws.law import Law
from scalebayes.model.arrays import ends_of, largest, numbers_of, rows_of
from scalebayes.model.layout import laid_out
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.model.validate import check_observable, suited
from scalebayes.noise.noise import Noise
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import replaced
from scalebayes.parameters.units import Reference, log_unit
from scalebayes.runs import Runs
from scalebayes.runs.curves.given_as_runs import log_text
from scalebayes.runs.no_table import no_table
from scalebayes.runs.observables import refuse_several
from scalebayes.runs.reading.missing_columns import needed
from scalebayes.runs.settings import groups_of


@dataclass(frozen=True)
class Problem:
    """A model with its numbers and its runs, which is all that a method needs.

    Attributes:
        runs: The table, with the columns that had to be derived.
        law: The law with the priors in force.
        noise: The noise with the priors in force.
        columns: The column of the runs that each input of the law takes, by the input's name.
        reference: The units of the model.
        model: The part that a trace depends on.
        numbers: The numbers that a trace takes, as float64 NumPy arrays.
        rows: The rows that a trace takes, as float64 NumPy arrays.
        discrepancy: The discrepancy with its components and the priors in force, or None.
        at_reference: The names of the law's parameters that are fixed at the reference. `law` has their numbers.
        common: For one of several recipes that share a part of the discrepancy, where that part is known, or None.
    """

    runs: Runs
    law: Law
    noise: Noise
    columns: Mapping[str, str]
    reference: Reference
    model: Model
    numbers: Numbers
    rows: Rows
    discrepancy: Discrepancy | None = None
    at_reference: tuple[str, ...] = ()
    common: CommonPlaces | None = None

    @property
    def movable_law(self) -> Law:
        """The law for the reference of other runs: the parameters that are fixed at the reference move with it."""
        moved = {name: replace(self.law.params[name], prior="reference") for name in self.at_reference}
        return replace(self.law, params={**self.law.params, **moved})

    @property
    def params(self) -> dict[str, Param]:
        """Every parameter of law, noise and discrepancy with the prior in force, by its name."""
        own = self.discrepancy.params if self.discrepancy else {}
        return {**self.law.params, **self.noise.params, **own}

    def column(self, name: str) -> np.ndarray:
        """A column that the law takes (run,), float64; its values are checked to lie where the law is defined."""
        return self.runs.column(name, self._domain(name))

    def axis(self, name: str, values: np.ndarray) -> np.ndarray:
        """The values of a column as distances are measured: as logs, or as they are where they need not be positive."""
        return np.log(values) if self._domain(name) is None else values

    def axis_name(self, name: str) -> str:
        """The name of what `axis` gives: "log N", or "S" for an input that need not be positive."""
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
    discrepancy: Discrepancy | None = None,
) -> Problem:
    """Put runs, law, noise and discrepancy together to the problem that a method works on.

    Args:
        runs: The table of runs.
        law: The law.
        noise: The noise.
        priors: "flat" for flat priors on all free parameters, or the prior of each parameter by its name: a
            distribution in the runs' own units, a number, "flat" or a `Param`. The default is None: law, noise and
            discrepancy keep their priors.
        inputs: The column of each input of the law, by the input's name, where the two names differ, such as
            {"x": "C"}. The default is None.
        reference: The reference of an earlier fit. The default is None: the reference of these runs.
        discrepancy: The discrepancy. The default is None, for no discrepancy.

    Returns:
        The problem.

    Raises:
        InputError: A name is unknown, a prior doesn't match its parameter, the runs lack a column that the law needs,
            or the observable has values that the noise or the law can't have.
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    refuse_several(runs)
    columns, runs = _bind(runs, law, inputs or {})
    group = _groups(runs)
    if discrepancy is not None:
        discrepancy = suited(discrepancy, law, noise, group, groups_of(runs.labels, runs.inputs))
    if clash := sorted(set(law.params) & set(noise.params)):
        raise InputError(f"law {law.name!r} and noise {noise.name!r} both have a parameter {clash[0]!r}; rename it")
    check_observable(runs, law, noise)
    chosen_law, chosen_noise, chosen_process = _with_priors(law, noise, discrepancy, priors)
    if not noise.form.density and any(not p.fixed and p.prior != "flat" for p in chosen_law.params.values()):
        raise InputError(
            f"noise {noise!r} has a fixed scale: it is an objective and not a density, and a prior beside it has no "
            "meaningful weight; use priors='flat', or leave the scale free"
        )
    values = {name: runs.column(column, law.domains.get(name)) for name, column in columns.items()}
    if reference is None:
        kept = largest(values, law.plain) if law.anchor == "end" else np.full(len(runs), True)
        there = {name: x[kept] for name, x in values.items()}
        own = Reference.of(there, runs.y[kept], law.bases, law.has_scale, law.range[0] < 0)
        reference = own if law.has_dimensions else Reference.unit(values)
    chosen_law, held = _at_reference(chosen_law, reference)
    own = {**law.params, **noise.params, **(discrepancy.params if discrepancy else {})}
    chosen = {**chosen_law.params, **chosen_noise.params, **(chosen_process.params if chosen_process else {})}
    offsets = chosen_process is not None and any(one.name == "offset" for one in chosen_process.components)
    model = Model.of(chosen_law, chosen_noise, chosen_process)
    ends = ends_of(values, reference, law.plain) if chosen_process else None
    rows = rows_of(runs, values, reference, group if offsets else None)
    return Problem(
        runs,
        chosen_law,
        chosen_noise,
        columns,
        reference,
        model,
        numbers_of(own, chosen, reference, noise.stages, ends),
        laid_out(rows, model.process, ends.plain if ends else {}),
        chosen_process,
        held,
    )


def _groups(runs: Runs) -> np.ndarray | None:
    """The number of each row's group (run,), or None where the runs have no groups."""
    labels = runs.labels.get("group")
    return None if labels is None else np.unique(np.asarray(labels, str), return_inverse=True)[1]


def _at_reference(law: Law, reference: Reference) -> tuple[Law, tuple[str, ...]]:
    """The law in which the parameters fixed at the reference are numbers in the runs' own units, and their names."""
    held = {name: param for name, param in law.params.items() if isinstance(param.prior, str) and param.fixed}
    if not held:
        return law, ()
    numbers = {n: replace(p, prior=float(np.exp(log_unit(p.dimension, {}, reference.logs)))) for n, p in held.items()}
    return replace(law, params={**law.params, **numbers}), tuple(held)


def _bind(runs: Runs, law: Law, inputs: Mapping[str, str]) -> tuple[dict[str, str], Runs]:
    for name in inputs:
        if name not in law.inputs:
            raise unknown(f"input of law {law.name!r}", name, law.inputs)
    columns = {name: runs.name_of(inputs[name]) if name in inputs else name for name in law.inputs}
    lacking = {}
    for name, column in columns.items():
        runs = runs.numbered(column)
        if column in runs.inputs:
            continue
        if column in DERIVED and len(set(DERIVED) & set(runs.inputs)) == 2:
            runs = runs.derive(column)
        else:
            lacking[name] = column
    if lacking:
        log = f"; {text}" if (text := log_text(runs)) else ""
        raise InputError(f"law {law.name!r} {needed(lacking, runs.inputs, runs.labels)}{log}")
    return columns, runs


def _with_priors(
    law: Law, noise: Noise, discrepancy: Discrepancy | None, priors: str | Mapping[str, Any] | None
) -> tuple[Law, Noise, Discrepancy | None]:
    if priors is None:
        return law, noise, discrepancy
    own = discrepancy.params if discrepancy else {}
    known = {**law.params, **noise.params, **own}
    if isinstance(priors, str):
        if priors != "flat":
            raise unknown("priors", priors, ["flat"])
        if discrepancy:
            raise InputError(
                "priors='flat' would make the posterior of a discrepancy improper; name the parameters that get it"
            )
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
        discrepancy and replace(discrepancy, params=MappingProxyType({name: known[name] for name in own})),
    )
