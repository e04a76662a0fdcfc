"""Whatever columns, labels and data sets are called, and whatever their cells say, comes back as it was."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.fitting.datatree import own_name, tree_name
from scalebayes.runs.numeric import Origin
from scalebayes.runs.table import made
from scalebayes.runs.validate import checked_fields
from tests.helpers import LAPLACE, POINT

X = np.geomspace(1.0, 1e5, 8)
Y = 1.2 + 2.0 * X**-0.3 * np.exp([0.01, -0.02, 0.01, 0.0, -0.01, 0.02, 0.01, -0.01])
METHOD = POINT
# Of our own variables, dims and groups, and what paths, terminals, HDF5 and Python read in ways of their own.
OURS = (
    *("label_x", "loss_se", "cell_of_run", "row", "run", "chain", "draw", "dataset", "proposal", "posterior", "origin"),
    *("y_loss", "y", "record", "column0", "label0", "observed_data", "lp", "distance", "model", "names"),
    *("observable", "unit", "range", "metadata", "self", "N_counts"),
    *(
        "",
        " ",
        ".",
        "..",
        "/",
        "val/loss",
        "/abs",
        "a//b",
        "a.b",
        "a b ",
        "it's",
        'say "x"',
        "%",
        "%2F",
        "100 %",
        "%72un",
    ),
    *(
        "naïve",
        "损失",
        "🙂",
        "e\u0301",
        "a\nb",
        "a\tb",
        "a\0b",
        "a\0",
        "\x1b[2J",
        "\u202etxt",
        "\x9b1m",
        "\udcff",
        "x" * 300,
    ),
    *("_nc4_non_coord_x", "phony_dim_0", "CLASS", "NAME"),
)
ANY = st.one_of(st.sampled_from(OURS), st.text(st.characters(), max_size=12))


def table(columns, observable="loss", x="x", **about):
    """Runs of an observable and an input of any name, with further columns of any name and kind."""
    cells = {x: X, observable: Y, **{name: np.asarray(values, dtype=object) for name, values in columns.items()}}
    known = {"metadata": {}, "unit": None, "N_counts": None} | about
    fields = checked_fields(
        cells, Origin(np.arange(1, 9)), observable, known["unit"], None, known["N_counts"], known["metadata"]
    )
    return made(fields)


def same(one, other):
    """That two tables hold the same names in the same order, and the same cells of the same types."""
    assert (one.observable, one.unit, one.range, one.N_counts) == (
        other.observable,
        other.unit,
        other.range,
        other.N_counts,
    )
    assert (dict(one.metadata), dict(one.derived), one.hash) == (dict(other.metadata), dict(other.derived), other.hash)
    for a, b in ((one.columns(), other.columns()), (one.inputs, other.inputs), (one.labels, other.labels)):
        assert list(a) == list(b)
        for name in a:
            assert a[name].dtype == b[name].dtype, name
            assert a[name].tolist() == b[name].tolist() or np.array_equal(a[name], b[name], equal_nan=True), name
    for name in ("source", "aliases", "filters", "texts", "numbered", "where", "finished"):
        assert getattr(one.origin, name) == getattr(other.origin, name)
    assert one.rows.tolist() == other.rows.tolist()


def fitted(runs, x="x", **options):
    return sb.fit(runs, "power", inputs={"x": x}, **{"method": METHOD, "on_fail": "ignore"} | options)


def there_and_back(fit, path):
    fit.save(path)
    again = sb.load(path)
    for name, x in fit.draws.items():
        np.testing.assert_array_equal(again.draws[name], x)
    assert again.problem.columns == fit.problem.columns
    assert repr(again) == repr(fit)
    same(again.runs, fit.runs)
    return again


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    names=st.lists(
        ANY.filter(lambda n: n not in ("count", "C", "D", "N", "U", "x", "group", "split", "run_id")),
        min_size=4,
        max_size=4,
        unique=True,
    ),
    cells=st.lists(st.one_of(st.none(), st.text(st.characters(), max_size=6)), min_size=8, max_size=8),
)
def test_any_names_go_through_a_fit_its_tree_and_its_file(names, cells, tmp_path_factory):
    """Fails if a name or a cell of a label is refused, changed, cut or taken for another by a fit, a tree or a file."""
    observable, x, number, label = names
    if not observable.strip() or number == f"{observable}_se" or label == f"{observable}_se" or x == f"{observable}_se":
        return  # no name of an observable, or its standard error
    runs = table({number: [0.5, None, *range(6)], label: ["words", *cells[1:]]}, observable, x)
    fit = fitted(runs, x)
    tree = fit.data
    assert list(map(own_name, tree["observed_data"].data_vars)) == [observable]
    np.testing.assert_array_equal(tree["observed_data"].to_dataset()[tree_name(observable)].values, Y)
    constant = {own_name(str(name)): values.values for name, values in tree["constant_data"].data_vars.items()}
    assert constant.keys() == runs.inputs.keys()
    for name, values in constant.items():
        np.testing.assert_array_equal(values, runs.inputs[name])
    there_and_back(fit, tmp_path_factory.mktemp("any") / "fit.nc")


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(st.characters()), st.text(st.characters()))
def test_names_in_a_tree_lead_back(one, other):
    """Fails if two columns have one name in a tree, or one can't be told from its name there."""
    assert own_name(tree_name(one)) == one
    assert one == other or tree_name(one) != tree_name(other)
    assert "/" not in tree_name(one) and tree_name(one).isprintable()


