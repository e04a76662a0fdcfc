"""The door: what becomes Runs, and what is refused with the column, the row and the cure."""

import gzip
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from scalebayes.errors import InputError
from scalebayes.runs import Runs, read_runs
from tests.helpers import DATA

TABLE = {
    "run_id": ["a", "b", "c"],
    "params": [124_000_000, 350_000_000, 1_300_000_000],
    "tokens": [2.48e9, 1 / 3 * 1e10, 2.6e10],
    "val_loss": [3.1875, 2.9, 2.6000000000000001],
    "loss_se": [0.01, 0.0, 0.02],
    "kind": ["main", None, 'it\'s, "quoted"'],
    "seed": [1, None, 3],
    "diverged": [False, True, False],
    "notes": [None, None, None],
}


def csv_text(table):
    return pd.DataFrame(table).to_csv(index=False)


def records(table):
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


FORMS = {
    "dict": lambda folder: TABLE,
    "csv": lambda folder: written(folder, "runs.csv", csv_text(TABLE)),
    "csv from a spreadsheet": lambda folder: written(
        folder, "runs.CSV", "\ufeff" + csv_text(TABLE).replace("\n", "\r\n") + ",,,,,,,,\r\n\r\n"
    ),
    "csv.gz": lambda folder: written(folder, "runs.csv.gz", gzip.compress(csv_text(TABLE).encode())),
    "jsonl": lambda folder: written(folder, "runs.jsonl", "\n".join(map(json.dumps, records(TABLE)))),
    "ndjson without nulls": lambda folder: written(
        folder,
        "runs.ndjson",
        "\n".join(json.dumps({k: v for k, v in one.items() if v is not None}) for one in records(TABLE)),
    ),
    "parquet": lambda folder: parquet.write_table(pa.table(TABLE), folder / "runs.parquet") or folder / "runs.parquet",
    "pq, as text": lambda folder: parquet.write_table(pa.table(TABLE), folder / "runs.pq") or str(folder / "runs.pq"),
    "pandas": lambda folder: pd.DataFrame(TABLE),
    "pandas nullable": lambda folder: pd.DataFrame(TABLE).convert_dtypes(),
    "pandas categorical": lambda folder: pd.DataFrame(TABLE).astype({"kind": "category"}),
    "polars": lambda folder: pl.DataFrame(TABLE),
    "polars lazy": lambda folder: pl.LazyFrame(TABLE),
    "pyarrow": lambda folder: pa.table(TABLE),
    "columns reversed": lambda folder: dict(reversed(TABLE.items())),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_table_in_every_form_is_the_same_runs(form, tmp_path):
    """Fails if a table reads differently as a dict, a data frame, CSV, JSON lines or Parquet."""
    runs = read_runs(FORMS[form](tmp_path))
    expected = read_runs(TABLE)
    if form == "ndjson without nulls":
        # A column is a key that some line has.
        expected = read_runs({name: values for name, values in TABLE.items() if name != "notes"})
    assert runs.hash == expected.hash
    assert runs.inputs["N"].tolist() == TABLE["params"]
    assert runs.inputs["D"].tolist() == TABLE["tokens"]
    assert runs.y.tolist() == TABLE["val_loss"]
    assert runs.se.tolist() == TABLE["loss_se"]
    assert runs.labels["kind"].tolist() == TABLE["kind"]
    assert runs.inputs["diverged"].tolist() == [0.0, 1.0, 0.0]
    np.testing.assert_array_equal(runs.inputs["seed"], [1.0, np.nan, 3.0])


def test_runs_come_back_from_their_data_frame():
    """Fails if runs made a data frame and read back aren't the same runs."""
    runs = read_runs(TABLE)
    assert read_runs(runs.to_pandas()).hash == runs.hash


def test_the_hash_tells_values_names_labels_and_units_apart():
    """Fails if two tables that differ in one bit, a name, a label, a unit or a range have one hash."""

    def hashed(**changes):
        return Runs(**{"N": [1e8, 2e8], "loss": [3.0, 2.5], "run_id": ["a", "b"], **changes}).hash

    changed = [
        hashed(),
        hashed(N=[1e8, np.nextafter(2e8, 3e8)]),
        hashed(loss=[3.0, 2.6]),
        hashed(run_id=["a", "c"]),
        hashed(run_id=["a", None]),
        hashed(group=["a", "b"]),
        hashed(unit="bits/byte"),
        hashed(range=(0, 10)),
        hashed(loss_se=[0.1, 0.1]),
        Runs(D=[1e8, 2e8], loss=[3.0, 2.5], run_id=["a", "b"]).hash,
        Runs(N=[1e8, 2e8], error=[3.0, 2.5], run_id=["a", "b"], observable="error", unit="nats/token").hash,
    ]
    assert len(set(changed)) == len(changed)


def test_what_runs_hold():
    """Fails if Runs has another observable, unit, range, count or label than it was given, or another default."""
    runs = Runs(
        x=np.arange(1, 4), error=[0.5, 0.4, 0.3], count=[1, 2, 3], group=[1, 1, 2], observable="error", range=(0, 1)
    )
    assert (len(runs), runs.observable, runs.unit, runs.range, runs.N_counts) == (3, "error", "", (0.0, 1.0), None)
    assert runs.labels["group"].tolist() == ["1", "1", "2"]
    assert runs.count.dtype == runs.inputs["x"].dtype == np.float64
    assert runs.se is None
    default = Runs(N=[1e8], loss=[3.0], N_counts="total")
    assert (default.unit, default.range, default.N_counts) == ("", (0.0, np.inf), "total")


def test_runs_cannot_be_changed():
    """Fails if runs can be changed after they were checked, also through the array that they were made of."""
    given = np.array([1e8, 2e8])
    runs = Runs(N=given, loss=[3.0, 2.5])
    given[0] = 7.0
    assert runs.inputs["N"][0] == 1e8
    with pytest.raises(AttributeError):
        runs.y = np.zeros(2)
    with pytest.raises(TypeError):
        runs.inputs["D"] = given
    for column in runs.columns().values():
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1.0


def test_runs_can_be_pickled():
    """Fails if runs that go to another process come back as others."""
    runs = read_runs(TABLE).derive("C")
    again = pickle.loads(pickle.dumps(runs))
    assert again.hash == runs.hash and repr(again) == repr(runs)


def test_the_text_of_runs_says_what_was_read_filtered_and_derived(tmp_path):
    """Fails if the text of runs hides under which names columns were read, filtered or derived, or from where."""
    path = written(tmp_path, "runs.csv", csv_text(TABLE))
    runs = read_runs(path, where="kind != 'main'", N_counts="non-embedding").derive("C").where("D > 1e9")
    assert repr(runs).splitlines() == [
        "Runs: 2 rows, loss 2.6 to 2.9 (unit not said)",
        "  inputs: N 3.5e8 to 1.3e9, D 3.33e9 to 2.6e10, seed 3 (1 blank), diverged 0 to 1, notes all blank, "
        "C 7e18 to 2.03e20",
        "  noise: loss_se 0 to 0.02",
        "  labels: run_id (2 values), kind ('it's, \"quoted\"')",
        "  N counts: non-embedding",
        "  derived: C = 6 N D",
        f"  from: {path} (rows in it: 3)",
        "  read: params as N, tokens as D, val_loss as loss",
        "  where: kind != 'main'; D > 1e9",
    ]


GOOD = {"run_id": ["a", "b", "c"], "params": [1e8, 1e9, 2e9], "tokens": [2e9, 2e10, 4e10], "loss": [3.1, 2.7, 2.5]}
# Column and value of the third row; what the message has to hold.
BAD_CELLS = [
    ("tokens", "12 apples", ["'12 apples' is not a number", "correct the cell", "where=\"run_id != 'c'\""]),
    ("tokens", "~1.4T", ["'~1.4T' is not a number", "write it as 1.4e12", "where=\"run_id != 'c'\""]),
    ("params", "7B-v2", ["column 'params' (read as N)", "'7B-v2' is not a number", "correct the cell"]),
    ("params", "7_000", ["is not a number", "write it as 7000"]),
    ("params", "True", ["'True' is not a number"]),
    ("params", "", ["the cell is blank", "fill in the number", 'where="params > 0"']),
    ("params", "NA", ["'NA' is a missing value", "fill in the number"]),
    ("params", "nan", ["is a missing value"]),
    ("params", "inf", ["inf is not finite", "where=\"run_id != 'c'\""]),
    ("params", "1e999", ["inf is not finite"]),
    ("params", "0", ["0 is not above 0", 'where="params > 0"']),
    ("tokens", "-5", ["column 'tokens' (read as D)", "-5 is not above 0", 'where="tokens > 0"']),
    ("flops", "0", ["column 'flops' (read as C)", "0 is not above 0"]),
    ("unique_tokens", "-1", ["column 'unique_tokens' (read as U)", "-1 is not above 0"]),
    ("x", "0", ["column 'x'", "0 is not above 0"]),
    ("loss", "0", ["column 'loss'", "0 is not above 0", 'where="loss > 0"', "range=(lower, upper)"]),
    ("loss", "-inf", ["-inf is not finite"]),
    ("loss", "diverged", ["'diverged' is not a number"]),
    ("loss_se", "-0.1", ["column 'loss_se'", "-0.1 is below 0", 'where="loss_se >= 0"']),
    ("loss_se", "", ["column 'loss_se'", "the cell is blank"]),
    ("count", "0", ["column 'count'", "0 is below 1", 'where="count >= 1"']),
]


@pytest.mark.parametrize(
    ("column", "cell", "told"), BAD_CELLS, ids=[f"{column}={cell}" for column, cell, _ in BAD_CELLS]
)
def test_a_bad_cell_is_refused_with_row_column_and_cure(column, cell, told, tmp_path):
    """Fails if a bad cell isn't refused with its file, its row as numbered there, its column and a cure."""
    table = {**GOOD, column: [*[str(value) for value in GOOD.get(column, [1, 1, 1])[:2]], cell]}
    path = written(tmp_path, "runs.csv", csv_text(table))
    # The row keeps its number when rows above it are filtered out.
    for where in (None, "run_id != 'a'"):
        with pytest.raises(InputError) as refused:
            read_runs(path, where=where)
        message = str(refused.value)
        if where:  # the cure is added to the filter that is there
            told = [part.replace('where="', f'where="{where} and ') for part in told]
        assert all(part in message for part in [str(path), "row 3 (run_id 'c')", f"column '{column}'", *told]), message
        assert "\n" not in message
    assert len(read_runs(path, where="run_id != 'c'")) == 2


def test_the_filter_offered_as_a_cure_cures(tmp_path):
    """Fails if the filter that an error offers can't be typed, or still keeps the bad row."""
    path = written(tmp_path, "runs.csv", "run,params,N tokens,loss\n7,1e8,2e9,3\n8,1e9,,2.7\n9,?x,2e9,2.6\n")
    columns = {"D": "N tokens"}
    for where, cure in [("run != 9", "run != 9 and `N tokens` > 0"), ("run != 8", "run != 8 and row != 3")]:
        with pytest.raises(InputError) as refused:
            read_runs(path, where=where, columns=columns)
        assert f'where="{cure}"' in str(refused.value)
        assert len(read_runs(path, where=cure, columns=columns)) == 1


def test_other_rows_like_the_first_bad_one_are_counted():
    """Fails if an error of one bad cell doesn't say how many more rows are like it."""
    with pytest.raises(InputError, match=r"row 2, column 'N': 0 is not above 0 \(and 2 more rows like it\); "):
        Runs(N=[1, 0, -1, 0], loss=[3, 3, 3, 3])


HEADER = "run_id,params,tokens,loss\n"
BAD_FILES = {
    "no loss": ("a.csv", "N,D,los\n1,2,3\n", ["no column for the observable 'loss'", "'N', 'D'", "nearest: 'los'"]),
    "no rows": ("a.csv", HEADER, ["has columns ('run_id', 'params'", "no rows"]),
    "empty": ("a.csv", "", ["the file is empty"]),
    "only space": ("a.jsonl", "\n \n", ["the file is empty"]),
    "twice": ("a.csv", "N,D,N,loss\n1,2,3,4\n", ["more than one column is named 'N'", "rename"]),
    "short row": ("a.csv", HEADER + "a,1,2,3\nb,1,2\n", ["row 2 has 3 cells", "the header 4 names"]),
    "long row": ("a.csv", HEADER + "a,1,000,2,3\n", ["row 1 has 5 cells", "double quotes"]),
    "open quote": ("a.csv", HEADER + 'a,"1,2,3\n', ["can't be read as CSV", "check its quotes"]),
    "two separators": ("a.csv", "N,a;D,b;loss\n1,0;2,0;3\n", ["semicolons make 3 columns", "commas make 3 columns"]),
    "extension": ("a.docx", "", ["'.docx'", ".csv, .tsv, .txt, .xlsx, .parquet"]),
    "no extension": ("runs", "", ["extension ''", ".csv, .tsv, .txt"]),
    "old workbook": ("a.xls", "", ["'.xls'", "save the sheet as .xlsx or .csv"]),
    "bytes": ("a.csv", bytes(range(1, 256)), ["is not text in UTF-8, UTF-16 or Windows-1252"]),
    "zero bytes": ("a.csv", b"a\0b,c\n1,2\n", ["binary data"]),
    "no gzip": ("a.csv.gz", "N,loss\n1,2\n", ["can't be unpacked as gzip"]),
    "cut gzip": ("a.csv.gz", gzip.compress(b"N,loss\n1,3\n" * 100)[:30], ["can't be unpacked as gzip"]),
    "no parquet": ("a.parquet", "N,loss\n1,2\n", ["can't be read as Parquet"]),
    "empty parquet": ("a.parquet", "", ["can't be read as Parquet"]),
    "bad json": ("a.jsonl", '{"N": 1, "loss": 3}\n{"N": 1, "loss": \n', ["line 2 is not JSON"]),
    "deep json": ("a.jsonl", "[" * 100_000, ["line 1 is not JSON", "too deep"]),
    "json list": ("a.jsonl", '[{"N": 1, "loss": 3}]', ["line 1 is a JSON list, not an object"]),
    "json twice": ("a.jsonl", '{"N": 1, "N": 2, "loss": 3}', ["line 1", "more than one column is named 'N'"]),
    "json NaN": ("a.jsonl", '{"N": 1, "loss": 3}\n\n{"N": NaN, "loss": 3}', ["row 3, column 'N'", "blank or nan"]),
    "json list cell": ("a.jsonl", '{"N": [1], "loss": 3}', ["row 1, column 'N': '[1]' is not a number"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_in_one_line(case, tmp_path):
    """Fails if a damaged or unfit file ends in another library's error, or isn't named in one line."""
    name, content, told = BAD_FILES[case]
    path = written(tmp_path, name, content)
    with pytest.raises(InputError) as refused:
        read_runs(path)
    message = str(refused.value)
    assert message.startswith(f"{path}") and "\n" not in message
    assert all(part in message for part in told), message


BAD_CALLS = {
    "folder": (lambda folder: read_runs(folder), ["is a folder"]),
    "no file": (lambda folder: read_runs(folder / "none.csv"), ["there is no such file"]),
    "address": (lambda folder: read_runs("https://example.org/runs.csv"), ["is a web address"]),
    "list": (lambda folder: read_runs([1, 2]), ["a list is not a table"]),
    "array": (lambda folder: read_runs(np.ones((2, 2))), ["a ndarray is not a table"]),
    "empty dict": (lambda folder: read_runs({}), ["no columns"]),
    "empty frame": (lambda folder: read_runs(pd.DataFrame({"N": [], "loss": []})), ["no rows"]),
    "frame twice": (lambda folder: read_runs(pd.DataFrame([[1, 2]], columns=["N", "N"])), ["'N'", "the same name"]),
    "arrow twice": (
        lambda folder: read_runs(pa.Table.from_arrays([pa.array([1])] * 2, names=["N", "N"])),
        ["'N'", "the same name"],
    ),
    "null in a frame": (
        lambda folder: read_runs(pl.DataFrame({"params": [1, None], "loss": [2.0, 3.0]})),
        ["row 2, column 'params' (read as N): the cell is blank"],
    ),
    "lengths of a dict": (lambda folder: read_runs({"N": [1, 2], "loss": [1]}), ["N 2, loss 1"]),
    "lengths": (lambda folder: Runs(N=[1, 2], D=[1, 2], loss=[3]), ["N 2, D 2, loss 1", "one value a run"]),
    "scalar": (lambda folder: Runs(N=[1, 2], loss=3.0), ["column 'loss' is 3.0", "loss=[...]"]),
    "text for a column": (lambda folder: Runs(N=[1], loss=[3], run_id="a"), ["column 'run_id' is 'a'"]),
    "matrix": (lambda folder: Runs(N=np.ones((2, 2)), loss=[1, 2]), ["column 'N' has shape (2, 2)"]),
    "ragged": (lambda folder: Runs(N=[[1, 2], [3]], loss=[1, 2]), ["row 1, column 'N': [1, 2] is not a number"]),
    "masked": (lambda folder: Runs(N=np.ma.array([1, 2], mask=[0, 1]), loss=[1, 2]), ["row 2, column 'N'", "blank"]),
    "huge": (lambda folder: Runs(N=[10**400], loss=[1]), ["row 1, column 'N': inf is not finite"]),
    "complex": (lambda folder: Runs(N=[1j], loss=[1]), ["row 1, column 'N': 1j is not a number"]),
    "dates": (lambda folder: Runs(N=np.array(["2020"], "datetime64[D]"), loss=[1]), ["2020-01-01 is not a number"]),
    "nothing": (lambda folder: Runs(), ["no column for the observable 'loss'; found: nothing"]),
    "no rows": (lambda folder: Runs(N=[], loss=[]), ["no rows"]),
    "no observable": (lambda folder: Runs(N=[1], val_loss=[3]), ["nearest: 'val_loss'", "loss=[...]"]),
    "observable": (lambda folder: Runs(N=[1], observable="N"), ["observable='N'", "give another"]),
    "range": (lambda folder: Runs(x=[1], y=[1], observable="y", range=(1, 0)), ["range=(1, 0)", "lower < upper"]),
    "above the range": (
        lambda folder: Runs(x=[1, 2], y=[0.5, 1], observable="y", range=(0, 1)),
        ["row 2, column 'y': 1 is not below 1", "the y's range=(lower, upper)"],
    ),
    "N_counts": (lambda folder: Runs(N=[1], loss=[1], N_counts=True), ["N_counts=True is not text"]),
    "where": (lambda folder: read_runs(GOOD, where="token > 1"), ["unknown column 'token'", "did you mean 'tokens'?"]),
    "where with our name": (lambda folder: read_runs(GOOD, where="N > 1"), ["unknown column 'N'", "valid: run_id"]),
    "none left": (lambda folder: read_runs(GOOD, where="loss > 9"), ["no rows left of 3", "loss > 9"]),
    "columns": (
        lambda folder: read_runs(GOOD, columns={"N": "param", "loss": "los"}),
        ["'param', 'los'", "columns={'N': 'params', 'loss': 'loss'}", "found: 'run_id', 'params', 'tokens', 'loss'"],
    ),
    "columns turned round": (lambda folder: read_runs(GOOD, columns={"params": "N"}), ["columns={'N': 'params'}"]),
    "columns as a list": (lambda folder: read_runs(GOOD, columns=["N"]), ["is no mapping"]),
    "two N": (
        lambda folder: read_runs({"params": [1], "parameters": [2], "loss": [3]}),
        ["'params', 'parameters' could each be N", "columns={'N': 'params'}"],
    ),
    "two losses": (
        lambda folder: read_runs({"N": [1], "test_loss": [2], "val_loss": [3]}),
        [
            "'test_loss', 'val_loss' could each be loss",
            "columns={'loss': 'test_loss'} or columns={'loss': 'val_loss'}",
        ],
    ),
    "two N and two D": (
        lambda folder: read_runs({"params": [1], "n_params": [2], "tokens": [3], "total_tokens": [4], "loss": [3]}),
        ["'params', 'n_params' could each be N", "'tokens', 'total_tokens' could each be D"],
    ),
    "no such input": (
        lambda folder: Runs(params=[1], N=[1], D=[1], loss=[3]).require("C", "U", "N"),
        [
            "the runs have no 'C', 'U'",
            "their inputs: 'params', 'N', 'D'",
            "runs.derive('C')",
            "columns={'C': ..., 'U': ...}",
        ],
    ),
    "an alias": (lambda folder: Runs(params=[1], loss=[3]).column("N"), ["no 'N'", "N may be 'params'"]),
    "unsure": (lambda folder: read_runs({"dataset_size": [1], "loss": [3]}).column("D"), ["D may be 'dataset_size'"]),
    "blank input": (
        lambda folder: read_runs({"N": [1, 2], "epochs": [1, None], "loss": [3, 3]}).column("epochs"),
        ["row 2, column 'epochs'", "the cell is blank or nan", 'where="epochs > 0"'],
    ),
    "text input": (
        lambda folder: read_runs({"N": [1, 2], "epochs": ["4", "4x"], "loss": [3, 3]}).column("epochs"),
        ["row 2, column 'epochs': '4x' is not a number"],
    ),
    "derive": (lambda folder: Runs(N=[1], loss=[3]).derive("U"), ["'U' can't be derived", "C = 6 N D"]),
    "derive without D": (lambda folder: Runs(N=[1], tokens=[1], loss=[3]).derive("C"), ["no 'D'", "D may be 'tokens'"]),
    "take": (lambda folder: Runs(N=[1], loss=[3]).take([1]), ["from 0 to 0", "[1]"]),
    "take none": (lambda folder: Runs(N=[1], loss=[3]).take([]), ["no rows left"]),
    "take halves": (lambda folder: Runs(N=[1], loss=[3]).take([0.5]), ["whole numbers"]),
    "take a mask": (lambda folder: Runs(N=[1], loss=[3]).take([True, False]), ["mask of shape (2,)", "1 runs"]),
    "filter to none": (lambda folder: Runs(N=[1], loss=[3]).where("N > 1"), ["no rows left of 1"]),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_is_refused_in_one_line(case, tmp_path):
    """Fails if a wrong call reads something else, or its one-line error doesn't say what to type."""
    call, told = BAD_CALLS[case]
    with pytest.raises(InputError) as refused:
        call(tmp_path)
    message = str(refused.value)
    assert all(part in message for part in told), message
    assert "\n" not in message


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    """Fails if a Parquet file without pyarrow ends in an ImportError, instead of the extra to install."""
    path = written(tmp_path, "runs.parquet", b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'scalebayes\[parquet\]'"):
        read_runs(path)


@pytest.mark.parametrize(
    ("table", "columns", "names"),
    [
        ({"Params": [1], "TOKENS": [1], "Val_Loss": [3]}, {}, {"N", "D", "loss"}),
        ({"model_size": [1], "num_tokens": [1], "compute": [6], "eval_loss": [3]}, {}, {"N", "D", "C", "loss"}),
        ({"N": [1], "params": [1], "loss": [3]}, {}, {"N", "loss"}),
        ({"n": [5e6], "d": [5e8], "loss": [3]}, {}, {"N", "D", "loss"}),
        ({"n": [5e6], "c": [5e16], "tokens": [2], "loss": [3]}, {}, {"N", "C", "D", "loss"}),
        ({"n": [5], "d": [5e8], "params": [2], "loss": [3]}, {}, {"n", "N", "D", "loss"}),
        ({"n": [5], "N": [2], "loss": [3]}, {}, {"n", "N", "loss"}),
        ({"n": [5], "loss": [3]}, {}, {"n", "loss"}),
        ({"N": [1], "params": [2], "loss": [3]}, {}, {"N", "params", "loss"}),
        ({"param_count": ["kaplan"], "params": [2], "loss": [3]}, {}, {"N", "param_count", "loss"}),
        ({"model_size": ["small"], "loss": [3]}, {}, {"model_size", "loss"}),
        ({"train_loss": [2], "val_loss": [3]}, {"loss": "val_loss"}, {"loss", "train_loss"}),
        ({"loss": [2], "val_loss": [3]}, {"loss": "loss"}, {"loss", "val_loss"}),
        ({"loss": [2], "val_loss": [3]}, {"loss": "val_loss"}, {"loss"}),
        ({"params": [1], "N": [2], "loss": [3]}, {"N": "params"}, {"N", "loss"}),
        ({"params": [1], "params_non_emb": [2], "loss": [3]}, {"N": "params_non_emb"}, {"N", "params", "loss"}),
        ({"flops": [None], "N": [1], "loss": [3]}, {"C": None}, {"N", "loss"}),
        ({"ep": [4], "loss": [3]}, {"epochs": "ep"}, {"epochs", "loss"}),
        ({"val_loss": [3], "val_loss_se": [0.1]}, {}, {"loss", "loss_se"}),
        ({"name": ["a"], "id": [7], "family": ["p"], "loss": [3]}, {}, {"run_id", "name", "group", "loss"}),
        ({"run_id": ["a"], "run": ["b"], "loss": [3]}, {}, {"run_id", "run", "loss"}),
        ({"unit": ["nats"], "range": [1], "self": [2], "metadata": [3], "loss": [3]}, {}, None),
        ({"dataset_size": [1], "loss": [3]}, {"D": "dataset_size"}, {"D", "loss"}),
    ],
)
def test_columns_are_read_under_our_names(table, columns, names):
    """Fails if a known name of a column isn't read as ours, or an uncertain one is."""
    assert set(read_runs(table, columns=columns).columns()) == (names or set(table))


def test_labels_are_text_as_it_was_written(tmp_path):
    """Fails if a label such as 007 loses its zeros, or a blank one becomes text."""
    path = written(tmp_path, "runs.csv", "run_id,group,split,N,loss\n007,1,fit,1e8,3\n,2,,1e9,2.5\n")
    runs = read_runs(path)
    assert {name: column.tolist() for name, column in runs.labels.items()} == {
        "run_id": ["007", None],
        "group": ["1", "2"],
        "split": ["fit", None],
    }
    assert read_runs(pd.DataFrame({"group": [1, None], "loss": [3, 2]})).labels["group"].tolist() == ["1", None]


def test_few_rows_constant_inputs_and_duplicates_are_left_to_the_fit():
    """Fails if the table refuses duplicates or constant inputs, which are the fit's to judge."""
    assert len(Runs(N=[1e8, 1e8], loss=[3.0, 3.0], run_id=["a", "a"], group=["p", "q"])) == 2


def test_a_bad_row_that_is_filtered_out_is_not_checked():
    """Fails if a bad row that the filter drops is refused, or the runs don't say that it was there."""
    table = {"params": ["1e8", "oops"], "loss": [3.0, float("nan")], "keep": [1, 0]}
    runs = read_runs(table, where="keep == 1")
    assert runs.inputs["N"].tolist() == [1e8]
    assert runs.metadata["filters"] == ["keep == 1"] and runs.metadata["rows_read"] == 2


def test_where_takes_our_names_and_those_of_the_table():
    """Fails if a filter of runs takes only our names or only the table's, or isn't recorded."""
    runs = read_runs(GOOD)
    assert runs.where("N > 5e8 and run_id != 'c'").y.tolist() == runs.where("params in [1e9]").y.tolist() == [2.7]
    assert runs.where("loss < 3").where("tokens > 2e10").metadata["filters"] == ["loss < 3", "tokens > 2e10"]


def test_taken_runs_keep_their_rows():
    """Fails if rows that were taken lose their numbers, standard errors or counts, or come in another order."""
    runs = Runs(N=[1, 2, 3], D=[1, 2, 3], loss=[3, 2, 1], loss_se=[0.1, 0.2, 0.3], count=[1, 2, 3], odd=[1, 0, -1])
    taken = runs.take([2, 0])
    assert taken.rows.tolist() == [3, 1]
    assert [taken.y.tolist(), taken.se.tolist(), taken.count.tolist()] == [[1, 3], [0.3, 0.1], [3, 1]]
    assert runs.take(np.array([True, False, True])).y.tolist() == runs.take(slice(None, None, 2)).y.tolist() == [3, 1]
    with pytest.raises(InputError, match="row 3, column 'odd': -1 is not above 0"):
        taken.column("odd")


def test_derived_columns_are_consistent_and_recorded():
    """Fails if N, D and C = 6 N D derived from each other disagree, or the derivation isn't recorded."""
    runs = Runs(N=[1e8, 3e8], D=[2e9, 7e9], loss=[3.0, 2.5])
    assert runs.derived == {} and runs.derive("N") is runs
    compute = runs.derive("C")
    assert compute.derived == {"C": "6 N D"} and "C" not in runs.inputs
    np.testing.assert_allclose(compute.column("C"), [1.2e18, 1.26e19], rtol=1e-15)
    for name, other in (("D", "N"), ("N", "D")):
        again = Runs(**{other: runs.column(other)}, C=compute.column("C"), loss=runs.y).derive(name)
        np.testing.assert_allclose(again.column(name), runs.column(name), rtol=1e-15)
        assert list(again.derived) == [name]


def test_importing_runs_loads_no_heavy_library():
    """Fails if who only reads a table waits for JAX, pandas or a tracker's library to load."""
    heavy = ("jax", "numpyro", "arviz", "matplotlib", "pandas", "narwhals", "pyarrow", "mlflow", "tensorboard")
    code = f"import scalebayes.runs, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def data(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; set SCALEBAYES_DATA to the folder of the data sets")
    return path


def test_the_chinchilla_runs():
    """Fails if the 245 Chinchilla runs are read with rows, compute or losses other than the published ones."""
    runs = read_runs(data("chinchilla.csv"))
    assert len(runs) == 245
    assert len(read_runs(data("chinchilla.csv"), where="epoch_excluded == 0")) == 240
    np.testing.assert_allclose(runs.column("C"), 6 * runs.column("N") * runs.column("D"), rtol=1e-9)
    assert (round(runs.y.min(), 3), round(runs.y.max(), 3)) == (2.077, 5.006)
    assert len(runs.where("C >= 1e21")) == 23


def test_the_datablations_runs():
    """Fails if the 182 runs of the published fit of repeated data, or its 64 runs by seed, are read as others."""
    runs = read_runs(data("datablations.csv"), where="in_published_fit == 1")
    assert len(runs) == 182
    assert set(runs.inputs) == {"N", "D", "U", "C", "epochs", "in_published_fit", "seed"}
    assert set(runs.labels["kind"]) == {"main"}
    seeds = read_runs(data("datablations.csv"), where="kind == 'seed'")
    assert len(seeds) == 64 and len(seeds.column("seed")) == 64


def test_the_isoflop_runs():
    """Fails if the 1745 IsoFLOP runs in 15 families lose rows, or blanks of an unused column refuse them."""
    runs = read_runs(data("porian_isoflop.csv"))
    assert (len(runs), len(set(runs.labels["group"]))) == (1745, 15)
    assert np.isnan(runs.inputs["published_n_opt"]).sum() == 34


def test_a_learning_curve():
    """Fails if the training and test parts of one learning curve overlap, or readings are lost."""
    where = "curve_id == 'IC|bird_5|MiX/B/16' and dup == 0"
    runs = read_runs(data("learning_curves.csv"), observable="y", where=where, range=(0, 1))
    assert len(runs) == len(runs.where("split == 'train'")) + len(runs.where("split == 'test'")) == 565
    assert runs.where("split == 'test'").column("x").min() > runs.where("split == 'train'").column("x").max()


def test_a_column_by_its_name():
    """Fails if a notebook can't look at a column as at one of a data frame, by our name or by the table's."""
    runs = read_runs({"n_params": [1e8, 2e8], "val_loss": [3.0, 2.5], "group": ["a", "b"], "loss_se": [0.1, 0.2]})
    assert runs["N"] is runs["n_params"] and runs["N"].tolist() == [1e8, 2e8]
    assert runs["loss"].tolist() == runs["val_loss"].tolist() == runs.column("loss").tolist() == [3.0, 2.5]
    assert runs["group"].tolist() == ["a", "b"] and runs["loss_se"].tolist() == [0.1, 0.2]
    assert "n_params" in runs and "group" in runs and "D" not in runs and 0 not in runs
    for name in ("N", "loss", "group"):
        with pytest.raises(ValueError, match="read-only"):
            runs[name][0] = runs[name][1]


@pytest.mark.parametrize(
    ("key", "cure"),
    [
        ("los", "did you mean 'loss'? valid: N, loss"),
        (1, "runs.take([1])"),
        (slice(-1, None), "runs.take(range(1, 2))"),
        (np.array([True, False]), "runs.take(...)"),
        (["N", "loss"], "runs.to_pandas()[['N', 'loss']]"),
    ],
)
def test_what_is_no_name_is_told_what_to_type(key, cure):
    """Fails if what works on a data frame ends in a message that doesn't say what to type here."""
    runs = Runs(N=[1e8, 2e8], loss=[3.0, 2.5])
    with pytest.raises(KeyError if isinstance(key, str) else InputError) as error:
        runs[key]
    assert cure in str(error.value) and isinstance(error.value, InputError)


def test_a_loop_over_runs_is_refused():
    """Fails if a loop goes by 0, 1, 2, ... or over names where rows were meant: the length is that of the rows."""
    with pytest.raises(TypeError, match="to_pandas"):
        list(Runs(N=[1e8], loss=[3.0]))
