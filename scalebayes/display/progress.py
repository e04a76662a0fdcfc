"""A line on standard error that says what a long call is doing, and for how long; gone when it is over."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from scalebayes.errors import InputError, shown

PATIENCE = 2.0  # seconds before the line is there: shorter calls say nothing
EVERY = 0.5  # seconds between two of its states
_busy = Lock()  # held while a line is there: a call inside another adds none


@contextmanager
def told(what: str, progress: bool | None) -> Iterator[None]:
    """Say what is going on where the block takes over two seconds.

    Args:
        what: is being done, such as "fitting chinchilla to 240 runs".
        progress: True to say it, False for not, None for only on a terminal and in a notebook.

    Raises:
        InputError: progress is none of these.

    >>> with told("adding", progress=None):
    ...     1 + 1
    2
    """
    if not wanted(progress) or not _busy.acquire(blocking=False):
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
def silenced() -> Iterator[None]:
    """No line inside the block, whose caller says itself what is going on."""
    held = _busy.acquire(blocking=False)
    try:
        yield
    finally:
        if held:
            _busy.release()


def wanted(progress: bool | None) -> bool:
    """Whether progress is to be told: as asked for, or where a person looks at standard error."""
    if progress is not None and not isinstance(progress, bool):
        raise InputError(f"progress is True, False or None, not {progress!r}")
    if progress is not None:
        return progress
    stream: Any = sys.stderr
    return stream is not None and (stream.isatty() or type(stream).__module__.startswith("ipykernel"))


def _tell(what: str, over: Event, stream: Any) -> None:
    started, length, pause = time.monotonic(), 0, PATIENCE
    while not over.wait(pause):
        line = f"{what} ... {time.monotonic() - started:.0f} s"[: shutil.get_terminal_size().columns - 1]
        stream.write(f"\r{line.ljust(length)}")
        stream.flush()
        length, pause = len(line), EVERY
    if length:
        stream.write(f"\r{' ' * length}\r")
        stream.flush()
