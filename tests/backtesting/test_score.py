"""Scores of forecasts: their closed forms, what the noise of a row is, and what can't be scored."""

import jax
import numpy as np
import pytest
from scipy import integrate, stats

import scalebayes as sb
from scalebayes.backtesting.proper_scores import Forecast, crps, mixture, pit, scores_of
from scalebayes.backtesting.trivial import Trivial
from scalebayes.fitting.at_points import conditional
from tests.helpers import POINT, fit_of
from tests.helpers import departing as of_process

X = np.geomspace(1.0, 1e4, 12)
SEED = 4


def crps_of_normal(y, mean, sd):
    """Gneiting and Raftery 2007, equation 21, with the sign of a loss."""
    z = (y - mean) / sd
    return sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def curve(x, E=1.2, A=2.0, alpha=0.4):
    return E + A * x**-alpha


@pytest.fixture(scope="module")
def known():
    """A fit of offset_power that holds two draws, with Normal noise of .01; the posterior is known."""
    runs = sb.Runs(x=X[:9], loss=curve(X[:9]), unit="nats/token")
    return fit_of(sb.laws.get("offset_power"), {"E": [1.2, 1.25], "A": [2.0, 1.9], "alpha": [0.4, 0.42]}, runs)


@pytest.fixture(scope="module")
def departing():
    """A mode with a Gaussian process, whose new runs scatter differently from those seen."""
    wave = np.exp(0.05 * np.sin(np.log(X)) + 0.004 * np.cos(5 * np.arange(12.0)))
    runs = sb.Runs(x=X[:9], loss=curve(X[:9]) * wave[:9])
    noise = sb.Normal(new_run=(0.1, 0.35))
    return sb.fit(
        runs, "offset_power", noise=noise, discrepancy=sb.GP("matern"), method=POINT, on_fail="ignore", seed=1
    )


@pytest.mark.parametrize("y", [-1.0, 0.2, 3.0])
def test_crps_is_that_of_a_normal_whatever_the_number_of_draws(y):
    """Fails if the CRPS of ten Normal draws isn't the closed form on average: it would prefer the method with fewer
    draws.
    """
    draws = np.random.default_rng(SEED).normal(0.3, 0.7, (10, 4000))
    each = crps(draws, np.full(4000, y))
    error = each.std() / np.sqrt(4000)
    assert abs(each.mean() - crps_of_normal(y, 0.3, 0.7)) < 4 * error, f"seed {SEED}"


def test_crps_of_one_draw_is_its_distance():
    """Fails if the CRPS of a single draw isn't its distance from the reading."""
    assert crps(np.array([[2.0, 1.0]]), np.array([1.5, 3.0])).tolist() == [0.5, 2.0]


def test_pit_is_the_share_below():
    """Fails if the PIT of Normal draws differs from the Normal's distribution function at the reading."""
    draws = np.random.default_rng(SEED).normal(0.3, 0.7, (20_000, 3))
    y = np.array([-0.5, 0.3, 1.4])
    expected = stats.norm.cdf(y, 0.3, 0.7)
    assert (abs(pit(draws, y) - expected) < 4 * np.sqrt(expected * (1 - expected) / 20_000)).all(), f"seed {SEED}"


def test_a_mixture_is_the_mean_of_densities_and_not_of_their_logs():
    """Fails if the log score of several draws averages log densities, where a single bad draw decides, instead of
    densities.
    """
    with jax.enable_x64():
        found = np.asarray(mixture(stats.norm.logpdf(0.5, [[0.0], [30.0]], 1.0)))
    np.testing.assert_allclose(found, np.log(stats.norm.pdf(0.5) / 2), rtol=1e-12)


def test_intervals_are_equal_tailed_and_on_the_log():
    """Fails if intervals don't cut equal tails of the log, or their width, their coverage or the median's error is
    wrong.
    """
    draws = np.linspace(0.0, 1.0, 1001)[:, None]
    found = scores_of(Forecast(draws, np.zeros(1)), np.array([0.93]), (0.8, 0.9))
    np.testing.assert_allclose(np.log(found["lower"]).ravel(), [0.1, 0.05], atol=1e-12)
    np.testing.assert_allclose(found["log_width"].ravel(), [0.8, 0.9], atol=1e-12)
    assert found["covered"].ravel().tolist() == [0.0, 1.0]
    assert found["log_error"][0] == pytest.approx(0.5 - 0.93)


