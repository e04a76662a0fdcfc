"""What a shell completes: names of laws, noises, methods, parts of a discrepancy, and data sets."""

from collections.abc import Iterable

RECOMMENDED = "recommended"


def laws(incomplete: str) -> list[str]:
    """Names of laws that begin so."""
    from scalebayes.laws import names

    return _begun(names(), incomplete)


def laws_and_recommended(incomplete: str) -> list[str]:
    """Names of laws, and "recommended", that begin so."""
    from scalebayes.laws import names

    return _begun((RECOMMENDED, *names()), incomplete)


def noises(incomplete: str) -> list[str]:
    """Names of noises that begin so."""
    from scalebayes.noise.noise import names

    return _begun(names(), incomplete)


def methods(incomplete: str) -> list[str]:
    """Names of methods that begin so."""
    from scalebayes.infer import METHODS

    return _begun(METHODS, incomplete)


def discrepancies(incomplete: str) -> list[str]:
    """none, gp, or the part after the last comma of a list of parts."""
    before, comma, last = incomplete.rpartition(",")
    words = parts() if comma else ("none", "gp", *parts())
    return [f"{before}{comma}{word}" for word in _begun(words, last)]


def parts() -> tuple[str, ...]:
    """The parts that a discrepancy has."""
    from scalebayes.discrepancy.kernels import COMPONENTS

    return tuple(COMPONENTS)


def datasets(incomplete: str) -> list[str]:
    """Names of data sets that begin so."""
    from scalebayes.datasets import names

    return _begun(names(), incomplete)


def _begun(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
