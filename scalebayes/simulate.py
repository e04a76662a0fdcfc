"""Simulated runs: a table made from a law with known values, to try things on."""

import jax
import numpy as np

from scalebayes.laws.published import Preset, published
from scalebayes.runs import Runs

# Hoffmann et al. 2022, arXiv 2203.15556, table A9: millions of parameters.
CHINCHILLA_SIZES = (
    *(44, 57, 74, 90, 106, 117, 140, 163, 175, 196, 217, 251, 278, 306, 425, 489, 509, 552, 587, 632, 664, 724, 816),
    *(893, 1018, 1143, 1266, 1424, 1429, 1593, 1609, 1731, 1794, 2007, 2283, 2298, 2639, 2980, 3530, 3802, 4084, 4516),
    *(6796, 9293, 11452, 12295, 12569, 13735, 14940, 16183),
)
# The same paper's IsoFLOP budgets.
CHINCHILLA_BUDGETS = (6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21)


def chinchilla_like(preset: str | Preset = "besiroglu2024", noise_scale: float = 0.0045, seed: int = 0) -> Runs:
    """Runs at the Chinchilla paper's sizes and budgets, with losses simulated from published values.

    Each budget trains the sizes that get between 2 and 200 tokens a parameter, every second of them.

    Args:
        preset: whose law and values are taken as true. noise_scale: of Student-t(4) noise on the log loss.
        seed: of the noise.

    >>> len(chinchilla_like())
    98
    """
    preset = published(preset) if isinstance(preset, str) else preset
    rng = np.random.default_rng(seed)
    grid = [
        (size * 1e6, budget / (6 * size * 1e6))
        for budget in CHINCHILLA_BUDGETS
        for size in CHINCHILLA_SIZES[::2]
        if 2 <= budget / (6 * (size * 1e6) ** 2) <= 200
    ]
    N, D = np.array(grid).T
    values = {name: float(value) for name, value in preset.values.items()}
    with jax.enable_x64():
        curve = np.asarray(preset.law(N=N, D=D, **values))
    loss = curve * np.exp(noise_scale * rng.standard_t(4, len(N)))
    return Runs(N=N, D=D, loss=loss, metadata={"source": f"simulated from {preset.reference}"})
