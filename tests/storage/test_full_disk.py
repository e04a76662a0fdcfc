"""A disk that is full costs a file, in one line; never the process, the answer or the folder."""

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import scalebayes as sb
from scalebayes.safe_files import write as files

FIRST = Path(__file__).parent / "first_format"

PROGRAM = """
import json, os, resource, sys
from pathlib import Path
import scalebayes as sb
from scalebayes.cli import main

first, folder, table = map(Path, sys.argv[1:])
fit, fits, stack = (sb.load(first / f"{kind}.nc") for kind in ("fit", "fits", "stack"))
back = sb.load(first / "backtest.nc")
told = {}

def tried(name, write):
    try:
        write()
    except sb.InputError as error:
        told[name] = str(error)
    else:
        told[name] = "written"

# No file may grow beyond this, as on a disk that is full, that of compiled programs among them.
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
for name, one in {"fit": fit, "fits": fits, "stack": stack, "backtest": back}.items():
    tried(name, lambda: one.save(folder / f"{name}.nc"))
tried("export", lambda: sb.export(fit, folder / "loss.jax", platforms=["cpu"], quantiles=[0.5]))
method = sb.MAP(search=sb.Search(screened=256, starts=4, lbfgs_steps=0))
tables = [sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1])] * 2
tried("manifest", lambda: sb.fit_many(tables, "power", method=method, on_fail="ignore", folder=folder / "new"))
typed = ["fit", str(table), "--law", "power", "--method", "map:screened=256,starts=4,lbfgs_steps=0"]
typed += ["--out", str(folder / "cli.nc")]
code = main([*typed, "--input", "x=x"])
document = main([*typed, "--json"])
left = sorted(path.name for path in folder.rglob("*"))
print("REPORT" + json.dumps({"told": told, "codes": [code, document], "left": left}))
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """What a process says that may write files of 200 bytes alone."""
    folder, table = tmp_path_factory.mktemp("full"), tmp_path_factory.mktemp("table") / "runs.csv"
    table.write_text("x,loss\n1,3.0\n10,2.4\n100,1.9\n1000,1.5\n10000,1.2\n")
    environment = {**os.environ, "SCALEBAYES_CACHE": str(tmp_path_factory.mktemp("cache"))}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(FIRST), str(folder), str(table)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, ended.stderr


@pytest.mark.slow
def test_every_kind_of_file(full):
    """Fails if a full disk ends the process, leaves a piece of a file, or isn't told of in one line."""
    found = json.loads(full[0].partition("REPORT")[2])
    for name, told in found["told"].items():
        assert told.startswith("can't write ") and "larger than is allowed here (File too large); make room" in told, (
            name
        )
    assert set(found["told"]) == {"fit", "fits", "stack", "backtest", "export", "manifest"}
    assert found["left"] == []


@pytest.mark.slow
def test_the_command_line_keeps_its_answer(full):
    """Fails if a command that can't save ends otherwise than by code 2 and one line, or its answer isn't printed."""
    out, err = full
    assert json.loads(out.partition("REPORT")[2])["codes"] == [2, 2]
    text, _, rest = out.partition("\n{\n")
    assert "alpha" in text and "saved" not in text
    document = json.loads("{\n" + rest.partition("\n}\n")[0] + "\n}")
    assert document["saved"] is None and document["parameters"]["alpha"]["median"] > 0
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    assert len(errors) == 2 and all(line.startswith("error: --out: can't write ") for line in errors)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, r"the disk is full \(No space left on device\); make room, or give a path on another disk$"),
        (errno.EDQUOT, r"your share of the disk is used up \(Disk quota exceeded\); make room"),
        (errno.EIO, r"can't write .*a.nc: Input/output error$"),
    ],
)
def test_what_the_disk_says(tmp_path, monkeypatch, number, told):
    """Fails if a failed write loses the file that was there, or leaves a piece of the new one."""

    def fails(handle):
        raise OSError(number, os.strerror(number))

    files.write(tmp_path / "a.nc", b"before")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(sb.InputError, match=told):
        files.write(tmp_path / "a.nc", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_batches_that_cant_be_kept(tmp_path, monkeypatch):
    """Fails if a disk that fills up during fit_many ends in another error than the user's, or leaves pieces behind."""
    tables = [sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.1])] * 4
    method = sb.MAP(search=sb.Search(screened=256, starts=4, lbfgs_steps=0))

    def fit():
        return sb.fit_many(tables, "power", method=method, on_fail="ignore", batch=2, folder=tmp_path)

    write, written = os.fsync, []

    def fails(handle):
        written.append(handle)
        if len(written) > 2:  # the manifest and a batch
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(sb.InputError, match=r"can't write .*\.npz: the disk is full"):
            fit()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npz"]
    assert len(fit()) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_stays_a_device():
    """Fails if a save takes the place of a device."""
    with pytest.raises(sb.InputError, match="a device or a pipe"):
        sb.load(FIRST / "fit.nc").save("/dev/full")
    assert not Path("/dev/full").is_file()
