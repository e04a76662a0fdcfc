"""Spec: what is fitted, whatever the runs are: a law, its noise, its discrepancy, its priors, and what it looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from scalebayes import infer, laws
from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.errors import InputError
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem, build
from scalebayes.noise import noise as noises
from scalebayes.noise.noise import Noise
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.ladder_or_curve import Kind
from scalebayes.runs.window import Window

RECOMMENDED = "recommended"  # the name of the spec that `forecaster` chooses


@dataclass(frozen=True, eq=False)
class Spec:
    """What is fitted: `fit`, `fit_many`, `backtest` and `calibrate` take it where they take a law.

    Attributes:
        law: with its own priors.

        noise: the distribution of a run around the law.

        discrepancy: how the true curve may depart from the law, or None.

        window: what of the runs is looked at, or None for all of them.

        priors: parameter -> prior in the runs' own units, "flat", or None for those of the law and the noise.

        inputs: law input -> column of the runs, or None for columns of the same names.

        cells: how many rows runs are averaged to at most, or None where nothing is averaged.

        kind: what runs of one input were read as, or None.

        recommended: whether `forecaster` chose it.

    >>> Spec.of("power", discrepancy="gp").name
    'power+gp'
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
        """A spec from names and settings, as `fit` takes them; of a spec itself, with the settings that are given.

        Args:
            law: a name, a `Law`, or a `Spec`.

            noise: a name or a noise; by default the law's own, and with a discrepancy a Normal one in its place.

            discrepancy: None, "gp", or `GP(...)`.

            window: None, "auto", or `Window(...)`.

            priors: parameter -> prior, "flat" for all, or None for the law's own.

            inputs: law input -> column of the runs, or None.

        Raises:
            InputError: no such law, noise, discrepancy or window.
        """
        view, departure = windows.get(window), discrepancies.get(discrepancy)
        if isinstance(law, Spec):
            own = {"discrepancy": departure, "window": view, "priors": priors, "inputs": inputs}
            own["noise"] = None if noise is None else noises.get(noise)
            return replace(law, **{name: value for name, value in own.items() if value is not None})
        found = laws.get(law)
        chosen = noises.get(noise_of(found, departure) if noise is None else noise)
        return cls(found, chosen, departure, view, priors, inputs)

    @property
    def name(self) -> str:
        """What backtests, comparisons and recalibrations call it, such as "power+gp(matern)" or "recommended"."""
        if self.recommended:
            return RECOMMENDED
        if self.discrepancy is None:
            return self.law.name
        parts = ", ".join(one.name for one in self.discrepancy.components)
        return f"{self.law.name}+gp" + (f"({parts})" if parts else "")

    def method(self, method: Any) -> Any:
        """The method of a name, or as it is given, found to go with this spec.

        Raises:
            InputError: no such method, or one that can't fit this noise or this discrepancy.
        """
        found, noise = infer.get(method), self.noise
        if self.discrepancy and isinstance(found, infer.Bootstrap):
            raise InputError(
                "Bootstrap with a discrepancy: it resamples runs that the process couples; use method='nuts'"
            )
        if self.discrepancy and noise.form.mixture and not isinstance(found, infer.NUTS):
            raise InputError(
                f"{found.name} with noise {noise.name!r} and a discrepancy: every run then has an unknown scale of its "
                "own, too many for a mode or importance weights to speak for; use method='nuts', or noise='normal'"
            )
        if not noise.form.density and not isinstance(found, (infer.MAP, infer.Bootstrap)):
            raise InputError(
                f"noise {noise!r} has a fixed scale: it is an objective and not a density, and {found.name} samples a "
                "density; use method='map' or 'bootstrap', or leave the scale free"
            )
        return found

    def problem(self, runs: Runs) -> Problem:
        """The problem of fitting this to runs; inside `jax.enable_x64()`.

        Raises:
            InputError: the runs lack what it needs, or nothing is left to fit.
        """
        if self.window:
            bound = {name: runs.name_of(column) for name, column in (self.inputs or {}).items()}
            runs = self.window.of(runs, [bound.get(name, name) for name in self.law.inputs])
        problem = build(runs, self.law, self.noise, self.priors, self.inputs, discrepancy=self.discrepancy)
        if not problem.model.free:
            raise InputError("every parameter is fixed: nothing is left to fit")
        return problem

    def __repr__(self) -> str:
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "law"}
        told = [f"{name}={value!r}" for name, value in given.items() if value]
        return f"Spec({self.law.name!r}, {', '.join(told)})"


def noise_of(law: Law, discrepancy: Any) -> str:
    """The noise where none is asked for: the law's own.

    A process is integrated out under a Normal noise; any other is for the user to ask for, and to be refused.
    """
    return "normal" if discrepancy and law.noise == "student_t" else law.noise
