"""Windows and averaged cells: what a fit is given to look at, and that it says so."""

import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.runs.averaging import averaged_text, scattered
from scalebayes.runs.window import window_text
from tests.helpers import POINT

SEARCH = sb.Search(screened=256, starts=4, newton_steps=30, lbfgs_steps=0)


def curve(n=100):
    x = np.geomspace(1.0, 1e4, n)
    return sb.Runs(x=x, loss=1 + x**-0.3)


def test_a_window_keeps_the_last_efolds_and_says_so():
    """Fails if a window keeps other runs than those of its last e-folds, or fewer than its least number, or doesn't say
    so.
    """
    runs = curve()
    seen = sb.Window(2.0, least=5).of(runs, ["x"])
    x = runs.column("x")
    assert seen.column("x").tolist() == x[x >= x.max() * np.exp(-2)].tolist()
    assert window_text(seen) == f"the last 2 e-folds of x: {len(seen)} of 100 runs"
    assert len(sb.Window(0.1, least=7).of(runs, ["x"])) == 7 and window_text(runs) == ""


def test_a_window_is_on_compute_for_N_and_D():
    """Fails if the window of runs of N and D isn't over compute, or isn't over the column that `on` names."""
    runs = sb.Runs(N=[1e7, 1e8, 1e9], D=[1e9, 1e10, 1e11], loss=[4.0, 3.0, 2.0])
    assert sb.Window(1.0, least=1).of(runs, ["N", "D"]).column("N").tolist() == [1e9]
    assert sb.Window(3.0, on="N", least=1).of(runs, ["N", "D"]).column("N").tolist() == [1e8, 1e9]


def test_a_fit_has_the_runs_of_its_window_and_keeps_them_in_its_file(tmp_path):
    """Fails if a fit looks at runs outside its window, or its file forgets which window that was."""
    fit = sb.fit(curve(), "offset_power", window=sb.Window(3.0), method=POINT, on_fail="ignore")
    assert fit.runs.column("x").min() >= 1e4 * np.exp(-3) and "the last 3 e-folds of x" in repr(fit)
    fit.save(tmp_path / "fit.nc")
    assert window_text(sb.load(tmp_path / "fit.nc").runs) == window_text(fit.runs) != ""
    auto = sb.fit(curve(), "offset_power", window="auto", method=POINT, on_fail="ignore")
    assert auto.runs.metadata["window"]["efolds"] == 2.0


@pytest.mark.parametrize("noise", [1e-4, 0.1])
def test_a_window_widens_until_noisy_runs_show_their_slope(noise, seed=4):
    """Fails if a window of noisy runs stays too narrow to show a slope, or one of clean runs widens."""
    runs = curve(60)
    runs = runs.observed_as(runs.y * np.exp(noise * np.random.default_rng(seed).normal(size=60)))
    seen = sb.Window(2.0, slope=20.0).of(runs, ["x"])
    if noise < 0.01:
        assert len(seen) == len(sb.Window(2.0).of(runs, ["x"])), f"seed {seed}"
    else:
        assert len(seen) > 2 * len(sb.Window(2.0).of(runs, ["x"])), f"seed {seed}"
        efolds = seen.metadata["window"]["efolds"]
        assert efolds > 4 and seen.column("x").min() >= 1e4 * np.exp(-efolds) * (1 - 1e-9), f"seed {seed}"
    at, y = np.log(seen.column("x")), np.log(seen.y)
    line, covariance = np.polyfit(at, y, 1, cov=True)
    assert abs(line[0]) / np.sqrt(covariance[0, 0]) > 10, f"seed {seed}"  # of a line; the rule is of a parabola
    assert len(sb.Window(0.1, least=3, slope=1e9).of(runs, ["x"])) == 60


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (lambda: "wide", "window is 'auto'"),
        (lambda: sb.Window(on="tokens"), "no column 'tokens'"),
        (lambda: sb.Window(-1.0), "efolds is a positive number"),
        (lambda: sb.Window(1.0, least=0), "least a whole number"),
        (lambda: sb.Window(1.0, slope=0.0), "slope is a positive number"),
    ],
)
def test_a_bad_window_is_refused(window, told):
    """Fails if a window that can't be used, or is over a column that isn't there, is fitted."""
    with pytest.raises(sb.InputError, match=told):
        sb.fit(curve(), "power", window=window(), method=POINT)


