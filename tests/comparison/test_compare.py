"""compare: its scores against closed forms, its weights, what it refuses and what it warns of."""

from dataclasses import replace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.stats import multivariate_normal
from scipy.stats import t as student_t

import scalebayes as sb
from scalebayes.comparison import leave_one_out as holdout
from scalebayes.comparison.checks import ranking, refits_check
from scalebayes.comparison.leave_one_out import held_out, log_evidence
from scalebayes.comparison.refit import without
from scalebayes.comparison.weights import stacking_weights
from scalebayes.forecasting.density import log_density, mean_over_draws
from scalebayes.status import Check, Checks, Status
from tests.helpers import LAPLACE, POINT

# A x^-ALPHA with ALPHA and the noise known: log A and all observables are jointly Normal, and every score is known.
M, S, ALPHA, SIGMA = np.log(3.0), 0.3, 0.1, 0.02
X = 10.0 ** np.array([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0])
RNG = np.random.default_rng(11)
COUNT = np.array([1.0, 4.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
Y = 3.2 * X**-ALPHA * np.exp(SIGMA / np.sqrt(COUNT) * RNG.standard_normal(len(X)))
KNOWN = {"A": dist.LogNormal(M, S), "alpha": ALPHA, "noise_scale": SIGMA}
MATERN = {"matern_scale": 0.05, "matern_length_x": 2.0}


def covariance(x, count, process):
    """Of the logs of the observables (run, run)."""
    total = S**2 + np.diag(SIGMA**2 / count)
    if process:
        d = np.sqrt(3) * np.abs(np.log(x)[:, None] - np.log(x)[None, :]) / MATERN["matern_length_x"]
        total = total + MATERN["matern_scale"] ** 2 * (1 + d) * np.exp(-d)
    return total


def conditional_score(i, given, x, y, count, process):
    """log p(y_i | y of the given runs), in the observable's own units."""
    mean, cov = M - ALPHA * np.log(x), covariance(x, count, process)
    pull = np.linalg.solve(cov[np.ix_(given, given)], cov[given, i])
    off = np.log(y[i]) - mean[i] - pull @ (np.log(y) - mean)[given]
    variance = cov[i, i] - pull @ cov[given, i]
    return -(off**2 / variance + np.log(2 * np.pi * variance)) / 2 - np.log(y[i])


def near(values, truth, what, looks=1):
    """The mean of values by several seeds is the truth, by their own Monte-Carlo error, at one in a thousand a test.

    `looks` is how often one test asks. Of 8 values and one look the limit is 5.4 standard errors.
    """
    values = np.asarray(values)
    se, limit = values.std(ddof=1) / np.sqrt(len(values)), student_t(len(values) - 1).isf(0.0005 / looks)
    seeds = f"seeds 0 to {len(values) - 1}"
    assert abs(values.mean() - truth) < limit * se, f"{what}: {values.mean()} ± {se}, truth {truth}, {seeds}"


def fits_of(runs, **settings):
    """The same fit with seeds 0 to 7."""
    shared = {"noise": "normal", "method": LAPLACE, "on_fail": "ignore", "priors": KNOWN} | settings
    return {str(seed): sb.fit(runs, "power", seed=seed, **shared) for seed in range(8)}


@pytest.fixture(scope="module", params=[False, True], ids=["law", "discrepancy"])
def known(request):
    """Fits whose scores are known, their comparison, and whether they have a discrepancy."""
    process = request.param
    more = {"discrepancy": sb.GP("matern"), "priors": KNOWN | MATERN} if process else {}
    fits = fits_of(sb.Runs(x=X, loss=Y, count=COUNT), **more)
    return fits, sb.compare(fits), process


def test_leave_one_out_is_that_of_the_closed_form(known):
    """Fails if the leave-one-out score of a run saw that run, or forgets the other runs under a discrepancy."""
    _, comparison, process = known
    for i in range(len(X)):
        others = np.delete(np.arange(len(X)), i)
        truth = conditional_score(i, others, X, Y, COUNT, process)
        near(comparison.data["elpd_loo_i"].values[:, i], truth, f"run {i}")


def test_the_largest_are_scored_by_the_fit_of_the_others(known):
    """Fails if the score beyond the runs is of a fit that saw them, or of other runs than the two largest."""
    _, comparison, process = known
    held = np.flatnonzero(comparison.data["held_out"].values)
    assert held.tolist() == [6, 7]
    truth = np.mean([conditional_score(i, np.arange(6), X, Y, COUNT, process) for i in held])
    near(comparison.data["lpd_largest"].values, truth, "the largest runs")


def test_a_refit_without_a_run_is_the_same_model(known):
    """Fails if the priors move with the run that is left out, or the refit has seen that run."""
    fits, _, process = known
    alone, scores = np.arange(len(X)) == len(X) - 1, []
    for seed, fit in enumerate(fits.values()):
        again = without(fit, alone, jax.random.key(seed), same_model=True)
        assert again.reference == fit.reference and again.problem.numbers.ends == fit.problem.numbers.ends
        scores.append(mean_over_draws(log_density(again, fit.runs.take(alone), new=False))[0])
    near(scores, conditional_score(7, np.arange(7), X, Y, COUNT, process), "the largest run")
    fresh = without(fit, alone, jax.random.key(0), same_model=False)
    assert fresh.reference != fit.reference
    assert not process or fresh.problem.numbers.ends != fit.problem.numbers.ends


@pytest.mark.slow_cases("end_chinchilla")
@pytest.mark.parametrize("law", ["end_power", "end_chinchilla"])
def test_without_the_largest_is_the_fresh_fit_of_the_others(law, tmp_path):
    """Fails if a law written from the end of the runs keeps, in a refit, the end and loss of the runs that are held
    out.
    """
    rng = np.random.default_rng(5)
    N, D = 10 ** rng.uniform(7, 10, 20), 10 ** rng.uniform(9, 11, 20)
    runs = sb.Runs(N=N, D=D, loss=(1.7 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(0.005 * rng.standard_normal(20)))
    shared = {"noise": "normal", "method": POINT, "on_fail": "ignore"}
    shared |= {"inputs": {"x": "N"}} if law == "end_power" else {}
    fit, key = sb.fit(runs, law, **shared), jax.random.key(1)
    held = held_out({law: fit})[0]
    assert held is not None
    fresh = sb.fit(runs.take(~held), law, **shared, seed=key)
    fit.save(tmp_path / "fit.nc")
    for one in (fit, sb.load(tmp_path / "fit.nc")):
        again = without(one, held, key, same_model=False)
        assert again.reference == fresh.reference != fit.reference
        for name, param in fresh.law.params.items():
            assert again.law.params[name].prior == param.prior or not param.fixed, name
        for name, draws in fresh.draws.items():
            np.testing.assert_array_equal(again.draws[name], draws)
        kept = without(one, held, key, same_model=True)
        ends = {name: param.prior for name, param in fit.law.params.items() if param.fixed}
        assert ends and {name: kept.law.params[name].prior for name in ends} == ends
    # A number that was given is the law's, wherever the runs end.
    ended = {name: float(x) for name, x in ends.items()}
    own = without(sb.fit(runs, law, **shared, priors=ended), held, key, same_model=False)
    assert {name: own.law.params[name].prior for name in ends} == ended


def test_evidence_is_that_of_the_closed_form(known):
    """Fails if the log evidence lacks a constant, a prior or the observable's scale, or its error isn't its scatter
    over seeds.
    """
    _, comparison, process = known
    logs = multivariate_normal(M - ALPHA * np.log(X), covariance(X, COUNT, process))
    found = comparison.data["log_evidence"].values
    near(found, logs.logpdf(np.log(Y)) - np.log(Y).sum(), "log evidence")
    # The sd of 8 lies within these of the truth 998 times in a thousand: chi-square with 7 degrees of freedom.
    ratio = found.std(ddof=1) / comparison.data["log_evidence_se"].values.mean()
    assert 0.27 < ratio < 1.9, f"{ratio}, seeds 0 to 7"


def test_evidence_does_not_depend_on_the_reference():
    """Fails if fits with other reference units of their own get other evidence, and so are weighted by the units."""
    law = sb.laws.get("power")
    runs = sb.Runs(x=X, loss=Y)
    middle, end = (
        sb.fit(runs, replace(law, anchor=a), noise="normal", method=LAPLACE, priors=KNOWN, on_fail="ignore")
        for a in ("middle", "end")
    )
    assert abs(middle.reference.scale / end.reference.scale - 1) > 0.1
    found = sb.compare({"middle": middle, "end": end}, largest=False).data
    error = np.hypot(*found["log_evidence_se"].values)
    assert abs(np.diff(found["log_evidence"].values)[0]) < 4 * error + 1e-9
    # In reference units they differ by far more.
    assert abs(middle.numbers["log_evidence"] - end.numbers["log_evidence"]) > 100 * error


def test_runs_of_a_high_pareto_k_are_refitted():
    """Fails if the score of a run that decides the fit, where importance sampling can't work, isn't that of a refit."""
    count = np.array([4000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    y = Y * np.where(count > 1, np.exp(0.01), 1.0)
    fits = fits_of(sb.Runs(x=X, loss=y, count=count))
    plain, comparison = sb.compare(fits, refits=0, largest=False), sb.compare(fits, refits=1, largest=False)
    bad = plain.data["bad_k"].values == 1
    assert bad.sum() >= 5 and plain.data["bad_k"].max() == 1 and not plain.data["refitted"].any()
    assert plain.checks["pareto k"].status == "review" and "refits=1" in plain.checks["pareto k"].sentence
    assert repr(plain).startswith("review")
    assert (comparison.data["refitted"].values[:, 0] == bad).all() and comparison.data["refitted"].sum() == bad.sum()
    assert comparison.checks["pareto k"].status == "pass"
    truth = conditional_score(0, np.arange(1, 8), X, y, count, False)
    near(comparison.data["elpd_loo_i"].values[bad, 0], truth, "the run that decides")


def test_a_new_run_of_a_group_shares_its_offset():
    """Fails if a held-out row of a known group is scored without the group's offset, or one of a new group with
    another's.
    """
    group = ["a", "a", "b", "b", "b", "c", "c", "c"]
    fixed = {"A": 3.0, "alpha": ALPHA, "offset_scale": 0.1}
    priors = fixed | {"noise_scale": dist.LogNormal(np.log(SIGMA), 0.01)}
    fit = sb.fit(
        sb.Runs(x=X, loss=Y, group=group),
        "power",
        discrepancy=sb.GP("offset"),
        priors=priors,
        method=POINT,
        on_fail="ignore",
    )
    there = sb.Runs(x=[1e6, 1e6], loss=[0.8, 0.8], group=["b", "new"])
    sigma = fit.draws["noise_scale"].item()
    residual = np.log(Y / (3.0 * X**-ALPHA))[2:5]
    shrunk = 0.1**2 / (0.1**2 + sigma**2 / 3)
    mean, variance = np.array([shrunk * residual.mean(), 0.0]), np.array([0.1**2 * (1 - shrunk), 0.1**2]) + sigma**2
    off = np.log(0.8 / (3.0 * 1e6**-ALPHA)) - mean
    expected = -(off**2 / variance + np.log(2 * np.pi * variance)) / 2 - np.log(0.8)
    np.testing.assert_allclose(log_density(fit, there, new=True)[0], expected, rtol=1e-7)


def test_a_forecast_is_scored_with_the_noise_of_a_new_run():
    """Fails if a fit that says that new runs scatter more is scored as if they scattered as the runs seen."""
    fixed = {"A": 3.0, "alpha": ALPHA, "noise_new": 2.0}
    noise = sb.Normal(new_run=(0.1, 0.3))
    fit = sb.fit(sb.Runs(x=X, loss=Y), "power", noise=noise, priors=fixed, method=POINT, on_fail="ignore")
    sigma, there = fit.draws["noise_scale"].item(), sb.Runs(x=[1e6], loss=[0.8])
    off = np.log(0.8 / (3.0 * 1e6**-ALPHA))
    for new, factor in ((True, 2.0), (False, 1.0)):
        expected = -((off / (factor * sigma)) ** 2) / 2 - np.log(np.sqrt(2 * np.pi) * factor * sigma) - np.log(0.8)
        assert log_density(fit, there, new=new).item() == pytest.approx(expected, rel=1e-9)


def surface(law, rows=40, seed=3):
    """Runs over N and D with losses of one of three laws, scattered by 0.5 %."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10.5, rows), 10 ** rng.uniform(9.0, 11.5, rows)
    with jax.enable_x64():
        truth = {
            "chinchilla": lambda: 1.7 + 480 / N**0.35 + 2000 / D**0.37,
            "kaplan": lambda: ((8.8e13 / N) ** (0.076 / 0.103) + 5.4e13 / D) ** 0.103,
            "power": lambda: 90.0 * (6 * N * D) ** -0.07,
        }[law]()
    return sb.Runs(N=N, D=D, loss=truth * np.exp(0.005 * rng.standard_t(4, rows))).derive("C")


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["chinchilla", "kaplan", "power"])
def test_the_weight_goes_to_the_law_that_made_the_runs(truth):
    """Fails if the largest weight isn't that of the law which made the runs, or runs other than the largest tenth are
    held out.
    """
    runs = surface(truth)
    fits = {
        law: sb.fit(runs, law, inputs={"x": "C"} if law == "power" else None, method=LAPLACE, on_fail="ignore")
        for law in ("chinchilla", "kaplan", "power")
    }
    comparison = sb.compare(fits)
    for by in ("loo", "largest", "evidence"):
        weights = comparison.weights(by)
        assert sum(weights.values()) == pytest.approx(1)
        assert max(weights, key=lambda law: weights[law]) == truth, by
        assert by == "largest" or weights[truth] > 0.8, by
    table = comparison.table()
    assert table.index[0] == truth and table["difference"].iloc[0] == 0
    held, C = comparison.data["held_out"].values, runs.column("C")
    assert C[held].min() > C[~held].max() and abs(held.sum() - len(C) / 10) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_no_other_weights_score_better(seed):
    """Fails if the stacking weights stop short of the best score, or leave the simplex."""
    scores = np.random.default_rng(seed).normal(0, 2, (30, 4))
    w = stacking_weights(scores)
    assert (w >= 0).all() and w.sum() == pytest.approx(1, abs=1e-12)
    mixture = np.exp(scores) @ w
    # The slope towards a model is at most that along the mixture (Karush, Kuhn and Tucker).
    gain = (np.exp(scores) / mixture[:, None]).mean(axis=0)
    assert gain.max() <= 1 + 1e-7, f"seed {seed}"
    assert (abs(gain[w > 1e-4] - 1) < 1e-4).all(), f"seed {seed}"


def test_weights_of_closed_cases():
    """Fails if models that say the same don't share the weight, or the weights of two models aren't the known
    optimum.
    """
    rng = np.random.default_rng(0)
    one = rng.normal(size=20)
    np.testing.assert_allclose(stacking_weights(np.column_stack([one] * 3)), 1 / 3)
    np.testing.assert_allclose(stacking_weights(np.column_stack([one, one - 1])), [1, 0], atol=1e-6)
    # With a / b = 4 in 3 runs and 1 / 4 in 2, the slope of sum_i log(w a_i + (1 - w) b_i) is
    # 3 * 3 / (1 + 3 w) - 2 * 0.75 / (1 - 0.75 w), zero at w = 2 / 3.
    ratio = np.log([4.0] * 3 + [0.25] * 2)
    np.testing.assert_allclose(stacking_weights(np.column_stack([ratio, np.zeros(5)])), [2 / 3, 1 / 3], atol=1e-6)
    with pytest.raises(sb.InputError, match="no density under any"):
        stacking_weights(np.array([[-np.inf, -np.inf], [0.0, 0.0]]))


def test_rankings_that_disagree_are_told():
    """Fails if the law that describes the runs best is taken for the one that forecasts best where the scores
    disagree.
    """
    rng = np.random.default_rng(0)
    loo, largest = rng.normal(0, 0.1, (2, 50)), rng.normal(0, 0.1, (2, 8))
    loo[0] += 1
    largest[0] += 1
    assert ranking(["a", "b"], loo, largest).status == "pass"
    # Less than half a nat in all is no order.
    assert ranking(["a", "b"], loo, 0.01 * largest[::-1]).status == "pass"
    check = ranking(["a", "b"], loo, largest[::-1])
    assert check.status == "review"
    assert "among the runs 'a' is better than 'b'" in check.sentence and "'b' is, by 8" in check.sentence
    assert "chance" not in check.sentence
    assert "chance" in ranking(["a", "b"], loo, largest[::-1, :2]).sentence
    # The best is the same, and the two behind it change places.
    third = np.vstack([loo[0] + 1, loo]), np.vstack([largest[0] + 1, largest[::-1]])
    assert "'b' is better than 'c'" in ranking(["a", "b", "c"], *third).sentence


RUNS = sb.Runs(x=X, loss=Y, run_id=list("abcdefgh"), unit="nats/token")
OTHER = {
    "fewer": (RUNS.take(np.arange(7)), "7 rows and not 8"),
    "order": (RUNS.take(np.arange(8)[::-1]), "another order of rows"),
    "values": (sb.Runs(x=X, loss=1.01 * Y, run_id=list("abcdefgh")), "other values of loss"),
    "averaged": (sb.Runs(x=X, loss=Y, run_id=list("abcdefgh"), count=COUNT), "another column 'count'"),
    "inputs": (sb.Runs(x=2 * X, loss=Y, run_id=list("abcdefgh")), "another column 'x'"),
    "unit": (sb.Runs(x=X, loss=Y, unit="bits"), "loss in bits and not loss in nats/token"),
    "observable": (sb.Runs(x=X, error=Y / 4, observable="error"), "error and not loss in nats/token"),
}


@pytest.fixture(scope="module")
def fit():
    return sb.fit(RUNS, "power", noise="normal", method=LAPLACE, priors=KNOWN, on_fail="ignore")


@pytest.mark.parametrize("case", OTHER)
def test_fits_of_other_rows_are_refused(case, fit):
    """Fails if scores of different rows are compared as if they were of the same."""
    runs, match = OTHER[case]
    other = replace(fit, problem=replace(fit.problem, runs=runs))
    with pytest.raises(sb.InputError, match=f"'mine'.*'theirs': {match}"):
        sb.compare({"mine": fit, "theirs": other})


def test_fits_of_cells_and_of_runs_are_told_apart():
    """Fails if a fit of rows that were averaged unasked is refused and nothing says so, or what to do."""
    x = np.repeat(X, 3) * np.exp(0.001 * np.arange(24))
    runs = sb.Runs(x=x, loss=3.2 * x**-ALPHA * np.exp(SIGMA * np.random.default_rng(3).standard_normal(24)))
    shared = {"noise": "normal", "method": LAPLACE, "on_fail": "ignore", "priors": KNOWN}
    cells, fewer = (sb.averaged(runs, ["x"], most=most)[0] for most in (8, 5))
    plain, mean, coarse = (sb.fit(table, "power", **shared) for table in (runs, cells, fewer))
    told = r"'mean' was fitted to 24 runs averaged in 8 cells of x, up to .* e-folds wide, and is scored a cell at a "
    told += r"time: fit all to these cells, sb\.fit\(fits\['mean'\]\.runs, \.\.\.\)"
    for fits in ({"plain": plain, "mean": mean}, {"mean": mean, "plain": plain}, {"mean": mean, "coarse": coarse}):
        with pytest.raises(sb.InputError, match=told):
            sb.compare(fits)
    with pytest.raises(sb.InputError, match=r"7 rows and not 8.*; fit all to one table of runs"):
        sb.compare({"mean": mean, "some": replace(mean, problem=replace(mean.problem, runs=cells.take(np.arange(7))))})
    again = sb.fit(mean.runs, "power", **shared, seed=1)
    assert sb.compare({"mean": mean, "again": again}, refits=0, largest=False).data.sizes["run"] == 8


def test_a_column_that_was_derived_is_no_other_row():
    """Fails if a fit for which C was derived can't be compared with one that needed none."""
    runs = surface("power", rows=8)
    plain = sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y)
    one = sb.fit(plain, "power", inputs={"x": "N"}, noise="normal", method=LAPLACE, priors=KNOWN, on_fail="ignore")
    other = sb.fit(plain, "power", inputs={"x": "C"}, noise="normal", method=LAPLACE, priors=KNOWN, on_fail="ignore")
    comparison = sb.compare({"N": one, "C": other}, refits=0)
    assert comparison.table().index[0] == "C"


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"method": POINT}, "1 draw by map.*method='nuts'"),
        ({"method": sb.Bootstrap(resamples=200)}, "200 draws by bootstrap.*method='nuts'"),
        ({"method": replace(LAPLACE, draws=50)}, "50 draws by laplace"),
        ({"method": POINT, "noise": sb.Huber(scale=1.0), "priors": "flat"}, "objective and not a density"),
    ],
)
def test_fits_that_have_no_posterior_are_refused(settings, match):
    """Fails if draws that are no posterior, or too few, are reweighted as one."""
    one = sb.fit(RUNS, "power", **{"noise": "normal", "on_fail": "ignore", "priors": KNOWN} | settings)
    with pytest.raises(sb.InputError, match=match):
        sb.compare({"one": one})


