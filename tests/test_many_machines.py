"""fit_many across processes, machines and devices, and after it was killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from conftest import simulated

import scalebayes as sb

TESTS = Path(__file__).parent
METHOD = sb.MAP(search=sb.Search(screened=128, starts=2))
QUICK = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
pytestmark = pytest.mark.usefixtures("quickly_compiled")
COUNT = 8


@pytest.fixture(scope="module")
def tables():
    return [simulated(40, seed=i) for i in range(COUNT)]


@pytest.fixture(scope="module")
def undisturbed(tables, quickly_compiled):
    return draws_of(sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2))


def draws_of(fits):
    return np.array([[np.median(x) for x in fit.draws.values()] for fit in fits])


def law_of_ones_own():
    """A law that no other process knows: it has to travel."""
    import numpyro.distributions as dist

    params = {"a": sb.Param(dist.LogNormal(0.0, 0.5), "loss N^0.3"), "E": sb.Param(dist.HalfNormal(1.0), "loss")}
    return sb.Law("own", lambda N, a, E: E + a * N**-0.3, params)


def test_other_processes_give_the_same_draws(tables, undisturbed):
    """A worker that draws other keys, or fits another law, is found nowhere in the table."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, executor=pool)
        np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=1e-7)
        own = law_of_ones_own()
        there = sb.fit_many(tables[:2], own, method="map", on_fail="ignore", executor=pool)
    np.testing.assert_allclose(
        draws_of(there), draws_of(sb.fit_many(tables[:2], own, method="map", on_fail="ignore")), rtol=1e-6
    )


def test_a_dask_cluster(tables, undisturbed):
    """The documented engine, with two worker processes of its own."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed isn't installed: extra 'cluster'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, executor=client.get_executor())
    np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=1e-7)


def test_a_dask_worker_that_is_killed(tables, undisturbed, tmp_path):
    """A machine that goes away in the middle of a run must cost its batch's time alone."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed isn't installed: extra 'cluster'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill_one():
            while not list(tmp_path.glob("*.npz")):
                time.sleep(0.02)
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        killer = Thread(target=kill_one)
        killer.start()
        fits = sb.fit_many(
            tables, method=METHOD, on_fail="ignore", batch=2, executor=client.get_executor(), folder=tmp_path
        )
        killer.join()
    np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=1e-7)


def test_a_killed_process_is_told_and_its_run_goes_on(tables, undisturbed, tmp_path):
    """A pool that broke leaves the user with a traceback of its insides, and without the batches it had finished."""
    folder = tmp_path / "batches"

    def kill_one(pool):
        while not list(folder.glob("*.npz")):
            time.sleep(0.02)
        os.kill(next(iter(pool._processes)), signal.SIGKILL)

    many = tables * 12  # enough that the kill comes in the middle
    options = {"method": METHOD, "on_fail": "ignore", "batch": 1, "folder": folder}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        killer = Thread(target=kill_one, args=(pool,))
        killer.start()
        with pytest.raises(sb.WorkerError, match=r"of 96 batches finished: they are kept in .*batches; the same call"):
            sb.fit_many(many, executor=pool, **options)
        killer.join()
    kept = list(folder.glob("*.npz"))
    assert 0 < len(kept) < len(many)
    np.testing.assert_allclose(draws_of(sb.fit_many(many, **options)[:COUNT]), undisturbed, rtol=1e-7)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from test_many_machines import METHOD, COUNT, draws_of
from conftest import simulated
import numpy as np
import scalebayes as sb
if __name__ == "__main__":
    tables = [simulated(40, seed=i) for i in range(COUNT)]
    fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, folder=sys.argv[1])
    np.save(sys.argv[2], draws_of(fits))
"""


def test_a_run_that_is_killed_goes_on(undisturbed, tmp_path):
    """Hours of fits are lost to a restart, or a half-written file is taken for a finished one."""
    script, folder, out = tmp_path / "run.py", tmp_path / "batches", tmp_path / "out.npy"
    script.write_text(textwrap.dedent(PROGRAM.format(tests=str(TESTS))))
    command = [sys.executable, str(script), str(folder), str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=QUICK)
    while process.poll() is None and not list(folder.glob("*.npz")):
        time.sleep(0.005)
    process.kill()
    process.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert len(kept) > 0, "it was killed before a batch was finished"
    (folder / "tmp1234.part").write_bytes(b"half")
    damaged = sorted(kept)[0]
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:100])
    assert subprocess.run(command, capture_output=True, timeout=300, env=QUICK).returncode == 0
    np.testing.assert_allclose(np.load(out), undisturbed, rtol=1e-7)
    for name, when in kept.items():
        if name != damaged:
            assert (folder / name).stat().st_mtime_ns == when, f"{name} was computed again"


def test_a_folder_of_another_run_is_refused(tables, tmp_path):
    """Batches of other data or settings would be taken for this run's."""
    sb.fit_many(tables[:2], method="map", on_fail="ignore", folder=tmp_path / "a")
    with pytest.raises(sb.InputError, match=r"holds another run: its seed differ; give another folder"):
        sb.fit_many(tables[:2], method="map", on_fail="ignore", folder=tmp_path / "a", seed=1)
    with pytest.raises(sb.InputError, match=r"holds another run: its runs differ"):
        sb.fit_many(tables[:3], method="map", on_fail="ignore", folder=tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.tex").write_text("mine")
    with pytest.raises(sb.InputError, match=r"isn't empty and holds no run of fit_many"):
        sb.fit_many(tables[:2], method="map", on_fail="ignore", folder=tmp_path / "b")
    (tmp_path / "a" / "manifest.json").write_text("{")
    with pytest.raises(sb.InputError, match=r"manifest.json is damaged"):
        sb.fit_many(tables[:2], method="map", on_fail="ignore", folder=tmp_path / "a")


DEVICES = """
import sys
sys.path.insert(0, {tests!r})
from test_many_machines import METHOD, COUNT, draws_of
from conftest import simulated
import jax, numpy as np
import scalebayes as sb
assert len(jax.local_devices()) == 2
tables = [simulated(40, seed=i) for i in range(COUNT)]
fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=4)
np.save(sys.argv[1], draws_of(fits))
alone = sb.fit(tables[0], method=sb.NUTS(draws=200, chains=4), on_fail="ignore")
np.save(sys.argv[2], np.array([x.mean() for x in alone.draws.values()]))
from scalebayes.infer.batch import mapped
placed = jax.jit(lambda x: mapped(lambda each: each + 1, x, 1))(np.arange(4.0))
print(len(placed.sharding.device_set))
"""


def test_two_devices(tables, undisturbed, tmp_path):
    """A batch that uses one device of many, or gives other numbers on several."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", DEVICES.format(tests=str(TESTS)), str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, env={**QUICK, "XLA_FLAGS": flags})
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["2"], "the batch was not spread over both devices"
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), undisturbed, rtol=1e-7)
    one = sb.fit(tables[0], method=sb.NUTS(draws=200, chains=4), on_fail="ignore")
    for mean, x in zip(np.load(tmp_path / "b.npy"), one.draws.values(), strict=True):
        # Chains of two devices are parted from ours by rounding alone: both means within their Monte-Carlo error.
        assert abs(mean - x.mean()) < 4 * x.std() * np.sqrt(2 / 200)