def grid(repeats, seed=0, noise=0.01):
    """Runs that differ in nothing but noise, `repeats` at each of 12 sizes."""
    rng = np.random.default_rng(seed)
    x = np.repeat(np.geomspace(1.0, 1e4, 12), repeats)
    return sb.Runs(x=x, loss=(0.5 + x**-0.3) * np.exp(noise * rng.normal(size=x.size)))


@pytest.mark.slow
def test_averaging_keeps_what_a_normal_noise_can_know():
    """Fails if the posterior of cells with counts isn't that of all runs, but for the noise's scale, under Normal
    noise.
    """
    runs = grid(12)
    cells, cell = sb.averaged(runs, ["x"], most=12)
    assert cells.count.tolist() == [12.0] * 12 and np.bincount(cell).tolist() == [12] * 12
    assert averaged_text(cells) == "144 runs averaged in 12 cells of x, up to 0.01 e-folds wide"
    settings = {
        "noise": "normal",
        "priors": {"noise_scale": 0.01, "A": dist.LogNormal(0, 1), "E": dist.LogNormal(-0.5, 1)},
        "method": sb.Laplace(draws=4000, search=SEARCH),
    }
    every, few = (sb.fit(table, "offset_power", seed=s, **settings) for s, table in enumerate((runs, cells)))
    for name, draws in every.draws.items():
        error = draws.std() * np.sqrt(2 / min(every.numbers["importance_ess"], few.numbers["importance_ess"]))
        assert abs(draws.mean() - few.draws[name].mean()) < 5 * error, f"{name}, seeds 0 and 1"
        assert few.draws[name].std() == pytest.approx(draws.std(), rel=0.1), f"{name}, seeds 0 and 1"


def test_cells_are_of_one_group_and_carry_what_is_known():
    """Fails if a cell mixes two groups, or its mean, count or standard error isn't that of its runs."""
    runs = sb.Runs(
        x=[1.0, 1.0, 1.0, 1.0, 9.0],
        loss=[2.0, 2.2, 3.0, 3.0, 1.0],
        loss_se=[0.1, 0.1, 0.3, 0.3, 0.1],
        count=[1.0, 3.0, 1.0, 1.0, 1.0],
        group=["a", "a", "b", "b", "a"],
    )
    cells, cell = sb.averaged(runs, ["x"], most=3)
    assert cell.tolist() == [0, 0, 1, 1, 2] and cells.labels["group"].tolist() == ["a", "b", "a"]
    assert cells.count.tolist() == [4.0, 2.0, 1.0]
    assert cells.y[0] == pytest.approx(np.exp((np.log(2.0) + 3 * np.log(2.2)) / 4))
    assert cells.se[1] == pytest.approx(0.3 / np.sqrt(2))
    apart, cell = sb.averaged(runs, ["x"], most=4, apart=[False, False, True, True, False])
    assert cell.tolist() == [0, 0, 1, 2, 3] and len(apart) == 4


def test_cells_are_no_wider_than_a_law_is_straight():
    """Fails if many groups make cells so wide that the law is averaged with the runs."""
    x = np.tile([1.0, 100.0, 1e4], 20)
    runs = sb.Runs(x=x, loss=0.5 + x**-0.3, group=[f"g{i // 3}" for i in range(60)])
    cells, _ = sb.averaged(runs, ["x"], most=30)
    assert len(cells) == 60 and 1.4 < cells.metadata["averaged"]["efolds"] <= 1.5


def test_few_runs_stay_as_they_are():
    """Fails if a table that has no more rows than are asked for is averaged."""
    runs = grid(2)
    assert sb.averaged(runs, ["x"], most=24)[0] is runs


def test_cells_that_scatter_more_than_the_noise_are_found():
    """Fails if one cell of 200 that scatters five times as much isn't found, or an even one is."""
    rng = np.random.default_rng(4)
    cell = np.repeat(np.arange(200), 5)
    off = 0.01 * rng.normal(size=cell.size)
    assert scattered(cell, off, np.full(cell.size, 1e-4)).size == 0, "seed 4"
    off[cell == 17] *= 5
    assert scattered(cell, off, np.full(cell.size, 1e-4)).tolist() == [17], "seed 4"


def test_only_positive_observables_are_averaged():
    """Fails if a negative observable is averaged, whose mean of logs is NaN."""
    with pytest.raises(sb.InputError, match="means of logs"):
        sb.averaged(sb.Runs(x=[1.0, 2.0], y=[-1.0, 1.0], observable="y", range=(-2, 2)), ["x"], most=1)
