"""backtest: what is fitted and what is scored, the same numbers as the fits one at a time, and what is told of it."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.backtesting.cutoffs import beyond
from scalebayes.backtesting.result import Backtest
from tests.helpers import LAPLACE, simulated

METHOD = replace(LAPLACE, draws=500, proposals=2000, df=15.0)
MODE = sb.MAP(search=METHOD.search)
SEED = 7


def curve_runs(rows, seed, noise=0.004, **more):
    """Runs of E + A x^-alpha, with Student-t(4) noise on the log."""
    x = np.geomspace(1.0, 1e4, rows)
    rng = np.random.default_rng(seed)
    return sb.Runs(x=x, loss=(1.2 + 2 * x**-0.4) * np.exp(noise * rng.standard_t(4, rows)), **more)


@pytest.fixture(scope="module")
def runs():
    return curve_runs(40, 1, run_id=[f"r{i}" for i in range(40)])


@pytest.fixture(scope="module")
def found(runs):
    return sb.backtest(runs, ["power", "offset_power"], cutoffs=[1000.0, 100.0], method=MODE, seed=SEED)


def test_what_is_fitted_is_never_scored(runs, found):
    """Fails if a run that was fitted at a cutoff gets a score there, or a run beyond the cutoff gets none."""
    x = runs.column("x")
    assert found.data["cutoff"].values.tolist() == [100.0, 1000.0]
    for cutoff in (100.0, 1000.0):
        one = found.data.sel(cutoff=cutoff)
        for name in ("median", "log_error", "log_score", "crps", "pit", "lower", "upper", "covered", "log_width"):
            given = np.isfinite(one[name]).transpose(..., "run").values
            assert (given == (x > cutoff)).all(), name
        assert one["fitted"] == (x <= cutoff).sum()
        np.testing.assert_allclose(one["efolds"][x > cutoff], np.log(x[x > cutoff] / x[x <= cutoff].max()))
    assert found.data["run_id"].values.tolist() == runs.labels["run_id"].tolist()
    assert found.data["y"].values.tolist() == runs.y.tolist() and found.data["size"].values.tolist() == x.tolist()


@pytest.mark.slow
def test_a_batch_is_the_fits_one_at_a_time(runs, found):
    """Fails if the backtest scores other fits than those that `sb.fit` and `sb.score` make one at a time from the same
    seed.
    """
    x = runs.column("x")
    for i, law in enumerate(("power", "offset_power")):
        own = jax.random.fold_in(jax.random.key(SEED), i)
        for j, cutoff in enumerate((100.0, 1000.0)):
            assert found.data["method"].sel(law=law, cutoff=cutoff) == "laplace", "take a law that needs no NUTS"
            fit = sb.fit(runs.take(x <= cutoff), law, method=METHOD, seed=jax.random.fold_in(own, j), on_fail="ignore")
            alone = sb.score(fit, runs.take(x > cutoff), seed=jax.random.fold_in(own, 2 + j))
            one = found.data.sel(law=law, cutoff=cutoff).isel(run=x > cutoff)
            assert one["status"] == fit.checks.status.value
            for name in ("median", "log_error", "log_score", "crps", "pit", "lower", "upper", "covered", "log_width"):
                np.testing.assert_allclose(
                    one[name].transpose(*alone[name].dims).values, alone[name].values, rtol=1e-5, atol=1e-7
                )


@pytest.mark.slow
def test_priors_and_a_window_are_those_of_the_fits(runs):
    """Fails if a backtest with priors and a window scores other fits than a user makes with them, or takes priors of no
    law.
    """
    x, window = runs.column("x"), sb.Window(4.0)
    priors = {"alpha": 0.3, "E": 1.1}
    laws = ["power", "offset_power"]
    found = sb.backtest(runs, laws, cutoffs=[1000.0], method=MODE, window=window, priors=priors, seed=SEED)
    for i, (law, own) in enumerate((("power", {"alpha": 0.3}), ("offset_power", priors))):
        fit = sb.fit(runs.take(x <= 1000.0), law, method=MODE, window=window, priors=own, on_fail="ignore")
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(SEED), i), 1)
        alone = sb.score(fit, runs.take(x > 1000.0), seed=key)
        one = found.data.sel(law=law, cutoff=1000.0).isel(run=x > 1000.0)
        np.testing.assert_allclose(one["median"].values, alone["median"].values, rtol=1e-5)
    with pytest.raises(sb.InputError, match="parameter in priors"):
        sb.backtest(runs, laws, cutoffs=[1000.0], priors={"beta": 0.3})
    with pytest.raises(sb.InputError, match="'flat' or a mapping from parameter to prior, not list"):
        sb.backtest(runs, laws, cutoffs=[1000.0], priors=[("alpha", 0.3)])
    with pytest.raises(sb.InputError, match="'recommended' has its own"):
        sb.backtest(runs, ["recommended"], cutoffs=[1000.0], priors={"alpha": 0.3})
    assert (found.data.attrs["window"], found.data.attrs["priors"]) == (repr(window), repr(priors))


def test_the_trivial_forecast_is_always_there(found):
    """Fails if the trivial forecast isn't scored beside the laws, so that a law worse than the last value isn't seen to
    be.
    """
    assert found.laws == ["power", "offset_power", "trivial"]
    table = found.table()
    assert table["law"].tolist() == [law for law in found.laws for _ in range(2)]
    rmse = table.set_index(["law", "cutoff"])["rmse"]
    assert rmse["offset_power", 100.0] < rmse["trivial", 100.0] < rmse["power", 100.0]
    assert (found.data["method"].sel(law="trivial") == "").all()


def test_the_table_is_the_scores(found):
    """Fails if a column of the summary table is another figure than the scores of the single runs give."""
    row = found.table().set_index(["law", "cutoff"]).loc[("power", 100.0)]
    one = found.data.sel(law="power", cutoff=100.0).dropna("run")
    assert (row["fitted"], row["scored"]) == (20, 20)
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(one["log_error"].values ** 2)))
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(np.log(one["median"] / one["y"]).values ** 2)))
    assert row["log_score"] == pytest.approx(one["log_score"].values.mean())
    assert row["cover_50"] == one["covered"].sel(prob=0.5).values.mean()
    inside = (one["lower"] <= one["y"]) & (one["y"] <= one["upper"])
    assert row["cover_95"] == inside.sel(prob=0.95).values.mean()
    assert row["width_90"] == pytest.approx(np.median(np.log(one["upper"] / one["lower"]).sel(prob=0.9)))
    assert row["efolds_max"] == pytest.approx(np.log(1e4 / one["size"].values.min()) + np.log(1e4) / 39)
    assert "offset_power" in repr(found) and "fitted up to a x" in repr(found)


@pytest.mark.slow
def test_an_exact_law_covers_what_it_says():
    """Fails if intervals of the true law don't cover at their level, within 3.5 standard errors over data sets."""
    sets, shares, scores, worse = 10, [], [], []
    for seed in range(sets):
        one = sb.backtest(curve_runs(90, 100 + seed), ["offset_power"], cutoffs=[1000.0], method=METHOD, seed=seed)
        table = one.table().set_index("law")
        shares.append(table.loc["offset_power", ["cover_50", "cover_80", "cover_90", "cover_95"]].to_numpy(float))
        scores.append(one.data["pit"].sel(law="offset_power").dropna("run").values.ravel())
        worse.append(table["log_score"]["offset_power"] - table["log_score"]["trivial"])
    shares, levels = np.array(shares), np.array([0.5, 0.8, 0.9, 0.95])
    # Runs of a set share a fit: the scatter over sets is the error.
    error = shares.std(axis=0, ddof=1) / np.sqrt(sets)
    assert (abs(shares.mean(axis=0) - levels) < 3.5 * error).all(), f"{shares.mean(axis=0)}, seeds 100 to 109"
    means = np.array([pits.mean() for pits in scores])
    assert abs(means.mean() - 0.5) < 3.5 * means.std(ddof=1) / np.sqrt(sets), "seeds 100 to 109"
    assert np.mean(worse) > 0, "the trivial forecast is better than the truth"


