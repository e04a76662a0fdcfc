"""Numbers as people write them: what a word means, what its column decides, and what is refused with both readings."""

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.errors import InputError
from scalebayes.model.problem import build
from scalebayes.runs import Runs, read_curves, read_runs
from scalebayes.runs.reading import cells
from scalebayes.runs.reading.spelling import spelled
from scalebayes.runs.reading.text_to_numbers import settled
from scalebayes.runs.split import split

WORDS = {
    "60M": 6e7,
    "1.4T": 1.4e12,
    "512k": 512e3,
    "7B": 7e9,
    "1.5 B": 1.5e9,
    "300 million": 3e8,
    "7bn": 7e9,
    "1,5 Mrd.": 1.5e9,
    "2 trillion tokens": 2e12,
    "70B params": 7e10,
    "124m": 124e6,
    "60,000,000": 6e7,
    "60 000 000": 6e7,
    "60\u00a0000\u00a0000": 6e7,
    "60\u2009000\u2009000": 6e7,
    "60\u202f000": 6e4,
    "60'000'000": 6e7,
    "60’000": 6e4,
    "60.000.000": 6e7,
    "1,234.5": 1234.5,
    "1.234,5": 1234.5,
    "2,31": 2.31,
    "0,123": 0.123,
    "1234,567": 1234.567,
    "45.2%": 0.452,
    "45,2 %": 0.452,
    "1.2E+09": 1.2e9,
    "1,2e9": 1.2e9,
    "1.2×10^9": 1.2e9,
    "1.2x10^9": 1.2e9,
    "1.2 · 10⁹": 1.2e9,
    "3×10⁻⁴": 3e-4,
    "2*10**9": 2e9,
    "10^9": 1e9,
    "5.76 x 10^{23}": 5.76e23,
    "-60M": -6e7,
    "−2,5": -2.5,
}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_is_one_number(word):
    """Fails if a spelling that people use is read as another number than it is, in any digit."""
    assert spelled(word).value == WORDS[word]
    assert read_runs({"N": [1], "score": [word]}, observable="score", range=(-1e99, 1e99)).y.tolist() == [WORDS[word]]


@pytest.mark.parametrize(
    "word",
    [
        *("7b-v2", "1_2", "1_000_000", "8x7B", "v1.5", "1.5.2", "2,3,1", "12,34,567", "~70B", ">1B", "1e3k"),
        *("5.76 x 1023", "70 B 2", "3.1±0.2", "3.1 (0.2)", "2024-01-01", "12:30", "0x10", "M", "%", "params", "60M/2B"),
        *("192.168.1.1", "1 2", "60  000", "60 000'000", "1e9999", "9" * 100),
    ],
)
def test_a_word_that_is_no_number(word):
    """Fails if a name, a version, a date or an estimate becomes a number."""
    assert spelled(word) is None


# The words of a column, and the numbers that they are together; None where both readings stay.
COLUMNS = [
    (["1,234", "12,345,678"], [1234, 12345678]),
    (["1,234", "2,31"], [1.234, 2.31]),
    (["1,234", "2.5"], [1234, 2.5]),
    (["1.234", "1.000.000"], [1234, 1e6]),
    (["1.234", "2.345"], [1.234, 2.345]),
    (["1,234", "2,345"], None),
    (["1,234M", "2,345M"], None),
    (["2,31", "2.42"], [2.31, 2.42]),
    (["124m", "350m"], [124e6, 350e6]),
    (["124m", "1.3B"], [124e6, 1.3e9]),
    (["124m", "1M"], None),
    (["45%", "0"], [0.45, 0]),
    (["45%", "0.47"], None),
    (["60M", "60000000", "6e7"], [6e7, 6e7, 6e7]),
]


