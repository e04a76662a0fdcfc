"""Tables and results as people see them: every column, few digits, escaped, what failed first."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.display.table import Table
from scalebayes.status import Check, Checks, Status
from tests.helpers import fit_of

QUANTITIES = ["N", "D", "D_per_N", "loss", "N_exponent", "D_exponent"]


@pytest.fixture(scope="module")
def fit():
    """Eight draws of the law of Besiroglu et al., with a check that failed."""
    rng, preset = np.random.default_rng(0), sb.laws.published("besiroglu2024")
    draws = {name: value * np.exp(0.01 * rng.normal(size=8)) for name, value in preset.values.items()}
    runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2], run_id=["a", "<b>", "c"])
    made = fit_of(preset.law, draws, runs)
    return replace(made, checks=Checks((Check("r-hat", Status.FAIL, "the chains <disagree>."),)))


@pytest.fixture(scope="module")
def best(fit):
    with pytest.warns(sb.FitWarning):
        return sb.interval(sb.optimum(fit, C=[1e22, 5.76e23]))


def test_every_column_is_printed_at_80_characters(fit, best):
    """Fails if pandas hides the median or the lower end again, or if a line is cut."""
    lead, header, *rows = str(best).splitlines()
    assert lead.startswith("fail    r-hat") and header.split() == list(best.columns)
    assert all(len(line) <= 80 for line in [header, *rows])
    assert rows[0].split()[:2] == ["1e22", "N"] and "e10" in rows[6] and "e+" not in str(best)
    assert str(fit.summary()).splitlines()[0].split() == list(fit.summary().columns)
    wide = Table({f"a_long_name_{i}": [1 / 3] for i in range(12)})
    assert all(name in repr(wide) for name in wide) and max(map(len, repr(wide).splitlines())) <= 80


def test_a_table_is_a_data_frame(best):
    """Fails if a value is rounded, or if what pandas makes of a table loses what failed."""
    assert len(best) == 12 and best["median"].dtype == float and best["median"][0] != round(best["median"][0])
    again = pickle.loads(pickle.dumps(best))
    for one in (again, best[["C", "median"]], best[best["C"] > 1e22], pd.concat([best, best]), best.copy()):
        assert isinstance(one, Table) and one.attrs["failed"] == best.attrs["failed"]
    pd.testing.assert_frame_equal(again, best)
    assert best.set_index("quantity").loc["N", "median"].shape == (2,)
    assert best.groupby("quantity", sort=False)["median"].max().index.tolist() == QUANTITIES


def test_blanks_text_and_long_tables():
    """Fails if a cell can't be printed, obeys a terminal, or a long table fills the screen."""
    table = Table({"x": [1.0, np.nan], "name": ["\x1b[2J", None], "count": [3, 4], "good": [True, False]})
    assert repr(table).splitlines()[2].split() == ["-", "-", "4", "False"]
    assert "\x1b" not in repr(table) and "\x1b" not in table._repr_html_()
    long = repr(Table({"x": np.arange(1000.0)}))
    assert long.count("\n") < 20 and "[1000 rows x 1 columns]" in long
    assert "median" in repr(Table(columns=["median"]))


def test_results_in_a_notebook(fit):
    """Fails if a name is taken as HTML, or what failed comes after the numbers."""
    fits = sb.Fits(("<i>a", "b"), (fit, replace(fit, checks=Checks(()))))
    stack = sb.stack(dict(zip(fits.names, fits, strict=True)), {"<i>a": 0.5, "b": 0.5})
    for one in (fit, fits, stack):
        drawn = one._repr_html_()
        assert drawn.index("r-hat") < drawn.index(type(one).__name__) and repr(one).startswith("fail")
        assert "<disagree>" not in drawn and "<i>" not in drawn and "<script" not in drawn and len(drawn) < 5000
    runs = fit.runs._repr_html_()
    assert "&lt;b&gt;" in runs and "3 rows" in runs and "1e10" in runs
    assert "b" in fits and "c" not in fits and fits[0] in fits
    with pytest.raises(KeyError, match="unknown data set 'c'"):
        fits["c"]