@pytest.mark.slow
def test_by_default_compute_and_three_shares_of_the_runs():
    """Fails if laws of N and D and laws of compute are cut at different runs, or the cuts aren't at 50, 70 and 90 % of
    compute.
    """
    runs = simulated(30, seed=3)
    found = sb.backtest(runs, ["chinchilla", "offset_power"], inputs={"x": "C"}, method=MODE)
    assert found.data.attrs["by"] == "C" and found.data["fitted"].values.tolist() == [15, 21, 27]
    assert (found.data["size"] == 6 * runs.column("N") * runs.column("D")).all()
    scored = np.isfinite(found.data["median"]).values
    assert (scored == scored[0]).all() and scored[0].sum() == 15 + 9 + 3


def test_a_cutoff_at_a_budget_takes_the_runs_of_that_budget():
    """Fails if rounding of 6 N D leaves runs of a budget beyond the cutoff at that very budget."""
    budget = np.repeat([1e20, 3e20, 1e21], 6)
    N = np.tile(np.geomspace(1e8, 1e10, 6), 3) * 1.1
    size = 6 * N * (budget / (6 * N))
    assert set(size) != set(budget), "nothing is rounded here"
    assert beyond(size, 3e20).tolist() == [False] * 12 + [True] * 6


@pytest.mark.slow
def test_a_discrepancy_is_another_forecaster(runs):
    """Fails if a law with a discrepancy isn't scored as a forecaster of its own, with the scores of its own fit."""
    few, gp = runs.take(slice(0, 40, 4)), sb.GP("matern")
    found = sb.backtest(few, ["offset_power"], discrepancy=[None, gp], cutoffs=[1000.0], method=MODE, seed=SEED)
    assert found.laws == ["offset_power", "offset_power+gp(matern)", "trivial"]
    own = jax.random.fold_in(jax.random.key(SEED), 1)
    beyond = few.column("x") > 1000
    fit = sb.fit(
        *(few.take(~beyond), "offset_power"),
        discrepancy=gp,
        method=MODE,
        seed=jax.random.fold_in(own, 0),
        on_fail="ignore",
    )
    alone = sb.score(fit, few.take(beyond), seed=jax.random.fold_in(own, 1))["log_score"].values
    one = found.data["log_score"].sel(law="offset_power+gp(matern)").dropna("run").values.ravel()
    np.testing.assert_allclose(one, alone, rtol=1e-3)