@pytest.mark.parametrize(("words", "values"), COLUMNS)
def test_a_column_decides_together(words, values):
    """Fails if a cell is read without the others of its column, or if one with two readings is read at all."""
    table = {"N": words, "loss": [2.0] * len(words)}
    if values is None:
        with pytest.raises(InputError, match="can be"):
            read_runs(table, columns={"N": "N"})
        assert read_runs(table | {"other": words}, columns={"N": None}).labels["other"].tolist() == words
    else:
        assert (
            read_runs({"x": words, "loss": [2.0] * len(words)}, columns={"other": "x"}).inputs["other"].tolist()
            == values
        )


@pytest.mark.parametrize(
    ("other", "value"),
    [(["0.5"], 1234.0), (["3,57"], 1.234), (["3"], None), (["0.5", "3,57"], None), (["a 0.5"], None)],
)
def test_the_other_columns_decide_where_a_column_does_not(other, value):
    """Fails if 1,234 alone is read by anything but the decimal mark of the columns beside it."""
    columns = {f"other{i}": np.array([word], dtype=object) for i, word in enumerate(other)}
    cell = settled({"N": np.array(["1,234"], dtype=object), **columns})["N"][0]
    assert cell.value == value
    assert bool(cell.doubt) == (value is None)


SOUND = {"N": ["100000000", "200000000"], "D": ["2000000000", "2000000000"], "loss": ["3.123", "2.123"]}
LABELS = {
    "devices": ["0,1", "2,3"],
    "shares": ["70,30", "60,40"],
    "host": ["192.168.100.200", "192.168.100.201"],
    "version": ["1.000.000", "1.000.001"],
    "note": ["0,5", ""],
    "temperature": ["1,25", "0,7"],
}


@pytest.mark.parametrize("beside", [{}, {"lr": ["0.0003", "0.0006"]}, {"seed": ["0.5", "1,5"]}])
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("ending", [".csv", ".tsv", None])
def test_a_label_decides_no_number(name, ending, beside, tmp_path):
    """Fails if a comma in a column that no law asked for makes a loss a thousand times larger, or refuses it."""
    table = SOUND | {name: LABELS[name]} | beside
    path = tmp_path / f"table{ending}"
    sign = "," if ending == ".csv" else "\t"
    rows = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in zip(*table.values(), strict=True)]
    path.write_text("\n".join(sign.join(row) for row in [[*table], *rows]))
    runs = read_runs(path if ending else table)
    assert runs.y.tolist() == [3.123, 2.123] and runs.inputs["N"].tolist() == [1e8, 2e8]
    assert runs.labels[name].tolist() == [cell or None for cell in LABELS[name]] and not runs.metadata["made"]
    assert Runs(**table).y.tolist() == [3.123, 2.123]


@pytest.mark.parametrize(
    ("N", "loss"), [("60.000.000", "3.123"), ("1,5e9", "3.123"), ("1.5e9", "3,123"), ("60,000,000", "3,123")]
)
def test_no_other_column_makes_a_loss_larger(N, loss, tmp_path):
    """Fails if how the counts of a table are written turns a loss of 3.1 into one of thousands."""
    for separator in (",", ";", "\t"):
        path = tmp_path / "table.csv"
        path.write_text(f'N{separator}loss\n"{N}"{separator}"{loss}"\n')
        with pytest.raises(InputError, match=r"column 'loss': .* can be read as 3123 or as 3\.123; write 3123 or 3"):
            read_runs(path)


def test_a_table_with_decimal_commas_has_them_in_every_column():
    """Fails if a loss with a decimal comma no longer decides for the columns beside it, or for a count in groups."""
    table = {"N": ["60.000", "70.000"], "loss": ["3,5783", "3,3"], "lr": ["0,001", "0,002"], "seed": ["1", "2"]}
    runs = read_runs(table)
    assert runs.inputs["N"].tolist() == [60000, 70000] and runs.inputs["lr"].tolist() == [0.001, 0.002]
    lone = read_runs(table | {"N": ["6e4", "7e4"], "loss": ["3.5", "3.3"]})
    assert lone.labels["lr"].tolist() == ["0,001", "0,002"] and lone.column("lr").tolist() == [0.001, 0.002]


