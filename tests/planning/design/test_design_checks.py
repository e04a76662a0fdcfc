"""The warnings of a design, each with the run that cures it."""

import re

import numpy as np
import pytest

from scalebayes.planning.design.checks import design_checks
from scalebayes.status import Status

NOTHING = {"N": np.array([]), "D": np.array([])}
GOOD = {"N": np.repeat([1e8, 3e8, 1e9], 3), "D": np.tile([2e9, 6e9, 2e10], 3)}
NEAR = {"N": np.array([3e9]), "D": np.array([6e10])}


def cured(check):
    """The run that a check names."""
    n, d = re.search(r"N=([\d.e+]+), D=([\d.e+]+)", check.sentence).groups()
    return {"N": np.array([float(n)]), "D": np.array([float(d)])}


def test_a_good_design_passes():
    """Fails if a grid of three sizes and three token counts is warned of."""
    checks = design_checks(GOOD, NOTHING, NEAR)
    assert checks.status == Status.PASS and len(checks) == 3


@pytest.mark.parametrize(
    ("runs", "at", "id"),
    [
        ({"N": np.array([1e8, 2e8, 4e8, 8e8]), "D": 20 * np.array([1e8, 2e8, 4e8, 8e8])}, NEAR, "design_path"),
        ({"N": np.repeat([1e8, 1e9], 3), "D": np.tile([2e9, 6e9, 2e10], 2)}, NEAR, "design_sizes"),
        ({"N": np.repeat([1e8, 1.5e8], 3), "D": np.tile([2e9, 6e9, 2e10], 2)}, NEAR, "design_sizes"),
        (GOOD, {"N": np.array([7e10]), "D": np.array([1.4e12])}, "design_far"),
    ],
)
def test_each_fault_is_warned_of_and_its_cure_works(runs, at, id):
    """Fails if a fault isn't warned of, or the run that the warning names doesn't end it."""
    check = design_checks(runs, NOTHING, at)[id]
    assert check.status == Status.REVIEW
    assert design_checks(runs, cured(check), at)[id].status == Status.PASS
