"""Published values of laws, in full digits, with their units and their source."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scalebayes.errors import unknown
from scalebayes.laws import n_and_d
from scalebayes.laws.base import Law


@dataclass(frozen=True)
class Preset:
    """Published parameters of a law.

    Attributes:
        law: the law they belong to.
        values: parameter -> value, as many digits as the source has.
        units: input or observable -> unit.
        reference: where they were read, and how they are rounded.
    """

    law: Law
    values: Mapping[str, float]
    units: Mapping[str, str]
    reference: str


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
    }
)


def published(name: str) -> Preset:
    """The published values of a law.

    Args:
        name: one of `PRESETS`.

    Raises:
        InputError: no such preset; the message lists them.

    >>> preset = published("besiroglu2024")
    >>> round(float(preset.law(N=70e9, D=1.4e12, **preset.values)), 3)
    1.973
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
