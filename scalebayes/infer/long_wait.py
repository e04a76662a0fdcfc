"""This file warns of chains that will take long, before they start, with an estimate of the minutes."""

import time
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from scalebayes.infer.chains import Shape
from scalebayes.infer.compile import compiled_once, cores
from scalebayes.infer.traces import jitted
from scalebayes.model.model import Model, Numbers, Rows
from scalebayes.status import SlowWarning

LONG = 30.0  # seconds from which on chains are worth a word
STEPS = 23  # leapfrog steps of a draw: 19 to 30 by chain, with a process over N and D on the 240 Chinchilla runs
REPEATS = 4  # gradients that are timed together, after one that compiles
MANY = 4096  # rows from which on the gradient of a model without a process is timed, too
_ROOT = str(Path(__file__).parents[1])


def warn_of_chains(model: Model, numbers: Numbers, rows: Rows, z: Any, shape: Shape) -> None:
    """Warn if chains that start now are going to take more than half a minute; say for how long, and what is quicker.

    Chains whose density is cheap are not timed, since this takes a program of its own: those of a model without a
    process, or with one along a single axis, of fewer than 4,096 rows. Many fits have a bar instead.

    Args:
        model: The model.
        numbers: The numbers of the model.
        rows: The runs.
        z: Coordinates at which the gradient is finite (free and rows' own).
        shape: The sizes of the chains.
    """
    cheap = model.process is None or model.process.axis is not None
    if cheap and rows.mask.shape[-1] < MANY:
        return
    each = shape.warmup + shape.thin * shape.draws
    in_turn = shape.chains if cheap else -(-shape.chains // cores())  # with a process each core takes a chain
    seconds = in_turn * each * STEPS * seconds_of_gradient(model, numbers, rows, z)
    if seconds > LONG:
        warnings.warn(_sentence(seconds), SlowWarning, skip_file_prefixes=(_ROOT,))


def seconds_of_gradient(model: Model, numbers: Numbers, rows: Rows, z: Any) -> float:
    """The seconds that the gradient of a model's log density takes on this machine, without its compiling."""
    arguments = (model, numbers, rows, z)
    compiled_once(_gradients, *arguments, 1)
    begin = time.perf_counter()
    compiled_once(_gradients, *arguments, REPEATS)
    return (time.perf_counter() - begin) / REPEATS


@jitted(0)
def _gradients(model: Model, numbers: Numbers, rows: Rows, z: Any, repeats: Any) -> Any:
    """The sum of `repeats` gradients, each at other coordinates, so that none is left out."""
    gradient = jax.grad(lambda z: model.log_density(z, numbers, rows))
    return jax.lax.fori_loop(0, repeats, lambda i, total: total + gradient(z + 1e-9 * i), z * 0.0)


def _sentence(seconds: float) -> str:
    """The warning's sentence.

    >>> _sentence(200.0)
    'NUTS will take 3 minutes or more; method="laplace" with fallback=False takes seconds'
    """
    long = f"{np.ceil(seconds / 10) * 10:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
    return f'NUTS will take {long} or more; method="laplace" with fallback=False takes seconds'
