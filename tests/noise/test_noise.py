"""Every noise: that it is a density, that the law is its median, and that its scale is what is said."""

import math

import jax
import numpy as np
import pytest
from scipy import special, stats

import scalebayes as sb
from scalebayes.model.problem import build
from scalebayes.noise.huber import HuberDistribution, huber
from tests.cases import NOISES, ids
from tests.helpers import POINT

each_noise = pytest.mark.parametrize("case", NOISES, ids=ids(NOISES))
in_float64 = pytest.mark.usefixtures("x64")
pytestmark = in_float64

ROWS = {"plain": (0.0, 1.0), "averaged, with a standard error": (0.04, 3.0)}
PROBABILITIES = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])


def is_share(noise):
    return noise.form.range == (0.0, 1.0)


def place(noise):
    """A value of the law: inside the noise's range, and nowhere special in it."""
    return 0.3 if is_share(noise) else 2.5


def density(case, se=0.0, count=1.0, points=400_001):
    """Observable, density and the trapezoid's weight on a grid that is fine at the law and reaches far out.

    log y = log f + s sinh(t) for a noise on the log, y = f + s sinh(t) for a raw one, with t even; between 0 and 1
    logit y = logit f + s sinh(t).
    """
    form, values, f = case.noise.form, case.values, place(case.noise)
    scale = float(form.row_scale(f, values, se, count))
    most = 30 if is_share(case.noise) else 600 if form.on == "log" else math.inf
    reach = math.asinh(min(1e7, most / scale))
    t = np.linspace(-reach, reach, points)
    u = scale * np.sinh(t)
    y = special.expit(special.logit(f) + u) if is_share(case.noise) else f * np.exp(u) if form.on == "log" else f + u
    jacobian = scale * np.cosh(t) * (y * (1 - y) if is_share(case.noise) else y if form.on == "log" else 1.0)
    p = np.exp(np.asarray(form.distribution(f, values, se, count).log_prob(y)))
    return y, p, jacobian * (t[1] - t[0])


def test_every_noise_has_a_row():
    """Fails if a noise is shipped without a row in cases.py, and so untested."""
    assert {case.noise.name for case in NOISES} == set(sb.noises.names())


@each_noise
@pytest.mark.parametrize("row", ROWS)
def test_the_density_integrates_to_one(case, row):
    """Fails if a noise's density lacks a Jacobian or a constant, so that elpd compares noises wrongly."""
    _, p, weight = density(case, *ROWS[row])
    assert np.sum(p * weight) == pytest.approx(1.0, abs=1e-7)


@each_noise
@pytest.mark.parametrize("row", ROWS)
def test_samples_follow_the_density_and_the_law_is_its_centre(case, row, seed=31, size=40_000):
    """Fails if samples, which observed=True draws from, aren't of the density, or the law isn't its median or mean."""
    se, count = ROWS[row]
    form, f = case.noise.form, place(case.noise)
    samples = np.asarray(form.distribution(f, case.values, se, count).sample(jax.random.key(seed), (size,)))
    y, p, weight = density(case, se, count)
    quantiles = np.interp(PROBABILITIES, np.cumsum(p * weight), y)
    gate = 4 * np.sqrt(PROBABILITIES * (1 - PROBABILITIES) / size)
    below = (samples[:, None] <= quantiles).mean(axis=0)
    assert (abs(below - PROBABILITIES) < gate).all(), f"{below} below the quantiles {PROBABILITIES}, seed {seed}"
    if form.centre == "mean":
        off = abs(samples.mean() - f) / samples.std() * math.sqrt(size)
        assert off < 4, f"the samples' mean is {off:.1f} standard errors off the law, seed {seed}"
        assert np.sum(p * y * weight) == pytest.approx(f, rel=1e-6), "the mean of the density isn't the law"
        return
    under = (samples < f).mean()
    assert abs(under - 0.5) < 2 / math.sqrt(size), f"{under:.4f} of the samples lie under the law, seed {seed}"
    assert quantiles[3] == pytest.approx(f, rel=1e-4), "the median of the density isn't the law"


def test_the_law_is_the_mean_of_beta_alone():
    """Fails if predict and the command line say mean where the law is the median, or the reverse."""
    assert {case.noise.name for case in NOISES if case.noise.form.centre == "mean"} == {"beta"}


@each_noise
def test_a_noise_made_twice_is_one_trace(case):
    """Fails if a noise makes its function anew each time, so that every fit waits for the compiler."""
    again = sb.noises.get(case.noise.name, dict(case.noise.settings))
    assert again.form == case.noise.form and hash(again.form) == hash(case.noise.form)


