"""scalebayes fit-many, calibrate and datasets; and what a fit of one curve is."""

import json

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.helpers import POINT, SEARCH, TYPED_POINT

QUICK = ("--law", "power", "--method", TYPED_POINT)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in a folder with two tables, and a table of both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "cache"))
    both = ["x,loss,lab"]
    for lab, last in (("north", 1.1), ("south", 1.2)):
        rows = [f"{x},{y},{lab}" for x, y in ((1, 3.0), (10, 2.0), (100, 1.5), (1000, last))]
        (tmp_path / f"{lab}.csv").write_text("\n".join(["x,loss,lab", *rows]))
        both += rows
    (tmp_path / "runs.csv").write_text("\n".join(both))

    def run(*args):
        code = main([str(arg) for arg in args])
        return code, *capsys.readouterr()

    return run


def test_one_table_split_and_two_files_are_the_same_data_sets(run):
    """Fails if a data set is another by --by than from its own file, or its fit another than the library's."""
    code, out, _ = run("fit-many", "runs.csv", "--by", "lab", *QUICK, "--json", "--out", "fits.nc")
    split = json.loads(out)
    code, out, _ = run("fit-many", "north.csv", "south.csv", *QUICK, "--json")
    files = json.loads(out)
    assert code == 0 and list(split["fits"]) == list(files["fits"]) == ["north", "south"]
    expected = sb.fit_many(sb.read_runs("runs.csv"), "power", by="lab", method=POINT, on_fail="ignore", progress=False)
    for name, fit in zip(expected.names, expected, strict=True):
        assert split["fits"][name]["parameters"]["alpha"]["median"] == fit.draws["alpha"].item()
        assert files["fits"][name]["parameters"]["alpha"]["median"] == pytest.approx(fit.draws["alpha"].item())
    code, out, _ = run("predict", "fits.nc", "--x", "10k")
    assert code == 0 and out.count("north") and "data set" in out
    code, out, _ = run("summary", "fits.nc")
    assert code == 0 and "2 data sets, law power, method map." in out


def test_a_curve_is_fitted_by_its_run(run, tmp_path):
    """Fails if --run of fit reads another curve than that of forecast, or a chart without it isn't told of --run."""
    steps = np.arange(100, 1300, 100)
    rows = [f"{step},{2 + 9 / step**0.5},{2.2 + 9 / step**0.5}" for step in steps]
    (tmp_path / "chart.csv").write_text("\n".join(["Step,run-a - loss,run-b - loss", *rows]))
    code, out, _ = run("fit", "chart.csv", "--run", "run-b", *QUICK, "--json")
    assert code == 0 and json.loads(out)["runs"]["rows"] == len(steps)
    code, _, err = run("fit", "chart.csv", *QUICK)
    assert code == 2 and "read it as curves: --run NAME" in err
    code, _, err = run("fit", "chart.csv", "--run", "run-b")
    assert code == 2 and "a curve has one input, x; give a law of one, such as --law offset_power" in err


def test_a_calibration_is_made_and_kept(run):
    """Fails if the command calibrates otherwise than the library, or its file is another calibration."""
    how = (
        "--law",
        "power",
        "--noise",
        "normal",
        "--method",
        "laplace:draws=100,proposals=200,rounds=0,screened=256,starts=4,lbfgs_steps=0",
    )
    args = ("runs.csv", *how, "--n", "8", "--draws", "9", "--no-fallback", "--out", "calibration.nc")
    code, out, err = run("calibrate", *args, "--json")
    document = json.loads(out)
    assert code == 0 and "8 simulated data sets of 8 runs are fitted by laplace: this takes" in err
    method = sb.Laplace(draws=100, proposals=200, rounds=0, search=SEARCH)
    expected = sb.calibrate(
        law="power",
        runs=sb.read_runs("runs.csv"),
        noise="normal",
        method=method,
        n=8,
        draws=9,
        fallback=False,
        progress=False,
    )
    assert document["simulations"] == 8 and document["failed"] == int(expected.data["failed"].sum())
    again = sb.load("calibration.nc")
    np.testing.assert_array_equal(again.data["rank"].values, expected.data["rank"].values)
    code, out, _ = run("summary", "calibration.nc")
    assert code == 0 and "alpha" in out and "8 data sets simulated from the prior" in out


def test_a_data_set_is_listed_and_written(run, tmp_path):
    """Fails if the table that datasets writes is read as other runs than sb.datasets.load gives."""
    code, out, _ = run("datasets")
    assert code == 0 and all(name in out for name in sb.datasets.names())
    where = "split == 'target'"
    code, out, _ = run("datasets", "tiny_gpt", "--where", where, "--out", "target.csv", "--json")
    expected = sb.datasets.load("tiny_gpt", where=where)
    read = sb.read_runs("target.csv", unit="nats/byte", N_counts="non-embedding")
    assert code == 0 and json.loads(out)["kept"] == len(expected)
    np.testing.assert_array_equal(read.y, expected.y)
    code, _, err = run("datasets", "tiny_gpt", "--out", "target.csv")
    assert code == 2 and "is there already" in err


