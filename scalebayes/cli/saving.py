"""Saves results: --out is checked before anything is computed, and the answer is printed even if saving fails."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import stage
from scalebayes.errors import InputError, shown

WORDS = {"saved": "saved to", "plot": "drawn to"}  # what the text says of a file that was written
HDF5 = b"\x89HDF\r\n\x1a\n"  # first bytes of a saved result


def checked_target(
    out: str | None,
    example: str = "fit.nc",
    replaces: Callable[[Path], bool] | None = None,
    option: str = "--out",
    unlike: str = "",
) -> Path | None:
    """Return the path that a command saves to, after checking that it can be written.

    Args:
        out: The path as typed; None if nothing is to be saved.

        example: An example of a file name, for the error; the default is "fit.nc".

        replaces: Says whether an existing file may be replaced; by default a saved result may.

        option: The option that was typed; the default is "--out".

        unlike: What an existing file must be to be replaced, for the error; the default is "", for nothing to say.

    Returns:
        The path; None if `out` is None.

    Raises:
        InputError: The path can't be written, or a file that must not be replaced is there.
    """
    if out is None:
        return None
    path = Path(out).expanduser()
    if not out:
        raise InputError(f"{option}: the name is empty; give a file name such as {example}")
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder; give a file name such as {path / example}")
    if not path.parent.is_dir():
        make = f"mkdir -p {quoted(str(path.parent))}"
        raise InputError(f"{option}: can't write {path}: there is no folder {path.parent}; make it first: {make}")
    try:
        if path.exists() and not (path.is_file() and (replaces or is_result)(path)):
            kind = unlike or ("" if replaces else "saved fit")
            what = f"is there and is no {kind}" if kind else "is there already"
            raise InputError(f"{option}: {path} {what}; give another name")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{option}: can't write {path}: {error.strerror}") from None
    return path


def answered(
    answer: str | Mapping[str, Any],
    found: Any = None,
    target: Path | None = None,
    plot: Callable[[], Path | None] | None = None,
) -> None:
    """Print a command's answer, save its result and draw its picture; the answer is printed even if these fail.

    Args:
        answer: The answer as text, or a JSON document, to which "saved" and "plot" are added.

        found: The result, which has a method `save`; the default is None, for an answer that can't be saved.

        target: The path to save to; None, the default, to save nothing.

        plot: Draws the picture and returns its path, as `drawn` does; the default is None, for a command that has no
            picture.

    Raises:
        InputError: The result can't be saved, or the picture not be drawn.
    """
    failed: list[InputError] = []

    def done(do: Callable[[], Path | None]) -> Path | None:
        try:
            return do()
        except InputError as error:
            failed.append(error)
            return None

    if isinstance(answer, str):
        print(answer, flush=True)
    paths = {"saved": done(lambda: saved(found, target))} if found is not None else {}
    paths |= {"plot": done(plot)} if plot is not None else {}
    if not isinstance(answer, str):
        show.document({**answer, **{name: path and str(path) for name, path in paths.items()}})
    elif told := [f"{WORDS[name]} {shown(str(path))}" for name, path in paths.items() if path]:
        print("\n" + "\n".join(told))
    if failed:
        raise failed[0]


def saved(found: Any, target: Path | None) -> Path | None:
    """Save a command's result, and return its path; None where there is none.

    Raises:
        InputError: The result can't be saved.
    """
    if target is None:
        return None
    try:
        with stage("Saving"):
            found.save(target)
    except InputError as error:
        raise InputError(f"--out: {error}") from None
    return target


def joined(*blocks: str) -> str:
    """Join blocks of a command's text by blank lines, and leave empty blocks out."""
    return "\n\n".join(block for block in blocks if block)


def is_result(path: Path) -> bool:
    """Return whether a file that a command would replace begins like a saved result."""
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5
