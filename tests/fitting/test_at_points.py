"""The curve of a fit with a discrepancy at points: the same whatever points are asked beside them, by one program."""

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.fitting.at_points import DRAWS, ROWS, conditional
from tests.helpers import departing, simulated

SIZE = DRAWS + 9  # draws, so that the last call is filled up
VALUES = {"noise_scale": 0.01, "matern_scale": 0.01, "bend_scale": 0.003, "drift_scale": 0.002}
VALUES |= {"matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}


@pytest.fixture(scope="module")
def fit():
    draws = {"E": 1.8, "A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37}
    spread = np.exp(0.02 * np.random.default_rng(4).standard_normal((len(draws), SIZE)))
    drawn = {name: value * x for (name, value), x in zip(draws.items(), spread, strict=True)}
    return departing(simulated(12, seed=1), sb.laws.get("chinchilla"), drawn, sb.GP("matern", "bend", "drift"), VALUES)


def asked(fit, N, key=None):
    with jax.enable_x64():
        points = {"N": np.asarray(N), "D": 20 * np.asarray(N)}
        return conditional(fit, points, np.zeros(len(N)), key)


N = np.geomspace(1e8, 1e12, 2 * ROWS + 3)


def test_a_point_has_the_curve_that_it_has_alone(fit):
    """Fails if padding or a block of points changes the law, the mean or the sd at a point, or loses a draw."""
    together = asked(fit, N)
    with jax.enable_x64():
        law = fit.law(N=N, D=20 * N, **{n: x.reshape(-1, 1) for n, x in fit.law_draws.items()})
    np.testing.assert_allclose(together.law, law, rtol=1e-12)
    assert together.drawn is None
    for i in (0, ROWS - 1, ROWS, len(N) - 1):
        alone = asked(fit, N[i : i + 1])
        for several, one in zip(together[:3], alone[:3], strict=True):
            assert several.shape == (SIZE, len(N))
            np.testing.assert_allclose(several[:, [i]], one, rtol=1e-8, atol=1e-12)


def test_draws_are_around_the_mean(fit):
    """Fails if the joint draws at points don't have the mean and the sd that are given with them (seed 0)."""
    found = asked(fit, N[:5], jax.random.key(0))
    off = (found.drawn - found.mean) / found.sd
    error = 1 / np.sqrt(SIZE)
    assert (abs(off.mean(axis=0)) < 4 * error).all() and (abs(off.std(axis=0) - 1) < 4 * error).all()


def test_other_numbers_of_points_compile_nothing(fit, compilations):
    """Fails if a program is compiled anew for another number of points or draws."""
    asked(fit, N[:20])
    with compilations.counted() as seen:
        asked(fit, N[:33])
        asked(fit, N)
    assert seen == []
