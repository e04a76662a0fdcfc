"""Simulates tables of several recipes, each of five sizes with three seeds, and says which runs are forecast."""

from typing import Any, NamedTuple

import numpy as np

RECIPES, SEEDS = 25, 3
SIZES = np.array([2e7, 6e7, 1.5e8, 4e8, 1e9])  # parameters of the runs
NOISE, NOISY = 0.003, 0.01  # sd of the log of the loss between seeds, and the same of noisy runs
# Spreads between recipes: of the log of the exponent, of the logit of the floor share at the middle size, and of the
# log of the level; and the same of recipes that are much alike.
SPREADS, ALIKE = (0.15, 0.3, 0.1), (0.05, 0.1, 0.1)
BREAK = 0.01  # sd of the log of the factor by which the largest size departs in every recipe alike
SHORT = 5  # recipes that have two sizes alone


class Case(NamedTuple):
    """A table of recipes.

    Attributes:
        fitted: The runs that are fitted.
        held: The runs that are forecast.
        curve: The loss of each of these runs without noise (run,).
    """

    fitted: Any
    held: Any
    curve: Any


def simulated(seed: int, broken: bool = False, short: bool = False, alike: bool = False, noisy: bool = False) -> Case:
    """Return a table of recipes that follow E + A (N / N_0)^-alpha, with exponents from 0.1 to 0.5.

    Args:
        seed: The seed of the simulation.

        broken: Whether the largest size departs from the law by one factor in all recipes. The default is False.

        short: Whether the runs that are held out are those of the three largest sizes of `SHORT` recipes; all others
            are fitted. The default is False: the largest size of every recipe is held out.

        alike: Whether recipes differ by `ALIKE` and not by `SPREADS`. The default is False.

        noisy: Whether seeds differ by `NOISY` and not by `NOISE`. The default is False.
    """
    import scalebayes as sb

    rng = np.random.default_rng(seed)
    middle, of_floor = rng.uniform(np.log(0.1), np.log(0.5)), rng.uniform(-1.0, 1.0)
    spreads = ALIKE if alike else SPREADS
    alpha = np.exp(middle + spreads[0] * rng.standard_normal(RECIPES))
    share = 1 / (1 + np.exp(-(of_floor + spreads[1] * rng.standard_normal(RECIPES))))
    level = 3.0 * np.exp(spreads[2] * rng.standard_normal(RECIPES))
    recipe, size = (x.ravel() for x in np.meshgrid(np.arange(RECIPES), np.repeat(SIZES, SEEDS), indexing="ij"))
    log = np.log(level[recipe] * (share[recipe] + (1 - share[recipe]) * (size / SIZES[2]) ** -alpha[recipe]))
    if broken:
        log = log + BREAK * rng.standard_normal() * (size == SIZES[-1])
    loss = np.exp(log + (NOISY if noisy else NOISE) * rng.standard_normal(len(log)))
    runs = sb.Runs(N=size, loss=loss, recipe=np.array([f"recipe {i + 1:02d}" for i in recipe]))
    held = (recipe < SHORT) & (size > SIZES[1]) if short else size == SIZES[-1]
    return Case(runs.take(~held), runs.take(held), np.exp(log[held]))
