"""Turns what was typed into the arguments of a fit: laws, noises, methods, discrepancies, windows and priors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.complete import parts
from scalebayes.cli.fit_options import Model
from scalebayes.cli.parse import named, number, pairs
from scalebayes.cli.shell import quoted
from scalebayes.errors import InputError, unknown

if TYPE_CHECKING:
    from scalebayes.fitting.spec import Spec
    from scalebayes.runs import Runs

Named = tuple[str, dict[str, Any]]  # a name and its settings
POSITIVE = (0.0, float("inf"))
ANY = (-float("inf"), float("inf"))


def law_typed(text: str) -> Named:
    """Return the name and the settings of a law that was typed."""
    return named(text, "--law", "broken_power:breaks=2")


def law_of(text: str) -> Any:
    """Return the law of the registry that was typed.

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

    def priors_of_one(self, spec: "Spec") -> Any:
        """Return `priors_of` for one of several specs, without the fixed parameters that this spec lacks."""
        fixed = {name: x for name, x in self.fixed.items() if name in spec.params}
        return replace(self, fixed=fixed).priors_of(spec.law.params, spec.noise.params)

    def check_inputs(self, inputs: Sequence[str]) -> None:
        """Refuse an input that none of several laws has.

        Args:
            inputs: The inputs of all the laws.

        Raises:
            InputError: No law has an input that was typed.
        """
        for name in self.inputs:
            if name not in inputs:
                raise unknown("input", name, dict.fromkeys(inputs))

    def check_fixed(self, specs: "Sequence[Spec]", runs: "Runs") -> None:
        """Refuse a name in --fix that is a parameter of none of the specs.

        Args:
            specs: What is fitted.

            runs: The runs, or the first of several tables. A name in --fix may be one of their columns.

        Raises:
            InputError: A name isn't a parameter. The message names the parameters; for an input or another column it
                says what to type instead.
        """
        params = dict.fromkeys(name for spec in specs for name in spec.params)
        for name, value in self.fixed.items():
            if name in params:
                continue
            column, text = runs.name_of(self.inputs.get(name, name)), show.full(value)
            inputs = {column for spec in specs for column in spec.law.inputs} | set(self.inputs.values())
            cures = []
            if column in inputs:
                cures.append(f"if every run has this value, type --columns {quoted(f'{column}={text}')}")
            if column in runs and column != runs.observable:
                filter = f"{column if column.isidentifier() else f'`{column}`'} == {text}"
                cures.append(f"to keep only the runs that have it, type --where {quoted(filter)}")
            if not cures:
                raise unknown("parameter in --fix", name, params)
            what = "an input of the law" if column in inputs else "a column of the runs"
            raise InputError(
                f"--fix {name}={text}: {name} is {what}, and --fix takes a parameter ({', '.join(params)}); "
                + "; ".join(cures)
            )


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
    of_method = {
        one.name: getattr(method, one.name) for one in fields(method) if one.name not in ("search", "fallback")
    }
    defaults = of_method | asdict(method.search)
    for key, value in settings.items():
        if key not in defaults:
            raise unknown(f"setting of method '{name}'", key, defaults)
        whole = isinstance(defaults[key], int)
        none = key in ("rounds", "lbfgs_steps") and value == 0
        if isinstance(value, str) or (whole and not isinstance(value, int)) or (value <= 0 and not none):
            raise InputError(f"--method: {key} is a positive {'whole ' if whole else ''}number, not '{value}'")
    search = replace(method.search, **{key: value for key, value in settings.items() if key not in of_method})
    return replace(method, **{key: value for key, value in settings.items() if key in of_method}, search=search)


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
    """Return what `fit` takes as a window, from what was typed."""
    from scalebayes.runs.window import Window

    return window if window in (None, "auto") else Window(number(window, "--window", "2, or auto"))


def range_of(law: Any) -> tuple[float, float]:
    """Return the range in which a command reads a table's observable: positive, or any number.

    `fit` checks any number after that.
    """
    return law.range if law.range == POSITIVE else ANY
