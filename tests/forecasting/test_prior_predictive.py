"""prior_predictive: what the priors hold possible, in the runs' own units, before a loss is seen."""

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb

N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 1e10, 4), np.geomspace(2e9, 2e11, 3)))
RUNS = sb.Runs(N=N, D=D, loss=1.8 + 400 / N**0.34 + 2000 / D**0.37)


def test_curves_are_the_law_at_the_draws_it_returns():
    """Fails if parameters in reference units stand beside curves in the runs' own units."""
    prior = sb.prior_predictive(RUNS, "chinchilla", draws=50)
    assert prior["loss"].dims == ("chain", "draw", "run") and prior["loss"].shape == (1, 50, len(RUNS))
    assert prior["N"].values.tolist() == N.tolist() and prior.attrs["law"] == "chinchilla"
    law = sb.laws.get("chinchilla")
    with jax.enable_x64():
        expected = law(N=N, D=D, **{name: prior[name].values[0][:, None] for name in law.params})
    np.testing.assert_allclose(prior["loss"].values[0], expected, rtol=1e-12)


def test_priors_move_with_the_units_of_the_runs():
    """Fails if prior curves depend on the units of the table, which would then decide the fit."""
    other = sb.Runs(N=N / 1e6, D=D / 1e9, loss=2 * RUNS.y)
    one, two = (sb.prior_predictive(runs, "chinchilla", draws=50) for runs in (RUNS, other))
    np.testing.assert_allclose(two["loss"], 2 * one["loss"], rtol=1e-9)
    np.testing.assert_allclose(two["A"], 2 * one["A"] / 1e6 ** one["alpha"], rtol=1e-9)
    assert one.attrs["near"] == two.attrs["near"]


def test_the_seed_decides():
    """Fails if the same seed, or its key, gives other prior curves, or another seed the same."""
    one, same, other, key = (
        sb.prior_predictive(RUNS, "power", inputs={"x": "N"}, draws=20, seed=seed)["loss"].values
        for seed in (3, 3, 4, jax.random.key(3))
    )
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(one, key)
    assert (one != other).all()


def test_priors_and_inputs_are_those_that_are_given():
    """Fails if the curves are of other priors or inputs than those that the fit will have."""
    priors = {"alpha": 0.5, "A": dist.LogNormal(5.0, 0.01)}
    prior = sb.prior_predictive(RUNS, "power", priors=priors, inputs={"x": "D"}, draws=400)
    assert (prior["alpha"] == 0.5).all() and prior["D"].dims == ("run",) and "N" not in prior
    assert np.log(prior["A"]).mean().item() == pytest.approx(5.0, abs=5 * 0.01 / np.sqrt(400)), "seed 0"
    np.testing.assert_allclose(prior["loss"].values[0], prior["A"].values[0][:, None] * D**-0.5, rtol=1e-9)


def test_a_flat_prior_is_refused():
    """Fails if draws are made up for a flat prior, which has none."""
    for priors in ("flat", {"E": "flat"}):
        with pytest.raises(sb.InputError, match=r"the prior of '[AE]' is flat and has no draws"):
            sb.prior_predictive(RUNS, "chinchilla", priors=priors)


def test_interval_makes_a_table_of_it():
    """Fails if prior curves can't be made a table beside the runs, or their intervals don't hold the runs."""
    table = sb.interval(sb.prior_predictive(RUNS, "chinchilla", draws=200)[["loss"]])
    assert list(table) == ["N", "D", "median", "mean", "sd", "lower", "upper"] and len(table) == len(RUNS)
    assert ((table["lower"] < RUNS.y) & (RUNS.y < table["upper"])).all()


def spanning(name):
    """Inputs over the range that runs of a law have, and an observable like theirs."""
    L = np.linspace(2.2, 4.4, 12)
    return {
        "power": {"x": np.geomspace(1e18, 4e20, 12), "loss": np.geomspace(4.0, 2.2, 12)},
        "data_constrained": {"N": N, "D": D, "U": D / 8, "loss": RUNS.y},
        "error_exponential": {"L": L, "error": 0.85 - 1.3 * np.exp(-0.8 * L)},
    }.get(name, {"N": N, "D": D, "loss": RUNS.y})


@pytest.mark.parametrize("name", ["chinchilla", "kaplan", "power", "data_constrained", "error_exponential"])
def test_prior_curves_are_finite_and_near_the_runs(name, seed=21):
    """Fails if a law's default priors put over 5 % of the curves far from any loss that runs have, or make them
    infinite.
    """
    runs = sb.Runs(**spanning(name), observable=sb.laws.get(name).observable)
    prior = sb.prior_predictive(runs, name, draws=2000, seed=seed)
    assert prior.attrs["finite"] >= 0.95 and prior.attrs["near"] >= 0.95, f"{prior.attrs}, seed {seed}"


def test_near_and_finite_count_the_curves():
    """Fails if the shares of near and of finite curves praise any prior, instead of counting the curves."""
    far = sb.prior_predictive(RUNS, "power", priors={"alpha": 0.1, "A": 1e9}, inputs={"x": "N"}, draws=10)
    assert (far.attrs["near"], far.attrs["finite"]) == (0.0, 1.0)
    half = {"A": dist.Uniform(0.0, 60.0), "alpha": 1e-9}
    share = sb.prior_predictive(RUNS, "power", priors=half, inputs={"x": "N"}, draws=2000).attrs["near"]
    scale = np.exp(np.log(RUNS.y).mean())
    expected = (60.0 - scale / 30) / 60.0
    assert share == pytest.approx(expected, abs=0.01), "seed 0"