# What is told of forecasts


def test_the_sentence_counts_the_forecasts_that_were_as_far_out(found):
    """Fails if the sentence rests on forecasts at other distances, or counts runs, forecasts or cutoffs wrongly."""
    # As if cutoffs were nearer together: the same run is then as far out of both.
    close = Backtest(found.data.assign(efolds=found.data["efolds"] / 4))
    out = close.data["efolds"].values
    near = abs(out - 0.5) <= 0.5
    covered = found.data["covered"].sel(law="power", prob=0.9).transpose("cutoff", "run").values[near]
    runs_near = near.any(axis=0).sum()
    assert close.sentence("power", 0.5) == (
        f"on your runs, forecasts this far out (0.5 e-folds of x) covered {100 * covered.mean():.0f} % at 90 %: "
        f"{int(covered.sum())} of {near.sum()} forecasts, of {runs_near} runs from 2 cutoffs"
    )
    assert 0 < near.sum() < np.isfinite(out).sum() and runs_near < near.sum()
    out = found.data["efolds"].values
    # Far out a quarter of the distance counts as near.
    assert f"of {(abs(out - 4.0) <= 1.0).sum()} forecasts" in found.sentence("power", 4.0, prob=0.5)
    assert "at 50 %" in found.sentence("power", 4.0, prob=0.5)


def test_the_sentence_says_where_no_run_was_so_far_out(found):
    """Fails if coverage of the runs furthest out is told as that of a forecast far beyond them."""
    out = found.data["efolds"].values
    most = np.nanmax(out)
    told = found.sentence("offset_power", 20.0)
    assert told.startswith("none of your runs was forecast this far out (20.0 e-folds of x); the nearest, ")
    near = abs(out - most) <= most / 4
    assert f"{out[near].min():.1f} to {most:.1f} e-folds out, covered" in told and f"of {near.sum()} forecasts" in told


@pytest.mark.parametrize(
    ("args", "fragment"),
    [
        (("powr", 1.0), "did you mean 'power'"),
        (("power", 1.0, 0.85), "unknown prob of the backtest '0.85'"),
        (("power", -1.0), "efolds is a finite number from 0 on"),
        (("power", float("nan")), "efolds is a finite number from 0 on"),
    ],
)
def test_what_the_sentence_is_asked_is_checked(found, args, fragment):
    """Fails if a misspelt law, an unknown probability or a distance that is no number isn't refused with the way to
    mend it.
    """
    with pytest.raises(sb.InputError, match=fragment):
        found.sentence(*args)


