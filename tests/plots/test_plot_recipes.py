import numpy as np
import pytest
import xarray as xr

import scalebayes as sb


def known(gain=None, C=(1e20, 1e21, 1e22), failed=""):
    """A comparison of pairs of draws: losses from 2 to 3, b .1 above a, and gains from 1 to 2, or those given."""
    draws, count = 101, len(C)
    loss = np.linspace(2.0, 3.0, draws)[:, None] * np.ones(count)
    gain = np.linspace(1.0, 2.0, draws)[:, None] * np.ones(count) if gain is None else np.broadcast_to(gain, loss.shape)
    crossed = np.arange(draws) < 50
    pair = ("chain", "draw", "budget")
    data = {
        "loss_a": (pair, loss[None]),
        "loss_b": (pair, loss[None] + 0.1),
        "gain": (pair, gain[None]),
        "crossing": (("chain", "draw"), np.where(crossed, 1e21, np.nan)[None]),
        "crossings": (("chain", "draw"), crossed[None].astype(int)),
        "a_wins_beyond": (("chain", "draw"), crossed[None]),
        "distance": (("budget", "axis"), np.zeros((count, 2))),
    }
    told = {"a": "new", "b": "old", "observable": "loss", "unit": "nats/token", "failed": failed, "review": ""}
    told |= {"cost": "6ND", "of": "law", "shared_draws": 0}
    return sb.RecipeComparison(xr.Dataset(data, {"C": ("budget", list(C)), "axis": ["log N", "log D"]}, told))


def test_what_is_drawn():
    """Fails if a band isn't the interval of the draws, P isn't the share of wins, or the crossing's share is lost."""
    data = sb.plot_recipes_data(known(C=(1e22, 1e20, 1e21)), prob=0.8)
    assert data["C"].values.tolist() == [1e20, 1e21, 1e22]
    assert np.allclose(data["loss_a"], 2.5) and np.allclose(data["loss_b_upper"], 3.0)
    assert np.allclose(data["loss_a_lower"], 2.1) and np.allclose(data["gain"], 1.5)
    assert (data["P"] == 1).all()
    assert np.allclose(data["crossing"], 1e21) and np.isclose(float(data["crossing_share"]), 50 / 101)


def test_out_of_reach():
    """Fails if a gain that is infinite or 0 warns, or the band ends inside the axes where it goes on."""
    gain = np.linspace(1.0, 2.0, 101)[:, None].copy()
    gain[-30:] = np.inf
    gain[:30] = 0
    axes = sb.plot_recipes(known(gain))
    axes[0].figure.canvas.draw()
    low, high = axes[1].get_ylim()
    ends = np.concatenate([path.vertices[:, 1] for one in axes[1].collections for path in one.get_paths()])
    assert ends.min() < low < 1 and ends.max() > high > 2


def test_what_it_refuses():
    """Fails if one budget, or a fit's class, ends in a traceback."""
    with pytest.raises(sb.InputError, match="has one"):
        sb.plot_recipes(known(C=(1e21,)))
    with pytest.raises(sb.InputError, match="compare_recipes"):
        sb.plot_recipes(known().data)


def test_it_draws():
    """Fails if drawing warns, a recipe isn't in the legend, or a failed check isn't said."""
    axes = sb.plot_recipes(known(failed="k-hat"))
    axes[0].figure.canvas.draw()
    texts = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert {"new", "old", "90 % band"} <= set(texts) and any("in 50 % of the draws" in text for text in texts)
    assert axes[0].get_title(loc="left") == "failed checks: k-hat"
