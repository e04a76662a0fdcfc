"""Student-t noise with a discrepancy: a scale a run, sampled by NUTS, given which the process is integrated out."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

import scalebayes as sb
from scalebayes.checks.sampling import _chains
from scalebayes.discrepancy.gp import GP
from scalebayes.fitting.at_points import conditional
from scalebayes.infer import diagnostics
from scalebayes.infer.draws import Draws
from scalebayes.infer.mode import Search, find_mode
from scalebayes.model.problem import build
from scalebayes.noise.student_t_mixture import STUDENT_T

METHOD = sb.NUTS(draws=500, search=Search(screened=128, starts=4, newton_steps=40, lbfgs_steps=0))
NONE = GP("matern", matern_scale=1e-7, matern_length_x=1.0)  # as good as no discrepancy
SOME = GP("matern", matern_length_x=1.0)
ROW = 5  # the outlier


def sweep(outlier=0.0, **columns):
    """Twelve runs of a power law with a bend, one of them off it."""
    x = np.exp(np.linspace(0.0, 4.0, 12))
    log_loss = np.log(2.0) - 0.2 * np.log(x) + 0.01 * np.random.default_rng(3).standard_t(4, 12)
    log_loss += 0.02 * np.sin(1.5 * np.log(x))
    log_loss[ROW] += outlier
    return sb.Runs(x=x, loss=np.exp(log_loss), **columns)


def fitted(runs, noise="student_t", discrepancy=SOME, **settings):
    return sb.fit(
        runs, "power", noise=noise, discrepancy=discrepancy, **{"method": METHOD, "on_fail": "ignore"} | settings
    )


@pytest.fixture(scope="module")
def spoilt():
    return fitted(sweep(0.3))


@pytest.mark.slow_cases("1.0", "4.0", "60.0")
@pytest.mark.parametrize("df", [1.0, 4.0, 60.0, "free"])
def test_joint_density_integrates_to_student_t(x64, df):
    """Fails if the rows' scales have another law than the one that makes a Student-t, or padding adds to the
    density.
    """
    known = {"loss_se": np.linspace(0.001, 0.02, 12), "count": np.arange(1, 13)}
    runs, law = sweep(0.2, **known), sb.laws.get("power")
    # Nine of them, so that there is padding.
    runs = sb.Runs(x=runs.inputs["x"][:9], loss=runs.y[:9], loss_se=runs.se[:9], count=runs.count[:9])
    mixed = build(runs, law, sb.StudentT(df), discrepancy=NONE)
    plain = build(runs, law, sb.StudentT(df))
    z = jnp.array([0.1, -1.5, -4.4, *([1.2] if df == "free" else [])])
    nodes, size = jnp.linspace(-40.0, 10.0, 2001), len(mixed.rows.mask)
    assert mixed.model.free == plain.model.free and size > len(runs)

    def density(own):
        return mixed.model.log_density(jnp.concatenate([z, own]), mixed.numbers, mixed.rows)

    # Without a process the rows are independent: the integral over all is the product of those over each.
    middle = density(jnp.zeros(size))
    along = [jax.lax.map(lambda t, i=i: density(jnp.zeros(size).at[i].set(t)), nodes) for i in range(size)]
    total = middle + sum(np.log(np.trapezoid(np.exp(np.asarray(one - middle)), nodes)) for one in along)
    expected = plain.model.log_density(z, plain.numbers, plain.rows)
    # The process's jitter and its own 1e-7 are left.
    assert float(total) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("df", [0.8, 4.0, 50.0])
def test_density_of_a_row_whose_scale_is_integrated_out(x64, df):
    """Fails if the rule's nodes miss mass: of a row far off, of heavy tails, or beside a wide process."""
    off, scale = np.array([0.0, 0.003, 0.05, 2.0, 30.0]), np.array([0.01, 0.02, 0.01, 0.02, 0.01])
    values = {"noise_df": jnp.asarray(df)}
    found = STUDENT_T.log_density(values, jnp.asarray(off), jnp.zeros(5), jnp.asarray(scale))
    np.testing.assert_allclose(found, stats.t.logpdf(off, df, 0, scale), atol=1e-8)
    for sd in (0.002, 0.05):
        found = STUDENT_T.log_density(values, jnp.asarray(off), jnp.full(5, sd**2), jnp.asarray(scale))
        for i in range(5):
            ends, here = (-12 * sd, 12 * sd), sorted({0.0, *np.clip([off[i]], -12 * sd, 12 * sd)})
            product = lambda d, i=i, sd=sd: stats.norm.pdf(d, 0, sd) * stats.t.pdf(off[i] - d, df, 0, scale[i])  # noqa: E731
            value = integrate.quad(product, *ends, points=here, limit=500, epsabs=0, epsrel=1e-10)[0]
            assert float(found[i]) == pytest.approx(np.log(value), abs=1e-7), (sd, off[i])


