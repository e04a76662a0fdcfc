"""Turns arguments of Python into options of the command line: method='nuts' becomes --method nuts."""

from collections.abc import Mapping
from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.fragments import Call, Word
from scalebayes.cli.shell import quoted

# Argument in Python -> option, if the option isn't the argument's name with dashes.
OPTIONS = {"inputs": "input", "priors": "fix", "N_counts": "N-counts", "laws": "law"}
# Option -> the word in capitals that stands for a value the sentence leaves open ("..."), as in the help texts.
BLANKS = {
    "--where": "EXPR",
    "--columns": "COLUMN",
    "--input": "COLUMN",
    "--observable": "COLUMN",
    "--cutoffs": "VALUES",
}
BLANKS |= {"--N": "N", "--D": "D", "--C": "C", "--x": "X"}
METHODS = {"sb.NUTS": "nuts", "sb.Laplace": "laplace", "sb.MAP": "map"}
NOISES = {
    "sb.StudentT": "student_t",
    "sb.Normal": "normal",
    "sb.NormalRaw": "normal_raw",
    "sb.Huber": "huber",
    "sb.Beta": "beta",
    "sb.LogitNormal": "logit_normal",
}


def arguments(arguments: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return (option, what to type) for each argument; None if one of them can't be typed."""
    options: list[tuple[str, str]] = []
    for name, value in arguments.items():
        typed = argument(name, value)
        if typed is None:
            return None
        options += typed
    return options


def argument(name: str, value: Any) -> list[tuple[str, str]] | None:
    """Return (option, what to type) for one argument, which may need several; None if it can't be typed."""
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
        each = {key: as_text(one, BLANKS.get(option)) for key, one in value.items()}
        # No option takes a distribution as a prior. A number holds its parameter fixed, and can be typed.
        if None in each.values():
            return None
        return [(option, f"{option} {quoted(f'{key}={one}')}") for key, one in each.items()]
    if name == "laws" and isinstance(value, list):
        each_law = [argument("law", one) for one in value]
        return None if None in each_law else [one for typed in each_law for one in typed or ()]
    text = _setting_of(value) if isinstance(value, Call) else as_text(value, BLANKS.get(option))
    return None if text is None else [(option, f"{option} {quoted(text)}")]


def _setting_of(call: Call) -> str | None:
    """Return a method, noise, law, process or window as its option takes it; None if it can't be typed."""
    if call.name == "sb.Window" and set(call.kwargs) <= {"efolds"} and len(call.args) + len(call.kwargs) == 1:
        return as_text([*call.args, *call.kwargs.values()][0], None)
    if call.name == "sb.GP" and call.args and not call.kwargs:
        return as_text(list(call.args), None)
    law = call.name == "sb.laws.get" and len(call.args) == 1
    name = as_text(call.args[0], None) if law else (METHODS | NOISES).get(call.name)
    if name is None or (call.args and not law):
        return None
    settings: dict[str, Any] = {}
    for key, value in call.kwargs.items():
        settings |= value.kwargs if isinstance(value, Call) and value.name == "sb.Search" else {key: value}
    if settings.pop("fallback", None) is not None:
        return None
    texts = {key: as_text(value, None) for key, value in settings.items()}
    if None in texts.values():
        return None
    return name + (":" if texts else "") + ",".join(f"{key}={text}" for key, text in texts.items())


def as_text(value: Any, blank: str | None) -> str | None:
    """Return a value as it is typed.

    Args:
        value: The value in Python.

        blank: The text that stands for "..."; None if there is none.

    Returns:
        The text; "" for None, and None for a value that can't be typed.
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
            each = [as_text(one, blank) for one in value]
            return ",".join(one or "" for one in each) if None not in each else None
    return None