def test_what_is_no_fit_is_refused(fit):
    """Fails if a list of fits, an empty dict or a misspelt setting is taken."""
    for fits, match in (([fit], "name -> fit"), ({}, "name -> fit"), ({"a": 3}, "'a' is no fit")):
        with pytest.raises(sb.InputError, match=match):
            sb.compare(fits)
    with pytest.raises(sb.InputError, match="refits is a whole number"):
        sb.compare({"a": fit}, refits=-1)
    with pytest.raises(TypeError, match="did you mean 'refits'"):
        sb.compare({"a": fit}, refit=3)


def test_weights_that_are_not_there(fit):
    """Fails if weights are made up where nothing was scored, instead of naming the fit and the score that it lacks."""
    # As NUTS leaves it, and as an improper prior does.
    numbers = {name: x for name, x in fit.numbers.items() if name != "log_evidence"}
    params = {**fit.law.params, "A": replace(fit.law.params["A"], prior="flat")}
    flat = replace(fit, problem=replace(fit.problem, law=replace(fit.law, params=params)))
    assert np.isnan(log_evidence(flat)).all() and np.isfinite(log_evidence(fit)).all()
    comparison = sb.compare({"own": fit, "other": replace(fit, numbers=numbers)}, refits=0, largest=False)
    check = comparison.checks["evidence"]
    assert check.status == "review" and "'other' has no log evidence" in check.sentence
    assert set(comparison.weights()) == {"own", "other"}
    with pytest.raises(sb.InputError, match="no weights by 'evidence': 'other' has no log evidence"):
        comparison.weights("evidence")
    with pytest.raises(sb.InputError, match="no weights by 'largest'"):
        comparison.weights("largest")
    with pytest.raises(sb.InputError, match="did you mean 'loo'"):
        comparison.weights("lo")


