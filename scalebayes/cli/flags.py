"""Cures as the command line takes them: method='nuts' becomes --method nuts, for the command at hand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.fragments import Argument, Call, Fragment, Word, fragments
from scalebayes.status import Check

# Python's argument -> option, where the option isn't the argument's own name with dashes.
OPTIONS = {"inputs": "input", "cutoffs": "cutoff", "priors": "fix", "N_counts": "N-counts"}
# What the command line has no number or word for stands in capitals, as in its help.
BLANKS = {"--where": "EXPR", "--columns": "COLUMN", "--input": "COLUMN", "--observable": "COLUMN", "--cutoff": "VALUES"}
BLANKS |= {"--N": "N", "--D": "D", "--C": "C", "--x": "X"}
# Call -> the command that does so.
COMMANDS = {
    "sb.fit": "fit",
    "sb.forecaster": "forecast",
    "sb.predict": "predict",
    "sb.optimum": "optimum",
    "sb.compare": "compare",
    "compare": "compare",
    "sb.backtest": "backtest",
}
READERS = ("read_runs", "sb.read_runs")
METHODS = {"sb.NUTS": "nuts", "sb.Laplace": "laplace", "sb.MAP": "map"}
NOISES = {
    "sb.StudentT": "student_t",
    "sb.Normal": "normal",
    "sb.NormalRaw": "normal_raw",
    "sb.Huber": "huber",
    "sb.Beta": "beta",
    "sb.LogitNormal": "logit_normal",
}
POINT = ("N", "D", "C", "x")
PYTHON = "in Python, "
ARGUMENTS = ("runs", "fit", "fits", "...")  # of a call, that a command takes as its table or file
OF = " of scalebayes "  # between flags and the command that has them
_SECOND = re.compile(r" or '(\w+)'")
_TOO = re.compile(r"[,:]?(?: (?:or|and))? ?")
# Bare characters of bash; in double quotes all but these stand for themselves.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_LIVE = frozenset('$`"\\!')


@dataclass(frozen=True)
class Place:
    """Where a sentence is read.

    Attributes:
        command: its name; "" outside a command. runs: the path of the table that it was given, "" for none.
        options: command -> all options of it, such as "--method".
    """

    command: str = ""
    runs: str = ""
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)

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


def enter(command: str, runs: Any = None) -> None:
    """Say which command runs from now on, and on which table."""
    global _here
    _here = replace(_here, command=command, runs=str(runs or ""))


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
    >>> as_flags("use sb.forecaster, or sb.stack(fits).", fit)
    'use scalebayes forecast runs.csv, or in Python, sb.stack(fits).'
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
        return f"--along {quoted(_text(value['x'], 'COLUMN') or '')}"
    if place.command == "predict" and value == Word("...") and f"--{name}" not in place.options.get("predict", ()):
        return f"--input {name}=VALUE"
    return _with_command(_arguments({name: value}), place)


def _call(call: Call, place: Place) -> str | None:
    if call.name in METHODS or call.name in NOISES or call.name in ("sb.GP", "sb.Window"):
        kind = "method" if call.name in METHODS else "noise" if call.name in NOISES else call.name[3:].lower()
        return _with_command(_arguments({{"gp": "discrepancy"}.get(kind, kind): call}), place)
    if call.name in READERS and call.kwargs:
        return _with_command(_arguments(call.kwargs), place)
    if call.name == "runs.where":
        return _with_command(_arguments({"where": call.args[0] if call.args else Word("...")}), place)
    if call.name not in COMMANDS:
        return None
    command, own = COMMANDS[call.name], dict(call.kwargs)
    if call.args and not (isinstance(call.args[0], Word) and call.args[0].text in ARGUMENTS):
        return None
    if command == "fit" and len(call.args) > 1 and isinstance(call.args[1], str):
        own = {"law": call.args[1], **own}
    typed = _arguments(own)
    if typed is None or any(option not in place.options.get(command, ()) for option, _ in typed):
        return None
    flags = " ".join(text for _, text in typed)
    if command == place.command and flags:
        return flags
    runs = quoted(place.runs) if place.runs and command not in ("predict", "optimum") else ""
    return " ".join(filter(None, [f"scalebayes {command}", runs, flags]))


def _with_command(typed: list[tuple[str, str]] | None, place: Place) -> str | None:
    """Flags, and of which command they are unless it is the one at hand."""
    if not typed:
        return None
    options, flags = [option for option, _ in typed], " ".join(text for _, text in typed)
    if all(place.has(option) for option in options):
        return flags
    if all(option in place.options.get("fit", ()) for option in options):
        return f"{flags}{OF}fit"
    return None


def _arguments(arguments: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Option and what to type, of each argument; None where one can't be typed."""
    found: list[tuple[str, str]] = []
    for name, value in arguments.items():
        typed = _argument(name, value)
        if typed is None:
            return None
        found += typed
    return found


