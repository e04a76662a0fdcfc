"""Completes names in a shell: of laws, noises, methods, parts of a discrepancy, and data sets."""

from collections.abc import Iterable

RECOMMENDED = "recommended"


def laws(incomplete: str) -> list[str]:
    """Return the names of laws that begin with the text typed so far."""
    from scalebayes.laws import names

    return _begun(names(), incomplete)


def laws_and_recommended(incomplete: str) -> list[str]:
    """Return the names of laws, and "recommended", that begin with the text typed so far."""
    from scalebayes.laws import names

    return _begun((RECOMMENDED, *names()), incomplete)


def noises(incomplete: str) -> list[str]:
    """Return the names of noises that begin with the text typed so far."""
    from scalebayes.noise.families import names

    return _begun(names(), incomplete)


def methods(incomplete: str) -> list[str]:
    """Return the names of methods that begin with the text typed so far."""
    from scalebayes.infer import METHODS

    return _begun(METHODS, incomplete)


def discrepancies(incomplete: str) -> list[str]:
    """Return "none", "gp" and parts that begin with the text, or, after a comma, the list completed by one part."""
    before, comma, last = incomplete.rpartition(",")
    words = parts() if comma else ("none", "gp", *parts())
    return [f"{before}{comma}{word}" for word in _begun(words, last)]


def parts() -> tuple[str, ...]:
    """Return the names of the parts of a discrepancy that can be typed."""
    from scalebayes.discrepancy.kernels import COMPONENTS

    return tuple(COMPONENTS)


def datasets(incomplete: str) -> list[str]:
    """Return the names of data sets that begin with the text typed so far."""
    from scalebayes.datasets import names

    return _begun(names(), incomplete)


def _begun(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin with the text typed so far."""
    return [word for word in words if word.startswith(incomplete)]
