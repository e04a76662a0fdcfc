"""float64 and one thread of OpenBLAS: while a context is open, and as before once the last one has closed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import pytest
import scipy.linalg  # noqa: F401  loads OpenBLAS
from threadpoolctl import ThreadpoolController

import scalebayes
from scalebayes.infer.double import double

OPENBLAS = ThreadpoolController().select(internal_api="openblas")


def threads():
    return {one.num_threads for one in OPENBLAS.lib_controllers}


@pytest.fixture(autouse=True)
def two_threads():
    """A process whose OpenBLAS may start two threads, whatever the machine."""
    with OPENBLAS.limit(limits=2):
        if threads() != {2}:
            pytest.skip("there is no OpenBLAS, or it can't have two threads")
        yield


def test_the_limit_ends_with_the_last_context():
    """Fails if a context inside another one, in the same thread or in one that it waits for, ends the limit of both."""

    def inside():
        with double():
            return threads(), jnp.ones(1).dtype

    with double():
        assert inside() == ({1}, jnp.float64)
        assert threads() == {1}
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(inside).result() == ({1}, jnp.float64)
        assert threads() == {1} and jnp.ones(1).dtype == jnp.float64
    assert threads() == {2} and jnp.ones(1).dtype == jnp.float32


def test_an_error_closes_it():
    """Fails if a fit that is refused leaves the process with one thread, or in float64."""
    with pytest.raises(ZeroDivisionError), double():
        assert jnp.ones(1).dtype == jnp.float64
        1 / 0  # noqa: B018
    assert threads() == {2} and jnp.ones(1).dtype == jnp.float32


def test_nothing_computes_in_float64_outside_of_it():
    """Fails if a new answer turns on float64 by itself, and so waits for LAPACK's threads where cores are shared."""
    package = Path(scalebayes.__file__).parent
    found = [p.name for p in package.rglob("*.py") if "jax.enable_x64(" in p.read_text(encoding="utf-8")]
    assert found == ["double.py"]
