"""The table that the tests run over: one row a law, one a noise, one a method. A new member is one row here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import scalebayes as sb


@dataclass(frozen=True)
class LawCase:
    """A registered law, with values its priors find plausible, in reference units and no two of them alike."""

    name: str
    truth: Mapping[str, float]

    @property
    def law(self) -> sb.Law:
        return sb.laws.get(self.name)


@dataclass(frozen=True)
class NoiseCase:
    """A noise, with a value for each of its free parameters."""

    noise: Any
    free: Mapping[str, float]

    @property
    def values(self) -> dict[str, float]:
        fixed = {name: float(p.prior) for name, p in self.noise.params.items() if p.fixed}
        return {**fixed, **self.free}


@dataclass(frozen=True)
class MethodCase:
    """A method, small enough for tests. same_draws: other units move a draw by rounding alone."""

    name: str
    method: Any
    same_draws: bool = True


LAWS = (
    LawCase("power", {"A": 0.9, "alpha": 0.15}),
    LawCase("offset_power", {"A": 0.4, "alpha": 0.3, "E": 0.6}),
    LawCase("chinchilla", {"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.55}),
    LawCase("chinchilla_tied", {"A": 0.3, "B": 0.2, "alpha": 0.35, "E": 0.55}),
    LawCase("kaplan", {"N_c": 0.5, "D_c": 0.3, "alpha_N": 0.12, "alpha_D": 0.17}),
    LawCase("skaling", {"A": 0.4, "B": 0.25, "alpha": 0.4, "beta": 0.25, "E": 0.5, "k": 0.8}),
)

NOISES = (
    NoiseCase(sb.StudentT(), {"noise_scale": 0.05}),
    NoiseCase(sb.StudentT(df="free"), {"noise_scale": 0.05, "noise_df": 7.0}),
    NoiseCase(sb.Normal(), {"noise_scale": 0.05}),
    NoiseCase(sb.NormalRaw(), {"noise_scale": 0.05}),
    NoiseCase(sb.Huber(delta=1e-3), {"noise_scale": 5e-6}),
    NoiseCase(sb.Huber(delta=0.5), {"noise_scale": 0.05}),
    NoiseCase(sb.Huber(delta=2.0), {"noise_scale": 0.05}),
)

METHODS = (
    MethodCase("map", sb.MAP()),
    MethodCase("laplace", sb.Laplace()),
    MethodCase("nuts", sb.NUTS(), same_draws=False),
)


def ids(cases: Any) -> list[str]:
    """Names of the cases, for pytest."""
    return [getattr(case, "name", None) or repr(case.noise) for case in cases]
