"""This file ranks the columns of a table that may be the same input or observable, and chooses between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scalebayes.runs.names import KNOWN_WORD, LETTER, Meaning, few, loss_rank

# A small letter such as n is read as N only if one of the given columns is read too.
WITH = {"N": ("D",), "D": ("N",), "C": ("N", "D")}

Given = Mapping[str, str | float | None]


def candidates(
    means: Mapping[str, Meaning],
    given: Given,
    observable: str,
    tracked: bool,
    numeric: Callable[[str], bool],
    countable: Callable[[str, Meaning], bool],
) -> dict[str, dict[str, float]]:
    """The columns of a table that may be each input or the observable, with their ranks, the lowest rank first.

    A column of text is an input only if its name is clear. The letters n, d and c are N, D and C only if no other
    column is, and if one of the two other inputs is there. If both are there, the third one follows from them.
    """
    groups: dict[str, dict[str, float]] = {}
    for column, m in means.items():
        if m.rank == LETTER and m.ours in WITH and not countable(column, m):
            continue
        if m.ours == observable or m.rank <= KNOWN_WORD or numeric(column):
            rank = loss_rank(m, tracked) if m.ours == observable else m.rank
            # A column that has to be multiplied ranks below one that has not.
            groups.setdefault(m.ours, {})[column] = rank + (0.25 if m.factor != 1.0 else 0.0)
    for ours, ranked in groups.items():
        if ours != observable and any(map(numeric, ranked)):
            exact = [column for column in ranked if column == ours]
            groups[ours] = {c: r for c, r in ranked.items() if numeric(c) or c in exact}
    firm = {ours for ours, ranked in groups.items() if min(ranked.values()) < LETTER}
    firm |= {ours for ours, theirs in given.items() if theirs is not None}
    letters = {ours for ours in groups if ours in WITH and ours not in firm}
    for ours in letters:
        if not set(WITH[ours]) & (firm | letters) or set(WITH) - {ours} <= firm:
            groups[ours] = {}
    for ours in groups:
        if ours in WITH and ours in firm and given.get(ours, "") is not None:
            groups[ours] = {column: rank for column, rank in groups[ours].items() if rank < LETTER}
    return {
        ours: dict(sorted(ranked.items(), key=lambda item: (item[1], item[0] != ours)))
        for ours, ranked in groups.items()
        if ranked
    }


def choose(ours: str, ranked: Mapping[str, float], same: Callable[[str, str], bool], faults: list[str]) -> str:
    """The first column of a table with the lowest rank.

    A column with equal rank and other values adds a sentence to `faults`.
    """
    first, *others = ranked
    rivals = [column for column in others if int(ranked[column]) == int(ranked[first]) and not same(first, column)]
    if rivals:
        cures = [f"columns={{'{ours}': '{column}'}}" for column in [first, *rivals][:4]]
        fault = (
            f"columns {few([first, *rivals])} could each be {ours}, and their values differ; say which with "
            f"{' or '.join(cures)}"
        )
        faults += [fault] if fault not in faults else []
    return first
