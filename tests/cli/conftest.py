"""Holds every table that a test of the command line prints to 100 columns."""

import pytest

from scalebayes.cli import format as show


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
