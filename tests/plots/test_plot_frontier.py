import jax
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.laws.published import FRONTIERS
from tests.helpers import fit_of, simulated
from tests.plots import fits

BESIROGLU = sb.laws.published("besiroglu2024")


def test_the_frontier_is_the_closed_form():
    """Fails if N*, D* or D/N isn't that of the values of Besiroglu et al.: N = 7.24e10, D = 1.327e12 at 5.76e23."""
    fit = fit_of(BESIROGLU.law, {name: [value] * 3 for name, value in BESIROGLU.values.items()}, simulated(20, 0))
    data = sb.plot_frontier_data(fit, reach=5.76e23 / (6 * fit.runs["N"] * fit.runs["D"]).max())
    end = data.isel(budget=-1)
    assert np.isclose(float(end["C"]), 5.76e23)
    assert np.isclose(float(end["N"]), 7.24e10, rtol=1e-3) and np.isclose(float(end["D"]), 1.327e12, rtol=1e-3)
    assert np.isclose(float(end["D_per_N"]), 18.3, rtol=3e-3)
    assert np.allclose(data["N_lower"].values, data["N_upper"].values)
    assert np.allclose(data["beside_N"].sel(beside="besiroglu2024").values, data["N"].values, rtol=1e-4)


def test_published_optima_are_as_printed():
    """Fails if a published optimum isn't what its source has."""
    fit = fits.of_sizes()
    data = sb.plot_frontier_data(fit)
    C = data["C"].values
    at = {name: data["beside_N"].sel(beside=name).values for name in data["beside"].values}
    assert set(at) == {"kaplan2020", "hoffmann2022", "besiroglu2024", "porian2024"}
    assert np.allclose(at["porian2024"], 0.1189 * C**0.4969)
    assert np.allclose(at["kaplan2020"], 1.3e9 * (C / 8.64e19) ** 0.73)
    assert np.allclose(data["beside_D"].values * data["beside_N"].values * 6, C)
    with jax.enable_x64():
        hoffmann = sb.laws.published("hoffmann2022")
        N = np.exp(np.linspace(-0.2, 0.2, 4001)) * at["hoffmann2022"][-1]
        loss = np.asarray(hoffmann.law(N=N, D=C[-1] / 6 / N, **hoffmann.values))
    assert np.isclose(N[loss.argmin()], at["hoffmann2022"][-1], rtol=1e-3)
    assert FRONTIERS["kaplan2020"].N_counts == "non-embedding"


def test_bytes_are_not_compared_with_tokens():
    """Fails if a law of bytes is drawn beside optima that count tokens, unless it is asked for."""
    runs = simulated(20, 0)
    runs = sb.Runs(N=runs["N"], D=runs["D"], loss=runs.y, unit="nats/byte")
    fit = fit_of(BESIROGLU.law, {name: [value] * 3 for name, value in BESIROGLU.values.items()}, runs)
    assert sb.plot_frontier_data(fit).sizes["beside"] == 0
    assert sb.plot_frontier_data(fit, beside=["porian2024"])["beside"].values.tolist() == ["porian2024"]
    with pytest.raises(sb.InputError, match="porian2024"):
        sb.plot_frontier(fit, beside=["porian"])
    assert sb.plot_frontier(fit, "D").get_ylabel() == "D (bytes)"


@pytest.mark.parametrize("kind", ["fit", "stack", "recalibrated", "many"])
def test_it_draws(kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or the panels aren't returned."""
    import matplotlib.pyplot as plt

    fit = fits.kinds(fits.of_sizes())[kind]
    axes = sb.plot_frontier(fit)
    axes[0].figure.canvas.draw()
    assert [ax.get_ylabel().partition(" ")[0] for ax in axes] == ["N", "D", "D/N"]
    _, ax = plt.subplots()
    assert sb.plot_frontier(fit, "D_per_N", ax=ax) is ax
    with pytest.raises(sb.InputError, match="3 are drawn"):
        sb.plot_frontier(fit, ax=ax)


def test_a_law_of_one_scale_is_told():
    """Fails if a law without N and D ends in a traceback."""
    with pytest.raises(sb.InputError, match="is for laws of N and D, and this one takes x"):
        sb.plot_frontier(fits.one_scale())


def test_the_frontier_is_that_of_its_cost_and_limits():
    """Fails if a frontier ignores the cost or a limit, puts the runs at C = 6 N D, or compares them with published
    optima of 6 N D.
    """
    fit = fits.of_sizes()
    cost, limits = sb.costs.with_inference(1e12), {"max_N": 2e9}
    data = sb.plot_frontier_data(fit, cost=cost, subject_to=limits)
    best = sb.optimum(fit, C=data["C"].values, cost=cost, subject_to=limits)
    assert np.allclose(data["N"].values, best["N"].median(("chain", "draw")).values)
    assert np.isclose(data["N"].values[-1], 2e9) and data["beside"].size == 0
    assert np.allclose(data["run_C"].values, cost(fit.runs["N"], fit.runs["D"]))
