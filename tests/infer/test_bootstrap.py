"""Bootstrap: its refits against another optimiser's, its spread against the formula's, and groups."""

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

import scalebayes as sb
from scalebayes.model.problem import build
from tests.helpers import simulated

EXACT = {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-12}
FLAT = {"priors": "flat", "noise": sb.Normal()}


def curve(rng, rows=60):
    x = np.logspace(0, 4, rows)
    return sb.Runs(x=x, loss=3.0 * x**-0.2 * np.exp(0.02 * rng.normal(size=rows)))


def weights_of(runs, method, seed):
    """How often each run is drawn, as the method draws it."""
    with jax.enable_x64():
        problem = build(runs, sb.laws.get("power"), sb.Normal())
        return method.weights(problem, jax.random.split(jax.random.key(seed))[1])[:, : len(runs)]


def test_each_refit_is_the_weighted_least_squares(seed=61):
    """Fails if a refit stops at its start, or forgets how often each run was drawn."""
    runs, method = curve(np.random.default_rng(seed)), sb.Bootstrap(resamples=50)
    fit = sb.fit(runs, "power", method=method, seed=seed, **FLAT)
    weights = weights_of(runs, method, seed)
    assert (weights.sum(axis=1) == len(runs)).all() and weights.max() > 3
    x, y = np.log(runs.column("x")), np.log(runs.y)
    for i, weight in enumerate(weights):
        root = np.sqrt(weight)
        slope, height = np.polyfit(x, y, 1, w=root)
        assert fit.draws["alpha"][0, i] == pytest.approx(-slope, abs=1e-6), f"resample {i}, seed {seed}"
        assert np.log(fit.draws["A"][0, i]) == pytest.approx(height, abs=1e-6), f"resample {i}, seed {seed}"
    assert fit.sample_stats["converged"].all()


@pytest.mark.slow
def test_kinked_objectives_are_refitted_too(seed=62):
    """Fails if refits of Huber's objective with a tiny delta stop at its kinks, above what Nelder-Mead finds."""
    runs = simulated(80, seed=seed)
    noise, method = sb.Huber(delta=1e-3, scale=1.0), sb.Bootstrap(resamples=30)
    fit = sb.fit(runs, method=method, noise=noise, priors="flat", seed=seed, on_fail="ignore")
    with jax.enable_x64():
        problem = build(runs, sb.laws.get("chinchilla"), noise, "flat")
        weights = method.weights(problem, jax.random.split(jax.random.key(seed))[1])[:, : len(runs)]
    N, D, L = (np.log(v) for v in (runs.column("N"), runs.column("D"), runs.y))

    def off(t):
        return np.log(np.exp(t[0] - t[3] * N) + np.exp(t[1] - t[4] * D) + np.exp(t[2])) - L

    def objective(t, weight):
        size = abs(off(t))
        return weight @ np.where(size <= 1e-3, size**2 / 2, 1e-3 * (size - 5e-4))

    logs = [np.log(fit.draws[n][0]) for n in ("A", "B", "E")] + [fit.draws["alpha"][0], fit.draws["beta"][0]]
    for i, (t, weight) in enumerate(zip(np.array(logs).T, weights, strict=True)):
        near = minimize(objective, t, (weight,), "Nelder-Mead", options=EXACT)
        assert objective(t, weight) <= near.fun * (1 + 1e-5), f"resample {i}, seed {seed}"


@pytest.mark.slow
def test_the_spread_is_that_of_the_estimate(seed=63):
    """Fails if bootstrap intervals are narrower or wider than the formula's standard error, by a constant."""
    rng = np.random.default_rng(seed)
    runs = curve(rng, rows=400)
    fit = sb.fit(runs, "power", method=sb.Bootstrap(resamples=2000), seed=seed, **FLAT)
    x = np.log(runs.column("x"))
    expected = 0.02 / np.sqrt(((x - x.mean()) ** 2).sum())
    # The sd of 2,000 draws is known to 1.6 %, that of the noise by 400 runs to 3.5 %, the bootstrap's own to as much.
    assert fit.draws["alpha"].std() == pytest.approx(expected, rel=4 * 0.052), f"seed {seed}"


