"""This file defines the discrepancy: the true curve is f = law exp(delta), and delta is a Gaussian process.

The process is a sum of components over the logs of the law's inputs (`Discrepancy.components`). Under a noise that is
Normal on the log of the observable it is integrated out exactly.
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
    """A Gaussian process as the departure of the curve from the law, with a prior for each parameter.

    Attributes:
        components: The components that were asked for. Where there are none, the components that suit the law are
            taken.
        params: The `Param` of each parameter, by its name, once the law is known; before, those that the user gave.
    """

    components: tuple[Any, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)

    @property
    def process(self) -> Process:
        """The process of these components, on which a trace depends."""
        return Process(self.components)

    def of(self, inputs: Sequence[str], grouped: bool) -> "Discrepancy":
        """Make the discrepancy for a law.

        Args:
            inputs: The names of the law's inputs.
            grouped: Whether the runs have more than one group.

        Returns:
            A discrepancy with its components and all its parameters.

        Raises:
            InputError: A component needs an input that the law lacks, or a prior is for a parameter that no component
                has.
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
    """The components that suit a law: Matern, with Bend and Drift for N and D, with Offset where there are groups."""
    found: tuple[Any, ...] = (Matern(),)
    if {"N", "D"} <= set(inputs):
        found += (Bend(), Drift())
    return (*found, Offset()) if grouped else found


def GP(*components: Any, **priors: Any) -> Discrepancy:
    """Make a discrepancy that is a Gaussian process.

    The true curve is f = law exp(delta), and delta is the sum of the components.

    Args:
        *components: The components `Matern()`, `Bend()`, `Drift()` and `Offset()`, or their names "matern", "bend",
            "drift" and "offset". By default those that suit the law are taken: Matern, with Bend and Drift where the
            law has N and D, and with Offset where the runs have more than one group.
        **priors: The prior of a parameter, by the parameter's name: a NumPyro distribution, or a number (the parameter
            is fixed there). A parameter that is left out has its default prior.

    Returns:
        The discrepancy, as `discrepancy=` takes it.

    Raises:
        InputError: An argument isn't a component, a component is there twice, or a prior can't be used.

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
"""What `discrepancy=` takes: "gp" for the process that suits the law, a `GP(...)`, or None for no discrepancy."""


def get(discrepancy: Any) -> Discrepancy | None:
    """Find a discrepancy by its name, "gp"; a `GP(...)` or None is returned as it is.

    Raises:
        InputError: The argument is none of these.

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
    """The discrepancy that `record_of` wrote; None where the record is None."""
    if record is None:
        return None
    components = []
    for one in record["components"]:
        settings = {name: tuple(x) if isinstance(x, list) else x for name, x in one.items() if name != "name"}
        components.append(COMPONENTS[one["name"]](**settings))
    params = {name: param_from_record(param) for name, param in record["params"].items()}
    return Discrepancy(tuple(components), MappingProxyType(params))