@pytest.mark.parametrize("df", [0.2, 1.0, 4.0, 200.0])
def test_coordinates_are_near_standard(x64, df):
    """Fails if the sampler meets coordinates of another scale at each df, which makes a funnel of a free df."""
    coordinate = STUDENT_T.coordinate({"noise_df": jnp.asarray(df)})
    t = np.linspace(-60.0, 12.0, 40_001)
    density = np.exp(np.asarray(coordinate.log_prob(t)))
    mean = np.trapezoid(t * density, t)
    assert np.trapezoid(density, t) == pytest.approx(1.0, abs=1e-8)
    assert abs(mean) < 0.01 and np.trapezoid((t - mean) ** 2 * density, t) == pytest.approx(1.0, abs=0.02)
    w = np.asarray(STUDENT_T.factor({"noise_df": jnp.asarray(df)}, t)) ** -2.0
    assert np.trapezoid(w * density, t) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
def test_mode_is_that_of_student_t(x64):
    """Fails if the sampler starts at the mode of a Normal noise, which an outlier has moved."""
    runs, law, search = sweep(0.3), sb.laws.get("power"), METHOD.search
    problems = [build(runs, law, sb.StudentT(), discrepancy=gp) for gp in (NONE, None)]
    mixed, plain = (find_mode(p.model, p.numbers, p.rows, jax.random.key(0), search) for p in problems)
    sd = np.sqrt(np.diag(np.linalg.inv(plain.precision)))
    # With df fixed and no process, the scales' likeliest values leave the density of Student-t.
    np.testing.assert_array_less(np.abs(mixed.z[:3] - plain.z) / sd, 0.05)
    assert float(mixed.gradient_norm) < 1e-4
    np.testing.assert_array_equal(mixed.precision[3:, 3:], np.eye(12))


@pytest.mark.slow
def test_draws_are_those_of_student_t_without_a_process():
    """Fails if sampled scales bias the posterior against that of the noise with its scales integrated out."""
    runs = sweep(0.3)
    mixed, plain = fitted(runs, discrepancy=NONE), fitted(runs, discrepancy=None)
    for name, draws in plain.draws.items():
        ess = [diagnostics.ess_bulk(one.draws[name][None])[0] for one in (mixed, plain)]
        for q in (0.1, 0.5, 0.9):
            share = (mixed.draws[name] < np.quantile(draws, q)).mean()
            error = np.sqrt(q * (1 - q) * sum(1 / one for one in ess))
            assert abs(share - q) < 4 * error, f"{name}: {share} of the draws below quantile {q}, seed {mixed.seed}"


