"""This file checks that runs, law, noise and discrepancy suit each other."""

import math

import numpy as np

from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.errors import InputError
from scalebayes.laws.law import Law
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs


def suited(
    discrepancy: Discrepancy, law: Law, noise: Noise, group: np.ndarray | None, groups: np.ndarray | None
) -> Discrepancy:
    """The discrepancy for a law and a noise; where it can't be, an `InputError` says why.

    An offset that was asked for takes the table's column `group`. The default components have an offset only where the
    groups are more than sizes.
    """
    if noise.name != "normal" and noise.form.mixture is None:
        raise InputError(
            f"noise {noise.name!r} can't be used with a discrepancy: a Gaussian process is integrated out only under a "
            "noise that is Normal on the log of the observable, or a mixture of such noises; use noise='normal' or "
            "'student_t', or leave the discrepancy out"
        )
    discrepancy = discrepancy.of(law.inputs, groups is not None and len(set(groups)) > 1)
    if any(one.name == "offset" for one in discrepancy.components) and group is None:
        raise InputError("the component offset needs a column 'group' in the runs; add one, or leave it out")
    if clash := sorted((set(law.params) | set(noise.params)) & set(discrepancy.params)):
        raise InputError(f"law {law.name!r} and the discrepancy both have a parameter {clash[0]!r}; rename it")
    return discrepancy


def check_observable(runs: Runs, law: Law, noise: Noise) -> None:
    """Refuse an observable that the law can't give or the noise can't have."""
    low, high = law.range
    off = runs.y[~((runs.y >= low) & (runs.y <= high))]
    if off.size and not law.has_scale:
        cure = "; divide a percentage by 100" if (off > high).any() else ""
        raise InputError(
            f"law {law.name!r} gives {law.observable} from {low:g} to {high:g}, and {runs.observable} is {off[0]:g} in "
            f"{_rows_of(off)}{cure}"
        )
    low, high = noise.form.range
    where = "positive" if math.isinf(high) else f"between {low:g} and {high:g}"
    off = runs.y[~((runs.y > low) & (runs.y < high))]
    if off.size:
        raise InputError(
            f"noise {noise.name!r} is for an observable that is {where}, and {runs.observable} is {off[0]:g} in "
            f"{_rows_of(off)}; leave such runs out, or use noise='normal_raw', which takes any number"
        )
    if not math.isinf(high) and law.has_scale:
        raise InputError(
            f"noise {noise.name!r} is for an observable that is {where}, and law {law.name!r} has no upper end; use "
            "noise='student_t', or a law of a share such as 'sigmoid_compute' (sb.Law(..., range=(0, 1)) for your own)"
        )


def _rows_of(off: np.ndarray) -> str:
    return f"{off.size} run{'s' if off.size > 1 else ''}"
