"""This file reads the unit in a header such as 'Model Size (M)', 'tokens_B', 'FLOPs (1e21)' or 'Compute (PF-days)'."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scalebayes.runs.name_words import LONGEST
from scalebayes.runs.reading.spelling import POWERS, SCALES

# More words for a power of ten that headers have. Behind a number some of them mean something else, as in 5 mm.
IN_HEADERS = {
    3: ("kilo", "000", "000s", "1000", "1000s"),
    6: ("mm", "mil", "mill", "mega"),
    9: ("bil", "bill", "giga"),
    12: ("tr", "tera"),
}
# The SI prefixes by the power of ten.
PREFIXES = {
    **{3: ("k", "kilo"), 6: ("m", "mega"), 9: ("g", "giga"), 12: ("t", "tera")},
    **{15: ("p", "peta"), 18: ("e", "exa"), 21: ("z", "zetta")},
}


def any_of(words: Mapping[int, Sequence[str]]) -> str:
    """The pattern of any word in a table's header for a power of ten. The group `e6` matches the words for millions."""
    return "|".join(f"(?P<e{power}>{'|'.join(names)})" for power, names in words.items())


SCALE = re.compile(any_of({power: (*words, *IN_HEADERS[power]) for power, words in SCALES.items()}), re.IGNORECASE)
PREFIX = any_of(PREFIXES)
# A power of ten such as 1e21, 10^21, 10**21 or 10²¹, with or without a multiplication sign before it.
POWER = re.compile(
    r"(?:[x×*·]\s*)?(?:1(?:\.0+)?\s*[eE]\s*\+?0*(\d+)|10\s*(?:\^|\*\*)\s*\{?\+?(\d+)\}?|10([⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
)
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
NOUN = r"(?:params?|parameters?|weights|tokens?|toks?|flops?|flos)"
# Seconds in the times of units such as FLOP/s-days, which are numbers of FLOPs.
TIMES = {"day": 86400.0, "hour": 3600.0, "hr": 3600.0, "year": 365.25 * 86400.0}
SUSTAINED = re.compile(
    rf"(?:{PREFIX})?[\s_-]*(?:flops?|f)?(?:\s*/\s*s(?:ec)?|[\s_]?ps|[\s_-]s|s)?[\s_*·.-]*(?P<time>day|hour|hr|year)s?",
    re.IGNORECASE,
)
FLOPS = re.compile(rf"(?<![a-z])(?:{PREFIX})[\s_-]?(?:flops?|flos)(?![a-z]|[\s_]*(?:/|per|ps))", re.IGNORECASE)
RATES = ("tflops", "gflops", "mflops", "kflops")  # names of columns that hold FLOPs per second of a machine
# How a header may write "per" in the unit of a loss, and the name of each unit of a loss.
PER = r"\s*(?:/|per|_per_|a)\s*"
LOSS_UNITS = {
    rf"nats?{PER}tok(?:en)?s?": "nats/token",
    rf"nats?{PER}byte": "nats/byte",
    rf"nats?{PER}char(?:acter)?": "nats/char",
    r"nats?": "nats",
    rf"bits?{PER}byte|bpb": "bits/byte",
    rf"bits?{PER}char(?:acter)?|bpc": "bits/char",
    rf"bits?{PER}tok(?:en)?s?|bpt": "bits/token",
    r"bits?": "bits",
}
PER_CENT = "%"


@dataclass(frozen=True)
class Header:
    """One way to read a header, as a name and a unit.

    Attributes:
        name: The name without the unit.

        factor: The number that each cell is multiplied with. The default is 1.0.

        unit: The unit of a loss, or "%". The default is "", for none.

        explicit: Whether the unit stands in brackets, or behind "in", a comma or a slash, so that it is no part of the
            name. The default is False.

        said: The unit as the header writes it. The default is "".
    """

    name: str
    factor: float = 1.0
    unit: str = ""
    explicit: bool = False
    said: str = ""

    @property
    def of_an_observable(self) -> bool:
        """Whether an observable can have the unit: a unit of a loss, per cent, or a clear power of ten."""
        return bool(self.unit) or self.multiplies

    @property
    def multiplies(self) -> bool:
        """Whether the unit is clearly a power of ten, as in (x1000) or (millions), but not in (t) or loss_b."""
        plain = self.explicit or self.said[:1] in "x×*·"
        return plain and self.factor > 1.0 and bool(re.search(r"\d|[a-z]{3}", self.said, re.IGNORECASE))


