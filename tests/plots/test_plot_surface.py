import numpy as np
import pytest

import scalebayes as sb
from tests.plots import fits


def test_the_surface_and_the_path_are_known():
    """Fails if the surface isn't the median forecast at its N and D, or the path not the optimum."""
    fit = fits.of_sizes()
    data = sb.plot_surface_data(fit, beyond=2.0)
    N, D = data["N"].values, data["D"].values
    assert np.isclose(N[0], fit.runs["N"].min() / 2) and np.isclose(D[-1], fit.runs["D"].max() * 2)
    there = sb.predict(fit, N=N[[3, 20]], D=D[[7, 30]])["loss"].median(("chain", "draw")).values
    assert np.allclose([data["loss"].values[3, 7], data["loss"].values[20, 30]], there)
    best = sb.interval(sb.optimum(fit, C=data["C"].values))
    best = best[best["quantity"] == "N"]
    assert np.allclose(data["path_N"].values, best["median"])
    assert np.allclose(data["path_N_upper"].values[0], best["upper"])
    assert np.allclose(6 * data["path_N"].values * data["path_D"].values, data["C"].values)


@pytest.mark.parametrize("kind", ["fit", "stack", "recalibrated"])
def test_it_draws(kind):
    """Fails if a kind of fit can't be drawn, drawing warns, or a label of a contour lies on a run."""
    fit = fits.of_sizes()
    ax = sb.plot_surface(fits.kinds(fit)[kind], prob=(0.5, 0.9))
    ax.figure.canvas.draw()
    dots = ax.transData.transform(np.column_stack([fit.runs["N"], fit.runs["D"]]))
    labels = [text for text in ax.texts if text.get_text()]
    assert len(labels) >= 5
    for text in labels:
        box = text.get_window_extent()
        assert not ((dots > [box.x0, box.y0]) & (dots < [box.x1, box.y1])).all(axis=1).any()


def test_what_cannot_be_drawn_is_told():
    """Fails if a law without N and D ends in a traceback."""
    with pytest.raises(sb.InputError, match="takes x"):
        sb.plot_surface(fits.one_scale())
