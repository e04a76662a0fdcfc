"""What the command line says to type: flags of its own commands, quoted for a shell, and no Python but what is said to
be Python."""

import ast
import json
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer

import scalebayes
from scalebayes.cli import flags, main
from scalebayes.cli.app import app
from scalebayes.cli.flags import Place, as_flags
from scalebayes.cli.shell import quoted
from tests.helpers import TYPED_POINT

COMMANDS = typer.main.get_command(app).commands
OPTIONS = {
    name: frozenset(option for param in command.params for option in (*param.opts, *param.secondary_opts))
    for name, command in COMMANDS.items()
}
PYTHON = re.compile(r"\w+=['\"{\[]|\bsb\.\w+|\bruns\.\w+\(|\w+=(?:True|False|None)\b")
# Said in Python alone: they aren't of runs that a command reads, or are text for a page.
APART = ("cli/arguments.py", "cli/flags.py", "cli/fragments.py", "laws/page.py", "laws/base.py", "datasets/")
APART += tuple(f"reporting/{name}.py" for name in ("answers", "past_forecasts", "pictures", "planner", "reproduce"))


def at(command, runs="my runs.csv"):
    fit = "fit.nc" if command in ("predict", "optimum", "export", "recalibrate", "savage-dickey") else ""
    return Place(command, runs, OPTIONS, fit)


