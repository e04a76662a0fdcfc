"""While a command computes: elapsed time on a terminal, Ctrl-C at once, and programs compiled once a machine."""

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

INTERRUPTED = 130
_asked = Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Heed Ctrl-C even where it arrives inside a callback, whose exceptions Python prints and drops."""
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
    """Stop here where Ctrl-C was pressed before and went lost."""
    if _asked.is_set():
        raise KeyboardInterrupt


def stage(text: str) -> AbstractContextManager[object]:
    """Show what is being done and for how long, on standard error and only on a terminal; gone when it is over."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(text, total=None)
    return progress


def patiently[T](text: str, compute: Callable[[], T], bar: bool = False) -> T:
    """The result of `compute`, which must write nothing; Ctrl-C ends the process even inside compiled code.

    Args:
        text: what is being done.

        compute: does it.

        bar: whether `compute` shows its own progress on a terminal, in place of `text` and the seconds.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(compute())
        except BaseException as error:  # raised again in the thread that asked
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    try:
        with nullcontext() if bar else stage(text), nullcontext() if bar else silenced():
            thread.start()
            while thread.is_alive():
                thread.join(0.2)
                heed()
    except KeyboardInterrupt:
        # XLA can't be stopped from Python, and leaving while it runs would wait for it.
        message("interrupted: nothing was written")
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    if errors:
        raise errors[0]
    return results[0]


def keep_compiled() -> None:
    """Keep JAX's compiled programs in the user's cache folder, so that the next command starts sooner.

    The folder is `SCALEBAYES_CACHE` where that is set. One that can't be written is done without.
    """
    import jax

    if jax.config.jax_compilation_cache_dir:  # the user has one
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
