"""This file has the published values of laws: all digits that were published, with units and source."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from scalebayes.errors import unknown
from scalebayes.laws import data, n_and_d, one_scale, schedules
from scalebayes.laws.law import Law


@dataclass(frozen=True)
class Preset:
    """The published parameters of a law.

    Attributes:
        law: The law that the values belong to.
        values: The value of each parameter, by its name, with as many digits as the source has.
        units: The unit of each input and of the observable, by their names.
        reference: The source of the values, and how many digits it gives.
    """

    law: Law
    values: Mapping[str, float]
    units: Mapping[str, str]
    reference: str


def _kaplan_power(scale: float, alpha: float, unit: str) -> Preset:
    """The preset of (scale/x)^alpha, one of the three power laws in the paper's summary."""
    return Preset(
        one_scale.POWER,
        MappingProxyType({"A": scale**alpha, "alpha": alpha}),
        MappingProxyType({"x": unit, "loss": "nats/token"}),
        f"Kaplan et al. 2020, arXiv 2001.08361, section 1.2: ({scale:g}/x)^{alpha:g} as printed, two digits",
    )


@dataclass(frozen=True)
class Frontier:
    """A published optimum N* = coefficient C^exponent, with N in parameters and C in FLOPs.

    Attributes:
        coefficient: N* at one FLOP, in parameters.
        exponent: d log N* / d log C.
        N_counts: What N counts, as in `Runs`.
        reference: The source of the values, and how many digits it gives.
    """

    coefficient: float
    exponent: float
    N_counts: str
    reference: str

    def N(self, C: Any) -> Any:
        """The optimum N* in parameters at a budget C in FLOPs.

        >>> round(FRONTIERS["porian2024"].N(1e21) / 1e9, 2)
        3.24
        """
        return self.coefficient * C**self.exponent


_TOKENS = MappingProxyType({"N": "parameters", "D": "tokens", "loss": "nats/token"})

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "hoffmann2022": Preset(
            n_and_d.CHINCHILLA,
            MappingProxyType(
                {
                    "A": math.exp(6.0073404),
                    "B": math.exp(6.0179186),
                    "alpha": 0.33917084,
                    "beta": 0.2849083,
                    "E": math.exp(0.5267228),
                }
            ),
            _TOKENS,
            "Hoffmann et al. 2022, arXiv 2203.15556, approach 3: not rounded, from the TeX source, as read in the "
            "files of Besiroglu et al.; the printed values (406.4, 410.7, 1.69, 0.34, 0.28) move N* by 20 %",
        ),
        "besiroglu2024": Preset(
            n_and_d.CHINCHILLA,
            MappingProxyType(
                {"A": 482.00572, "B": 2085.43420, "alpha": 0.34781, "beta": 0.36585, "E": 1.81686},
            ),
            _TOKENS,
            "Besiroglu et al. 2024, arXiv 2404.10102: the replication's estimate on 240 runs, to five decimals",
        ),
        "kaplan2020": Preset(
            n_and_d.KAPLAN,
            MappingProxyType({"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103}),
            MappingProxyType({"N": "parameters without embeddings", "D": "tokens", "loss": "nats/token"}),
            "Kaplan et al. 2020, arXiv 2001.08361, table 2: as printed, two to three digits",
        ),
        **{
            f"kaplan2020_{name}": _kaplan_power(scale, alpha, unit)
            for name, scale, alpha, unit in (
                ("N", 8.8e13, 0.076, "parameters without embeddings"),
                ("D", 5.4e13, 0.095, "tokens"),
                ("C", 3.1e8, 0.050, "PF-days, of the least compute"),
            )
        },
        "muennighoff2023": Preset(
            data.DATA_CONSTRAINED,
            MappingProxyType(
                {
                    "A": math.exp(6.255414),
                    "B": math.exp(7.3049974),
                    "alpha": 0.3526596,
                    "beta": 0.3526596,
                    "E": math.exp(0.6254804),
                    "R_D_star": 15.387756,
                    "R_N_star": 5.309743,
                }
            ),
            MappingProxyType({**_TOKENS, "U": "unique tokens"}),
            "Muennighoff et al. 2023, arXiv 2305.16264: the values in the authors' notebook, to seven digits, with "
            "alpha and beta tied",
        ),
        "steplaw2025_lr": Preset(
            schedules.OPTIMAL_POWER,
            MappingProxyType({"c": 1.78, "p": -0.712, "q": 0.307}),
            MappingProxyType({"N": "parameters without embeddings", "D": "tokens", "best": "peak learning rate"}),
            "Li et al. 2025, Step Law, arXiv 2503.04715: medians, three digits",
        ),
        "steplaw2025_batch": Preset(
            schedules.OPTIMAL_POWER,
            MappingProxyType({"c": 0.573, "p": 0.0, "q": 0.571}),
            MappingProxyType({"N": "parameters without embeddings", "D": "tokens", "best": "batch in tokens"}),
            "Li et al. 2025, Step Law, arXiv 2503.04715: medians, three digits; N doesn't enter",
        ),
        "kaplan2020_batch": Preset(
            schedules.CRITICAL_BATCH,
            MappingProxyType({"B_star": 2e8, "alpha_B": 0.21}),
            MappingProxyType({"L": "nats/token", "batch": "tokens"}),
            "Kaplan et al. 2020, arXiv 2001.08361: as printed, one to two digits",
        ),
    }
)


PF_DAY = 1e15 * 86400  # FLOPs of a petaflop/s-day

# Optima that were published by themselves; those of laws follow from `PRESETS`.
FRONTIERS: Mapping[str, Frontier] = MappingProxyType(
    {
        "kaplan2020": Frontier(
            1.3e9 / PF_DAY**0.73,
            0.73,
            "non-embedding",
            "Kaplan et al. 2020, arXiv 2001.08361, appendix A, table 5: N = 1.3e9 C_min^0.73 with C_min in PF-days, "
            "two digits, as others quote it",
        ),
        "porian2024": Frontier(
            0.1189,
            0.4969,
            "total",
            "Porian et al. 2024, arXiv 2406.19146, tuned hyper-parameters on RefinedWeb: four digits, from the "
            "authors' stored regression",
        ),
    }
)


def published(name: str) -> Preset:
    """Find the published values of a law by the preset's name.

    Args:
        name: The name of a preset, such as "besiroglu2024"; `PRESETS` has them all.

    Returns:
        The preset: the law, its values, their units and their source.

    Raises:
        InputError: There is no such preset. The message lists the presets.

    >>> preset = published("besiroglu2024")
    >>> round(float(preset.law(N=70e9, D=1.4e12, **preset.values)), 3)
    1.973
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
