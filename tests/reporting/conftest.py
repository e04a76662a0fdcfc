"""Fits of which reports are made, once for all tests of this folder."""

import matplotlib
import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import PROCESS_VALUES, departing, fit_of, simulated

matplotlib.use("agg")


@pytest.fixture(scope="session")
def of_sizes():
    """A fit of chinchilla that holds draws around the values of Besiroglu et al."""
    return around("chinchilla", {"A": 482.0, "B": 2085.4, "alpha": 0.348, "beta": 0.366, "E": 1.817})


@pytest.fixture(scope="session")
def departed():
    """A fit with a discrepancy over N and D, of 300 draws."""
    rng, runs = np.random.default_rng(1), simulated(30, 1)
    values = {"A": 482.0, "B": 2085.4, "alpha": 0.348, "beta": 0.366, "E": 1.817}
    process = {name: value for name, value in PROCESS_VALUES.items() if not name.startswith("offset")}
    draws = {name: value * np.exp(0.01 * rng.normal(size=300)) for name, value in values.items()}
    return departing(runs, sb.laws.get("chinchilla"), draws, sb.GP("matern", "bend", "drift"), process)


def around(law, values, draws=300, spread=0.01):
    """A fit of a law, never fitted, that holds draws around values of its parameters; its runs are simulated."""
    rng = np.random.default_rng(0)
    law = sb.laws.get(law) if isinstance(law, str) else law
    each = {name: value * np.exp(spread * rng.normal(size=draws)) for name, value in values.items()}
    return fit_of(law, each, simulated(40, 0))
