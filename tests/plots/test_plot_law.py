import matplotlib.pyplot as plt
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.display.figures import counted
from tests.cases import LAWS


def test_the_curve_is_the_law():
    """Fails if the curve isn't E + A x^-alpha at both ends of the range that was given, or between."""
    data = sb.plot_law_data("offset_power", A=20.0, alpha=0.5, E=1.5, x=(1.0, 1e4))
    x = data["x"].values
    assert x[[0, -1]].tolist() == [1.0, 1e4] and np.allclose(np.diff(np.log(x)), np.log(1e4) / (len(x) - 1))
    assert np.allclose(data["loss"].values, [1.5 + 20 * x**-0.5], rtol=1e-12)
    assert data.attrs["E"] == 1.5


def test_without_a_range_the_fall_is_seen():
    """Fails if a law alone is drawn where it is flat, so that its first picture shows a line."""
    data = sb.plot_law_data("offset_power", A=20.0, alpha=0.3, E=1.7)
    loss = data["loss"].values[0]
    assert 3.5 * 1.7 < loss[0] < 4.5 * 1.7 and 1.02 * 1.7 < loss[-1] < 1.05 * 1.7


def test_a_list_gives_curves_and_C_divides():
    """Fails if a list isn't a curve for each of its values, or D doesn't follow from C = 6 N D."""
    besiroglu = sb.laws.published("besiroglu2024")
    data = sb.plot_law_data("chinchilla", against="C", C=(6e18, 6e24), N=[1e9, 7e10], **besiroglu.values)
    assert data["N"].values.tolist() == [1e9, 7e10] and data.attrs["varied"] == "N"
    for curve, N in enumerate((1e9, 7e10)):
        D = data["C"].values / 6 / N
        assert np.allclose(data["loss"].values[curve], besiroglu.law(N=N, D=D, **besiroglu.values), rtol=1e-5)


def test_what_cannot_be_drawn_is_told():
    """Fails if two lists, or an axis that the law hasn't, end in a traceback of NumPy."""
    with pytest.raises(sb.InputError, match="one value may be a list"):
        sb.plot_law_data("offset_power", A=[1.0, 2.0], alpha=[0.1, 0.2], E=1.0)
    with pytest.raises(sb.InputError, match="takes x"):
        sb.plot_law("offset_power", against="C", A=1.0, alpha=0.2, E=1.0, C=(1.0, 2.0))
    with pytest.raises(sb.InputError, match="needs E"):
        sb.plot_law("offset_power", A=1.0, alpha=0.2)


def test_it_draws_on_given_axes():
    """Fails if axes that are given aren't those drawn on and returned, or a legend covers them."""
    figure, axes = plt.subplots(1, 2, layout="constrained")
    ax = sb.plot_law("chinchilla", N=(1e6, 1e12), D=[1e9, 1e12], A=482.0, B=2085.0, alpha=0.348, beta=0.366, E=1.82,
                     unit="nats/token", ax=axes[0])  # fmt: skip
    figure.canvas.draw()
    assert ax is axes[0] and ax.get_ylabel() == "loss (nats/token)" and ax.get_xlabel() == "N (parameters)"
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["1B", "1T", "E = 1.82"]
    assert legend.get_window_extent().x0 > ax.get_window_extent().x1
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert {"1M", "1B", "1T"} <= set(labels)


@pytest.mark.parametrize("case", LAWS, ids=lambda case: f"{case.name}-{len(case.truth)}")
def test_every_law_can_be_drawn(case):
    """Fails if a law in the registry can't be drawn along its first input."""
    law = case.law
    others = {name: case.levels.get(name, [1.0])[0] for name in law.inputs[1:]}
    levels = case.levels.get(law.inputs[0])
    low, high = (min(levels), max(levels)) if levels else (0.1, 10.0)
    data = sb.plot_law_data(law, **case.truth, **others, **{law.inputs[0]: (low, high)})
    assert np.isfinite(data[law.observable].values).all() and data.attrs["against"] == law.inputs[0]


@pytest.mark.parametrize(("value", "text"), [(999.6e6, "1B"), (999.4e6, "999M"), (1e3, "1K"), (-2e9, "-2B"), (0, "0")])
def test_counts_round_to_the_next_suffix(value, text):
    """Fails if a count just below a suffix is written as 1000M, or a sign or zero is lost."""
    assert counted(value) == text
