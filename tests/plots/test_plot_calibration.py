import numpy as np
import pytest

import scalebayes as sb
from scalebayes.calibration.result import judged
from tests.plots.test_plot_backtest import known

DRAWS = 99


def calibration(failures=0):
    """Uniform ranks of "right", ranks in the outer tenths alone of "narrow", and no coverage of "rank_only"."""
    rank = np.arange(400) % 100
    narrow = np.where(np.arange(400) % 2, rank % 10, 99 - rank % 10)
    below = np.stack([(rank + 0.5) / 100, (narrow + 0.5) / 100, np.full(400, np.nan)])
    failed = ["k-hat"] * failures + [""] * (400 - failures)
    return sb.Calibration(
        judged(["right", "narrow", "rank_only"], np.stack([rank, narrow, rank]), below, failed, DRAWS)
    )


def test_ranks_and_coverage():
    """Fails if uniform ranks leave the envelope or don't lie on the diagonal, or narrow intervals seem to hold."""
    result = calibration()
    data = sb.plot_calibration_data(result)
    right, narrow, alone = (data.sel(quantity=name) for name in ("right", "narrow", "rank_only"))
    assert (right["ecdf_difference"] >= data["lower"]).all() and (right["ecdf_difference"] <= data["upper"]).all()
    assert np.allclose(right["coverage"], data["level"], atol=0.03)
    assert (narrow["ecdf_difference"] > data["upper"]).any() and (narrow["ecdf_difference"] < data["lower"]).any()
    assert (narrow["coverage"].sel(level=slice(0, 0.78)) == 0).all()
    assert alone["coverage"].isnull().all() and not alone["ecdf_difference"].isnull().any()
    table = result.table()
    assert np.isclose(
        float(right["coverage"].sel(level=0.9, method="nearest")), table["covered_90"]["right"], atol=0.01
    )
    assert data.attrs["count"] == 400


def test_fits_that_failed():
    """Fails if fits that failed their checks are drawn among those that passed, or none that passed warns."""
    assert sb.plot_calibration_data(calibration(100)).attrs["count"] == 300
    assert sb.plot_calibration_data(calibration(100), of="all").attrs["count"] == 400
    with pytest.raises(sb.InputError, match="of='all'"):
        sb.plot_calibration(calibration(400))
    with pytest.raises(sb.InputError, match="passed"):
        sb.plot_calibration(calibration(), of="some")
    with pytest.raises(sb.InputError, match=r"sb\.calibrate"):
        sb.plot_calibration(known().data)


def test_pit_of_a_backtest():
    """Fails if the ECDF isn't that of the scored PIT values, or a run that was forecast twice counts twice."""
    backtest = known()
    data = sb.plot_calibration_data(backtest)
    pit = backtest.data["pit"].sel(law="half").values
    pit = pit[np.isfinite(pit)]
    at = data.sel(quantity="half").sel(x=0.5, method="nearest")
    assert np.isclose(float(at["ecdf_difference"]) + float(at["x"]), (pit <= float(at["x"])).mean())
    scored = np.isfinite(backtest.data["efolds"]).any("cutoff")
    assert data.attrs["count"] == int(scored.sum()) < len(pit)
    level = float(data["level"][20])
    inside = (np.abs(pit - 0.5) < level / 2).mean()
    assert np.isclose(float(data["coverage"].sel(quantity="half", level=level)), inside)


@pytest.mark.parametrize("result", [calibration, known])
def test_it_draws(result):
    """Fails if drawing warns, or a parameter or a forecaster isn't in the legend."""
    axes = sb.plot_calibration(result())
    axes[0].figure.canvas.draw()
    texts = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert len(texts) == (4 if result is calibration else 3) and texts[-1].startswith("95 % if calibrated")