@pytest.mark.parametrize("delta", [1e-3, 0.5, 2.0])
def test_huber_distribution(delta, seed=32, size=40_000):
    """Fails if Huber's middle and tails don't have the weights that the constant Z(delta) gives them."""
    one = HuberDistribution(delta, 0.7)
    reach = math.asinh(50 * max(1 / delta, 1))
    t = np.linspace(-reach, reach, 400_001)
    x = np.sinh(t)
    p = np.exp(np.asarray(one.log_prob(x)))
    cumulative = np.cumsum(p * np.cosh(t) * (t[1] - t[0]))
    assert cumulative[-1] == pytest.approx(1.0, abs=1e-7)
    samples = np.asarray(one.sample(jax.random.key(seed), (size,)))
    quantiles = np.interp(PROBABILITIES, cumulative, x)
    below = (samples[:, None] <= quantiles).mean(axis=0)
    gate = 4 * np.sqrt(PROBABILITIES * (1 - PROBABILITIES) / size)
    assert (abs(below - PROBABILITIES) < gate).all(), f"{below} below the quantiles {PROBABILITIES}, seed {seed}"
    inside, middle = (abs(samples) < 0.7 * delta).mean(), np.interp([-0.7 * delta, 0.7 * delta], x, cumulative)
    share = float(np.diff(middle)[0])
    assert abs(inside - share) < 4 * math.sqrt(share * (1 - share) / size) + 1e-6, (
        f"{inside} in the middle, seed {seed}"
    )


@pytest.mark.parametrize("delta", [1e-3, 0.5, 2.0, 5.0])
def test_huber_information_is_that_of_the_score(delta):
    """Fails if Huber's information, which stands for the Hessian at the mode, is too large or small."""
    information = sb.Huber(delta=delta).form.information({"noise_delta": delta})
    reach = math.asinh(60 * max(1 / delta, 1))
    t = np.linspace(-reach, reach, 2_000_001)
    z = np.sinh(t)
    weight = np.exp(np.asarray(HuberDistribution(delta, 1.0).log_prob(z))) * np.cosh(t) * (t[1] - t[0])
    slope = np.clip(z, -delta, delta)  # of Huber's function
    expected = np.sum(weight * slope**2), np.sum(weight * (z * slope - 1) ** 2)
    np.testing.assert_allclose(np.asarray(information), expected, rtol=1e-6)


def test_huber_function():
    """Fails if Huber's function isn't h(z) = z^2/2 for |z| <= delta, and delta (|z| - delta/2) beyond."""
    z = np.array([-3.0, -1.0, -0.2, 0.0, 0.5, 1.0, 7.0])
    expected = np.where(abs(z) <= 0.5, z**2 / 2, 0.5 * (abs(z) - 0.25))
    np.testing.assert_allclose(huber(z, 0.5), expected, rtol=1e-15)


def reference_density(noise, values, y, f, scale):
    """log p(y) by SciPy."""
    match noise.name:
        case "student_t":
            return stats.t.logpdf(np.log(y / f), values["noise_df"], scale=scale) - np.log(y)
        case "normal":
            return stats.norm.logpdf(np.log(y / f), scale=scale) - np.log(y)
        case "normal_raw":
            return stats.norm.logpdf(y, f, scale)
        case "huber":
            z, delta = np.abs(np.log(y / f)) / scale, values["noise_delta"]
            h = np.where(z <= delta, z**2 / 2, delta * (z - delta / 2))
            Z = math.sqrt(2 * math.pi) * math.erf(delta / math.sqrt(2)) + 2 / delta * math.exp(-(delta**2) / 2)
            return -h - np.log(scale) - math.log(Z) - np.log(y)
        case "logit_normal":
            return stats.norm.logpdf(special.logit(y), special.logit(f), scale) - np.log(y * (1 - y))
        case "beta":
            total = f * (1 - f) / scale**2 - 1
            return stats.beta.logpdf(y, f * total, (1 - f) * total)
    raise AssertionError(f"no reference density for {noise.name}: add one")


def known_runs(noise, **columns):
    """Three runs, a law for them and its parameters: a loss, or a share where the noise asks for one."""
    if is_share(noise):
        values = {"a": 0.6, "b": 0.2, "k": 3.0, "L_mid": 3.0}
        inputs, y = {"L": np.array([2.0, 3.0, 4.0])}, np.array([0.7, 0.45, 0.3])
        return (
            sb.Runs(**inputs, y=y, y_se=columns.pop("se"), observable="y", range=(0, 1), **columns),
            "accuracy_sigmoid",
            values,
        )
    preset = sb.laws.published("besiroglu2024")
    inputs = {"N": np.array([1e8, 1e9, 1e10]), "D": np.array([1e10, 1e10, 1e11])}
    y = np.array([3.4, 2.9, 2.2])
    return sb.Runs(**inputs, y=y, y_se=columns.pop("se"), observable="y", **columns), "chinchilla", preset.values