def test_a_fit_that_failed_leads(fit):
    """Fails if a comparison with a fit that can't be relied on looks like any other."""
    failed = replace(fit, checks=Checks((Check("r-hat", Status.FAIL, "the chains disagree"),)))
    comparison = sb.compare({"fine": fit, "poor": failed}, refits=0, largest=False)
    assert repr(comparison).startswith("fail    fits: fits failed checks of their own ('poor': r-hat)")


@pytest.mark.slow
def test_a_refit_that_failed_is_told():
    """Fails if a refit whose k-hat failed decides a score and its weights, and nothing says so."""
    # Without the three largest, three runs are left for four parameters.
    x = np.array([1.0, 10.0, 100.0, 1e5, 1e5, 1e5])
    y = (0.5 + 3.2 * x**-0.3) * np.exp(0.02 * np.random.default_rng(0).standard_normal(6))
    fits = {
        law: sb.fit(sb.Runs(x=x, loss=y), law, noise="normal", method=LAPLACE, on_fail="ignore")
        for law in ("power", "offset_power")
    }
    comparison = sb.compare(fits, refits=0)
    check = comparison.checks["refits"]
    assert comparison.checks["fits"].status == "pass" and check.status == "review", "seed 0"
    assert "(1 of 1 of 'offset_power' for lpd_largest: k-hat)" in check.sentence and "'nuts'" in check.sentence
    assert "review  refits" in repr(comparison)
    assert "refits" not in sb.compare(fits, refits=0, largest=False).checks


