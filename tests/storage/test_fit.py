"""A fit comes back from its file as it was, and from no other file."""

import json
import os
import stat

import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import scalebayes as sb
from tests import damaging
from tests.helpers import LAPLACE, POINT, chinchilla_like

RUNS = sb.Runs(
    N=[1e7, 1e8, 1e9, 1e7, 1e8, 1e9, 1e8, 1e9],
    D=[1e9, 1e9, 1e9, 1e10, 1e10, 1e10, 1e11, 1e11],
    loss=[4.48, 3.55, 3.12, 3.91, 2.97, 2.55, 2.75, 2.34],
    loss_se=[0.01] * 8,
    group=["a"] * 5 + [None] * 3,
    seed=[1, 2, 3, float("nan"), 5, 6, 7, 8],
    N_counts="non-embedding",
)
MINE = sb.Law("mine", lambda N, a, E: E + a * N**-0.3, {"a": dist.LogNormal(5, 1), "E": dist.HalfNormal(3)})


@pytest.fixture(scope="module")
def fit():
    priors = {"alpha": 0.34, "E": dist.TruncatedNormal(1.8, 0.3, low=0.0), "B": dist.LogNormal(7.0, 1.0)}
    return sb.fit(RUNS, noise=sb.StudentT(df="free"), method=LAPLACE, priors=priors, on_fail="ignore", seed=3)


def test_round_trip(fit, tmp_path):
    """Fails if a fit's draws, runs, settings, checks or answers are lost or changed by its file."""
    fit.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    assert repr(again) == repr(fit)
    assert again.runs.hash == fit.runs.hash
    assert again.runs.N_counts == "non-embedding"
    for name, draws in fit.draws.items():
        np.testing.assert_array_equal(again.draws[name], draws)
    for name, values in fit.sample_stats.items():
        np.testing.assert_array_equal(again.sample_stats[name], values)
    for name in ("method", "seed", "numbers", "checks", "versions", "reference"):
        assert getattr(again, name) == getattr(fit, name), name
    at = {"N": [7e9, 1e8], "D": [1e11, 1e10]}
    for observed in (False, True):
        one, other = (sb.predict(f, **at, observed=observed) for f in (fit, again))
        xr.testing.assert_identical(one, other)
    xr.testing.assert_identical(sb.optimum(fit, C=1e22), sb.optimum(again, C=1e22))
    xr.testing.assert_identical(fit.log_likelihood(), again.log_likelihood())


def test_priors_come_back_as_data_or_as_text(fit, tmp_path):
    """Fails if a file says other priors than those that were in force."""
    fit.save(tmp_path / "fit.nc")
    params = sb.load(tmp_path / "fit.nc").law.params
    assert params["alpha"].prior == 0.34
    assert (params["B"].prior.loc, params["B"].prior.scale, params["B"].scaled) == (7.0, 1.0, False)
    assert "Truncated" in repr(params["E"].prior)


def test_arviz_reads_the_data():
    """Fails if ArviZ can't read a fit's data, since the groups or dims aren't its own."""
    import arviz as az

    fit = sb.fit(chinchilla_like(), method=LAPLACE)
    fit.log_likelihood()
    assert np.isfinite(az.loo(fit.data).elpd)
    assert list(az.summary(fit.data).index) == list(fit.draws)


def test_a_law_outside_the_registry_needs_law(tmp_path):
    """Fails if a function is taken from a file, or a fit is bound to the wrong law."""
    sb.fit(RUNS, MINE, method=POINT, on_fail="ignore").save(tmp_path / "mine.nc")
    with pytest.raises(sb.InputError, match=r"load\(path, law=my_law\)"):
        sb.load(tmp_path / "mine.nc")
    with pytest.raises(sb.InputError, match="holds a fit of law 'mine'"):
        sb.load(tmp_path / "mine.nc", law=sb.laws.get("power"))
    assert sb.load(tmp_path / "mine.nc", law=MINE).law.fn is MINE.fn


