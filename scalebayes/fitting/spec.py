"""This file has `Spec`, the settings of a fit without its runs: law, noise, discrepancy, window, priors and inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from scalebayes import infer, laws
from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.errors import InputError
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem, build
from scalebayes.noise import families as noises
from scalebayes.noise.noise import Noise
from scalebayes.parameters.param import Param
from scalebayes.parameters.units import Reference
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.ladder_or_curve import Kind
from scalebayes.runs.window import Window

RECOMMENDED = "recommended"  # the name of any spec that `forecaster` recommends


@dataclass(frozen=True, eq=False)
class Spec:
    """The settings of a fit without its runs. `fit`, `fit_many`, `backtest` and `calibrate` take it in place of a law.

    Attributes:
        law: The law, with its own priors.

        noise: The distribution of a run around the law.

        discrepancy: How the true curve may depart from the law. The default is None: the law is taken as exact.

        window: Which of the runs are fitted. The default is None: all runs.

        priors: A mapping from parameter to prior in the runs' own units, or "flat" for all parameters. The default is
            None: the priors of the law and the noise.

        inputs: A mapping from law input to column of the runs. The default is None: columns of the same names.

        cells: The largest number of rows that `forecaster` averages runs to. The default is None: nothing is
            averaged. `fit` and the other functions average nothing.

        kind: How runs of one input were read, as a ladder or a curve. The default is None: there was no choice.

        recommended: Whether the spec is the one that `forecaster` recommends. The default is False.

    >>> Spec.of("power", discrepancy="gp").name
    'power+gp'
    >>> Spec.of(Spec.of("power"), discrepancy="gp").noise
    normal()
    """

    law: Law
    noise: Noise
    discrepancy: Discrepancy | None = None
    window: Window | None = None
    priors: Literal["flat"] | Mapping[str, Any] | None = None
    inputs: Mapping[str, str] | None = None
    cells: int | None = None
    kind: Kind | None = None
    recommended: bool = False

    @classmethod
    def of(
        cls,
        law: "str | Law | Spec" = "chinchilla",
        noise: str | Noise | None = None,
        discrepancy: Any = None,
        window: Any = None,
        priors: Literal["flat"] | Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> "Spec":
        """Make a spec from names and settings as `fit` takes them.

        Args:
            law: A name, a `Law`, or a `Spec`, of which the settings that are given replace its own. The default is
                "chinchilla".

            noise: A name or a noise. The default is the law's own noise; with a discrepancy, `Normal()` is the default
                in place of Student-t.

            discrepancy: "gp" or `GP(...)`. The default is None: the law is taken as exact.

            window: "auto" or `Window(...)`. The default is None: all runs.

            priors: A mapping from parameter to prior, or "flat" for all parameters. The default is None: the priors of
                the law and the noise.

            inputs: A mapping from law input to column of the runs. The default is None: columns of the same names.

        Returns:
            The `Spec`.

        Raises:
            InputError: The law, the noise, the discrepancy or the window isn't known.
        """
        view, departure = windows.get(window), discrepancies.get(discrepancy)
        if isinstance(law, Spec):
            settings = {"discrepancy": departure, "window": view, "priors": priors, "inputs": inputs}
            if noise is None and departure is not None and repr(law.noise) == repr(noises.get(law.law.noise)):
                noise = noise_of(law.law, departure)  # as by default of a law's name
            settings["noise"] = None if noise is None else noises.get(noise)
            given = {name: value for name, value in settings.items() if value is not None}
            # A spec with other settings is no longer the one that is recommended; other inputs are another column.
            return replace(law, **given, recommended=law.recommended and not set(given) - {"inputs"})
        chosen_law = laws.get(law)
        chosen_noise = noises.get(noise_of(chosen_law, departure) if noise is None else noise)
        return cls(chosen_law, chosen_noise, departure, view, priors, inputs)

    @property
    def name(self) -> str:
        """Its name in backtests, comparisons and recalibrations, such as "power+gp(matern)" or "recommended"."""
        if self.recommended:
            return RECOMMENDED
        if self.discrepancy is None:
            return self.law.name
        parts = ", ".join(one.name for one in self.discrepancy.components)
        return f"{self.law.name}+gp" + (f"({parts})" if parts else "")

    @property
    def params(self) -> dict[str, Param]:
        """The parameters of its law, noise and discrepancy by their names; for "gp", also those of runs in groups."""
        process = self.discrepancy.of(self.law.inputs, True).params if self.discrepancy else {}
        return {**self.law.params, **self.noise.params, **process}

    def method(self, method: Any) -> Any:
        """Get a method by its name, and check that it can fit this noise and this discrepancy.

        Args:
            method: A name, or a method with settings.

        Returns:
            The method with its settings.

        Raises:
            InputError: The method isn't known, or can't fit this noise or this discrepancy.
        """
        chosen, noise = infer.get(method), self.noise
        if self.discrepancy and isinstance(chosen, infer.Bootstrap):
            raise InputError(
                "Bootstrap can't fit a discrepancy: it resamples runs that the process couples; use method='nuts'"
            )
        if self.discrepancy and noise.form.mixture and not isinstance(chosen, infer.NUTS):
            raise InputError(
                f"{chosen.name} can't fit noise {noise.name!r} with a discrepancy: every run then has an unknown scale "
                "of its own, and a mode or importance weights can't represent so many; use method='nuts', or "
                "noise='normal'"
            )
        if not noise.form.density and not isinstance(chosen, (infer.MAP, infer.Bootstrap)):
            raise InputError(
                f"noise {noise!r} has a fixed scale: it is an objective and not a density, and {chosen.name} samples a "
                "density; use method='map' or 'bootstrap', or leave the scale free"
            )
        return chosen

    def problem(self, runs: Runs, reference: Reference | None = None) -> Problem:
        """Make the problem of fitting this spec to runs; call it inside `double()`.

        Args:
            runs: The table of runs.

            reference: The reference of the model. The default is None: that of these runs.

        Returns:
            The `Problem`, with the runs in the window alone.

        Raises:
            InputError: The runs lack an input that the law or the window needs, or every parameter is fixed.
        """
        if self.window:
            bound = {name: runs.name_of(column) for name, column in (self.inputs or {}).items()}
            runs = self.window.of(runs, [bound.get(name, name) for name in self.law.inputs])
        problem = build(runs, self.law, self.noise, self.priors, self.inputs, reference, self.discrepancy)
        if not problem.model.free:
            raise InputError("every parameter is fixed: nothing is left to fit")
        return problem

    def __repr__(self) -> str:
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "law"}
        settings = [f"{name}={value!r}" for name, value in given.items() if value]
        return f"Spec({self.law.name!r}, {', '.join(settings)})"


def noise_of(law: Law, discrepancy: Any) -> str:
    """The noise that a fit takes by default: that of the law, with Normal for Student-t where there is a discrepancy.

    Under a Normal noise the process can be integrated out exactly. Any other noise is used only where it is given.
    """
    return "normal" if discrepancy and law.noise == "student_t" else law.noise
