import numpy as np
import pytest
from scipy import stats

import scalebayes as sb
from tests.helpers import fit_of
from tests.plots import fits


def known(draws=4001):
    """log alpha is Normal(log .5, .05) in the posterior; its prior is LogNormal, and E is evenly from 0 to 1."""
    quantiles = (np.arange(draws) + 0.5) / draws
    return fit_of(
        sb.laws.get("offset_power"),
        {
            "A": np.full(draws, 2.0) * np.exp(0.01 * stats.norm.ppf(quantiles)),
            "alpha": 0.5 * np.exp(0.05 * stats.norm.ppf(quantiles)),
            "E": 0.2 + 0.6 * quantiles,
        },
        fits.RUNS,
    )


def test_the_posterior_and_its_width():
    """Fails if the density isn't that of the log, or the width isn't the ratio of the two intervals' widths there."""
    fit = known()
    data = sb.plot_prior_posterior_data(fit, "alpha").sel(parameter="alpha")
    at, density = np.log(data["posterior_at"].values), data["posterior"].values
    assert np.isclose(np.trapezoid(density, at), 1, atol=0.02)
    assert np.allclose(density, stats.norm.pdf(at, np.log(0.5), 0.05), atol=0.4)
    assert np.allclose(data["quantiles"], 0.5 * np.exp(0.05 * 1.645 * np.array([-1, 0, 1])), rtol=1e-3)
    prior = fit.problem.params["alpha"].prior
    assert np.isclose(float(data["narrowed"]), 0.05 / float(prior.scale), rtol=0.1)


def test_all_parameters_in_order():
    """Fails if a free parameter is left out, or the fixed noise is drawn."""
    data = sb.plot_prior_posterior_data(known())
    assert data["parameter"].values.tolist() == ["A", "alpha", "E"] and data.sizes["at"] > 100


def test_what_it_refuses():
    """Fails if one draw, a flat prior, many fits or a fixed parameter ends in a traceback."""
    with pytest.raises(sb.InputError, match="one draw"):
        sb.plot_prior_posterior(fits.one_scale(np.array([0.5])))
    with pytest.raises(sb.InputError, match="noise_scale"):
        sb.plot_prior_posterior(known(), "noise_scale")
    with pytest.raises(sb.InputError, match=r"fits\[0\]"):
        sb.plot_prior_posterior(fits.kinds(known())["many"])
    runs = sb.Runs(x=np.geomspace(1.0, 1e3, 8), loss=1 + 2 * np.geomspace(1.0, 1e3, 8) ** -0.5)
    draws = {"E": np.linspace(0.9, 1.1, 9), "A": np.linspace(1.9, 2.1, 9), "alpha": np.linspace(0.4, 0.6, 9)}
    flat = fit_of(sb.laws.get("offset_power"), draws, runs, priors={"E": "flat"})
    with pytest.raises(sb.InputError, match="the prior of E is flat"):
        sb.plot_prior_posterior(flat)


def test_it_draws():
    """Fails if drawing warns, or a panel lacks its label."""
    axes = sb.plot_prior_posterior(fits.kinds(known())["recalibrated"])
    axes[0].figure.canvas.draw()
    assert [ax.get_xlabel() for ax in axes] == ["A (loss x^alpha)", "alpha", "E (nats/token)"]
    assert axes[0].get_xscale() == "log"
