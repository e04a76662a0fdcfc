"""The registry of scaling laws."""

from collections.abc import Callable
from typing import Any

from scalebayes.errors import InputError, unknown
from scalebayes.laws import architecture, data, downstream, n_and_d, one_scale, schedules
from scalebayes.laws import end_of_runs as anchored
from scalebayes.laws.law import Law, Terms
from scalebayes.laws.published import PRESETS, Preset, published

# A law with settings is a function that makes it; each file of a group lists its own.
_GROUPS: dict[str, dict[str, Law | Callable[..., Law]]] = {
    "One scale": one_scale.LAWS,
    "N and D": n_and_d.LAWS,
    "From the end of the runs": anchored.LAWS,
    "Data": data.LAWS,
    "Architecture, precision, distillation": architecture.LAWS,
    "Schedules and hyper-parameters": schedules.LAWS,
    "Downstream and inference": downstream.LAWS,
}
_REGISTRY = {name: law for group in _GROUPS.values() for name, law in group.items()}
GROUPS = {group: tuple(members) for group, members in _GROUPS.items()}

__all__ = ["GROUPS", "PRESETS", "Law", "Preset", "Terms", "get", "names", "published"]


def names() -> tuple[str, ...]:
    """The names of the laws in the registry.

    >>> "chinchilla" in names()
    True
    """
    return tuple(_REGISTRY)


def get(law: str | Law, **settings: Any) -> Law:
    """A law by its name, with its settings where it has some; a `Law` passes through.

    Raises:
        InputError: no such law or setting, with the valid ones and the nearest; settings beside a `Law`.

    >>> get("chinchilla").formula
    'E + A/N^alpha + B/D^beta'
    >>> list(get("broken_power", breaks=2).params)
    ['A', 'c0', 'c1', 'f1', 'd1', 'c2', 'f2', 'gap2', 'E']
    """
    if isinstance(law, Law):
        if settings:
            raise InputError(
                f"law {law.name!r} is made already: {', '.join(settings)} goes with a name, not with a Law"
            )
        return law
    if not isinstance(law, str):
        raise InputError(f"a law is a name or a scalebayes.Law, not {type(law).__name__}")
    if law not in _REGISTRY:
        raise unknown("law", law, _REGISTRY)
    found = _REGISTRY[law]
    if not isinstance(found, Law):
        return found(**settings)
    if settings:
        raise InputError(f"law {law!r} has no settings, and {', '.join(settings)} is given; use law={law!r}")
    return found
