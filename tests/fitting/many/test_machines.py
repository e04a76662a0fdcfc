"""fit_many across processes, machines and devices, and after it was killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from threading import Thread

import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import POINT, ROOT, simulated

METHOD = POINT
QUICK = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
COUNT = 8
# Newton's method stops where 1e-13 of the log density is left to gain, some 1e-5 sds from the mode; how a program is
# compiled, for one process or another, decides where in there.
SAME = 1e-5


@pytest.fixture(scope="module")
def tables():
    return [simulated(40, seed=i) for i in range(COUNT)]


@pytest.fixture(scope="module")
def undisturbed(tables):
    return draws_of(sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2))


def draws_of(fits):
    return np.array([[np.median(x) for x in fit.draws.values()] for fit in fits])


def once(count):
    """What `count` gives when it is no longer 0; a test whose run never starts ends with an error."""
    end = time.monotonic() + 300
    while not (found := count()):
        assert time.monotonic() < end, "no batch was finished in five minutes"
        time.sleep(0.01)
    return found


def law_of_ones_own():
    """A law that no other process knows: it has to travel."""
    import numpyro.distributions as dist

    params = {"a": sb.Param(dist.LogNormal(0.0, 0.5), "loss N^0.3"), "E": sb.Param(dist.HalfNormal(1.0), "loss")}
    return sb.Law("own", lambda N, a, E: E + a * N**-0.3, params)


@pytest.mark.slow
def test_other_processes_give_the_same_draws(tables, undisturbed):
    """Fails if worker processes draw from other keys, or don't get a law of the user's own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, executor=pool)
        np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=SAME)
        own = law_of_ones_own()
        there = sb.fit_many(tables[:2], own, method=METHOD, on_fail="ignore", executor=pool)
    np.testing.assert_allclose(
        draws_of(there), draws_of(sb.fit_many(tables[:2], own, method=METHOD, on_fail="ignore")), rtol=1e-6
    )


@pytest.mark.slow
def test_a_dask_cluster(tables, undisturbed):
    """Fails if fits on a Dask cluster aren't those of one process."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed isn't installed: extra 'cluster'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, executor=client.get_executor())
    np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=SAME)


@pytest.mark.slow
def test_a_dask_worker_that_is_killed(tables, undisturbed, tmp_path):
    """Fails if a Dask worker that is killed costs more than its batch's time, or changes an answer."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed isn't installed: extra 'cluster'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill_one():
            finished.append(once(lambda: len(list(tmp_path.glob("*.npz")))))
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        finished = []
        killer = Thread(target=kill_one, daemon=True)
        killer.start()
        fits = sb.fit_many(
            tables * 6, method=METHOD, on_fail="ignore", batch=2, executor=client.get_executor(), folder=tmp_path
        )
        killer.join(60)
    assert finished[0] < 24, "it was killed when all was done"
    fits = fits[:COUNT]
    np.testing.assert_allclose(draws_of(fits), undisturbed, rtol=SAME)


@pytest.mark.slow
def test_a_killed_process_is_told_and_its_run_goes_on(tables, undisturbed, tmp_path):
    """Fails if a broken pool ends in a traceback of its insides, or the batches that it had finished are lost."""
    folder = tmp_path / "batches"

    def kill_one(pool):
        once(lambda: len(list(folder.glob("*.npz"))))
        os.kill(next(iter(pool._processes)), signal.SIGKILL)

    many = tables * 12  # enough that the kill comes in the middle
    options = {"method": METHOD, "on_fail": "ignore", "batch": 1, "folder": folder}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        killer = Thread(target=kill_one, args=(pool,), daemon=True)
        killer.start()
        with pytest.raises(sb.WorkerError, match=r"finished batches \(of 96 in this pass\) are kept in "):
            sb.fit_many(many, executor=pool, **options)
        killer.join(60)
    kept = list(folder.glob("*.npz"))
    assert 0 < len(kept) < len(many)
    np.testing.assert_allclose(draws_of(sb.fit_many(many, **options)[:COUNT]), undisturbed, rtol=SAME)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from tests.fitting.many.test_machines import METHOD, COUNT, draws_of
from tests.helpers import ROOT, simulated
import numpy as np
import scalebayes as sb
if __name__ == "__main__":
    tables = [simulated(40, seed=i) for i in range(COUNT)]
    fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=2, folder=sys.argv[1])
    np.save(sys.argv[2], draws_of(fits))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on(undisturbed, tmp_path):
    """Fails if a restart does finished batches again, or takes a half-written file for a finished one."""
    script, folder, out = tmp_path / "run.py", tmp_path / "batches", tmp_path / "out.npy"
    script.write_text(textwrap.dedent(PROGRAM.format(tests=str(ROOT))))
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
    np.testing.assert_allclose(np.load(out), undisturbed, rtol=SAME)
    with np.load(folder / damaged) as mended:
        assert "z" in mended, "the damaged batch is done again by every run that goes on"
    for name, when in kept.items():
        if name != damaged:
            assert (folder / name).stat().st_mtime_ns == when, f"{name} was computed again"


