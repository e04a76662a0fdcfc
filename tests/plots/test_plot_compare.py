import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.checks.registry import make_check
from scalebayes.comparison.result import KINDS
from scalebayes.status import Checks, Status


def known(status=Status.PASS):
    """A comparison of fits "a" and "b" of 8 runs, the last two held out: b is better by 4 nats, and by 2 on those."""
    held = np.arange(8) >= 6
    largest = np.where(held, np.array([[0.0], [1.0]]), np.nan)
    model = {
        "elpd_loo": [6.0, 10.0],
        "se": [1.0, 1.0],
        "difference": [-4.0, 0.0],
        "difference_se": [1.5, 0.0],
        "p_loo": [2.0, 3.0],
        "bad_k": [0, 0],
        "lpd_largest": [0.0, 1.0],
        "lpd_largest_se": [0.1, 0.1],
        "log_evidence": [np.nan, np.nan],
        "log_evidence_se": [np.nan, np.nan],
        "weight_loo": [0.1, 0.9],
        "weight_largest": [0.2, 0.8],
        "weight_evidence": [np.nan, np.nan],
    }
    data = {name: ("model", x) for name, x in model.items()}
    data |= {"lpd_largest_i": (("model", "run"), largest), "refitted": (("model", "run"), np.zeros((2, 8), bool))}
    coords = {"model": ["a", "b"], "held_out": ("run", held)}
    checks = Checks((make_check("fits", status, "of the fits."),))
    return sb.Comparison(xr.Dataset(data, coords, {"observable": "loss", "unit": "nats/token"}), checks)


def test_what_is_drawn():
    """Fails if the best fit isn't first, a difference isn't that of sums, or weights that there aren't are drawn."""
    data = sb.plot_compare_data(known())
    assert data["model"].values.tolist() == ["b", "a"]
    assert data["difference"].sel(score="loo").values.tolist() == [0, -4]
    assert data["difference_se"].sel(score="loo").values.tolist() == [0, 1.5]
    assert data["difference"].sel(score="largest").values.tolist() == [0, -2]
    assert data["difference_se"].sel(score="largest").values.tolist() == [0, 0]  # both runs differ by 1 nat
    assert data["by"].values.tolist() == ["loo", "largest"]
    assert np.allclose(data["weight"].sel(by="largest"), [0.8, 0.2])


def test_scores_that_arent_there():
    """Fails if a comparison without runs held out draws a score of them."""
    whole = known()
    data = whole.data.assign(
        lpd_largest_i=whole.data["lpd_largest_i"] * np.nan, weight_largest=whole.data["weight_largest"] * np.nan
    ).assign_coords(held_out=("run", np.zeros(8, bool)))
    found = sb.plot_compare_data(sb.Comparison(data, whole.checks))
    assert found["score"].values.tolist() == ["loo"] and found["by"].values.tolist() == ["loo"]
    with pytest.raises(sb.InputError, match=r"sb\.compare"):
        sb.plot_compare(data)


def test_it_draws():
    """Fails if drawing warns, the best fit isn't above, a score isn't named, or a failed check isn't said."""
    axes = sb.plot_compare(known(Status.FAIL))
    axes[0].figure.canvas.draw()
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["b", "a"]
    assert axes[0].get_ylim()[0] > axes[0].get_ylim()[1]
    texts = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert texts == ["leave-one-out", "the largest runs", "2 standard errors"] and "evidence" in KINDS
    assert axes[0].get_title(loc="left").startswith("failed checks: ")