def test_ordinary_names_stay_in_a_tree():
    """Fails if a name that a tree can have is written in another way."""
    for name in (
        "N",
        "loss",
        "val_loss",
        "val.loss",
        "Model Size (M)",
        "100 %",
        "损失",
        "loss_se",
        "count",
        "posterior",
    ):
        assert tree_name(name) == name


def test_each_of_our_own_names_as_a_data_frame_has_it(tmp_path):
    """Fails if a column of a data frame is lost for being called as a variable, an argument or a path of ours."""
    for kind, values in (("number", np.arange(8.0)), ("label", list("abcdefgh"))):
        # A data frame has no lone surrogates, and blanks around a column's name are no part of it.
        names = [name for name in OURS if name == name.strip() and name not in ("loss_se", "y_loss", "\udcff")]
        frame = pd.DataFrame({"x": X, "loss": Y} | {name: values for name in names})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs = sb.read_runs(frame, columns={"x": "x", "loss": "loss"})
        kept = runs.inputs if kind == "number" else runs.labels
        assert len(kept) >= len(names) - 3, "few of them are read as ours, or left out"
        there_and_back(fitted(runs), tmp_path / f"{kind}.nc")


def test_labels_that_look_like_numbers_and_blank_ones(tmp_path):
    """Fails if what filtering leaves of a label is read again as a number, or a blank as a missing one."""
    runs = table({"size": ["small", *map(str, range(7))], "group": ["a", None, "b"] + ["a"] * 5})
    filtered = runs.where("size != 'small'")
    assert filtered.labels["size"].tolist() == list(map(str, range(7)))
    again = there_and_back(fitted(filtered), tmp_path / "fit.nc")
    assert again.runs.rows.tolist() == list(range(2, 9))
    cells = np.array(["", None, "a", "", None, "a", "", None], dtype=object)
    blank = runs._with(labels={"group": cells})
    assert there_and_back(fitted(blank), tmp_path / "blank.nc").runs.labels["group"].tolist() == cells.tolist()


def test_metadata_of_any_kind(tmp_path):
    """Fails if a fit can't be saved for what its runs' metadata hold, or the metadata change more than their types."""
    told = {
        "source": "/data/\x1b[2J/λ\udcff.csv",
        "filters": ["`a/b` < 1", 'x == "\\0"'],
        "aliases": {"x": "a/b"},
        3: Path("x"),
        "deep": ((np.float64(1.5), np.int64(2)), {"set": {4}}, np.array([True])),
        "nan": float("nan"),
        "when": pd.Timestamp("2026-01-01"),
    }
    fit = fitted(table({}, metadata=told, unit="bits/\n", N_counts="non\0embedding"))
    fit.save(tmp_path / "fit.nc")
    about = sb.load(tmp_path / "fit.nc").runs
    assert (about.unit, about.N_counts) == ("bits/\n", "non\0embedding")
    assert about.metadata["source"] == told["source"] and about.metadata["filters"] == told["filters"]
    assert about.metadata["deep"] == [[1.5, 2], {"set": [4]}, [True]]
    assert (about.metadata["3"], about.metadata["when"]) == ("x", "2026-01-01 00:00:00")
    circle = {}
    circle["self"] = circle
    fitted(table({}, metadata=circle)).save(tmp_path / "circle.nc")
    assert "self" in sb.load(tmp_path / "circle.nc").runs.metadata


def test_run_ids_that_repeat_or_are_missing(tmp_path):
    """Fails if two runs of a tree have one name, or one that lacks a name is called None."""
    runs = table({"run_id": ["a", "a", None, "b", "None", "c/d", "", "e"]})
    fit = fitted(runs)
    named = fit.data["observed_data"]["run"].values.tolist()
    assert named == ["a (row 1)", "a (row 2)", "row 3", "b", "None", "c/d", "row 7", "e"]
    there_and_back(fit, tmp_path / "fit.nc")
    assert fitted(runs.take([0, 0, 1, 2, 3, 4, 5, 6])).data["observed_data"]["run"].values.tolist() == list(range(8))


