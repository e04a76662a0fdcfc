import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import fit_of
from tests.plots import fits


def with_floor(draws=4000, scatter=0.05):
    """E is Normal(1, 0.1), and the fall at x = 1000 is 2 exp(Normal(0, scatter)) / 10, whatever E is."""
    rng = np.random.default_rng(1)
    draws = {
        "A": 2 * np.exp(scatter * rng.normal(size=draws)),
        "alpha": np.full(draws, 1 / 3),
        "E": rng.normal(1.0, 0.1, draws),
    }
    return fit_of(sb.laws.get("offset_power"), draws, fits.RUNS)


def test_given_the_floor_the_rest_is_left():
    """Fails if the forecast given E isn't E plus the fall, with the band of the fall alone."""
    data = sb.plot_floor_data(with_floor(), (10.0,))
    assert data.attrs["against"] == "x" and data["x"].values.tolist() == [1000.0]
    E, given = data["E"].values, data.isel(multiple=0)
    assert np.allclose(E[[0, -1]], [1 - 0.1645, 1 + 0.1645], atol=0.01)
    assert np.allclose(given["loss"].values, E + 0.2, atol=0.002)
    width = (given["loss_upper"] - given["loss_lower"]).values[0]
    assert np.allclose(width, 0.2 * (np.exp(0.0822) - np.exp(-0.0822)), rtol=0.2)
    # Left free, E makes it ten times as wide: sd .1 beside .01.
    free = float(given["any_loss_upper"] - given["any_loss_lower"])
    assert np.isclose(free, 2 * 1.645 * np.hypot(0.1, 0.01), rtol=0.05)
    assert np.isclose(float(given["explained"]), 0.01 / (0.01 + 0.0001), atol=0.003)


def test_the_posterior_of_the_floor_is_beside():
    """Fails if the strip shows another density than that of E, or the dotted lines aren't its interval."""
    data = sb.plot_floor_data(with_floor(), (10.0, 100.0))
    at, density = data["E_at"].values, data["E_density"].values
    assert np.isclose(np.trapezoid(density, at), 1, atol=0.01)
    assert np.allclose(density, np.exp(-(((at - 1) / 0.1) ** 2) / 2) / (0.1 * np.sqrt(2 * np.pi)), atol=0.25)
    assert np.allclose(data["E_quantiles"].values, [1 - 0.1645, 1, 1 + 0.1645], atol=0.01)


def test_few_draws_draw_nothing():
    """Fails if a band is drawn that rests on a handful of draws, or on one draw repeated."""
    with pytest.raises(sb.InputError, match="fit with more draws"):
        sb.plot_floor(fits.one_scale())
    repeated = fits.one_scale(np.repeat(np.linspace(0.0, 1.0, 30), 200))
    with pytest.raises(sb.InputError, match="100 different draws"):
        sb.plot_floor(repeated)
    data = sb.plot_floor_data(with_floor(draws=150))
    blank = np.isnan(data["loss"].values[0])
    assert (blank == (data["draws_near"].values < 100)).all() and blank.any() and not blank.all()


def test_a_law_without_a_floor_is_told():
    """Fails if a law without E, a fixed E, or a fit with one draw ends in a traceback."""
    power = fit_of(sb.laws.get("power"), {"A": np.full(9, 2.0), "alpha": np.full(9, 0.5)}, fits.RUNS)
    with pytest.raises(sb.InputError, match="has no floor 'E'"):
        sb.plot_floor(power)
    fixed = sb.laws.get("offset_power").fix(E=0.5)
    with pytest.raises(sb.InputError, match="is fixed"):
        sb.plot_floor(fit_of(fixed, {"A": np.full(9, 2.0), "alpha": np.full(9, 0.5)}, fits.RUNS))
    with pytest.raises(sb.InputError, match="one draw"):
        sb.plot_floor(fits.one_scale(np.array([0.5])))
    with pytest.raises(sb.InputError, match="draw each"):
        sb.plot_floor(fits.kinds(with_floor(200))["many"])


def test_a_stack_is_conditioned_on_its_own_draws():
    """Fails if the floors of a stack aren't in the order of its forecasts."""
    fit = with_floor()
    stack = sb.stack({"a": fit, "b": fit}, weights={"a": 0.3, "b": 0.7})
    data = sb.plot_floor_data(stack, (10.0,))
    assert np.allclose(data["loss"].values[0], data["E"].values + 0.2, atol=0.003)


@pytest.mark.parametrize("kind", ["fit", "stack", "recalibrated"])
def test_it_draws(kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or the strip's axis is another than the figure's."""
    ax = sb.plot_floor(fits.kinds(with_floor())[kind])
    ax.figure.canvas.draw()
    (strip,) = ax.child_axes
    assert strip.get_xlim() == ax.get_xlim() and strip.get_window_extent().y0 > ax.get_window_extent().y1
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [text.partition(":")[0] for text in texts] == ["10x", "100x", "300x", "90 % band"]
