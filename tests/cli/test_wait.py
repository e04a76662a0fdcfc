"""How commands compile: quickly, where JAX isn't imported yet and the user hasn't said otherwise."""

import os
import sys

import pytest

from scalebayes.cli.wait import compile_quickly

LIMIT, FLAGS = "JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "XLA_FLAGS"


@pytest.fixture
def environment(monkeypatch):
    """An environment without the two variables, in a process without JAX."""
    monkeypatch.delitem(sys.modules, "jax")
    for name in (LIMIT, FLAGS):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_command_compiles_quickly(environment):
    """Fails if the settings aren't there when JAX is imported."""
    compile_quickly()
    assert (os.environ[LIMIT], os.environ[FLAGS]) == ("0", "--xla_backend_optimization_level=1")


def test_what_the_user_set_stays(environment):
    """Fails if a command overrides a flag, or drops another one."""
    environment.setenv(LIMIT, "10")
    environment.setenv(FLAGS, "--xla_backend_optimization_level=3 --xla_dump_to=x")
    compile_quickly()
    assert (os.environ[LIMIT], os.environ[FLAGS]) == ("10", "--xla_backend_optimization_level=3 --xla_dump_to=x")
    environment.setenv(FLAGS, "--xla_dump_to=x")
    compile_quickly()
    assert os.environ[FLAGS] == "--xla_backend_optimization_level=1 --xla_dump_to=x"


def test_a_process_that_has_jax_is_left_alone(environment):
    """Fails if a program that calls the command line has its environment changed to no effect."""
    environment.setitem(sys.modules, "jax", object())
    compile_quickly()
    assert LIMIT not in os.environ and FLAGS not in os.environ
