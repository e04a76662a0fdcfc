"""Random tables: however one is written, the same numbers come back; bytes that are no table end in a sentence."""

import gzip
import io
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalebayes.errors import InputError
from scalebayes.runs import read_runs

BOUNDED = settings(max_examples=60, deadline=None, derandomize=True)

# How a whole number of millions is written, and whether a decimal comma is needed for it.
COUNTS = {
    "plain": lambda n: str(n),
    "decimal": lambda n: f"{n}.0",
    "exponent": lambda n: f"{n / 1e6!r}e6",
    "capital exponent": lambda n: f"{n / 1e6!r}E+06",
    "power": lambda n: f"{n / 1e6!r}×10^6",
    "power in letters": lambda n: f"{n / 1e6!r}x10^6",
    "millions": lambda n: f"{n / 1e6!r}M",
    "spaced millions": lambda n: f"{n / 1e6!r} M",
    "lower case": lambda n: f"{n / 1e6!r}m",
    "in words": lambda n: f"{n / 1e6!r} million",
    "thousands": lambda n: f"{n:,}",
    "thousands by spaces": lambda n: f"{n:,}".replace(",", "\u202f"),
    "thousands by apostrophes": lambda n: f"{n:,}".replace(",", "'"),
}
EUROPEAN = str.maketrans(",.", ".,")
BLANKS = ["", "-", "–", "n/a", "NaN", "null", "?", "#N/A", "."]
COMMENTS = ["# a comment", "// and, more; of\tthem", "% it's one", ""]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


@dataclass(frozen=True)
class Written:
    """A table and one way of writing it."""

    params: list[int]
    losses: list[float]
    scores: list[float | None]
    name: str
    separator: str
    european: bool
    count: str
    per_cent: bool
    blank: str
    comments: list[str]
    encoding: str
    end: str
    trailing: bool
    packing: str

    def cells(self):
        """The header and the rows, each cell as its text."""
        local = (lambda text: text.translate(EUROPEAN)) if self.european else (lambda text: text)
        rows = [["params", self.name, "loss"]]
        for n, score, loss in zip(self.params, self.scores, self.losses, strict=True):
            shown = "" if score is None else f"{100 * score:.1f}%" if self.per_cent else f"{score:.4f}"
            rows.append([local(COUNTS[self.count](n)), local(shown) if shown else self.blank, local(f"{loss:.4f}")])
        return rows

    def text(self):
        quoted = [[f'"{cell}"' if {*cell} & {self.separator, '"'} else cell for cell in row] for row in self.cells()]
        lines = [self.separator.join(row) + self.separator * self.trailing for row in quoted]
        head, *body = lines
        return self.end.join([*self.comments, head, *self.comments, *body, ""])

    def file(self, folder):
        data, path = self.text().encode(self.encoding), folder / f"table.csv{self.packing}"
        if self.packing == ".gz":
            data = gzip.compress(data)
        elif self.packing == ".zip":
            held = io.BytesIO()
            with zipfile.ZipFile(held, "w") as archive:
                archive.writestr("table.csv", data)
            data = held.getvalue()
        path.write_bytes(data)
        return path


letters = st.text(st.characters(categories=["L"], exclude_characters="\u2028\u2029"), min_size=2, max_size=8)
tables = st.integers(2, 6).flatmap(
    lambda rows: st.builds(
        Written,
        params=st.lists(st.integers(1, 3_000_000).map(lambda n: 1000 * n), min_size=rows, max_size=rows),
        losses=st.lists(st.integers(10_001, 99_999).map(lambda n: n / 1e4), min_size=rows, max_size=rows),
        scores=st.lists(st.none() | st.integers(1, 999).map(lambda n: n / 1e3), min_size=rows, max_size=rows),
        name=letters.map(lambda word: f"score {word} 1"),
        separator=st.sampled_from([",", ";", "\t", "|"]),
        european=st.booleans(),
        count=st.sampled_from([*COUNTS]),
        per_cent=st.booleans(),
        blank=st.sampled_from(BLANKS),
        comments=st.lists(st.sampled_from(COMMENTS), max_size=2),
        encoding=st.sampled_from(ENCODINGS),
        end=st.sampled_from(["\n", "\r\n"]),
        trailing=st.booleans(),
        packing=st.sampled_from(["", ".gz", ".zip"]),
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@BOUNDED
@given(table=tables)
def test_a_table_written_in_any_way_is_read_back(folder, table):
    """Fails if some way of writing a table changes one of its numbers, loses a row or is refused without a reason."""
    path = table.file(folder)
    try:
        runs = read_runs(path)
    except InputError as error:
        # A loss of four digits behind the mark says which mark it is, so only a word with three is left in doubt.
        raise AssertionError(f"{error}\n{table.text()}") from None
    finally:
        path.unlink()
    assert runs.inputs["N"].tolist() == table.params
    assert runs.y.tolist() == table.losses
    scores = [np.nan if score is None else score for score in table.scores]
    np.testing.assert_allclose(runs.inputs[table.name], scores, rtol=1e-12)


groups = st.tuples(st.integers(1, 999), st.integers(0, 999)).map(lambda two: f"{two[0]},{two[1]:03d}")


@BOUNDED
@given(words=st.lists(groups, min_size=1, max_size=6), separator=st.sampled_from([",", "\t", ";"]), point=st.booleans())
def test_what_nothing_decides_is_refused_with_both(folder, words, separator, point):
    """Fails if a column whose every number has two readings is read, or if one of the two isn't told."""
    sign = "." if point and separator == ";" else ","
    rows = [f'"{word.replace(",", sign)}"{separator}{i + 2}' for i, word in enumerate(words)]
    path = folder / "doubt.csv"
    path.write_text("\n".join([f"N{separator}loss", *rows]))
    with pytest.raises(InputError) as refused:
        read_runs(path)
    large, small = float(words[0].replace(",", "")), float(words[0].replace(",", "."))
    message = str(refused.value)
    assert f"can be read as {large:.0f} or as {small:.3f}".rstrip("0").rstrip(".") in message
    for word, value in ((words[0].replace(",", ""), large), (words[0].replace(",", sign) + "0", small)):
        assert word in message
        path.write_text(f'N{separator}loss\n"{word}"{separator}2\n')
        assert read_runs(path).inputs["N"].tolist() == [value]


junk = st.binary(max_size=300) | st.text(
    st.sampled_from('N,D;loss\t|#"%/0129.eE-+\n\r \u00a0[]{}:B M'), max_size=300
).map(str.encode)
NAMES = [
    f"junk{ending}"
    for ending in (".csv", ".tsv", ".txt", ".jsonl", ".json", ".xlsx", ".parquet", ".zip", ".csv.gz", ".csv.zip")
]


@settings(BOUNDED, max_examples=200)
@given(
    content=junk,
    name=st.sampled_from(NAMES),
    head=st.sampled_from([b"", b"N,loss\n", b"N;D;loss\n", b"\xff\xfe", b"PK\x03\x04"]),
)
def test_bytes_that_are_no_table_end_in_one_sentence(folder, content, name, head):
    """Fails if a file that holds anything at all raises something else than an InputError of one line."""
    path = folder / name
    path.write_bytes(head + content)
    try:
        runs = read_runs(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert len(runs) > 0 and np.isfinite(runs.y).all()
    finally:
        path.unlink()