@pytest.mark.parametrize(
    ("command", "text", "typed"),
    [
        ("fit", "say which with columns={'N': 'params'}", "say which with --columns N=params"),
        ("fit", "columns={'N': 'a b', 'D': 2e9, 'C': None}", '--columns "N=a b" --columns D=2e9 --columns C='),
        ("fit", "read_runs(..., columns={'C': ...})", "--columns C=COLUMN"),
        ("fit", "keep where=\"split == 'fit'\", or not", "keep --where \"split == 'fit'\", or not"),
        ("fit", 'runs.where("lr < 1e-3").', '--where "lr < 1e-3".'),
        ("fit", "say runs.with_cost(sb.costs.transformer(...)), or", "say --cost COST, or"),
        ("plan", "say runs.with_cost(sb.costs.moe(...)).", "say --cost COST of scalebayes fit."),
        ("fit", "where='C < 1e21'; loosen it", '--where "C < 1e21"; loosen it'),
        ("fit", "use method='nuts', or noise='normal'.", "use --method nuts, or --noise normal."),
        ("fit", "fit with method='laplace' or 'nuts'", "fit with --method laplace or nuts"),
        ("fit", "sb.NUTS(warmup=1000, draws=4000), or", "--method nuts:warmup=1000,draws=4000, or"),
        ("fit", "use sb.Laplace(proposals=100_000).", "use --method laplace:proposals=100000."),
        ("fit", "sb.MAP(search=sb.Search(screened=8192, starts=64)).", "--method map:screened=8192,starts=64."),
        ("fit", "noise=sb.Huber(delta=1e-3, scale=1)", "--noise huber:delta=0.001,scale=1"),
        ("fit", "fix it, priors={'noise_scale': 0.003}.", "fix it, --fix noise_scale=0.003."),
        ("fit", "priors={name: number}", "--fix name=number"),
        ("fit", "priors={'A': ...}", "in Python, priors={'A': ...}"),
        ("fit", "use priors='flat', or", "use --priors flat, or"),
        ("fit", "law='end_chinchilla', which has no such ridge", "--law end_chinchilla, which has no such ridge"),
        ("fit", "law=sb.laws.get('mixture_exp', domains=3)", "--law mixture_exp:domains=3"),
        ("fit", "or discrepancy='gp'", "or --discrepancy gp"),
        ("fit", "discrepancy=sb.GP('matern', 'offset')", "--discrepancy matern,offset"),
        ("fit", "use discrepancy=None", "use --discrepancy none"),
        ("fit", "window=sb.Window(2.0), or sb.Window(efolds=3)", "--window 2, or --window 3"),
        ("fit", "leave fallback=False out", "leave --no-fallback out"),
        ("fit", "another with observable=...", "another with --observable COLUMN"),
        ("fit", "inputs={'x': 'num_params'}", "--input x=num_params"),
        ("predict", "inputs={'x': 'num_params'}", "--input x=num_params of scalebayes fit"),
        ("forecast", "name one: inputs={'x': ...}", "name one: --along COLUMN"),
        ("predict", "use method='nuts'.", "use --method nuts of scalebayes fit."),
        ("predict", "fit with method='laplace' or 'nuts'", "fit with --method laplace or nuts of scalebayes fit"),
        ("forecast", "use method='nuts'.", "use --method nuts."),
        ("compare", "allow more, compare(..., refits=7).", "allow more, --refits 7."),
        ("fit", "see sb.compare(fits, refits=7).", 'see scalebayes compare "my runs.csv" --refits 7.'),
        ("backtest", "give cutoffs=[1e20, 1e21]", "give --cutoffs 1e20,1e21"),
        ("optimum", "of='law' is the optimum of the law alone", "--of law is the optimum of the law alone"),
        ("fit", "use sb.forecaster, or", 'use scalebayes forecast "my runs.csv", or'),
        ("fit", "score it, sb.backtest(runs, ...)", 'score it, scalebayes backtest "my runs.csv"'),
        (
            "forecast",
            "all of them by sb.fit(runs, 'end_chinchilla', discrepancy='gp').",
            'all of them by scalebayes fit "my runs.csv" --law end_chinchilla --discrepancy gp.',
        ),
        (
            "fit",
            "sb.fit_many(runs, by='lr'), sb.best_of(runs)",
            'scalebayes fit-many "my runs.csv" --by lr, in Python, sb.best_of(runs)',
        ),
        ("fit-many", "apart, sb.fit_many(runs, by='lr').", "apart, --by lr."),
        ("fit", "fit_many(runs, laws=['a', 'b'])", 'scalebayes fit-many "my runs.csv" --law a --law b'),
        ("compare", "sb.stack(fits, weights='largest')", "scalebayes stack FIT FIT --weights largest"),
        ("predict", "sb.recalibrate(fit, backtest)", "scalebayes recalibrate fit.nc BACKTEST"),
        ("fit", "sb.savage_dickey(fit, alpha='beta')", "scalebayes savage-dickey FIT alpha=beta"),
        ("optimum", "sb.savage_dickey(fit, E=0)", "scalebayes savage-dickey fit.nc E=0"),
        ("fit", "sb.export(fit, 'loss.jax')", "scalebayes export FIT --out loss.jax"),
        ("fit", "sb.calibrate(runs, law='power', n=200)", 'scalebayes calibrate "my runs.csv" --law power --n 200'),
        ("predict", "group='a': leave it out", "--group a: leave it out"),
        ("fit", "say group='a'", "say --group a of scalebayes predict"),
        ("fit", "as curves: sb.read_curves('chart.csv'), or", "as curves: --run NAME, or"),
        ("predict", "say observed=True", "say --observed"),
        ("fit", "ask it in Python: sb.load, sb.predict", "ask it in Python: sb.load, sb.predict"),
        ("fit", "mend these first; print(fit) says how.", "mend these first; scalebayes fit says how."),
        ("fit", "column 'sb.fit' and x=1e21, E=0, N=124M", "column 'sb.fit' and x=1e21, E=0, N=124M"),
        ("fit", "unclosed columns={'N': 'a", "unclosed columns={'N': 'a"),
    ],
)
def test_a_cure_is_what_the_command_takes(command, text, typed):
    """Fails if a message tells whoever typed a command what to write in a program."""
    assert as_flags(text, at(command)) == typed


def test_lines_break_between_words_to_type_and_not_inside():
    """Fails if a filter that is copied from the screen has a line's end in it."""
    text = as_flags("keep where=\"split == 'fit'\"", at("fit"), glue="_")
    assert text == "keep --where_\"split_==_'fit'\""


def messages():
    """Where a text stands, and it, of every text of the package; what a format fills in is a sign of no word."""
    root = Path(scalebayes.__file__).parent
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(APART):
            continue
        tree, parts = ast.parse(path.read_text(encoding="utf-8")), set()
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                parts.add(id(body[0].value))  # a docstring
            if isinstance(node, ast.JoinedStr):
                parts |= {id(part) for part in ast.walk(node) if part is not node}
        for node in ast.walk(tree):
            if id(node) in parts:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{name}:{node.lineno}", node.value
            if isinstance(node, ast.JoinedStr):
                filled = ""
                for part in node.values:
                    if isinstance(part, ast.Constant):
                        filled += part.value
                    else:
                        value = part.conversion == ord("r") or filled.endswith(("=", "(", "': "))
                        filled += "'∎'" if value else "'∎': 1" if filled.endswith("={") else "∎"
                yield f"{name}:{node.lineno}", filled


