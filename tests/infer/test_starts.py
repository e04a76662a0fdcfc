"""The starts of the search for the mode, drawn together by family, against each distribution alone."""

import jax
import numpy as np
from numpyro.distributions import biject_to

import scalebayes as sb
from scalebayes.fitting.spec import Spec
from scalebayes.infer.starts import draw_starts
from tests.helpers import simulated


def test_starts_are_those_of_each_parameter_alone():
    """Fails if drawing the parameters of one family together gives a parameter another's draws."""
    problem = Spec.of("chinchilla", discrepancy=sb.GP("matern")).problem(simulated(20, seed=1))
    model, numbers = problem.model, problem.numbers
    families = [numbers.priors[name].family for name in model.free]
    assert 1 < len(set(families)) < len(families)
    with jax.enable_x64():
        keys = jax.random.split(jax.random.key(3), 5)
        together = np.asarray(draw_starts(model, numbers, keys))
        for key, row in zip(keys, together, strict=True):
            alone = [
                biject_to(numbers.priors[name].support).inv(numbers.starts[name].distribution.sample(k))
                for name, k in zip(model.free, jax.random.split(key, len(model.free)), strict=True)
            ]
            np.testing.assert_allclose(row, np.array(alone), rtol=1e-12)
