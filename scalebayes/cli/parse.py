"""Parses what is typed at the command line: 70e9, 70B, 1e20:1e26:7, alpha=0.35, huber:delta=1e-3."""

import math
import re
from collections.abc import Iterable

from scalebayes.errors import InputError

# Suffix -> power of ten. As text, "1.4T" becomes "1.4e12", which is exact to the last bit.
POWERS = {"k": 3, "K": 3, "M": 6, "B": 9, "G": 9, "T": 12}
MOST = 1000  # numbers in one range lo:hi:n; more are refused
_DECIMAL = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?P<power>[eE][+-]?\d+)?")

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


def number(text: str, what: str = "", example: str = "70e9, 70B, 1.4T, 512k or 1_000_000") -> float:
    """Return a finite number; k, M, B (or G) and T stand for 1e3, 1e6, 1e9 and 1e12.

    Args:
        text: The number as typed.

        what: What it is for, such as "--N", with which the error begins; the default is "".

        example: Examples of such numbers, for the error.

    Returns:
        The number.

    Raises:
        InputError: The text is not a number; the message says how to write it.

    >>> [number(text) for text in ("70e9", "70B", "1.4T", "512k", "1_000_000", "-0.5")]
    [70000000000.0, 70000000000.0, 1400000000000.0, 512000.0, 1000000.0, -0.5]
    >>> number("70b", "--N")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: --N: '70b' is not a number; write 70B
    """
    value = _value(text.strip())
    if value is None:
        upper = text.strip().upper()
        cure = upper if _value(upper) is not None else f"it as {example}"
        raise InputError(f"{_head(what)}'{text}' is not a number; write {cure}")
    return value


def _value(text: str) -> float | None:
    """Return the number that a text is; None if it is none, or not finite."""
    power = POWERS.get(text[-1:])
    matched = _DECIMAL.fullmatch(text if power is None else text[:-1])
    if not matched or (power is not None and matched["power"]):
        return None
    try:
        value = float(text if power is None else f"{text[:-1]}e{power}")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers(text: str, what: str = "") -> list[float]:
    """Return numbers that commas separate; lo:hi:n stands for n numbers from lo to hi, evenly spaced in the log.

    Raises:
        InputError: An item is neither a number nor a range, or the commas group thousands.

    >>> numbers("1e9,2B")
    [1000000000.0, 2000000000.0]
    >>> numbers("1e20:1e22:3")
    [1e+20, 1e+21, 1e+22]
    >>> numbers("60,000,000", "--N")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: --N: '60,000,000': commas stand between several numbers; write 60000000
    """
    if _GROUPED.fullmatch(text.strip()) and ",0" in text:
        whole = text.strip().replace(",", "")
        raise InputError(f"{_head(what)}'{text}': commas stand between several numbers; write {whole}")
    return [
        value for item in text.split(",") for value in (_range(item, what) if ":" in item else [number(item, what)])
    ]


def _range(text: str, what: str) -> list[float]:
    """Return the numbers of a range typed as lo:hi:n, with both ends exact."""
    parts = text.split(":")
    if len(parts) != 3:
        raise InputError(f"{_head(what)}'{text}' is not a range; write it as lo:hi:n, such as 1e20:1e26:7")
    low, high, count = (number(part, what) for part in parts)
    if not (low > 0 and high > 0):
        raise InputError(f"{_head(what)}the range '{text}' is spaced in the log: both of its ends must be positive")
    if not (count.is_integer() and 2 <= count <= MOST):
        raise InputError(f"{_head(what)}the range '{text}' has a count that is not a whole number from 2 to {MOST}")
    last = int(count) - 1
    # The numbers are rounded to twelve digits, so that 1e21 isn't 1.0000000000000001e21.
    inner = [float(f"{low ** (1 - i / last) * high ** (i / last):.12g}") for i in range(1, last)]
    return [low, *inner, high]


def pairs(texts: Iterable[str], what: str, example: str) -> dict[str, str]:
    """Return a dict from name to text for items typed as name=value.

    Raises:
        InputError: An item has no '=' or no name, or a name is given twice.

    >>> pairs(["x=C"], "--input", "x=C")
    {'x': 'C'}
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals):
            raise InputError(f"{_head(what)}'{text}' is not a name and a value; write it as {example}")
        if name in values:
            raise InputError(f"{_head(what)}'{name}' is given twice; give it once")
        values[name] = value
    return values


def named(text: str, what: str, example: str) -> tuple[str, dict[str, float | int | str]]:
    """Return a name and its settings, which follow a colon; a setting is an int, a float or a word.

    >>> named("huber:delta=1e-3,scale=1", "--noise", "")
    ('huber', {'delta': 0.001, 'scale': 1})
    >>> named("student_t:df=free", "--noise", "")
    ('student_t', {'df': 'free'})
    """
    name, _, rest = text.strip().partition(":")
    return name, {key: _setting(value) for key, value in pairs(rest.split(",") if rest else [], what, example).items()}


def _setting(text: str) -> float | int | str:
    """Return a setting as an int, a float or, if it is no number, the text."""
    value = _value(text)
    return text if value is None else int(value) if value.is_integer() else value


def check_prob(prob: float) -> None:
    """Refuse an option's probability that isn't between 0 and 1."""
    if not 0 < prob < 1:
        raise InputError(f"--prob: between 0 and 1, such as 0.9; not {prob:g}")


def _head(what: str) -> str:
    """Return the beginning of an error, such as "--N: "."""
    return f"{what}: " if what else ""
