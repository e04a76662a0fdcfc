"""This file keeps finished batches in a folder, so that a call that was killed can go on from there."""

import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.safe_files import write as files
from scalebayes.safe_files.checksum import sealed, unsealed
from scalebayes.safe_files.netcdf import digest_of

MANIFEST = "manifest.json"
# The name of the digest of a batch's arrays in its archive. The checksum of the bytes alone isn't enough: an archive
# that was packed anew has another.
DIGEST = "sha256"
ABANDONED = 3600  # seconds; an unfinished file older than this is removed, since nobody still writes it


class Folder:
    """The finished batches of one call. Each is a file that is written as a whole or not at all.

    Args:
        path: The path of the folder. A folder that doesn't exist is made.

        about: What the call computes, as JSON data. A folder of another call is refused.

    Raises:
        InputError: The folder belongs to another call, is damaged, or can't be written.
    """

    def __init__(self, path: Any, about: Mapping[str, Any]) -> None:
        self.path = Path(path)
        new = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"folder={str(path)!r} can't be made: {error.strerror}") from None
        manifest = self.path / MANIFEST
        text = json.dumps(dict(about), default=_plain, indent=1)
        wanted = json.loads(text)
        # The checksum of a batch covers what the call computes, beside the name of the batch.
        self._about = json.dumps(wanted, sort_keys=True).encode()
        if manifest.exists():
            try:
                record = json.loads(manifest.read_text(encoding="utf-8"))
                if not isinstance(record, dict):
                    raise ValueError
            except (OSError, ValueError, RecursionError):
                raise InputError(f"{manifest} is damaged; give another folder, or remove this one") from None
            if record != wanted:
                differing = sorted(name for name in {*record, *wanted} if record.get(name) != wanted.get(name))
                raise InputError(
                    f"{self.path} holds batches of another call: {', '.join(differing)} differ; give another folder, "
                    "or remove this one"
                )
        elif any(one.suffix != ".part" for one in self.path.iterdir()):
            raise InputError(
                f"{self.path} isn't empty and holds no batches of fit_many or calibrate; give another folder"
            )
        else:
            try:
                files.write(manifest, text.encode())
            except InputError:
                if new:
                    self.path.rmdir()
                raise
        for scratch in self.path.glob("*.part"):
            if time.time() - scratch.stat().st_mtime > ABANDONED:
                scratch.unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Whether a batch is finished."""
        return self._path(name).exists()

    def count(self) -> int:
        """The number of finished batches."""
        return sum(1 for _ in self.path.glob("*.npz"))

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of a finished batch; None where there is none, or where it is damaged and was removed.

        Raises:
            InputError: The batch can't be read, as where its path isn't a file.
        """
        path = self._path(name)
        if not path.exists():
            return None
        try:
            content = unsealed(files.read(path), self._of(name))
            if content is None:
                raise ValueError("it has no checksum")
            with np.load(io.BytesIO(content)) as found:
                arrays = dict(found)
            if arrays.pop(DIGEST).tobytes().decode() != digest_of({"": arrays}, {}):
                raise ValueError("its arrays aren't those that were kept")
            return arrays
        except InputError as error:
            raise InputError(f"{error}; remove it, or give another folder") from None
        except Exception:
            # A damaged archive may raise any error in its reader.
            self.forget(name)
            return None

    def forget(self, name: str) -> None:
        """Remove a batch that has to be computed again; else `has` would say that it is finished."""
        self._path(name).unlink(missing_ok=True)

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the arrays of a finished batch."""
        whole = io.BytesIO()
        digest = np.frombuffer(digest_of({"": arrays}, {}).encode(), np.uint8)
        np.savez(whole, allow_pickle=False, **arrays, **{DIGEST: digest})
        files.write(self._path(name), sealed(whole.getvalue(), self._of(name)))

    def _path(self, name: str) -> Path:
        return self.path / f"{name}.npz"

    def _of(self, name: str) -> bytes:
        """What the checksum of a batch covers beside its arrays, so that a batch of another name or call is refused."""
        return name.encode() + b"\n" + self._about


def _plain(number: Any) -> Any:
    """A NumPy scalar as a Python number for JSON; any other object as text."""
    return number.item() if isinstance(number, np.generic) else str(number)
