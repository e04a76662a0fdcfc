"""The registry of scaling laws."""

from scalebayes.errors import InputError, unknown
from scalebayes.laws.base import Law, Terms
from scalebayes.laws.n_and_d import CHINCHILLA, CHINCHILLA_TIED, KAPLAN, SKALING
from scalebayes.laws.one_scale import OFFSET_POWER, POWER
from scalebayes.laws.published import PRESETS, Preset, published

_REGISTRY: dict[str, Law] = {
    law.name: law for law in (POWER, OFFSET_POWER, CHINCHILLA, CHINCHILLA_TIED, KAPLAN, SKALING)
}

__all__ = ["PRESETS", "Law", "Preset", "Terms", "get", "names", "published"]


def names() -> tuple[str, ...]:
    """The names of the laws in the registry.

    >>> "chinchilla" in names()
    True
    """
    return tuple(_REGISTRY)


def get(law: str | Law) -> Law:
    """A law by its name; a `Law` passes through.

    Raises:
        InputError: no such law; the message lists them and suggests the nearest.

    >>> get("chinchilla").formula
    'E + A/N^alpha + B/D^beta'
    """
    if isinstance(law, Law):
        return law
    if not isinstance(law, str):
        raise InputError(f"a law is a name or a scalebayes.Law, not {type(law).__name__}")
    if law not in _REGISTRY:
        raise unknown("law", law, _REGISTRY)
    return _REGISTRY[law]
