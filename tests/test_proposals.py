"""The proposals of Laplace: their density, and the tails that they reach, of densities known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax.scipy.stats import norm

from scalebayes.infer.proposals import propose

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


def proposals(model, rounds, prior_sd, seed):
    with jax.enable_x64():
        centre = jax.scipy.optimize.minimize(lambda z: -model.log_density(z, None, None), jnp.zeros(3), method="BFGS").x
        precision = -jax.hessian(lambda z: model.log_density(z, None, None))(centre)
        key = jax.random.key(seed)
        arguments = (centre, precision, jnp.array(prior_sd), key, np.float64(DF), SIZE, rounds)
        return [np.asarray(x) for x in propose(model, None, None, *arguments)]


@pytest.mark.parametrize("rounds", [0, ROUNDS])
def test_the_density_of_proposals_is_normalised(rounds):
    """The mean ratio estimates the evidence, here 1; an error in a kernel's determinant would move it."""
    for seed in range(5):
        _, log_density, log_proposal = proposals(Known(), rounds, [2.0, 2.0, 1.0], seed)
        ratio = np.exp(log_density - log_proposal)
        error = ratio.std() / np.sqrt(SIZE)
        assert error < 0.02
        assert abs(ratio.mean() - 1) < 4 * error, f"seed {seed}: {ratio.mean():.4f} ± {error:.4f}"


def test_a_flat_tail_of_one_parameter_is_reached():
    grid = np.linspace(-15, 3, 20001)
    density = scipy.stats.norm.pdf(grid, 0.0, 3.0) * scipy.stats.norm.pdf(1.0, np.exp(grid), 0.4)
    mass = np.cumsum(density) / density.sum()
    below = grid[np.searchsorted(mass, 0.5 * mass[np.searchsorted(grid, -2.0)])]  # the middle of the tail
    expected = mass[np.searchsorted(grid, below)]
    found = []
    for seed in range(8):
        z, log_density, log_proposal = proposals(FlatTail(), ROUNDS, [3.0, 3.0, 1.0], seed)
        weight = np.exp(log_density - log_proposal)
        found.append(np.average(z[:, 0] < below, weights=weight))
    error = np.std(found) / np.sqrt(len(found))
    print(found, expected, error)
    assert error < 0.1 * expected
    assert abs(np.mean(found) - expected) < 4 * error, (
        f"seeds 0 to 7: {np.mean(found):.5f} ± {error:.5f} of {expected:.5f}"
    )
