"""This file defines `Dataset`, the record of a data set: its source, how its table is made, and how it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class File:
    """One raw file of a data set.

    Attributes:
        url: The address of the file.

        sha256: The SHA-256 of its bytes, hex. None if it is not known: then the address names a commit, and only the
            hash of the table that is made from the file is checked.
    """

    url: str
    sha256: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set, and how its table is made and read.

    Attributes:
        name: The name that `load` takes. The table is the file NAME.csv.

        what: What the runs are, and the filter that suits most uses.

        rows: The number of rows of the table.

        source: The page of the data set, at the commit that is read.

        licence: The licence, as the source states it.

        reference: The papers to cite.

        sha256: The SHA-256 of the table, hex. None for a table that ships with scalebayes.

        files: The raw files. There are none for a table that ships with scalebayes.

        tidy: The function that makes the table, as CSV text, from the bytes of each raw file. None for a table that
            ships with scalebayes.

        reading: The keyword arguments of `read_runs` for this table.
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
    """A raw file of a public data set, in a GitHub repository at one commit.

    >>> raw("owner/name", "0dc60d9", "data/runs.csv").url
    'https://raw.githubusercontent.com/owner/name/0dc60d9/data/runs.csv'
    """
    return File(f"https://raw.githubusercontent.com/{repository}/{commit}/{path}", sha256)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""The CSV text of a data set's table. Floats have the fewest digits that keep their value; None is a blank cell.

    >>> csv_text(["run_id", "loss"], [["6 layers, wide", 2.5], ["b", None]])
    'run_id,loss\n"6 layers, wide",2.5\nb,\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def csv_rows(content: bytes) -> list[dict[str, str]]:
    r"""The rows of a CSV file from a data set's source, each as a dict from the names in its header to its cells.

    >>> csv_rows(b"N,loss\n1e8,3.0\n")
    [{'N': '1e8', 'loss': '3.0'}]
    """
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
