from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.checks.registry import make_check
from scalebayes.status import Checks, Status
from tests.plots import fits

RUNS = fits.RUNS


@pytest.fixture(scope="module")
def one_scale():
    return fits.one_scale()


@pytest.fixture(scope="module")
def of_sizes():
    return fits.of_sizes()


def test_the_band_has_the_quantiles_of_the_draws(one_scale):
    """Fails if median and ends aren't the quantiles 0.5, 0.05 and 0.95 of 2 x^-0.5 + E, or the widest isn't first."""
    data = sb.plot_curves_data(one_scale, prob=(0.5, 0.9), reach=4.0)
    x = data["x"].values
    assert np.isclose(x[0], 1) and np.isclose(x[-1], 400) and data["prob"].values.tolist() == [0.9, 0.5]
    assert np.allclose(data["loss"].values, [2 / np.sqrt(x) + 0.5])
    assert np.allclose(data["loss_lower"].sel(prob=0.9).values, [2 / np.sqrt(x) + 0.05])
    assert np.allclose(data["loss_upper"].sel(prob=0.5).values, [2 / np.sqrt(x) + 0.75])
    assert data["run_loss"].values.tolist() == [3.0, 2.0, 1.5] and data["run_x"].values.tolist() == [1.0, 10.0, 100.0]
    assert np.allclose(data["efolds"].values, [np.maximum(np.log(x / 100), 0)], atol=1e-9)


@pytest.mark.parametrize(
    ("against", "at", "by", "curves"),
    [
        (None, None, "N", 4),
        ("N", None, "D", 4),
        ("D", {"N": [1e8, 1e9]}, "N", 2),
        ("C", {"D_per_N": 20.0}, "", 1),
        ("D_per_N", {"C": [1e19, 1e21]}, "C", 2),
    ],
)
def test_the_sizes_follow_from_two(of_sizes, against, at, by, curves):
    """Fails if N and D of a curve aren't those of its axis and its value, by C = 6 N D."""
    data = sb.plot_curves_data(of_sizes, against, at=at, reach=3.0)
    along = data.attrs["against"]
    assert along == (against or "C") and data.attrs["by"] == by and data.sizes["curve"] == curves
    for curve in range(curves):
        two = {along: data[along].values, (by or "D_per_N"): float(data[by][curve]) if by else 20.0}
        N, D, C, ratio = (two.get(name) for name in ("N", "D", "C", "D_per_N"))
        if N is None:
            N = C / 6 / D if D is not None and C is not None else D / ratio if C is None else np.sqrt(C / 6 / ratio)
        D = C / 6 / N if D is None and C is not None else N * ratio if D is None else D
        there = np.isfinite(data["loss"].values[curve])
        expected = sb.predict(of_sizes, N=N, D=D)["loss"].median(("chain", "draw")).values
        assert np.allclose(data["loss"].values[curve][there], expected[there])
        assert there.any() and (data["efolds"].values[curve][~there] > np.log(3)).all()


def test_it_draws_every_kind(one_scale, of_sizes):
    """Fails if a kind of fit can't be drawn, or drawing warns."""
    of = fits.kinds(one_scale)
    for fit in (*of.values(), of_sizes):
        ax = sb.plot_curves(fit)
        ax.figure.canvas.draw()
        assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1
    assert sb.plot_curves_data(of["many"])["dataset"].values.tolist() == ["a", "b"]
    narrow, doubled = (sb.plot_curves_data(one) for one in (one_scale, of["recalibrated"]))
    assert (doubled["loss_upper"] - doubled["loss_lower"] > narrow["loss_upper"] - narrow["loss_lower"]).all()


def test_beyond_the_runs_is_dashed(one_scale):
    """Fails if a reader can't see where the runs end, or the dashes begin inside them."""
    ax = sb.plot_curves(one_scale)
    seen = {line.get_linestyle(): np.asarray(line.get_xdata())[np.isfinite(line.get_ydata())] for line in ax.lines}
    assert set(seen) == {"-", "--"} and seen["-"].max() <= 100 * (1 + 1e-9) and seen["--"].max() > 999
    assert np.isclose(seen["--"].min(), seen["-"].max())
    assert "beyond the runs" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_what_cannot_be_drawn_is_told(one_scale, of_sizes):
    """Fails if a wrong axis or value is told without what to type."""
    with pytest.raises(sb.InputError, match="valid: x"):
        sb.plot_curves(one_scale, "N")
    with pytest.raises(sb.InputError, match="leave it out of at"):
        sb.plot_curves(of_sizes, "N", at={"N": 1e9})
    with pytest.raises(sb.InputError, match="give one list"):
        sb.plot_curves(of_sizes, "C", at={"N": [1e9], "D": [1e9]})
    with pytest.raises(sb.InputError, match="is fitted first"):
        sb.plot_curves(RUNS)


def test_a_failed_check_stands_above():
    """Fails if a picture of a fit that failed looks like any other once it has left its warning behind."""
    bad = replace(fits.one_scale(), checks=Checks((make_check("k_hat", Status.FAIL, "k-hat is 1.2; use NUTS"),)))
    with pytest.warns(sb.FitWarning):
        ax = sb.plot_curves(bad)
    title = ax.get_title(loc="left")
    assert title.startswith("failed checks: k-hat") and len(title) <= 60
    assert sb.plot_curves(fits.one_scale()).get_title(loc="left") == ""
