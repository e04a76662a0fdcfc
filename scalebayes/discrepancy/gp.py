"""Discrepancy: how the true curve may depart from the law, f = law exp(delta), delta a Gaussian process.

The process is a sum of components over the logs of the law's inputs (`components`). A Normal noise on the log lets it
be integrated out exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from scalebayes.discrepancy.kernels import COMPONENTS, Bend, Drift, Matern, Offset
from scalebayes.discrepancy.process import Process
from scalebayes.errors import InputError, listed, unknown
from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import param_from_record, param_record, replaced


@dataclass(frozen=True)
class Discrepancy:
    """A Gaussian process as the departure from the law, with a prior a parameter.

    Attributes:
        components: as they were asked for; empty for those that suit the law. params: name -> `Param`, once the law
            is known.
    """

    components: tuple[Any, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)

    @property
    def process(self) -> Process:
        """What a trace depends on."""
        return Process(self.components)

    def of(self, inputs: Sequence[str], grouped: bool) -> "Discrepancy":
        """The discrepancy for a law of these inputs; `grouped` where the runs have more than one group.

        Raises:
            InputError: a component needs an input that the law lacks.
        """
        components = self.components or suited(inputs, grouped)
        chosen = tuple(one.of(inputs) for one in components)
        params = {name: param for one in chosen for name, param in one.params().items()}
        for name, param in self.params.items():
            if name not in params:
                raise unknown("parameter of the discrepancy", name, params)
            params[name] = replaced(name, params[name], param)
        return replace(self, components=chosen, params=MappingProxyType(params))

    def __repr__(self) -> str:
        return f"GP({', '.join(one.name for one in self.components)})"


def suited(inputs: Sequence[str], grouped: bool) -> tuple[Any, ...]:
    """The components by default: those of CALIBRATION, for one input and for N and D."""
    found: tuple[Any, ...] = (Matern(),)
    if {"N", "D"} <= set(inputs):
        found += (Bend(), Drift())
    return (*found, Offset()) if grouped else found


def GP(*components: Any, **priors: Any) -> Discrepancy:
    """A Gaussian process as discrepancy.

    Args:
        components: `Matern()`, `Bend()`, `Drift()`, `Offset()`, or their names; by default those that suit the law:
            Matern for one input, Matern, Bend and Drift for N and D, and Offset where the runs have groups.
        **priors: parameter -> NumPyro distribution, or number (fixed).

    Raises:
        InputError: not a component, the same one twice, or a prior that can't be used.

    >>> GP("matern", "drift", drift_scale=0.01)
    GP(matern, drift)
    """
    chosen = []
    for one in components:
        if isinstance(one, str):
            if one not in COMPONENTS:
                raise unknown("component", one, COMPONENTS)
            one = COMPONENTS[one]()
        if not isinstance(one, tuple(COMPONENTS.values())):
            raise InputError(f"GP takes components ({listed(COMPONENTS)}) or their names, not {one!r}")
        chosen.append(one)
    names = [one.name for one in chosen]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InputError(f"GP: the component {listed(twice)} is there twice; leave one out")
    params = {name: prior if isinstance(prior, Param) else Param(prior, "") for name, prior in priors.items()}
    return Discrepancy(tuple(chosen), MappingProxyType(params))


Departure = Discrepancy | Literal["gp"] | None
"""What `discrepancy=` takes: "gp" for the process that suits the law, `GP(...)`, or None for none."""


def get(discrepancy: Any) -> Discrepancy | None:
    """A discrepancy by its name, "gp"; a `GP(...)` or None passes through.

    Raises:
        InputError: neither.

    >>> get("gp"), get(None)
    (GP(), None)
    """
    if discrepancy is None or isinstance(discrepancy, Discrepancy):
        return discrepancy
    if discrepancy == "gp":
        return GP()
    raise InputError(f"discrepancy is 'gp', sb.GP(...) or None, not {discrepancy!r}")


def record_of(discrepancy: Discrepancy) -> dict[str, Any]:
    """A discrepancy as JSON data.

    >>> record_of(GP("drift").of(["x"], False))["components"]
    [{'name': 'drift'}]
    """
    return {
        "components": [{"name": one.name, **asdict(one)} for one in discrepancy.components],
        "params": {name: param_record(param) for name, param in discrepancy.params.items()},
    }


def from_record(record: Mapping[str, Any] | None) -> Discrepancy | None:
    """The discrepancy that `record_of` wrote; None for none."""
    if record is None:
        return None
    components = []
    for one in record["components"]:
        settings = {name: tuple(x) if isinstance(x, list) else x for name, x in one.items() if name != "name"}
        components.append(COMPONENTS[one["name"]](**settings))
    params = {name: param_from_record(param) for name, param in record["params"].items()}
    return Discrepancy(tuple(components), MappingProxyType(params))
