import numpy as np
import pytest

import scalebayes as sb
from scalebayes.plots.pointwise import LIGHT, lighter, pointwise
from tests.helpers import PROCESS_VALUES, departing, simulated
from tests.plots import fits

BESIROGLU = sb.laws.published("besiroglu2024")
MATERN = {name: x for name, x in PROCESS_VALUES.items() if name.startswith("matern")}


def with_matern(draws):
    rng = np.random.default_rng(2)
    values = {name: x * np.exp(0.01 * rng.normal(size=draws)) for name, x in BESIROGLU.values.items()}
    return departing(simulated(12, 3), BESIROGLU.law, values, sb.GP("matern"), MATERN)


def test_a_few_points_at_a_time_are_the_forecast():
    """Fails if points are lost, repeated or out of order where a fit with a discrepancy is asked in parts."""
    fit, N = with_matern(1), np.geomspace(1e8, 1e12, 19)
    whole = sb.predict(fit, N=N, D=20 * N)
    parts = pointwise(fit, {"N": N, "D": 20 * N})
    assert np.allclose(parts["loss"].values, whole["loss"].values, rtol=1e-9)
    assert np.allclose(parts["distance"].values, whole["distance"].values)
    assert parts["N"].values.tolist() == N.tolist() and parts.attrs["law"] == whole.attrs["law"]


def test_fewer_draws_are_draws_of_the_fit():
    """Fails if a thinned fit mixes draws up, or a fit without a discrepancy loses some."""
    fit = with_matern(1000)
    light = lighter(fit)
    pairs, kept = (set(zip(one.draws["A"].ravel(), one.draws["E"].ravel(), strict=True)) for one in (fit, light))
    assert light.size == len(kept) == LIGHT and kept < pairs
    assert lighter(fits.of_sizes(draws=1000)).size == 1000
    kinds = fits.kinds(fit)
    assert lighter(kinds["stack"]).draws == LIGHT and lighter(kinds["recalibrated"]).fit.size == LIGHT
    assert [one.size for one in lighter(kinds["many"])] == [LIGHT, LIGHT]


@pytest.mark.slow
def test_a_fit_with_a_discrepancy_is_drawn():
    """Fails if a figure of a fit with a discrepancy can't be drawn, or warns."""
    fit = with_matern(20)
    for ax in (sb.plot_curves(fit, at={"N": [1e9]}), sb.plot_forecast(fit), sb.plot_frontier(fit, "N", of="law")):
        ax.figure.canvas.draw()
    data = sb.plot_frontier_data(fit, of="curve")
    assert data.sizes["budget"] == 7 and data.attrs["of"] == "curve"
