"""This file reads numbers as people write them, such as 60M or 2,31, and finds the values that a word can have."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

POINT, COMMA = ".", ","
# Signs between groups of three digits: spaces of every width, and apostrophes. Points and commas are such signs too.
SPACES = " \u00a0\u2007\u2008\u2009\u202f"
APOSTROPHES = "'\u2019"
# The words for a power of ten in lower case, as in 60M and 7 billion. The headers of columns have them too.
SCALES = {
    3: ("k", "thousand", "thousands"),
    6: ("m", "mn", "mln", "mio", "million", "millions"),
    9: ("b", "g", "bn", "bln", "mrd", "billion", "billions"),
    12: ("t", "tn", "trillion", "trillions"),
}
# The power of ten of each suffix.
POWERS = {word: power for power, words in SCALES.items() for word in words}
MILLI_OR_MILLION = "m"
# Characters of a word. A longer word is not read as a number.
LONGEST = 60

BODY = rf"[0-9.,{SPACES}{APOSTROPHES}]*[0-9]"
COUNTED = re.compile(r"(?<=[\w.\s])\s*\b(params?|parameters?|tokens?|flops?)$", re.IGNORECASE)
POWER_OF_TEN = re.compile(
    rf"(?P<sign>[+-]?)(?:(?P<body>{BODY})\s*[×x*·⋅]\s*)?10\s*"
    r"(?:(?:\^|\*\*)\s*(?:(?P<power>[+-]?[0-9]{1,3})|\{(?P<braced>[+-]?[0-9]{1,3})\})|(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))",
    re.IGNORECASE,
)
NUMERAL = re.compile(
    rf"(?P<sign>[+-]?)(?P<body>{BODY})\s*(?:(?P<percent>%)|[e](?P<power>[+-]?[0-9]{{1,3}})|(?P<suffix>[a-z]+)\.?)?",
    re.IGNORECASE,
)
RAISED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


def digits(decimal: str) -> re.Pattern[str]:
    """The pattern of digits in a table's cell with this decimal mark, with or without groups of three."""
    other = COMMA if decimal == POINT else POINT
    signs = f"[{other}{SPACES}{APOSTROPHES}]"
    grouped = rf"[1-9][0-9]{{0,2}}(?P<sign>{signs})[0-9]{{3}}(?:(?P=sign)[0-9]{{3}})*"
    return re.compile(rf"(?P<whole>{grouped}|[0-9]+|(?=[{decimal}]))(?:[{decimal}](?P<part>[0-9]+))?")


DIGITS = {mark: digits(mark) for mark in (POINT, COMMA)}


@dataclass(frozen=True)
class Spelled:
    """The values that a word can have.

    Attributes:
        point: The value if the decimal mark is a point; None if the word is no number then.

        comma: The value if the decimal mark is a comma; None if the word is no number then.

        kind: How the number is written: "percent", "power", "suffix", "m" (the suffix for a million or a thousandth)
            or "digits". The default is "digits".
    """

    point: float | None
    comma: float | None
    kind: str = "digits"

    @property
    def doubtful(self) -> bool:
        """Whether the two marks give different numbers, as in 1,234 and in 1.234."""
        return None not in (self.point, self.comma) and self.point != self.comma

    @property
    def mark(self) -> str:
        """The only decimal mark with which the word is a number; blank if both are possible."""
        if self.point is None:
            return COMMA
        return POINT if self.comma is None else ""

    @property
    def value(self) -> float | None:
        """The number; None if the word has two readings."""
        if self.doubtful:
            return None
        return self.comma if self.point is None else self.point


def spelled(word: str) -> Spelled | None:
    """The values that a word in a table's cell can have as a number; None if it is no number.

    >>> [spelled(word).value for word in ("60M", "1.5 billion", "45.2%", "60'000'000", "1.2×10^9", "2,31", "1.234,5")]
    [60000000.0, 1500000000.0, 0.452, 60000000.0, 1200000000.0, 2.31, 1234.5]
    >>> spelled("1,234")
    Spelled(point=1234.0, comma=1.234, kind='digits')
    >>> [spelled(word) for word in ("7b-v2", "1_2", "8x7B", "2,3,1", "~70B")]
    [None, None, None, None, None]
    """
    word = word.strip().replace("\u2212", "-")
    if not word or len(word) > LONGEST:
        return None
    word = COUNTED.sub("", word)
    if match := POWER_OF_TEN.fullmatch(word):
        power = match["power"] or match["braced"] or match["raised"].translate(RAISED)
        return _read(match["sign"], match["body"] or "1", int(power), "power", scientific=True)
    match = NUMERAL.fullmatch(word)
    if not match:
        return None
    if match["power"]:
        return _read(match["sign"], match["body"], int(match["power"]), "digits", scientific=True)
    if match["percent"]:
        return _read(match["sign"], match["body"], -2, "percent")
    if match["suffix"]:
        power = POWERS.get(match["suffix"].lower())
        kind = "m" if match["suffix"] == MILLI_OR_MILLION else "suffix"
        return None if power is None else _read(match["sign"], match["body"], power, kind)
    return _read(match["sign"], match["body"], 0, "digits")


def _read(sign: str, body: str, power: int, kind: str, scientific: bool = False) -> Spelled | None:
    values = [_value(sign, body, power, mark, scientific) for mark in (POINT, COMMA)]
    return None if values == [None, None] else Spelled(values[0], values[1], kind)


def _value(sign: str, body: str, power: int, mark: str, scientific: bool) -> float | None:
    """The number with one decimal mark; None if there is none. Digits before an exponent may not be in groups."""
    match = DIGITS[mark].fullmatch(body)
    if not match or (scientific and match["sign"]):
        return None
    whole = re.sub(r"[^0-9]", "", match["whole"])
    value = float(f"{sign}{whole or '0'}.{match['part'] or '0'}e{power}")
    return value if math.isfinite(value) else None


def brief(value: float) -> str:
    """A number read from a cell as short text with all of its digits.

    >>> brief(6e7), brief(1.234), brief(124000.0), brief(0.402), brief(-1.4e12)
    ('6e7', '1.234', '124000', '0.402', '-1.4e12')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:.12f}".rstrip("0").rstrip(".")
    mantissa, _, power = f"{value:.15e}".partition("e")
    digits = repr(float(mantissa)) if float(f"{float(mantissa)!r}e{power}") == value else mantissa
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}e{int(power)}"
