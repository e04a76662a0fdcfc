"""savage_dickey: against quadrature, on simulated truth, and what it refuses."""

from dataclasses import replace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.special import logsumexp

import scalebayes as sb
from scalebayes.comparison import kernel_density as density
from scalebayes.model.problem import build
from tests.helpers import LAPLACE

X = np.logspace(0, 4, 24)
A, ALPHA, SCALE = 3.0, 0.2, 0.02


def simulated_power(E, seed):
    loss = (E + A * X**-ALPHA) * np.exp(SCALE * np.random.default_rng(seed).normal(size=len(X)))
    return sb.Runs(x=X, loss=loss)


def log_likelihood(runs, E, alpha):
    """Of each pair of E and alpha (...,), in plain NumPy."""
    curve = np.asarray(E)[..., None] + A * X ** -np.asarray(alpha)[..., None]
    return stats.norm.logpdf(np.log(runs.y), np.log(curve), SCALE).sum(-1)


def log10_by_quadrature(runs, prior_E, prior_alpha):
    """log10 p(runs | E = 0) / p(runs), from the two marginal likelihoods."""
    E = np.linspace(0, 1.5, 1501)
    log_alpha = np.linspace(np.log(0.1), np.log(0.5), 1201) if prior_alpha else np.log([ALPHA])
    weigh = prior_alpha.logpdf(np.exp(log_alpha)) + log_alpha if prior_alpha else np.zeros(1)
    alpha = np.exp(log_alpha)
    trapezoid = np.ones(len(E))
    trapezoid[[0, -1]] = 0.5
    full = log_likelihood(runs, E[:, None], alpha) + prior_E.logpdf(E)[:, None] + weigh
    full = logsumexp(full + np.log(trapezoid * (E[1] - E[0]))[:, None])
    return (logsumexp(log_likelihood(runs, 0.0, alpha) + weigh) - full) / np.log(10)


@pytest.mark.slow_cases(
    "E-0.0-1",
    "E-0.004-2",
    "E-0.008-3",
    "E-0.03-4",
    "E and alpha-0.0-0",
    "E and alpha-0.0-1",
    "E and alpha-0.03-2",
    "E and alpha-0.25-4",
    "E and alpha-0.06-3",
    "E-0.0-0",
)
@pytest.mark.parametrize(
    ("free", "E", "seed"),
    [
        *(("E", E, seed) for seed, E in enumerate([0.0, 0.0, 0.004, 0.008, 0.03])),
        *(("E and alpha", E, seed) for seed, E in enumerate([0.0, 0.0, 0.03, 0.06, 0.25])),
    ],
)
def test_against_the_marginal_likelihoods(free, E, seed):
    """Fails if the Bayes factor is off from quadrature by the kernel's bias at the end of the support, or by a unit of
    the prior.
    """
    runs = simulated_power(E, seed)
    own = {"E": dist.HalfNormal(1.0), "A": A, "noise_scale": SCALE}
    own["alpha"] = dist.LogNormal(-1.5, 0.3) if free == "E and alpha" else ALPHA
    fit = sb.fit(runs, "offset_power", noise="normal", priors=own, seed=seed)
    found = sb.savage_dickey(fit, E=0)
    prior_alpha = stats.lognorm(0.3, scale=np.exp(-1.5)) if free == "E and alpha" else None
    exact = log10_by_quadrature(runs, stats.halfnorm(scale=1.0), prior_alpha)
    told = f"{found.log10_bayes_factor:.3f} +- {found.se:.3f}, exact {exact:.3f}, near {found.near:.0f}, seed {seed}"
    print(told)
    if found.at_most:
        assert exact <= found.log10_bayes_factor, told
        assert "at most" in found.sentence
    else:
        assert abs(found.log10_bayes_factor - exact) <= 4 * found.se, told
        assert found.se < 0.15, told


def two_scales(alpha, beta, seed):
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7, 10, 120), 10 ** rng.uniform(9, 12, 120)
    truth = {"A": 1.0 * 10 ** (8.5 * alpha), "B": 1.0 * 10 ** (10.5 * beta), "E": 1.5}
    with jax.enable_x64():
        law = sb.laws.get("chinchilla")
        loss = np.asarray(law(N=N, D=D, alpha=alpha, beta=beta, **truth))
    return sb.Runs(N=N, D=D, loss=loss * np.exp(0.01 * rng.standard_t(4, 120)))


@pytest.mark.slow_cases("1", "2", "0")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_exponents(seed):
    """Fails if two exponents that are equal are told apart, or two that aren't are held to be equal."""
    equal, apart = (
        sb.savage_dickey(sb.fit(two_scales(0.35, beta, seed), method=LAPLACE, seed=seed), alpha="beta")
        for beta in (0.35, 0.5)
    )
    print(equal, apart, f"seed {seed}")
    assert equal.log10_bayes_factor > 0.3, f"{equal}, seed {seed}"
    assert apart.log10_bayes_factor < -1, f"{apart}, seed {seed}"


def test_the_order_of_two_parameters_doesnt_matter():
    """Fails if alpha = beta has another Bayes factor than beta = alpha."""
    fit = sb.fit(two_scales(0.35, 0.35, 0), method=LAPLACE)
    one, other = sb.savage_dickey(fit, alpha="beta"), sb.savage_dickey(fit, beta="alpha")
    assert one.log10_bayes_factor == pytest.approx(other.log10_bayes_factor, abs=1e-6)


