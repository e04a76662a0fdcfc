"""Chains that take more than half a minute are announced with the minutes that they take."""

import re
import time
import warnings

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.errors import InputError
from scalebayes.infer import long_wait
from scalebayes.infer.long_wait import seconds_of_gradient
from scalebayes.infer.map import numpy_mode
from tests.helpers import SEARCH, simulated

# The lightest law, with a process that is no Markov one: chains of all such are timed and announced alike.
X = np.geomspace(1.0, 1e4, 12)
RUNS = sb.Runs(x=X, loss=2.0 * X**-0.1, group=["a", "b"] * 6)
METHOD = sb.NUTS(draws=10, warmup=20, chains=1, tries=1, search=SEARCH)
SETTINGS = {"law": "power", "discrepancy": sb.GP("matern", "offset")}


@pytest.mark.slow
def test_the_time_of_a_gradient_is_that_of_the_clock():
    """Fails if compiling counts, if the gradients are not computed, or if the time is that of all of them."""
    with jax.enable_x64():
        problem = sb.Spec.of(**SETTINGS).problem(RUNS)
        z = numpy_mode(problem, jax.random.key(0), SEARCH).z
        arguments = (problem.model, problem.numbers, problem.rows, z)
        found = sorted(seconds_of_gradient(*arguments) for _ in range(5))[2]
        gradient = jax.jit(jax.grad(lambda z: problem.model.log_density(z, problem.numbers, problem.rows)))
        jax.block_until_ready(gradient(z))
        began = time.perf_counter()
        for _ in range(20):
            jax.block_until_ready(gradient(z))
        one = (time.perf_counter() - began) / 20
    assert one / 5 < found < 5 * one, (found, one)


def test_a_long_wait_is_announced_at_the_callers_line(monkeypatch):
    """Fails if nothing is said before chains of a process, or if the warning has the library's line."""
    monkeypatch.setattr(long_wait, "LONG", 0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sb.fit(RUNS, **SETTINGS, method=METHOD, on_fail="ignore")
    (said,) = [one for one in caught if one.category is sb.SlowWarning]
    assert re.match(r"NUTS will take \d+ (seconds|minutes) or more; method=\"laplace\"", str(said.message))
    assert said.filename == __file__


def test_cheap_chains_are_not_timed(monkeypatch):
    """Fails if a law alone compiles a program for its estimate."""
    monkeypatch.setattr(long_wait, "seconds_of_gradient", lambda *_: pytest.fail("it was timed"))
    with jax.enable_x64():
        problem = sb.Spec.of("power").problem(RUNS)
    z = np.zeros(len(problem.model.free))
    long_wait.warn_of_chains(problem.model, problem.numbers, problem.rows, z, sb.NUTS(draws=10**6).shape(alone=True))


def test_the_way_out_that_is_named_works():
    """Fails if what the warning says to type is refused."""
    runs = simulated(24, seed=3)
    assert sb.fit(runs, "chinchilla", method="laplace", fallback=False, on_fail="ignore").method.name == "laplace"
    with pytest.raises(InputError):
        sb.fit(runs, "chinchilla", method="laplac", fallback=False)
