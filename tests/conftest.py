"""Shared fixtures: float64, prior draws, runs simulated and real, a count of compilations."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Most of the suite's time is XLA's: what one worker or subprocess has compiled, the others read. Before JAX loads.
    # The smallest program takes 40 ms to compile and 8 to read, so all are kept.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="scalebayes-jit-")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

# Programs take seconds to compile and milliseconds to run: half of these seconds are optimisations.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# A fifth off tracing and compiling: operations don't carry the ten lines of Python that each came from.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
# Less of LLVM's work: a tenth off compiling, and what is compiled runs as fast.
os.environ["XLA_FLAGS"] = f"--xla_backend_optimization_level=1 {os.environ.get('XLA_FLAGS', '')}"

import jax
import pytest

import scalebayes as sb
from scalebayes import infer
from tests.helpers import DATA, POINT, simulated


def by_a_quick_map(run: Callable[[], None]) -> Callable[[], None]:
    by_name, quick = infer.get, {"map": POINT}

    def quickly() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(infer, "get", lambda name: by_name(quick.get(name, name) if isinstance(name, str) else name))
            run()

    return quickly


def pytest_collection_finish() -> None:
    # Tracing makes millions of small objects, and the collector walks all that was imported and collected each time.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """A file stays on one worker, so that what it compiles and fits is done once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases that `slow_cases` names; a name that is no case's is one that was renamed.

    Examples of docstrings show how a function is called: those that name the method "map" are run by a quick one.
    """
    for item in items:
        if isinstance(item, pytest.DoctestItem) and not item.name.startswith("scalebayes.infer."):
            item.runtest = by_a_quick_map(item.runtest)
    cases: dict[tuple[str, str], set[str]] = {}
    for item in items:
        of, _, case = item.nodeid.rpartition("::")[2].partition("[")
        cases.setdefault((item.path.as_posix(), of), set()).add(case.removesuffix("]"))
        slow = item.get_closest_marker("slow_cases")
        if slow and case.removesuffix("]") in slow.args:
            item.add_marker(pytest.mark.slow)
    for item in items:
        slow, of = item.get_closest_marker("slow_cases"), item.nodeid.rpartition("::")[2].partition("[")[0]
        seen = cases[item.path.as_posix(), of]
        if slow and len(seen) > 1 and (gone := set(slow.args) - seen):
            raise pytest.UsageError(f"{item.path.name}: {of} has no case {', '.join(sorted(gone))}")


@pytest.fixture(autouse=True, scope="module")
def room_for_programs() -> Iterator[None]:
    """Every compiled program maps memory, and a process that may map no more of it dies in the compiler."""
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 30_000:  # of 65,530 by default; a program takes three
        jax.clear_caches()
        gc.collect()
    yield


@pytest.fixture
def x64() -> Iterator[None]:
    """float64 inside the test, as inside a fit."""
    with jax.enable_x64():
        yield


@pytest.fixture
def well_compiled() -> Iterator[None]:
    """Optimised programs, as a user's are: where the last digits of a search are looked at."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def data_path() -> Path:
    """The folder of public data sets: $SCALEBAYES_DATA, or the one beside the repository."""
    if not (DATA / "chinchilla.csv").is_file():
        pytest.skip(f"no chinchilla.csv in {DATA}: set SCALEBAYES_DATA to the folder of data sets")
    return DATA


@pytest.fixture(scope="session")
def cases_path() -> Path:
    """The folder of tables as people bring them: `cases` beside the data sets."""
    folder = DATA.parent / "cases"
    if not (folder / "slashes.csv").is_file():
        pytest.skip(f"no slashes.csv in {folder}: the folder of cases lies beside the one that SCALEBAYES_DATA names")
    return folder


@pytest.fixture(scope="session")
def chinchilla_runs(data_path: Path) -> sb.Runs:
    """The 240 runs of Besiroglu et al. 2024."""
    runs = sb.read_runs(data_path / "chinchilla.csv", where="epoch_excluded == 0")
    return sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y)


@pytest.fixture(scope="session")
def simulated_runs() -> sb.Runs:
    """As many as the Chinchilla runs, so that both are fitted by the same programs."""
    return simulated(240, seed=1)


class Compilations:
    """How many programs JAX traced and compiled inside `with compilations.counted() as seen`."""

    EVENTS = ("/jax/core/compile/jaxpr_trace_duration", "/jax/core/compile/backend_compile_duration")

    def __init__(self) -> None:
        self.seen: list[str] = []
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, duration: float, **about: Any) -> None:
        if event in self.EVENTS:
            self.seen.append(f"{event.rsplit('/', 1)[-1]} {about.get('fun_name', '')}".strip())

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        start, seen = len(self.seen), []
        yield seen
        seen += self.seen[start:]


@pytest.fixture(scope="session")
def compilations() -> Compilations:
    return Compilations()
