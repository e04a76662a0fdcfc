"""The cache of compiled programs: one process reads what another wrote, and no file in it changes a result."""

import json
import os
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context

import jax
import pytest

import scalebayes as sb
from scalebayes.cli.wait import keep_compiled
from scalebayes.infer.compilation_cache import folder_in_use, use_folder_of
from tests.helpers import simulated

PROGRAM = """
import json, sys, warnings
import jax
import scalebayes as sb

counts = dict.fromkeys(("cache_hits", "cache_misses"), 0)

def count(event, **_):
    name = event.rpartition("/")[2]
    if name in counts:
        counts[name] += 1

jax.monitoring.register_event_listener(count)
default = jax.config.jax_compilation_cache_dir
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    sb.compilation_cache(sys.argv[1])
    result = jax.jit(lambda x: (x * 3.0).sum())(jax.numpy.arange(4.0))
print(json.dumps({"result": float(result), "default": default, "told": [str(one.message) for one in told]} | counts))
"""


def started(folder):
    """A process of its own that compiles a small program with the cache in a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process):
    """What the process said."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder that two processes filled at the same time, and what they said."""
    folder = tmp_path_factory.mktemp("compiled")
    return folder, [ended(one) for one in [started(folder), started(folder)]]


@pytest.fixture
def restored():
    """JAX's settings put back after the test, whatever it does."""
    names = [name for name in jax.config.values if "cache" in name]
    before = {name: jax.config.values[name] for name in names}
    yield before
    sb.compilation_cache(False)
    for name, value in before.items():
        jax.config.update(name, value)


def test_a_second_process_compiles_nothing(written):
    """Fails if a process compiles again what two others wrote at once, or if the cache is on before it is asked for."""
    folder, first = written
    later = ended(started(folder))
    assert later["cache_hits"] > 0 and later["cache_misses"] == 0 and later["told"] == []
    assert {one["result"] for one in [*first, later]} == {18.0}
    assert {one["default"] for one in [*first, later]} == {None}
    assert all(one["cache_hits"] + one["cache_misses"] > 0 for one in first)


def test_a_damaged_file_changes_nothing(written):
    """Fails if a file that is cut off, empty or changed ends a process or changes its result."""
    folder, _ = written
    files = sorted(folder.glob("*/*-cache"))
    for i, path in enumerate(files):
        whole = path.read_bytes()
        middle = len(whole) // 2
        damaged = [whole[:middle], b""]
        if whole[:1] == b"x":  # zlib, which has a checksum; zstd, which JAX takes where it is installed, has none
            damaged.append(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
        path.write_bytes(damaged[i % len(damaged)])
    again = ended(started(folder))
    assert again["result"] == 18.0 and again["cache_hits"] == 0 and len(again["told"]) == len(files) > 0
    assert all("persistent compilation cache" in told for told in again["told"])


def test_versions_have_a_folder_each(restored, tmp_path, monkeypatch):
    """Fails if one version's folder serves another, or the folder returned isn't the one that JAX uses."""
    used = sb.compilation_cache(tmp_path)
    assert used.parent == tmp_path and str(used) == jax.config.jax_compilation_cache_dir
    assert used.name == f"scalebayes-{sb.__version__}-jax-{jax.__version__}-jaxlib-{version('jaxlib')}"
    jax.jit(lambda x: x + 41)(1)
    assert list(used.glob("*-cache"))
    monkeypatch.setattr(sb, "__version__", "9.9.9")
    assert sb.compilation_cache(tmp_path) != used


def test_off_puts_back_what_was_set(restored, tmp_path):
    """Fails if False or None leaves one of JAX's settings changed, or is an error where the cache is off."""
    for off in (False, None):
        assert sb.compilation_cache(tmp_path / "a") != sb.compilation_cache(tmp_path / "b")
        assert sb.compilation_cache(off) is None and sb.compilation_cache(off) is None
        assert restored == {name: jax.config.values[name] for name in restored}
    jax.jit(lambda x: x + 42)(1)
    assert not list(tmp_path.glob("*/*/*-cache"))


def test_true_leaves_the_folder_of_jax(restored, tmp_path, monkeypatch):
    """Fails if True, as on the command line, replaces the folder of JAX that the user set, or is kept to it later."""
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "ours"))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "theirs"))
    assert sb.compilation_cache(True) == tmp_path / "theirs"
    assert sb.compilation_cache(tmp_path / "given").parent == tmp_path / "given"
    assert sb.compilation_cache(True).parent == tmp_path / "ours" / "jit"
    sb.compilation_cache(False)
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "theirs")


def test_workers_use_the_folder_of_their_caller(restored, tmp_path, monkeypatch):
    """Fails if the processes of an executor of fit_many don't find what is in the folder of their caller."""
    for name in [name for name in os.environ if name.startswith("JAX_")]:
        monkeypatch.delenv(name)
    used = sb.compilation_cache(tmp_path)
    method = sb.MAP(search=sb.Search(screened=16, starts=2, lbfgs_steps=0))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        sb.fit_many([simulated(8, seed=1)], method=method, on_fail="ignore", executor=pool)
        there = pool.submit(eval, "__import__('jax').config.jax_compilation_cache_dir").result()
    assert there == str(used) == folder_in_use()
    assert any("find_modes" in path.name for path in used.glob("*-cache"))


def test_a_worker_keeps_a_cache_of_its_own(restored, tmp_path):
    """Fails if a worker's own cache is replaced, or a folder that only another machine has is made or an error."""
    assert folder_in_use() is None
    own = str(tmp_path / "own")
    for before, given in ((own, str(tmp_path)), (None, str(tmp_path / "elsewhere")), (None, None)):
        jax.config.update("jax_compilation_cache_dir", before)
        use_folder_of(given)
        assert jax.config.jax_compilation_cache_dir == before
    assert list(tmp_path.iterdir()) == []
    use_folder_of(str(tmp_path))
    assert jax.config.jax_compilation_cache_dir == str(tmp_path)


def test_a_folder_that_cannot_be_used_is_refused(restored, tmp_path, monkeypatch):
    """Fails if a folder that can't be written is taken, or if a command ends there, or warns of the cache."""
    (tmp_path / "file").touch()
    with pytest.raises(sb.InputError, match=r"can't be kept in .*file/below: Not a directory; give another folder$"):
        sb.compilation_cache(tmp_path / "file" / "below")
    for wrong, told in (("a\0b", "null"), ("", "is a path, True or False, not ''"), (3, "not 3")):
        with pytest.raises(sb.InputError, match=told):
            sb.compilation_cache(wrong)
    assert restored == {name: jax.config.values[name] for name in restored}
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "file"))
    jax.config.update("jax_compilation_cache_dir", None)
    with pytest.raises(sb.InputError, match=r"file/jit: Not a directory; set SCALEBAYES_CACHE to a folder"):
        sb.compilation_cache(True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        keep_compiled()
        warnings.warn("Error reading persistent compilation cache entry for 'jit_f': error: Error -5", stacklevel=1)
    assert told == []
    assert jax.config.jax_compilation_cache_dir is None
    jax.config.update("jax_enable_compilation_cache", False)
    with pytest.raises(sb.InputError, match="disabled by jax_enable_compilation_cache"):
        sb.compilation_cache(tmp_path)