@each_noise
def test_count_and_standard_error_enter_the_scale(case):
    """Fails if a row's scale isn't sqrt(noise_scale^2 / count + se^2): a weight instead makes intervals wrong."""
    se, count = np.array([0.0, 0.03, 0.1]), np.array([1.0, 4.0, 9.0])
    runs, name, values = known_runs(case.noise, se=se, count=count)
    law = sb.laws.get(name)
    problem = build(runs, law, case.noise, dict(values) | dict(case.free))
    # Every parameter is fixed: what the model adds up is the likelihood.
    model, numbers, rows = problem.model, problem.numbers, problem.rows
    seen = np.asarray(model.log_likelihood(model.scaled({}, numbers), rows))
    f = np.asarray(law(**runs.inputs, **values))
    slope = {"log": 1 / f, "raw": 1.0, "logit": 1 / (f * (1 - f))}[case.noise.form.on]
    spread = np.sqrt(f * (1 - f)) if case.noise.name == "beta" else 1.0
    scale = np.sqrt((case.free["noise_scale"] * spread) ** 2 / count + (se * slope) ** 2)
    expected = reference_density(case.noise, case.values, runs.y, f, scale) + math.log(problem.reference.scale)
    np.testing.assert_allclose(seen[:3], expected, rtol=1e-10)
    assert rows.mask.tolist() == [1.0] * 3 + [0.0] * (len(rows.mask) - 3)


@pytest.mark.slow_cases("beta", "logit_normal")
@pytest.mark.parametrize("case", [case for case in NOISES if is_share(case.noise)], ids=lambda case: case.noise.name)
def test_shares_are_fitted_forecast_and_kept_between_0_and_1(case, tmp_path, seed=34):
    """Fails if the fit, the forecast or the file of a share passes 0 or 1, or misses the simulated truth."""
    rng, truth = np.random.default_rng(seed), {"A": 1.8, "b": 0.3, "noise_scale": 0.05}
    k = np.geomspace(1, 1e4, 40)
    f = np.exp(-truth["A"] * k ** -truth["b"])
    if case.noise.name == "beta":
        total = 1 / truth["noise_scale"] ** 2 - 1
        y = rng.beta(f * total, (1 - f) * total)
    else:
        y = special.expit(special.logit(f) + truth["noise_scale"] * rng.standard_normal(40))
    runs = sb.Runs(k=k, coverage=y, observable="coverage", range=(0, 1))
    fit = sb.fit(runs, "repeated_sampling", noise=case.noise)
    assert not fit.checks.of("fail") and fit.checks["r-hat"].status == "pass"
    table = fit.summary(0.999)
    for name, value in truth.items():
        assert table.loc[name, "lower"] < value < table.loc[name, "upper"], f"{name}, seed {seed}"
    curve, new = (sb.predict(fit, k=[10.0, 1e6], observed=o)["coverage"] for o in (False, True))
    assert (new > 0).all() and (new < 1).all() and (new.std(("chain", "draw")) > curve.std(("chain", "draw"))).all()
    review = sb.predict(fit, k=1e6).attrs["review"]
    assert "sb.recalibrate" in review and "discrepancy" not in review, "what is refused is advised"
    known = np.exp(-truth["A"] * np.array([10.0, 1e6]) ** -truth["b"])
    told = sb.interval(sb.predict(fit, k=[10.0, 1e6], observed=True), 0.999)
    assert ((told["lower"] < known) & (known < told["upper"])).all(), f"seed {seed}"
    fit.save(tmp_path / "fit.nc")
    again = sb.predict(sb.load(tmp_path / "fit.nc"), k=[10.0, 1e6])["coverage"]
    np.testing.assert_array_equal(again, curve)


def test_a_fixed_scale_is_an_objective():
    """Fails if an objective, which has no scale to sample with, is drawn from, scored or asked for new runs."""
    runs = sb.Runs(x=[1.0, 10.0, 100.0, 1000.0], loss=[3.0, 2.0, 1.5, 1.2])
    noise = sb.Huber(delta=1e-3, scale=1.0)
    for method in ("laplace", "nuts"):
        with pytest.raises(sb.InputError, match="has a fixed scale: it is an objective and not a density"):
            sb.fit(runs, "power", noise=noise, method=method)
    with pytest.raises(sb.InputError, match="use priors='flat'"):
        sb.fit(runs, "power", noise=noise, method=POINT)
    fit = sb.fit(runs, "power", noise=noise, method=POINT, priors="flat", on_fail="ignore")
    with pytest.raises(sb.InputError, match="is an objective and not a density: it has no log likelihood"):
        fit.log_likelihood()
    with pytest.raises(sb.InputError, match="is an objective and not a density: it can't say how a new run scatters"):
        sb.predict(fit, x=1e4, observed=True)
    assert sb.predict(fit, x=1e4)["loss"].item() < 1.2


