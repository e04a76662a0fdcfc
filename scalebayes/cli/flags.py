"""Turns Python in a sentence into options of the running command: method='nuts' becomes --method nuts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scalebayes.cli.arguments import METHODS, NOISES, arguments, as_text
from scalebayes.cli.fragments import Argument, Call, Fragment, Word, fragments
from scalebayes.cli.shell import quoted
from scalebayes.status import Check

# Function in Python -> the command that does the same.
COMMANDS = {
    "sb.fit": "fit",
    "sb.forecaster": "forecast",
    "sb.predict": "predict",
    "sb.optimum": "optimum",
    "sb.compare_recipes": "recipes",
    "compare_recipes": "recipes",
    "sb.strategies": "strategies",
    "sb.next_runs": "next-runs",
    "sb.budget_for": "budget-for",
    "sb.compare": "compare",
    "compare": "compare",
    "sb.backtest": "backtest",
    "sb.fit_many": "fit-many",
    "fit_many": "fit-many",
    "sb.stack": "stack",
    "sb.recalibrate": "recalibrate",
    "sb.calibrate": "calibrate",
    "sb.savage_dickey": "savage-dickey",
    "sb.export": "export",
    "sb.register": "register",
    "sb.score": "score",
    "sb.update": "update",
}
# Command -> the files that it takes instead of a table. The path of the fit at hand, if there is one, replaces FIT.
FILES = {
    **dict.fromkeys(("predict", "optimum", "savage-dickey", "export", "register", "strategies", "next-runs"), "FIT"),
    **{
        "recalibrate": "FIT BACKTEST",
        "stack": "FIT FIT",
        "score": "FIT RUNS",
        "update": "FIT RUNS",
        "recipes": "FIT FIT",
    },
}
# Commands that a sentence may name for an option which the running command lacks.
OTHERS = ("fit", "predict", "compare")
CURVES = ("read_curves", "sb.read_curves")
READERS = ("read_runs", "sb.read_runs")
POINT = ("N", "D", "C", "x")
PYTHON = "in Python, "
ARGUMENTS = ("runs", "fit", "fits", "backtest", "...")  # arguments of a call that a command takes as table or file
OF = " of scalebayes "  # stands between flags and the command that has them
_SECOND = re.compile(r" or '(\w+)'")
_TOO = re.compile(r"[,:]?(?: (?:or|and))? ?")


@dataclass(frozen=True)
class Place:
    """The running command, in whose terms a sentence is written.

    Attributes:
        command: Its name; "" outside of any command.

        runs: The path of the table that it was given; "" for none.

        options: Command -> all its options, such as "--method".

        fit: The path of the fit that it was given; "" for none.

        words: The words that were typed after `scalebayes`.
    """

    command: str = ""
    runs: str = ""
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fit: str = ""
    words: tuple[str, ...] = ()

    def has(self, option: str) -> bool:
        """Return whether the command has the option; --input counts only where it names columns, beside --where."""
        known = self.options.get(self.command, ())
        return option in known and (option != "--input" or "--where" in known)


_here = Place()


def begin(options: Mapping[str, Iterable[str]], words: Iterable[str] = ()) -> None:
    """Set the options of all commands, and the words that were typed, before any command runs."""
    global _here
    _here = Place(options={name: frozenset(each) for name, each in options.items()}, words=tuple(words))


def typed() -> str:
    """Return the command line that runs, as it can be typed again."""
    return " ".join(quoted(word) for word in ("scalebayes", *_here.words))


def of_some(option: str) -> bool:
    """Return whether any command has the option."""
    return any(option in known for known in _here.options.values())


def enter(command: str, runs: Any = None, fit: Any = None) -> None:
    """Set the command that runs from now on, and its table or fit."""
    global _here
    _here = replace(_here, command=command, runs=str(runs or ""), fit=str(fit or ""))


def here(text: str, glue: str = " ") -> str:
    """Return a sentence in the terms of the running command; unchanged if none runs, as in Python.

    Args:
        text: The sentence, with Python in it.

        glue: What replaces each blank inside a piece to be typed, so that lines break elsewhere; the default is " ".

    Returns:
        The sentence.
    """
    return as_flags(text, _here, glue) if _here.command else text


def check_record(check: Check) -> dict[str, Any]:
    """Return a check for the JSON document of a command, its sentence in the terms of the running command."""
    return check.record() | {"sentence": here(check.sentence)}


def as_flags(text: str, place: Place, glue: str = " ") -> str:
    """Turn the Python in a sentence into what can be typed at the command line.

    If the running command has no option for a piece, the sentence names a command that has one. A piece for which no
    command has an option stays Python, after the words "in Python".

    Args:
        text: The sentence, with Python in it.

        place: The running command and the options of all commands.

        glue: What replaces each blank inside a piece to be typed; the default is " ".

    Returns:
        The sentence.

    >>> fit = Place("fit", "runs.csv", {"fit": frozenset(["--method", "--columns"]), "forecast": frozenset()})
    >>> as_flags("say which with columns={'N': 'params', 'D': 'n tokens'}", fit)
    'say which with --columns N=params --columns "D=n tokens"'
    >>> as_flags("use method='nuts', or sb.Laplace(proposals=100_000).", fit)
    'use --method nuts, or --method laplace:proposals=100000.'
    >>> as_flags("use sb.forecaster, or sb.best_of(runs).", fit)
    'use scalebayes forecast runs.csv, or in Python, sb.best_of(runs).'
    >>> as_flags("use method='nuts'.", replace(fit, command="forecast"))
    'use --method nuts of scalebayes fit.'
    """
    text = text.replace("print(fit) says how", "scalebayes fit says how")
    said, at, python = "", 0, False
    for one in fragments(text):
        between = text[at : one.start]
        said += between
        # Pieces that only commas, "or" and "and" separate share one "in Python".
        head, _, tail = between.rpartition("in Python")
        python = bool((python or head) and _TOO.fullmatch(tail))
        # "a run at N=6.6e6" names a value, and is nothing to type.
        point = isinstance(one.what, Argument) and one.what.name in POINT and isinstance(one.what.value, float)
        typed = None if python or point else _typed(one, place)
        if typed is None and not python and isinstance(one.what, Argument) and isinstance(one.what.value, float):
            said, at = said + text[one.start : one.end], one.end  # a value, such as x=1e21
            continue
        if typed is None:
            said += ("" if python else PYTHON) + text[one.start : one.end]
            at, python = one.end, True
            continue
        at, python, other = one.end, False, ""
        # In "method='laplace' or 'nuts'", the second word is also typed without quotes.
        if second := _SECOND.match(text, at):
            at, other = second.end(), f" or {second[1]}"
        flags, of, command = typed.partition(OF)
        said += flags.replace(" ", glue) + other + of + command
    return said + text[at:]


def _typed(one: Fragment, place: Place) -> str | None:
    """Return what to type for a piece of Python; None if no command can do the same."""
    if isinstance(one.what, Call):
        return _call(one.what, place)
    name, value = one.what
    if name == "inputs" and place.has("--along") and isinstance(value, dict) and list(value) == ["x"]:
        return f"--along {quoted(as_text(value['x'], 'COLUMN') or '')}"
    if place.command == "predict" and value == Word("...") and f"--{name}" not in place.options.get("predict", ()):
        return f"--input {name}=VALUE"
    return _with_command(arguments({name: value}), place)


def _call(call: Call, place: Place) -> str | None:
    """Return what to type for a call; None if no command can do the same."""
    if call.name in METHODS or call.name in NOISES or call.name in ("sb.GP", "sb.Window"):
        kind = "method" if call.name in METHODS else "noise" if call.name in NOISES else call.name[3:].lower()
        return _with_command(arguments({{"gp": "discrepancy"}.get(kind, kind): call}), place)
    if call.name in READERS and call.kwargs:
        return _with_command(arguments(call.kwargs), place)
    if call.name == "runs.where":
        return _with_command(arguments({"where": call.args[0] if call.args else Word("...")}), place)
    if call.name == "runs.with_cost":
        return "--cost COST" if place.command == "fit" else f"--cost COST{OF}fit"
    if call.name in CURVES and not call.kwargs and place.has("--run"):
        return "--run NAME"
    if call.name not in COMMANDS:
        return None
    command, kwargs = COMMANDS[call.name], dict(call.kwargs)
    if call.args and not (isinstance(call.args[0], Word) and call.args[0].text in ARGUMENTS):
        return None
    if command == "savage-dickey":
        each = {name: as_text(value, "POINT") for name, value in kwargs.items()}
        if None in each.values():
            return None
        point = [quoted(f"{name}={text}") for name, text in each.items()] or ["NAME=POINT"]
        return " ".join(["scalebayes savage-dickey", _files(command, place), *point])
    if command == "export" and len(call.args) > 1 and isinstance(call.args[1], str):
        kwargs = {"out": call.args[1], **kwargs}
    if command == "fit" and len(call.args) > 1 and isinstance(call.args[1], str):
        kwargs = {"law": call.args[1], **kwargs}
    typed = arguments(kwargs)
    if typed is None or any(option not in place.options.get(command, ()) for option, _ in typed):
        return None
    flags = " ".join(text for _, text in typed)
    if command == place.command and flags:
        return flags
    runs = quoted(place.runs) if place.runs else ""
    return " ".join(
        filter(None, [f"scalebayes {command}", _files(command, place) if command in FILES else runs, flags])
    )


def _files(command: str, place: Place) -> str:
    """Return the files that a command takes, with the path of the fit at hand as the first."""
    return FILES[command].replace("FIT", quoted(place.fit), 1) if place.fit else FILES[command]


def _with_command(typed: list[tuple[str, str]] | None, place: Place) -> str | None:
    """Return flags as text, with the name of a command that has them if the running one lacks them."""
    if not typed:
        return None
    options, flags = [option for option, _ in typed], " ".join(text for _, text in typed)
    if all(place.has(option) for option in options):
        return flags
    for command in OTHERS:
        if all(option in place.options.get(command, ()) for option in options):
            return f"{flags}{OF}{command}"
    return None