@cache
def every_message():
    return tuple(messages())


@pytest.mark.parametrize("command", sorted(set(OPTIONS) - {"laws", "datasets", "demo"}))
def test_no_message_escapes(command):
    """Fails if a sentence of the package speaks Python at the command line without saying so."""
    known, seen = set(OPTIONS["fit"] | OPTIONS[command]), 0
    for where, text in every_message():
        said = as_flags(text, at(command))
        seen += said != text
        for left in PYTHON.finditer(said):
            clause = re.split(r"[;:.] ", said[: left.start()].replace("in Python: ", "in Python, "))[-1]
            quote = said[left.start() - 1 : left.start()] in ("'", "`")
            assert "in Python, " in clause or quote, f"{where}: {said!r}"
        if said != text:
            told = {option for option in re.findall(r"(?<![\w-])--[A-Za-z][\w-]*", said)}
            assert told <= known | {option for one in OPTIONS.values() for option in one}, f"{where}: {said!r}"
    assert seen > 40, "hardly a message was looked at"


AWKWARD = [
    *("params", "a b", "it's", 'say "x"', "$HOME", "`id`", "a\\b", "split == 'fit'", "n != 3", "!x", "*", "~", "#", ""),
    *("ünïcode", "a;b", "a&b|c", "(x)", "tab\tend", "'\"$`\\!", "-", "--x", "=", "x=y", "{a,b}", "[0-9]", "<>"),
]


def test_words_are_quoted_for_a_shell():
    """Fails if what is pasted reaches the command as other words."""
    line = " ".join(quoted(word) for word in AWKWARD)
    assert shlex.split(line) == AWKWARD
    ran = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\0")[:-1] == AWKWARD


def test_what_is_said_can_be_typed(tmp_path, capsys):
    """Fails if the cure of a check, copied from the screen, is refused or cures nothing."""
    x = [1.0, 10.0, 100.0, 1e3, 1e4]
    rows = [f"{u},{2 + 3 * u**-0.5}" for u in x]
    table = tmp_path / "my runs.csv"
    table.write_text("\n".join(["x,loss", *rows]))
    typed = ["fit", str(table), "--law", "offset_power", "--method", TYPED_POINT]
    assert main(typed) == 0
    said = " ".join(capsys.readouterr().out.split())
    cure = re.search(r"fix it, (--fix .*?)\. ", said)[1]
    assert main([*typed, *shlex.split(cure), "--json"]) == 0
    assert "noise_scale" not in json.loads(capsys.readouterr().out)["parameters"]


def test_whatever_a_message_quotes_it_is_said():
    """Fails if the name of a column, or a filter as it was typed, ends the command in a traceback."""
    pieces = [
        *AWKWARD,
        *"'\"{}()[]=,.\\",
        "where=",
        "columns=",
        "method=",
        "sb.fit",
        "sb.NUTS(",
        "...",
        "None",
        "\\d",
        "\0",
    ]
    pieces += ["priors={", "runs.where(", " or 'x'", "in Python", "1e5", "{**x}", "f(*a)", "-", "lambda: 0"]
    rng = np.random.default_rng(0)
    for _ in range(3000):
        text = "".join(rng.choice(pieces, size=rng.integers(1, 12)))
        assert isinstance(as_flags(text, at("fit")), str), text
    assert as_flags("where=" + "(" * 5000, at("fit")) == "where=" + "(" * 5000


def test_errors_name_flags(tmp_path, capsys):
    """Fails if the one line of an error is in Python."""
    table = tmp_path / "runs.csv"
    table.write_text("x,score\n1,0.1\n2,0.2\n")
    assert main(["fit", str(table), "--law", "power"]) == 2
    error = capsys.readouterr().err
    assert "--observable" in error and "columns={" not in error and "observable=." not in error


def test_outside_a_command_sentences_stay_as_they_are():
    """Fails if the library's own sentences change with what ran before it."""
    flags.begin(OPTIONS)
    assert flags.here("use method='nuts'") == "use method='nuts'"
