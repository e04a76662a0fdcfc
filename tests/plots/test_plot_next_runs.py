import numpy as np
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.planning.design.result import NextRuns
from scalebayes.status import Checks
from tests.plots import fits


def known(scattered=False):
    """Nine candidates of which N = 1e9 and D = 1e11 tells most, and two that were chosen."""
    N, D = (x.ravel() for x in np.meshgrid([1e7, 1e8, 1e9], [1e9, 1e10, 1e11]))
    if scattered:
        N, D = N * np.linspace(1, 2, 9), D * np.linspace(2, 1, 9)
    alone = pd.DataFrame({"N": N, "D": D, "cost": 6 * N * D, "ratio": np.linspace(1.0, 0.6, 9)})
    own = {"sd": 0.01, "ratio": [0.6, 0.5], "worth": 1.0}
    return NextRuns("loss", "log loss", 0.02, alone.iloc[[8, 0]].assign(**own), "stop", Checks(()), alone)


@pytest.fixture(scope="module")
def asked():
    """What next_runs says of alpha, from draws in which nothing else varies: the truth is known."""
    alpha = 0.5 + 0.01 * np.random.default_rng(0).normal(size=4000)
    draws = {"A": np.full(4000, 2.0), "alpha": alpha, "E": np.ones(4000)}
    fit = fits.fit_of(sb.laws.get("offset_power"), draws, fits.RUNS)
    pool = {"x": [1.0, 1e2, 1e4], "cost": [1.0, 1.0, 1.0]}
    return fit, sb.next_runs(fit, budget=1.0, target="alpha", candidates=pool, n=1)


def test_what_one_run_tells(asked):
    """Fails if a candidate alone isn't worth what linear regression says: sd' / sd = (1 + Var(log f) / .01^2)^-0.5."""
    fit, found = asked
    data = sb.plot_next_runs_data(found)
    draws = np.log(2 * data["x"].values[:, None] ** -fit.draws["alpha"].ravel() + 1)
    ratio = (1 + draws.var(axis=1) / 0.01**2) ** -0.5
    assert np.allclose(1 - data["narrower"], ratio, atol=0.01)
    assert float(data["narrower"][0]) == 0  # at x = 1 the loss is A + E, whatever alpha is
    best = int(data["narrower"].values.argmax())
    assert data["chosen_x"].values.tolist() == [data["x"].values[best]]
    assert np.isclose(found.ratio, 1 - float(data["narrower"][best]), atol=0.01)
    assert np.allclose(data["chosen_narrower"], data["narrower"][best])


def test_it_is_saved(asked, tmp_path):
    """Fails if a file loses what each candidate tells, or one of an earlier release ends in a traceback."""
    found = asked[1]
    found.save(tmp_path / "next.nc")
    assert sb.load(tmp_path / "next.nc").alone.equals(found.alone)
    old = NextRuns(found.target, found.scale, found.before, found.table, found.stop, found.checks)
    old.save(tmp_path / "old.nc")
    with pytest.raises(sb.InputError, match=r"ask sb\.next_runs again"):
        sb.plot_next_runs(sb.load(tmp_path / "old.nc"))
    with pytest.raises(sb.InputError, match="ask that first"):
        sb.plot_next_runs(asked[0])


def test_the_columns_are_those_drawn():
    """Fails if a candidate's value isn't 1 - ratio, or the runs chosen aren't in their order."""
    data = sb.plot_next_runs_data(known())
    assert np.allclose(data["narrower"], np.linspace(0.0, 0.4, 9))
    assert data["chosen_N"].values.tolist() == [1e9, 1e7] and data["chosen_D"].values.tolist() == [1e11, 1e9]


@pytest.mark.parametrize("scattered", [False, True])
def test_it_draws(scattered):
    """Fails if drawing warns, a lattice isn't drawn as cells, or a chosen run lacks its number."""
    ax = sb.plot_next_runs(known(scattered))
    ax.figure.canvas.draw()
    numbers = [text.get_text() for text in ax.texts if not text.get_text().startswith("1e")]
    assert numbers == ["1", "2"]
    meshes = [one for one in ax.collections if type(one).__name__ == "QuadMesh"]
    assert len(meshes) == (not scattered)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0] == "0 %" and texts[4] == "40 %" and texts[-1] == "chosen, in this order"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("N (parameters)", "D (in the runs' unit)")


def test_it_draws_one_input(asked):
    """Fails if a law without N and D can't be drawn, or drawing warns."""
    ax = sb.plot_next_runs(asked[1])
    ax.figure.canvas.draw()
    assert ax.get_ylabel() == "interval narrower by (share)"
