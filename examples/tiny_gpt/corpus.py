"""The source code of Python's standard library as bytes, split by hash into train, tune and validation files."""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import numpy as np

SHARES = {"validation": (0, 16), "tune": (16, 24), "train": (24, 256)}  # of 256: the first byte of the file's hash
# Not source code, of the build and not of the version, or not of the standard library: 800 kB of help texts in one file
# would be most of a part, and paths of the build would change the hash from machine to machine.
LEFT_OUT = ("site-packages", "dist-packages", "pydoc_data", "config-*", "_sysconfigdata*")
LARGEST = 0.1  # share of the validation part that one file may have, so that the loss isn't that of one text
SEPARATOR = b"\0"  # between files; no source file holds it


@dataclass(frozen=True)
class Corpus:
    """The bytes of each part, uint8 (length,), and what says which bytes they are."""

    parts: dict[str, np.ndarray]
    files: int
    python: str
    sha256: str

    def record(self) -> dict[str, object]:
        """What a result has to carry to say what it was trained on."""
        return {
            "name": "source code of the Python standard library",
            "python": self.python,
            "files": self.files,
            "bytes": {name: len(part) for name, part in self.parts.items()},
            "sha256": self.sha256,
        }


@cache
def standard_library() -> Corpus:
    """Every .py file of the running interpreter's standard library, each content once, in the order of its hash.

    A file belongs to the part that the first byte of its SHA-256 says, so that no part depends on the others.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = (path for path in root.rglob("*.py") if not left_out(path.relative_to(root)))
    files = {hashlib.sha256(content).digest(): content for content in (path.read_bytes() for path in paths)}
    text = {name: bytearray() for name in SHARES}
    whole = hashlib.sha256()
    for digest in sorted(files):
        name = next(name for name, (low, high) in SHARES.items() if low <= digest[0] < high)
        text[name] += files[digest] + SEPARATOR
        whole.update(digest)
    parts = {name: np.frombuffer(bytes(content), np.uint8) for name, content in text.items()}
    held_out = bytes(parts["validation"])
    if max(map(len, held_out.split(SEPARATOR))) > LARGEST * len(held_out):
        raise ValueError(f"one file is more than {LARGEST:.0%} of the validation part; draw the SHARES anew")
    return Corpus(parts, len(files), platform.python_version(), whole.hexdigest())


def left_out(path: Path) -> bool:
    """Whether a file, by its path in the standard library, is no source code of it."""
    return any(fnmatch(path.parts[0], pattern) for pattern in LEFT_OUT)


def windows(part: np.ndarray, context: int, count: int | None = None) -> np.ndarray:
    """Windows of context + 1 bytes, each starting at the last byte of the one before, uint8 (window, context + 1).

    With `count`, that many, evenly spread.
    """
    found = (len(part) - 1) // context
    starts = context * (np.arange(found) if count is None else np.linspace(0, found - 1, count).astype(int))
    return part[starts[:, None] + np.arange(context + 1)]