def test_a_label_decides_no_number_of_a_log():
    """Fails if a list of devices in a log makes the losses of its curves a thousand times larger."""
    log = {"run": ["a"] * 3, "step": [1, 2, 3], "loss": ["3.123", "2.123", "1.999"], "gpus": ["0,1"] * 3}
    assert read_curves(log)["a"].y.tolist() == [3.123, 2.123, 1.999]


@pytest.mark.parametrize(
    ("cell", "told", "cured"),
    [
        ("1,234", "can be read as 1234 or as 1.234; write 1234 or 1,2340", {"1234": 1234, "1,2340": 1.234}),
        (
            "1,234M",
            "can be read as 1.234e9 or as 1.234e6; write 1234M or 1,2340M",
            {"1234M": 1.234e9, "1,2340M": 1.234e6},
        ),
    ],
)
def test_what_the_refusal_says_to_write_is_read(cell, told, cured):
    """Fails if one of the two ways of writing that a refusal offers is refused, or read as the other number."""
    with pytest.raises(InputError) as refused:
        read_runs({"N": [cell], "loss": [2]})
    assert told in str(refused.value)
    assert {word: read_runs({"N": [word], "loss": [2]}).inputs["N"][0] for word in cured} == cured


BLANKS = [
    "-",
    "–",
    "—",
    "n/a",
    "N/A",
    "nan",
    "NaN",
    "null",
    "None",
    "?",
    "",
    " ",
    "#N/A",
    ".",
    "...",
    "#DIV/0!",
    "<NA>",
]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_is_missing(blank):
    """Fails if a word for nothing keeps a column from being numbers, or counts as a value of an input."""
    runs = read_runs({"N": [1e8, 1e9], "acc": ["40.2%", blank], "loss": [3, 2]})
    np.testing.assert_array_equal(runs.inputs["acc"], [0.402, np.nan])
    with pytest.raises(InputError, match=r"row 2, column 'N'.* fill in the number"):
        read_runs({"N": ["1e8", blank], "loss": [3, 2]})


def test_names_stay_names():
    """Fails if a label or the name of a run becomes a number or loses the way it was written."""
    table = {"name": ["1_2", "1_3"], "family": ["70M", "160M"], "kind": ["7B", "7b-v2"], "N": [1, 2], "loss": [3, 2]}
    labels = read_runs(table).labels
    assert {name: column.tolist() for name, column in labels.items()} == {
        "run_id": ["1_2", "1_3"],
        "group": ["70M", "160M"],
        "kind": ["7B", "7b-v2"],
    }
    assert {type(cell) for column in labels.values() for cell in column} == {str}


