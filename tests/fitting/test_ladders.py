"""Ladders of finished runs, told apart from curves of one run, and forecast beyond their largest."""

import json

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.backtesting import candidates
from scalebayes.checks.evidence import LADDERS, LADDERS_HELD
from scalebayes.checks.priors import ID
from scalebayes.cli import main
from scalebayes.fitting.recipes import OF_CURVES, recipe
from scalebayes.runs.ladder_or_curve import MOST, kind_of, kind_text
from tests.helpers import POINT

LADDER = "compute_ladder.csv"


def truth(C):
    """Of compute_ladder.csv, by the README of the cases."""
    return 1.45 + 2.05 * (np.asarray(C) / 1e18) ** -0.105


def along(name, count=6, **columns):
    size = np.geomspace(1.0, 1e3, count)
    return sb.Runs(**{name: 1e9 * size}, loss=2 + size**-0.1, **columns)


@pytest.fixture(scope="module")
def runs(cases_path):
    return sb.read_runs(cases_path / LADDER)


@pytest.fixture(scope="module")
def fit(runs):
    return sb.forecaster(runs, on_fail="ignore")


@pytest.fixture(scope="module")
def mode(runs):
    return sb.forecaster(runs, method=POINT, on_fail="ignore")


@pytest.mark.parametrize(
    ("runs", "column", "kind"),
    [
        (along("C"), "C", "ladder"),
        (along("N"), "N", "ladder"),
        (along("D"), "D", "ladder"),
        (along("tokens"), "tokens", "ladder"),
        (along("D", MOST), "D", "ladder"),
        (along("D", MOST + 1), "D", "curve"),
        (along("N", 60), "N", "ladder"),  # a run has one size
        (along("x"), "x", "curve"),
        (along("step"), "step", "curve"),
        (along("D", run_id=["a"] * 6), "D", "curve"),
        (along("D", run_id=list("abcdef")), "D", "ladder"),
        (along("D", run_id=[None] * 6), "D", "ladder"),
        (sb.Runs(C=np.repeat(np.geomspace(1e18, 1e21, 10), 5), loss=np.full(50, 3.0)), "C", "ladder"),  # seeds
        (sb.Runs(N=[1e8, 1e9, 1e9], D=[2e9, 2e9, 2e10], loss=[3.0, 2.8, 2.6]), "C", "ladder"),
    ],
)
def test_finished_runs_are_told_from_one_run_and_either_can_be_said(runs, column, kind):
    """Fails if finished runs get the priors of a learning curve, or a logged run those of a ladder."""
    assert kind_of(runs, column).name == kind
    other = {"ladder": "curve", "curve": "ladder"}[kind]
    assert kind_of(runs, column, other) == (other, "as asked")
    with pytest.raises(sb.InputError, match="kind"):
        kind_of(runs, column, "lader")


def test_a_column_counts_by_what_it_was_called_in_the_table(tmp_path):
    """Fails if x that was read from FLOPs is taken for the steps of a run."""
    path = tmp_path / "runs.csv"
    path.write_text("flops,examples,loss\n1e18,100,3.5\n1e19,200,3.1\n1e20,400,2.8\n")
    assert kind_of(sb.read_runs(path, columns={"x": "flops"}), "x").name == "ladder"
    assert kind_of(sb.read_runs(path, columns={"x": "examples"}), "x").name == "curve"


def test_learning_curves_are_curves_under_the_priors_that_they_had(data_path):
    """Fails if image curves, of which some have ten points, are forecast otherwise than before there were ladders."""
    import pandas as pd

    table = pd.read_csv(data_path / "learning_curves.csv").query("dup == 0 and split == 'train'")
    for _, rows in table.groupby("curve_id"):
        one = recipe(sb.Runs(x=rows["x"].to_numpy(), y=rows["y"].to_numpy(), observable="y"))
        assert one.kind is not None and one.kind.name == "curve" and one.window == sb.Window(slope=20.0)
        assert {**one.priors, **{n: p.prior for n, p in one.discrepancy.params.items()}} == OF_CURVES


@pytest.mark.parametrize("column", ["C", "N", "D"])
def test_the_priors_hold_the_published_laws(column):
    """Fails if an exponent or a floor that was published lies outside the middle 95 % of the prior of such a ladder."""
    exponents, floors = [], []
    for name, preset in sb.laws.PRESETS.items():
        value = preset.values
        if name == f"kaplan2020_{column}":
            exponents.append(value["alpha"])
        elif {"alpha", "beta", "E"} <= set(value):
            alpha, beta = value["alpha"], value["beta"]
            exponents.append({"N": alpha, "D": beta, "C": alpha * beta / (alpha + beta)}[column])
            level = float(
                sb.laws.get("chinchilla")(N=70e9, D=1.4e12, **{n: value[n] for n in ("A", "B", "alpha", "beta", "E")})
            )
            floors.append(np.log(value["E"] / (level - value["E"])))
    assert len(exponents) == 4 and len(floors) == 3
    priors = recipe(along(column)).priors
    below = [*priors["alpha"].cdf(np.array(exponents)), *priors["logit_phi"].cdf(np.array(floors))]
    assert min(below) > 0.025 and max(below) < 0.975


