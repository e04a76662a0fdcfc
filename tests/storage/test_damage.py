"""A damaged file is refused in one sentence, or gives the numbers that were saved; and quickly."""

import json
import os
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.calibration.result import judged
from scalebayes.forecasting.recalibrate import Recalibrated, Widening
from scalebayes.safe_files import hdf5
from scalebayes.status import Check, Checks, Status
from scalebayes.storage import compare as compared
from tests import damaging
from tests.helpers import POINT, fit_of
from tests.planning.test_recipes import drawn

FIRST = Path(__file__).parent / "first_format"  # saved by the version before there were checksums
EXPECTED = json.loads((FIRST / "expected.json").read_text())
AT = {"N": 7e9, "D": 1e11}
KINDS = ("fit", "fits", "stack", "backtest")
# Kinds that the version before checksums couldn't save.
MADE = ("recalibrated", "comparison", "calibration", "registered", "recipes", "strategies", "next_runs")
COPIES = 48
SECONDS = 2.0  # in which a damaged file is refused


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of each kind, saved today."""
    folder = tmp_path_factory.mktemp("saved")
    for kind in KINDS:
        sb.load(FIRST / f"{kind}.nc").save(folder / f"{kind}.nc")
    for kind, one in made().items():
        one.save(folder / f"{kind}.nc")
    return folder


@cache
def made():
    """A result of each kind that the version before checksums couldn't save, small."""
    return dict(zip(MADE, (*scored(), registered(), *decided()), strict=True))


def registered():
    """Forecasts on record, as they are read from their file."""
    draws = {"A": [0.9, 1.0, 1.1], "alpha": [0.2, 0.21, 0.22], "E": [0.4, 0.41, 0.42]}
    fit = fit_of(sb.laws.get("offset_power"), draws, sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5]))
    with tempfile.TemporaryDirectory() as folder:
        return sb.register(fit, f"{folder}/record.nc", x=[1e3, 1e4], note="\x1b[2J")


def decided():
    """A comparison of recipes, strategies, and next runs with a column of text."""
    fit, other = drawn(draws=20), drawn(draws=20, seed=1, A=0.9)
    pool = {"N": [1e9, 2e9, 4e9], "D": [1e10, 9e10, 2e11], "note/": ["a", None, "\x1b[2J"], "rank": [1, 2, 3]}
    chosen = sb.next_runs(fit, budget=1e23, target={"N": 1e11, "D": 1e12}, candidates=pool, n=2)
    named = {"a/b": {"N": 7e10, "D": 1.4e12}, "kaplan": "kaplan", "optimum": "optimum"}
    within = sb.strategies(fit, named, C=1e22, subject_to={"max_D": 1e12})
    return sb.compare_recipes(fit, other, C=[1e20, 1e24], names=("a/b", "\x1b[2J")), within, chosen


def scored():
    """A recalibrated fit, a comparison and a calibration."""
    wide = Recalibrated(sb.load(FIRST / "fit.nc"), Widening(1.4, 1.6, 12, 3), "chinchilla")
    models, runs = ["a/b", "\x1b[2J"], 5
    rng = np.random.default_rng(4)
    scores = {name: ("model", rng.normal(size=2)) for name in compared.BY_MODEL if not name.startswith("weight")}
    scores |= {name: ("model", [0.25, 0.75]) for name in ("weight_loo", "weight_largest")}
    scores |= {"weight_evidence": ("model", [np.nan, np.nan])}
    scores |= {name: (("model", "run"), rng.normal(size=(2, runs))) for name in compared.BY_RUN}
    scores |= {"refitted": (("model", "run"), rng.normal(size=(2, runs)) > 0)}
    coords = {"model": models, "run": [f"run {i}" for i in range(runs)], "held_out": ("run", np.arange(runs) > 3)}
    data = xr.Dataset(scores, coords, {"observable": "loss", "unit": "nats/token"})
    comparison = sb.Comparison(data, Checks((Check("loo", Status.REVIEW, "A sentence."),)))
    rank = rng.integers(0, 10, (2, 12))
    ranks = judged(["A", "log_likelihood"], rank, (rank + 0.5) / 10, ["", "k-hat"] * 6, 9)
    return wide, comparison, sb.Calibration(ranks.assign_attrs(law="power", seed=(0, 7), seconds=1.5))


@pytest.mark.usefixtures("well_compiled")
@pytest.mark.parametrize("kind", KINDS)
def test_files_from_before_checksums(kind, saved):
    """Fails if a file of the first format loads as other numbers, or isn't the same once it is saved again."""
    old, new = sb.load(FIRST / f"{kind}.nc"), sb.load(saved / f"{kind}.nc")
    if kind == "backtest":
        assert old.data.identical(new.data)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.FitWarning)  # of a member's k-hat
        np.testing.assert_array_equal(np.ravel(sb.predict(old, **AT)["loss"]), EXPECTED[kind])
    assert list(damaging.facts(old)) == list(damaging.facts(new))
    if kind == "fit":
        assert repr(old) == EXPECTED["repr"] and old.runs.hash == EXPECTED["hash"]
        assert old.runs.labels["group"].tolist() == ["a"] * 5 + [None] * 3
        for name, draws in EXPECTED["draws"].items():
            np.testing.assert_array_equal(np.ravel(old.draws[name]), draws)


