"""What a data set is: a record of where it comes from, one pure function that tidies it, and how it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class File:
    """One raw file: its address, and the SHA-256 of its bytes, hex, where it is known.

    Where it isn't, the address names a commit, and the hash of the tidy table is the check.
    """

    url: str
    sha256: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set, and how it becomes `Runs`.

    Attributes:
        name: what `load` takes; the tidy table is the file NAME.csv.
        what: the runs, and the filter that most uses want.
        rows: rows of the tidy table.
        source: the page it comes from, at the commit that is read.
        licence: as its source states it.
        reference: the papers to cite.
        sha256: of the tidy table, hex; None for a table that ships with scalebayes.
        files: the raw files; none for a table that ships with scalebayes.
        tidy: the bytes of each raw file, in order -> the tidy table as CSV text.
        reading: keywords of `read_runs`.
    """

    name: str
    what: str
    rows: int
    source: str
    licence: str
    reference: str
    sha256: str | None = field(default=None, repr=False)
    files: tuple[File, ...] = field(default=(), repr=False)
    tidy: Callable[..., str] | None = field(default=None, repr=False)
    reading: Mapping[str, Any] = field(default=MappingProxyType({}), repr=False)


def raw(repository: str, commit: str, path: str, sha256: str | None = None) -> File:
    """A file of a GitHub repository at a commit.

    >>> raw("owner/name", "0dc60d9", "data/runs.csv").url
    'https://raw.githubusercontent.com/owner/name/0dc60d9/data/runs.csv'
    """
    return File(f"https://raw.githubusercontent.com/{repository}/{commit}/{path}", sha256)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""A table as CSV: floats in the fewest digits that bring them back, None as a blank.

    >>> csv_text(["run_id", "loss"], [["6 layers, wide", 2.5], ["b", None]])
    'run_id,loss\n"6 layers, wide",2.5\nb,\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def csv_rows(content: bytes) -> list[dict[str, str]]:
    r"""The rows of a raw CSV file, each by the names of its header.

    >>> csv_rows(b"N,loss\n1e8,3.0\n")
    [{'N': '1e8', 'loss': '3.0'}]
    """
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
