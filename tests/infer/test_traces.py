"""Traced programs on disk: they are found again, never confused, and left out where a program is not the package's."""

from pathlib import Path

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.fitting.finish import _own_units
from scalebayes.fitting.spec import Spec
from scalebayes.infer import traces
from scalebayes.infer.compile import compiled_once
from tests.helpers import POINT

RUNS = sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of traces, with nothing loaded from any other."""
    monkeypatch.setattr(traces, "_loaded", {})
    used = sb.compilation_cache(tmp_path)
    yield used / "traces"
    sb.compilation_cache(False)


def draws_of(law, z):
    problem = Spec.of(law).problem(RUNS)
    with jax.enable_x64():
        return {n: np.asarray(x) for n, x in traces.call(_own_units, problem.model, problem.numbers, z).items()}


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_trace_is_found_again(folder, monkeypatch):
    """Fails if a program that is on disk is traced again, or gives other numbers than the program itself."""
    z = np.random.default_rng(0).normal(size=(1, 5, 4))
    first = draws_of("power", z)
    assert len(files(folder)) == 1
    monkeypatch.setattr(traces, "_loaded", {})  # as in another process
    monkeypatch.setattr(traces, "_traced", None)
    again = draws_of("power", z)
    problem = Spec.of("power").problem(RUNS)
    with jax.enable_x64():
        plain = _own_units(problem.model, problem.numbers, z)
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
        np.testing.assert_allclose(values, plain[name], rtol=1e-14)


def test_a_fit_runs_on_traces(folder, monkeypatch):
    """Fails if a fit leaves no trace of its search on disk, or if a later one with it has another mode."""
    first = sb.fit(RUNS, "power", method=POINT, on_fail="ignore")
    assert len(files(folder)) > 1
    monkeypatch.setattr(traces, "_loaded", {})
    monkeypatch.setattr(traces, "_traced", None)
    again = sb.fit(RUNS, "power", method=POINT, on_fail="ignore")
    for name, values in first.draws.items():
        np.testing.assert_array_equal(again.draws[name], values)


@pytest.mark.parametrize("other", ["law", "shape", "source", "setting"])
def test_traces_are_not_confused(folder, monkeypatch, other):
    """Fails if a program of another law, shape, source or JAX setting takes a trace that isn't its own."""
    draws_of("power", np.zeros((1, 5, 4)))
    if other == "source":
        monkeypatch.setattr(traces, "_surroundings", lambda: "another version of the package")
    with jax.default_matmul_precision("float32" if other == "setting" else None):
        draws_of("offset_power" if other == "law" else "power", np.zeros((1, 6 if other == "shape" else 5, 4)))
    assert len(files(folder)) == 2


@pytest.mark.parametrize("own", ["function", "prior"])
def test_what_the_user_wrote_is_not_kept(folder, own):
    """Fails if a program with a law or a prior of the user is kept, although its code may change unnoticed."""
    if own == "function":
        fn = lambda x, A, alpha: A * x**-alpha  # noqa: E731
        positive = sb.Param(sb.parameters.priors.dist.LogNormal(0.0, 1.0), "")
        law = sb.Law("mine", fn, inputs=("x",), params={"A": positive, "alpha": positive})
        draws_of(law, np.zeros((1, 5, 4)))
    else:
        import numpyro.distributions as dist

        mixed = dist.MixtureSameFamily(dist.Categorical(probs=np.array([0.5, 0.5])), dist.LogNormal(np.zeros(2), 1.0))
        problem = Spec.of("power", priors={"alpha": mixed}).problem(RUNS)
        with jax.enable_x64():
            traces.call(_own_units, problem.model, problem.numbers, np.zeros((1, 5, 4)))
    assert files(folder) == []


def test_a_damaged_trace_is_made_anew(folder, monkeypatch):
    """Fails if a trace with a changed byte, or one cut short, is used, raises an error or stays damaged."""
    z = np.ones((1, 5, 4))
    first = draws_of("power", z)
    (path,) = files(folder)
    whole = path.read_bytes()
    for damaged in (whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], whole[: len(whole) // 2], b""):
        path.write_bytes(damaged)
        monkeypatch.setattr(traces, "_loaded", {})
        again = draws_of("power", z)
        np.testing.assert_array_equal(again["alpha"], first["alpha"])
        assert path.read_bytes() != damaged


def test_a_folder_that_cannot_be_written_is_no_error(folder, monkeypatch):
    """Fails if a fit ends in an error since its trace can't be kept."""

    def full(*_, **__):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("scalebayes.safe_files.write.tempfile.mkstemp", full)
    assert {"A", "alpha", "noise_scale"} <= set(draws_of("power", np.zeros((1, 5, 4))))
    assert files(folder) == []


def test_a_program_that_cannot_be_exported_is_tried_once(folder, monkeypatch):
    """Fails if such a program ends in an error, or is traced for the disk again at each call."""
    tries = []

    def refuse(*_):
        tries.append(1)
        raise NotImplementedError

    monkeypatch.setattr(traces, "_traced", refuse)
    first, again = (draws_of("power", np.ones((1, 5, 4))) for _ in range(2))
    np.testing.assert_array_equal(first["alpha"], again["alpha"])
    assert len(tries) == 1 and files(folder) == []


def test_without_a_cache_nothing_is_written(tmp_path, monkeypatch):
    """Fails if a program is traced for the disk while the cache of compiled programs is off."""
    monkeypatch.setattr(traces, "_traced", None)
    problem = Spec.of("power").problem(RUNS)
    with jax.enable_x64():
        compiled_once(_own_units, problem.model, problem.numbers, np.zeros((1, 7, 4)))