NAMES = {"exp": ["5m", "7b"], "model": ["160m", "1b"], "size": ["7B", "13B"], "batch": ["0.5M", "1,5M"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_looks_like_a_count_comes_back_as_it_was(name):
    """Fails if a label such as 160m becomes a number, or a table that is split by it loses its name."""
    table = {"N": [1e8, 2e8, 1e8, 2e8], "loss": [3, 2, 3, 2], name: NAMES[name] * 2}
    for runs in (read_runs(table), Runs(**table)):
        assert runs.labels[name].tolist() == NAMES[name] * 2 and not runs.metadata.get("made")
        parts = split(runs, name)
        assert [*parts] == NAMES[name]
        first = parts[NAMES[name][0]].metadata["filters"][-1]
        assert read_runs(table, where=first).rows.tolist() == [1, 3] == runs.where(first).rows.tolist()


def test_a_name_that_looks_like_a_count_is_one_for_a_law_and_a_filter():
    """Fails if a law can't use a column such as 0.5M, or if a filter puts its words in the order of letters."""
    table = {"batch": ["0.5M", "1M", "16M", "200k"], "loss": [3.0, 2.5, 2.0, 4.0]}
    values = [5e5, 1e6, 1.6e7, 2e5]
    for runs in (read_runs(table), Runs(**table)):
        assert runs.column("batch").tolist() == values
        assert runs.numbered("batch").inputs["batch"].tolist() == values
        assert runs.where("batch < 1e6").y.tolist() == [3.0, 4.0] == runs.where("batch < '1M'").y.tolist()
        assert runs.where("batch == 1000000").y.tolist() == [2.5] == runs.where("batch == '1M'").y.tolist()
        problem = build(runs, sb.laws.get("offset_power"), sb.Normal(), inputs={"x": "batch"})
        assert problem.runs.column("batch").tolist() == values
    assert read_runs(table, where="batch >= 1e6").y.tolist() == [2.5, 2.0]
    mixed = Runs(batch=["7B", "base"], loss=[3, 2])
    assert mixed.numbered("batch") is mixed and mixed.where("batch < 'a'").y.tolist() == [3]
    with pytest.raises(InputError, match="they can't be compared"):
        mixed.where("batch < 1e6")
    with pytest.raises(InputError, match="row 2, column 'batch': the cell is blank"):
        Runs(batch=["7B", ""], loss=[3, 2]).numbered("batch")


def test_what_was_made_of_cells_is_told():
    """Fails if a cell that was no plain number is read without a word, or a plain one with one."""
    table = {"params": ["60M", "1B"], "tokens": ["2,000", "1,234,567"], "acc": ["40%", "-"], "loss": ["3.5", "3"]}
    runs = read_runs(table)
    assert runs.metadata["made"] == [
        "params: '60M' as 6e7 (2 cells)",
        "tokens: '2,000' as 2000 (2 cells)",
        "acc: '40%' as 0.4 (1 cell)",
        "acc: '-' as a blank (1 cell)",
    ]
    assert "read: params as N, tokens as D; params: '60M' as 6e7 (2 cells); tokens: '2,000' as 2000" in repr(runs)
    assert read_runs({"N": ["1e8", 2], "loss": [3, 2]}).metadata["made"] == []


def test_a_column_kept_as_text_is_told_and_refused_when_it_is_asked_for():
    """Fails if a column with two readings that isn't needed stops a table, or is read when it is needed."""
    runs = read_runs({"N": [1, 2], "warmup": ["1,234", "2,345"], "loss": [3, 2]})
    assert runs.metadata["made"] == ["warmup: kept as text, since '1,234' can be read as 1234 or as 1.234"]
    with pytest.raises(InputError, match=r"row 1, column 'warmup': '1,234' can be read as 1234 or as 1\.234"):
        runs.column("warmup")


def test_runs_and_filters_take_the_same_spellings():
    """Fails if Runs refuses what a table may hold, or if a filter compares '60M' as text."""
    runs = Runs(N=["60M", "1.5 B"], loss=[3, 2], run_id=["60M", "1B"])
    assert runs.inputs["N"].tolist() == [6e7, 1.5e9] and runs.labels["run_id"].tolist() == ["60M", "1B"]
    assert runs.metadata["made"] == ["N: '60M' as 6e7 (2 cells)"]
    table = {"params": ["60M", "1.5B"], "size": ["60M", "1.5B"], "loss": [3, 2]}
    for where in ("params < 1e9", "size == '60M'", "size in ['60M', '7B']", "row == 1", "row not in [2]"):
        assert read_runs(table, where=where).y.tolist() == [3]
    assert read_runs(table).where("row == 2").y.tolist() == [2]
    with pytest.raises(InputError, match="'1B' is not a number; write 1e9"):
        read_runs(table, where="params < 1B")
    assert read_runs(table, columns={"D": "2B"}).inputs["D"].tolist() == [2e9, 2e9]


def test_a_column_of_text_is_known_at_its_first_word(monkeypatch):
    """Fails if every cell of a column of names is read as a number, as wide exports then take twice as long."""
    read = []
    monkeypatch.setattr(cells, "number", lambda cell: read.append(cell))
    assert cells.typed(np.array(["adam"] * 1000, dtype=object)).tolist() == ["adam"] * 1000
    assert len(read) == 1
