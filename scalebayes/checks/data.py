"""This file checks what the runs were trained on: the shares of a mixture, and tokens that are seen more than once."""

from collections.abc import Iterator

import numpy as np

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.errors import InputError, listed
from scalebayes.laws import get
from scalebayes.model.problem import Problem
from scalebayes.status import Check, Status


def data_checks(problem: Problem) -> Iterator[Check]:
    """The check that shares add up to one, and the check of repeated tokens under a law that takes them for new."""
    if problem.law.shares:
        yield _shares(problem)
    yield from _repetition(problem)


def _shares(problem: Problem) -> Check:
    id, law = "mixture_shares", problem.law
    columns = [problem.columns[share] for share in law.shares]
    values = np.stack([problem.column(column) for column in columns])
    total = values.sum(axis=0)
    whole = len(columns) > 1
    typical = float(np.median(total)) if whole else float(values.max())
    most = int(np.argmax(np.abs(total - 1))) if whole else int(np.argmax(total))
    seen = f"{' + '.join(columns)} is {total[most]:.4g} in row {problem.runs.rows[most]}"
    if typical > limits.SHARES_PERCENT:
        return make_check(
            id,
            Status.FAIL,
            f"{seen}: these look like per cent, and law {law.name!r} takes shares of one; read the table with "
            f"units={dict.fromkeys(columns, 0.01)!r}.",
        )
    if total.max() > 1 + limits.SHARES_ROUNDED:
        return make_check(
            id,
            Status.REVIEW,
            f"{seen}, more than the whole: shares of a mixture add up to one; divide each by the sum of its row, and "
            "fit again.",
        )
    if not whole:
        return make_check(id, Status.PASS, f"{columns[0]} is a share: {values.min():.3g} to {values.max():.3g}.")
    if total.min() < 1 - limits.SHARES_ROUNDED:
        return make_check(id, Status.REVIEW, f"{seen}: {_missing(problem, columns, total)}.")
    return make_check(id, Status.PASS, f"{' + '.join(columns)} is one in every row.")


def _missing(problem: Problem, columns: list[str], total: np.ndarray) -> str:
    """What to type to complete the shares by columns of the table, or what to do if the table lacks such columns."""
    others = [name for name in problem.runs.inputs if name not in problem.columns.values()]
    completing: list[str] = []
    for name in others:
        values = problem.runs.inputs[name]
        if np.isfinite(values).all() and (values >= 0).all() and (total + values <= 1 + limits.SHARES_ROUNDED).all():
            completing, total = [*completing, name], total + values
            if total.min() >= 1 - limits.SHARES_ROUNDED:
                break
    many = len(columns) + len(completing)
    if not completing or total.min() < 1 - limits.SHARES_ROUNDED or not _has(problem.law.name, many):
        return (
            "the shares of a mixture add up to one, and what is missing is a domain that the law doesn't see; give "
            "every domain a column, or add those that are left out as one share"
        )
    prefix = problem.law.shares[0].rstrip("0123456789")
    bound = {f"{prefix}{i}": column for i, column in enumerate([*columns, *completing], 1)}
    renamed = {name: column for name, column in bound.items() if name != column}
    inputs = f", inputs={renamed}" if renamed else ""
    return (
        f"with {listed(completing)} the shares add up to one; "
        f"use law=sb.laws.get({problem.law.name!r}, domains={many}){inputs}"
    )


def _has(name: str, domains: int) -> bool:
    try:
        return bool(get(name, domains=domains).shares)
    except InputError:
        return False


def _repetition(problem: Problem) -> Iterator[Check]:
    id, runs = "repetition", problem.runs
    if "U" in problem.law.inputs:
        return
    if "U" in runs.inputs and "D" in runs.inputs:
        epochs = runs.inputs["D"] / runs.inputs["U"]
        unique = ""
    elif "epochs" in runs.inputs:
        epochs = np.asarray(runs.inputs["epochs"], float)
        unique = "give the unique tokens of the corpus, such as columns={'U': 118e6}, and "
    else:
        return
    if not (known := epochs[np.isfinite(epochs)]).size:
        return
    most, again, harmless = float(known.max()), int((known > limits.REPETITION_ONCE).sum()), limits.REPETITION_HARMLESS
    if not again:
        yield make_check(id, Status.PASS, "No run sees its corpus more than once.")
        return
    seen = f"{again} of {len(runs)} runs see their corpus more than once, up to {most:.3g} times"
    if most <= harmless:
        yield make_check(
            id,
            Status.PASS,
            f"{seen}: up to {harmless:g} epochs repeated tokens are worth nearly as much as new ones.",
        )
        return
    beyond = int((known > harmless).sum())
    needs = "data_constrained" if {"N", "D"} <= {*runs.inputs} else "data_filtering"
    yield make_check(
        id,
        Status.REVIEW,
        f"{seen}, {beyond} of them more than {harmless:g} times, where repeated tokens are worth less and less, and "
        f"law {problem.law.name!r} takes them for new: its answers about D hold neither for new nor for repeated "
        f"tokens; {unique}use law={needs!r}.",
    )