@pytest.mark.parametrize("kind", MADE)
def test_each_kind_comes_back(kind, saved):
    """Fails if a number, a name, a check or an attribute is another after a file."""
    one, again = made()[kind], sb.load(saved / f"{kind}.nc")
    assert type(again) is type(one) and facts_of(again) == facts_of(one) and repr(again) == repr(one)
    if kind == "recalibrated":
        assert (again.widening, again.label) == (one.widening, one.label)
        return
    if kind == "next_runs":
        assert again.table.equals(one.table) and type(again.table) is type(one.table)
    elif kind == "registered":
        assert again.forecast.identical(one.forecast)
    else:
        assert again.data.identical(one.data)
    assert getattr(again, "checks", None) == getattr(one, "checks", None)
    with pytest.raises(sb.InputError, match="which has no law to give: leave law= out"):
        sb.load(saved / f"{kind}.nc", law=sb.laws.get("power"))


@pytest.mark.parametrize(
    ("kind", "path", "change"),
    [
        ("comparison", "scores/weight_loo", lambda x: x * 2),
        ("comparison", "scores/elpd_loo_i", lambda x: x.T),
        ("comparison", "scores/refitted", lambda x: x.astype("f8")),
        ("calibration", "ranks/rank", lambda x: x + 10),
        ("calibration", "ranks/rank", lambda x: x * 1.0),
        ("calibration", "ranks/below", lambda x: x - 1),
        ("calibration", "ranks/prob", lambda x: x / 2),
        ("recalibrated", "posterior/alpha", lambda x: x * np.nan),
        ("registered", "forecast/draws", lambda x: x * np.nan),
        ("registered", "forecast/distance", lambda x: x.astype("f4")),
        ("recipes", "pairs/gain", lambda x: -x),
        ("recipes", "pairs/C", lambda x: x * 0),
        ("recipes", "pairs/loss_a", lambda x: x[:, :-1]),
        ("recipes", "pairs/a_wins_beyond", lambda x: x.astype("f8")),
        ("strategies", "points/regret", lambda x: x[..., :-1]),
        ("strategies", "points/N", lambda x: -x),
        ("strategies", "points/distance", lambda x: x - 100),
        ("next_runs", "chosen/column0", lambda x: x[:-1]),
        ("next_runs", "chosen/column5", lambda x: x * np.nan),
        ("next_runs", "chosen/column6", lambda x: x.astype("i8")),
        ("backtest", "scores/size", lambda x: x * np.inf),
    ],
)
def test_what_a_liar_would_save_of_other_kinds(saved, tmp_path, kind, path, change):
    """Fails if arrays that are no such result's are taken for one where every checksum is right."""

    def spoil(file):
        values = change(file[path][()])
        del file[path]
        file[path] = values

    (tmp_path / "a.nc").write_bytes(damaging.edited((saved / f"{kind}.nc").read_bytes(), spoil, forged=True))
    with pytest.raises(sb.InputError, match=r"^can't read .*a.nc: .*damaged"):
        sb.load(tmp_path / "a.nc")


def outcome(path, wanted):
    """How a file is taken, and in how many seconds."""
    started = time.perf_counter()
    try:
        found = facts_of(sb.load(path))
    except sb.InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return "refused", time.perf_counter() - started
    return "same" if found == wanted else "other", time.perf_counter() - started


@pytest.mark.parametrize("kind", [*KINDS, *MADE])
def test_damaged_copies(kind, saved, tmp_path):
    """Fails if bytes, arrays or attributes that were changed load as other numbers, hang, or end in another error."""
    content, wanted = (saved / f"{kind}.nc").read_bytes(), facts_of(sb.load(saved / f"{kind}.nc"))
    rng = np.random.default_rng([*KINDS, *MADE].index(kind))
    for i in range(COPIES if kind in KINDS else COPIES // 4):
        whole, how = damaging.damaged(content, rng)
        path = tmp_path / f"{i}.nc"
        path.write_bytes(whole)
        found, seconds = outcome(path, wanted)
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
    with pytest.raises(sb.InputError, match=r"fit.nc: it is not a result saved by scalebayes, or it is damaged"):
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
        with pytest.raises(sb.InputError, match=told):
            sb.load(path)
    with pytest.raises(sb.InputError, match="device or a pipe; give the name of a file"):
        fit.save(tmp_path / "pipe")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


TABLES = [sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1 + i / 10]) for i in range(4)]
METHOD = POINT


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
