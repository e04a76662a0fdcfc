"""The inputs that a forecast is asked at, against those that its law takes: none of them is dropped."""

from collections.abc import Iterable, Mapping, Sequence

from scalebayes.errors import InputError, listed, unknown
from scalebayes.runs import Runs
from scalebayes.runs.reading.missing_columns import may_be, reading_cure

DERIVABLE = ("C", "D", "N")  # any of them by C = 6 N D of the two others


def known_inputs(columns: Iterable[str]) -> list[str]:
    """The columns that a forecast takes of a law of these: they, and what they may be derived from.

    >>> known_inputs(["x"]), known_inputs(["N", "D"])
    (['x'], ['N', 'D', 'C'])
    """
    columns = list(columns)
    return [*columns, *(n for n in DERIVABLE if n not in columns)] if set(DERIVABLE) & set(columns) else columns


def used(columns: Iterable[str], given: Iterable[str]) -> set[str]:
    """Those of the inputs given that a law of these columns takes, or that one of them is derived from.

    >>> sorted(used(["D"], ["N", "D"])), sorted(used(["D"], ["N", "C"])), sorted(used(["D"], ["N", "D", "C"]))
    (['D'], ['C', 'N'], ['C', 'D', 'N'])
    """
    given, found = set(given), set()
    for column in columns:
        others = set(DERIVABLE) - {column}
        if column in given:
            found.add(column)
        elif column in DERIVABLE and others <= given:
            found |= others
    # Given all three, they are held to C = 6 N D, which says of each what the others do.
    return found | set(DERIVABLE) if found & set(DERIVABLE) and set(DERIVABLE) <= given else found


def check_given(law: str, columns: Mapping[str, str], given: Sequence[str], runs: Runs) -> None:
    """That a law takes each input given, and is given each that it needs.

    Args:
        law: its name. columns: law input -> column of the runs. given: columns, or names of the law's inputs.

    Raises:
        InputError: an input that the law doesn't know, that it lacks, or that would change nothing.

    >>> check_given("power", {"x": "D"}, ["N", "D"], Runs(D=[1e9, 2e9], loss=[3.0, 2.9]))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: N was asked for, and the runs have no N (they have D); \
say which it is when the table is read: read_runs(..., columns={'N': ...})
    """
    taken = list(columns.values())
    names = [columns.get(name, runs.name_of(name)) for name in given]
    known = known_inputs(taken)
    there = set(runs.inputs) | (set(DERIVABLE) if len(set(DERIVABLE) & set(runs.inputs)) > 1 else set())
    absent = [name for name in names if name in DERIVABLE and name not in used(taken, names) and name not in there]
    for name in names:
        if name not in known and name not in absent:
            raise unknown("input", name, known)
    if absent:
        raise InputError(not_in_runs(absent, runs))
    lacking = [
        column
        for column in taken
        if column not in names and not (column in DERIVABLE and set(DERIVABLE) - {column} <= set(names))
    ]
    if lacking:
        # C and one of N and D are enough.
        join = " or " if "C" in names and set(lacking) <= set(DERIVABLE) else " and "
        cure = join.join(f"{column}=..." for column in lacking if column.isidentifier())
        raise InputError(
            f"law {law!r} needs {' and '.join(lacking)}; given: {listed(given)}" + (f"; add {cure}" if cure else "")
        )
    if idle := [name for name in names if name not in used(taken, names)]:
        both = " and ".join(dict.fromkeys([*idle, *taken]))
        raise InputError(
            f"law {law!r} takes {' and '.join(taken)} alone, and {' and '.join(idle)} would change nothing; "
            f"leave {'it' if len(idle) == 1 else 'them'} out, or fit a law of {both}"
        )


def not_in_runs(names: Sequence[str], runs: Runs) -> str:
    """What to say of inputs that were asked for and aren't among the runs'."""
    texts = f"; as text: {', '.join(runs.labels)}" if runs.labels else ""
    told = [
        f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} asked for, and the runs have no "
        f"{' and no '.join(names)} (they have {', '.join(runs.inputs) or 'no inputs'}{texts})",
        *may_be(names, runs.inputs, runs.labels),
        f"say which {'it is' if len(names) == 1 else 'they are'} when the table is read: "
        f"{reading_cure(names, runs.inputs, runs.labels)}",
    ]
    return "; ".join(told)
