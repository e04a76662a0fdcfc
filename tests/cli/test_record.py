"""Commands of forecasts on record: register, score, and summary of a record."""

import json
import re

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.helpers import fit_of, simulated

TRUE = {"A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366, "E": 1.817}
POINTS = ("--N", "20B,70B", "--D", "400B,1.4T")


COLUMNS = 100  # of the terminal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fit, forecasts on record, and tables of the runs that came since."""
    folder = tmp_path_factory.mktemp("record")
    rng = np.random.default_rng(1)
    draws = {name: x * np.exp(0.01 * rng.normal(size=400)) for name, x in TRUE.items()}
    fit_of(sb.laws.get("chinchilla"), draws, simulated(24, 3)).save(folder / "fit.nc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEBAYES_CACHE", str(folder / "cache"))
        assert main(["register", str(folder / "fit.nc"), *POINTS, "--out", str(folder / "next.nc"), "--note", "x"]) == 0
        median = sb.load(folder / "next.nc").table()["median"]
        rows = ["N,D,loss", f"20e9,400e9,{median[0]}", f"20e9,400e9,{2 * median[0]}", "1e9,1e10,3.0"]
        (folder / "runs.csv").write_text("\n".join(rows))
        yield folder


def test_register_says_what_is_on_record_and_score_what_became_of_it(run):
    """Fails if the forecast, its date, its checksum, the hits or the open point aren't told in words."""
    code, out, err = run("register", "fit.nc", *POINTS, "--out", "again.nc", "--prob", "0.8")
    record = sb.load("again.nc")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["N", "D", "median", "mean", "sd", "lower", "upper", "e-folds"]
    said = " ".join(out.split())
    assert f"registered {record.date} in again.nc" in said and record.digest in said
    assert "80 % interval of a new run, its noise included" in said
    code, out, err = run("score", "next.nc", "runs.csv")
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert f"1 of 2 runs lies in the 90 % interval registered {sb.load('next.nc').date} (x). Mean CRPS" in said
    lines = [line.split() for line in out.splitlines()]
    assert ["hit" in line for line in lines if line[:2] == ["20B", "400B"]] == [True, False]
    assert "1 of 2 points is still open, without a run: N 7e10, D 1.4e12." in said


def test_json_of_both_is_that_of_the_library(run):
    """Fails if --json has other numbers than `sb.register` and `sb.score` give."""
    code, out, _ = run("register", "fit.nc", *POINTS, "--out", "json.nc", "--json", "--seed", "4")
    record, document = sb.load("json.nc"), json.loads(out)
    assert code == 0 and (document["sha256"], document["registered"]) == (record.digest, record.date)
    assert [row["median"] for row in document["points"]] == record.table()["median"].tolist()
    assert document["saved"] == "json.nc" and document["fitted"][0]["runs"] == sb.load("fit.nc").runs.hash
    code, out, _ = run("score", "next.nc", "runs.csv", "--json")
    found, document = sb.score("next.nc", sb.read_runs("runs.csv")), json.loads(out)
    assert code == 0 and document["open"] == [1] and (document["hits"], document["scored"]) == (1, 2)
    for name in ("pit", "crps", "log_score"):
        assert [row[name] for row in document["runs"]] == found[name].values.tolist()
    assert [row["hit"] for row in document["runs"]] == [True, False]


def test_a_fit_is_scored_by_all_runs(run):
    """Fails if the file of a fit can't be scored, or rows of the table are left out."""
    code, out, _ = run("score", "fit.nc", "runs.csv", "--json")
    found = sb.score(sb.load("fit.nc"), sb.read_runs("runs.csv"))
    assert code == 0
    np.testing.assert_allclose([row["log_score"] for row in json.loads(out)["runs"]], found["log_score"].values)
    code, out, _ = run("score", "fit.nc", "runs.csv", "--where", "N > 2e9")
    assert code == 0 and re.search(r"[012] of 2 runs lies? in the 90 % interval\. Mean CRPS", " ".join(out.split()))


def test_summary_shows_a_record(run):
    """Fails if a record can't be looked at, in words and as JSON."""
    code, out, _ = run("summary", "next.nc")
    assert code == 0 and out.startswith("Registered ") and "note: x" in out
    code, out, _ = run("summary", "next.nc", "--json")
    assert code == 0 and json.loads(out)["sha256"] == sb.load("next.nc").digest


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["register", "fit.nc", "--N", "1B", "--D", "1B"], "--out is missing"),
        (["register", "fit.nc", "--N", "1B", "--D", "1B", "--out", "next.nc"], "is there already; give another name"),
        (["register", "fit.nc", "--N", "1B", "--out", "new.nc"], "needs D"),
        (["register", "next.nc", "--N", "1B", "--D", "1B", "--out", "new.nc"], "holds registered forecasts"),
        (["predict", "next.nc", "--N", "1B", "--D", "1B"], "holds registered forecasts"),
        (["score", "changed.nc", "runs.csv"], "the file is damaged"),
        (["score", "next.nc", "runs.csv", "--where", "N < 2e9"], "scalebayes score FIT RUNS"),
    ],
)
def test_bad_input_is_one_line(run, folder, typed, told):
    """Fails if what can't be registered or scored ends in more than one line, or without its cure."""
    whole = bytearray((folder / "next.nc").read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / "changed.nc").write_bytes(whole)
    code, out, err = run(*typed)
    assert (code, out) == (2, "") and err.count("\n") == 1 and err.startswith("error: ") and told in err
    assert not (folder / "new.nc").exists()
