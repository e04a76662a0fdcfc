"""The command next-runs: what it prints is what `sb.next_runs` answers."""

import json

import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.helpers import LAPLACE, chinchilla_like


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The path of a saved fit."""
    path = tmp_path_factory.mktemp("next") / "fit.nc"
    sb.fit(chinchilla_like(), "chinchilla", method=LAPLACE, fallback=False, on_fail="ignore").save(path)
    return path


def test_next_runs_prints_the_runs_and_when_to_stop(path, capsys, monkeypatch):
    """Fails if the runs aren't those of the library, or the sentence that says when to stop is missing."""
    monkeypatch.setenv("COLUMNS", "100")
    words = ["next-runs", str(path), "--budget", "1e21", "--N", "70B", "--D", "1.4T", "--count", "3"]
    found = sb.next_runs(sb.load(path), budget=1e21, target={"N": 7e10, "D": 1.4e12}, n=3)
    out = path.with_name("next.nc")
    assert main([*words, "--json", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["saved"] == str(out) and sb.load(out).table["N"].tolist() == found.table["N"].tolist()
    assert [run["N"] for run in told["runs"]] == found.table["N"].tolist()
    assert told["ratio"] == pytest.approx(found.ratio) and told["stop"] == found.stop
    assert main(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"to {found.ratio:.0%} of its width" in out and "When to stop" in out and "width" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--parameter alpha"),
        (["--N", "1e9", "--D", "1e10", "--parameter", "alpha"], "say what the runs shall tell about"),
        (["--parameter", "alhpa"], "did you mean 'alpha'"),
        (["--N", "1e9", "--D", "1e10", "--count", "0"], "--count"),
    ],
    ids=str,
)
def test_a_target_that_is_none_names_its_cure(path, capsys, words, said):
    """Fails if no target, two targets or an unknown one ends in anything but a line that says what to type."""
    assert main(["next-runs", str(path), "--budget", "1e21", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
