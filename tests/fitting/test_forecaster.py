"""The recommended forecaster, in Python and on the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.cli.settings import method_of
from scalebayes.fitting.forecaster import METHOD, recipe
from scalebayes.runs.window import window_text
from tests.helpers import LAPLACE

# What follows a k-hat that fails is looked at on the command line alone, where it is that of every user.
WHOLE = replace(METHOD, fallback=False)


def sweep(rows, seed=0, noise=0.005, groups=None):
    """Runs of an exact law of N and D, for a forecaster that allows for more."""
    rng = np.random.default_rng(seed)
    N, D = np.exp(rng.uniform(16, 20, rows)), np.exp(rng.uniform(20, 24, rows))
    loss = (1.8 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(noise * rng.normal(size=rows))
    labels = {} if groups is None else {"group": [f"g{i % groups}" for i in range(rows)]}
    return sb.Runs(N=N, D=D, loss=loss, **labels)


@pytest.fixture(scope="module")
def runs():
    return sweep(12)


@pytest.fixture(scope="module")
def fit(runs):
    return sb.forecaster(runs, method=LAPLACE, on_fail="ignore")


def names(one):
    return [part.name for part in one.discrepancy.components]


def test_the_recipe_is_of_what_the_runs_have():
    """Fails if the recommended law, components or window isn't the one for the columns and the number of runs."""
    assert names(recipe(sweep(12))) == ["matern", "bend", "drift"] and recipe(sweep(12)).law.name == "end_chinchilla"
    assert names(recipe(sweep(9))) == ["matern"], "nine runs can't tell a bend from the law"
    assert names(recipe(sweep(12, groups=3))) == ["matern", "bend", "drift", "offset"]
    one = recipe(sb.Runs(tokens=[1.0, 2.0], loss=[2.0, 1.9]))
    assert one.law.name == "end_power" and one.inputs == {"x": "tokens"}
    along = recipe(sweep(12).derive("C"), {"x": "C"})
    assert along.law.name == "end_power" and along.window is None and along.cells is None
    curve = recipe(sweep(12).derive("C"), {"x": "C"}, "curve")
    assert curve.law.name == "end_power" and curve.window == sb.Window(slope=20.0) and curve.cells is None


@pytest.mark.parametrize(
    ("table", "inputs", "told"),
    [
        (sb.Runs(a=[1.0, 2.0], b=[1.0, 2.0], loss=[2.0, 1.9]), None, "needs N and D .* and the runs have 'a', 'b'"),
        (sb.Runs(x=[1.0, 2.0], loss=[2.0, 1.9]), {"N": "x"}, "takes inputs={'x': column}"),
    ],
)
def test_a_table_without_a_recipe_is_refused_with_the_cure(table, inputs, told):
    """Fails if a table that no recipe is for is fitted, or refused without saying what to give."""
    with pytest.raises(sb.InputError, match=told):
        sb.forecaster(table, inputs=inputs)


def test_few_runs_are_told_to_be_mostly_prior(fit):
    """Fails if a forecast from twelve runs doesn't say that it is mostly the prior's."""
    assert fit.checks["mostly prior"].status == "review" and "12 runs" in fit.checks["mostly prior"].sentence
    assert "mostly prior" in repr(fit)


@pytest.mark.slow
def test_runs_are_few_however_many_readings_each_is_the_mean_of():
    """Fails if eight runs pass for many since each is the mean of fifty readings."""
    runs = sweep(8)
    runs = sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y, count=np.full(8, 50.0))
    fit = sb.forecaster(runs, method="map", on_fail="ignore")
    assert "8 runs say little" in fit.checks["mostly prior"].sentence


def test_a_forecast_beyond_the_runs_widens_and_is_not_of_an_exact_law(fit, runs):
    """Fails if the recommended forecast doesn't widen beyond the runs, or the one of an exact law doesn't say that it
    is.
    """
    N, D = runs.column("N").max(), runs.column("D").max()
    near, far = (sb.predict(fit, N=N * k, D=D * k) for k in (1.0, 30.0))
    width = [float(np.log(x["loss"]).std()) for x in (near, far)]
    assert width[1] > 2 * width[0] and "exact" not in far.attrs["review"]
    exact = sb.fit(runs, "chinchilla", method=LAPLACE, on_fail="ignore")
    assert "take the law as exact" in sb.predict(exact, N=N * 30, D=D * 30).attrs["review"]
    assert "exact" not in sb.predict(exact, N=runs.column("N")[0], D=runs.column("D")[0]).attrs["review"]


