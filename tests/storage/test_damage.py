"""A damaged file is refused in one sentence, or gives the numbers that were saved; and quickly."""

import json
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.files import hdf5
from tests import damaging

FIRST = Path(__file__).parent / "first_format"  # saved by the version before there were checksums
EXPECTED = json.loads((FIRST / "expected.json").read_text())
AT = {"N": 7e9, "D": 1e11}
KINDS = ("fit", "fits", "stack")
COPIES = 48
SECONDS = 2.0  # in which a damaged file is refused


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of each kind, saved today, and what the backtest's was."""
    folder = tmp_path_factory.mktemp("saved")
    for kind in KINDS:
        sb.load(FIRST / f"{kind}.nc").save(folder / f"{kind}.nc")
    sb.Backtest.load(FIRST / "backtest.nc").save(folder / "backtest.nc")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_files_from_before_checksums(kind, saved):
    """Fails if a file of the first format loads as other numbers, or isn't the same once it is saved again."""
    old, new = sb.load(FIRST / f"{kind}.nc"), sb.load(saved / f"{kind}.nc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.FitWarning)  # of a member's k-hat
        np.testing.assert_array_equal(np.ravel(sb.predict(old, **AT)["loss"]), EXPECTED[kind])
    assert list(damaging.facts(old)) == list(damaging.facts(new))
    if kind == "fit":
        assert repr(old) == EXPECTED["repr"] and old.runs.hash == EXPECTED["hash"]
        assert old.runs.labels["group"].tolist() == ["a"] * 5 + [None] * 3
        for name, draws in EXPECTED["draws"].items():
            np.testing.assert_array_equal(np.ravel(old.draws[name]), draws)


def outcome(path, load, wanted):
    """How a file is taken, and in how many seconds."""
    started = time.perf_counter()
    try:
        found = facts_of(load(path))
    except sb.InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return "refused", time.perf_counter() - started
    return "same" if found == wanted else "other", time.perf_counter() - started


@pytest.mark.parametrize("kind", [*KINDS, "backtest"])
def test_damaged_copies(kind, saved, tmp_path):
    """Fails if bytes, arrays or attributes that were changed load as other numbers, hang, or end in another error."""
    load = sb.Backtest.load if kind == "backtest" else sb.load
    content, wanted = (saved / f"{kind}.nc").read_bytes(), facts_of(load(saved / f"{kind}.nc"))
    rng = np.random.default_rng(KINDS.index(kind) if kind in KINDS else 9)
    for i in range(COPIES):
        whole, how = damaging.damaged(content, rng)
        path = tmp_path / f"{i}.nc"
        path.write_bytes(whole)
        found, seconds = outcome(path, load, wanted)
        assert found != "other", f"{how}: {path} gives other numbers"
        assert seconds < SECONDS or "checksum" in how, f"{how}: {seconds:.1f} s"


def facts_of(found):
    return list(damaging.facts(found))


DRAWS = "posterior/alpha"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (DRAWS, lambda x: np.where(x == x[0, 0], np.nan, x)),
        (DRAWS, lambda x: np.where(x == x[0, 0], np.inf, x)),
        (DRAWS, lambda x: x.astype("f4")),
        (DRAWS, lambda x: x[:, :-1]),
        (DRAWS, lambda x: x.T),
        (DRAWS, lambda x: x[0]),
        (DRAWS, lambda x: x[:, :0]),
        (DRAWS, lambda x: np.full(x.shape, b"0.3")),
        (DRAWS, None),
        ("sample_stats/lp", lambda x: x[:, :-1]),
        ("sample_stats/lp", lambda x: x.astype("S3")),
        ("constant_data/N", lambda x: -x),
        ("constant_data/N", lambda x: x * 2),
        ("constant_data/N", lambda x: x.astype("i8")),
        ("constant_data/loss_se", lambda x: x - 1),
        ("constant_data/count", lambda x: x * 0),
        ("constant_data/D", None),
        ("observed_data/loss", lambda x: x[:-1]),
        ("observed_data/loss", lambda x: x * np.inf),
        ("observed_data/loss", None),
        ("labels/group", lambda x: x + 1),
        ("labels/group", lambda x: x - 2),
        ("labels/group", lambda x: x * 1.0),
    ],
)
def test_what_a_liar_would_save(saved, tmp_path, path, change):
    """Fails if arrays that are no fit's are taken for one where every checksum is right."""

    def spoil(file):
        values = file[path][()]
        if change is None:
            del file[path]
        else:
            damaging.replaced(file, path, change(values))

    (tmp_path / "fit.nc").write_bytes(damaging.edited((saved / "fit.nc").read_bytes(), spoil, forged=True))
    with pytest.raises(sb.InputError, match=r"^can't read .*fit.nc: .*"):
        sb.load(tmp_path / "fit.nc")


