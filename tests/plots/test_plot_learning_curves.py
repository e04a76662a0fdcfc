from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.checks.registry import make_check
from scalebayes.status import Checks, Status
from tests.helpers import fit_of
from tests.plots import fits


def curve(E, end, status=Status.PASS):
    """2 x^-0.5 + E, with E known, of runs that end there."""
    runs = sb.Runs(x=np.geomspace(1.0, end, 3 if end == 100 else 5), loss=np.linspace(3.0, 1.5, 3 if end == 100 else 5))
    draws = {"A": np.full(9, 2.0), "alpha": np.full(9, 0.5), "E": np.full(9, E)}
    fit = fit_of(sb.laws.get("offset_power"), draws, runs)
    return replace(fit, checks=Checks((make_check("k_hat", status, "Pareto k-hat."),)))


def many(*statuses):
    return sb.Fits(("a", "b"), tuple(map(curve, (0.0, 1.0), (100.0, 1000.0), statuses or (Status.PASS,) * 2)))


def test_each_has_its_own_runs_and_curve():
    """Fails if a fit is drawn with the runs, the range or the draws of another."""
    data = sb.plot_learning_curves_data(many(), reach=10.0)
    assert data["dataset"].values.tolist() == ["a", "b"]
    assert np.allclose(data["x"].isel(point=-1), [1e3, 1e4])
    for E, name in ((0.0, "a"), (1.0, "b")):
        one = data.sel(dataset=name)
        assert np.allclose(one["loss"], 2 * one["x"].values ** -0.5 + E)
    assert np.isfinite(data["run_x"]).sum("run").values.tolist() == [3, 5]
    assert data["failed_checks"].values.tolist() == ["", ""]


def test_of_laws_of_two_sizes():
    """Fails if a law of N and D has several curves in a panel, or isn't at its runs' D/N."""
    data = sb.plot_learning_curves_data(sb.Fits(("one",), (fits.of_sizes(),)))
    assert data["loss"].dims == ("dataset", "point") and data.attrs["against"] == "C"
    assert (data["loss"].diff("point") < 0).all()


def test_what_it_refuses():
    """Fails if a fit, no fits or too many end in a traceback."""
    with pytest.raises(sb.InputError, match="plot_curves"):
        sb.plot_learning_curves(curve(0.0, 100.0))
    with pytest.raises(sb.InputError, match="not 0"):
        sb.plot_learning_curves(many()[:0])
    with pytest.raises(sb.InputError, match=r"fits\[:24\]"):
        sb.plot_learning_curves(sb.Fits(tuple(map(str, range(25))), (curve(0.0, 100.0),) * 25))


def test_it_draws():
    """Fails if drawing warns of more than the failed check, or a name isn't above its panel, red where a fit failed."""
    with pytest.warns(sb.FitWarning):
        axes = sb.plot_learning_curves(many(Status.PASS, Status.FAIL), same=True)
    axes[0].figure.canvas.draw()
    assert [ax.get_title(loc="left") for ax in axes] == ["a", "b"]
    titles = [next(text for text in ax.get_children() if getattr(text, "get_text", str)() == name)
              for ax, name in zip(axes, "ab", strict=True)]  # fmt: skip
    assert [title.get_color() for title in titles] == ["black", "#AA0000"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
