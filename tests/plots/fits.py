"""Fits that hold given draws, so that what a figure draws is known."""

import numpy as np

import scalebayes as sb
from scalebayes.forecasting.recalibrate import Widening
from tests.helpers import fit_of, simulated

RUNS = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5], unit="nats/token")


def one_scale(E=None):
    """Draws whose quantiles are known: 2 x^-0.5 + E, with E evenly from 0 to 1 if it isn't given."""
    E = np.linspace(0.0, 1.0, 101) if E is None else E
    draws = {"A": np.full(len(E), 2.0), "alpha": np.full(len(E), 0.5), "E": E}
    return fit_of(sb.laws.get("offset_power"), draws, RUNS)


def of_sizes(draws=50, rows=40, spread=0.01):
    """Draws around the values of Besiroglu et al., and runs simulated from them."""
    besiroglu = sb.laws.published("besiroglu2024")
    rng = np.random.default_rng(0)
    values = {name: value * np.exp(spread * rng.normal(size=draws)) for name, value in besiroglu.values.items()}
    return fit_of(besiroglu.law, values, simulated(rows, 0))


def kinds(fit):
    """The fit, a stack, a recalibrated fit and many fits of it."""
    return {
        "fit": fit,
        "stack": sb.stack({"a": fit, "b": fit}, weights={"a": 0.5, "b": 0.5}),
        "recalibrated": sb.Recalibrated(fit, Widening(2.0, 2.0, 3, 1), fit.law.name),
        "many": sb.Fits(("a", "b"), (fit, fit)),
    }
