"""Ctrl-C while a command with --folder computes: what is said, what is kept, and that the same command goes on."""

import contextlib
import json
import os
import subprocess
import sys
import termios

import pytest

from scalebayes.cli import main
from scalebayes.fitting.many import runner

ROWS = [(1, 3.0), (10, 2.4), (100, 1.9), (1000, 1.5)]
# It runs a command that gets Ctrl-C in its second batch, once the first is in the folder, the first argument.
INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
from scalebayes.cli import main
from scalebayes.fitting.many import runner

folder, compute, first = Path(sys.argv[1]), runner.compute, threading.Lock()

def interrupted(*args):
    if first.acquire(blocking=False):
        return compute(*args)
    while not list(folder.glob("*.npz")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

runner.compute = interrupted
sys.exit(main(sys.argv[2:]))
"""
SEARCH = "screened=128,starts=2"
COMMANDS = {
    "fit-many": ("--by", "lab", "--method", f"map:{SEARCH}"),
    "calibrate": ("--n", "3", "--draws", "9", "--no-fallback", "--method", f"laplace:draws=100,proposals=200,{SEARCH}"),
}


def in_a_terminal(words):
    """The exit code of a process, its standard output, and the lines of standard error, which is a terminal."""
    ours, its = os.openpty()
    termios.tcsetwinsize(its, (24, 80))
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=its, text=True)
    os.close(its)
    written = b""
    # On Linux the end of a terminal is an error.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 1024):
            written += piece
    os.close(ours)
    out, _ = process.communicate(timeout=300)
    return process.returncode, out, written.decode().splitlines()


@pytest.mark.slow_cases("calibrate")
@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_keeps_finished_batches_and_the_same_command_goes_on(command, tmp_path, monkeypatch, capsys):
    """Fails if Ctrl-C loses a finished batch, doesn't say where they are kept, or if what goes on ends elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "cache"))
    rows = [f"{x},{loss + i / 100},{lab}" for i, lab in enumerate(("north", "south", "west")) for x, loss in ROWS]
    (tmp_path / "runs.csv").write_text("\n".join(["x,loss,lab", *rows]))
    typed = [command, "runs.csv", "--law", "power", "--noise", "normal", "--batch", "1", "--json", *COMMANDS[command]]
    kept = [*typed, "--folder", "my batches"]
    code, out, lines = in_a_terminal([sys.executable, "-c", INTERRUPTED, "my batches", *kept])
    assert (code, out) == (130, ""), lines
    # The progress bar has a line of its own.
    assert lines[-1] == "interrupted: finished batches are kept in my batches; the same command goes on from there"
    assert "0/3" in lines[-2]
    assert len(list((tmp_path / "my batches").glob("*.npz"))) == 1
    computed, compute = [], runner.compute
    monkeypatch.setattr(runner, "compute", lambda *args: computed.append(args) or compute(*args))
    documents = []
    for words, batches in ((kept, 2), (typed, 3)):
        computed.clear()
        assert main(words) == 0
        assert len(computed) == batches
        documents.append(json.loads(capsys.readouterr().out))
        documents[-1].pop("seconds", None)
    assert documents[0] == documents[1]