def test_the_log_score_is_the_density_of_the_reading_itself(known):
    """Fails if the log score is the density of log y, or leaves out the noise, the count or the known error of a
    reading.
    """
    y, count, se = np.array([1.31, 1.27, 1.24]), np.array([1.0, 4.0, 1.0]), np.array([0.0, 0.0, 0.02])
    runs = sb.Runs(x=X[9:], loss=y, count=count, loss_se=se)
    found = sb.score(known, runs)
    density = np.zeros(3)
    for E, A, alpha in ((1.2, 2.0, 0.4), (1.25, 1.9, 0.42)):
        f = curve(X[9:], E, A, alpha)
        density += stats.norm.pdf(np.log(y), np.log(f), np.sqrt(0.01**2 / count + (se / f) ** 2)) / y / 2
    np.testing.assert_allclose(found["log_score"], np.log(density), rtol=1e-9)
    assert found["y"].values.tolist() == y.tolist() and found["x"].values.tolist() == X[9:].tolist()
    assert found["distance"].sel(axis="x").values == pytest.approx(np.log(X[9:] / X[8]))


def test_draws_are_of_new_readings(known):
    """Fails if the PIT is that of the curve without its noise, or scores with the same seed differ."""
    y = curve(X[9:]) * np.exp([0.005, -0.01, 0.02])
    found = sb.score(known, sb.Runs(x=X[9:], loss=y), seed=SEED)
    centres = np.log([curve(X[9:]), curve(X[9:], 1.25, 1.9, 0.42)])
    expected = stats.norm.cdf(np.log(y), centres, 0.01).mean(axis=0)
    error = np.sqrt(expected * (1 - expected) / 4000) + 1e-4
    assert (abs(found["pit"].values - expected) < 4 * error).all(), f"seed {SEED}"
    again, other = (sb.score(known, sb.Runs(x=X[9:], loss=y), seed=seed) for seed in (SEED, SEED + 1))
    assert again.identical(found) and (other["pit"] != found["pit"]).any()


def test_student_t_is_scored_as_itself():
    """Fails if Student-t noise is scored as a Normal of the same scale, for which a surprise costs too much."""
    runs = sb.Runs(x=X, loss=curve(X) * np.exp(0.01 * np.cos(3 * np.arange(12.0))))
    fit = fit_of(sb.laws.get("offset_power"), {"E": [1.2], "A": [2.0], "alpha": [0.4]}, runs, sb.StudentT())
    there = sb.Runs(x=[3e4, 1e5], loss=[1.4, 1.22])
    with jax.enable_x64():
        f = np.asarray(fit.law(x=there.column("x"), **{name: x.item() for name, x in fit.law_draws.items()}))
    expected = stats.t.logpdf(np.log(there.y / f), 4, 0, fit.noise_draws["noise_scale"].item()) - np.log(there.y)
    np.testing.assert_allclose(sb.score(fit, there)["log_score"], expected, rtol=1e-8)


@pytest.mark.slow
def test_a_discrepancy_widens_by_its_own_variance(departing):
    """Fails if variances of the process, of a new run's noise, of its count and of its known error don't add up in the
    scores.
    """
    x, count, se = X[9:], np.array([1.0, 9.0, 1.0]), np.array([0.0, 0.0, 0.03])
    y = curve(x) * np.exp([0.02, -0.03, 0.05])
    found = sb.score(departing, sb.Runs(x=x, loss=y, count=count, loss_se=se), seed=SEED)
    with jax.enable_x64():
        f = np.asarray(departing.law(x=x, **{name: v.item() for name, v in departing.law_draws.items()}))
        process = conditional(departing, {"x": x}, np.full(3, -1))
    draws = {name: v.item() for name, v in departing.noise_draws.items()}
    mean = np.log(f) + process.mean[0]
    noise = draws["noise_scale"] * draws["noise_new"]
    sd = np.sqrt(process.sd[0] ** 2 + noise**2 / count + (se / np.exp(mean)) ** 2)
    np.testing.assert_allclose(found["log_score"], stats.norm.logpdf(np.log(y), mean, sd) - np.log(y), rtol=1e-6)
    np.testing.assert_allclose(found["log_width"].sel(prob=0.9), 2 * stats.norm.ppf(0.95) * sd, rtol=0.06)  # 4 errors
    assert (process.sd[0] > noise).any(), "the process says nothing, and nothing was tested"