def test_a_saved_backtest_is_the_same(found, tmp_path):
    """Fails if a backtest changes when it is saved and loaded, or a file that is missing or cut short isn't refused in
    words.
    """
    path = tmp_path / "backtest.nc"
    found.save(path)
    again = sb.load(path)
    assert again.data.identical(found.data) and again.table().equals(found.table())
    assert again.sentence("power", 2.0) == found.sentence("power", 2.0)
    with pytest.warns(DeprecationWarning, match=r"use sb.load\(path\)"):
        assert Backtest.load(path).data.identical(found.data)
    with pytest.raises(sb.InputError, match="holds a backtest, which has no law to give"):
        sb.load(path, law=sb.laws.get("power"))
    for other, fragment in (("nothere.nc", "no such file"), ("other.nc", "not a result")):
        (tmp_path / "other.nc").write_bytes(path.read_bytes()[:500])
        with pytest.raises(sb.InputError, match=fragment):
            sb.load(tmp_path / other)


# Bad input


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        ({"laws": "power"}, r"laws is a list of laws"),
        ({"laws": []}, r"laws is a list of laws"),
        ({"laws": ["powr"]}, r"did you mean 'power'"),
        ({"laws": ["power", "power"]}, r"two of the forecasters are called 'power'"),
        ({"laws": ["chinchilla"]}, r"needs 'N'"),
        ({"discrepancy": "gp"}, r"discrepancy is a list"),
        ({"discrepancy": [None, "pg"]}, r"discrepancy is 'gp'"),
        ({"discrepancy": [None, None]}, r"two of the forecasters are called 'power'"),
        ({"by": "y"}, r"unknown column by 'y'; valid: x"),
        ({"by": "C"}, r"unknown column by 'C'"),
        ({"cutoffs": []}, r"cutoffs is a list of different, finite values of x"),
        ({"cutoffs": [10.0, 10.0]}, r"cutoffs is a list of different"),
        ({"cutoffs": [float("inf")]}, r"cutoffs is a list of different"),
        ({"cutoffs": 100.0}, r"cutoffs is a list of values of x"),
        ({"cutoffs": [2.0]}, r"cutoff 2: 3 of the runs have a x up to it, and 5 are wanted; take one from 2\.57\d* on"),
        ({"cutoffs": [1e4]}, r"cutoff 10000: no run has a x beyond it; take one below 10000"),
        ({"min_rows": 2}, r"min_rows is a whole number from 3 on"),
        ({"min_rows": 40}, r"no cutoff of x with at least half of the 40 runs up to it leaves 40 runs to fit"),
        ({"inputs": {"y": "x"}}, r"unknown input of the laws 'y'; valid: x"),
        ({"noise": "normal_raw"}, r"on the log of the observable"),
        ({"noise": sb.Huber(scale=1.0), "method": MODE}, r"is an objective"),
        ({"probs": [2.0]}, r"probs is a list"),
        ({"cutoff": [1.0]}, r"unknown setting of backtest 'cutoff'; did you mean 'cutoffs'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_fit(runs, settings, fragment):
    """Fails if a setting that no backtest can use isn't refused with its name and what is valid."""
    with pytest.raises(sb.InputError, match=fragment):
        sb.backtest(runs, **{"laws": ["power"], "method": MODE, **settings})


def test_runs_without_a_size_are_refused():
    """Fails if runs without a known size are cut by a guessed column, or can't be cut by the column that `by` names."""
    runs = sb.Runs(k=np.geomspace(1, 1e3, 10), loss=np.linspace(3, 2, 10))
    with pytest.raises(sb.InputError, match="by: say which column the runs are cut by; they have 'k'"):
        sb.backtest(runs, ["power"], inputs={"x": "k"})
    assert sb.backtest(runs, ["power"], inputs={"x": "k"}, by="k", cutoffs=[100.0], method=MODE).data.attrs["by"] == "k"


def test_a_law_called_as_the_baseline_is_refused(runs):
    """Fails if a law named 'trivial' is taken, whose scores couldn't be told from the trivial forecast's."""
    law = sb.Law("trivial", lambda x, A: A / x, params={"A": 1.0})
    with pytest.raises(sb.InputError, match="a law is called 'trivial'"):
        sb.backtest(runs, [law], method=MODE)