def test_refits_are_counted_by_score_and_fit():
    """Fails if a failed refit is counted for another fit or score, or a check that passed is said to have failed."""
    fine = Checks((Check("k-hat", Status.PASS, ""), Check("starts", Status.REVIEW, "")))
    bad = Checks((Check("k-hat", Status.FAIL, ""), Check("starts", Status.PASS, "")))
    (check,) = refits_check({"elpd_loo": {"a": [bad, fine, bad], "b": []}, "lpd_largest": {"a": [fine], "b": [bad]}})
    assert "(2 of 3 of 'a' for elpd_loo: k-hat; 1 of 1 of 'b' for lpd_largest: k-hat)" in check.sentence
    (check,) = refits_check({"elpd_loo": {"a": [fine]}, "lpd_largest": {}})
    assert check.status == "pass" and "No refit of 1" in check.sentence
    assert refits_check({"elpd_loo": {"a": []}, "lpd_largest": {}}) == []


def test_leave_one_out_hands_on_the_checks_of_its_refits(monkeypatch):
    """Fails if the checks of exact refits are lost on the way to the comparison."""
    bad = Checks((Check("k-hat", Status.FAIL, ""),))
    monkeypatch.setattr(holdout, "without", lambda *a, **b: replace(without(*a, **b), checks=bad))
    count = np.array([4000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    runs = sb.Runs(x=X, loss=Y * np.where(count > 1, np.exp(0.01), 1.0), count=count)
    one = sb.fit(runs, "power", noise="normal", method=LAPLACE, on_fail="ignore", priors=KNOWN)
    comparison = sb.compare({"one": one}, refits=1, largest=False)
    assert comparison.data["refitted"].sum() == 1, "seed 0"
    assert "1 of 1 of 'one' for elpd_loo: k-hat" in comparison.checks["refits"].sentence


def test_runs_of_one_size_have_no_largest():
    """Fails if the largest runs are held out where they are most of the runs, and few are left to fit."""
    runs = sb.Runs(x=[10.0] * 6 + [1.0] * 2, loss=Y)
    one = sb.fit(runs, "power", noise="normal", method=LAPLACE, priors=KNOWN, on_fail="ignore")
    comparison = sb.compare({"one": one}, refits=0)
    assert not comparison.data["held_out"].any() and comparison.data["lpd_largest"].isnull().all()
    assert "6 of 8 runs" in comparison.checks["largest"].sentence
    assert "lpd_largest" not in comparison.table()