def test_a_known_group_has_its_own_offset():
    """Fails if runs of a recipe that was seen are forecast as those of one that was not."""
    group, shift = np.array(["a", "b"] * 6), np.array([0.1, -0.1] * 6)
    rows = np.arange(12.0)
    runs = sb.Runs(x=X, loss=curve(X) * np.exp(shift + 0.003 * np.cos(5 * rows)), group=group)
    draws = {"E": [1.2], "A": [2.0], "alpha": [0.4]}
    fit = of_process(runs, sb.laws.get("offset_power"), draws, sb.GP("offset"), {"offset_scale": 0.1})
    median = {}
    for name in ("a", "b", "c"):
        median[name] = sb.score(fit, sb.Runs(x=[2e4], loss=[1.3], group=[name]))["median"].item()
    assert np.log(median["a"] / median["b"]) == pytest.approx(0.2, abs=0.02)
    assert median["b"] < median["c"] < median["a"]


def test_blocks_of_runs_change_nothing(known):
    """Fails if the log score of a run depends on how many runs are scored together."""
    x = np.geomspace(1e4, 1e6, 300)
    y = curve(x) * np.exp(0.01 * np.sin(np.arange(300.0)))
    whole = sb.score(known, sb.Runs(x=x, loss=y))["log_score"].values
    part = sb.score(known, sb.Runs(x=x[290:], loss=y[290:]))["log_score"].values
    np.testing.assert_allclose(whole[290:], part, rtol=1e-10)
    assert whole.shape == (300,) and np.isfinite(whole).all()


@pytest.mark.parametrize(
    ("columns", "fragment"),
    [
        ({"x": [2e4], "acc": [1.3], "observable": "acc"}, "unknown observable of the runs 'acc'"),
        ({"x": [2e4], "loss": [1.3], "unit": "bits/byte"}, "unit of the runs is 'bits/byte'"),
        ({"N": [2e4], "loss": [1.3]}, "the runs have no 'x'"),
    ],
)
def test_runs_of_something_else_are_refused(known, columns, fragment):
    """Fails if runs with another observable, in another unit or without the law's input are scored."""
    with pytest.raises(sb.InputError, match=fragment):
        sb.score(known, sb.Runs(**columns))


def test_noises_without_a_log_score_are_refused():
    """Fails if a noise on the raw scale, or Huber's objective, which is no density, is given a log score."""
    runs = sb.Runs(x=X, loss=curve(X))
    draws = {"E": [1.2, 1.25], "A": [2.0, 1.9], "alpha": [0.4, 0.42]}
    for noise, fragment in ((sb.NormalRaw(), "may be negative"), (sb.Huber(scale=1.0), "is an objective")):
        priors = "flat" if noise.name == "huber" else {}
        fit = fit_of(sb.laws.get("offset_power"), draws, runs, noise, priors)
        with pytest.raises(sb.InputError, match=fragment):
            sb.score(fit, runs)


@pytest.mark.parametrize("probs", [[], [0.5, 0.5], [1.0], 0.9, ["most"]])
def test_probabilities_that_are_none_are_refused(known, probs):
    """Fails if probs that are empty, repeated, no list or no probabilities are taken."""
    with pytest.raises(sb.InputError, match="probs is a list"):
        sb.score(known, sb.Runs(x=[2e4], loss=[1.3]), probs=probs)


# The trivial forecast