@pytest.mark.slow
def test_an_outlier_moves_the_fit_less_than_under_normal_noise(spoilt):
    """Fails if the rows' scales don't take an outlier's weight away, or another row's is the largest."""
    clean = fitted(sweep())
    moved = {}
    for noise, two in {
        "student_t": (clean, spoilt),
        "normal": [fitted(sweep(off), sb.Normal(), method=METHOD) for off in (0.0, 0.3)],
    }.items():
        x = sweep().inputs["x"]
        a, b = (np.log(sb.predict(one, x=x)["loss"]).median(("chain", "draw")).values for one in two)
        moved[noise] = np.abs(b - a).max()
    assert moved["student_t"] < moved["normal"] / 2
    factor = spoilt.sample_stats["noise_factor"]
    assert factor.shape == (4, 500, 12)
    assert np.median(factor, axis=(0, 1)).argmax() == ROW


def by_hand(fit, chain, draw):
    """Covariance of delta (run, run), scales of the noise and log residuals (run,) of a draw, in plain NumPy."""
    at = {name: x[chain, draw] for name, x in {**fit.draws, **fit.discrepancy_draws}.items()}
    x = fit.runs.inputs["x"]
    d = np.sqrt(3) * np.abs(np.log(x)[:, None] - np.log(x)[None, :]) / at["matern_length_x"]
    covariance = at["matern_scale"] ** 2 * (1 + d) * np.exp(-d)
    scale = at["noise_scale"] * fit.sample_stats["noise_factor"][chain, draw]
    return covariance, scale, np.log(fit.runs.y) - np.log(at["A"] * x ** -at["alpha"])


@pytest.mark.slow
def test_discrepancy_is_given_the_scales(x64, spoilt):
    """Fails if the forecast of the discrepancy forgets which runs are outliers."""
    x = spoilt.runs.inputs["x"]
    mean = conditional(spoilt, {"x": x}, np.full(12, -1)).mean.reshape(4, 500, 12)
    for chain, draw in ((0, 0), (2, 77), (3, 499)):
        covariance, scale, off = by_hand(spoilt, chain, draw)
        expected = covariance @ np.linalg.solve(covariance + np.diag(scale**2), off)
        np.testing.assert_allclose(mean[chain, draw], expected, atol=1e-6)


@pytest.mark.slow
def test_leave_one_out_integrates_the_runs_own_scale(spoilt):
    """Fails if a run is scored by a scale that was fitted to it, which makes elpd too high for heavy tails."""
    found = spoilt.log_likelihood()["loss"].values
    for chain, draw in ((0, 3), (1, 250)):
        covariance, scale, off = by_hand(spoilt, chain, draw)
        for i in (0, ROW, 11):
            others = np.arange(12) != i
            pull = np.linalg.solve(
                covariance[np.ix_(others, others)] + np.diag(scale[others] ** 2), covariance[others, i]
            )
            middle, sd = off[i] - pull @ off[others], np.sqrt(covariance[i, i] - pull @ covariance[others, i])
            own = spoilt.draws["noise_scale"][chain, draw]
            product = lambda d, m=middle, s=sd, o=own: stats.norm.pdf(d, 0, s) * stats.t.pdf(m - d, 4, 0, o)  # noqa: E731
            near = sorted({0.0, float(np.clip(middle, -11 * sd, 11 * sd))})
            value = integrate.quad(product, -12 * sd, 12 * sd, points=near, limit=500, epsabs=0)[0]
            expected = np.log(value) - np.log(spoilt.runs.y[i])
            assert found[chain, draw, i] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_save_and_load(spoilt, tmp_path):
    """Fails if the scales aren't in the file, so that a fit that was read again forecasts something else."""
    spoilt.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.sample_stats["noise_factor"], spoilt.sample_stats["noise_factor"])
    one, other = (sb.predict(fit, x=[30.0, 100.0], observed=True, seed=1)["loss"] for fit in (spoilt, again))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.log_likelihood()["loss"], spoilt.log_likelihood()["loss"])
    stats_ = again.data["sample_stats"]
    assert stats_["noise_factor"].dims == ("chain", "draw", "run")
    assert set(again.data["posterior"].data_vars) == {"A", "alpha", "noise_scale", "matern_scale"}


