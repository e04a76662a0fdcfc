"""Every block of Python on a page runs, in the order of the page, in a folder that has the tables it reads.

Executed pages are run by `make docs`, with their outputs shown. On the others a method that is given by its name is a
lighter one here, so that the whole takes minutes less; every question is asked as the page asks it.
"""

import concurrent.futures
import re
import shutil
from functools import partial

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import scalebayes as sb
from scalebayes import infer
from tests.docs import pages
from tests.docs.tables import write_store, write_tables
from tests.helpers import LAPLACE, POINT

mpl.use("agg")

# What a page says -> what runs in its place: a number alone, and only where the page's would take minutes.
LIGHTER = {
    'sb.calibrate(runs, "end_chinchilla", n=200)': 'sb.calibrate(runs, "end_chinchilla", n=2, on_fail="ignore")',
    ', pool="recipe")  #': ', pool="recipe", method=sb.NUTS(chains=2, warmup=50, draws=50))  #',
}


# Pages that ask what takes a posterior of a fit by the default method, as `compare` does. The others do with its mode.
POSTERIOR = {"README.md", "docs/index.md", "docs/intervals.md"}

# Pages that quote figures of fits by Laplace, which the method as it is gives.
QUOTED = {"README.md", "docs/decisions.md"}


def standing_for(method):
    """What a method's name finds in place of a class: it gives a method that this suite has compiled anyway."""
    return type("Light", (), {"__new__": lambda cls: method})


class Inline(concurrent.futures.Executor):
    """A pool whose work is done at once, in this process: that of real pools is held by the tests of fit_many."""

    def __init__(self, workers, context):
        assert context.get_start_method() == "spawn"

    def submit(self, fn, /, *args, **settings):
        done = concurrent.futures.Future()
        done.set_result(fn(*args, **settings))
        return done


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    write_tables(folder)
    return folder


@pytest.fixture
def folder(files, tmp_path, page, monkeypatch):
    """A folder of the page's own, with the tables; the working folder, and light methods, while the page runs."""
    nuts = LAPLACE if page in POSTERIOR else POINT
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    named = {
        "nuts": standing_for(nuts),
        "laplace": standing_for(sb.Laplace() if page in QUOTED else LAPLACE),
        "map": standing_for(POINT),
    }
    real = {cls.__name__: cls for cls in infer.METHODS.values()}  # objects of these are methods all the same
    monkeypatch.setattr(infer, "METHODS", {**infer.METHODS, **named, **real})
    if page not in POSTERIOR:
        monkeypatch.setattr(sb, "forecaster", partial(sb.forecaster, method=POINT))
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Inline)
    yield tmp_path
    plt.close("all")


def ran(page, request):
    """Run the blocks of a page one after the other, and return the names that they leave."""
    code = pages.text(page)
    if '"mlruns"' in code:
        write_store(request.getfixturevalue("folder"))
    if 'load("chinchilla"' in code:
        request.getfixturevalue("monkeypatch").setenv("SCALEBAYES_DATA", str(request.getfixturevalue("data_path")))
    names = {"__name__": "__main__"}
    for line, block in pages.python(page):
        for said, lighter in LIGHTER.items():
            block = block.replace(said, lighter)
        exec(compile("\n" * (line - 1) + block, page, "exec"), names)
    return names


@pytest.mark.slow_cases("README", "intervals", "decisions", "choose", "index", "jax")
@pytest.mark.filterwarnings("ignore::scalebayes.FitWarning")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", pages.WITH_PYTHON, ids=pages.name)
def test_every_block_of_a_page_runs(page, request):
    """Fails if what a reader pastes raises, reads a name that no block before it made, or a file that isn't named."""
    names = ran(page, request)
    if page in QUOTED:
        holds_quoted_decisions(pages.text(page), names)


def holds_quoted_decisions(text, names):
    """The figures in the comments of the decisions are those of the answers, to the digits of two methods."""
    interval = lambda data, name: sb.interval(data[[name]])[["median", "lower", "upper"]].to_numpy()[0]  # noqa: E731
    N, D, regret = (names["best"][name].item() for name in ("N_best", "D_best", "regret"))
    quoted = {
        "9.66e23 FLOPs": (names["best"]["C"].item(),),
        "92.7B on 1.74T tokens; .0001": (N / 1e9, D / 1e12, regret),
        "the cap costs .016 [.013, .019] of loss": interval(names["small"], "paid"),
        "2.27e23 FLOPs [1.65e23, 3.30e23]": interval(names["needed"], "C"),
        "2.97e23 reach it with": (names["needed"]["enough"].item(),),
    }
    for said, found in quoted.items():
        assert said in text, said
        shown = [float(x) for x in re.findall(r"\d*\.?\d+(?:e\d+)?", said)]
        np.testing.assert_allclose(found, shown, rtol=0.04, atol=6e-4, err_msg=said)


def test_no_block_is_left_out():
    """Fails if a page has code in a language that nobody runs, or an executed page a cell that is not executed."""
    told = {language for page in pages.PAGES for _, language, _ in pages.fences(page)}
    assert told <= {"python", "text", pages.CELL, "{toctree}", "{eval-rst}"}
    cells = [code for page in pages.EXECUTED for _, language, code in pages.fences(page) if language == pages.CELL]
    tags = {tag for code in cells for line in re.findall(r"^:tags: \[(.*)\]$", code, re.M) for tag in line.split(", ")}
    assert len(cells) > 20 and tags <= {"remove-input", "remove-output"}
    assert not [page for page in pages.EXECUTED if pages.python(page)], "not every block is executed"


def test_what_is_lightened_is_still_there():
    """Fails if a page no longer says what this test runs with a smaller number, so that the entry can go."""
    assert [said for said in LIGHTER if not any(said in pages.text(page) for page in pages.WITH_PYTHON)] == []
