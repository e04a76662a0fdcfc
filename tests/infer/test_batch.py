"""Mapping in batches: the results of one call a member, and one copy of what is mapped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scalebayes.infer.batch import in_batches


def sines(x):
    return jnp.sin(x) * 2


@pytest.mark.parametrize(("size", "copies"), [(6000, 1), (64, 1), (7, 1), (997, 2)])
def test_what_is_mapped_is_compiled_once(size, copies):
    """Fails if a member gets another's result, or a last batch of another size makes a second copy of a program."""
    x = np.linspace(0.0, 1.0, size)
    program = jax.jit(lambda x: in_batches(sines, x, 64))
    np.testing.assert_allclose(program(x), 2 * np.sin(x), rtol=1e-6)
    assert str(jax.make_jaxpr(program)(x)).count("sin ") == copies
