"""Turns what was typed into the arguments of a fit: laws, noises, methods, discrepancies, windows and priors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scalebayes.cli.complete import parts
from scalebayes.cli.options import Model
from scalebayes.cli.parse import named, number, pairs
from scalebayes.errors import InputError, unknown

Named = tuple[str, dict[str, Any]]  # a name and its settings
POSITIVE = (0.0, float("inf"))
ANY = (-float("inf"), float("inf"))


def law_typed(text: str) -> Named:
    """Return the name and the settings of a law that was typed."""
    return named(text, "--law", "broken_power:breaks=2")


def law_of(text: str) -> Any:
    """Return a law of the registry.

    Raises:
        InputError: There is no such law, or it has no such setting.
    """
    import scalebayes as sb

    name, settings = law_typed(text)
    return sb.laws.get(name, **settings)


@dataclass(frozen=True)
class Typed:
    """The settings of a fit as typed, parsed but not yet looked up, so that nothing slow is imported yet."""

    noise: Named | None
    method: Named
    inputs: Mapping[str, str]
    fixed: Mapping[str, float]
    priors: str | None

    def noise_of(self, law: Any, departure: Any = None) -> Any:
        """Return the noise that was typed, or else the law's own noise for a fit with this discrepancy."""
        import scalebayes as sb
        from scalebayes.fitting.spec import noise_of

        if self.noise is None:
            return sb.noises.get(noise_of(law, departure))
        return sb.noises.get(*self.noise)

    def method_of(self, default: Any = None) -> Any:
        """Return the method with the settings that were typed.

        Args:
            default: A method whose settings replace the usual defaults if it has the same name; the default is None.

        Returns:
            The method.
        """
        return method_of(*self.method, default)

    def inputs_of(self, law: Any) -> dict[str, str]:
        """Return input -> column for those of the typed inputs that the law has."""
        return {name: column for name, column in self.inputs.items() if name in law.inputs}

    def priors_of(self, *params: Mapping[str, Any]) -> Any:
        """Return what `fit` takes as priors: flat ones for the parameters that no law fixes, and fixed numbers."""
        if self.priors is None or not self.fixed:
            return self.priors or dict(self.fixed) or None
        held = {name for each in params for name, param in each.items() if param.fixed}
        return {**{name: "flat" for each in params for name in each if name not in held}, **self.fixed}

    def of_one(self, *params: Mapping[str, Any]) -> Any:
        """Return `priors_of` for one of several laws, without the fixed parameters that this law lacks."""
        own = {name: x for name, x in self.fixed.items() if any(name in each for each in params)}
        return replace(self, fixed=own).priors_of(*params)

    def check(self, inputs: Sequence[str], params: Sequence[str]) -> None:
        """Refuse an input or a fixed parameter that none of several laws has.

        Args:
            inputs: The inputs of all the laws.

            params: The parameters of all the laws, their noises and discrepancies.

        Raises:
            InputError: No law has an input or a parameter that was typed.
        """
        for name in self.inputs:
            if name not in inputs:
                raise unknown("input", name, dict.fromkeys(inputs))
        for name in self.fixed:
            if name not in params:
                raise unknown("parameter in --fix", name, dict.fromkeys(params))


def typed(model: Model, method: str, priors: str | None = None) -> Typed:
    """Parse the settings that every command with a fit has.

    Raises:
        InputError: An option isn't written as it should be.
    """
    if priors not in (None, "flat"):
        raise unknown("--priors", str(priors), ["flat"])
    fixed = {
        name: number(text, f"--fix {name}", "0.35 or 70e9")
        for name, text in pairs(model.fix or (), "--fix", "alpha=0.35").items()
    }
    return Typed(
        named(model.noise, "--noise", "huber:delta=1e-3,scale=1") if model.noise else None,
        named(method, "--method", "nuts:draws=4000"),
        pairs(model.inputs or (), "--input", "x=C"),
        fixed,
        priors,
    )


def method_of(name: str, settings: Mapping[str, Any], default: Any = None) -> Any:
    """Return a method with the settings that were typed, including those of its search.

    Args:
        name: The name of the method.

        settings: The settings of the method and of its search that were typed.

        default: A method whose settings replace the usual defaults if it has the same name; the default is None.

    Returns:
        The method.

    Raises:
        InputError: There is no such method or setting, or the value of a setting can't be used.
    """
    from scalebayes import infer

    method = default if default is not None and default.name == name else infer.get(name)
    own = {one.name: getattr(method, one.name) for one in fields(method) if one.name not in ("search", "fallback")}
    defaults = own | asdict(method.search)
    for key, value in settings.items():
        if key not in defaults:
            raise unknown(f"setting of method '{name}'", key, defaults)
        whole = isinstance(defaults[key], int)
        none = key in ("rounds", "lbfgs_steps") and value == 0
        if isinstance(value, str) or (whole and not isinstance(value, int)) or (value <= 0 and not none):
            raise InputError(f"--method: {key} is a positive {'whole ' if whole else ''}number, not '{value}'")
    search = replace(method.search, **{key: value for key, value in settings.items() if key not in own})
    return replace(method, **{key: value for key, value in settings.items() if key in own}, search=search)


def discrepancy_of(text: str | None) -> Any:
    """Return what `fit` takes as a discrepancy: None, "gp", or a process of the parts that were typed.

    Raises:
        InputError: There is no such part.
    """
    if text in (None, "none", "gp"):
        return None if text == "none" else text
    import scalebayes as sb

    words = [part.strip() for part in str(text).split(",")]
    for word in words:
        if word not in parts():
            raise unknown("--discrepancy", word, ["none", "gp", *parts()])
    return sb.GP(*words)


def window_of(window: str | None) -> Any:
    """Return what `fit` takes as a window."""
    from scalebayes.runs.window import Window

    return window if window in (None, "auto") else Window(number(window, "--window", "2, or auto"))


def range_of(law: Any) -> tuple[float, float]:
    """Return the range in which a table's observable is read: positive, or any number, which `fit` then checks."""
    return law.range if law.range == POSITIVE else ANY
