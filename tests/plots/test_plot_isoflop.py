import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import chinchilla_like, fit_of
from tests.plots import fits

BESIROGLU = sb.laws.published("besiroglu2024")


@pytest.fixture(scope="module")
def swept():
    return fit_of(BESIROGLU.law, {name: [value] * 3 for name, value in BESIROGLU.values.items()}, chinchilla_like())


def test_the_valley_and_its_floor_are_the_law(swept):
    """Fails if a valley isn't the law along its budget, or its floor isn't the optimum."""
    data = sb.plot_isoflop_data(swept, 5.76e23)
    N = data["N"].values[0]
    loss = np.asarray(BESIROGLU.law(N=N, D=5.76e23 / 6 / N, **BESIROGLU.values))
    assert np.allclose(data["loss"].values[0], loss, rtol=1e-5)
    assert np.isclose(float(data["minimum"][0]), 7.24e10, rtol=1e-3) and np.isclose(
        float(data["least"][0]), 1.974, atol=1e-3
    )
    assert N[0] < 7.24e10 / 1.9 and N[-1] > 7.24e10 * 1.9 and (data["run_budget"].values == -1).all()


def test_budgets_are_those_that_runs_share(swept):
    """Fails if the budgets of a sweep aren't found, or its runs are drawn with another."""
    data = sb.plot_isoflop_data(swept)
    C = data["C"].values
    assert C.tolist() == pytest.approx([6e18, 3e19, 1e20, 6e20, 3e21], rel=0.7) and len(C) == 5
    swept_at = np.array([6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21])
    assert np.abs(np.log(C[:, None] / swept_at)).min(axis=1).max() < 1e-9
    which = data["run_budget"].values
    assert np.allclose(data["run_C"].values[which >= 0], C[which[which >= 0]], rtol=0.25)
    assert (np.abs(np.log(data["run_C"].values[which < 0][:, None] / C)) > 0.2).all()


@pytest.mark.parametrize("kind", ["fit", "stack", "recalibrated"])
def test_it_draws(kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or the bar isn't the interval of the optimum."""
    fit = fits.of_sizes()
    ax = sb.plot_isoflop(fits.kinds(fit)[kind], [1e19, 1e21])
    ax.figure.canvas.draw()
    data = sb.plot_isoflop_data(fit, [1e19, 1e21])
    table = sb.interval(sb.optimum(fit, C=[1e19, 1e21]))
    table = table[table["quantity"] == "N"]
    assert np.allclose(data["minimum_lower"].values[0], table["lower"]) and len(ax.get_legend().get_texts()) == 5


def test_what_cannot_be_drawn_is_told():
    """Fails if a law without N and D, or many fits, end in a traceback."""
    with pytest.raises(sb.InputError, match="takes x"):
        sb.plot_isoflop(fits.one_scale())
    with pytest.raises(sb.InputError, match="draw each"):
        sb.plot_isoflop(fits.kinds(fits.of_sizes())["many"])
    with pytest.raises(sb.InputError, match="C: -1"):
        sb.plot_isoflop(fits.of_sizes(), -1.0)
