"""This file shows a line on standard error while a long call runs. It says what the call does, and for how long."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from scalebayes.errors import InputError, shown

PATIENCE = 2.0  # seconds before the line appears; a shorter call shows no line
EVERY = 0.5  # seconds between two updates of the line
_counting = Lock()  # held while steps are counted, which several threads may begin
_steps = 0  # number of steps that are going on inside of each other
_heard: Callable[[str], None] | None = None  # is told what is going on, where a caller shows a line of its own
_busy = Lock()  # held while a line is shown, so that a call inside of another call shows none


@contextmanager
def told(what: str, progress: bool | None) -> Iterator[None]:
    """Show a line of progress that says what the block does, if it takes more than two seconds.

    The line is removed at the block's end.

    Args:
        what: What the block does, such as "fitting chinchilla to 240 runs".

        progress: True to show the line, False to show none, None to show it in a terminal or a notebook only.

    Raises:
        InputError: `progress` is none of these.

    >>> with told("adding", progress=None):
    ...     1 + 1
    2
    """
    if not wanted(progress) or not _busy.acquire(blocking=False):
        with step(what):
            yield
        return
    over = Event()
    line = Thread(target=_tell, args=(shown(what), over, sys.stderr), daemon=True)
    line.start()
    try:
        yield
    finally:
        over.set()
        line.join()
        _busy.release()


@contextmanager
def step(what: str) -> Iterator[None]:
    """Tell the caller that shows a line of its own what the block does; a block inside of another one tells nothing.

    Args:
        what: What the block does, such as "fitting chinchilla at 3 cutoffs (2 of 3)".
    """
    global _steps
    with _counting:
        _steps += 1
        first = _steps == 1
    if first and _heard is not None:
        _heard(shown(what))
    try:
        yield
    finally:
        with _counting:
            _steps -= 1


@contextmanager
def silenced(heard: Callable[[str], None] | None = None) -> Iterator[None]:
    """Show no line of progress inside of the block, because its caller shows one of its own.

    Args:
        heard: Is called with what is going on inside of the block, whenever that changes. The default is None.
    """
    global _heard
    held = _busy.acquire(blocking=False)
    before, _heard = _heard, heard
    try:
        yield
    finally:
        _heard = before
        if held:
            _busy.release()


def wanted(progress: bool | None) -> bool:
    """Whether to show progress: the setting `progress`, or if it is None, whether a person can see standard error."""
    if progress is not None and not isinstance(progress, bool):
        raise InputError(f"progress is True, False or None, not {progress!r}")
    if progress is not None:
        return progress
    stream: Any = sys.stderr
    return stream is not None and (stream.isatty() or type(stream).__module__.startswith("ipykernel"))


def _tell(what: str, over: Event, stream: Any) -> None:
    """Write the line and update it until `over` is set, then remove it."""
    started, length, pause = time.monotonic(), 0, PATIENCE
    while not over.wait(pause):
        line = f"{what} ... {time.monotonic() - started:.0f} s"[: shutil.get_terminal_size().columns - 1]
        stream.write(f"\r{line.ljust(length)}")
        stream.flush()
        length, pause = len(line), EVERY
    if length:
        stream.write(f"\r{' ' * length}\r")
        stream.flush()
