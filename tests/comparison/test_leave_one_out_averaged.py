"""compare, of fits of runs that were averaged in cells: each run is scored, as by a fit that was given all of them."""

import json
from dataclasses import replace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.stats import multivariate_normal, norm

import scalebayes as sb
from scalebayes.comparison.leave_one_out import leave_one_out, log_evidence
from scalebayes.comparison.leave_one_out_averaged import leave_one_out_averaged
from scalebayes.comparison.refit import without
from scalebayes.discrepancy import dense as gaussian
from scalebayes.fitting.groups import group_codes
from scalebayes.forecasting.density import log_density, mean_over_draws
from scalebayes.runs.averaging import Averaged
from tests import damaging
from tests.comparison.test_compare import KNOWN, MATERN, conditional_score, near
from tests.helpers import LAPLACE, departing

# Of the law that is known in test_compare: eight sizes, one to five runs at each, which are the cells.
REPEATS = np.array([5, 1, 3, 2, 4, 1, 2, 3])
X = np.repeat(10.0 ** np.array([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0]), REPEATS)
LARGEST = X.max() == X
Y = 3.2 * X**-0.1 * np.exp(0.02 * np.random.default_rng(8).standard_normal(len(X)))
RUNS = sb.Runs(x=X, loss=Y, run_id=[f"r{i}" for i in range(len(X))], count=np.where(np.arange(len(X)) % 4 == 1, 3, 1))
SETTINGS = {"noise": "normal", "method": LAPLACE, "on_fail": "ignore", "discrepancy": sb.GP("matern")}
SETTINGS |= {"priors": KNOWN | MATERN}


def averaged_fit(runs, most, **settings):
    """As `forecaster` has it of more runs: the fit of their averages, with the runs."""
    table, cell = sb.averaged(runs, ["x"], most=most)
    fit = sb.fit(table, "power", **SETTINGS | settings)
    return replace(fit, origin=Averaged(runs, cell, table.metadata["averaged"]))


@pytest.fixture(scope="module")
def fits():
    """Fits of the averages by seeds 0 to 15, and one of all runs."""
    return {f"cells{seed}": averaged_fit(RUNS, 8, seed=seed) for seed in range(16)} | {
        "all": sb.fit(RUNS, "power", **SETTINGS)
    }


@pytest.fixture(scope="module")
def comparison(fits):
    return sb.compare(fits)


