"""Results written to files: --out is looked at before anything is computed, and the answer is printed in any case."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import stage
from scalebayes.errors import InputError, shown

HDF5 = b"\x89HDF\r\n\x1a\n"  # how a saved result begins


def checked_target(
    out: str | None, example: str = "fit.nc", replaces: Callable[[Path], bool] | None = None
) -> Path | None:
    """The path to save to, found to be writable before anything is computed; None where none is asked for.

    Args:
        out: as typed.

        example: of a name of such a file.

        replaces: whether a file that is there may be replaced; by default a saved result may.

    Raises:
        InputError: nothing can be written there, or another file is there.
    """
    if out is None:
        return None
    path = Path(out).expanduser()
    if not out:
        raise InputError(f"--out: the name is empty; give a file name such as {example}")
    if path.is_dir():
        raise InputError(f"--out: {path} is a folder; give a file name such as {path / example}")
    if not path.parent.is_dir():
        make = f"mkdir -p {quoted(str(path.parent))}"
        raise InputError(f"--out: can't write {path}: there is no folder {path.parent}; make it first: {make}")
    try:
        if path.exists() and not (path.is_file() and (replaces or is_result)(path)):
            what = "is there already" if replaces else "is there and is no saved fit"
            raise InputError(f"--out: {path} {what}; give another name")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"--out: can't write {path}: {error.strerror}") from None
    return path


def answered(answer: str | Mapping[str, Any], found: Any, target: Path | None) -> None:
    """Print an answer, or its document, and save what it was found with; where that fails, the answer is there.

    Args:
        answer: as text, or a document to which "saved" is added.

        found: any result that has `save`.

        target: None to save not.

    Raises:
        InputError: it can't be saved.
    """
    failed = None
    if isinstance(answer, str):
        print(answer, flush=True)
    if target is not None:
        try:
            with stage("Saving"):
                found.save(target)
        except InputError as error:
            failed = error
    if not isinstance(answer, str):
        show.document({**answer, "saved": None if failed or target is None else str(target)})
    elif target is not None and not failed:
        print(f"\nsaved to {shown(str(target))}")
    if failed:
        raise InputError(f"--out: {failed}")


def joined(*blocks: str) -> str:
    """Blocks of text with a blank line between; those that are blank are left out."""
    return "\n\n".join(block for block in blocks if block)


def is_result(path: Path) -> bool:
    """Whether a file begins as a saved result."""
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5
