"""Figures in a notebook, whose backend turns the interactive mode on when the first figure is opened."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from scalebayes.plots.style import opened_panels


@pytest.mark.parametrize("notebook", [True, False])
def test_the_mode_that_a_backend_turns_on_stays_on(notebook, monkeypatch):
    """Fails if a notebook shows the first figure of its session alone, or a script's figures become interactive."""
    make = plt.subplots

    def subplots(*args, **kwargs):
        if notebook:
            plt.ion()  # as the backend of a notebook does when it is loaded
        return make(*args, **kwargs)

    monkeypatch.setattr(plt, "subplots", subplots)
    with matplotlib.rc_context({"interactive": False}):
        axes = opened_panels(2)
        assert plt.isinteractive() is notebook
    plt.close(axes[0].figure)
