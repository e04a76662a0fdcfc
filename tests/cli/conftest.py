"""Runs commands as typed, and holds every table that a test of the command line prints to 100 columns."""

from typing import Any, NamedTuple

import pytest

from scalebayes.cli import format as show
from scalebayes.cli import main


class Ran(NamedTuple):
    """What a command gave: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(folder: Any, request: Any, capsys: Any, monkeypatch: Any) -> Any:
    """Run a command as typed in the test file's `folder`, on a terminal of its `COLUMNS`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", str(request.module.COLUMNS))
    return lambda *words: Ran(main([str(word) for word in words]), *capsys.readouterr())


@pytest.fixture(autouse=True)
def narrow_tables(monkeypatch):
    """Fails a test whose command prints a table wider than 100 columns, and than its terminal."""
    real, wide = show.grid, []

    def grid(*args, **settings):
        text = real(*args, **settings)
        wide.extend(line for line in text.splitlines() if len(line) > max(100, show.width()))
        return text

    monkeypatch.setattr(show, "grid", grid)
    yield
    assert wide == []
