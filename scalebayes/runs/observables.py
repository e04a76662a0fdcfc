"""This file tells which observables a table in long form has, and refuses to take several of them as one."""

from __future__ import annotations

from scalebayes.errors import InputError
from scalebayes.runs.column_access import ColumnAccess
from scalebayes.runs.filter_text import filter_of, in_quotes
from scalebayes.runs.names import few

COLUMN = "observable"  # the label that names the observable of each row of a table in long form
NAMED = 5  # observables that a message names; of those after them only the number is said


def observables(runs: ColumnAccess) -> tuple[str, ...]:
    """The observables that the column `observable` of runs names, in the order of the table; none without that column.

    >>> from scalebayes import Runs
    >>> observables(Runs(N=[1e8, 1e9], web=[3.0, 2.5], code=[2.0, 1.5], observable=["web", "code"]))
    ('web', 'code')
    """
    return tuple(str(name) for name in dict.fromkeys(runs.labels.get(COLUMN, ())) if name is not None)


def refuse_several(runs: ColumnAccess, alone: str = "", together: str = f"sb.fit(runs, pool='{COLUMN}')") -> None:
    """Raise `InputError` for runs of several observables, where they would be taken as values of one.

    A column `observable` that differs in every row names no observables.

    Args:
        runs: The runs.

        alone: What takes one observable, such as "a backtest", where none of its kind takes several. The
            default is "", for a fit.

        together: What to type for a fit of all observables.

    >>> from scalebayes import Runs
    >>> refuse_several(Runs(N=[1e8, 1e9], web=[3.0, 2.5], code=[2.0, 1.5], observable=["web", "code"]))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: these runs have 2 observables ('web', 'code'), and a fit is of one; fit each with \
sb.fit_many(runs, by='observable'), all together with sb.fit(runs, pool='observable'), or take one alone, \
runs.where("observable == 'web'")
    """
    names = observables(runs)
    if len(names) < 2 or len(names) == len(runs.labels[COLUMN]):
        return
    one = f"runs.where({in_quotes(filter_of(COLUMN, names[0]) or '...')})"
    if "observables" in runs.metadata and runs.metadata.get("source"):
        one = f"sb.read_runs(..., observable={names[0]!r})"
    cure = f"fit each with sb.fit_many(runs, by='{COLUMN}'), all together with {together}, or take one alone, {one}"
    raise InputError(
        f"these runs have {len(names)} observables ({few(names, NAMED)}), and {alone or 'a fit'} is of one; "
        f"{f'take one alone, {one}' if alone else cure}"
    )


def refuse_another(runs: ColumnAccess, fitted: ColumnAccess) -> None:
    """Raise `InputError` for runs of several observables, or of another observable than a fit's own runs have.

    Args:
        runs: Runs beside the fit, such as held-out ones.

        fitted: The runs of the fit.
    """
    own, theirs = observables(fitted), observables(runs)
    if len(own) != 1:
        return refuse_several(runs)
    if theirs and theirs != own:
        text = filter_of(COLUMN, own[0]) or "..."
        raise InputError(
            f"the fit is of the observable {own[0]!r}, and the runs have {few(theirs, NAMED)}; give those of one, "
            f"runs.where({in_quotes(text)})"
        )
    return None
