"""--plot of the commands: which figure each draws, what JSON says of it, and what is refused before any work."""

import json

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli.pictures import forecast_picture
from scalebayes.errors import InputError
from tests.helpers import TYPED_LAPLACE, TYPED_POINT
from tests.planning.test_recipes import drawn

mpl.use("agg")


COLUMNS = 100  # of the terminal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two fits of a law of N and D with given draws, and a table of one input."""
    folder = tmp_path_factory.mktemp("plot")
    drawn(draws=60, seed=1, spread=0.005).save(folder / "new.nc")
    drawn(draws=60, seed=2, spread=0.005, E=0.97, A=1.2, B=1.2).save(folder / "old.nc")
    x = np.geomspace(1.0, 1e4, 8)
    rows = [f"{one:.6g},{1 + 2 * one**-0.4 + 0.004 * np.cos(9 * one):.6f}" for one in x]
    (folder / "runs.csv").write_text("\n".join(["x,loss", *rows]))
    (folder / "table.png").write_text("no picture")
    return folder


CASES = {
    "predict": ("plot_forecast", "predict new.nc --N 7B,70B --D 140B,1.4T"),
    "predict at two D/N": ("plot_curves", "predict new.nc --N 7B,70B --D 1T"),
    "optimum": ("plot_frontier", "optimum new.nc --C 1e22"),
    "plan": ("plot_frontier", "plan new.nc --C 1e22,1e25 --max-N 8B"),
    "recipes": ("plot_recipes", "recipes new.nc old.nc --C 1e20:1e24:3"),
    "next-runs": ("plot_next_runs", "next-runs new.nc --budget 1e21 --N 70B --D 1T --count 2"),
    "summary": ("plot_curves", "summary new.nc"),
    "fit": ("plot_curves", f"fit runs.csv --law power --method {TYPED_POINT}"),
    "backtest": ("plot_backtest", f"backtest runs.csv --law power --method {TYPED_POINT} --cutoffs 1000"),
    "fit-many": ("plot_learning_curves", f"fit-many runs.csv --law power --law offset_power --method {TYPED_POINT}"),
    "compare": (
        "plot_compare",
        f"compare runs.csv --law power --law offset_power --method {TYPED_LAPLACE} --no-largest --refits 0",
    ),
    "calibrate": ("plot_calibration", f"calibrate runs.csv --law power --method {TYPED_LAPLACE} --n 2 --draws 9"),
}


@pytest.mark.slow_cases("fit-many", "compare", "calibrate", "backtest", "recipes")
@pytest.mark.parametrize("case", CASES)
def test_each_command_draws_its_own_figure(run, folder, monkeypatch, case):
    """Fails if --plot draws another figure than the answer's, leaves no picture, or JSON doesn't say where it is."""
    figure, typed = CASES[case]
    real, seen = getattr(sb, figure), []

    def counted(*args, **settings):
        seen.append(figure)
        return real(*args, **settings)

    monkeypatch.setattr(sb, figure, counted)
    ended = run(*typed.split(), "--json", "--plot", "new.png")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["plot"] == "new.png" and seen == [figure]
    assert (folder / "new.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fit nothere.csv --plot a.jpg", "end the name in .png, .svg or .pdf"),
        ("predict nothere.nc --N 1B --D 1B --plot table.png", "is there and is no .png picture"),
        ("optimum nothere.nc --C 1e22 --plot nofolder/a.png", "mkdir -p nofolder"),
        ("summary nothere.nc --plot .", "--plot: . is a folder"),
        ("recipes new.nc old.nc --C 1e22 --plot a.png", "give --C two or more"),
        ("stack new.nc old.nc --weights new=1 --weights old=0 --plot a.png", "weights that you give have none"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(run, typed, said):
    """Fails if a bad --plot is told only after the file was looked for, or in more than one line."""
    ended = run(*typed.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "--plot" in ended.err and said in ended.err and "nothere" not in ended.err


def test_the_answer_is_printed_even_if_its_picture_fails(run, folder, monkeypatch):
    """Fails if a disk that is full costs the user the forecast, or the failure has exit code 0."""

    def full(*_):
        raise InputError("can't write: no space left")

    monkeypatch.setattr("scalebayes.safe_files.write.write", full)
    ended = run("predict", "new.nc", "--N", "7B", "--D", "1T", "--json", "--plot", "new.svg")
    assert ended.code == 2 and json.loads(ended.out)["plot"] is None
    assert ended.err.splitlines()[-1] == "error: --plot: can't write: no space left"


def test_the_points_that_were_asked_are_marked(folder):
    """Fails if the picture of a forecast shows the fan, and not the answer with its interval."""
    fit = sb.load(folder / "new.nc")
    answer = sb.predict(fit, N=[7e9, 7e10], D=[1.4e11, 1.4e12])
    ax = forecast_picture(fit, answer, observed=False, prob=0.9)
    diamonds = [line for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(diamonds[0].get_xdata(), [6 * 7e9 * 1.4e11, 6 * 7e10 * 1.4e12])
    np.testing.assert_allclose(diamonds[0].get_ydata(), answer["loss"].median(("chain", "draw")).values)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[-1] == "asked, with 90 %" and "median" in labels and len(set(labels)) == len(labels)
    plt.close(ax.figure)
