"""This file gives the law of a fit and its discrepancy given the runs, at points, for each posterior draw."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy import in_common
from scalebayes.fitting.in_own_units import common_part, flat_draws, in_own_units, residuals
from scalebayes.infer.compile import dispatched
from scalebayes.infer.traces import jitted
from scalebayes.model.arrays import doubled_to, longer, padded
from scalebayes.model.model import Ends, Model, Rows

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

# The sizes of the program that predicts, so that few shapes are compiled: the number of draws in a call (1 for a mode),
# and the least number of rows after padding.
DRAWS, ROWS = 50, 64
# The number of points in a call without draws of the discrepancy. Up to `FEW` points are padded to that number. More go
# in blocks as long as the rows, and of a process that isn't Markov up to `MOST`: a longer block needs more memory, a
# shorter one factors the rows' covariance more often. For a mode they go in blocks of `MOST`.
FEW, MOST = 8, 256


class Conditional(NamedTuple):
    """The law and the discrepancy delta at points; delta is Normal in each posterior draw.

    Attributes:
        law: The value of the law, in the observable's own units (draw, point).

        mean: The mean of delta (draw, point).

        sd: The standard deviation of delta (draw, point).

        drawn: A draw of delta for each posterior draw (draw, point); None where no key was given.
    """

    law: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    drawn: np.ndarray | None


def conditional(fit: "Fit", points: Mapping[str, np.ndarray], group: np.ndarray, key: Any = None) -> Conditional:
    """The law of a fit, and its discrepancy delta = log f - log(law) conditional on the runs, at points.

    Call it inside `double()`.

    Args:
        fit: A fit with a discrepancy.

        points: A mapping from law input to values (point,), in the runs' own units.

        group: The number of each point's group (point,). A number that no run has stands for a new group.

        key: A JAX key for draws, which are joint over the points. The default is None: no draws.
    """
    problem, count, draws = fit.problem, len(group), fit.size
    rows = longer(problem.rows, doubled_to(len(problem.rows.mask), ROWS))
    assert problem.model.process is not None
    most = len(rows.mask) if problem.model.process.axis else MOST
    together = 1 if draws == 1 else DRAWS
    block = FEW if count <= FEW else MOST if draws == 1 else min(len(rows.mask), most)
    if key is not None:  # the points of a joint draw belong in one call
        block = padded(count)
    inputs = {name: np.asarray(x, np.float64) for name, x in points.items()}
    there = (inputs, None if rows.group is None else group.astype(np.float64))
    arrays = flat_draws(fit, rows)
    common, known = common_part(fit, rows, key)
    keys = None if key is None else np.asarray(jax.random.key_data(jax.random.split(key, draws)))
    fixed = (problem.model, problem.numbers.ends, dict(fit.reference.inputs), fit.reference.scale, rows)
    found = [
        [
            dispatched(
                _conditional,
                *fixed,
                jax.tree.map(lambda x, point=point: _part(x, point, block), there),
                common,
                jax.tree.map(lambda x, draw=draw: _part(x, draw, together), (arrays, keys, known)),
            )
            for point in range(0, count, block)
        ]
        for draw in range(0, draws, together)
    ]
    # Results are fetched after the last call, so that no call waits for those of the one before.
    tables = [[np.concatenate(x, axis=1) for x in zip(*of, strict=True)] for of in jax.device_get(found)]
    whole = [np.concatenate(x)[:draws, :count] for x in zip(*tables, strict=True)]
    law, mean, sd, *drawn = whole
    return Conditional(law, mean, sd, drawn[0] if drawn else None)


def _part(x: np.ndarray, start: int, size: int) -> np.ndarray:
    """The members of x from `start` on, filled up with copies of the last one to `size`."""
    part = np.asarray(x[start : start + size])
    return np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])


@jitted(0)
def _conditional(
    model: Model,
    ends: Ends,
    reference: dict[str, Any],
    scale: Any,
    rows: Rows,
    there: tuple[dict[str, Any], Any],
    common: Any,
    draws: Any,
) -> tuple[Any, ...]:
    """The law, mean and sd of delta, and a draw where there are keys, at a block of points for some draws.

    Args:
        model: The model of the fit.
        ends: The place of the largest runs.
        reference: The reference of each input, in the runs' own units.
        scale: The reference of the observable.
        rows: The padded rows, in reference units.
        there: The inputs of the points in the runs' own units (point,), and the numbers of their groups or None.
        common: The `CommonPlaces` of a recipe that shares a part of its discrepancy with others, or None.
        draws: The draws as `flat` gives them, the data of a key for each draw or None, and the draws of the common part
            or None; all with the axis `draw`.
    """
    process = model.process
    assert process is not None
    inputs, group = there
    at = ends.seen_at(rows)
    points = ends.places({name: x / reference[name] for name, x in inputs.items()}, group)
    own = in_own_units(rows, reference, scale)

    def one(each: Any) -> tuple[Any, ...]:
        (law, noise, departure, factor), key, drawn = each
        seen = residuals(model, own, at, law, noise, factor)
        key = None if key is None else jax.random.wrap_key_data(key)
        if common is None:
            found = process.conditional(departure, seen, points, key)
        else:
            known = in_common.Known(ends.places(common.inputs), common.of_row, drawn.share, drawn.departure)
            keys = None if key is None else (key, jax.random.wrap_key_data(drawn.key))
            found = in_common.conditional(process, departure, seen, known, points, keys)
        value = jnp.broadcast_to(model.fn(**inputs, **law), found[0].shape)
        return value, *(x for x in found if x is not None)

    return jax.vmap(one)(draws)


def discrepancy_key(fit: "Fit", key: Any) -> Any:
    """The key for a fit's draws of the discrepancy in an answer; None for a fit with one draw, which takes the mean.

    One draw of the process would be no mode, and it would differ with the seed.
    """
    return None if fit.is_mode else jax.random.fold_in(key, 1)