def write_edited(path, out, edit):
    """A file with another record, and with checksums that say it was saved so."""

    def change(file):
        record = json.loads(file.attrs["scalebayes"])
        edit(record)
        file.attrs["scalebayes"] = json.dumps(record)

    out.write_bytes(damaging.edited(path.read_bytes(), change, forged=True))


def test_names_in_a_file_are_never_run(fit, tmp_path):
    """Fails if a crafted file makes load import or call what it names."""
    path = tmp_path / "fit.nc"
    fit.save(path)
    for edit in (
        lambda record: record["law"].update(name="os.system"),
        lambda record: record["noise"].update(name="__import__('os').system"),
        lambda record: record["method"].update(name="subprocess.run"),
    ):
        write_edited(path, tmp_path / "crafted.nc", edit)
        with pytest.raises(sb.InputError):
            sb.load(tmp_path / "crafted.nc")


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r["law"]["params"]["A"].update(prior={"family": "os"}),
        lambda r: r.pop("law"),
        lambda r: r["law"]["params"]["A"].update(dimension=3),
        lambda r: r["reference"].clear(),
        lambda r: r["checks"].append(["x", "maybe", "y"]),
    ],
)
def test_records_that_are_damaged(fit, tmp_path, edit):
    """Fails if a damaged record ends in a KeyError, which the command line prints as a traceback."""
    fit.save(tmp_path / "fit.nc")
    write_edited(tmp_path / "fit.nc", tmp_path / "edited.nc", edit)
    with pytest.raises(sb.InputError):
        sb.load(tmp_path / "edited.nc")


def damaged(path):
    content = path.read_bytes()
    return {
        "empty.nc": b"",
        "garbage.nc": b"not a fit" * 99,
        "cut.nc": content[: len(content) // 2],
        "text.csv": b"N,D,loss\n1,2,3\n",
    }


def test_files_that_are_no_fits(fit, tmp_path):
    """Fails if a damaged file ends in another library's traceback, or loads as a fit."""
    fit.save(tmp_path / "fit.nc")
    for name, content in damaged(tmp_path / "fit.nc").items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(sb.InputError, match=name):
            sb.load(tmp_path / name)
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    with pytest.raises(sb.InputError, match="not a result saved by scalebayes"):
        sb.load(tmp_path / "foreign.nc")
    with pytest.raises(sb.InputError, match="no such file"):
        sb.load(tmp_path / "missing.nc")


def test_changed_runs_are_noticed(fit, tmp_path):
    """Fails if a file whose runs were edited loads as if they had been fitted."""
    fit.save(tmp_path / "fit.nc")
    content = (tmp_path / "fit.nc").read_bytes()

    def change(file):
        file["observed_data/loss"][0] += 0.1

    (tmp_path / "edited.nc").write_bytes(damaging.edited(content, change, forged=True))
    with pytest.raises(sb.InputError, match="runs aren't those"):
        sb.load(tmp_path / "edited.nc")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as opened:
        tree = opened.load()
    tree.to_netcdf(tmp_path / "copied.nc", engine="h5netcdf")
    with pytest.raises(sb.InputError, match="changed by another program; use another copy, or make it again"):
        sb.load(tmp_path / "copied.nc")


def test_paths_that_cant_be_written(fit, tmp_path):
    """Fails if a failed save leaves half a file or says nothing, or the owner can't read a saved one."""
    with pytest.raises(sb.InputError, match="no folder"):
        fit.save(tmp_path / "missing" / "fit.nc")
    with pytest.raises(sb.InputError, match="is a folder"):
        fit.save(tmp_path)
    fit.save(tmp_path / "fit.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]
    assert stat.S_IMODE((tmp_path / "fit.nc").stat().st_mode) & 0o600 == 0o600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(fit, tmp_path):
    """Fails if a save into a read-only folder ends in a traceback."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(sb.InputError, match="can't write"):
        fit.save(folder / "fit.nc")
