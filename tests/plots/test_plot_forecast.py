import numpy as np
import pytest

import scalebayes as sb
from tests.plots import fits


def test_the_fan_and_the_truth_have_known_quantiles():
    """Fails if the fan isn't that of 2 x^-0.5 + E beyond the runs, or a hit isn't whether the truth is inside."""
    fit, truth = fits.one_scale(), sb.Runs(x=[1e4, 1e4], loss=[0.52, 1.5], unit="nats/token")
    data = sb.plot_forecast_data(fit, truth=truth, prob=(0.5, 0.9), reach=300.0)
    x = data["x"].values
    assert np.isclose(x[0], 1) and np.isclose(x[-1], 3e4)
    assert np.allclose(data["loss"].values, 2 / np.sqrt(x) + 0.5)
    assert np.allclose(data["loss_upper"].sel(prob=0.9).values, 2 / np.sqrt(x) + 0.95)
    assert np.allclose(data["efolds"].values, np.maximum(np.log(x / 100), 0), atol=1e-9)
    assert data["truth_hit"].values.tolist() == [[True, False], [True, False]]
    # A new run has noise of 1 % too, which widens the interval a little.
    assert 0.02 < float(data["truth_lower"].sel(prob=0.9)[0]) < 0.08
    assert data["run_near"].values.all()


def test_the_fan_is_at_one_ratio_that_of_the_truth():
    """Fails if the fan isn't at the median D/N of the truth, so that the truth is compared with other runs."""
    fit, truth = fits.of_sizes(), sb.Runs(N=[1e11, 2e11, 3e11], D=[2e12, 4e12, 9e12], loss=[1.95, 1.93, 1.91])
    data = sb.plot_forecast_data(fit, truth=truth)
    assert data.attrs["D_per_N"] == 20.0 and data.attrs["against"] == "C"
    C = data["C"].values
    there = sb.predict(fit, N=np.sqrt(C / 120), D=np.sqrt(C / 120) * 20)["loss"].median(("chain", "draw")).values
    assert np.allclose(data["loss"].values, there) and C[-1] >= 6 * 3e11 * 9e12
    ratio = fit.runs["D"] / fit.runs["N"]
    assert (data["run_near"].values == ((ratio <= 40) & (ratio >= 10))).all()


@pytest.mark.parametrize("kind", ["fit", "stack", "recalibrated"])
def test_it_draws(kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or the axis above doesn't count multiples of the runs."""
    fit, truth = fits.kinds(fits.of_sizes())[kind], sb.Runs(N=[1e11], D=[2e12], loss=[1.95])
    ax = sb.plot_forecast(fit, truth=truth, observed=True)
    ax.figure.canvas.draw()
    (above,) = ax.child_axes
    assert [text.get_text() for text in above.get_xticklabels()] == ["1x", "10x", "100x"]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[:4] == ["median", "95 % band", "80 % band", "50 % band"]
    assert any(text.startswith("truth,") and text.endswith("of 1 inside") for text in texts)


def test_what_cannot_be_drawn_is_told():
    """Fails if many fits, or a truth that isn't runs, is told without what to type."""
    of = fits.kinds(fits.one_scale())
    with pytest.raises(sb.InputError, match=r"draw each: fits\[0\]"):
        sb.plot_forecast(of["many"])
    with pytest.raises(sb.InputError, match="truth is a table of runs"):
        sb.plot_forecast(of["fit"], truth={"x": [1.0]})
    with pytest.raises(sb.InputError, match="the axis already"):
        sb.plot_forecast(of["fit"], at={"x": 3.0})
