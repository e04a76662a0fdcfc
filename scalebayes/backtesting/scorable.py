"""This file says what can be scored: which probabilities, which noises, and which held-out runs."""

from collections.abc import Mapping, Sequence

import numpy as np

from scalebayes.compute import DERIVED
from scalebayes.errors import InputError, unknown
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table

# Probabilities of the intervals by default.
PROBS = (0.5, 0.8, 0.9, 0.95)


def check_probs(probs: Sequence[float]) -> tuple[float, ...]:
    """The probabilities of the intervals that are scored, after a check that they are usable."""
    try:
        given = tuple(float(prob) for prob in probs)
    except (TypeError, ValueError):
        given = ()
    if not given or not all(0 < prob < 1 for prob in given) or len(set(given)) < len(given):
        raise InputError(f"probs is a list of different numbers between 0 and 1, such as [0.5, 0.9]; not {probs!r}")
    return given


def check_noise(noise: Noise) -> None:
    """Refuse a noise whose forecasts can't be scored on the log.

    Raises:
        InputError: The noise is an objective without a density, or it allows a negative observable.
    """
    if not noise.form.density:
        raise InputError(f"noise {noise!r} is an objective and not a density: there is no log score; leave scale free")
    if noise.form.range[0] < 0:
        raise InputError(
            f"scores are on the log of the observable, and of noise {noise!r} it may be negative; use noise='normal' "
            "or 'student_t'"
        )


def check_runs(runs: Runs, observable: str, said: Mapping[str, str | None]) -> None:
    """Refuse held-out runs that aren't of what was fitted.

    Args:
        runs: What was given as runs.

        observable: The observable of the fit.

        said: The fit's `unit` and `N_counts`; an empty text or None where it isn't known.

    Raises:
        InputError: They are no `Runs`, or have another observable, another unit or another meaning of N.
    """
    if not isinstance(runs, Runs):
        raise no_table(runs)
    if runs.observable != observable:
        raise unknown("observable of the runs", runs.observable, [observable])
    for what, own in said.items():
        theirs = getattr(runs, what)
        if own != theirs and own and theirs:
            raise InputError(f"{what} of the runs is {theirs!r}, and the fit's is {own!r}; bring them to one")


def check_values(noise: Noise, runs: Runs) -> None:
    """Refuse held-out runs with an observable that the noise can't have."""
    low, high = noise.form.range
    off = runs.y[~((runs.y > low) & (runs.y < high))]
    if off.size:
        raise InputError(f"noise {noise!r} has no {runs.observable} of {off[0]:g}; leave such runs out")


def columns_of(
    runs: Runs, columns: Mapping[str, str], domains: Mapping[str, tuple[float, float]]
) -> dict[str, np.ndarray]:
    """The inputs of a law at held-out runs (run,), with N, D or C derived from the two others where it isn't there.

    Args:
        runs: The runs.

        columns: A mapping from input of the law to column.

        domains: A mapping from input to the range of its values, where it need not be positive.
    """
    for column in columns.values():
        runs = runs.derive(column) if column in DERIVED else runs
    return {name: runs.column(column, domains.get(name)) for name, column in columns.items()}
