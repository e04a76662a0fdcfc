"""This file writes numbers, and names that are too long, as short text."""

import math

LONGEST_NAME = 24  # characters of a name; where there is no room, a longer one is cut in the middle


def figure(value: float, digits: int = 4) -> str:
    """A number as results show it, with `digits` significant digits; a dash for NaN.

    >>> figure(1.97085), figure(1952.3), figure(0.004465, 3), figure(5.76e23, 3), figure(float("nan"))
    ('1.971', '1952', '0.00447', '5.76e23', '-')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else f"{value}"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if value and not -4 <= int(power) < 5:
        return f"{mantissa}e{int(power)}"
    return f"{value:.{max(digits - 1 - int(power), 0)}f}"


def as_typed(value: float) -> str:
    """A number as results show it, with up to six significant digits and no zeros at its end; a dash for NaN.

    >>> as_typed(5.76e23), as_typed(1200.0), as_typed(0.25), as_typed(float("nan"))
    ('5.76e23', '1200', '0.25', '-')
    """
    if math.isnan(value):
        return "-"
    mantissa, _, power = f"{value:.6g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa


def is_short(value: float) -> bool:
    """Whether the text of `as_typed` has exactly the value of the number; True if it is not finite.

    >>> is_short(5.76e23), is_short(1 / 3), is_short(float("nan"))
    (True, False, True)
    """
    return not math.isfinite(value) or float(f"{value:.6g}") == value


def digits(median: float, lower: float, upper: float) -> int:
    """The number of digits that are shown of a number with an interval, 3 to 5: down to the second one of its width.

    >>> digits(1.9708, 1.9587, 1.9836), digits(476.1, 370.6, 614.2)
    (4, 3)
    """
    width = upper - lower
    if not (math.isfinite(width) and width > 0 and median):
        return 4
    return min(max(_power(median) - _power(width) + 2, 3), 5)


def _power(value: float) -> int:
    """The power of ten of a number's first digit."""
    return math.floor(math.log10(abs(value)))


# Suffixes of counts, and the count that each stands for, the largest first.
SUFFIXES = {"T": 1e12, "B": 1e9, "M": 1e6, "K": 1e3}


def counted(value: float) -> str:
    """A count of parameters or tokens as the field writes it, with three significant digits at most.

    From 10^15 on there is no suffix that everyone knows, and the count is written as a power of ten.

    >>> [counted(x) for x in (70e9, 1.4e12, 999.9e6, 4.4e7, 350.0, 0.5, 2e15, float("nan"))]
    ['70B', '1.4T', '1B', '44M', '350', '0.5', '2e15', '-']
    """
    rounded = float(f"{value:.3g}")
    if not 1e3 <= abs(rounded) < 1e15:
        return as_typed(rounded)
    suffix, unit = next((text, size) for text, size in SUFFIXES.items() if abs(rounded) >= size)
    return f"{rounded / unit:.3g}{suffix}" if rounded / unit < 999.5 else f"{rounded / unit:.0f}{suffix}"


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name that is cut in the middle where it is longer than `most` characters.

    >>> shortened("chinchilla"), shortened("a_sweep_over_learning_rates_2025", 16)
    ('chinchilla', 'a_sweep...s_2025')
    """
    tail = (most - 3) // 2
    return name if len(name) <= most else f"{name[: most - 3 - tail]}...{name[-tail:]}"
