"""This file checks units: whether N, D and C are possible for a language model, and whether they fit each other."""

import math
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.compute import flops
from scalebayes.model.problem import Problem
from scalebayes.runs import Runs
from scalebayes.runs.describe import short
from scalebayes.runs.names import LEAST, MOST
from scalebayes.runs.own_cost import has_own, held_against, said_of
from scalebayes.runs.reading.header_units import factor_text
from scalebayes.status import Check, Status

NAMES = {3: "thousands", 6: "millions", 9: "billions", 12: "trillions"}
OF = {"N": "parameters", "D": "tokens"}


def compute(runs: Runs, cost: Any = None) -> Check:
    """The check of the runs' own C against a cost.

    Args:
        runs: The runs, with N, D and a C of their own.

        cost: A function of N and D, such as one of `sb.costs`. The default is None, for the cost that the runs' C was
            said to be; where it was said to be none, C = 6 N D.
    """
    own = said_of(runs.metadata) if cost is None else None
    own = own or held_against(runs.inputs, cost)
    low, middle, high = own.low, own.middle, own.high
    of = "nine runs of ten" if own.rows == len(runs) else f"nine of ten of all {own.rows} runs"
    seen = f"C / {own.name} has median {middle:.3g} and lies between {low:.3g} and {high:.3g} in {of}"
    if max(abs(np.log(low)), abs(np.log(high))) < limits.COMPUTE_OFF:
        return make_check("compute", Status.PASS, f"{seen}.")
    power = thousands(float(middle))
    if power and math.log10(high / low) < limits.COMPUTE_SPREAD:
        guesses = guessed(runs, ("N", "D"), power) if power > 0 else {"C": -power}
        looks = " and ".join(f"{name} were in {_called(name, guess)}" for name, guess in guesses.items())
        return make_check(
            "compute",
            Status.FAIL if power > 0 else Status.REVIEW,
            f"{seen}: the units of C, N and D don't fit to each other, and a budget is not the runs' own C; it looks "
            f"as if {looks}; {cure(guesses)}.",
        )
    return make_check(
        "compute",
        Status.REVIEW,
        f"{seen}: a budget that is taken as {own.name} isn't the runs' own C; say which cost C is, "
        "runs.with_cost(sb.costs.transformer(...)), or check what N counts (embeddings?) and the units.",
    )


def units(problem: Problem) -> Check:
    """The check of units: of the law's parameters, and of N, D and C.

    Every parameter of the law must have a dimension, so that the fit doesn't depend on the units; and the values of N,
    D and C must be possible for a language model.
    """
    literal = _literal(problem)
    odd = odd_counts(problem.runs, problem.columns.values())
    if not odd and (budgets := _odd_compute(problem)):
        return make_check("units", Status.REVIEW, f"{budgets} {literal.sentence}" if literal else budgets)
    if not odd:
        whole = "Every parameter has a dimension: the fit doesn't depend on the units."
        return literal or make_check("units", Status.PASS, whole)
    guesses = guessed(problem.runs, odd, _own_power(problem.runs))
    said = "; ".join(_odd(problem.runs, name, guesses) for name in odd)
    whole = ", ".join(f"'{name}': 1" for name in odd)
    sentence = (
        f"{said}; 6 N D is no number of FLOPs then; {cure(guesses)}, or with units={{{whole}}} where they are counts."
    )
    sure = len(odd) == 2 and beyond(medians(problem.runs, odd))
    status = Status.FAIL if sure else Status.REVIEW
    return make_check("units", status, f"{sentence} {literal.sentence}" if literal else sentence)


def _literal(problem: Problem) -> Check | None:
    """The review of a law without dimensions, whose priors are taken in the runs' own units; None for any other law."""
    if problem.law.has_dimensions:
        return None
    missing = [name for name, dimension in problem.law.dimensions.items() if dimension is None]
    missing += [name for name, param in problem.noise.params.items() if param.dimension]
    return make_check(
        "units",
        Status.REVIEW,
        f"law {problem.law.name!r} gives parameters no dimension: the priors of {', '.join(missing)} are taken "
        "literally, in the runs' own units, and sampling may be slow; give each a sb.Param(prior, dimension).",
    )


def _odd_compute(problem: Problem) -> str:
    """The sentence on a C that is too small for the FLOPs of a training run; blank where C is possible or not used."""
    runs = problem.runs
    if "C" not in problem.columns.values() or "C" in runs.metadata.get("units", ()) or runs.derived:
        return ""
    if np.median(runs.inputs["C"]) >= LEAST["C"]:
        return ""
    return (
        f"C {_range(runs, 'C')}, where no language model's FLOPs do: it looks as if it were in another unit; read the "
        "table with that, as in units={'C': 'PF-days'} or units={'C': 1e18}, or with units={'C': 1} where it is FLOPs."
    )


