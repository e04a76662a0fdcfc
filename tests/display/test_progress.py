"""The line that says what a long call is doing: after a while, where somebody looks, and gone at the end."""

import io
import sys
import time

import pytest

import scalebayes as sb
from scalebayes.display import progress
from scalebayes.display.progress import silenced, step, told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setattr(progress, "EVERY", 0.02)
    return Terminal()


def test_a_long_call_says_what_it_does(terminal, monkeypatch):
    """Fails if a person waits without a word, or the line is left behind."""
    monkeypatch.setattr(sys, "stderr", terminal)  # here: pytest sets its own between a fixture and its test
    with told("sampling", None), told("inside", True):
        time.sleep(0.2)
    said = terminal.getvalue()
    assert said.startswith("\rsampling ... 0 s") and "inside" not in said
    assert said.endswith("\r") and said.rsplit("\r", 2)[1].strip() == ""


def test_where_nothing_is_said(terminal, monkeypatch):
    """Fails if a short call flickers, a log fills, or progress=False or a caller's own line is overruled."""
    monkeypatch.setattr(sys, "stderr", terminal)
    with told("short", None):
        pass
    with told("off", False):
        time.sleep(0.1)
    with silenced(), told("has its own line", True):
        time.sleep(0.1)
    assert terminal.getvalue() == ""
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with told("to a log", None):
        time.sleep(0.1)
    assert log.getvalue() == ""
    with pytest.raises(RuntimeError), told("to a log, as asked", True):
        time.sleep(0.1)
        raise RuntimeError
    assert "to a log, as asked ... 0 s" in log.getvalue()


RUNS = sb.Runs(x=[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0], loss=[3.0, 2.6, 2.3, 2.0, 1.8, 1.6, 1.5])
ASKED = {
    "fit": lambda told: sb.fit(RUNS, "power", progress=told),
    "fit_many": lambda told: sb.fit_many([RUNS], "power", progress=told),
    "forecaster": lambda told: sb.forecaster(RUNS, progress=told),
    "backtest": lambda told: sb.backtest(RUNS, ["power"], cutoffs=[256.0], progress=told),
    "backtest of the recommended": lambda told: sb.backtest(RUNS, ["recommended"], cutoffs=[256.0], progress=told),
}


@pytest.mark.parametrize("name", ASKED)
def test_calls_that_take_long_take_progress(name):
    """Fails if a call takes progress and hands it on to nothing."""
    with pytest.raises(sb.InputError, match="progress is True, False or None, not 'yes'"):
        ASKED[name]("yes")


def test_a_caller_with_a_line_of_its_own_hears_what_is_going_on():
    """Fails if a command's line can't say which of several fits is running, or hears of each small step inside."""
    heard = []
    with silenced(heard.append):
        with step("backtesting power (1 of 2)"), told("fitting power to 8 runs", False):
            pass
        with told("comparing 2 fits", None):
            pass
    with step("nobody listens"):
        pass
    assert heard == ["backtesting power (1 of 2)", "comparing 2 fits"]