def test_a_unit_changes_nothing():
    """Fails if alpha = 0.35 or alpha = beta has another Bayes factor in tokens than in thousands of them."""
    runs = two_scales(0.35, 0.35, 0)
    other = sb.Runs(N=runs.column("N") / 1e3, D=runs.column("D") / 1e3, loss=runs.y / np.log(2))
    for point in ({"alpha": 0.35}, {"alpha": "beta"}):
        both = [sb.savage_dickey(sb.fit(r, method=LAPLACE), **point).log10_bayes_factor for r in (runs, other)]
        assert both[0] == pytest.approx(both[1], abs=1e-3), point


@pytest.mark.parametrize("shape", ["normal", "gamma", "mixture"])
def test_density_where_it_is_known(shape):
    """Fails if the density is biased where the posterior isn't Normal, or its error is too small or too large."""
    family = {
        "normal": stats.norm(),
        "gamma": stats.gamma(3.0),
        "mixture": stats.t(5.0),
    }[shape]
    for x in family.ppf([0.05, 0.3, 0.5, 0.8, 0.95]):
        off = []
        for seed in range(50):
            draws = family.rvs((4, 1000), random_state=seed)
            found = density.at(draws, x, 4000.0)
            off.append((found.log_density - family.logpdf(x)) / found.se)
        assert np.mean(np.abs(off) < 4) > 0.95, f"{shape} at {x:.2f}, seeds 0 to 49"
        assert 0.5 < np.std(off) < 1.6, f"{shape} at {x:.2f}: the error is off by {np.std(off):.2f}, seeds 0 to 49"


def test_the_error_of_correlated_draws():
    """Fails if draws of a sampler that moves slowly are taken for independent ones, so that the error is too small."""
    rho, off = 0.9, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(4, 1000))
        for i in range(1, 1000):
            z[:, i] = rho * z[:, i - 1] + np.sqrt(1 - rho**2) * z[:, i]
        found = density.at(z, 1.0, 4000 * (1 - rho) / (1 + rho))
        off.append((found.log_density - stats.norm.logpdf(1.0)) / found.se)
    assert 0.6 < np.std(off) < 1.6, f"{np.std(off)}, seeds 0 to 59"


RUNS = sb.Runs(
    N=[1e7, 1e8, 1e9] * 3,
    D=[1e9] * 3 + [1e10] * 3 + [1e11] * 3,
    loss=[4.48, 3.55, 3.12, 3.91, 2.97, 2.55, 3.62, 2.75, 2.34],
)
REFUSED = {
    "none": ({}, {}, "one parameter and its point"),
    "two": ({}, {"E": 0, "alpha": 0.3}, "2 were given"),
    "name": ({}, {"alfa": 0.3}, "did you mean 'alpha'"),
    "other name": ({}, {"alpha": "betta"}, "did you mean 'beta'"),
    "itself": ({}, {"alpha": "alpha"}, "two different"),
    "dimensions": ({}, {"A": "B"}, "their dimensions differ"),
    "type": ({}, {"E": None}, "a finite number"),
    "nan": ({}, {"E": float("nan")}, "a finite number"),
    "outside": ({}, {"E": -1.0}, "outside the support"),
    "laplace": ({}, {"E": 0}, "fit with method='nuts'"),
    "no density": ({"method": sb.NUTS()}, {"alpha": 0}, "density zero at 0"),
    "infinite": ({"method": sb.NUTS(), "priors": {"E": dist.Gamma(0.5, 1.0)}}, {"E": 0}, "density infinite at 0"),
    "edge": ({"method": sb.NUTS(), "priors": {"alpha": dist.Beta(2.0, 2.0)}}, {"alpha": 1}, "density zero at 1"),
    "fixed": ({"priors": {"E": 1.0}}, {"E": 0}, "is fixed at 1"),
    "flat": ({"priors": {"E": "flat"}}, {"E": 1.0}, "is flat"),
    "map": ({"method": sb.MAP()}, {"E": 0}, "use method='nuts'"),
    "bootstrap": ({"method": sb.Bootstrap(resamples=120)}, {"alpha": 0.3}, "bootstrap draws none"),
    "unit": ({}, {"A": 400.0}, "depends on other parameters"),
}


@pytest.fixture(scope="module")
def nine_runs():
    return sb.fit(RUNS, method=LAPLACE, on_fail="ignore")


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, nine_runs):
    """Fails if a ratio of densities that don't exist is given as a number."""
    settings, point, match = REFUSED[case]
    fit = replace(nine_runs, method=settings.get("method", sb.Laplace()))
    if "priors" in settings:
        # What a prior refuses doesn't depend on the draws.
        with jax.enable_x64():
            fit = replace(fit, problem=build(RUNS, fit.law, fit.noise, settings["priors"]))
    if fit.method.name == "map":
        fit = replace(fit, draws={name: x[:, :1] for name, x in fit.draws.items()})
    with pytest.raises(sb.InputError, match=match):
        sb.savage_dickey(fit, **point)


def test_no_fit():
    """Fails if what is no fit ends in an error from somewhere inside."""
    with pytest.raises(sb.InputError, match="takes a fit"):
        sb.savage_dickey({"E": 0}, E=0)


@pytest.mark.slow
def test_a_prior_in_own_units_is_that_density():
    """Fails if A = 400, with a prior in the runs' own units, is measured on the scale of the runs' reference."""
    A = 10 ** (8.5 * 0.35)
    narrow = {"A": dist.LogNormal(np.log(A), 0.02)}
    fit = sb.fit(two_scales(0.35, 0.35, 0), method=LAPLACE, priors=narrow)
    # The runs tell little beside so narrow a prior, and the ratio is near one.
    assert abs(sb.savage_dickey(fit, A=A).log10_bayes_factor) < 0.1
