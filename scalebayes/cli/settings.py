"""What a fit is made with, from what was typed: laws, noises, methods, discrepancies, windows and priors."""

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
    """A law as it is typed: its name, and its settings."""
    return named(text, "--law", "broken_power:breaks=2")


def law_of(text: str) -> Any:
    """A law of the registry.

    Raises:
        InputError: no such law, or it has no such setting.
    """
    import scalebayes as sb

    name, settings = law_typed(text)
    return sb.laws.get(name, **settings)


@dataclass(frozen=True)
class Typed:
    """The settings of a fit that were typed, read and not yet looked up, so that nothing heavy is imported for it."""

    noise: Named | None
    method: Named
    inputs: Mapping[str, str]
    fixed: Mapping[str, float]
    priors: str | None

    def noise_of(self, law: Any, departure: Any = None) -> Any:
        """The noise of a law: the one typed, or else the law's own beside such a discrepancy."""
        import scalebayes as sb
        from scalebayes.fitting.spec import noise_of

        if self.noise is None:
            return sb.noises.get(noise_of(law, departure))
        return sb.noises.get(*self.noise)

    def method_of(self, default: Any = None) -> Any:
        """The method, with the settings that were typed.

        Args:
            default: the method whose settings hold where others aren't typed, if it has this name.
        """
        return method_of(*self.method, default)

    def inputs_of(self, law: Any) -> dict[str, str]:
        """The columns of those inputs that a law has."""
        return {name: column for name, column in self.inputs.items() if name in law.inputs}

    def priors_of(self, *params: Mapping[str, Any]) -> Any:
        """What `fit` takes as priors: flat ones of what varies, in all of several laws, and fixed numbers."""
        if self.priors is None or not self.fixed:
            return self.priors or dict(self.fixed) or None
        held = {name for each in params for name, param in each.items() if param.fixed}
        return {**{name: "flat" for each in params for name in each if name not in held}, **self.fixed}

    def of_one(self, *params: Mapping[str, Any]) -> Any:
        """`priors_of` one of several laws, that takes those of the fixed parameters that it has."""
        own = {name: x for name, x in self.fixed.items() if any(name in each for each in params)}
        return replace(self, fixed=own).priors_of(*params)

    def check(self, inputs: Sequence[str], params: Sequence[str]) -> None:
        """Refuse an input or a fixed parameter that none of several laws has.

        Args:
            inputs: of any of the laws.

            params: of any of them, their noises and discrepancies.
        """
        for name in self.inputs:
            if name not in inputs:
                raise unknown("input", name, dict.fromkeys(inputs))
        for name in self.fixed:
            if name not in params:
                raise unknown("parameter in --fix", name, dict.fromkeys(params))


def typed(model: Model, method: str, priors: str | None = None) -> Typed:
    """The settings of the options that every command with a fit has.

    Raises:
        InputError: an option that isn't written as it should be; before anything is read.
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
    """A method with the settings typed, those of its search among them.

    Args:
        name: of the method.

        settings: its own, and those of its search.

        default: the method whose settings hold where others aren't typed, if it has this name.
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
    """What `fit` takes as a discrepancy: None, "gp", or a process of the parts that were typed.

    Raises:
        InputError: no such part.
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
    """What `fit` takes as a window."""
    from scalebayes.runs.window import Window

    return window if window in (None, "auto") else Window(number(window, "--window", "2, or auto"))


def range_of(law: Any) -> tuple[float, float]:
    """What a table's observable is read as: positive, or any number where `fit` is to judge of it."""
    return law.range if law.range == POSITIVE else ANY