def test_the_trivial_forecast_of_a_power_law_has_its_level_and_slope():
    """Fails if the trivial forecast of an exact power law hasn't its slope and last value, or its noise isn't the least
    one.
    """
    found = Trivial.of(sb.Runs(x=X, loss=3 * X**-0.2), "x")
    assert (found.slope, found.at, found.level) == pytest.approx((-0.2, np.log(X[-1]), np.log(3 * X[-1] ** -0.2)))
    assert found.noise == 1e-6 and found.readings == 1


def test_the_trivial_forecast_looks_at_the_last_half_of_the_logs():
    """Fails if an early transient or the order of rows decides the slope, or it rests on half the rows instead of half
    the log range.
    """
    even = np.linspace(1.0, 1000.0, 1000)
    bent = Trivial.of(sb.Runs(x=even, loss=3 * even ** np.where(even < 500, -0.2, -0.25)), "x")
    assert bent.slope != pytest.approx(-0.25, abs=0.01)
    y = np.where(np.arange(12) < 6, 5.0, 3 * X**-0.2)
    one = Trivial.of(sb.Runs(x=X, loss=y), "x")
    order = np.random.default_rng(0).permutation(12)
    other = Trivial.of(sb.Runs(x=X[order], loss=y[order]), "x")
    assert one.slope == pytest.approx(-0.2)
    assert (other.slope, other.level, other.noise) == pytest.approx((one.slope, one.level, one.noise))


def test_the_trivial_density_is_an_even_mixture_over_the_slope():
    """Fails if the trivial forecast's density or draws aren't the integral over slopes from zero to the last one."""
    rng = np.random.default_rng(SEED)
    x = np.geomspace(1, 1e4, 40)
    found = Trivial.of(sb.Runs(x=x, loss=curve(x) * np.exp(0.02 * rng.standard_normal(40))), "x")
    there = sb.Runs(x=[3e4, 1e6], loss=[1.22, 1.1], count=[1.0, 4.0])
    said = found.forecast(there, seed=SEED)
    for i, (x, y, count) in enumerate(zip([3e4, 1e6], there.y, [1.0, 4.0], strict=True)):
        sd = found.noise * np.sqrt(1 / count + 1 / 4)  # the level is the mean of four readings
        centre = lambda u, x=x: found.level + u * found.slope * (np.log(x) - found.at)  # noqa: E731
        density, _ = integrate.quad(lambda u: stats.norm.pdf(np.log(y), centre(u), sd) / y, 0, 1, epsabs=1e-12)  # noqa: B023
        assert said.log_density[i] == pytest.approx(np.log(density), abs=1e-4)
        below, _ = integrate.quad(lambda u: stats.norm.cdf(np.log(y), centre(u), sd), 0, 1)  # noqa: B023
        share = pit(said.log_draws, np.log(there.y))[i]
        assert abs(share - below) < 4 * np.sqrt(below * (1 - below) / 4000) + 1e-3, f"seed {SEED}"


def test_counts_weigh_in_the_trivial_forecast():
    """Fails if a row that is the mean of three readings weighs other than the three rows."""
    y = curve(X) * np.exp(0.02 * np.cos(3 * np.arange(12.0)))
    counted = Trivial.of(sb.Runs(x=X, loss=y, count=np.where(np.arange(12) == 8, 3.0, 1.0)), "x")
    more = [8, 8, 0, 0]  # the early ones for a half that begins at the same place
    three = Trivial.of(sb.Runs(x=[*X, *X[more]], loss=[*y, *y[more]]), "x")
    assert (counted.slope, counted.level) == pytest.approx((three.slope, three.level))


def test_a_column_that_never_varies_has_no_slope():
    """Fails if the trivial forecast finds a slope along a column that is constant."""
    assert Trivial.of(sb.Runs(x=[2.0] * 5, loss=[3.0, 3.1, 2.9, 3.05, 2.95]), "x").slope == 0


def test_the_trivial_forecast_needs_three_rows():
    """Fails if the trivial forecast of two rows, which show no scatter, isn't refused."""
    with pytest.raises(sb.InputError, match="at least 3 rows, and there are 2"):
        Trivial.of(sb.Runs(x=[1.0, 2.0], loss=[3.0, 2.0]), "x")
