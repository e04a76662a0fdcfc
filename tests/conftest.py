"""Shared fixtures: float64, prior draws, runs simulated and real, a count of compilations."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Most of the suite's time is XLA's: what one worker or subprocess has compiled, the others read. Before JAX loads.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="scalebayes-jit-")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

# Less of LLVM's work: a tenth off compiling, and what is compiled runs as fast.
os.environ["XLA_FLAGS"] = f"--xla_backend_optimization_level=1 {os.environ.get('XLA_FLAGS', '')}"

import jax
import numpy as np
import pytest
from slow import SLOW, is_slow

import scalebayes as sb
from scalebayes.fitting import Fit
from scalebayes.problem import build
from scalebayes.status import Checks

DATA = Path(os.environ.get("SCALEBAYES_DATA", Path(__file__).parents[2] / "shared" / "data"))


# Hoffmann et al. 2022, arXiv 2203.15556, table A9: millions of parameters.
CHINCHILLA_SIZES = (
    *(44, 57, 74, 90, 106, 117, 140, 163, 175, 196, 217, 251, 278, 306, 425, 489, 509, 552, 587, 632, 664, 724, 816),
    *(893, 1018, 1143, 1266, 1424, 1429, 1593, 1609, 1731, 1794, 2007, 2283, 2298, 2639, 2980, 3530, 3802, 4084, 4516),
    *(6796, 9293, 11452, 12295, 12569, 13735, 14940, 16183),
)
# The same paper's IsoFLOP budgets.
CHINCHILLA_BUDGETS = (6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21)


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
    found = {(item.path.name, name) for item in items for name in (item.name, item.name.partition("[")[0])}
    # Where whole files were asked for, a name that is no test's is one that was renamed, and runs in every `make test`.
    gone = [f"{file}::{name}" for file, each in SLOW.items() for name in each if (file, name) not in found]
    if gone and set(SLOW) <= {file for file, _ in found}:
        raise pytest.UsageError(f"tests/slow.py names tests that aren't there: {', '.join(gone)}")
    for item in items:
        if is_slow(item.path.name, item.name):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="module")
def room_for_programs() -> Iterator[None]:
    """Every compiled program maps memory, and a process that may map no more of it dies in the compiler."""
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 12_000:  # of 65,530 by default
        jax.clear_caches()
        gc.collect()
    yield


@pytest.fixture
def x64() -> Iterator[None]:
    """float64 inside the test, as inside a fit."""
    with jax.enable_x64():
        yield


@pytest.fixture(scope="module")
def quickly_compiled() -> Iterator[None]:
    """Where programs take seconds to compile and milliseconds to run: half the seconds are optimisations."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


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


def simulated(rows: int, seed: int, noise_scale: float = 0.005) -> sb.Runs:
    """Runs scattered over N and D, with losses from the values of Besiroglu et al. and Student-t(4) noise."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10.5, rows), 10 ** rng.uniform(9.0, 11.5, rows)
    preset = sb.laws.published("besiroglu2024")
    with jax.enable_x64():
        loss = np.asarray(preset.law(N=N, D=D, **preset.values)) * np.exp(noise_scale * rng.standard_t(4, rows))
    return sb.Runs(N=N, D=D, loss=loss)


def chinchilla_like(seed: int = 0, noise_scale: float = 0.0045) -> sb.Runs:
    """98 runs at the Chinchilla paper's sizes and budgets, with losses simulated as in `simulated`.

    Each budget trains every second of the sizes that get between 2 and 200 tokens a parameter.
    """
    preset = sb.laws.published("besiroglu2024")
    rng = np.random.default_rng(seed)
    grid = [
        (size * 1e6, budget / (6 * size * 1e6))
        for budget in CHINCHILLA_BUDGETS
        for size in CHINCHILLA_SIZES[::2]
        if 2 <= budget / (6 * (size * 1e6) ** 2) <= 200
    ]
    N, D = np.array(grid).T
    with jax.enable_x64():
        curve = np.asarray(preset.law(N=N, D=D, **preset.values))
    loss = curve * np.exp(noise_scale * rng.standard_t(4, len(N)))
    return sb.Runs(N=N, D=D, loss=loss)


@pytest.fixture(scope="session")
def simulated_runs() -> sb.Runs:
    """As many as the Chinchilla runs, so that both are fitted by the same programs."""
    return simulated(240, seed=1)


def prior_draws(law: sb.Law, size: int, seed: int) -> dict[str, np.ndarray]:
    """Parameters of a law in reference units, float64 (size,), drawn from its priors."""
    assert all(p.scaled or p.fixed for p in law.params.values()), f"{law.name}: a prior isn't in reference units"
    with jax.enable_x64():
        keys = jax.random.split(jax.random.key(seed), len(law.params))
        return {
            name: np.full(size, 1.0 if param.prior == "reference" else float(param.prior))
            if param.fixed
            else np.asarray(param.distribution.sample(key, (size,)), np.float64)
            for (name, param), key in zip(law.params.items(), keys, strict=True)
        }


def fit_of(law: sb.Law, draws: Mapping[str, Any], runs: sb.Runs) -> Fit:
    """A fit that holds given values of a law's parameters, in the runs' own units, and was never fitted."""
    fixed = {"noise_scale": 0.01}
    problem = build(runs, law, sb.Normal(), fixed)
    arrays = {name: np.asarray(x, np.float64).reshape(1, -1) for name, x in draws.items()}
    return Fit(problem, sb.MAP(), 0, MappingProxyType(arrays), {}, {}, Checks(()))


def departing(
    runs: sb.Runs, law: sb.Law, draws: Mapping[str, Any], discrepancy: Any, values: Mapping[str, float]
) -> Fit:
    """A fit that holds draws of a law's parameters and fixed values of its discrepancy, and was never fitted.

    values: of the discrepancy's parameters, and of noise_scale, by default 0.003.
    """
    with jax.enable_x64():
        problem = build(runs, law, sb.Normal(), {"noise_scale": 0.003} | dict(values), discrepancy=discrepancy)
    arrays = {name: np.asarray(x, np.float64).reshape(1, -1) for name, x in draws.items()}
    return Fit(problem, sb.MAP(), 0, MappingProxyType(arrays), {}, {}, Checks(()))


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
