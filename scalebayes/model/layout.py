"""This file finds where a table's runs lie: which of them share a place, and the inducing places of many of them."""

from collections.abc import Mapping

import numpy as np

from scalebayes.discrepancy.kernels import Matern
from scalebayes.discrepancy.process import Process
from scalebayes.discrepancy.shared_places import Layout, Shared
from scalebayes.model.arrays import padded
from scalebayes.model.model import Rows

# The largest number of places, after padding, at which the covariance of all places is computed with. Above it inducing
# places are faster; below it they aren't.
DENSE = 96
# The number of inducing places. With more, the posterior comes nearer to that of the covariance of all places, and the
# time grows as the square. On the 240 Chinchilla runs the log density of posterior draws is off the exact one by an sd
# of 0.5 with 64, 0.9 with 48 and 0.3 with 96; on 220 simulated runs in 22 groups, by 0.08 with 64.
INDUCING = 64
FADE = 0.2  # two thirds of a usual matern_fade: a process that is larger at few tokens needs nearer places there
MOVES = 5  # moves of the inducing places to the middles of the runs that are nearest to each; more change little


def laid_out(rows: Rows, process: Process | None, plain: Mapping[str, float]) -> Rows:
    """Rows with the layout that suits their process: none where it is Markov, or where there are few places.

    A masked row counts as padding. `plain` is that of the model's `Ends`.
    """
    bare = rows._replace(layout=None)
    if process is None or process.axis:
        return bare
    kept = np.flatnonzero(rows.mask)
    inputs = {name: np.asarray(x)[kept] for name, x in rows.inputs.items()}
    columns = [*inputs.values(), *([] if rows.group is None else [np.asarray(rows.group)[kept]])]
    _, first, place = np.unique(np.column_stack(columns), axis=0, return_index=True, return_inverse=True)
    size, shared = padded(len(first)), None
    if size < padded(len(kept)):
        of_row = np.zeros(len(rows.mask), int)
        of_row[kept] = place.ravel()
        shared = Shared(of_row, np.append(kept[first], np.full(size - len(first), kept[0])))
    fades = next((one.fades for one in process.components if isinstance(one, Matern)), None)
    at = None
    if size > DENSE:  # an input that may be 0 is placed by its value as others are by their log
        positive = {name: np.exp(x / plain[name]) if name in plain else x for name, x in inputs.items()}
        at = spread_out(positive, fades)
        at |= {name: np.log(at[name]) * sd for name, sd in plain.items()}
    return bare if shared is None and at is None else rows._replace(layout=Layout(shared, at))


def spread_out(inputs: Mapping[str, np.ndarray], fades: str | None, most: int = INDUCING) -> dict[str, np.ndarray]:
    """Inducing places spread out over those of runs: the extremes, then each time the place farthest from those before.

    At the end all but the extremes move to the middles of the runs that are nearest to them. Where there are fewer
    places than `most`, all of them are taken as they are. Copies of the first fill the places up to one of few sizes.
    All of it depends on the inputs alone, so a second fit has the same inducing places.

    Args:
        inputs: The inputs of the runs (run,), by their names.
        fades: The input with which the process fades, or None.
        most: The largest number of inducing places.

    >>> spread_out({"x": np.exp([0.0, 1.0, 1.1, 3.0])}, None, 3)["x"].round(2).tolist()
    [1.0, 20.09, 2.86, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    logs = np.unique(np.log(np.column_stack(list(inputs.values()))), axis=0)
    sums = list(logs.T)
    # The ends of sums and ratios: the largest and smallest runs, and the most and least tokens for each parameter.
    sums += [a + sign * b for i, a in enumerate(logs.T) for b in logs.T[:i] for sign in (1, -1)]
    # Distances are in e-folds of the inputs; where the process is larger, places are farther apart.
    early = logs[:, list(inputs).index(fades)] if fades else np.zeros(len(logs))
    size = np.exp(-2 * FADE * (early - early.max()))

    def distance(i: int) -> np.ndarray:
        return np.sum((logs - logs[i]) ** 2, axis=1) * np.minimum(size, size[i])

    chosen = list(dict.fromkeys(int(pick(x)) for x in sums for pick in (np.argmin, np.argmax)))[:most]
    held, nearest = len(chosen), np.min([distance(i) for i in chosen], axis=0)
    while len(chosen) < min(most, len(logs)):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, distance(chosen[-1]))
    at = logs[chosen]
    if len(at) < len(logs):
        for _ in range(MOVES):
            own = np.argmin([np.sum((logs - one) ** 2, axis=1) for one in at], axis=0)
            at[held:] = [logs[own == k].mean(axis=0) if (own == k).any() else at[k] for k in range(held, len(at))]
    at = np.concatenate([at, np.repeat(at[:1], padded(len(at)) - len(at), axis=0)])
    return {name: np.exp(at[:, i]) for i, name in enumerate(inputs)}
