"""The runs' own column C may be another cost than 6 N D: once it is said which, nobody is warned of it but where 6 N D
is taken.
"""

from typing import Any

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.runs.joined import joined
from tests.helpers import POINT, TYPED_POINT, simulated

MOE = sb.costs.moe(active=1e9, total=8e9)


def runs_at(cost, rows=24, seed=0):
    """Simulated runs whose own column C is a cost."""
    table = simulated(rows, seed)
    return sb.Runs(N=table["N"], D=table["D"], C=np.asarray(cost(table["N"], table["D"])), loss=table.y)


def fitted(runs):
    return sb.fit(runs, method=POINT, on_fail="ignore")


def told(answer):
    return "compute: " in answer.attrs["review"]


@pytest.fixture(scope="module")
def said():
    """A fit of runs whose C is said to be the cost of a mixture of experts."""
    return fitted(runs_at(MOE).with_cost(MOE))


def test_the_review_of_C_disappears_when_the_right_cost_is_said(said):
    """Fails if the check doesn't name its cure, or the cure doesn't cure."""
    check = fitted(runs_at(MOE)).checks["compute"]
    assert check.status == "review" and "C / 6ND has median 0.125" in check.sentence
    assert "runs.with_cost(sb.costs." in check.sentence
    cured = said.checks["compute"]
    assert cured.status == "pass" and cured.sentence.startswith("C / moe has median 1 ")


def test_a_wrong_cost_is_told():
    """Fails if any cost at all silences the check."""
    check = fitted(runs_at(MOE).with_cost(sb.costs.moe(active=1e9, total=4e9))).checks["compute"]
    assert check.status == "review" and "C / moe has median 0.5 " in check.sentence
    wrong = runs_at(lambda N, D: 6e-12 * N * D).with_cost(sb.Cost("mine", lambda N, D: 6 * N * D))
    assert "units={'C': 1e12}" in fitted(wrong).checks["compute"].sentence


def test_an_answer_is_doubted_by_the_cost_that_it_takes(said):
    """Fails if an answer at the cost of the runs is doubted, or one that takes C as 6 N D is not."""
    assert told(sb.optimum(said, C=1e22)) and not told(sb.optimum(said, C=1e22, cost=MOE))
    assert told(sb.predict(said, N=1e9, C=1e21)) and not told(sb.predict(said, N=1e9, D=1e11))
    assert not told(sb.optimum(said, C=1e22, cost=sb.costs.with_inference(1e12, MOE)))
    dense = fitted(runs_at(sb.costs.six_nd))
    assert not told(sb.optimum(dense, C=1e22)) and told(sb.optimum(dense, C=1e22, cost=MOE))
    assert not told(sb.optimum(dense, C=1e22, cost=sb.costs.with_inference(1e12)))
    assert not told(sb.budget_for(said, loss=2.2, cost=MOE)) and told(sb.budget_for(said, loss=2.2))


def test_what_is_said_stays_with_the_fit(said, tmp_path):
    """Fails if a fit that is loaded, or some of its runs, or an update forgets what C is."""
    said.save(tmp_path / "fit.nc")
    loaded = sb.load(tmp_path / "fit.nc")
    assert loaded.runs.metadata["cost"] == said.runs.metadata["cost"] and "  cost: moe, C = 6" in repr(loaded.runs)
    some = fitted(loaded.runs.where("N > 1e8")).checks["compute"]
    assert some.status == "pass" and "of all 24 runs" in some.sentence
    later = sb.update(loaded, runs_at(MOE, 4, seed=1).with_cost(MOE))
    assert later.checks["compute"].status == "pass" and later.runs.metadata["cost"]["rows"] == 28


def test_tables_are_joined_by_what_C_is(said):
    """Fails if a C that nobody said of new runs passes as that of the old ones, or C is 6 N D in some rows."""
    both, _ = joined(said.runs, runs_at(MOE, 4, seed=1))
    assert "cost" not in both.metadata and fitted(both).checks["compute"].status == "review"
    both, _ = joined(said.runs, simulated(4, 1))
    assert "C" not in both.inputs


def test_only_a_cost_that_can_be_held_against_C_is_taken():
    """Fails if a cost is taken without a word where there is nothing to hold it against, or it is none."""
    with pytest.raises(sb.InputError, match="no such column; leave the cost out"):
        simulated(4, 0).with_cost(MOE)
    with pytest.raises(sb.InputError, match="no such column; leave the cost out"):
        simulated(4, 0).derive("C").with_cost(MOE)
    none: Any = "moe"
    with pytest.raises(sb.InputError, match="cost is a function of N and D"):
        runs_at(MOE).with_cost(none)
    with pytest.raises(sb.InputError, match="isn't positive"):
        runs_at(MOE).with_cost(lambda N, D: -N)


def test_the_command_says_what_C_is(tmp_path, capsys, monkeypatch):
    """Fails if --cost of fit isn't what Python says, or the review doesn't say to type it."""
    monkeypatch.setenv("COLUMNS", "400")
    runs_at(MOE).to_pandas().to_csv(tmp_path / "runs.csv", index=False)
    typed = ["fit", str(tmp_path / "runs.csv"), "--method", TYPED_POINT]
    assert main(typed) == 0
    assert "say which cost C is, --cost COST, or check" in " ".join(capsys.readouterr().out.split())
    assert main([*typed, "--cost", "moe:active=1e9,total=8e9", "--out", str(tmp_path / "fit.nc")]) == 0
    out = capsys.readouterr().out
    assert "review  compute" not in out and "cost: moe, C = 6 (0.125 N) D" in out
    assert main(["plan", str(tmp_path / "fit.nc"), "--budget", "1e22"]) == 0
    assert "review  compute" in capsys.readouterr().out
    assert main(["plan", str(tmp_path / "fit.nc"), "--budget", "1e22", "--cost", "moe:active=1e9,total=8e9"]) == 0
    assert "review  compute" not in capsys.readouterr().out
