"""Files as people keep tables: any separator, encoding, comments and packing give the same runs, or a sentence."""

import gzip
import io
import json
import sys
import zipfile

import numpy as np
import pytest

from scalebayes.errors import InputError
from scalebayes.runs import read_runs
from scalebayes.runs.reading import decode as packed
from scalebayes.runs.reading import workbook

ROWS = [["60000000", "2000000000", "3.5783"], ["150000000", "6000000000", "3.1"], ["1000000000", "60000000000", "2.5"]]
NAMES = ["params", "tokens", "loss"]
EXPECTED = {"N": [6e7, 1.5e8, 1e9], "D": [2e9, 6e9, 6e10], "loss": [3.5783, 3.1, 2.5]}


def lines(sign, names=NAMES, rows=ROWS, end="\n"):
    return end.join(sign.join(cells) for cells in [names, *rows]) + end


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(**files):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return held.getvalue()


def sheets(**tables):
    import openpyxl

    book, held = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for title, rows in tables.items():
        sheet = book.create_sheet(title)
        for cells in rows:
            sheet.append(cells)
    book.save(held)
    return held.getvalue()


NUMBERS = [NAMES, *([float(cell) for cell in row] for row in ROWS)]
COMMAS = lines(",")
EUROPEAN = lines(";", rows=[[*row[:2], row[2].replace(".", ",")] for row in ROWS])
# What is in the file, and what is told of it beside the cells.
FILES = {
    "tabs.tsv": (lines("\t"), []),
    "tabs.csv": (lines("\t"), ["tabs between columns"]),
    "tabs.txt": (lines("\t"), ["tabs between columns"]),
    "commas.txt": (COMMAS, []),
    "commas.tsv": (COMMAS, ["commas between columns"]),
    "semicolons.csv": (EUROPEAN, ["semicolons between columns", "loss: '3,5783' as 3.5783 (3 cells)"]),
    "bars.csv": (lines("|"), ["bars between columns"]),
    "spaces.txt": (lines("   "), ["spaces between columns"]),
    "spaces_and_quotes.txt": (lines(" ").replace("tokens", '"Training tokens"'), ["spaces between columns"]),
    "document.txt": (
        "".join(f"| {' | '.join(cells)} |\n" for cells in [NAMES, ["---", ":-:", "--:"], *ROWS]),
        ["bars between columns"],
    ),
    "said.csv": ("sep=;\n" + lines(";"), ["semicolons between columns"]),
    "old_mac.csv": (lines(",", end="\r"), []),
    "quoted.csv": (lines('","').replace("\n", '"\n"').removesuffix('"').join(['"', ""]), []),
    "ends.csv": (lines(",", end=",\n"), []),
    "ends_of_rows.csv": (COMMAS.replace("\n", ",\n").replace("loss,", "loss", 1), []),
    "mark.csv": (b"\xef\xbb\xbf" + COMMAS.encode(), []),
    "utf16.csv": (COMMAS.encode("utf-16"), ["UTF-16"]),
    "utf16le.csv": (COMMAS.encode("utf-16-le"), ["UTF-16"]),
    "utf16be.csv": (COMMAS.encode("utf-16-be"), ["UTF-16"]),
    "packed.csv.gz": (gzip.compress(lines(";").encode("utf-16")), ["UTF-16", "semicolons between columns"]),
    "packed.zip": (zipped(runs__a="", **{"runs__table.tsv": lines("\t"), "__MACOSX__._table.tsv": "x"}), []),
    "packed.csv.zip": (zipped(**{"table.csv": COMMAS}), []),
    "comments.csv": ("# losses in nats, it's so\n\n" + COMMAS + "# the end, of it\n", ["2 comment lines left out"]),
    "slashes.csv": ("// spring\n" + COMMAS, ["1 comment line left out"]),
    "between.csv": (COMMAS.replace("\n150", "\n% better\n\n150"), ["1 comment line left out"]),
    "header.csv": ("#" + COMMAS, []),
    "header_spaced.csv": (
        "# spring\n# params, tokens, loss\n" + COMMAS.partition("\n")[2],
        ["1 comment line left out"],
    ),
    "header_of_matlab.txt": ("%" + lines("\t"), ["tabs between columns"]),
    "commented_row.csv": (COMMAS + "#1000000000,60000000000,9.9\n", ["1 comment line left out"]),
    "title.csv": ("Runs of spring,,\n\n" + COMMAS, ["title line 'Runs of spring' left out"]),
    "lines.jsonl": ("\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in NUMBERS[1:]), []),
    "list.json": (json.dumps([dict(zip(NAMES, row, strict=True)) for row in NUMBERS[1:]]), []),
    "list.json.gz": (
        gzip.compress(json.dumps([dict(zip(NAMES, row, strict=True)) for row in NUMBERS[1:]]).encode()),
        [],
    ),
    "book.xlsx": (sheets(Runs=NUMBERS), []),
    "book_of_two.xlsx": (
        sheets(About=[["spring"], []], Runs=[["Spring"], [], *NUMBERS]),
        ["sheet 'Runs'", "title line 'Spring' left out"],
    ),
    "book.zip": (zipped(**{"book.xlsx": sheets(Runs=NUMBERS)}), []),
}


@pytest.mark.parametrize("name", FILES)
def test_one_table_in_every_file_is_the_same_runs(name, tmp_path):
    """Fails if a way of keeping a table changes its numbers, or is passed over without a word."""
    content, told = FILES[name]
    runs = read_runs(written(tmp_path, name, content))
    assert {column: values.tolist() for column, values in runs.columns().items()} == EXPECTED
    assert runs.metadata["made"] == told


CASES = ["units.csv", "thousands.csv", "european.csv", "tabs.tsv", "utf16.csv", "comment_lines.csv"]


@pytest.mark.parametrize("name", CASES)
def test_the_cases_hold_the_same_twenty_runs(name, cases_path):
    """Fails if one of the tables made from the same runs gives other numbers than another."""
    runs, others = read_runs(cases_path / name), [read_runs(cases_path / other) for other in CASES]
    grid = [(N, D) for N in (6e7, 1.5e8, 4e8, 1e9) for D in (2e9, 6e9, 2e10, 6e10, 2e11)]
    assert list(zip(runs.inputs["N"], runs.inputs["D"], strict=True)) == grid
    assert runs.y[:3].tolist() == [3.5783, 3.3266, 3.1234]
    assert all(np.array_equal(runs.y, other.y) for other in others)


def test_the_units_of_the_case_are_told(cases_path):
    """Fails if per cent, a blank or a suffix of the case is read as something else, or without a word."""
    runs = read_runs(cases_path / "units.csv")
    expected = [0.402 + i / 100 for i in range(20)]
    expected[3] = np.nan
    np.testing.assert_allclose(runs.inputs["Accuracy"], expected, rtol=1e-15)
    assert "Accuracy: '40.2%' as 0.402 (19 cells); Accuracy: '-' as a blank (1 cell)" in repr(runs)


def test_nested_lines_are_the_runs_of_the_nested_list(cases_path):
    """Fails if nested names of JSON lines are read otherwise than those of a JSON list."""
    columns = {"N": "arch.n_params", "D": "train.tokens", "loss": "final.val_loss"}
    one, other = (read_runs(cases_path / f"nested.{kind}", columns=columns) for kind in ("jsonl", "json"))
    assert len(one) == 20 and one.hash == other.hash and set(one.inputs) == {"N", "D", "train.lr"}


def test_letters_of_latin_1_and_rows_named_with_hashes(tmp_path):
    """Fails if names in Windows-1252 are garbled, or if rows whose names begin with # are taken for comments."""
    content = "Größe;N;loss\n#1;1e8;3,5\n#2;1e9;3,1\n".encode("cp1252")
    runs = read_runs(written(tmp_path, "a.csv", content))
    assert runs.labels["Größe"].tolist() == ["#1", "#2"] and runs.y.tolist() == [3.5, 3.1]
    assert runs.metadata["made"][0] == "Windows-1252"


def test_rows_keep_their_numbers_between_comments_and_blanks(tmp_path):
    """Fails if the row that a message names isn't the line below the header where the user finds it."""
    path = written(tmp_path, "a.csv", "# above\n\nN,loss\n1e8,3\n# between\n\n1e9,oops\n")
    with pytest.raises(InputError, match="row 4, column 'loss': 'oops' is not a number"):
        read_runs(path)


BAD = {
    "two tables": ("a.zip", zipped(**{"a.csv": COMMAS, "b.tsv": COMMAS}), ["holds 'a.csv', 'b.tsv'", "one of them"]),
    "no table": ("a.zip", zipped(**{"a.png": "x"}), ["no table, only 'a.png'", ".csv"]),
    "no archive": ("a.zip", b"PK\x03\x04 and no more", ["can't be unpacked as zip", "damaged"]),
    "a workbook by another name": ("a.csv", sheets(A=NUMBERS), [".zip archive or an .xlsx workbook", "ends so"]),
    "half a number of UTF-16": ("a.csv", COMMAS.encode("utf-16") + b"x", ["is not text in UTF-8, UTF-16"]),
    "numbers only": ("a.csv", COMMAS.partition("\n")[2], ["the first line holds numbers only", "such as N,D,loss"]),
    "comments only": ("a.csv", "# one\n# two\n", ["nothing but comments"]),
    "a row or a comment": ("a.csv", "run,N,loss\n#1,1e8,3\nbase,1e9,2\n", ["line 2", "double quotes"]),
    "decimal commas": ("a.csv", "N,D,loss\n1,2,3,5\n1,2,2,9\n", ["row 1 has 4 cells", "1 more row", "decimal commas"]),
    "semicolons and a short row": ("a.csv", "N;D;loss\n1;2;3\n1;2\n", ["row 2 has 2 cells", "semicolons"]),
    "names with spaces": (
        "a.txt",
        "N Val loss\n1e8 3\n1e9 2\n",
        ["row 1 has 2 cells and the header 3 names", "spaces"],
    ),
    "points behind semicolons": (
        "a.csv",
        "N;loss\n1;3.571\n2;2.123\n",
        ["'3.571' can be read as 3571 or as 3.571 (and 1 more row like it)", "write 3571 or 3.5710"],
    ),
    "no workbook": ("a.xlsx", COMMAS, ["can't be read as an Excel workbook", "as .csv"]),
    "two sheets": ("a.xlsx", sheets(A=NUMBERS, B=NUMBERS), ["sheets 'A', 'B' each hold a table", "as .csv"]),
    "no sheet": ("a.xlsx", sheets(A=[["N"]]), ["no sheet holds a header and a row"]),
    "a sum below": ("a.csv", "name,N,loss\na,1e8,3\nTotal,2e8,6\n", ["row 2", "'Total'", "where=\"name != 'Total'\""]),
    "one name twice": ("a.jsonl", '{"a.b": 1, "a": {"b": 2}, "loss": 3}', ["more than one column is named 'a.b'"]),
    "deep": ("a.jsonl", '{"a":' * 100 + "1" + "}" * 100, ["nest deeper than 50 levels"]),
    "a long number": ("a.jsonl", '{"N":' + "9" * 5000 + "}", ["line 1 is not JSON", "too long"]),
    "a long number in a list": ("a.json", '[{"N":' + "9" * 5000 + "}]", ["is not JSON", "too long"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_read_in_one_way_is_refused(case, tmp_path):
    """Fails if a file with two readings is read in one, or if the sentence doesn't say what to do."""
    name, content, told = BAD[case]
    path = written(tmp_path, name, content)
    with pytest.raises(InputError) as refused:
        read_runs(path)
    message = str(refused.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert all(part in message for part in told), message


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip", "a.xlsx"])
def test_what_unpacks_to_more_than_the_limit_is_refused(name, tmp_path, monkeypatch):
    """Fails if a small packed file can fill the memory."""
    monkeypatch.setattr(packed, "MOST_BYTES", 1000)
    monkeypatch.setattr(workbook, "MOST_BYTES", 1000)
    long = lines(",", rows=ROWS * 100)
    content = {"a.csv.gz": gzip.compress(long.encode()), "a.zip": zipped(**{"a.csv": long})}
    path = written(tmp_path, name, content.get(name) or sheets(A=NUMBERS))
    with pytest.raises(InputError, match=r"takes more than 0 MiB.* (give the table itself|save the sheet as \.csv)"):
        read_runs(path)


def test_a_cell_in_the_far_corner_of_a_sheet_is_refused(tmp_path, monkeypatch):
    """Fails if the blank cells between two far ones fill the memory."""
    monkeypatch.setattr(workbook, "MOST_CELLS", 20)
    with pytest.raises(InputError, match="sheet 'A' has more than 20 cells"):
        read_runs(written(tmp_path, "a.xlsx", sheets(A=[*NUMBERS, [None] * 30 + [1]])))


def test_workbooks_without_openpyxl_name_the_extra(tmp_path, monkeypatch):
    """Fails if the refusal of a workbook doesn't say what to install."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"pip install 'scalebayes\[excel\]'"):
        read_runs(written(tmp_path, "a.xlsx", b"PK"))
