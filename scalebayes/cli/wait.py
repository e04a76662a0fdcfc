"""Shows elapsed time while a command computes, obeys Ctrl-C at once, and caches compiled programs on disk."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from scalebayes.cli.format import message
from scalebayes.display.progress import silenced
from scalebayes.errors import InputError

INTERRUPTED = 130  # exit code of a command that Ctrl-C ended
_asked = Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a command even if it arrives inside a callback, whose exceptions Python only prints."""
    if current_thread() is not main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        _asked.set()
        raise KeyboardInterrupt

    def dropped(what: Any) -> None:
        if what.exc_type is not KeyboardInterrupt:
            hook(what)

    _asked.clear()
    handler, hook = signal.signal(signal.SIGINT, stop), sys.unraisablehook
    sys.unraisablehook = dropped
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = hook


def heed() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed before in the command and its exception was lost in a callback."""
    if _asked.is_set():
        raise KeyboardInterrupt


def stage(text: str) -> AbstractContextManager[object]:
    """Show on standard error what a command is doing and for how long, if that is a terminal.

    The line goes when the block ends.
    """
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(text, total=None)
    return progress


def patiently[T](
    text: str,
    compute: Callable[[], T],
    bar: bool = False,
    folder: str | None = None,
    left: str = "nothing was written",
) -> T:
    """Return the result of a command's `compute`; Ctrl-C ends the process even inside compiled code.

    Args:
        text: What is being done, which is shown with the elapsed seconds.

        compute: The function to call. It must write nothing outside `folder`, since Ctrl-C reports so.

        bar: Whether `compute` shows its own progress instead of `text` and the seconds; the default is False.

        folder: The folder in which `compute` keeps finished batches; the default is None: it writes nothing.

        left: What Ctrl-C says of what was done so far, where there is no folder; the default is "nothing was written".

    Returns:
        What `compute` returns.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(compute())
        except BaseException as error:  # it is raised again in the calling thread
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    try:
        with nullcontext() if bar else stage(text) as line, nullcontext() if bar else silenced(_telling(line)):
            thread.start()
            while thread.is_alive():
                thread.join(0.2)
                heed()
    except KeyboardInterrupt:
        # XLA can't be stopped from Python, and a normal exit would wait for it.
        if bar and sys.stderr.isatty():
            sys.stderr.write("\n")  # the bar stays, and the sentence has a line of its own
        where = f"finished batches are kept in {folder}; the same command goes on from there"
        message(f"interrupted: {where if folder else left}")
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    if errors:
        raise errors[0]
    return results[0]


def _telling(line: Any) -> Callable[[str], None] | None:
    """Return what has the line of a stage say what is going on inside of it; None where no line is shown."""
    if line is None:
        return None
    return lambda what: line.update(line.task_ids[0], description=f"{what[:1].upper()}{what[1:]}")


def compile_quickly() -> None:
    """Have JAX compile with less care, where it isn't imported yet: a command runs a program once or twice.

    Operations don't carry the lines of Python that they came from, and LLVM optimises at its first level. What the user
    has set stays. A program that is compiled so runs as fast: its time is in LAPACK.
    """
    if "jax" in sys.modules:
        return
    os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
    flags, level = os.environ.get("XLA_FLAGS", ""), "--xla_backend_optimization_level"
    if level not in flags:
        os.environ["XLA_FLAGS"] = f"{level}=1 {flags}".rstrip()


def keep_compiled() -> None:
    """Keep compiled programs on disk, so that the next command starts sooner. Without a folder for them, keep none."""
    from scalebayes.infer.compilation_cache import compilation_cache

    # JAX warns of a damaged file and compiles again, which is nothing that the user of a command can act on.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache.*")
    with suppress(InputError):
        compilation_cache(True)
