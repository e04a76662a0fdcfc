"""scalebayes backtest: the table, the sentences, the file, and what is refused."""

import csv
import json
import re
from typing import NamedTuple

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import format as show
from scalebayes.cli import main
from scalebayes.cli.backtest import failed_line
from tests.helpers import POINT, TYPED_POINT

QUICK = ("--method", TYPED_POINT)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of 30 readings of one curve, their names a tracker's."""
    path = tmp_path_factory.mktemp("backtest") / "runs.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["flops", "eval_loss", "kept"])
        for i, C in enumerate(np.geomspace(1e18, 1e22, 30)):
            writer.writerow([C, (1.8 + 3 * (C / 1e18) ** -0.2) * np.exp(0.004 * rng.standard_normal()), int(i < 29)])
    return path


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command as typed, its programs kept where the tests keep theirs."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "cache"))

    def run(*args):
        code = main(["backtest", *(str(arg) for arg in args)])
        return Ended(code, *capsys.readouterr())

    return run


LAW = ("--law", "power", "--input", "x=C", *QUICK)


def test_the_table_has_a_row_a_law_and_cutoff(run, table):
    """Fails if the printed table lacks a law or a cutoff, wraps, or shows other figures than `sb.backtest` gives."""
    ended = run(table, *LAW, "--cutoffs", "1e20,1e21", "--where", "kept == 1")
    assert (ended.code, ended.err) == (0, "")
    blocks = re.findall(
        r"^C up to (\S+): (\d+) runs fitted, (\d+) scored.*?^law +RMSE.*?^power +\d.*?^trivial +\d",
        ended.out,
        re.M | re.S,
    )
    assert blocks == [("1.00e20", "15", "14"), ("1.00e21", "22", "7")]
    assert max(map(len, ended.out.splitlines())) <= 80
    words = " ".join(ended.out.split())
    assert "Runs: 29 rows" in words and "where: kept == 1" in words
    for name in ("power", "trivial"):
        assert f"{name}: on your runs, forecasts this far out (" in words
    runs = sb.read_runs(table, "kept == 1")
    found = sb.backtest(runs, ["power"], inputs={"x": "C"}, cutoffs=[1e20, 1e21], method=POINT)
    row = found.table().iloc[0]
    cells = re.search(r"^power +(.*)$", ended.out, re.M)[1].split()
    shares = [f"{100 * row[name]:.0f}" for name in ("cover_50", "cover_80", "cover_90", "cover_95")]
    assert cells[1:2] == [f"{row['log_score']:.2f}"] and cells[3:7] == shares
    assert float(cells[0]) == pytest.approx(row["rmse"], rel=0.01)
    assert float(cells[7]) == pytest.approx(row["width_90"], rel=0.01)


def test_a_fit_that_failed_is_named(table):
    """Fails if scores of a posterior that was never reached can be read as the law's, or fits that passed are named."""
    found = sb.backtest(sb.read_runs(table), ["power"], inputs={"x": "C"}, cutoffs=[1e20, 1e21], method=POINT)
    data = found.data.assign(status=(("law", "cutoff"), [["pass", "fail"], ["", ""]]))
    assert failed_line(sb.Backtest(data)).startswith("fail    fits: checks failed of power up to 1.00e21: don't rely")
    passed = data.assign(status=(("law", "cutoff"), [["pass", "review"], ["", ""]]))
    assert failed_line(sb.Backtest(passed)) == ""


@pytest.mark.slow
def test_json_and_the_file_are_what_the_library_says(run, table, tmp_path):
    """Fails if --json or the saved file holds other scores than `sb.backtest` with the same seed."""
    path = tmp_path / "scores.nc"
    ended = run(table, *LAW, "--cutoffs", "1e20", "--seed", "3", "--json", "--out", path)
    told = json.loads(ended.out)
    found = sb.backtest(sb.read_runs(table), ["power"], inputs={"x": "C"}, cutoffs=[1e20], method=POINT, seed=3)
    assert told["table"] == json.loads(json.dumps(show.plain(show.records(found.table()))))
    assert (told["by"], told["seed"], told["method"], told["saved"]) == ("C", "3", "map", str(path))
    assert set(told["told"]) == {"power", "trivial"} and told["versions"]["jax"]
    assert sb.load(path).data.identical(found.data)


