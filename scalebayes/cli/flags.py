"""Cures as the command line takes them: method='nuts' becomes --method nuts, for the command at hand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scalebayes.cli.arguments import METHODS, NOISES, arguments, as_text
from scalebayes.cli.fragments import Argument, Call, Fragment, Word, fragments
from scalebayes.cli.shell import quoted
from scalebayes.status import Check

# Call -> the command that does so.
COMMANDS = {
    "sb.fit": "fit",
    "sb.forecaster": "forecast",
    "sb.predict": "predict",
    "sb.optimum": "optimum",
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
}
# Command -> the files that it takes in place of a table; FIT stands for the one at hand, if there is one.
FILES = {
    **dict.fromkeys(("predict", "optimum", "savage-dickey", "export"), "FIT"),
    **{"recalibrate": "FIT BACKTEST", "stack": "FIT FIT"},
}
# Commands whose options are told of where the one at hand lacks them.
OTHERS = ("fit", "predict", "compare")
CURVES = ("read_curves", "sb.read_curves")
READERS = ("read_runs", "sb.read_runs")
POINT = ("N", "D", "C", "x")
PYTHON = "in Python, "
ARGUMENTS = ("runs", "fit", "fits", "backtest", "...")  # of a call, that a command takes as its table or file
OF = " of scalebayes "  # between flags and the command that has them
_SECOND = re.compile(r" or '(\w+)'")
_TOO = re.compile(r"[,:]?(?: (?:or|and))? ?")


@dataclass(frozen=True)
class Place:
    """Where a sentence is read.

    Attributes:
        command: its name; "" outside a command. runs: the path of the table that it was given, "" for none.
        options: command -> all options of it, such as "--method". fit: the path of the fit that it was given.
    """

    command: str = ""
    runs: str = ""
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fit: str = ""

    def has(self, option: str) -> bool:
        """Whether the command at hand has the option; --input of one that reads no table is a value, and another."""
        known = self.options.get(self.command, ())
        return option in known and (option != "--input" or "--where" in known)


_here = Place()


def begin(options: Mapping[str, Iterable[str]]) -> None:
    """Say what commands there are, with their options; none of them runs yet."""
    global _here
    _here = Place(options={name: frozenset(each) for name, each in options.items()})


def of_some(option: str) -> bool:
    """Whether any command has the option."""
    return any(option in known for known in _here.options.values())


def enter(command: str, runs: Any = None, fit: Any = None) -> None:
    """Say which command runs from now on, and on which table or fit."""
    global _here
    _here = replace(_here, command=command, runs=str(runs or ""), fit=str(fit or ""))


def here(text: str, glue: str = " ") -> str:
    """A sentence as the command that runs says it; as it is where none does, as in Python.

    Args:
        glue: what stands for a blank inside of what is to be typed, where lines are to break elsewhere.
    """
    return as_flags(text, _here, glue) if _here.command else text


def check_record(check: Check) -> dict[str, Any]:
    """A check in a JSON document; its sentence too names flags, as whoever reads it has typed a command."""
    return check.record() | {"sentence": here(check.sentence)}


def as_flags(text: str, place: Place, glue: str = " ") -> str:
    """A sentence whose Python is turned into what can be typed at the command line.

    What a command has no option for is said of the command that has one, and what none has keeps its Python.

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
        # A list of what is there in Python goes on.
        head, _, tail = between.rpartition("in Python")
        python = bool((python or head) and _TOO.fullmatch(tail))
        # "a run at N=6.6e6" is what it is, and nothing to type.
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
        # "method='laplace' or 'nuts'": the second word too is typed without quotes.
        if second := _SECOND.match(text, at):
            at, other = second.end(), f" or {second[1]}"
        flags, of, command = typed.partition(OF)
        said += flags.replace(" ", glue) + other + of + command
    return said + text[at:]


def _typed(one: Fragment, place: Place) -> str | None:
    """What to type for a piece of Python; None where the command line has nothing of the kind."""
    if isinstance(one.what, Call):
        return _call(one.what, place)
    name, value = one.what
    if name == "inputs" and place.has("--along") and isinstance(value, dict) and list(value) == ["x"]:
        return f"--along {quoted(as_text(value['x'], 'COLUMN') or '')}"
    if place.command == "predict" and value == Word("...") and f"--{name}" not in place.options.get("predict", ()):
        return f"--input {name}=VALUE"
    return _with_command(arguments({name: value}), place)


def _call(call: Call, place: Place) -> str | None:
    if call.name in METHODS or call.name in NOISES or call.name in ("sb.GP", "sb.Window"):
        kind = "method" if call.name in METHODS else "noise" if call.name in NOISES else call.name[3:].lower()
        return _with_command(arguments({{"gp": "discrepancy"}.get(kind, kind): call}), place)
    if call.name in READERS and call.kwargs:
        return _with_command(arguments(call.kwargs), place)
    if call.name == "runs.where":
        return _with_command(arguments({"where": call.args[0] if call.args else Word("...")}), place)
    if call.name in CURVES and not call.kwargs and place.has("--run"):
        return "--run NAME"
    if call.name not in COMMANDS:
        return None
    command, own = COMMANDS[call.name], dict(call.kwargs)
    if call.args and not (isinstance(call.args[0], Word) and call.args[0].text in ARGUMENTS):
        return None
    if command == "savage-dickey":
        each = {name: as_text(value, "POINT") for name, value in own.items()}
        if None in each.values():
            return None
        point = [quoted(f"{name}={text}") for name, text in each.items()] or ["NAME=POINT"]
        return " ".join(["scalebayes savage-dickey", _files(command, place), *point])
    if command == "export" and len(call.args) > 1 and isinstance(call.args[1], str):
        own = {"out": call.args[1], **own}
    if command == "fit" and len(call.args) > 1 and isinstance(call.args[1], str):
        own = {"law": call.args[1], **own}
    typed = arguments(own)
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
    """The files that a command takes, with the fit at hand for the first."""
    return FILES[command].replace("FIT", quoted(place.fit), 1) if place.fit else FILES[command]


def _with_command(typed: list[tuple[str, str]] | None, place: Place) -> str | None:
    """Flags, and of which command they are unless it is the one at hand."""
    if not typed:
        return None
    options, flags = [option for option, _ in typed], " ".join(text for _, text in typed)
    if all(place.has(option) for option in options):
        return flags
    for command in OTHERS:
        if all(option in place.options.get(command, ()) for option in options):
            return f"{flags}{OF}{command}"
    return None