def _argument(name: str, value: Any) -> list[tuple[str, str]] | None:
    if name == "priors" and not isinstance(value, dict):
        option = "--priors"
    else:
        option = "--" + OPTIONS.get(name, name.replace("_", "-"))
    if name == "discrepancy" and value is None:
        value = "none"
    if isinstance(value, bool):
        shown = option if value else f"--no-{option[2:]}"
        return [(shown, shown)]
    if isinstance(value, dict):
        if name not in ("columns", "inputs", "priors", "units"):
            return None
        each = {key: _text(one, BLANKS.get(option)) for key, one in value.items()}
        # A prior is a distribution, for which there is no option; a number holds its parameter fixed.
        if None in each.values():
            return None
        return [(option, f"{option} {quoted(f'{key}={one}')}") for key, one in each.items()]
    text = _setting_of(value) if isinstance(value, Call) else _text(value, BLANKS.get(option))
    return None if text is None else [(option, f"{option} {quoted(text)}")]


def _setting_of(call: Call) -> str | None:
    """A method, a noise, a law, a process or a window as its option takes it."""
    if call.name == "sb.Window" and set(call.kwargs) <= {"efolds"} and len(call.args) + len(call.kwargs) == 1:
        return _text([*call.args, *call.kwargs.values()][0], None)
    if call.name == "sb.GP" and call.args and not call.kwargs:
        return _text(list(call.args), None)
    law = call.name == "sb.laws.get" and len(call.args) == 1
    name = _text(call.args[0], None) if law else (METHODS | NOISES).get(call.name)
    if name is None or (call.args and not law):
        return None
    settings: dict[str, Any] = {}
    for key, value in call.kwargs.items():
        settings |= value.kwargs if isinstance(value, Call) and value.name == "sb.Search" else {key: value}
    if settings.pop("fallback", None) is not None:
        return None
    texts = {key: _text(value, None) for key, value in settings.items()}
    if None in texts.values():
        return None
    return name + (":" if texts else "") + ",".join(f"{key}={text}" for key, text in texts.items())


def _text(value: Any, blank: str | None) -> str | None:
    """A value as it is typed; "" for none, and None for what can't be typed.

    Args:
        blank: what stands for "..."; None where nothing does.
    """
    match value:
        case Word(text="..."):
            return blank
        case Word(text=text) | str(text):
            return text
        case None:
            return ""
        case int() | float():
            return show.full(value)
        case list():
            each = [_text(one, blank) for one in value]
            return ",".join(one or "" for one in each) if None not in each else None
    return None


def quoted(text: str) -> str:
    """A word as bash takes it: bare where it can be, else in quotes.

    >>> print(quoted("N=params"), quoted("split == 'fit'"), quoted('a "b"'), quoted("it's $5"))
    N=params "split == 'fit'" 'a "b"' 'it'"'"'s $5'
    """
    if text and _SAFE.issuperset(text):
        return text
    if not _LIVE.intersection(text.replace("!= ", "")):
        return f'"{text}"'
    return "'" + text.replace("'", "'\"'\"'") + "'"
