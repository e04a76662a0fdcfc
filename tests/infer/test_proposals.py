"""The proposals of Laplace: their density, and the tails that they reach, of densities known in closed form."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax.scipy.stats import norm
from scipy.stats import multivariate_t as t

from scalebayes.infer.proposals import BROAD, EVERY, Kernels, _chi2, _drawn, propose

SIZE, DF, ROUNDS = 8000, 5.0, 4


class Known:
    """What `propose` asks of a model: a log density of unconstrained coordinates."""

    process = None

    def log_density(self, z, numbers, rows):
        return norm.logpdf(z[0], 1.0, 2.0) + norm.logpdf(z[1], z[0], 0.5) + norm.logpdf(z[2])


class FlatTail(Known):
    """Like log E of a law whose losses hardly show E: the likelihood is level below, and the prior alone ends it."""

    def log_density(self, z, numbers, rows):
        level = norm.logpdf(z[0], 0.0, 3.0) + norm.logpdf(1.0, jnp.exp(z[0]), 0.4)
        return level + norm.logpdf(z[1], jnp.exp(z[0]), 0.3) + norm.logpdf(z[2])


# One of each: a program is compiled for the very model that it was traced with.
KNOWN, FLAT_TAIL = Known(), FlatTail()


@cache
def normal_at_mode(model):
    """The mode, and minus the Hessian there."""
    centre = jax.scipy.optimize.minimize(lambda z: -model.log_density(z, None, None), jnp.ones(3), method="BFGS").x
    return centre, -jax.hessian(lambda z: model.log_density(z, None, None))(centre)


def proposals(model, rounds, prior_sd, seed, narrower=1.0, size=SIZE):
    with jax.enable_x64():
        centre, precision = normal_at_mode(model)
        precision = precision * narrower
        key = jax.random.key(seed)
        arguments = (centre, precision, jnp.array(prior_sd), key, DF, size, rounds)
        return [np.asarray(x) for x in propose(model, None, None, *arguments)]


def share(log_density, log_proposal):
    """Effective share of proposals."""
    weight = np.exp(log_density - log_proposal)
    return weight.sum() ** 2 / np.sum(weight**2) / len(weight)


@pytest.mark.parametrize("broad", [False, True])
def test_draws_are_of_the_density_that_they_are_said_to_have(broad):
    """Fails if the log density of a proposal isn't that of the Student-t mixture (SciPy's) which it was drawn from."""
    rng = np.random.default_rng(0)
    centres, root = rng.normal(size=(8, 3)), np.tril(rng.normal(size=(3, 3))) + 2 * np.eye(3)
    stretch = rng.normal(size=(8, 3)) * np.arange(8)[:, None]
    with jax.enable_x64():
        kernels = Kernels(*(jnp.array(x) for x in (centres, root, stretch)))
        z, log_density = map(np.asarray, _drawn(kernels, DF, 0, SIZE, broad, jax.random.key(0)))
    shapes = [root @ root.T + np.outer(v, v) for v in stretch]
    expected = np.mean([t(c, shape, DF).pdf(z) for c, shape in zip(centres, shapes, strict=True)], axis=0)
    if broad:
        wider = t(centres.mean(axis=0), BROAD**2 * root @ root.T, DF)
        expected = expected * (1 - 1 / EVERY) + wider.pdf(z) / EVERY
    np.testing.assert_allclose(log_density, np.log(expected), rtol=0, atol=1e-10)
    # A Student-t's squared distance over the dimension has an F distribution.
    near = np.arange(SIZE) % EVERY != 0 if broad else np.ones(SIZE, bool)
    for k in range(8):
        off = z[near & (np.arange(SIZE) % 8 == k)] - centres[k]
        distance = np.einsum("ij,jk,ik->i", off, np.linalg.inv(shapes[k]), off)
        assert scipy.stats.kstest(distance / 3, scipy.stats.f(3, DF).cdf).pvalue > 1e-4, f"seed 0, kernel {k}"


@pytest.mark.parametrize("df", [1.0, 4.0, 5.0, 2.5])
def test_the_mixing_of_a_student_t_is_chi_squared(df):
    """Fails if summing up simpler draws gives another distribution than chi-squared (SciPy's)."""
    with jax.enable_x64():
        drawn = np.asarray(_chi2(jax.random.key(1), df, SIZE))
    assert scipy.stats.kstest(drawn, scipy.stats.chi2(df).cdf).pvalue > 1e-4, f"seed 1, df {df}"


@pytest.mark.parametrize("rounds", [0, ROUNDS])
def test_the_density_of_proposals_is_normalised(rounds):
    """Fails if an error in a kernel's determinant moves the estimate of a known evidence from 1."""
    for seed in range(5):
        _, log_density, log_proposal = proposals(KNOWN, rounds, [2.0, 2.0, 1.0], seed)
        ratio = np.exp(log_density - log_proposal)
        error = ratio.std() / np.sqrt(SIZE)
        assert error < 0.02
        assert abs(ratio.mean() - 1) < 4 * error, f"seed {seed}: {ratio.mean():.4f} ± {error:.4f}"


@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 300, SIZE])
def test_kernels_move_to_a_posterior_that_the_first_ones_miss(size):
    """Fails if kernels don't move to a posterior that the first ones miss, or few proposals drive each other apart."""
    poor = [proposals(FLAT_TAIL, 1, [1e-3] * 3, seed, narrower=1e3, size=size)[1:] for seed in range(5)]
    moved = [proposals(FLAT_TAIL, 8, [1e-3] * 3, seed, narrower=1e3, size=size)[1:] for seed in range(5)]
    before, after = (np.mean([share(*one) for one in each]) for each in (poor, moved))
    assert after > 0.08, f"seeds 0 to 4: {after:.3f}"
    assert before < after / 2, f"seeds 0 to 4: {before:.3f}, {after:.3f}"


def test_proposals_without_a_density_leave_the_kernels_finite():
    """Fails if a law that is finite in a corner of its prior alone makes proposals that aren't finite."""

    class Corner(Known):
        def log_density(self, z, numbers, rows):
            return jnp.where(jnp.abs(z[0] - 1) < 0.05, super().log_density(z, numbers, rows), jnp.nan)

    z, log_density, log_proposal = proposals(Corner(), ROUNDS, [np.nan, np.inf, 1.0], 0, narrower=0.1)
    assert np.isfinite(z).all() and np.isfinite(log_proposal).all()
    assert np.isfinite(log_density).mean() > 0.2


@pytest.mark.slow
def test_a_flat_tail_of_one_parameter_is_reached():
    """Fails if the tail of a level likelihood, of which the Student-t at the mode says nothing, has the wrong share of
    the weight.
    """
    grid = np.linspace(-15, 3, 20001)
    density = scipy.stats.norm.pdf(grid, 0.0, 3.0) * scipy.stats.norm.pdf(1.0, np.exp(grid), 0.4)
    mass = np.cumsum(density) / density.sum()
    below = grid[np.searchsorted(mass, 0.5 * mass[np.searchsorted(grid, -2.0)])]  # the middle of the tail
    expected, found = mass[np.searchsorted(grid, below)], []
    for seed in range(32):
        z, log_density, log_proposal = proposals(FLAT_TAIL, ROUNDS, [3.0, 3.0, 1.0], seed)
        found.append(np.average(z[:, 0] < below, weights=np.exp(log_density - log_proposal)))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    told = f"seeds 0 to 31: {np.mean(found):.5f} ± {error:.5f} of {expected:.5f}"
    assert error < 0.05 * expected, told
    assert abs(np.mean(found) - expected) < 4 * error, told
