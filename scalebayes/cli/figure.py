"""Draws a command's answer to a file: --plot is checked before anything is computed."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from scalebayes.cli.saving import checked_target
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

# The first bytes of each kind of figure: only a file that begins so is replaced.
KINDS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def checked_figure(plot: str | None) -> Path | None:
    """Return the path that a command draws to, after checking that it can be written.

    Args:
        plot: The path as typed; None if nothing is to be drawn.

    Returns:
        The path; None if `plot` is None.

    Raises:
        InputError: The path can't be written, its name says no kind of figure, or another kind of file is there.
    """
    if plot is None:
        return None
    kind = Path(plot).suffix.lower()
    if plot and kind not in KINDS and not Path(plot).expanduser().is_dir():
        raise InputError(f"--plot: {plot} says no kind of figure; end the name in .png, .svg or .pdf")
    return checked_target(plot, "figure.png", _is_figure, option="--plot", unlike=f"{kind} picture")


def drawn(draw: Callable[[], Any], target: Path | None, slow: str = "") -> Path | None:
    """Draw a figure to a file, whole or not at all, and return its path; None where there is none.

    Args:
        draw: A function without arguments that returns Matplotlib's axes, or an array of them.

        target: The path to draw to; None to draw nothing.

        slow: What the progress line says of why drawing takes long; the default is "", for a picture that doesn't.

    Raises:
        InputError: The figure can't be drawn or written.
    """
    if target is None:
        return None
    import matplotlib as mpl
    import numpy as np

    from scalebayes.safe_files.write import write

    mpl.use("agg")  # a command has no window

    def picture() -> bytes:
        from matplotlib import pyplot

        figure = np.ravel(np.asarray(draw(), object))[0].figure
        content = BytesIO()
        figure.savefig(content, format=target.suffix.lower()[1:], bbox_inches="tight")
        pyplot.close(figure)
        return content.getvalue()

    try:
        content = patiently(f"Drawing{slow and f' ({slow})'}", picture, left="the picture was not drawn")
        write(target, content)
    except InputError as error:
        raise InputError(f"--plot: {error}") from None
    return target


def _is_figure(path: Path) -> bool:
    """Whether a file that a command would replace begins like a figure of its kind."""
    begin = KINDS[path.suffix.lower()]
    with path.open("rb") as file:
        return file.read(len(begin)) == begin
