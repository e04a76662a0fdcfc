"""The published fits of the Chinchilla runs come back."""

import math

import numpy as np
import pytest

import scalebayes as sb

PUBLISHED = {"A": 482.00572, "B": 2085.4342, "E": 1.81686, "alpha": 0.34781, "beta": 0.36585}
SUM_HUBER = {"A": 477.83, "B": 2143.4, "E": 1.81722, "alpha": 0.34731, "beta": 0.36717}


def at(fit):
    return {name: float(x.item()) for name, x in fit.draws.items()}


@pytest.mark.parametrize("seed", [0, 1])
def test_hoffmanns_objective_is_minimised(chinchilla_runs, seed):
    """Fails if the optimiser stops above the minimum of Hoffmann's objective, as the one of the published numbers
    did.
    """
    fit = sb.fit(
        chinchilla_runs, "chinchilla", noise=sb.Huber(delta=1e-3, scale=1.0), priors="flat", method="map", seed=seed
    )
    assert -fit.sample_stats["lp"].item() <= 1.018275e-3
    found = at(fit)
    for name, value in SUM_HUBER.items():
        assert found[name] == pytest.approx(value, rel=5e-3), name
    assert fit.numbers["starts_agree"] > 1


def test_the_objective_of_all_rows(data_path):
    """Fails if the five runs with the highest losses lead the optimiser away from the minimum."""
    every = sb.read_runs(data_path / "chinchilla.csv")
    fit = sb.fit(every, "chinchilla", noise=sb.Huber(delta=1e-3, scale=1.0), priors="flat", method="map")
    assert -fit.sample_stats["lp"].item() <= 1.826011e-3


@pytest.mark.slow
def test_the_free_scale_gives_the_published_estimate(chinchilla_runs):
    """Fails if the kinks of Huber's likelihood stop the search before the published estimate, log likelihood 879.77."""
    fit = sb.fit(chinchilla_runs, "chinchilla", noise=sb.Huber(delta=1e-3), priors="flat", method="map")
    found = at(fit)
    for name, value in PUBLISHED.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name
    assert math.log(found["noise_scale"]) == pytest.approx(-12.27, abs=0.01)
    # The replication's log likelihood is of log loss; ours is of the loss, sum(log loss) less.
    log_likelihood = float(fit.log_likelihood()["loss"].sum()) + float(np.log(chinchilla_runs.y).sum())
    assert log_likelihood == pytest.approx(879.77, abs=0.01)


def test_published_values_and_their_optimum():
    """Fails if a preset is rounded: Hoffmann's rounded values put the optimal N 20 % off."""
    presets = {name: sb.laws.published(name) for name in ("hoffmann2022", "besiroglu2024")}
    expected = {"hoffmann2022": (4.04e10, 58.9), "besiroglu2024": (7.24e10, 18.3)}
    for name, preset in presets.items():
        v = preset.values
        total = v["alpha"] + v["beta"]
        scale = (v["alpha"] * v["A"] / (v["beta"] * v["B"])) ** (1 / total)
        N = scale * (5.76e23 / 6) ** (v["beta"] / total)
        assert pytest.approx(expected[name][0], rel=2e-3) == N
        assert pytest.approx(expected[name][1], abs=0.05) == 5.76e23 / (6 * N * N)
