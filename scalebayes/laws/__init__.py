"""This folder has the scaling laws; this file is the registry that finds them by name."""

from collections.abc import Callable
from typing import Any

from scalebayes.errors import InputError, unknown
from scalebayes.laws import architecture, changing_exponents, data, downstream, mixtures, n_and_d, one_scale, schedules
from scalebayes.laws import end_of_runs as anchored
from scalebayes.laws.law import Law, Terms
from scalebayes.laws.published import FRONTIERS, PRESETS, Frontier, Preset, published

# Each file lists its laws. A law with settings is listed as the function that makes it.
_GROUPS: dict[str, dict[str, Law | Callable[..., Law]]] = {
    "One scale": one_scale.LAWS,
    "N and D": {**n_and_d.LAWS, **changing_exponents.LAWS},
    "From the end of the runs": anchored.LAWS,
    "Data": {**data.LAWS, **mixtures.LAWS},
    "Architecture, precision, distillation": architecture.LAWS,
    "Schedules and hyper-parameters": schedules.LAWS,
    "Downstream and inference": downstream.LAWS,
}
_REGISTRY = {name: law for group in _GROUPS.values() for name, law in group.items()}
GROUPS = {group: tuple(members) for group, members in _GROUPS.items()}

__all__ = ["FRONTIERS", "GROUPS", "PRESETS", "Frontier", "Law", "Preset", "Terms", "get", "names", "published"]


def names() -> tuple[str, ...]:
    """List the names of the laws in the registry.

    Returns:
        The names, in the order of the page of all laws.

    >>> "chinchilla" in names()
    True
    """
    return tuple(_REGISTRY)


def get(law: str | Law, **settings: Any) -> Law:
    """Find a law by its name.

    Args:
        law: The name of a law, or a `Law`, which is returned as it is.
        **settings: The settings of a law that has some, such as `breaks=2` of "broken_power". A setting that is left
            out has its default.

    Returns:
        The law.

    Raises:
        InputError: There is no such law or setting (the message lists the valid ones and names the nearest), or
            settings are given together with a `Law`.

    >>> get("chinchilla").formula
    'E + A/N^alpha + B/D^beta'
    >>> list(get("broken_power", breaks=2).params)
    ['A', 'c0', 'c1', 'f1', 'd1', 'c2', 'f2', 'gap2', 'E']
    """
    if isinstance(law, Law):
        if settings:
            raise InputError(
                f"law {law.name!r} is a finished Law, which takes no settings; give {', '.join(settings)} with a name"
            )
        return law
    if not isinstance(law, str):
        raise InputError(f"a law is a name or a scalebayes.Law, not {type(law).__name__}")
    if law not in _REGISTRY:
        raise unknown("law", law, _REGISTRY)
    registered = _REGISTRY[law]
    if not isinstance(registered, Law):
        return registered(**settings)
    if settings:
        raise InputError(f"law {law!r} has no settings, and {', '.join(settings)} is given; use law={law!r}")
    return registered