def test_data_sets_of_any_name(tmp_path):
    """Fails if fit_many, a file of fits or a stack loses, renames or refuses a data set for what it is called."""
    tables = {
        name: table({"a/b": np.arange(8.0) + i, "run": list("abcdefgh")}, metadata={"i": i})
        for i, name in enumerate(OURS)
    }
    fits = sb.fit_many(tables, "power", method=METHOD, on_fail="ignore", folder=tmp_path / "batches")
    assert fits.names == OURS
    fits.save(tmp_path / "fits.nc")
    again = sb.load(tmp_path / "fits.nc")
    assert (again.names, repr(again)) == (OURS, repr(fits))
    for name in OURS:
        same(again[name].runs, fits[name].runs)
        np.testing.assert_array_equal(again[name].draws["alpha"], fits[name].draws["alpha"])
    few = dict(list(zip(OURS, fits, strict=True))[-6:])
    stack = sb.stack(few, weights={name: 1 / 6 for name in few}, draws=60)
    stack.save(tmp_path / "stack.nc")
    loaded = sb.load(tmp_path / "stack.nc")
    assert dict(loaded.weights) == dict(stack.weights) and repr(loaded) == repr(stack)


@pytest.fixture(scope="module")
def sampled():
    """Two fits of runs of hostile names, by the method that compare takes."""
    runs = table({"run/id": list("abcdefgh"), "train/grad_norm": [0.7] * 8}, "val/loss", "a/b")
    return {name: fitted(runs, "a/b", method=LAPLACE, seed=i) for i, name in enumerate(("a/b", "\x1b[2J", ""))}


@pytest.mark.slow
def test_compare_arviz_and_backtest_take_them(sampled, tmp_path):
    """Fails if a slash in a name ends compare, stack, ArviZ's own summary and loo, or a backtest and its file."""
    import arviz as az

    fit = sampled["a/b"]
    found = sb.compare(sampled, refits=0, largest=False)
    assert found.names == tuple(sampled) and "\x1b" not in repr(found)
    assert "\x1b" not in repr(sb.stack(sampled, weights=dict.fromkeys(sampled, 1 / 3)))
    fit.log_likelihood()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few draws and high k
        assert np.isfinite(az.loo(fit.data).elpd)
        assert list(az.summary(fit.data).index) == list(fit.draws)
    fit.save(tmp_path / "fit.nc")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as tree:
        np.testing.assert_array_equal(tree["observed_data"].to_dataset()["val%2Floss"].values, Y)
    sb.export(fit, tmp_path / "loss.jax", platforms=["cpu"], quantiles=[0.5])
    back = sb.backtest(fit.runs, ["power"], by="a/b", cutoffs=[1e4], inputs={"x": "a/b"}, method=METHOD)
    back.save(tmp_path / "back.nc")
    xr.testing.assert_identical(sb.load(tmp_path / "back.nc").data, back.data)


def test_an_answer_says_where_a_name_is_its_own():
    """Fails if a forecast of an observable called as a part of every answer is another number, or a traceback."""
    for observable, x in (("distance", "a"), ("point", "a"), ("chain", "a"), ("y", "median"), ("y", "axis")):
        fit = fitted(table({}, observable, x), x)
        name = x if observable == "y" else observable
        with pytest.raises(sb.InputError, match=rf"column '{name}' has the name .* columns={{'my_{name}': '{name}'}}"):
            sb.predict(fit, x=1e6)
        frame = pd.DataFrame({x: X, observable: Y})
        observed = observable if name == x else f"my_{name}"
        again = sb.read_runs(frame, columns={f"my_{name}": name}, observable=observed)
        answer = sb.predict(fitted(again, f"my_{x}" if name == x else x), x=1e6)
        np.testing.assert_allclose(answer[observed].item(), 1.2, atol=0.5)
    for observable in ("median", "run", "val/loss"):
        assert sb.interval(sb.predict(fitted(table({}, observable)), x=1e6))["median"].item() > 0


def test_the_case(cases_path, tmp_path, capsys):
    """Fails if the table with slashes in its names can't be fitted, saved, loaded and compared."""
    runs = sb.read_runs(cases_path / "slashes.csv")
    assert runs.origin.aliases["loss"] == "val/loss"
    assert {"train/grad_norm", "meta/name"} <= {*runs.inputs, *runs.labels}
    out = tmp_path / "fit.nc"
    assert main(["fit", str(cases_path / "slashes.csv"), "--method", "map", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["saved"] == str(out)
    fit = sb.load(out)
    same(fit.runs, runs)
    assert "train%2Fgrad_norm" in fit.data["constant_data"].data_vars
    assert main(["summary", str(out)]) == 0 and "meta/name" in capsys.readouterr().out