def test_a_backtest_reads_the_runs_below_a_cutoff_as_it_reads_all(monkeypatch):
    """Fails if a curve of forty points, cut to twenty, becomes a ladder."""

    class Seen(Exception):
        pass

    def forecaster(runs, **settings):
        raise Seen(len(runs), settings["kind"])

    monkeypatch.setattr(candidates, "forecaster", forecaster)
    for asked, kind in ((None, "curve"), ("ladder", "ladder")):
        with pytest.raises(Seen) as seen:
            sb.backtest(along("D", 40), ["recommended"], by="D", kind=asked)
        assert seen.value.args == (20, kind)
    with pytest.raises(sb.InputError, match="kind='ladder' is for 'recommended'"):
        sb.backtest(along("D", 40), ["power"], by="D", inputs={"x": "D"}, kind="ladder")
    with pytest.raises(sb.InputError, match="is for runs of one input"):
        sb.forecaster(sb.Runs(N=[1e8, 2e8], D=[1e9, 2e9], loss=[3.0, 2.9]), kind="ladder")


@pytest.mark.slow
def test_the_ladder_of_the_cases_is_forecast_at_300_times_its_compute(fit):
    """Fails if the forecast is to one side, as 2.38 [2.16, 2.61] at 1e23 was, where the truth is 2.06."""
    C = np.array([1e21, 1e22, 1e23])
    found = sb.interval(sb.predict(fit, C=C, observed=True))
    assert np.abs(found["median"] / truth(C) - 1).max() < 0.01
    assert (found["lower"] < truth(C)).all() and (truth(C) < found["upper"]).all()
    assert fit.checks["kind"].sentence.startswith("Read as a ladder of finished runs (6 values of C)")
    assert "read as a ladder of finished runs (6 values of C); kind='curve'" in repr(fit)
    assert fit.checks[ID].status == "pass"


def test_a_ladder_takes_its_column_or_x_and_not_both(mode):
    """Fails if one of two inputs that are the same column is dropped without a word."""
    by_column, by_input = (sb.predict(mode, **{name: 1e22})["loss"].values for name in ("C", "x"))
    np.testing.assert_array_equal(by_column, by_input)
    with pytest.raises(sb.InputError, match="x is the column 'C' here, and C is given too; leave one of them out"):
        sb.predict(mode, x=1e22, C=1e23)
    with pytest.raises(sb.InputError, match="splits a budget between N and D, and law 'end_power' takes x = C"):
        sb.optimum(mode, C=1e22)


@pytest.mark.slow
def test_under_the_priors_of_curves_the_ladder_is_in_conflict_and_the_check_says_so(runs):
    """Fails if a forecast under priors that its runs contradict comes without a word."""
    fit = sb.forecaster(runs, kind="curve", on_fail="ignore", method=POINT)
    check = fit.checks[ID]
    assert check.status == "review" and "alpha (" in check.sentence and "is below" in check.sentence
    assert kind_text(fit.runs) == "the curve of one run (as asked)"


@pytest.mark.parametrize("words", [["--C", "1e23"], ["--x", "1e23"], ["--along", "C", "--C", "1e23"]])
def test_the_command_line_asks_a_ladder_by_its_column(runs, cases_path, capsys, words):
    """Fails if runs of C alone can't be asked by --C."""
    assert main(["forecast", str(cases_path / LADDER), *words, "--no-backtest", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["points"][0]["C"] == 1e23 and abs(told["points"][0]["median"] / truth(1e23) - 1) < 0.02


def test_the_command_line_says_what_it_read_and_what_that_was_worth(cases_path, capsys):
    """Fails if the rule isn't printed, or the backtest isn't along the ladder."""
    assert main(["forecast", str(cases_path / LADDER), "--C", "1e23"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "a ladder of finished runs (6 values of C); --kind curve reads them as the curve of one run" in text
    assert "e-folds of C)" in text
    assert main(["forecast", str(cases_path / LADDER), "--C", "1e23", "--kind", "sweep"]) == 2
    assert "kind" in capsys.readouterr().err


@pytest.mark.slow
def test_one_of_N_D_and_C_beside_other_columns_is_asked_by_its_name(tmp_path, capsys):
    """Fails if a column of seeds makes runs of N alone runs of several inputs."""
    path = tmp_path / "runs.csv"
    rows = "".join(f"{N},{seed},{1.8 + 400 * N**-0.34:.4f}\n" for seed, N in enumerate(np.geomspace(1e7, 1e9, 6)))
    path.write_text("params,seed,loss\n" + rows)
    assert main(["forecast", str(path), "--N", "10B", "--no-backtest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"][0]["N"] == 1e10


def test_a_column_of_names_makes_no_ladder_a_curve():
    """Fails if the name of a family is taken for one run, or a run for one of several sizes."""
    ladder = {"flops": [10.0**k for k in range(18, 24)], "loss": [3.5, 3.2, 3.0, 2.8, 2.7, 2.6]}
    assert kind_of(sb.read_runs({"name": ["pythia"] * 6, **ladder}), "C").name == "ladder"
    assert kind_of(sb.read_runs({"run_id": ["pythia"] * 6, **ladder}), "C").name == "curve"
    sizes = {"name": ["small"] * 3 + ["large"] * 3, "run_id": [*"aabbcc"], "params": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    assert kind_of(sb.read_runs({**sizes, "loss": ladder["loss"]}), "N").name == "ladder"


def test_a_ladder_of_one_scale_says_what_such_forecasts_were_worth():
    """Fails if the check doesn't quote the benchmark, or passes along N; `test_evidence` holds the figures to it."""
    fit = sb.forecaster(along("N"), on_fail="ignore", method=POINT)
    check = fit.checks["kind"]
    assert check.status == "review" and "add a column D" in check.sentence
    assert f"on {LADDERS} ladders" in check.sentence and f"held {LADDERS_HELD['curve']}" in check.sentence
