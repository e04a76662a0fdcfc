"""A folder of finished batches: what a killed run has done already, and what it was doing."""

import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from scalebayes import files
from scalebayes.errors import InputError

MANIFEST = "manifest.json"
ABANDONED = 3600  # seconds after which a file that was never finished is nobody's


class Folder:
    """Finished batches of one run, each a file that is there whole or not at all.

    Args:
        path: of the folder; it is made where it isn't there.
        about: what the run computes. A folder of another run is refused.

    Raises:
        InputError: the folder belongs to another run, or can't be written.
    """

    def __init__(self, path: Any, about: Mapping[str, Any]) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"folder={str(path)!r} can't be made: {error.strerror}") from None
        manifest = self.path / MANIFEST
        wanted = json.loads(json.dumps(dict(about), default=_plain))
        if manifest.exists():
            try:
                found = json.loads(manifest.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                raise InputError(f"{manifest} is damaged; give another folder, or remove this one") from None
            if found != wanted:
                differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
                raise InputError(
                    f"{self.path} holds another run: its {', '.join(differing)} differ; give another folder, or remove "
                    "this one"
                )
        elif any(one.suffix != ".part" for one in self.path.iterdir()):
            raise InputError(f"{self.path} isn't empty and holds no run of fit_many or calibrate; give another folder")
        else:
            self._write(MANIFEST, lambda file: file.write(json.dumps(wanted, indent=1).encode()))
        for scratch in self.path.glob("*.part"):
            if time.time() - scratch.stat().st_mtime > ABANDONED:
                scratch.unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Whether a batch is finished."""
        return (self.path / f"{name}.npz").exists()

    def count(self) -> int:
        """How many batches are finished."""
        return sum(1 for _ in self.path.glob("*.npz"))

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of a finished batch; None where it isn't there, or is damaged and has to be done again."""
        path = self.path / f"{name}.npz"
        if not path.exists():
            return None
        try:
            with np.load(path) as arrays:
                return dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # else it would count as finished when it has been done again
            return None

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a finished batch."""
        self._write(f"{name}.npz", lambda file: np.savez(file, allow_pickle=False, **dict(arrays)))

    def _write(self, name: str, put: Callable[[IO[bytes]], object]) -> None:
        def fill(scratch: str) -> None:
            with open(scratch, "wb") as file:
                put(file)
                file.flush()
                os.fsync(file.fileno())

        files.write(self.path / name, fill)


def _plain(number: Any) -> Any:
    """A NumPy number as JSON takes it."""
    return number.item() if isinstance(number, np.generic) else str(number)
