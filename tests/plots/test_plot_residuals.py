import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import departing, fit_of, simulated
from tests.plots import fits


@pytest.fixture(scope="module")
def fitted():
    return fits.of_sizes()


def off_by(shift):
    """Runs that lie off 2 x^-0.5 + 1 by known shifts of the log, under a fit that holds this law and noise .01."""
    x = np.geomspace(1.0, 1e4, len(shift))
    runs = sb.Runs(x=x, loss=(2 * x**-0.5 + 1) * np.exp(shift), unit="nats/token")
    draws = {"A": np.full(9, 2.0), "alpha": np.full(9, 0.5), "E": np.ones(9)}
    return fit_of(sb.laws.get("offset_power"), draws, runs)


def test_residuals_are_in_scales_of_the_noise():
    """Fails if a residual isn't the log of the run over the law, in units of the noise's scale of .01."""
    shift = 0.01 * np.array([0.0, 1.0, -2.0, 3.0])
    data = sb.plot_residuals_data(off_by(shift))
    assert data["axis"].values.tolist() == ["x", "order"]
    assert np.allclose(data["residual"].values, [0, 1, -2, 3], atol=1e-9)
    assert np.allclose(data["residual_lower"].values[0], data["residual"].values, atol=1e-9)
    assert np.isnan(data["trend"].values).all()  # of four runs there is no trend


def test_the_spread_is_that_of_the_posterior():
    """Fails if the bars aren't the interval of the residual over the draws of the law."""
    data = sb.plot_residuals_data(fits.one_scale(), "x", prob=0.5)
    E = np.linspace(0.0, 1.0, 101)
    each = np.log(fits.RUNS.y[0] / (2.0 + E)) / 0.01
    ends = data["residual_lower"].values[0, 0], data["residual"].values[0], data["residual_upper"].values[0, 0]
    assert np.allclose(ends, np.quantile(each, [0.25, 0.5, 0.75]))


def test_the_trend_follows_a_wrong_law():
    """Fails if the line of neighbours' medians misses a shift of half the runs, or an outlier bends it."""
    shift = 0.01 * np.repeat([0.0, 2.0], 30)
    shift[10] = 0.5
    trend = sb.plot_residuals_data(off_by(shift), "x")["trend"].values[0]
    assert np.allclose(trend[:25], 0, atol=1e-9) and np.allclose(trend[-25:], 2, atol=1e-9)


def test_a_discrepancy_is_left_out_run_by_run():
    """Fails if a residual isn't that from the prediction by the other runs: (K^-1 r)_i / (K^-1)_ii^0.5, K their matrix.

    An offset common to all runs has a covariance of one number, so that K is known.
    """
    besiroglu, runs = sb.laws.published("besiroglu2024"), simulated(10, 0)
    runs = sb.Runs(N=runs["N"], D=runs["D"], loss=runs.y, group=["a"] * 10)
    draws = {name: np.full(3, value) for name, value in besiroglu.values.items()}
    fit = departing(runs, besiroglu.law, draws, sb.GP(sb.Offset()), {"offset_scale": 0.02})
    law = np.asarray(besiroglu.law(N=runs["N"], D=runs["D"], **besiroglu.values))
    inverse = np.linalg.inv(0.003**2 * np.eye(10) + 0.02**2)
    wanted = inverse @ np.log(runs.y / law) / np.sqrt(np.diag(inverse))
    found = sb.plot_residuals_data(fit, "C")["residual"].values
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_column_beside_the_law(fitted):
    """Fails if another numeric column can't be drawn against, or an unknown one ends in a traceback."""
    assert sb.plot_residuals_data(fitted, ["D_per_N", "order"])["axis"].values.tolist() == ["D_per_N", "order"]
    with pytest.raises(sb.InputError, match="D_per_N"):
        sb.plot_residuals(fitted, "D_pr_N")
    with pytest.raises(sb.InputError, match="members"):
        sb.plot_residuals(fits.kinds(fitted)["stack"])
    with pytest.raises(sb.InputError, match=r"fits\[0\]"):
        sb.plot_residuals(fits.kinds(fitted)["many"])


@pytest.mark.parametrize("kind", ["fit", "recalibrated"])
def test_it_draws(fitted, kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or a panel is missing."""
    axes = sb.plot_residuals(fits.kinds(fitted)[kind])
    axes[0].figure.canvas.draw()
    labels = [ax.get_xlabel() for ax in axes]
    assert labels == [
        "C (FLOPs)", "N (parameters)", "D (tokens)", "D/N (tokens per parameter)", "row of the table"
    ]  # fmt: skip
    assert sb.plot_residuals(fitted, "C", ax=axes[1]) is axes[1]
