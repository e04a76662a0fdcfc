"""Tables of runs as they come: trackers' stores, files by their extension, data frames of any library, dicts, lists."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.cells import as_columns, objects
from scalebayes.runs.raw import KINDS, Table, local_path, numbered, refuse_twice
from scalebayes.runs.trackers import is_run, read_items, read_tracked, unpacked


def read_table(table: Any) -> Table:
    """The cells of a file, a data frame, a dict of lists, a list of dicts or a tracker's store.

    Raises `InputError` for what can't be read as one.

    >>> read_table({"N": [1e8, 1e9], "loss": [3.1, 2.7]}).rows
    array([1, 2])
    """
    if isinstance(table, str | os.PathLike):
        return read_tracked(str(table)) or unpacked(read_file(local_path(str(table))))
    if isinstance(table, Mapping):
        if is_run(table):
            raise InputError("this is one run, with its config and its summary; give a list of runs, as in [run]")
        return numbered(as_columns({str(name): values for name, values in table.items()}))
    # A search in the API of Weights & Biases answers with its own kind of list.
    if isinstance(table, list | tuple | Iterator) or type(table).__module__.partition(".")[0] == "wandb":
        return read_items(list(table))
    return unpacked(read_frame(table))


def read_frame(frame: Any, source: str = "") -> Table:
    """The cells of any data frame that narwhals knows, lazy ones collected."""
    import narwhals as nw

    try:
        native = nw.from_native(frame)
    except TypeError:
        raise InputError(
            f"a {type(frame).__name__} is not a table; give a path ({KINDS}), a data frame, "
            "a dict of lists or a list of dicts"
        ) from None
    except nw.exceptions.DuplicateError as error:
        told = " ".join(str(error).split())
        raise InputError(f"two columns have the same name ({told}); rename or drop one of them") from None
    eager = native.collect() if isinstance(native, nw.LazyFrame) else native
    refuse_twice([str(name) for name in eager.columns], source)

    def cells(name: str) -> np.ndarray:
        series = eager[name]
        plain = series.dtype.is_float() or series.dtype.is_integer()
        # With a null inside, integers would come out as floats.
        return series.to_numpy() if plain and not series.null_count() else objects(series.to_list())

    return numbered({str(name).strip(): cells(name) for name in eager.columns}, source)


def read_file(path: Path) -> Table:
    """The cells of a file, read as its extension says."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file (looked from {Path.cwd()}); check the path")
    name = path.name.lower()
    extension = Path(name.removesuffix(".gz")).suffix
    if extension in (".parquet", ".pq") and not name.endswith(".gz"):
        return read_parquet(path)
    if extension not in (".csv", ".jsonl", ".ndjson"):
        raise InputError(f"{path}: the extension '{path.suffix}' is not one that is read; save the table as {KINDS}")
    try:
        raw = path.read_bytes()
        words = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: the file is not UTF-8 text; save it as UTF-8, or check what it holds") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path}: the file can't be unpacked as gzip; pack it again, or drop the .gz") from None
    except OSError as error:
        raise InputError(f"{path}: the file can't be read ({error.strerror})") from None
    if "\0" in words:
        raise InputError(f"{path}: the file holds binary data, not text; check what it holds")
    if not words.strip():
        raise InputError(f"{path}: the file is empty; give a table with a header and at least one row")
    return (read_csv if extension == ".csv" else read_json_lines)(words, str(path))


def read_parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise InputError(
            f"{path}: Parquet files need pyarrow; install it with: pip install 'scalebayes[parquet]'"
        ) from None
    try:
        frame = parquet.ParquetFile(path).read()
    except (ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path}: the file can't be read as Parquet ({reason}); write it again") from None
    return read_frame(frame, str(path))


def read_csv(words: str, source: str) -> Table:
    """The cells of comma-separated text with a header; blank lines are skipped and keep their number."""
    try:
        header, *body = csv.reader(io.StringIO(words.lstrip("\r\n"), newline=""), strict=True)
    except csv.Error as error:
        raise InputError(f"{source}: the file can't be read as CSV ({error}); check its quotes") from None
    names = [name.strip() or f"unnamed_{i}" for i, name in enumerate(header, 1)]
    refuse_twice(names, source)
    for sign, told in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and sign in names[0]:
            raise InputError(f"{source}: the columns are separated by {told}; save the table with commas")
    kept = [(row, cells) for row, cells in enumerate(body, 1) if any(cell.strip() for cell in cells)]
    for row, cells in kept:
        if len(cells) != len(names):
            raise InputError(
                f"{source}: row {row} has {len(cells)} cells and the header {len(names)} names; "
                "put cells that hold commas in double quotes, or complete the row"
            )
    columns = {name: objects([cells[i] for _, cells in kept]) for i, name in enumerate(names)}
    return Table(numbered(columns, source).cells, np.array([row for row, _ in kept]), source)


def read_json_lines(words: str, source: str) -> Table:
    """The cells of one JSON object a line; a key that a line lacks is a blank cell, and row k is line k."""
    records: dict[int, dict] = {}
    for line, content in enumerate(words.split("\n"), 1):
        if not content.strip():
            continue
        try:
            record = json.loads(content, object_pairs_hook=partial(unique, source=f"{source}: line {line}"))
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it nests too deep"
            raise InputError(f"{source}: line {line} is not JSON ({reason}); write one object a line") from None
        if not isinstance(record, dict):
            raise InputError(
                f"{source}: line {line} is a JSON {type(record).__name__}, not an object; "
                'write one object a line, as in {"N": 1e9, "D": 2e10, "loss": 2.6}'
            )
        records[line] = record
    names = dict.fromkeys(name for record in records.values() for name in record)
    columns = {name.strip(): objects([record.get(name) for record in records.values()]) for name in names}
    return Table(numbered(columns, source).cells, np.array(list(records)), source)


def unique(pairs: list[tuple[str, Any]], source: str) -> dict[str, Any]:
    """A JSON object whose keys occur once each."""
    refuse_twice([name.strip() for name, _ in pairs], source)
    return dict(pairs)