def odd_counts(runs: Runs, columns: Iterable[str]) -> list[str]:
    """Which of N and D a check of units takes as impossible. One whose unit the user gave is never among them.

    >>> odd_counts(Runs(N=[60.0, 1000.0], D=[2.0, 200.0], loss=[3.0, 2.0]), ["N", "D"])
    ['N', 'D']
    >>> odd_counts(Runs(N=[1e4, 1e6], D=[1e6, 1e8], loss=[3.0, 2.0]), ["N", "D"])
    []
    """
    given = runs.metadata.get("units", ())
    middle = medians(runs, columns)
    odd = set(beyond(middle))
    if len(middle) == 2:
        if all(value < limits.UNITS_SMALL[name] for name, value in middle.items()):
            odd = {"N", "D"}
        elif odd:
            odd |= {name for name, value in middle.items() if value < limits.UNITS_DOUBTED[name]}
        elif (ratio := float(np.median(runs.inputs["D"] / runs.inputs["N"]))) > limits.UNITS_RATIO[1]:
            odd = {"N"}
        elif ratio < limits.UNITS_RATIO[0]:
            odd = {"D"}
    return [name for name in middle if name in odd and name not in given]


def medians(runs: Runs, columns: Iterable[str]) -> dict[str, float]:
    """The medians of N and D that the check of units looks at, if they are among the columns."""
    return {name: float(np.median(runs.inputs[name])) for name in ("N", "D") if name in set(columns)}


def beyond(middle: Mapping[str, float]) -> list[str]:
    """Which of the medians the check of units takes as impossible for a language model, each by itself."""
    return [name for name, value in middle.items() if not LEAST[name] <= value <= MOST[name]]


def guessed(runs: Runs, names: Iterable[str], power: int = 0) -> dict[str, int]:
    """The power of ten of the unit that the check of units takes each of N and D to be in.

    The powers are those in which tables are written. The likeliest make D/N, N and D typical, and agree with C.

    Args:
        runs: The table of runs.

        names: Which of N and D may be in another unit.

        power: The power of ten that C / 6ND is near. The default is 0, where the runs have no C.

    >>> guessed(Runs(N=[60.0, 1000.0], D=[2.0, 200.0], loss=[3.0, 2.0]), ["N", "D"])
    {'N': 6, 'D': 9}
    """
    names = [name for name in ("N", "D") if name in set(names)]
    middle = medians(runs, runs.inputs)
    held = {name: limits.UNITS_POWERS[name] if name in names else {0: 0.0} for name in middle}
    best, least = {}, math.inf
    for powers in product(*held.values()):
        there = {name: middle[name] * 10.0**p for name, p in zip(held, powers, strict=True)}
        if power and sum(powers) != power:
            continue
        cost = sum(held[name][p] for name, p in zip(held, powers, strict=True))
        cost += sum(
            3.0 for name in names if not limits.UNITS_USUAL[name][0] <= there[name] <= limits.UNITS_USUAL[name][1]
        )
        if len(there) == 2:
            cost += abs(math.log10(there["D"] / there["N"] / limits.UNITS_TYPICAL))
        if cost < least:
            best, least = dict(zip(held, powers, strict=True)), cost
    return {name: p for name, p in best.items() if p}


def cure(guesses: Mapping[str, int]) -> str:
    """What the check of units says to type to read the columns in the guessed units.

    >>> cure({"N": 6, "D": 9})
    "read the table with units={'N': 1e6, 'D': 1e9}"
    """
    pairs = ", ".join(f"'{name}': {factor_text(10.0**p)}" for name, p in guesses.items())
    return f"read the table with units={{{pairs or "'N': ..., 'D': ..."}}}"


def thousands(ratio: float) -> int:
    """The power of ten, a multiple of three, by which the check of units explains a ratio; 0 if it is near none.

    >>> thousands(1.1e15), thousands(2.0), thousands(30.0)
    (15, 0, 0)
    """
    log = math.log10(ratio)
    power = 3 * round(log / 3)
    return power if abs(log - power) < limits.COMPUTE_APART else 0


def _own_power(runs: Runs) -> int:
    """The power of ten by which the runs' own C differs from 6ND; 0 if they have no C of their own."""
    if not has_own(runs.inputs, runs.derived):
        return 0
    ratio = runs.inputs["C"] / flops(runs.inputs["N"], runs.inputs["D"])
    return thousands(float(np.median(ratio)))


def _odd(runs: Runs, name: str, guesses: Mapping[str, int]) -> str:
    looks = f": it looks as if it were in {_called(name, guesses[name])}" if name in guesses else ""
    return f"{name} {_range(runs, name)}, where no language model's {OF[name]} do{looks}"


def _range(runs: Runs, name: str) -> str:
    low, high = (short(float(end)) for end in (runs.inputs[name].min(), runs.inputs[name].max()))
    return f"is {low}" if low == high else f"lies between {low} and {high}"


def _called(name: str, power: int) -> str:
    return f"{factor_text(10.0**power)} FLOPs" if name == "C" else NAMES.get(power, factor_text(10.0**power))