@pytest.mark.parametrize(
    ("args", "fragments"),
    [
        (["nothere.csv"], ["nothere.csv", "no such file"]),
        (["--law", "powr"], ["unknown law", "did you mean 'power'?"]),
        (["--cutoffs", "1e20,x"], ["--cutoffs", "'x' is not a number"]),
        (["--cutoffs", "1e17"], ["cutoff 1e+17", "0 of the runs"]),
        (["--cutoffs", "1e23"], ["no run has a C beyond it"]),
        (["--by", "flop"], ["unknown column by 'flop'"]),
        (["--discrepancy", "pg"], ["unknown --discrepancy 'pg'", "valid: none, gp"]),
        (["--law", "power", "--law", "repeated_sampling"], ["--law", "coverage and loss", "--observable"]),
        (["--method", "lapalce"], ["unknown method", "laplace"]),
        (["--noise", "studentt"], ["unknown noise"]),
        (["--window", "two"], ["--window", "'two' is not a number"]),
        (["--fix", "Q=1"], ["unknown parameter in --fix 'Q'"]),
        (["--priors", "falt"], ["unknown --priors 'falt'"]),
        (["--input", "y=C"], ["unknown input of the laws 'y'"]),
        (["--min-rows", "1"], ["min_rows is a whole number from 3 on"]),
        (["--out", "nofolder/scores.nc"], ["--out", "no folder nofolder"]),
        (["--prob", "0.9"], ["--prob", "scalebayes backtest --help"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, table, args, fragments):
    """Fails if bad input ends in a traceback, prints on standard output, or isn't named in one line with its cure."""
    rest = (
        []
        if args[0] == "nothere.csv"
        else [table, "--law", "power", "--input", "x=C", *(() if "--method" in args else QUICK)]
    )
    ended = run(*rest, *args)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert all(fragment in ended.err for fragment in fragments), ended.err


def test_help_names_the_options(run):
    """Fails if `backtest --help` leaves out an option."""
    ended = run("--help")
    assert ended.code == 0 and ended.out.startswith("Usage: scalebayes backtest")
    assert all(name in ended.out for name in ("--law", "--by", "--cutoffs", "--discrepancy", "--out", "--json"))


def test_a_window_fixed_parameters_and_flat_priors_go_to_every_fit(run, table):
    """Fails if a backtest vouches for other fits than the command fit makes with --window, --fix and --priors."""
    how = ("--cutoffs", "1e20", "--window", "3", "--fix", "E=1.8", "--priors", "flat")
    ended = run(table, "--law", "offset_power", "--input", "x=C", *QUICK, *how, "--json")
    law = sb.laws.get("offset_power")
    priors = {**dict.fromkeys([*law.params, "noise_scale"], "flat"), "E": 1.8}
    settings = {"inputs": {"x": "C"}, "cutoffs": [1e20], "method": POINT, "window": sb.Window(3.0), "priors": priors}
    found = sb.backtest(sb.read_runs(table), [law], **settings)
    told = json.loads(ended.out)
    assert told["table"] == json.loads(json.dumps(show.plain(show.records(found.table()))))
    assert told["window"] == found.data.attrs["window"] and "E" in told["priors"]


@pytest.mark.slow_cases("old1")
@pytest.mark.parametrize("old", [("--cutoff", "1e20"), ("--cutoff=1e20",)])
def test_the_old_spelling_of_an_option_is_understood_with_a_warning(run, table, old):
    """Fails if a script of the last release ends with an error, or isn't told the new spelling."""
    ended = run(table, *LAW, *old, "--json")
    assert (ended.code, ended.err) == (
        0,
        "warning: --cutoff is --cutoffs now; the next release knows --cutoffs alone\n",
    )
    assert {row["cutoff"] for row in json.loads(ended.out)["table"]} == {1e20}
    both = run(table, *LAW, *old, "--cutoffs", "1e21")
    assert both.code == 2 and "--cutoffs is given twice" in both.err
