"""The quick mean of a process is its mean."""

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.discrepancy.quick_mean import PIECE, quick_mean
from scalebayes.fitting.in_own_units import flat, own_units, residuals
from tests.helpers import PROCESS_VALUES, departing, simulated


@pytest.mark.parametrize("count", [1, 3, PIECE + 5])
def test_the_quick_mean_is_the_mean(count):
    """Fails if single precision, the cut into pieces or a group of its own moves the mean by more than 1e-5, of .02."""
    table, preset = simulated(24, 5), sb.laws.published("besiroglu2024")
    runs = sb.Runs(N=table["N"], D=table["D"], loss=table.y * 1.02, group=["a", "b"] * 12)
    fit = departing(
        runs, preset.law, {name: [x] for name, x in preset.values.items()}, sb.GP("matern", "bend", "drift", "offset"),
        PROCESS_VALUES,
    )  # fmt: skip
    problem, rng = fit.problem, np.random.default_rng(count)
    process, ends = problem.model.process, problem.numbers.ends
    assert process is not None and ends is not None
    with jax.enable_x64():
        law, noise, values, factor = jax.tree.map(lambda x: x[0], flat(fit))
        seen = residuals(problem.model, own_units(fit), ends.seen_at(problem.rows), law, noise, factor)
        inputs = {"N": 10 ** rng.uniform(7, 12, count), "D": 10 ** rng.uniform(9, 13, count)}
        reference = {name: np.float64(x) for name, x in fit.reference.inputs.items()}
        there = ends.places({n: x / reference[n] for n, x in inputs.items()}, rng.integers(-1, 2, count) * 1.0)
        given = process.given_runs(values, seen)
        exact = np.asarray(process.across(values, given.known, there).T @ given.weights)
        found = np.asarray(quick_mean(process, values, seen, there))
    assert np.abs(exact).max() > 1e-3
    np.testing.assert_allclose(found, exact, atol=1e-5)
