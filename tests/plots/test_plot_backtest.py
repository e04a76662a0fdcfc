import numpy as np
import pytest
import xarray as xr

import scalebayes as sb


def known(size=24, cutoffs=3):
    """A backtest whose forecasts by "half" are 1 % too high, inside half of the intervals; "trivial" is 10 % off."""
    rng = np.random.default_rng(0)
    size_of, y = np.geomspace(1e18, 1e21, size), np.linspace(3.0, 2.0, size)
    held = np.array([size_of > 1e18 * 10**k for k in range(1, cutoffs + 1)][:cutoffs]) & (np.arange(size) > 8)
    ends = np.array([size_of[~one].max() for one in held])
    efolds = np.where(held, np.log(size_of / ends[:, None]), np.nan)
    shape = (2, cutoffs, size)
    error = np.where(held, np.array([0.01, 0.1])[:, None, None], np.nan) * np.ones(shape)
    inside = (np.arange(size) % 2 == 0) * np.ones((2, cutoffs, 1, size))
    data = {
        "log_error": (("law", "cutoff", "run"), error),
        "median": (("law", "cutoff", "run"), y * np.exp(error)),
        "pit": (("law", "cutoff", "run"), np.where(held, rng.uniform(size=shape), np.nan)),
        "lower": (("law", "cutoff", "prob", "run"), (y * np.exp(error - 0.02))[:, :, None]),
        "upper": (("law", "cutoff", "prob", "run"), (y * np.exp(error + 0.02))[:, :, None]),
        "covered": (("law", "cutoff", "prob", "run"), np.where(held[None, :, None], inside, np.nan)),
        "efolds": (("cutoff", "run"), efolds),
        "status": (("law", "cutoff"), np.full((2, cutoffs), "pass")),
    }
    coords = {"law": ["half", "trivial"], "cutoff": ends, "prob": [0.9], "size": ("run", size_of), "y": ("run", y)}
    return sb.Backtest(xr.Dataset(data, coords, {"by": "C", "observable": "loss", "unit": "nats/token"}))


def test_errors_and_coverage_by_distance():
    """Fails if the rms error or the share of truths inside is another than what the backtest holds."""
    backtest = known()
    data = sb.plot_backtest_data(backtest)
    scored = int(np.isfinite(backtest.data["efolds"]).sum())
    assert data.sizes["forecast"] == scored == int(data["count"].sum())
    assert np.allclose(data["error"].sel(law="half"), np.expm1(0.01))
    assert np.allclose(data["rms"].sel(law="half"), np.expm1(0.01))
    assert np.allclose(data["rms"].sel(law="trivial"), np.expm1(0.1))
    cover = (data["cover"] * data["count"]).sum("range") / scored
    inside = backtest.data["covered"].sel(law="half").sum() / scored
    assert np.allclose(cover, float(inside))
    assert (data["distance"].diff("range") > 0).all()


def test_a_run_counts_once():
    """Fails if forecasts of one run from several cutoffs make the interval of a share narrower."""
    data = sb.plot_backtest_data(known(), prob=0.9)
    assert (data["runs"] < data["count"]).any() and (data["runs"] <= data["count"]).all()
    once = sb.plot_backtest_data(known(cutoffs=1))
    assert (once["runs"] == once["count"]).all()
    assert (data["cover_lower"] < data["cover"]).all() and (data["cover"] < data["cover_upper"]).all()


def test_what_it_refuses():
    """Fails if another prob, another law or a fit's class ends in a traceback."""
    with pytest.raises(sb.InputError, match=r"0\.9"):
        sb.plot_backtest(known(), prob=0.5)
    with pytest.raises(sb.InputError, match="half"):
        sb.plot_backtest(known(), "halv")
    with pytest.raises(sb.InputError, match=r"sb\.backtest"):
        sb.plot_backtest(known().data)


def test_it_draws():
    """Fails if drawing warns, the panels aren't the three, or a forecaster isn't in the legend."""
    axes = sb.plot_backtest(known())
    axes[0].figure.canvas.draw()
    assert len(axes) == 3
    texts = [text.get_text() for text in axes[2].get_legend().get_texts()]
    assert texts[:2] == ["half", "trivial"] and texts[-1].endswith("e-folds")
