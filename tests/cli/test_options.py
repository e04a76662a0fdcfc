"""Options: declared once, completed by a shell, and the same in every command that has them."""

from collections import defaultdict

import pytest
import typer

import scalebayes as sb
from scalebayes.cli import complete, main
from scalebayes.cli.app import app

COMMANDS = typer.main.get_command(app).commands
# Options whose values differ with the command: a file read or written, a budget, a law alone or several, ...
APART = {
    "--by",
    "--input",
    "--law",
    "--discrepancy",
    "--method",
    "--out",
    "--C",
    "--refits",
    "--draws",
    "--where",
    "--budget",
}


def test_an_option_is_the_same_everywhere():
    """Fails if two commands tell one option in two ways, as of two declarations, of which one will be forgotten."""
    told = defaultdict(set)
    for command in COMMANDS.values():
        for param in command.params:
            for option in param.opts:
                if option.startswith("--") and option not in APART:
                    told[option].add(param.help)
    assert {option: sorted(texts) for option, texts in told.items() if len(texts) > 1} == {}


def test_every_public_function_that_answers_has_a_command():
    """Fails if what can be done in Python with runs or with a fit has no command of its own."""
    verbs = {"fit", "fit_many", "predict", "optimum", "compare", "stack", "backtest", "calibrate", "export"}
    verbs |= {
        "recalibrate",
        "savage_dickey",
        "laws",
        "datasets",
        "register",
        "score",
        "strategies",
        "next_runs",
        "budget_for",
        "update",
        "report",
    }
    assert "compare_recipes" in sb.__all__ and "recipes" in COMMANDS
    assert verbs <= set(sb.__all__) and {name.replace("_", "-") for name in verbs} <= set(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fit runs.csv --law chinchilla_t", ["chinchilla_tied"]),
        ("compare runs.csv --law reco", ["recommended"]),
        ("fit runs.csv --noise hu", ["huber"]),
        ("backtest runs.csv --method lap", ["laplace"]),
        ("fit runs.csv --discrepancy matern,dr", ["matern,drift"]),
        ("datasets tiny_gpt_", ["tiny_gpt_tuning"]),
        ("savage", ["savage-dickey"]),
        ("forecast runs.csv --kind l", ["ladder"]),
    ],
)
def test_a_shell_completes_names(typed, completed, monkeypatch, capsys):
    """Fails if TAB gives no name of a law, a noise, a method, a part of a discrepancy, a data set or a command."""
    words = ["scalebayes", *typed.split()]
    monkeypatch.setenv("_SCALEBAYES_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == completed


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("backtest TABLE --by lo", ["loss"]),
        ("fit-many TABLE --by ", ["N", "D", "learning rate", "loss"]),
        ("forecast TABLE --along N", ["N"]),
        ("fit TABLE --observable l", ["learning rate", "loss"]),
        ("fit TABLE --law end_chinchilla --fix N_", ["N_end="]),
        ("fit nothere.csv --observable l", []),
        ("fit TABLE --N-counts n", ["non-embedding"]),
    ],
)
def test_a_shell_completes_columns_and_parameters(typed, completed, tmp_path, monkeypatch, capsys):
    """Fails if TAB gives no column of the table that was typed, or no parameter of the law, or ends in an error."""
    table = tmp_path / "runs.csv"
    table.write_text('\ufeffN;D;"learning rate";loss\n1;2;3;4\n', encoding="utf-8")
    words = ["scalebayes", *typed.replace("TABLE", str(table)).split(" ")]
    monkeypatch.setenv("_SCALEBAYES_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        main([])
    assert [line for line in capsys.readouterr().out.splitlines() if line] == completed


def test_every_command_answers_in_json():
    """Fails if a command has no --json, so that a script has to read its text."""
    assert [name for name, command in COMMANDS.items() if "--json" not in _options(command)] == []


def test_commands_that_answer_with_a_band_draw_it():
    """Fails if an answer with a band can't be drawn from the command line."""
    drawn = {"forecast", "predict", "optimum", "plan", "recipes", "next-runs", "fit", "fit-many", "update", "compare"}
    drawn |= {"stack", "backtest", "calibrate", "summary", "demo"}
    assert {name for name, command in COMMANDS.items() if "--plot" in _options(command)} == drawn


def _options(command):
    return {option for param in command.params for option in param.opts}


def test_parts_are_completed_after_a_comma():
    """Fails if none or gp, which are no parts, follow a comma."""
    assert complete.discrepancies("matern,") == [f"matern,{part}" for part in complete.parts()]
    assert {"none", "gp"} < set(complete.discrepancies(""))
