"""Newton's method on many starts: each ends at its own optimum, none is waited for, and shared ends are shared."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scalebayes.infer import descent

SMOOTH, KINKED = (SimpleNamespace(form=SimpleNamespace(soften=soften)) for soften in (None, "some"))


def two_valleys(z, stage):
    return stage * (z[0] ** 2 - 1) ** 2 + (z[1] - 0.1 * z[0]) ** 2 + 0.01 * z[0]


def banana(z, stage):
    return 100 * (z[1] - z[0] ** 2) ** 2 + (1 - z[0]) ** 2 + 0.5


pytestmark = pytest.mark.usefixtures("x64")


def ended(loss, z, stages=(1.0,), model=SMOOTH, steps=200):
    return jax.tree.map(np.asarray, descent.polished(model, loss, jnp.asarray(z), jnp.asarray(stages), steps))


@pytest.mark.parametrize("stages", [(1.0,), (3.0, 2.0, 1.0)])
@pytest.mark.parametrize("model", [SMOOTH, KINKED], ids=["smooth", "kinked"])
def test_each_start_ends_at_its_own_optimum(stages, model):
    """Fails if a start that is stopped since it met another one has the end of a third, or one valley hides another."""
    starts = np.array([[-0.8, 0.3], [0.7, 0.0], [-1.3, 0.0], [1.5, 2.0], [0.9, 0.1]])
    ends = ended(two_valleys, starts, stages, model)
    np.testing.assert_array_equal(np.sign(ends.z[:, 0]), np.sign(starts[:, 0]))
    for side in (-1, 1):
        there = np.sign(starts[:, 0]) == side
        np.testing.assert_allclose(ends.z[there], ends.z[there][0] + 0 * ends.z[there], rtol=0, atol=1e-7)
    slope = jax.vmap(jax.grad(lambda z: two_valleys(z, 1.0)))(ends.z)
    np.testing.assert_allclose(slope, 0, atol=1e-6)
    assert ends.loss[0] < ends.loss[1]


def test_a_slow_start_is_given_up_only_where_another_is_lower(monkeypatch):
    """Fails if a start on a plateau holds up a search that has its optimum, or the best start is given up."""
    monkeypatch.setattr(descent, "PATIENCE", 5)
    slow = [-1.2, 1.0]
    alone = ended(banana, [slow])
    np.testing.assert_allclose(alone.z, [[1.0, 1.0]], atol=1e-6)
    beside = ended(banana, [[1.0, 1.0], slow])
    np.testing.assert_allclose(beside.z[0], [1.0, 1.0])
    assert beside.loss[1] > 1.5


def test_starts_that_differ_between_data_sets_end_as_they_do_alone():
    """Fails if data sets side by side, which end after different numbers of steps, change each other's ends."""
    starts = np.array([[[-1.2, 1.0], [0.9, 0.8]], [[1.0, 1.0], [1.01, 1.0]], [[3.0, -2.0], [-5.0, 4.0]]])
    together = jax.vmap(lambda z: descent.polished(SMOOTH, banana, z, jnp.ones(2), 200))(jnp.asarray(starts))
    for i, one in enumerate(starts):
        alone = ended(banana, one, (1.0, 1.0))
        np.testing.assert_allclose(together.z[i], alone.z, atol=1e-7)
        np.testing.assert_allclose(together.hessian[i], alone.hessian, rtol=1e-4)


def test_a_start_that_is_nowhere_finite_stays_where_it_is():
    """Fails if a law that isn't finite at a start makes its end, or that of another start, a nan."""
    ends = ended(lambda z, stage: jnp.where(z[0] > 5, 1e30, banana(z, stage)), [[0.9, 0.8], [9.0, 1.0]])
    np.testing.assert_allclose(ends.z, [[1.0, 1.0], [9.0, 1.0]], atol=1e-6)
    assert ends.loss[1] == 1e30


def test_starts_come_out_of_l_bfgs_with_the_lowest_first():
    """Fails if Newton's method begins with a start on a plateau, and takes hundreds of steps there."""
    moved = descent.lbfgs(lambda z: banana(z, 1.0), jnp.asarray([[8.0, -9.0], [0.9, 0.8], [-3.0, 2.0]]), 3)
    losses = jax.vmap(lambda z: banana(z, 1.0))(moved)
    assert (np.diff(losses) >= 0).all()
    assert losses[0] < banana(np.array([0.9, 0.8]), 1.0)
