"""The commands recipes and strategies: what they print, their JSON, and what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb
from tests.planning.test_recipes import drawn

COLUMNS = 80  # of the terminal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Saved fits: `new`, and `old`, whose models have to be larger and whose floor is lower."""
    folder = tmp_path_factory.mktemp("recipes")
    drawn(draws=60, seed=1, spread=0.005).save(folder / "new.nc")
    drawn(draws=60, seed=2, spread=0.005, E=0.97, A=1.2, B=1.2).save(folder / "old.nc")
    return folder


def test_recipes_says_which_is_better_and_where_they_cross(run):
    """Fails if the command gives other numbers than the library, or a reader has to find the answer in a table."""
    typed = ("recipes", "new.nc", "old.nc", "--C", "1e20:1e25:6")
    code, out, _ = run(*typed, "--json")
    told, found = (
        json.loads(out),
        sb.compare_recipes(sb.load("new.nc"), sb.load("old.nc"), C=np.geomspace(1e20, 1e25, 6), names=("new", "old")),
    )
    assert code == 0 and (told["a"], told["b"], told["pairs"]) == ("new", "old", 60)
    table = found.table()
    np.testing.assert_allclose([row["P"] for row in told["budgets"]], table["P"])
    np.testing.assert_allclose([row["gain"] for row in told["budgets"]], table["gain"], rtol=1e-6)
    assert told["crossing"]["median"] == pytest.approx(found.crossing().median, rel=1e-6)
    code, out, _ = run(*typed)
    assert code == 0 and out.startswith("new beats old with probability ")
    assert "they cross between C = 1e20 and 1e25, at " in " ".join(out.split()) and "above it old is better" in out
    assert "To reach new's loss at C = 1e25, old needs " in out
    assert max(map(len, out.splitlines())) <= 100 and "review  " in out and "sb." not in out


def test_a_recipe_against_itself_is_told_as_a_tie(run):
    """Fails if the same file twice counts as two independent fits."""
    code, out, _ = run("recipes", "new.nc", "new.nc", "--C", "1e21", "--json")
    told = json.loads(out)
    assert code == 0 and told["budgets"][0]["P"] == 0.5 and told["shared_draws"]


def test_strategies_is_a_table_of_named_splits(run):
    """Fails if the command gives other numbers than the library, or loses a strategy that was typed."""
    typed = ("strategies", "new.nc", "--C", "1e22", "--strategy", "70/30:share_N=0.7", "--strategy", "kaplan")
    code, out, _ = run(*typed, "--strategy", "large, little data:N=280B,D=300B", "--max-N", "1e11", "--json")
    rows = json.loads(out)["strategies"]
    named = {"70/30": {"share_N": 0.7}, "kaplan": "kaplan", "large, little data": {"N": 280e9, "D": 300e9}}
    table = sb.strategies(sb.load("new.nc"), named, C=1e22, subject_to={"max_N": 1e11}).table()
    assert code == 0 and [row["strategy"] for row in rows] == list(named)
    np.testing.assert_allclose([row["regret"] for row in rows], table["regret"])
    assert [row["breaks"] for row in rows] == ["", "", "max_N"]
    code, out, _ = run("strategies", "new.nc", "--C", "1e22")
    assert code == 0 and out.startswith("At C = 1.00e22 20 tokens a parameter loses least, ")
    assert all(name in out for name in ("25/75", "70/30", "Kaplan", "20 tokens a parameter", "optimum"))
    assert max(map(len, out.splitlines())) <= 100 and "sb." not in out


def test_both_commands_save_what_they_print(run):
    """Fails if the file of --out isn't the result that was printed, or a file that is no result is replaced."""
    code, out, _ = run("recipes", "new.nc", "old.nc", "--C", "1e21", "--out", "compared.nc", "--json")
    told, kept = json.loads(out), sb.load("compared.nc")
    assert code == 0 and told["saved"] == "compared.nc" and kept.names == ("new", "old")
    assert told["budgets"][0]["P"] == pytest.approx(kept.table()["P"][0])
    code, out, _ = run("strategies", "new.nc", "--C", "1e22", "--strategy", "kaplan", "--out", "splits.nc")
    assert code == 0 and out.rstrip().endswith("saved to splits.nc")
    assert sb.load("splits.nc").table()["strategy"].tolist() == ["kaplan"]
    Path("notes.txt").write_text("mine")
    for command in (("recipes", "new.nc", "old.nc"), ("strategies", "new.nc")):
        code, _, err = run(*command, "--C", "1e21", "--out", "notes.txt")
        assert code == 2 and "--out: notes.txt is there and is no saved fit" in err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["recipes", "new.nc", "--C", "1e21"], "or two groups of the first, --groups x,y"),
        (["recipes", "new.nc", "--C", "1e21", "--groups", "a"], "--groups: two groups with a comma between"),
        (["recipes", "new.nc", "none.nc", "--C", "1e21"], "none.nc"),
        (["strategies", "new.nc"], "give a budget"),
        (["strategies", "new.nc", "--C", "1e22", "--strategy", "x:share=0.7"], "share_N"),
        (["strategies", "new.nc", "--C", "1e22", "--strategy", "kapln"], "did you mean 'kaplan'"),
        (["strategies", "new.nc", "--strategy", "kaplan", "--strategy", "kaplan"], "is given twice"),
    ],
)
def test_bad_input_is_one_line(run, typed, told):
    """Fails if bad input ends in a traceback, or in a line without what to type."""
    code, _, err = run(*typed)
    assert code == 2 and err.count("\n") == 1 and told in err, err
