import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import fit_of, simulated
from tests.plots import fits


def known(unit="nats/token", draws=3000):
    """Draws around the values of Besiroglu et al., in which log A and alpha move together, and all else alone."""
    besiroglu = sb.laws.published("besiroglu2024")
    rng = np.random.default_rng(0)
    values = {name: value * np.exp(0.02 * rng.normal(size=draws)) for name, value in besiroglu.values.items()}
    values["alpha"] = besiroglu.values["alpha"] * (values["A"] / besiroglu.values["A"]) ** 0.3
    runs = simulated(20, 0)
    return fit_of(besiroglu.law, values, sb.Runs(N=runs["N"], D=runs["D"], loss=runs.y, unit=unit))


def test_draws_and_correlations():
    """Fails if the draws aren't the posterior's, or the correlation isn't that along the axes."""
    fit = known()
    data = sb.plot_pairs_data(fit)
    assert data["parameter"].values.tolist() == ["A", "B", "alpha", "beta", "E"]
    assert np.isin(data["draws"].sel(parameter="A"), fit.draws["A"]).all() and data.sizes["draw"] == 1500
    assert np.isclose(float(data["correlation"].sel(parameter="A", other="alpha")), 1)
    assert abs(float(data["correlation"].sel(parameter="A", other="B"))) < 0.06
    at = data["density_at"].sel(parameter="E")
    assert np.isclose(np.trapezoid(data["density"].sel(parameter="E"), np.log(at)), 1, atol=0.02)


def test_published_values():
    """Fails if a published value is another, or values in tokens are marked where D counts bytes."""
    data = sb.plot_pairs_data(known(), ["A", "E"])
    assert data["beside"].values.tolist() == ["hoffmann2022", "besiroglu2024"]
    assert data["published"].sel(beside="besiroglu2024").values.tolist() == [482.00572, 1.81686]
    assert sb.plot_pairs_data(known("nats/byte"))["beside"].size == 0
    one = sb.plot_pairs_data(known("nats/byte"), beside=["hoffmann2022"])
    assert np.isclose(one["published"].sel(parameter="E").item(), 1.6934, atol=1e-3)
    with pytest.raises(sb.InputError, match="besiroglu2024"):
        sb.plot_pairs(known(), beside=["kaplan2020"])


def test_what_it_refuses():
    """Fails if one parameter, a stack or one draw ends in a traceback."""
    with pytest.raises(sb.InputError, match="plot_prior_posterior"):
        sb.plot_pairs(known(), ["A"])
    with pytest.raises(sb.InputError, match="members"):
        sb.plot_pairs(fits.kinds(known())["stack"])
    with pytest.raises(sb.InputError, match="one draw"):
        sb.plot_pairs(known(draws=1))


def test_it_draws():
    """Fails if drawing warns, a panel above the diagonal is left, or a label is on the wrong axis."""
    axes = sb.plot_pairs(known(), ["A", "alpha", "E"])
    axes[0, 0].figure.canvas.draw()
    assert [axes[i, j] is None for i, j in ((0, 1), (0, 2), (1, 2))] == [True] * 3
    assert axes[2, 1].get_xlabel() == "alpha" and axes[1, 0].get_ylabel() == "alpha"
    texts = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert texts == ["posterior draws", "hoffmann2022", "besiroglu2024"]
