"""This file finds what a figure is about: the runs of what was asked, their columns, and places beyond them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scalebayes.compute import other_size
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.many.result import Fits
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.distance import with_ratios
from scalebayes.runs import Runs

SIZES = ("N", "D", "C", "D_per_N")  # two of these give the two others, by C = 6 N D


class Subject(NamedTuple):
    """What a figure is about.

    Attributes:
        asked: The fit, the fits, the stack or the recalibrated fit.
        runs: The runs that are drawn: before averaging, and of a stack those of the member with the most.
        inputs: The columns that the law takes, or that the laws of all members do.
        columns: The values of these columns (run,), and of C and D_per_N where N and D are among them.
        plain: The columns that need not be positive, so that their axis is not logarithmic.
    """

    asked: Asked
    runs: Runs
    inputs: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    plain: frozenset[str]

    @property
    def observable(self) -> str:
        """The name of what the laws give."""
        return self.runs.observable

    @property
    def sizes(self) -> bool:
        """Whether the laws take N and D, so that C = 6 N D and D/N are axes too."""
        return {"N", "D"} <= set(self.inputs)

    def filled(self, moved: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a forecast: those that a figure moves along, and the others held.

        Args:
            moved: What the figure moves along: columns, and any two of N, D, C and D_per_N where the laws take N and D.

            given: The values that the caller gives the others. What nobody gives is the median of the runs; of N and D,
                that is the median of D/N first.

        Returns:
            The values of each column that the laws take.
        """
        middle = {name: float(np.median(values)) for name, values in self.columns.items()}
        found = {name: moved[name] if name in moved else given.get(name, middle[name]) for name in self.inputs}
        if self.sizes:
            sizes = {name: moved[name] for name in SIZES if name in moved}
            sizes |= {name: given[name] for name in SIZES if name in given and name not in sizes}
            for name in ("D_per_N", "N"):
                if len(sizes) < 2 and name not in sizes:
                    sizes[name] = middle[name]
            found |= both_sizes(sizes)
        return found


def subject_of(asked: Any) -> Subject:
    """What a figure of a fit, of `Fits`, of a stack or of a recalibrated fit is about.

    Raises:
        InputError: `asked` is none of these, or an empty `Fits`.
    """
    fits = fits_of(asked)
    if not fits:
        raise InputError("these Fits are empty: there is nothing to draw")
    inputs = list(dict.fromkeys(column for fit in fits for column in fit.problem.columns.values()))
    if {"N", "D"} <= set(inputs):
        inputs = [name for name in inputs if name != "C"]  # C follows, for a member of a stack that takes C alone
    runs = max((fit.scored_runs for fit in fits), key=len)
    plain = {fit.problem.columns[name] for fit in fits for name in fit.law.domains if name in fit.problem.columns}
    return Subject(asked, runs, tuple(inputs), columns_in(runs, inputs), frozenset(plain))


def one_subject(asked: Any, question: str, sizes: bool = False) -> Subject:
    """As `subject_of`, for a figure that shows one forecast.

    Args:
        asked: What the user gave.

        question: The name of the function, for the error.

        sizes: Whether the figure is for laws of N and D alone. The default is False.

    Raises:
        InputError: `asked` is `Fits`, or nothing that can be asked; or the law isn't one of N and D.
    """
    if isinstance(asked, Fits):
        raise InputError(f"{question} draws one forecast, not Fits; of many, draw each: fits[0], fits['name']")
    subject = subject_of(asked)
    if sizes:
        check_sizes(subject, question)
    return subject


def check_sizes(subject: Subject, question: str) -> None:
    """Refuse a figure of N and D for laws that don't take them."""
    if not subject.sizes:
        takes = ", ".join(subject.inputs)
        raise InputError(f"{question} is for laws of N and D, and this one takes {takes}; draw sb.plot_curves(fit)")


def columns_in(runs: Runs, names: Any) -> dict[str, np.ndarray]:
    """Columns of runs by their names (run,), and C and D_per_N where N and D are among them."""
    found = {}
    for name in names:
        table = runs if name in runs else runs.derive(name)
        found[name] = np.asarray(table.numbered(name)[name], np.float64)
    return with_ratios(found)


def check_axis(subject: Subject, name: str) -> None:
    """Refuse to draw along what the laws don't take."""
    if name not in subject.columns:
        raise unknown("axis", name, subject.columns)


def both_sizes(given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """N and D from two of N, D, C and D_per_N, by C = 6 N D.

    >>> {name: float(x) for name, x in both_sizes({"C": 1.2e20, "D_per_N": 20.0}).items()}
    {'N': 1000000000.0, 'D': 20000000000.0}
    """
    one: dict[str, Any] = {name: np.asarray(x, np.float64) for name, x in given.items() if name in SIZES}
    if len(one) != 2:
        raise InputError(f"two of N, D, C and D_per_N say which runs are meant, not {len(one)}: {', '.join(one)}")
    if "C" in one and "D_per_N" in one:
        N = np.sqrt(other_size(one["C"], 1) / one["D_per_N"])
    elif "N" in one:
        N = one["N"]
    else:
        N = other_size(one["C"], one["D"]) if "C" in one else one["D"] / one["D_per_N"]
    D = one["D"] if "D" in one else other_size(one["C"], N) if "C" in one else N * one["D_per_N"]
    return dict(zip("ND", np.broadcast_arrays(N, D), strict=True))


def beyond_runs(subject: Subject, multiples: Any, given: Mapping[str, Any]) -> tuple[str, np.ndarray, dict[str, Any]]:
    """Places at multiples of the runs' largest compute, at one D/N; of the largest input where there is no compute.

    Args:
        subject: What the figure is about.

        multiples: The multiples (point,).

        given: Values of the other inputs, as for `Subject.filled`.

    Returns:
        The axis, the places along it (point,), and the inputs of the forecast there.
    """
    along = "C" if subject.sizes else subject.inputs[0]
    if along in subject.plain:
        raise InputError(f"{along} need not be positive, so that nothing is a multiple of it; draw sb.plot_curves(fit)")
    places = np.max(subject.columns[along]) * np.atleast_1d(np.asarray(multiples, np.float64))
    if along in given:
        raise InputError(f"at={{{along!r}: ...}}: {along} is the axis already; leave it out of at")
    for name in given:
        check_axis(subject, name)
    return along, places, subject.filled({along: places}, given)


def spread(values: np.ndarray, below: float, above: float, log: bool, count: int) -> np.ndarray:
    """Evenly spaced places from the least of the runs' values to the largest and beyond.

    Args:
        values: The runs' values (run,).

        below: The factor by which they begin below the least value; on a plain axis they begin at it.

        above: The factor by which they go on above the largest value; on a plain axis they end at it.

        log: Whether they are evenly spaced in the log.

        count: The number of places.

    >>> spread(np.array([1.0, 100.0]), 1.0, 100.0, True, 3).round(6).tolist()
    [1.0, 100.0, 10000.0]
    """
    if not log:
        return np.linspace(values.min(), values.max(), count)
    return np.exp(np.linspace(np.log(values.min() / below), np.log(values.max() * above), count))


def levels(values: np.ndarray, count: int) -> np.ndarray:
    """A few of the runs' own values, spread evenly over the log of them.

    >>> levels(np.array([1.0, 1.1, 9.0, 10.0, 99.0, 100.0]), 3).tolist()
    [1.0, 10.0, 100.0]
    """
    own = np.unique(values)
    if len(own) <= count:
        return own
    wanted = np.linspace(np.log(own[0]), np.log(own[-1]), count)
    return np.unique(own[np.abs(np.log(own)[:, None] - wanted).argmin(axis=0)])
