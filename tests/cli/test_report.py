"""The command report: what it writes, what it prints first, and what it doesn't write over."""

import json

import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.helpers import POINT, simulated


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    runs = sb.Runs(x=[1.0, 10.0, 100.0, 1000.0], loss=[3.0, 2.0, 1.5, 1.2])
    sb.fit(runs, "power", method=POINT, on_fail="ignore").save(folder / "fit.nc")
    return folder


def test_a_saved_fit_is_reported(saved, tmp_path, monkeypatch, capsys):
    """Fails if the command writes no report, doesn't quote itself in it, or a second run is refused."""
    monkeypatch.chdir(tmp_path)
    fit = str(saved / "fit.nc")
    for _ in range(2):
        assert main(["report", fit, "--x", "1e4"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "report written to report.html"
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and f"scalebayes report {fit} --x 1e4</code>" in text
    assert main(["report", fit, "--out", "b.html", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["report"] == "b.html" and told["status"] == sb.load(fit).checks.status


def test_a_budget_alone_asks_for_its_optimum(tmp_path, monkeypatch, capsys):
    """Fails if --C alone, which says no N and D, is refused or forecast at sizes that nobody asked for."""
    monkeypatch.chdir(tmp_path)
    sb.fit(simulated(12, 0), "chinchilla", method=POINT, on_fail="ignore").save(tmp_path / "fit.nc")
    assert main(["report", "fit.nc", "--C", "5e23"]) == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ">5e23</th>" in text and "10 and 100 times the largest C of the runs" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit.nc", "--out", "fit.nc"], "--out: fit.nc is there already"),
        (["fit.nc", "--kind", "curve"], "leave the options of a table out"),
        (["none.nc"], "there is no such file"),
        (["fit.nc", "--N", "7x"], "--N"),
        (["fit.nc", "--scores", "fit.nc"], "this takes a backtest"),
        (["fit.nc", "--N", "7B"], "x"),
    ],
)
def test_what_is_refused(saved, monkeypatch, capsys, words, said):
    """Fails if bad input ends in a traceback, in a lost file, or in a report of something else."""
    monkeypatch.chdir(saved)
    before = (saved / "fit.nc").read_bytes()
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err
    assert (saved / "fit.nc").read_bytes() == before and not (saved / "report.html").exists()