@pytest.mark.slow
def test_a_curve_over_any_column_is_fitted_in_its_window():
    """Fails if a curve over one column isn't fitted in its last e-folds, or its 99 % interval misses the truth."""
    x = np.geomspace(1.0, 1e4, 60)
    rng = np.random.default_rng(1)
    runs = sb.Runs(D=x, loss=(0.3 + x**-0.4) * np.exp(0.005 * rng.normal(size=60)))
    fit = sb.forecaster(runs, method=WHOLE, on_fail="ignore")
    assert window_text(fit.runs).startswith("the last 2 e-folds of D") and fit.runs.column("D").min() > 1e4 / np.e**2.1
    assert fit.checks["mostly prior"].status == "review", "the window has fewer runs than the table"
    truth = 0.3 + 3e4**-0.4
    found = sb.interval(sb.predict(fit, D=3e4), prob=0.99).iloc[0]
    assert found["lower"] < truth < found["upper"], "seed 1"


@pytest.mark.slow
def test_many_runs_are_averaged_but_for_cells_that_scatter():
    """Fails if many runs aren't averaged in cells, a cell that scatters is, or scores aren't of the runs."""
    rng = np.random.default_rng(2)
    N, D = (np.repeat(x, 5) for x in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    N, D = N.ravel(), D.ravel()
    loss = (1.8 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(0.003 * rng.normal(size=N.size))
    odd = np.flatnonzero((N[0] == N) & (D[0] == D))
    loss[odd] *= np.exp(0.2 * np.array([1, -1, 1, -1, 0][: odd.size]))
    fit = sb.forecaster(sb.Runs(N=N, D=D, loss=loss), method=WHOLE, on_fail="ignore")
    said = fit.checks["averaged cells"].sentence
    # Twenty-five cells leave the noise in doubt, so that unlucky cells may be taken apart beside the odd one, which
    # costs rows and no information; most stay averaged.
    apart = int((fit.runs.count == 1).sum())
    assert apart % 5 == 0 and 5 <= apart <= 25, "seed 2"
    cells = 25 + apart - apart // 5
    assert f"125 runs averaged in {cells} cells of N, D, up to 0.01 e-folds wide; {apart} of them" in said, "seed 2"
    there = np.isclose(fit.runs.column("N"), N[0], rtol=1e-9) & np.isclose(fit.runs.column("D"), D[0], rtol=1e-9)
    assert fit.runs.count[there].tolist() == [1.0] * 5, "seed 2"
    assert fit.runs.count.sum() == 125
    assert len(fit.scored_runs) == 125 and fit.origin.table().hash == fit.runs.hash, "scores are of other runs"


@pytest.mark.slow
def test_the_command_line_forecasts_and_says_what_that_is_worth(tmp_path, capsys):
    """Fails if `scalebayes forecast` gives no interval, leaves out its backtest's sentence, or saves no fit."""
    path, out = tmp_path / "runs.csv", tmp_path / "fit.nc"
    sweep(24, seed=3).to_pandas().to_csv(path, index=False)
    assert main(["forecast", str(path), "--N", "5B", "--D", "1T", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "end_chinchilla" in text and "5B" in text and "saved to" in text
    assert "on your runs" in text or "none of your runs was forecast this far out" in text
    assert isinstance(sb.load(out), sb.Fit)
    assert main(["forecast", str(path), "--N", "5B", "--D", "1T", "--no-backtest", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["points"][0]["lower"] < told["points"][0]["median"] < told["points"][0]["upper"]
    assert told["backtest"] == "" and told["observed"]


def test_the_forecast_is_on_the_screen_before_the_backtest(fit, runs, tmp_path, capsys, monkeypatch):
    """Fails if the user waits for the backtest before the forecast is printed and drawn, or one is left out."""
    path, picture, before = tmp_path / "runs.csv", tmp_path / "fan.png", []
    runs.to_pandas().to_csv(path, index=False)
    monkeypatch.setattr(sb, "forecaster", lambda *_, **__: fit)
    monkeypatch.setattr(
        "scalebayes.cli.forecast.worth", lambda *_: before.append(capsys.readouterr().out) or "So much."
    )
    assert main(["forecast", str(path), "--N", "5B", "--D", "1T", "--plot", str(picture)]) == 0
    assert "e-folds" in before[0] and "5B" in before[0] and f"drawn to {picture}" in before[0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    after = capsys.readouterr().out
    assert "So much." in after and "checks pass" in after and "5B" not in after


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say what to forecast"),
        (["--along", "C", "--N", "1B"], "give the values of C alone, as --x"),
        (["--x", "10"], "unknown input"),
    ],
)
def test_the_command_line_refuses_in_one_line(tmp_path, capsys, words, told):
    """Fails if a forecast of nothing, or at wrong inputs, isn't refused in one line with the cure."""
    path = tmp_path / "runs.csv"
    sweep(12).to_pandas().to_csv(path, index=False)
    assert main(["forecast", str(path), *words]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error and error.count("\n") == 0


def test_the_command_line_forecasts_by_the_method_that_python_does():
    """Fails if what isn't typed of a method falls back to the settings of another."""
    assert method_of("laplace", {}, METHOD) == METHOD
    assert method_of("laplace", {"draws": 50}, METHOD).proposals == METHOD.proposals
    assert method_of("nuts", {}, METHOD) == sb.NUTS()
