"""Errors of the library itself: one line without a traceback, and the traceback with --debug."""

import pytest

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.cli.bug import line_of


@pytest.fixture
def table(tmp_path):
    """A table whose name has a blank."""
    path = tmp_path / "my runs.csv"
    path.write_text("x,loss\n1,3\n10,2\n100,1.5\n")
    return path


def broken(*_, **__):
    raise KeyError("no such thing")


def test_a_bug_is_one_line_and_1(table, monkeypatch, capsys):
    """Fails if an error of the library ends in a traceback, in another exit code, or without how to report it."""
    monkeypatch.setattr(sb, "fit", broken)
    assert main(["fit", str(table), "--law", "power"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "Traceback" not in err
    assert err.startswith("error: KeyError: 'no such thing' (in cli/fit.py, line ")
    assert "please report it" in err and err.endswith(f'scalebayes fit "{table}" --law power --debug\n')


@pytest.mark.parametrize("before", [True, False])
def test_debug_shows_the_traceback(table, monkeypatch, capsys, before):
    """Fails if --debug, before the command or after it, hides where the error was; or stays on for the next command."""
    monkeypatch.setattr(sb, "fit", broken)
    words = ["fit", str(table), "--law", "power"]
    assert main(["--debug", *words] if before else [*words, "--debug"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last)") and "in broken" in err
    assert err.splitlines()[-1].startswith("error: KeyError")
    assert main(words) == 1 and "Traceback" not in capsys.readouterr().err


def test_debug_shows_where_input_was_refused(tmp_path, capsys):
    """Fails if a developer can't see which line refused an input, or the line for the user is lost."""
    assert main(["fit", str(tmp_path / "nothere.csv"), "--debug"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback") and "no such file" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory; take fewer draws"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating"), "not enough memory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("x" * 5000), "x ...; this is a bug"),
        (ValueError(), "ValueError; this is a bug"),
    ],
)
def test_what_is_no_bug_is_not_called_one(error, said):
    """Fails if a full disk or memory is told as a bug, or a long error fills the screen."""
    told = line_of(error, ["demo"])
    assert said in told and len(told) < 400
