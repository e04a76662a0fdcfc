"""Shows elapsed time while a command computes, obeys Ctrl-C at once, and caches compiled programs on disk."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from scalebayes.cli.format import message
from scalebayes.display.progress import silenced

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

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(text, total=None)
    return progress


def patiently[T](text: str, compute: Callable[[], T], bar: bool = False, folder: str | None = None) -> T:
    """Return the result of a command's `compute`; Ctrl-C ends the process even inside compiled code.

    Args:
        text: What is being done, which is shown with the elapsed seconds.

        compute: The function to call. It must write nothing outside `folder`, since Ctrl-C reports so.

        bar: Whether `compute` shows its own progress instead of `text` and the seconds; the default is False.

        folder: The folder in which `compute` keeps finished batches; the default is None: it writes nothing.

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
        with nullcontext() if bar else stage(text), nullcontext() if bar else silenced():
            thread.start()
            while thread.is_alive():
                thread.join(0.2)
                heed()
    except KeyboardInterrupt:
        # XLA can't be stopped from Python, and a normal exit would wait for it.
        if bar and sys.stderr.isatty():
            sys.stderr.write("\n")  # the bar stays, and the sentence has a line of its own
        where = f"finished batches are kept in {folder}; the same command goes on from there"
        message(f"interrupted: {where if folder else 'nothing was written'}")
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    if errors:
        raise errors[0]
    return results[0]


def keep_compiled() -> None:
    """Keep JAX's compiled programs in the user's cache folder, so that the next command starts sooner.

    If `SCALEBAYES_CACHE` is set, it names the folder. If the folder can't be written, nothing is kept.
    """
    import jax

    if jax.config.jax_compilation_cache_dir:  # the user has set a cache folder of JAX
        return
    given = os.environ.get("SCALEBAYES_CACHE")
    if given:
        root = Path(given).expanduser()
    else:
        import pooch

        root = Path(pooch.os_cache("scalebayes"))
    folder = root / "jit"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        return
    warnings.filterwarnings("ignore", message=".*persistent compilation cache.*")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
