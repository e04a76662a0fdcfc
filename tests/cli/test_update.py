"""The command update: what it prints has moved is what Python says has, and what it saves is updated again."""

import json

import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.helpers import LAPLACE, POINT, simulated

ALL = simulated(32, 9)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a fit of 24 runs, a mode of them, the table of all, and one that has grown less."""
    folder = tmp_path_factory.mktemp("update")
    for name, method in (("fit", LAPLACE), ("mode", POINT)):
        sb.fit(ALL.take(slice(0, 24)), method=method, fallback=False, on_fail="ignore").save(folder / f"{name}.nc")
    for name, rows in (("some", 28), ("all", 32)):
        ALL.take(slice(0, rows)).to_pandas().to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def run(capsys, monkeypatch, files):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(files)

    def run(*args, code=0):
        assert main(["update", *args]) == code
        return capsys.readouterr()

    return run


def test_what_moved_comes_first(run, files):
    """Fails if the text or the JSON isn't what sb.update and sb.moves say, or the saved fit isn't the updated one."""
    out = run("fit.nc", "some.csv", "--N", "70B,1B", "--D", "1.4T,20B", "--out", "new.nc").out
    new = sb.load(files / "new.nc")
    assert len(new.runs) == 28 and new.runs.metadata["updates"][-1]["dropped"] == 24
    first, *_ = [line for line in out.splitlines() if not line.startswith(("fail", " "))]
    assert first == "4 new runs, 28 in all; 24 rows that the fit has already were dropped; from the old posterior." or (
        "whole refit." in first
    )
    moves = sb.moves(new)
    assert moves["runs"].tolist() == [24, 28] * 2
    for before, after in ((0, 1), (2, 3)):
        row = next(line for line in out.splitlines() if line.startswith(("70B", "1B")[before // 2] + " "))
        assert f"{moves['median'][before]:.3g}"[:4] in row and f"{moves['median'][after]:.3g}"[:4] in row
        assert ("inside" if moves["inside"][after] else "outside") in row
    assert "parameter" in out and "saved to new.nc" in out
    later = json.loads(run("new.nc", "all.csv", "--N", "7B", "--D", "140B", "--json").out)
    assert [row["runs"] for row in later["moves"]] == [24, 28, 32, 24, 28, 32, 28, 32]
    assert later["update"]["runs_before"] == 28 and later["update"]["dropped"] == 28
    text = run("new.nc", "all.csv", "--N", "7B", "--D", "140B").out
    assert [line.split()[0] for line in text.splitlines() if line.split()[:1] in (["70B"], ["1B"], ["7B"])] == [
        *("70B", "1B", "7B")
    ]


def test_a_mode_moves_without_an_interval(run):
    """Fails if the update of a MAP fit prints an interval that it doesn't have, or tells nothing."""
    out = run("mode.nc", "all.csv").out
    assert "8 new runs, 32 in all" in out and "[" not in out.split("checks pass")[0].split("parameter")[1]
    assert "not saved; --out new.nc keeps it" in out
    assert "the curve at the mode." in run("mode.nc", "all.csv", "--N", "7B", "--D", "140B").out


def test_what_cannot_be_updated_is_told_in_one_line(run, files):
    """Fails if a table for a fit, runs that are known already, or a folder to save to end in another error."""
    assert "is a table and no saved fit" in run("all.csv", "all.csv", code=2).err
    ALL.take(slice(0, 24)).to_pandas().to_csv(files / "old.csv", index=False)
    assert "nothing is new" in run("fit.nc", "old.csv", code=2).err
    assert "is a folder" in run("fit.nc", "all.csv", "--out", str(files), code=2).err
