"""This file puts the problems of several recipes together to one, in which exponents and floors are pooled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpyro.distributions import biject_to, constraints

from scalebayes.discrepancy.in_common import CommonPlaces
from scalebayes.errors import InputError, listed
from scalebayes.laws.law import FLOOR, Law
from scalebayes.model.arrays import ends_of, largest, longer, padded
from scalebayes.model.hierarchy import Hierarchy, PooledRows
from scalebayes.model.problem import Problem
from scalebayes.model.recipe_coordinates import ABSENT, PooledNumbers
from scalebayes.parameters.units import Reference
from scalebayes.runs.settings import settings

# The half-Normal prior of tau has this share of the prior's own sd as its scale, on the unconstrained scale. With more,
# recipes are less alike before the runs are seen; the prior of one recipe's exponent is then wider than the law's.
SPREAD = 0.5
SAMPLED = 4000  # number of draws from a prior by which its sd on the unconstrained scale is known to 1 %
# The largest number of different places that recipes may have together where they share a departure. Each step of the
# sampler factors a matrix of that size.
PLACES = 96
# Relative difference up to which a law is a straight line in a parameter; more is no rounding.
LINEAR = 1e-6


@dataclass(frozen=True)
class Joint:
    """The model of several recipes with its numbers and runs, as a sampler takes it.

    Attributes:
        names: The names of the recipes.
        problems: The problem of each recipe alone, with the references and the place of the largest runs in common.
        model: The part that a trace depends on.
        numbers: The numbers that a trace takes.
        rows: The rows that a trace takes.
    """

    names: tuple[str, ...]
    problems: tuple[Problem, ...]
    model: Hierarchy
    numbers: PooledNumbers
    rows: PooledRows


def pooled_names(law: Law) -> tuple[str, ...]:
    """The free parameters of a law that recipes pool: pure numbers, such as exponents and shares, and the floor E.

    In reference units the floor is a share of the loss at the reference. Amplitudes are each recipe's own.

    Raises:
        InputError: The dimension of a parameter isn't known, or there is nothing to pool.

    >>> import scalebayes as sb
    >>> pooled_names(sb.laws.get("offset_power")), pooled_names(sb.laws.get("end_power"))
    (('alpha', 'E'), ('alpha', 'logit_phi'))
    """
    if not law.has_dimensions:
        lacking = [name for name, param in law.params.items() if param.dimension is None]
        raise InputError(
            f"pool= shares exponents and floors, and law {law.name!r} doesn't say what {listed(lacking)} is; give each "
            "its dimension, such as sb.Param(prior, 'loss N^alpha'), and '' for a pure number"
        )
    free = {name: param for name, param in law.params.items() if not param.fixed}
    found = [name for name, p in free.items() if not p.dimension or (name == FLOOR and p.dimension == "loss")]
    if not found:
        raise InputError(f"law {law.name!r} has no free exponent or floor that recipes could share; leave pool= out")
    if flat := [name for name in free if free[name].prior == "flat"]:
        raise InputError(f"pool= needs a proper prior of each parameter, and that of {flat[0]!r} is flat; give one")
    return tuple(found)


def references(problems: Sequence[Problem]) -> list[Reference]:
    """The reference of each recipe: the inputs' is that of all runs, and the loss's is the recipe's level there.

    The level is that of a straight line in the logs of the inputs, whose slopes all recipes share. So a floor in units
    of the level is a share at one place, whatever sizes a recipe has.
    """
    law, each = problems[0].law, [values_of(problem) for problem in problems]
    whole = {name: np.concatenate([values[name] for values in each]) for name in law.inputs}
    y = [problem.runs.y for problem in problems]
    kept = largest(whole) if law.anchor == "end" else np.full(sum(map(len, y)), True)
    there = {name: x[kept] for name, x in whole.items()}

    def of(y: np.ndarray, inputs: Mapping[str, np.ndarray]) -> Reference:
        return Reference.of(inputs, y, law.bases, law.has_scale, law.range[0] < 0)

    common = of(np.concatenate(y)[kept], there)
    if not law.has_scale:
        return [common] * len(problems)
    if law.range[0] < 0 or min(map(np.min, y)) <= 0:
        return [Reference(common.inputs, of(one, values).scale) for one, values in zip(y, each, strict=True)]
    logs = [np.column_stack([_log(x / common.inputs[name]) for name, x in values.items()]) for values in each]
    means = [(np.log(one).mean(), x.mean(axis=0)) for one, x in zip(y, logs, strict=True)]
    within = [(np.log(one) - m, x - at) for one, x, (m, at) in zip(y, logs, means, strict=True)]
    slope = np.linalg.lstsq(*(np.concatenate([pair[i] for pair in within]) for i in (1, 0)), rcond=None)[0]
    return [Reference(common.inputs, float(np.exp(level - at @ slope))) for level, at in means]


def _log(x: np.ndarray) -> np.ndarray:
    """The logs of an input, or zeros where it need not be positive and so says nothing of the level."""
    return np.log(x) if (x > 0).all() else np.zeros_like(x)


def values_of(problem: Problem) -> dict[str, np.ndarray]:
    """The inputs of the law at a problem's runs (run,), in the runs' own units."""
    return {name: problem.column(column) for name, column in problem.columns.items()}


def joined(problems: Mapping[str, Problem]) -> Joint:
    """The joint problem of recipes whose problems have the `references`.

    Raises:
        InputError: The recipes share a departure and have too many different places.
    """
    each = list(problems.values())
    law, pooled = each[0].law, pooled_names(each[0].law)
    values, places, of_row = [values_of(problem) for problem in each], None, None
    size = padded(max(len(problem.runs) for problem in each))
    if each[0].discrepancy is not None:
        whole = {name: np.concatenate([one[name] for one in values]) for name in law.inputs}
        ends = ends_of(whole, each[0].reference)
        each = [replace(p, numbers=p.numbers._replace(ends=jax.tree.map(np.float64, ends))) for p in each]
        number = settings(whole.values())
        first = np.unique(number, return_index=True)[1]
        if len(first) > PLACES:
            raise InputError(
                f"the recipes have {len(first)} different settings of {listed(law.inputs)}, and at most {PLACES} can "
                "share a departure; fit fewer runs, or pool without a departure: sb.fit(runs, law, pool=...)"
            )
        places = {name: x[first] / each[0].reference.inputs[name] for name, x in whole.items()}
        ends_at = np.cumsum([len(problem.runs) for problem in each])[:-1]
        of_row = np.stack([np.append(x, np.full(size - len(x), x[0])) for x in np.split(number, ends_at)])
        each = [replace(p, common=CommonPlaces(places, row)) for p, row in zip(each, of_row, strict=True)]
    model = Hierarchy(each[0].model, pooled, len(each))
    rows = [longer(problem.rows._replace(layout=None), size) for problem in each]
    params = {**law.params, **each[0].noise.params, **(each[0].discrepancy.params if each[0].discrepancy else {})}
    shapes = {name: _unconstrained(params[name].prior) for name in (*model.own, *model.pooled, *model.common)}
    middle, width = (np.array(x) for x in zip(*shapes.values(), strict=True))
    stack = lambda *x: np.stack(x)  # noqa: E731
    numbers = PooledNumbers(
        jax.tree.map(stack, *(problem.numbers for problem in each)),
        SPREAD * np.array([shapes[name][1] for name in pooled]),
        middle,
        width,
        each[0].numbers.stages,
        None,
        places,
    )
    if model.model.process is None:
        model = _with_coordinates(model, numbers)
    numbers = numbers._replace(near=np.asarray(model.usual(numbers)))
    return Joint(tuple(problems), tuple(each), model, numbers, PooledRows(jax.tree.map(stack, *rows), of_row))


def _unconstrained(prior: Any) -> tuple[float, float]:
    """The median and the sd of a prior on the unconstrained scale."""
    drawn = np.asarray(biject_to(prior.support).inv(prior.sample(jax.random.key(0), (SAMPLED,))))
    return float(np.median(drawn)), float(drawn.std())


def _with_coordinates(model: Hierarchy, numbers: PooledNumbers) -> Hierarchy:
    """The model with the terms and the slopes of its law, as its function shows them at the priors' middles.

    A law that is no sum of amplitudes and floors, or has no such exponents, keeps its own parameters as coordinates.
    """
    middle = dict(zip((*model.own, *model.pooled, *model.common), numbers.middle, strict=True))
    here = {name: np.full(model.recipes, x) for name, x in middle.items()}
    free = (*model.own, *model.pooled)
    positive = [n for n in free if numbers.each.priors[n].support in (constraints.positive, constraints.nonnegative)]

    def level(**changed: Any) -> np.ndarray:
        return np.asarray(model.at_reference({**here, **changed}, numbers))

    def near(a: Any, b: Any) -> bool:
        return bool(np.allclose(a, b, rtol=LINEAR, atol=0))

    def is_line(name: str) -> bool:
        none, once, twice = (level(**{name: here[name] + shift}) for shift in (ABSENT, 0.0, np.log(2.0)))
        return near(twice - none, 2 * (once - none)) and bool((once - none > LINEAR * once).all())

    amplitudes, floors = (tuple(n for n in of if n in positive and is_line(n)) for of in (model.own, model.pooled))
    if not amplitudes or not _adds(level, here, (*floors, *amplitudes), near):
        amplitudes, floors = (), ()
    slopes = []
    for name in model.pooled:
        if name not in positive or not near(level(**{name: here[name] + 1.0}), level()):
            continue
        for input in model.model.inputs:
            once, twice = (
                np.asarray(model.slope({**here, name: here[name] + shift}, input, numbers))
                for shift in (0, np.log(2.0))
            )
            if (once > 0).all() and near(twice, 2 * once):
                slopes.append((name, input))
                break
    return replace(model, amplitudes=amplitudes, floors=floors, slopes=tuple(slopes))


def _adds(level: Any, here: Mapping[str, Any], terms: tuple[str, ...], near: Any) -> bool:
    """Whether the law is the sum of its terms: without them nothing is left, and each adds what it is alone."""
    none = {name: here[name] + ABSENT for name in terms}
    each = [level(**{**none, name: here[name]}) for name in terms]
    return near(level(), sum(each))
