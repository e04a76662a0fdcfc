"""This file says what to type if a law is not that of the runs, such as another law of the registry."""

from collections.abc import Mapping

import numpy as np

from scalebayes import laws
from scalebayes.checks import limits
from scalebayes.checks.residuals import normal_scores
from scalebayes.model.problem import Problem
from scalebayes.runs.filter_text import comparison, in_quotes

# The inputs of which any two give the third.
SCALES = {"N", "D", "C"}


def cure(problem: Problem, along: list[str], against: Mapping[str, float]) -> str:
    """What the check of the law says to do about a law that explains nothing, or that the runs go against.

    Args:
        problem: The runs, the law and the noise.

        along: The inputs along which the runs go with the law.

        against: The change of the runs along each input along which they go against the law.
    """
    runs, rises = problem.runs, any(change > 0 for change in against.values())
    positive = bool((runs.y > 0).all())
    if runs.observable == "loss" and rises:
        return (
            f"no law of a loss rises with {' or '.join(problem.columns[name] for name in against)}: look for what else "
            "changed (repeated data, another data set, learning rate or tokenizer) and fit runs of one kind, "
            "where=..., or say that the column is no loss, observable='score'"
        )
    if along and against and positive and _there("optimal_power", problem):
        return "law='optimal_power' lets it rise with one input and fall with another"
    if positive and runs.y.max() < 1 and (rises or runs.observable != "loss") and problem.law.range != (0.0, 1.0):
        shares = [law for law in map(laws.get, laws.names()) if law.range == (0.0, 1.0)]
        names = ", ".join(f"{law.name!r} (of {', '.join(law.inputs)})" for law in shares)
        return f"laws of a score or a share are {names}; try law={_bound('sigmoid_compute', 'C', problem)}"
    if rises and runs.y.min() >= 0 and 1 < runs.y.max() <= 100:
        return (
            "if it is a score out of 100, divide the column by 100 and take "
            f"law={_bound('sigmoid_compute', 'C', problem)}; if not, {_rising(problem)}"
        )
    if rises:
        return _rising(problem)
    if not against and (part := _one_way(problem)):
        return part
    first = "chinchilla" if _there("chinchilla", problem) else "offset_power"
    others = [name for name in (first, "power", "offset_power") if name != problem.law.name]
    return f"compare others, such as law={_bound(others[0], 'x', problem)}"


def _rising(problem: Problem) -> str:
    if (problem.runs.y > 0).all() and _there("optimal_power", problem) and problem.law.name != "optimal_power":
        return "law='optimal_power' is a power of N and of D that may rise"
    column = next(iter(problem.columns.values()))
    name = column if column.isidentifier() else "x"
    return (
        "fit what falls with scale, such as a loss or an error rate, or write a law that rises, "
        f"sb.Law('mine', lambda {name}, a, b: a + b * jnp.log({name}), {{'a': dist.Normal(0, 10), "
        "'b': dist.Normal(0, 1)}), with noise='normal_raw'"
    )


def _one_way(problem: Problem) -> str:
    """What to type to fit only the runs on the law's side of a turn, for a law of one input; blank without a turn."""
    (name, sign), *more = problem.law.trend.items() or [("", 0)]
    if more or name not in problem.columns:
        return ""
    column, x = problem.columns[name], problem.column(problem.columns[name])
    _, slope, square = np.polynomial.polynomial.polyfit(problem.axis(column, x), normal_scores(problem.runs.y), 2)
    if square == 0:
        return ""
    at = -slope / (2 * square)
    if problem.axis_name(column) != column:
        at = np.exp(np.clip(at, -700, 700))
    turn, beyond = float(f"{at:.2g}"), square * sign > 0
    count = int((x > turn).sum() if beyond else (x < turn).sum())
    if not limits.LAW_CURE_FEWEST <= count < len(x) or not column.isidentifier():
        return ""
    return (
        f"the runs turn at {column} {turn:g}, and no law of one input does: fit those that go its way, "
        f"where={in_quotes(comparison(column, '>' if beyond else '<', f'{turn:g}'))}"
    )


def _there(name: str, problem: Problem) -> bool:
    """Whether the runs have the inputs of the law with this name."""
    there = set(problem.runs.inputs)
    return set(laws.get(name).inputs) <= there | (SCALES if len(SCALES & there) >= 2 else set())


def _bound(name: str, of: str, problem: Problem) -> str:
    """The text that asks for a law on these runs, with `inputs` if its single input needs a column."""
    if _there(name, problem):
        return repr(name)
    return f"{name!r}, inputs={{{of!r}: {next(iter(problem.columns.values()))!r}}}"