@pytest.mark.slow
def test_groups_share_their_fate(seed=64):
    """Fails if runs of one family are resampled apart, and so pass for independent evidence."""
    rng = np.random.default_rng(seed)
    x = np.tile(np.logspace(0, 4, 10), 12)
    offset = np.repeat(0.05 * rng.normal(size=12), 10)
    loss = 3.0 * x**-0.2 * np.exp(offset + 0.005 * rng.normal(size=120))
    runs = sb.Runs(x=x, loss=loss, group=np.repeat([f"g{i}" for i in range(12)], 10))
    method = sb.Bootstrap(resamples=300, by="group")
    weights = weights_of(runs, method, seed).reshape(300, 12, 10)
    assert (weights == weights[:, :, :1]).all() and (weights.sum(axis=(1, 2)) == 120).all()
    by_group = sb.fit(runs, "power", method=method, seed=seed, on_fail="ignore", **FLAT)
    by_run = sb.fit(runs, "power", method=sb.Bootstrap(resamples=300), seed=seed, on_fail="ignore", **FLAT)
    assert np.log(by_group.draws["A"]).std() > 1.5 * np.log(by_run.draws["A"]).std(), f"seed {seed}"


@pytest.mark.slow
def test_the_reference_is_that_of_all_runs(seed=65):
    """Fails if the priors move with each resample, or a bootstrap has checks of a posterior."""
    runs = curve(np.random.default_rng(seed))
    fit = sb.fit(runs, "power", method=sb.Bootstrap(resamples=20), seed=seed)
    assert fit.reference == sb.fit(runs, "power", method="map").reference
    assert fit.draws["alpha"].shape == (1, 20) and fit.checks["refits"].status == "pass"
    assert {"driven by the prior", "r-hat"}.isdisjoint(check.name for check in fit.checks)


@pytest.mark.slow
def test_a_resample_that_decides_nothing_is_told():
    """Fails if refits that never reached a mode look like any other draw."""
    runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.4])
    fit = sb.fit(runs, "offset_power", method=sb.Bootstrap(resamples=200), on_fail="ignore", priors="flat")
    assert fit.checks["refits"].status != "pass" and "refits reached a mode" in fit.checks["refits"].sentence


def test_saved_and_loaded(tmp_path):
    """Fails if a bootstrap comes back from its file with other draws or settings."""
    fit = sb.fit(curve(np.random.default_rng(66)), "power", method=sb.Bootstrap(resamples=20), **FLAT)
    fit.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.draws["alpha"], fit.draws["alpha"])
    assert again.method == fit.method


BAD = {
    "none": (lambda: sb.Bootstrap(resamples=0), "resamples is a whole number from 1 on, not 0"),
    "by": (lambda: sb.Bootstrap(by="rows"), "unknown Bootstrap: by 'rows'; "),
    "setting": (lambda: sb.Bootstrap(draws=10), "unknown setting of Bootstrap 'draws'"),
    "no groups": (
        lambda: sb.fit(curve(np.random.default_rng(0)), "power", method=sb.Bootstrap(by="group")),
        "the runs have no column 'group'; use by='run'",
    ),
    "blank groups": (
        lambda: sb.fit(
            sb.Runs(x=[1.0, 2.0, 3.0], loss=[3.0, 2.0, 1.5], group=["a", None, "b"]),
            "power",
            method=sb.Bootstrap(by="group"),
        ),
        "1 of the runs have no group; give each one",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_refused_in_words(what):
    """Fails if a misspelt setting is dropped, or groups that aren't there are resampled."""
    make, sentence = BAD[what]
    with pytest.raises(sb.InputError, match=sentence):
        make()
