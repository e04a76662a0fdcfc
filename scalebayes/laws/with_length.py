"""This file has the decorator for the function that makes a law with a list inside, such as one with several breaks."""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from numbers import Integral
from typing import Any

from scalebayes.errors import InputError, unknown
from scalebayes.laws.law import Law


def with_length(least: int, most: int) -> Callable[[Callable[[int], Law]], Callable[..., Law]]:
    """A decorator for the maker of a law with a list inside: it checks the list's length and makes each law once.

    A law that is made once has one function, so that a second fit of it compiles nothing.
    """

    def decorate(make: Callable[[int], Law]) -> Callable[..., Law]:
        setting, parameter = next(iter(inspect.signature(make).parameters.items()))
        made = cache(make)

        @wraps(make)
        def checked(**settings: Any) -> Law:
            for name in settings:
                if name != setting:
                    raise unknown(f"setting of law {make.__name__!r}", name, [setting])
            length = settings.get(setting, parameter.default)
            if isinstance(length, bool) or not isinstance(length, Integral) or not least <= int(length) <= most:
                raise InputError(
                    f"law {make.__name__!r}: {setting} is a whole number from {least} to {most}, not {length!r}"
                )
            return made(int(length))

        return checked

    return decorate
