"""This file warns of designs from which little can be learnt, each with the run to train that cures it."""

from collections.abc import Iterator, Mapping

import numpy as np

from scalebayes.checks.limits import COLLINEAR
from scalebayes.checks.registry import make_check
from scalebayes.compute import flops
from scalebayes.runs.settings import levels
from scalebayes.status import Check, Checks, Status

SIZES = 3  # sizes of N that a law needs at least: with two, an exponent can't be told from an offset
# The factor off the path at which the cure for runs on one path lies, in D/N. By choice.
OFF = 10.0
# Log of the target's compute over that of the largest run: two decades. Above it a target counts as too far. By choice.
FAR = float(np.log(100.0))


def design_checks(
    runs: Mapping[str, np.ndarray], chosen: Mapping[str, np.ndarray], at: Mapping[str, np.ndarray]
) -> Checks:
    """The checks of a design: the runs so far with those chosen.

    Args:
        runs: The N and D of the runs that were fitted (run,).

        chosen: The N and D of the runs that were chosen (chosen,).

        at: The N and D of the target (point,), or an empty mapping for a target without a place.
    """
    N, D = (np.concatenate([runs[name], chosen[name]]) for name in ("N", "D"))
    return Checks(tuple(_checks(N, D, at)))


def _checks(N: np.ndarray, D: np.ndarray, at: Mapping[str, np.ndarray]) -> Iterator[Check]:
    yield _path(N, D)
    yield _sizes(N, D)
    if at:
        yield _far(N, D, at)


def _path(N: np.ndarray, D: np.ndarray) -> Check:
    (x, y) = np.log([N, D])
    if len(N) < 3 or min(np.ptp(x), np.ptp(y)) < 1e-9:
        return make_check("design_path", Status.PASS, "Too few runs to lie on a path.")
    correlation = float(np.corrcoef(x, y)[0, 1])
    if abs(correlation) <= COLLINEAR:
        return make_check("design_path", Status.PASS, f"Correlation of log N and log D {correlation:.2f}.")
    ratio = np.log(D / N)
    middle = np.exp(np.median(ratio))
    kind = f"D is about {middle:.3g} N throughout" if np.ptp(ratio) < 1 else "the runs lie on one path"
    n, d = N.min(), D[np.argmin(N)] * OFF
    return make_check(
        "design_path",
        Status.REVIEW,
        f"{kind} (correlation of log N and log D {correlation:.2f}), which can't tell the effects of N and D apart; "
        f"train N={n:.3g}, D={d:.3g} ({flops(n, d):.2g} FLOPs).",
        about=("N", "D"),
    )


def _sizes(N: np.ndarray, D: np.ndarray) -> Check:
    count = int(levels(N).max()) + 1
    if count >= SIZES:
        return make_check("design_sizes", Status.PASS, f"{count} sizes of N.")
    low, high = N.min(), N.max()
    n, d = (np.sqrt(low * high) if high >= 4 * low else low / 4), np.median(D)
    return make_check(
        "design_sizes",
        Status.REVIEW,
        f"{count} size{'s' if count > 1 else ''} of N can't tell an exponent from an offset; train N={n:.3g}, "
        f"D={d:.3g} ({flops(n, d):.2g} FLOPs).",
        about=("N",),
    )


def _far(N: np.ndarray, D: np.ndarray, at: Mapping[str, np.ndarray]) -> Check:
    largest = int(np.argmax(N * D))
    beyond = float(np.max(np.log(at["N"] * at["D"]))) - float(np.log(N[largest] * D[largest]))
    if beyond <= FAR:
        return make_check(
            "design_far", Status.PASS, f"The target's compute is {np.exp(beyond):.3g} times that of the largest run."
        )
    # The run in the target's shape at which it would be near enough.
    far = int(np.argmax(at["N"] * at["D"]))
    shrink = 1.01 * np.exp(-FAR / 2)  # a little more, so that a run of rounded sizes is near enough
    n, d = at["N"][far] * shrink, at["D"][far] * shrink
    return make_check(
        "design_far",
        Status.REVIEW,
        f"the target's compute is {np.exp(beyond):.3g} times that of the largest run, so that its interval rests on "
        f"the law alone; train N={n:.3g}, D={d:.3g} ({flops(n, d):.2g} FLOPs), or ask of a nearer target.",
        about=("N", "D"),
    )
