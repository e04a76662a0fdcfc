"""recipe: the spec that is recommended for a forecast beyond the runs, by what the runs are."""

import math
from collections.abc import Mapping
from typing import Any

import numpyro.distributions as dist

from scalebayes import laws
from scalebayes.discrepancy.gp import GP
from scalebayes.discrepancy.kernels import Matern
from scalebayes.errors import InputError, listed
from scalebayes.fitting.spec import Spec
from scalebayes.noise.noise import Normal
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.curves.given_as_runs import log_text
from scalebayes.runs.ladder_or_curve import LADDER, kind_of, size_of
from scalebayes.runs.settings import groups_of

CELLS = 64  # rows that a process over N and D is given; more of them are averaged
FEW = 10  # runs, below which no bend and no drift can be told from the law
NOISE = dist.LogNormal(math.log(0.006), 1.0)  # of a sweep
# Of a curve: learnt from half A of the image curves by benchmarks/priors, rounded means over its last steps.
OF_CURVES = {
    "alpha": dist.LogNormal(-0.38, 0.39),
    "logit_phi": dist.Normal(0.37, 1.1),
    "noise_scale": dist.LogNormal(-4.2, 0.95),
    "matern_scale": dist.LogNormal(-3.8, 0.5),
    "matern_length_x": dist.LogNormal(-0.6, 0.53),
    "matern_fade": dist.Normal(0.23, 0.35),
}
NEW_RUN = (0.25, 0.35)
# Of a ladder: exponents from .03 to 1, which hold the published laws in N, D and C, and floors from 5 to 95 % of the
# loss of the largest runs; a misfit of 1 % there, larger for small runs. Chosen on Porian's families but the main five,
# datablations and simulated ladders: benchmarks/ladders.
OF_LADDERS = {
    "alpha": dist.LogNormal(-1.8, 0.9),
    "logit_phi": dist.Normal(0.0, 1.5),
    "noise_scale": dist.LogNormal(-5.5, 0.8),
    "matern_scale": dist.LogNormal(-4.7, 0.5),
    "matern_length_x": dist.LogNormal(0.7, 0.4),
    "matern_fade": 0.25,
}
# Of a ladder along N or along D alone: what the other did beside it isn't known, and decides how the ladder goes on. A
# misfit of 4 %, chosen on the ladders along N or D of the part "chosen on" and on half of the fine-tuned ones.
OF_ONE_SCALE = OF_LADDERS | {"matern_scale": dist.LogNormal(-3.3, 0.6)}


def recipe(runs: Runs, inputs: Mapping[str, str] | None = None, kind: str | None = None) -> Spec:
    """The recommended spec for runs of N and D, or of one input.

    Args:
        inputs: {"x": column} for a forecast along one column of a table that has several. kind: of runs of one input,
            "ladder" or "curve"; by default what `kinds.kind_of` makes of them.

    Raises:
        InputError: the runs have several inputs, none of them N and D, and none is named; a kind for runs of N and D,
            or no such kind.

    >>> recipe(Runs(x=[1.0, 2.0], loss=[3.0, 2.0])).law.name
    'end_power'
    """
    there = set(runs.inputs)
    if not inputs and len({"N", "D", "C"} & there) >= 2:
        if kind is not None:
            raise InputError(
                f"kind={kind!r} is for runs of one input, and these are fitted in N and D; leave it out, or name one: "
                "inputs={'x': 'C'}"
            )
        few = len(runs) < FEW
        components = ("matern",) if few else ("matern", "bend", "drift")
        groups = groups_of(runs.labels, runs.inputs)
        grouped = groups is not None and len(set(groups)) > 1
        process = GP(*components, *(["offset"] if grouped else []))
        return _spec("end_chinchilla", Normal(), process, None, {"noise_scale": NOISE}, cells=CELLS)
    if inputs and set(inputs) != {"x"}:
        raise InputError(f"forecaster takes inputs={{'x': column}}, not {dict(inputs)!r}")
    if not inputs and len(there) != 1:
        raise InputError(
            f"forecaster needs N and D (or two of N, D, C), or one input, and the runs have {listed(runs.inputs)}; "
            "name one: inputs={'x': ...}" + (f"; {text}" if (text := log_text(runs)) else "")
        )
    along = inputs or {"x": next(iter(there))}
    read = kind_of(runs, along["x"], kind)
    of_ladders = OF_ONE_SCALE if size_of(runs, along["x"]) in ("N", "D") else OF_LADDERS
    own = of_ladders if read.name == LADDER else OF_CURVES
    process = GP(Matern(fades="x"), **{name: prior for name, prior in own.items() if name.startswith("matern")})
    priors = {name: prior for name, prior in own.items() if not name.startswith("matern")}
    if read.name == LADDER:
        return _spec("end_power", Normal(), process, None, priors, inputs=along, kind=read)
    return _spec("end_power", Normal(new_run=NEW_RUN), process, windows.get("auto"), priors, inputs=along, kind=read)


def _spec(law: str, *parts: Any, **more: Any) -> Spec:
    return Spec(laws.get(law), *parts, **more, recommended=True)