@pytest.mark.parametrize(
    ("args", "fragments"),
    [
        (["fit-many", "runs.csv"], ["--by COLUMN", "several files"]),
        (["fit-many", "north.csv", "south.csv", "--by", "lab"], ["splits one table"]),
        (["fit-many", "north.csv", "north.csv"], ["given twice"]),
        (["fit-many", "runs.csv", "--by", "lap", *QUICK], ["unknown column in by 'lap'", "did you mean 'lab'?"]),
        (["calibrate", "runs.csv", "--law", "power", "--method", "map"], ["calibrate needs draws", "laplace"]),
        (["calibrate", "runs.csv", "--priors", "flat"], ["--priors"]),
        (["datasets", "tinygpt"], ["unknown data set", "did you mean 'tiny_gpt'?"]),
        (["datasets", "--out", "a.csv"], ["say which data set"]),
    ],
)
def test_bad_input_is_one_line(run, args, fragments):
    """Fails if what can't be done ends in a traceback, or in a line that doesn't say what to type."""
    code, out, err = run(*args)
    lines = [line for line in err.splitlines() if "are fitted by" not in line]
    assert (code, out) == (2, "") and len(lines) == 1 and lines[0].startswith("error: ")
    assert all(fragment in err for fragment in fragments), err


def test_recipes_of_a_column_are_pooled(run):
    """Fails if --pool doesn't reach the fit, or what cannot be pooled is told in Python's words."""
    code, out, err = run("fit", "north.csv", "--pool", "lab", *QUICK, "--json")
    one = json.loads(out)
    assert code == 0 and one["pool"] == "lab" and list(one["fits"]) == ["north"] and one["borrowed"] == {}
    code, out, err = run("fit", "north.csv", "--pool", "lab", *QUICK, "--out", "pooled.nc")
    assert code == 0
    code, out, err = run("summary", "pooled.nc")
    assert code == 0 and "There is one recipe, which is fitted as without --pool" in out
    code, out, err = run("predict", "pooled.nc", "--x", "10k")
    assert code == 0 and "north" in out
    code, out, err = run("update", "pooled.nc", "south.csv")
    assert code == 2 and "holds the fits of pooled recipes, and this takes one fit" in err
    code, out, err = run("fit", "runs.csv", "--pool", "labs", *QUICK)
    assert code == 2 and "did you mean 'lab'" in err
    code, out, err = run("fit", "runs.csv", "--pool", "lab", *QUICK)
    assert code == 2 and "--method nuts" in err
    code, out, err = run("forecast", "runs.csv", "--N", "1e10", "--D", "1e11", "--pool", "lab", "--method", "laplace")
    assert code == 2 and "pooled are sampled by nuts; leave --method out" in err


@pytest.mark.slow
def test_pooled_recipes_are_forecast(run):
    """Fails if the answer for recipes that are pooled ends in a traceback."""
    code, out, err = run("forecast", "runs.csv", "--x", "1e4", "--pool", "lab", "--method", "nuts:draws=100,warmup=100")
    assert code == 0 and "north" in out and "south" in out and "e-folds" in out, err


def test_several_observables_are_fitted_apart_or_pooled(run, tmp_path):
    """Fails if --observable takes one column alone, or a command takes several as one without saying what to type."""
    rows = "\n".join(f"{x},{y},{y / 2}" for x, y in ((1, 3.0), (10, 2.0), (100, 1.5), (1000, 1.1)))
    (tmp_path / "domains.csv").write_text(f"x,loss_web,loss_code\n{rows}")
    both = ("domains.csv", "--observable", "loss_web,loss_code")
    code, out, _ = run("fit-many", *both, "--by", "observable", *QUICK, "--json")
    assert code == 0 and list(json.loads(out)["fits"]) == ["loss_web", "loss_code"]
    code, out, err = run("fit", *both, *QUICK)
    assert code == 2 and len(err.splitlines()) <= 8 and not out
    text = " ".join(err.split())
    assert "scalebayes fit-many domains.csv --by observable" in text and "--pool observable" in text
    assert "--observable loss_web" in text and "sb." not in text
    for command, *rest in (("forecast", "--x", "1e5"), ("backtest",), ("compare", "--law", "power", "--law", "m4")):
        code, _, err = run(command, *both, *rest)
        assert code == 2 and "these runs have 2 observables" in " ".join(err.split()), (command, err)
    code, _, err = run("fit", "domains.csv", "--observable", "loss_web,", *QUICK)
    assert code == 2 and "a name is missing beside a comma" in err
