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


# Twenty settings: budget, tokens served, largest N and largest D (None for none), and a run of one's own.
SETTINGS = [
    (10 ** rng.uniform(19, 25), served, max_N, max_D, 10 ** rng.uniform(8, 11.5), 10 ** rng.uniform(9.5, 12.5))
    for rng, served, max_N, max_D in (
        (np.random.default_rng(seed), *limits)
        for seed, limits in enumerate(
            2 * [(0.0, None, None), (1e12, None, None), (0.0, 3e9, None), (0.0, None, 2e11), (3e11, 2e10, 6e11)]
            + 2 * [(0.0, None, None), (3e11, 4e9, None), (0.0, 2e10, 6e11), (5e11, None, 5e10), (1e13, None, None)]
        )
    )
]


def of_python(fit, setting):
    """What sb.predict and sb.optimum say at a setting, and whether the budget is spent within its limits."""
    C, served, max_N, max_D, N, D = setting
    limits = {name: value for name, value in (("max_N", max_N), ("max_D", max_D)) if value}
    cost = sb.costs.with_inference(served) if served else sb.costs.six_nd
    own = sb.optimum(fit, C=C, cost=cost, subject_to=limits, of="law")
    spent = max_N is None or max_D is None or float(cost(max_N, max_D)) >= C
    found = {name: ends(own[name]) for name in ("N", "D", "D_per_N", "loss")}
    return {**found, "run": ends(sb.predict(fit, N=N, D=D)["loss"]), "spent": spent}


def ends(draws, prob=0.9):
    """Median and interval as Python's tables have them."""
    lower, median, upper = np.quantile(draws, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
    return {"median": median, "lower": lower, "upper": upper}


def close(found, expected):
    for part in ("median", "lower", "upper"):
        assert found[part] == pytest.approx(expected[part], rel=1e-6), part