def headers(column: str) -> Iterator[Header]:
    """The ways to read a table's header as a name and a unit. The first way is the whole header as the name.

    >>> [(h.name, h.factor, h.unit) for h in headers("Model Size (M)")]
    [('Model Size (M)', 1.0, ''), ('Model Size', 1000000.0, '')]
    >>> [(h.name, h.factor, h.unit) for h in headers("loss [bits/byte]")][-1]
    ('loss', 1.0, 'bits/byte')
    """
    column = column.strip()
    yield Header(column)
    if len(column) > LONGEST:
        return
    for match in re.finditer(r"[(\[{]([^()\[\]{}]*)[)\]}]", column):
        rest = f"{column[: match.start()].rstrip(' _')} {column[match.end() :].lstrip(' _')}".strip()
        parts = [part.strip() for part in re.split(r";|,(?!\d{3})", match[1])]
        for i, part in enumerate(parts):
            if (measured := measure(part)) is not None:
                others = " ".join([rest, *parts[:i], *parts[i + 1 :]])
                yield Header(others.strip(), *measured, explicit=True, said=part)
    for pattern in (r"(.+?)\s*[,:]\s*(?:in\s+)?(.+)", r"(.+?)[\s_-]+in[\s_-]+(.+)", r"(.+?)\s*([/÷×*]\s*\S+)"):
        if (match := re.fullmatch(pattern, column, re.IGNORECASE)) is None:
            continue
        word = match[2].lstrip("/÷ ") if match[2][0] in "/÷" and POWER.fullmatch(match[2][1:].strip()) else match[2]
        if (measured := measure(word.replace("_", " "))) is not None:
            yield Header(match[1], *measured, explicit=True, said=word)
    # These are headers such as params_M, tokens B and loss_nats. In D_t the small letter may be an index.
    for match in re.finditer(r"[\s_.-]+", column):
        name, word = column[: match.start()], column[match.end() :]
        index = len(name) == 1 and len(word) == 1 and word.islower()
        if name and word and not index and (measured := measure(word.replace("_", " "))) is not None:
            yield Header(name, *measured, said=word)
    # These are headers such as M params, billions of tokens and Gtokens.
    if match := re.fullmatch(rf"(?P<scale>{SCALE.pattern})[\s_-]+(?:of[\s_-]+)?(?P<name>.+)", column, re.IGNORECASE):
        yield Header(match["name"], _power(match))
    if match := re.fullmatch(rf"(?P<scale>[KMBGT])(?P<name>{NOUN})", column):
        yield Header(match["name"], _letter(match["scale"]))
    if match := re.fullmatch(rf"(?P<name>\S*{NOUN})(?P<scale>[KMBGT])", column):
        yield Header(match["name"], _letter(match["scale"]))
    if SUSTAINED.fullmatch(column) and (measured := measure(column)) is not None:
        yield Header("compute", *measured)
    if column.lower() not in RATES and (match := FLOPS.search(column)):
        yield Header(f"{column[: match.start()]}flops{column[match.end() :]}", _power(match))


def measure(text: str) -> tuple[float, str] | None:
    """The factor and the unit of a loss that a text in a table's header means; None if the text is no unit.

    >>> measure("M"), measure("10^21 FLOPs"), measure("PF-days"), measure("bits per byte"), measure("wide")
    ((1000000.0, ''), (1e+21, ''), (8.64e+19, ''), (1.0, 'bits/byte'), None)
    """
    text = " ".join(text.split())
    if text.lower() in ("%", "percent", "per cent", "pct"):
        return 0.01, PER_CENT
    for pattern, unit in LOSS_UNITS.items():
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return 1.0, unit
    # A noun may follow the power of ten, as in M params, 1e21 FLOPs and billions of tokens.
    bare = re.sub(rf"(?<=[\d\s⁰¹²³⁴⁵⁶⁷⁸⁹])\s*(?:of\s+)?{NOUN}$", "", text, flags=re.IGNORECASE).strip()
    bare = re.sub(r"^in\s+", "", bare, flags=re.IGNORECASE)
    if match := SCALE.fullmatch(bare):
        return _power(match), ""
    if match := POWER.fullmatch(bare):
        power = int(next(filter(None, match.groups())).translate(SUPERSCRIPTS))
        return (10.0**power, "") if power <= 30 else None
    if match := re.fullmatch(r"[x×*·]?\s*(1(?:,?000){1,8})", bare):
        return float(match[1].replace(",", "")), ""
    if match := FLOPS.fullmatch(text):
        return _power(match), ""
    if match := re.fullmatch(rf"([KMBGT])\s?{NOUN}", text):
        return _letter(match[1]), ""
    if (match := SUSTAINED.fullmatch(text)) and re.match(r"[a-z]*f", text, re.IGNORECASE):
        return _power(match) * TIMES[match["time"].lower()], ""
    return (1.0, "") if re.fullmatch(NOUN, text, re.IGNORECASE) else None


def _letter(scale: str) -> float:
    return 10.0 ** POWERS[scale.lower()]


def _power(match: re.Match[str]) -> float:
    powers = [int(name[1:]) for name, text in match.groupdict().items() if re.fullmatch(r"e\d+", name) and text]
    return 10.0 ** powers[0] if powers else 1.0


def factor_text(factor: float) -> str:
    """The factor of a column's unit as short text, as in a `units` to type.

    >>> factor_text(1e6), factor_text(8.64e19), factor_text(0.01)
    ('1e6', '8.64e19', '0.01')
    """
    if 1e-3 <= factor < 1e3:
        return f"{factor:g}"
    power = math.floor(math.log10(factor) + 1e-12)
    return f"{factor / 10.0**power:.6g}e{power}"