def test_a_file_larger_within_than_without(saved, tmp_path):
    """Fails if a file of a few kB makes its reader take all memory, or read another file."""
    import h5py

    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["alpha"] = np.zeros((1, 16))
    shape = (1, 10**12)

    def huge(file):
        del file[DRAWS]
        file.create_dataset(DRAWS, shape, "f8", chunks=(1, 1000))

    def packed(file):
        del file[DRAWS]
        file.create_dataset(DRAWS, data=np.zeros((1, 16)), compression="gzip")

    def linked(file):
        del file[DRAWS]
        file[DRAWS] = h5py.ExternalLink(str(other), "alpha")

    def outside(file):
        del file[DRAWS]
        file.create_dataset(DRAWS, (1, 16), "f8", external=[(str(other), 0, 128)])

    def round_about(file):
        file["posterior/again"] = file["/"]

    content = (saved / "fit.nc").read_bytes()
    for change in (huge, packed, linked, outside, round_about):
        (tmp_path / "fit.nc").write_bytes(damaging.edited(content, change))
        started = time.perf_counter()
        with pytest.raises(sb.InputError, match="damaged"):
            sb.load(tmp_path / "fit.nc")
        assert time.perf_counter() - started < SECONDS, change.__name__


def test_a_file_without_a_checksum_that_hangs_its_reader(tmp_path, monkeypatch):
    """Fails if a damaged file of the first format, which no checksum guards, hangs the process that loads it."""
    monkeypatch.setattr(hdf5, "__file__", str(tmp_path / "slow.py"))
    monkeypatch.setattr(hdf5, "SECONDS", 0.2)
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    with pytest.raises(sb.InputError, match=r"fit.nc: it is not a fit saved by scalebayes, or it is damaged"):
        sb.load(FIRST / "fit.nc")
    (tmp_path / "slow.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(sb.InputError, match="damaged"):
        sb.load(FIRST / "fit.nc")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file(tmp_path):
    """Fails if a folder, a device or a pipe hangs load, or is overwritten by save."""
    os.mkfifo(tmp_path / "pipe")
    fit = sb.load(FIRST / "fit.nc")
    for path, told in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a pipe"),
        ("/dev/zero", "a device"),
        ("a\0b", "no such"),
    ):
        for load in (sb.load, sb.Backtest.load):
            with pytest.raises(sb.InputError, match=told):
                load(path)
    with pytest.raises(sb.InputError, match="device or a pipe; give the name of a file"):
        fit.save(tmp_path / "pipe")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


TABLES = [sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1 + i / 10]) for i in range(4)]
METHOD = sb.MAP(search=sb.Search(screened=128, starts=2))


def fit_in(folder, **options):
    fits = sb.fit_many(TABLES, "power", method=METHOD, on_fail="ignore", batch=2, folder=folder, **options)
    return facts_of(fits)


def test_damaged_batches(tmp_path):
    """Fails if a damaged batch of a folder ends in an error, is taken for what was computed, or stays as it is."""
    wanted = fit_in(tmp_path)
    rng = np.random.default_rng(3)
    paths = sorted(tmp_path.glob("*.npz"))
    assert len(paths) == 2
    contents = [path.read_bytes() for path in paths]
    for i in range(COPIES):
        path, content = paths[i % 2], contents[i % 2]
        whole, how = damaging.damaged_batch(content, path.stem, tmp_path / "manifest.json", rng)
        path.write_bytes(whole)
        assert fit_in(tmp_path) == wanted, how
        assert path.read_bytes() == content, f"{how}: the damaged batch is still there"
    # A batch of another name, and another run's: both valid archives.
    paths[0].write_bytes(contents[1])
    assert fit_in(tmp_path) == wanted and paths[0].read_bytes() == contents[0]
    other = tmp_path.parent / "other"
    fit_in(other, seed=1)
    paths[0].write_bytes((other / paths[0].name).read_bytes())
    assert fit_in(tmp_path) == wanted and paths[0].read_bytes() == contents[0]


def test_what_is_no_batch_and_no_manifest(tmp_path):
    """Fails if a folder in a batch's place, or a manifest of another type, ends in another error than the user's."""
    fit_in(tmp_path)
    path = sorted(tmp_path.glob("*.npz"))[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(sb.InputError, match="it is a folder and not a file; remove it, or give another folder"):
        fit_in(tmp_path)
    path.rmdir()
    for text in ("[]", "3", "null", "[" * 100_000, "\xff"):
        (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
        with pytest.raises(sb.InputError, match=r"manifest\.json is damaged; give another folder"):
            fit_in(tmp_path)