def test_checks_name_the_scale_that_is_worst():
    """Fails if a check of the chains names another coordinate than the worst, or one of the padding."""
    problem = build(sweep(0.3), sb.laws.get("power"), sb.StudentT(), discrepancy=SOME)
    named = len(problem.model.free) + len(problem.runs)
    z = np.random.default_rng(5).standard_normal((2, 100, named + 4))
    z[1, :, len(problem.model.free) + ROW] += 3.0
    z[1, :, named:] += 30.0
    spread = {"diverging": np.zeros((2, 100)), "n_steps": np.ones((2, 100)), "energy": z[..., 0]}
    found = {check.name: check for check in _chains(problem, Draws(z, spread, {"max_tree_depth": 10.0}, None))}
    assert f"(scale of run {ROW})" in found["r-hat"].sentence, "seed 5"
    assert f"(scale of run {ROW})" in found["bulk ESS"].sentence, "seed 5"


@pytest.mark.slow
def test_checks_name_the_scales():
    """Fails if a check of the chains can't say which coordinate is worst, or speaks of padding."""
    spoilt = fitted(sweep(0.3), method=replace(METHOD, draws=30, warmup=30, chains=2, tries=1))
    for name in ("r-hat", "bulk ESS", "tail ESS"):
        assert any(
            f"({one})" in spoilt.checks[name].sentence
            for one in (*spoilt.draws, *(f"scale of run {i}" for i in range(12)))
        )


@pytest.mark.slow
def test_many_at_once(spoilt, tmp_path):
    """Fails if a batch, which pads rows further than a fit does, takes scales from the wrong coordinates or loses
    them.
    """
    tables = {"a": spoilt.runs, "b": sweep()}
    fits = sb.fit_many(tables, "power", noise="student_t", discrepancy=SOME, method=METHOD, on_fail="ignore")
    fits.save(tmp_path / "fits.nc")
    one = sb.load(tmp_path / "fits.nc")["a"]
    np.testing.assert_array_equal(one.sample_stats["noise_factor"], fits["a"].sample_stats["noise_factor"])
    for draws, other in [
        (one.draws["alpha"], spoilt.draws["alpha"]),
        (np.log(one.sample_stats["noise_factor"][..., ROW]), np.log(spoilt.sample_stats["noise_factor"][..., ROW])),
    ]:
        error = np.sqrt(sum(x.var() / diagnostics.ess_bulk(x[None])[0] for x in (draws, other)))
        assert abs(draws.mean() - other.mean()) < 4 * error, one.seed


@pytest.mark.parametrize(
    "noise", [sb.Huber(), sb.Huber(scale=1.0), sb.NormalRaw(), sb.Beta(), sb.LogitNormal()], ids=repr
)
def test_other_noises_are_refused_by_name(noise):
    """Fails if a noise under which the process can't be integrated out is taken for another."""
    method = "map" if not noise.form.density else METHOD
    with pytest.raises(sb.InputError, match=f"noise '{noise.name}' can't be used with a discrepancy: .* 'student_t'"):
        fitted(sweep(), noise, method=method)


@pytest.mark.parametrize("method", ["map", "laplace"])
def test_methods_that_need_a_mode_are_refused(method):
    """Fails if the mode over the scales passes for that of the posterior, or hopeless weights for draws."""
    told = f"{method} can't fit noise 'student_t' .* use method='nuts', or noise='normal'"
    with pytest.raises(sb.InputError, match=told):
        fitted(sweep(), method=method)


def test_batches_by_laplace_are_refused():
    """Fails if fit_many's default method, which can't fit latent scales, fails late in a worker."""
    with pytest.raises(sb.InputError, match="laplace can't fit noise 'student_t'"):
        sb.fit_many([sweep()], "power", noise="student_t", discrepancy="gp")