def at_few_places(spread=0.0, **columns):
    """A fit, as drawn, of 72 runs in 13 cells of N and D, in no order and so far apart in each; rows are padded."""
    rng = np.random.default_rng(6)
    where = rng.permutation(np.concatenate([np.arange(13), rng.integers(0, 12, 59)]))
    N, D = (np.exp(rng.uniform(a, a + 5, 13)[where] + rng.uniform(0, spread, 72)) for a in (16, 20))
    columns = {name: np.asarray(of_cell)[where] for name, of_cell in columns.items()}
    loss = (1.8 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(0.01 * rng.normal(size=72))
    runs = sb.Runs(N=N, D=D, loss=loss, count=rng.integers(1, 4, 72).astype(float), **columns)
    cell = np.unique(where, return_index=True)[1].argsort().argsort()[where]
    assert np.bincount(cell).tolist().count(1) == 1, "seed 6"
    origin = Averaged(runs, cell, {"runs": 72, "cells": 13, "over": ["N", "D"], "efolds": spread})
    draws = {
        "E": [1.8, 1.7, 1.85, 1.8],
        "A": [480.0, 400.0, 500.0, 300.0],
        "alpha": [0.35, 0.34, 0.36, 0.33],
        "noise_scale": [0.01, 0.02, 0.008, 0.012],
    }
    fixed = {"B": 2000.0, "beta": 0.37, "matern_scale": 0.01, "bend_scale": 0.003, "drift_scale": 0.002}
    fixed |= {"matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    components, law = ["matern", "bend", "drift"], sb.laws.get("chinchilla")
    if "group" in columns:
        components, fixed = [*components, "offset"], fixed | {"offset_scale": 0.01}
    return replace(departing(origin.table(), law, draws, sb.GP(*components), fixed), origin=origin)


def joint(fit, draw, *tables):
    """Residuals of the runs of tables, together, and the covariance of process and noise, at a draw of the fit."""
    ends, reference = fit.problem.numbers.ends, fit.reference.inputs
    together = lambda of: np.concatenate([of(runs) for runs in tables])  # noqa: E731
    inputs = {name: together(lambda runs: runs.column(name)) for name in ("N", "D")}  # noqa: B023
    values = {n: x.ravel()[draw] for n, x in fit.discrepancy_draws.items()}
    group = together(lambda runs: group_codes(fit, runs)) if fit.problem.rows.group is not None else None
    with jax.enable_x64():
        places = ends.places({n: x / reference[n] for n, x in inputs.items()}, group)
        process = np.asarray(fit.problem.model.process.covariance(values, places, places))
        curve = np.asarray(fit.law(**inputs, **{n: x[0, draw] for n, x in fit.law_draws.items()}))
    variance = fit.noise_draws["noise_scale"][0, draw] ** 2 / together(lambda runs: runs.count)
    if tables[0].se is not None:
        variance = variance + (together(lambda runs: runs.se) / curve) ** 2
    return np.log(together(lambda runs: runs.y)) - np.log(curve), process + np.diag(variance)


def likelihood(*of):
    residual, covariance = joint(*of)
    return multivariate_normal(None, covariance).logpdf(residual)


def test_a_run_is_foretold_as_by_the_process_of_all_runs():
    """Fails if the other runs of a cell are forgotten or counted twice, or the run that is predicted is among them."""
    fit = at_few_places()
    runs, (found, _) = fit.origin.runs, leave_one_out_averaged(fit)
    for draw in range(4):
        with jax.enable_x64():
            off, variance = (np.asarray(x) for x in gaussian.left_out(*joint(fit, draw, runs)))
        np.testing.assert_allclose(found[draw], norm(0, np.sqrt(variance)).logpdf(off) - np.log(runs.y), atol=1e-8)


@pytest.mark.slow_cases("near inputs", "standard errors")
@pytest.mark.parametrize(
    ("spread", "columns"),
    [
        (0.0, {}),
        (0.5, {}),
        (0.5, {"loss_se": np.linspace(0.005, 0.02, 13)}),
        (0.5, {"group": list("aaabbbbcccccc")}),
    ],
    ids=["same inputs", "near inputs", "standard errors", "groups"],
)
def test_scores_and_weights_are_by_the_likelihood_of_the_averages_without_the_run(spread, columns):
    """Fails if a run is taken to lie where its cell does, or weights take out of the posterior what it never held."""
    fit = at_few_places(spread, **columns)
    runs, (terms, seen) = fit.origin.runs, leave_one_out_averaged(fit)
    whole = np.array([likelihood(fit, draw, fit.runs) for draw in range(4)])
    for i in [*range(0, 72, 8), *np.flatnonzero(np.bincount(fit.origin.cell)[fit.origin.cell] == 1)]:
        alone = np.arange(72) == i
        rest = fit.origin.without(alone).table()
        without_it = np.array([likelihood(fit, draw, rest) for draw in range(4)])
        with_it = np.array([likelihood(fit, draw, rest, runs.take(alone)) for draw in range(4)])
        expected = with_it - without_it - np.log(runs.y[i])
        np.testing.assert_allclose(terms[:, i], expected, atol=1e-6, err_msg=f"run {i}, seed 6")
        constant = seen[:, i] - (whole - without_it)
        np.testing.assert_allclose(constant, constant[0], atol=1e-6, err_msg=f"run {i}, seed 6")


@pytest.mark.slow
def test_a_comparison_with_a_fit_of_all_runs_has_a_row_a_run(fits, comparison):
    """Fails if scores of cells are set beside those of runs, or a run has the score of another."""
    data = comparison.data
    assert data["run"].values.tolist() == [f"r{i}" for i in range(len(X))] and len(fits["cells0"].runs) == 8
    assert data["held_out"].values.tolist() == LARGEST.tolist()
    everyone, looks = np.arange(len(X)), len(X) + LARGEST.sum()
    for i in everyone:
        truth = conditional_score(i, np.delete(everyone, i), X, Y, RUNS.count, True)
        near(data["elpd_loo_i"].values[:16, i], truth, f"run {i}", looks)
    kept = everyone[~LARGEST]
    for i in everyone[LARGEST]:
        truth = conditional_score(i, kept, X, Y, RUNS.count, True)
        near(data["lpd_largest_i"].values[:16, i], truth, f"run {i}, held out", looks)


def test_a_refit_leaves_one_run_out_and_not_its_cell(fits):
    """Fails if a refit forgets the whole cell of a run, or has seen the run."""
    for i in (0, 5):  # one of five in its cell, and one that is alone
        alone, scores = np.arange(len(X)) == i, []
        for seed in range(8):
            again = without(fits[f"cells{seed}"], alone, jax.random.key(seed), same_model=True)
            assert len(again.scored_runs) == len(X) - 1 and len(again.runs) == (8 if i == 0 else 7)
            scores.append(mean_over_draws(log_density(again, RUNS.take(alone), new=False))[0])
        near(scores, conditional_score(i, np.delete(np.arange(len(X)), i), X, Y, RUNS.count, True), f"run {i}")


@pytest.mark.slow
def test_importance_sampling_and_refits_agree_where_the_noise_is_learnt():
    """Fails if the score of a run without a refit isn't the one that an exact refit gives."""
    priors = KNOWN | MATERN | {"noise_scale": dist.LogNormal(np.log(0.02), 0.5)}
    y = Y * np.where(np.arange(len(X)) == 2, np.exp(0.05), 1.0)  # off the four others of its cell
    runs = sb.Runs(x=X, loss=y)
    alone, gap = np.arange(len(X)) == 2, []
    for seed in range(8):
        fit = averaged_fit(runs, 8, priors=priors, seed=seed)
        again = without(fit, alone, jax.random.key(seed), same_model=True)
        exact = mean_over_draws(log_density(again, runs.take(alone), new=False))[0]
        gap.append(leave_one_out(fit, 0, jax.random.key(0)).elpd[2] - exact)
    near(gap, 0.0, "run 2")
    assert np.std(gap) < 0.05, "seeds 0 to 7"


def test_cells_have_no_evidence_of_the_runs(fits, comparison):
    """Fails if averages, whose likelihood has fewer factors, are given a log evidence beside that of the runs."""
    assert np.isnan(log_evidence(fits["cells0"])).all() and np.isfinite(log_evidence(fits["all"])).all()
    assert "'cells0'" in comparison.checks["evidence"].sentence


def test_fits_of_other_runs_are_refused_however_many_cells_they_have(fits):
    """Fails if fits of different runs are compared since they have as many cells, or fits of the same runs are refused
    since they haven't.
    """
    one = fits["cells0"]
    other = averaged_fit(RUNS.take(np.arange(1, len(X))), 8)
    assert len(other.runs) == len(one.runs)
    with pytest.raises(sb.InputError, match="'other': 20 rows and not 21"):
        sb.compare({"one": one, "other": other})
    coarse = averaged_fit(RUNS, 7)
    assert len(coarse.runs) == 7
    assert sb.compare({"one": one, "coarse": coarse}, refits=0, largest=False).data.sizes["run"] == len(X)


def test_a_file_keeps_the_runs_and_their_cells(fits, tmp_path):
    """Fails if a fit that was loaded is scored a cell at a time where the saved one was scored by run."""
    fit = fits["cells0"]
    fit.save(tmp_path / "fit.nc")
    sb.stack({"cells": fit, "all": fits["all"]}, {"cells": 0.5, "all": 0.5}).save(tmp_path / "stack.nc")
    for again in (sb.load(tmp_path / "fit.nc"), sb.load(tmp_path / "stack.nc").members["cells"]):
        assert again.scored_runs.hash == RUNS.hash and again.origin.about == fit.origin.about
        np.testing.assert_array_equal(again.origin.cell, fit.origin.cell)
        assert again.origin.table().hash == again.runs.hash == fit.runs.hash
        for ours, theirs in zip(leave_one_out_averaged(again), leave_one_out_averaged(fit), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    # As files were before.
    def without_origin(file):
        record = json.loads(file.attrs["scalebayes"])
        del record["origin"], file["origin"]
        file.attrs["scalebayes"] = json.dumps(record)

    content = (tmp_path / "fit.nc").read_bytes()
    (tmp_path / "old.nc").write_bytes(damaging.edited(content, without_origin, forged=True))
    old = sb.load(tmp_path / "old.nc")
    assert old.origin is None and len(old.scored_runs) == 8


def test_a_file_of_many_fits_keeps_them_too(fits, tmp_path):
    """Fails if a file of many fits loses the runs and the cells that they were averaged in."""
    path = tmp_path / "fits.nc"
    sb.Fits(tuple(fits), tuple(fits.values())).save(path)
    again = sb.load(path)
    for name, fit in fits.items():
        assert again[name].scored_runs.hash == fit.scored_runs.hash
        assert (again[name].origin is None) == (fit.origin is None)
        if fit.origin:
            np.testing.assert_array_equal(again[name].origin.cell, fit.origin.cell)