def test_a_folder_of_another_run_is_refused(tables, tmp_path):
    """Fails if batches of other data or settings, or a folder of other files, are taken for this call's."""
    sb.fit_many(tables[:2], method=METHOD, on_fail="ignore", folder=tmp_path / "a")
    with pytest.raises(sb.InputError, match=r"holds batches of another call: seed differ; give another folder"):
        sb.fit_many(tables[:2], method=METHOD, on_fail="ignore", folder=tmp_path / "a", seed=1)
    with pytest.raises(sb.InputError, match=r"holds batches of another call: runs differ"):
        sb.fit_many(tables[:3], method=METHOD, on_fail="ignore", folder=tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.tex").write_text("mine")
    with pytest.raises(sb.InputError, match=r"isn't empty and holds no batches of fit_many"):
        sb.fit_many(tables[:2], method=METHOD, on_fail="ignore", folder=tmp_path / "b")
    (tmp_path / "a" / "manifest.json").write_text("{")
    with pytest.raises(sb.InputError, match=r"manifest.json is damaged"):
        sb.fit_many(tables[:2], method=METHOD, on_fail="ignore", folder=tmp_path / "a")


@pytest.mark.slow
def test_a_folder_from_a_machine_with_other_sizes_is_not_misread(tables, undisturbed, tmp_path, monkeypatch):
    """Fails if a folder from a machine with other batch sizes gives data sets the draws of others."""
    options = {"method": METHOD, "on_fail": "ignore", "folder": tmp_path / "a"}
    monkeypatch.setattr("scalebayes.fitting.many.plan.SETS", 4)
    sb.fit_many(tables, **options)
    monkeypatch.setattr("scalebayes.fitting.many.plan.SETS", 3)
    np.testing.assert_allclose(draws_of(sb.fit_many(tables, **options)), undisturbed, rtol=SAME)


def test_a_folder_belongs_to_a_function(tables, tmp_path):
    """Fails if a law whose formula was mended under the same name is given the fits of the old one."""

    def law(power):
        return sb.Law("own", lambda N, a, E: E + a * N**-power, law_of_ones_own().params)

    options = {"method": METHOD, "on_fail": "ignore", "folder": tmp_path / "a"}
    sb.fit_many(tables[:2], law(0.3), **options)
    sb.fit_many(tables[:2], law(0.3), **options)
    with pytest.raises(sb.InputError, match=r"holds batches of another call: models differ"):
        sb.fit_many(tables[:2], law(0.4), **options)


class Breaking(Executor):
    """Computes three batches, then breaks before anything was asked for."""

    def __init__(self):
        self.left = 3

    def submit(self, call, *arguments):
        future = Future()
        if self.left:
            future.set_result(call(*arguments))
        else:
            future.set_exception(BrokenExecutor())
        self.left -= 1
        return future


@pytest.mark.parametrize("batch, words", [(4, None), (2, r"3 finished batches \(of 4 in this pass\) are kept")])
def test_what_is_finished_is_kept_at_once(tables, undisturbed, tmp_path, batch, words):
    """Fails if finished batches wait in memory for the caller, and are lost with a pool that breaks."""
    options = {"method": METHOD, "on_fail": "ignore", "batch": batch, "folder": tmp_path / "a"}
    if words:
        with pytest.raises(sb.WorkerError, match=words):
            sb.fit_many(tables, executor=Breaking(), **options)
        assert len(list((tmp_path / "a").glob("*.npz"))) == 3
    np.testing.assert_allclose(
        draws_of(sb.fit_many(tables, executor=None if words else Breaking(), **options)), undisturbed, rtol=SAME
    )


DEVICES = """
import sys
sys.path.insert(0, {tests!r})
from tests.fitting.many.test_machines import METHOD, COUNT, draws_of
from tests.helpers import ROOT, simulated
import jax, numpy as np
import scalebayes as sb
assert len(jax.local_devices()) == 2
tables = [simulated(40, seed=i) for i in range(COUNT)]
fits = sb.fit_many(tables, method=METHOD, on_fail="ignore", batch=4)
np.save(sys.argv[1], draws_of(fits))
alone = sb.fit(tables[0], method=sb.NUTS(draws=200, chains=4), on_fail="ignore")
np.save(sys.argv[2], np.array([x.mean() for x in alone.draws.values()]))
import scalebayes.infer.batch as own
from scalebayes.infer.mode import find_modes
from scalebayes.fitting.many.worker import batch_of
from scalebayes.fitting.many.plan import planned
with jax.enable_x64():
    problems = [sb.fit(one, method=METHOD, on_fail="ignore").problem for one in tables]
    (group,) = planned(problems)
    batch = batch_of(problems, range(COUNT), group)
    keys = jax.random.split(jax.random.key(0), len(batch))
    modes = find_modes(batch.model, batch.numbers, batch.rows, keys, METHOD.search, batch.width)
print(len(modes.z.sharding.device_set), len(batch))
"""


@pytest.mark.slow
def test_two_devices(tables, undisturbed, tmp_path):
    """Fails if a batch uses one device of two, or gives other numbers on both."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", DEVICES.format(tests=str(ROOT)), str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, env={**QUICK, "XLA_FLAGS": flags})
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["2", str(COUNT)], "the batch fit_many makes isn't spread over both, or is copies"
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), undisturbed, rtol=SAME)
    one = sb.fit(tables[0], method=sb.NUTS(draws=200, chains=4), on_fail="ignore")
    for mean, x in zip(np.load(tmp_path / "b.npy"), one.draws.values(), strict=True):
        # Chains of two devices are parted from ours by rounding alone: both means within their Monte-Carlo error.
        assert abs(mean - x.mean()) < 4 * x.std() * np.sqrt(2 / 200)
