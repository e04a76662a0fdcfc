"""The legend says what is drawn, and nothing that isn't."""

import matplotlib.pyplot as plt
import pytest

import scalebayes as sb
from tests.helpers import LAPLACE, POINT


@pytest.mark.parametrize(("method", "bands"), [(POINT, False), (LAPLACE, True)], ids=["mode", "posterior"])
def test_a_mode_has_no_band_in_the_legend(method, bands):
    """Fails if the legend names a band that isn't drawn, or leaves out one that is."""
    runs = sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.3])
    ax = sb.plot_curves(sb.fit(runs, "power", noise="normal", method=method, on_fail="ignore"))
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert ("90 % band" in words) is bands and "runs" in words
    plt.close(ax.figure)
