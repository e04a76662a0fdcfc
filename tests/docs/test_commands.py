"""Every command line on a page is one: the real parser takes it, and what takes a moment runs."""

import shlex

import pytest
import typer

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.cli.app import app
from tests.docs import pages
from tests.docs.tables import write_tables
from tests.helpers import fit_of, simulated

PROGRAM = typer.main.get_command(app)
LINES = list(dict.fromkeys(line for page in pages.WITH_COMMANDS for line in pages.commands(page)))
# Commands that fit, compare or sample: minutes together. Their options are parsed here, and tests/cli runs them.
HEAVY = {"forecast", "backtest", "compare", "fit", "fit-many", "calibrate", "recalibrate", "demo", "report"}
HEAVY |= {"plan", "budget-for", "next-runs", "stack", "savage-dickey"}


def words(line):
    return shlex.split(line, comments=True)[1:]


@pytest.mark.parametrize("line", LINES)
def test_the_parser_takes_it(line):
    """Fails if a page shows a command, an option or a value that the command line doesn't know."""
    name, *rest = words(line)
    command = PROGRAM.commands[name]
    command.make_context(name, rest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tables, and saved fits by the names that the pages use."""
    folder = tmp_path_factory.mktemp("commands")
    write_tables(folder)
    preset = sb.laws.published("besiroglu2024")
    for name, factor in {"fit": 1.0, "a": 1.0, "b": 1.01, "ours": 1.0, "theirs": 1.02}.items():
        draws = {key: [value * (factor if key in "AB" else 1.0)] * 8 for key, value in preset.values.items()}
        fit_of(preset.law, draws, simulated(24, 1)).save(folder / f"{name}.nc")
    return folder


@pytest.mark.filterwarnings("ignore::scalebayes.FitWarning")
@pytest.mark.parametrize("line", [line for line in LINES if words(line)[0] not in HEAVY])
def test_it_runs(line, folder, monkeypatch, capsys):
    """Fails if a command that a reader types ends with an error."""
    monkeypatch.chdir(folder)
    assert main(words(line)) == 0, capsys.readouterr().err