BAD_NOISES = {
    "unknown name": (
        lambda: sb.noises.get("student"),
        r"unknown noise 'student'; did you mean 'student_t'\? valid: student_t, normal, huber, normal_raw",
    ),
    "unknown setting": (
        lambda: sb.noises.get("huber", {"dleta": 1.0}),
        r"unknown setting of .* 'dleta'; did you mean 'delta'\? valid: delta, scale",
    ),
    "unknown argument": (
        lambda: sb.Huber(dleta=1.0),
        r"unknown setting of .* 'dleta'; did you mean 'delta'\? valid: delta, scale",
    ),
    "a setting of a noise that has none": (
        lambda: sb.noises.get("normal_raw", {"df": 4}),
        r"unknown setting of .* 'df'; valid: none",
    ),
    "not a name": (lambda: sb.noises.get(3), r"a noise is a name or a scalebayes noise such as sb\.StudentT"),
    "df": (lambda: sb.StudentT(df=0), "StudentT: df is a positive number or 'free', not 0"),
    "df in words": (lambda: sb.StudentT(df="four"), "StudentT: df is a positive number or 'free', not 'four'"),
    "df not finite": (lambda: sb.StudentT(df=math.inf), "StudentT: df is a positive number or 'free', not inf"),
    "df a truth value": (lambda: sb.StudentT(df=True), "StudentT: df is a positive number or 'free', not True"),
    "delta": (lambda: sb.Huber(delta=0.0), r"Huber: delta is a positive number, not 0\.0"),
    "delta left out": (lambda: sb.Huber(delta=None), "Huber: delta is a positive number, not None"),
    "scale": (lambda: sb.Huber(scale=-1.0), r"Huber: scale is a positive number, or None for a free one, not -1\.0"),
}


@pytest.mark.parametrize("what", BAD_NOISES)
def test_a_bad_noise_is_refused_in_words(what):
    """Fails if a misspelt or senseless setting of a noise is dropped, which silently changes the answer."""
    make, sentence = BAD_NOISES[what]
    with pytest.raises(sb.InputError, match=sentence):
        make()


@each_noise
def test_a_noise_refuses_an_observable_that_it_cannot_be_on(case):
    """Fails if the log of a negative reading, or the logit of 1, is fitted as NaN."""
    x, anything = [1.0, 10.0, 100.0], (-math.inf, math.inf)
    for law, y, refused in (
        ("power", [0.5, 0.1, -0.2], case.noise.form.range[0] == 0),
        ("power", [0.5, 1.0, 0.2], is_share(case.noise)),
        ("repeated_sampling", [0.5, 1.0, 0.2], is_share(case.noise)),
    ):
        runs = sb.Runs(x=x, score=y, observable="score", range=anything)
        inputs = {"k": "x"} if law == "repeated_sampling" else None
        if not refused:
            assert len(build(runs, sb.laws.get(law), case.noise, inputs=inputs).runs) == 3
            continue
        kind = "between 0 and 1" if is_share(case.noise) else "positive"
        bad = "-0.2" if min(y) < 0 else "1"
        sentence = (
            f"noise '{case.noise.name}' is for an observable that is {kind}, and score is {bad} in 1 run; .*normal_raw"
        )
        with pytest.raises(sb.InputError, match=sentence):
            build(runs, sb.laws.get(law), case.noise, inputs=inputs)


@pytest.mark.parametrize("noise", ["logit_normal", "beta"])
def test_a_law_without_an_upper_end_takes_no_noise_of_a_share(noise):
    """Fails if a noise of a share is taken for a law whose values pass 1, where it has no density."""
    runs = sb.Runs(x=[1.0, 10.0, 100.0], error=[0.5, 0.3, 0.2], observable="error")
    with pytest.raises(sb.InputError, match=f"noise '{noise}' .* law 'power' has no upper end; use noise='student_t'"):
        sb.fit(runs, "power", noise=noise)


def test_a_percentage_is_refused_where_a_share_is_meant():
    """Fails if a law between 0 and 1 is fitted to 45.3, and ends at its edge in silence."""
    runs = sb.Runs(L=[2.0, 3.0, 4.0], accuracy=[70.0, 45.3, 30.0], observable="accuracy")
    with pytest.raises(
        sb.InputError,
        match="gives accuracy from 0 to 1, and accuracy is 70 in 3 runs; divide a percentage by 100",
    ):
        sb.fit(runs, "accuracy_sigmoid")
