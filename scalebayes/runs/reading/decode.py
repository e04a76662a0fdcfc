"""This file unpacks files, and decodes their bytes to text."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from scalebayes.errors import InputError, listed

EXTENSIONS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".pq", ".jsonl", ".ndjson", ".json")
# Bytes that a packed file may hold. A larger one is refused before it fills the memory.
MOST_BYTES = 256 * 2**20
# The first bytes of a text that states its encoding. UTF-32 comes first, because its bytes begin with those of UTF-16.
MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", ""),
    codecs.BOM_UTF32_LE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF32_BE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
# The first bytes of files that are no text, whatever their names are.
PACKED = {
    b"PK\x03\x04": "a .zip archive or an .xlsx workbook",
    b"\x1f\x8b": "packed as .gz",
    b"PAR1": "a .parquet file",
}
# Characters that no text holds. The escape character (1b) is allowed: a name that was copied from a terminal may begin
# with it.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def contents(path: Path) -> tuple[str, bytes]:
    """The name and the bytes of the file with the user's table, or of the file inside of a packed one.

    It raises `InputError` if the file can't be read as one table.
    """
    try:
        raw, name = path.read_bytes(), path.name
    except OSError as error:
        raise InputError(f"{path}: the file can't be read ({error.strerror})") from None
    if name.lower().endswith(".zip"):
        name, raw = from_zip(path, raw)
    if name.lower().endswith(".gz"):
        name, raw = name[:-3], from_gzip(path, raw)
    return name, raw


def from_gzip(path: Path, raw: bytes) -> bytes:
    """The bytes of the user's table in a gzip file. Raises `InputError` if they can't be unpacked."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            return bounded(path, file.read(MOST_BYTES + 1))
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{path}: the file can't be unpacked as gzip; pack it again, or drop the .gz") from None


def from_zip(path: Path, raw: bytes) -> tuple[str, bytes]:
    """The name and the bytes of the only table in the user's archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            files = [name for name in names if not {"__MACOSX"} & {*PurePosixPath(name).parts}]
            tables = [name for name in files if is_table(PurePosixPath(name).name)]
            if not tables:
                held = f"no table, only {listed(files[:8])}" if files else "nothing"
                raise InputError(f"{path}: the archive holds {held}; pack a table that ends in {', '.join(EXTENSIONS)}")
            if len(tables) > 1:
                more = f" and {len(tables) - 8} more" if len(tables) > 8 else ""
                raise InputError(f"{path}: the archive holds {listed(tables[:8])}{more}; give one of them, unpacked")
            with archive.open(tables[0]) as file:
                return PurePosixPath(tables[0]).name, bounded(path, file.read(MOST_BYTES + 1))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        reason = "it needs a password" if "password" in str(error) else "it is damaged, or no archive"
        raise InputError(f"{path}: the file can't be unpacked as zip ({reason}); give the table itself") from None


def is_table(name: str) -> bool:
    """Whether a file in the user's archive can be a table of runs, by its name."""
    return not name.startswith(".") and name.lower().removesuffix(".gz").endswith(EXTENSIONS)


def bounded(path: Path, data: bytes) -> bytes:
    """The bytes of the user's table unchanged. Raises `InputError` if they are more than `MOST_BYTES`."""
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path}: what is packed in it takes more than {MOST_BYTES // 2**20} MiB; "
            "unpack it and give the table itself"
        )
    return data


def decoded(data: bytes, source: str) -> tuple[str, str]:
    """The text of the user's table with \\n at the end of each line, and its encoding, blank for UTF-8.

    The first bytes may state the encoding. Else it is UTF-16 if every other byte is 0, UTF-8, or Windows-1252, which
    has all letters of Latin-1.

    Raises:
        InputError: The file is packed, or is no text.

    >>> decoded("tokens;Größe".encode("latin-1"), "runs.csv")
    ('tokens;Größe', 'Windows-1252')
    """
    for mark, kind in PACKED.items():
        if data.startswith(mark):
            raise InputError(f"{source}: the file is {kind}; give it a name that ends so")
    tries = [how for mark, how in MARKS.items() if data.startswith(mark)][:1] or guesses(data)
    for encoding, shown_name in tries:
        try:
            words = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        words = words.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
        if CONTROL.search(words):
            raise InputError(f"{source}: the file holds binary data, not text; check what it holds")
        return words, shown_name
    raise InputError(f"{source}: the file is not text in UTF-8, UTF-16 or Windows-1252; save it as UTF-8")


def guesses(data: bytes) -> list[tuple[str, str]]:
    """The encodings to try for a table's text that does not state its encoding, each with the name for the user."""
    head = data[:4096]
    if b"\0" in head:
        odd, even = head[1::2].count(0), head[::2].count(0)
        if max(odd, even) > 0.4 * (len(head) // 2) and min(odd, even) < 0.05 * len(head):
            return [("utf-16-le" if odd > even else "utf-16-be", "UTF-16")]
    return [("utf-8", ""), ("cp1252", "Windows-1252")]
