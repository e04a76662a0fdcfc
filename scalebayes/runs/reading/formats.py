"""This file reads tables from trackers, files, data frames of any library, dicts and lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.errors import InputError, nearest
from scalebayes.runs.reading.cells import as_columns, objects
from scalebayes.runs.reading.decode import EXTENSIONS, contents, decoded
from scalebayes.runs.reading.delimited import read_delimited
from scalebayes.runs.reading.raw_table import KINDS, Table, local_path, numbered, refuse_twice
from scalebayes.runs.reading.workbook import read_workbook
from scalebayes.runs.trackers import is_run, read_items, read_tracked, unpacked


def read_table(table: Any) -> Table:
    """The cells of the user's table: a file, a data frame, a dict of lists, a list of dicts or a tracker's store.

    Raises:
        InputError: The source is none of these, or can't be read.

    >>> read_table({"N": [1e8, 1e9], "loss": [3.1, 2.7]}).rows
    array([1, 2])
    """
    if isinstance(table, str | os.PathLike):
        if not str(table).strip():
            raise InputError("the path of the table is empty; give a file such as runs.csv, or . for this folder")
        path = local_path(str(table))
        try:
            return read_tracked(str(table)) or read_untracked(path)
        except InputError as error:
            # An error inside of a record does not name the file, so the path is added here.
            raise InputError(f"{path}: {error}" if path.is_file() and str(path) not in str(error) else error) from None
    if isinstance(table, Mapping):
        if is_run(table):
            raise InputError("this is one run, with its config and its summary; give a list of runs, as in [run]")
        return numbered(as_columns({str(name): values for name, values in table.items()}))
    # The API of Weights & Biases returns runs in a list type of its own.
    if isinstance(table, list | tuple | Iterator) or type(table).__module__.partition(".")[0] == "wandb":
        return read_items(list(table))
    return unpacked(read_frame(table))


def read_untracked(path: Path) -> Table:
    """The cells of a table in a file that is no store of a tracker. A tracker may have exported it."""
    read = read_file(path)
    return replace(unpacked(read), made=read.made, semicolons=read.semicolons)


def read_frame(frame: Any, source: str = "") -> Table:
    """The cells of a table given as any data frame that narwhals supports. A lazy one is collected."""
    import narwhals as nw

    try:
        native = nw.from_native(frame)
    except TypeError:
        raise InputError(
            f"a {type(frame).__name__} is not a table; give a path ({KINDS}), a data frame, "
            "a dict of lists or a list of dicts"
        ) from None
    except nw.exceptions.DuplicateError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"two columns have the same name ({reason}); rename or drop one of them") from None
    eager = native.collect() if isinstance(native, nw.LazyFrame) else native
    refuse_twice([str(name) for name in eager.columns], source)

    def cells(name: str) -> np.ndarray:
        series = eager[name]
        plain = series.dtype.is_float() or series.dtype.is_integer()
        # A column of integers with a null would become floats.
        return series.to_numpy() if plain and not series.null_count() else objects(series.to_list())

    return numbered({str(name).strip(): cells(name) for name in eager.columns}, source)


def read_file(path: Path) -> Table:
    """The cells of the table in a file, which is unpacked and then read by its extension."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file (looked from {Path.cwd()}); {_there(path)}")
    source, packing = str(path), path.suffix.lower() in (".gz", ".zip")
    if not packing and path.suffix.lower() not in EXTENSIONS:
        raise unread(source, path.suffix)
    name, data = contents(path)
    extension = Path(name.lower()).suffix
    if extension not in EXTENSIONS:
        raise unread(source, f"{extension}{path.suffix}")
    if extension in (".parquet", ".pq"):
        return read_parquet(data, source)
    if extension == ".xlsx":
        return read_workbook(data, source)
    words, encoding = decoded(data, source)
    if not words.strip():
        raise InputError(f"{source}: the file is empty; give a table with a header and at least one row")
    if extension == ".json":
        table = read_json(words, source)
    elif extension in (".jsonl", ".ndjson"):
        table = read_json_lines(words, source)
    else:
        table = read_delimited(words, source, usual="\t" if extension == ".tsv" else ",")
    return replace(table, made=(*([encoding] if encoding else []), *table.made))


def _there(path: Path) -> str:
    """What to do about a path that does not exist. It suggests a file with a similar name or another extension."""
    try:
        beside = [other.name for other in path.parent.iterdir() if not other.name.startswith(".")] if path.name else []
    except OSError:
        beside = []
    same = [name for name in beside if Path(name).stem == path.stem and Path(name).suffix.lower() in EXTENSIONS]
    close = [*same, *nearest(path.name, beside)]
    return f"did you mean {path.parent / close[0]}?" if close else "check the path"


def unread(source: str, extension: str) -> InputError:
    """The error for a table in a file with an extension that is not read. The caller raises it."""
    if extension == ".nc":
        return InputError(
            f"{source} is a saved fit, or is named as one, and no table; ask it with sb.predict or sb.optimum, or give "
            "the table that it was fitted to"
        )
    sheet = extension in (".xls", ".ods", ".numbers")
    cure = "save the sheet as .xlsx or .csv" if sheet else f"save the table as {KINDS}"
    return InputError(f"{source}: the extension '{extension}' is not one that is read; {cure}")


def read_parquet(data: bytes, source: str) -> Table:
    """The cells of a table in a Parquet file, from its bytes."""
    try:
        from pyarrow import ArrowException, BufferReader, parquet
    except ImportError:
        raise InputError(
            f"{source}: Parquet files need pyarrow; install it with: pip install 'scalebayes[parquet]'"
        ) from None
    try:
        return read_frame(parquet.ParquetFile(BufferReader(data)).read(), source)
    except InputError:
        raise
    except (ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{source}: the file can't be read as Parquet ({reason}); write it again") from None


def read_json(words: str, source: str) -> Table:
    """The cells of a table in a JSON file with a list of one object per run."""
    held = from_json(words, source, "the file", "write a list of one object a run")
    if not isinstance(held, list):
        raise InputError(f"{source}: the file holds a JSON {type(held).__name__}, not a list of runs; unpack it first")
    return read_items(held, source)


def read_json_lines(words: str, source: str) -> Table:
    """Read a table of runs from a file with one JSON object per line.

    Nested names are joined by dots, and row k is line k.
    """
    records: dict[int, dict] = {}
    for line, content in enumerate(words.split("\n"), 1):
        if not content.strip():
            continue
        record = from_json(content, source, f"line {line}", "write one object a line")
        if not isinstance(record, dict):
            raise InputError(
                f"{source}: line {line} is a JSON {type(record).__name__}, not an object; "
                'write one object a line, as in {"N": 1e9, "D": 2e10, "loss": 2.6}'
            )
        records[line] = record
    return replace(read_items(list(records.values()), source), rows=np.array(list(records)))


def from_json(words: str, source: str, place: str, cure: str) -> Any:
    """The content of a table in JSON text. Raises `InputError`, with the place and the cure, if it is not valid."""
    try:
        return json.loads(words, object_pairs_hook=partial(unique, source=f"{source}: {place}"))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
        reason = "it nests too deep" if isinstance(error, RecursionError) else reason
        raise InputError(f"{source}: {place} is not JSON ({reason}); {cure}") from None


def unique(pairs: list[tuple[str, Any]], source: str) -> dict[str, Any]:
    """A JSON object of the user's table as a dict. Raises `InputError` if a key occurs twice."""
    refuse_twice([name.strip() for name, _ in pairs], source)
    return dict(pairs)
