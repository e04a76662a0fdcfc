"""This file has `recipe`, which gives the spec that is recommended for forecasts beyond given runs."""

import math
from collections.abc import Mapping
from typing import Any

import numpyro.distributions as dist

from scalebayes import laws
from scalebayes.discrepancy.gp import GP
from scalebayes.discrepancy.kernels import Matern
from scalebayes.errors import InputError, listed
from scalebayes.fitting.spec import Spec
from scalebayes.laws.law import Law
from scalebayes.noise.families import Normal
from scalebayes.parameters.two_kinds import TwoLogNormals, TwoNormals
from scalebayes.runs import Runs
from scalebayes.runs import window as windows
from scalebayes.runs.curves.given_as_runs import log_text
from scalebayes.runs.ladder_or_curve import LADDER, kind_of, size_of
from scalebayes.runs.settings import groups_of

CELLS = 64  # number of rows for a process over N and D; more runs than this are averaged in cells
FEW = 10  # number of runs; with fewer, a bend or a drift can't be told from the law, and the process has neither
NOISE = dist.LogNormal(math.log(0.006), 1.0)  # prior of the noise scale of runs of N and D, on the log of the loss
# Priors of the process over N and D. They were chosen on subsamples of four sets of sweeps, in benchmarks/reach, where
# fits that left out one set agreed on them. The process's scale and its bend, which the runs decide, keep their default
# priors. The slope beyond the runs, which no run can show, is about 0.2 % an e-fold of compute.
OF_SWEEPS = {
    "matern_length_N": dist.LogNormal(0.9, 0.5),
    "matern_length_D": dist.LogNormal(0.85, 0.5),
    "matern_fade": dist.Normal(0.6, 0.27),
}
DRIFT = {"drift_scale": dist.LogNormal(-6.1, 0.6)}
# Priors for the curve of one run. benchmarks/priors learnt them from half A of the image curves; they are the rounded
# means over its last steps.
OF_CURVES = {
    "alpha": dist.LogNormal(-0.38, 0.39),
    "logit_phi": dist.Normal(0.37, 1.1),
    "noise_scale": dist.LogNormal(-4.2, 0.95),
    "matern_scale": dist.LogNormal(-3.8, 0.5),
    "matern_length_x": dist.LogNormal(-0.6, 0.53),
    "matern_fade": dist.Normal(0.23, 0.35),
}
# Mean and sd of the log of `noise_new`: the noise sd of a new point of a curve over that of the points seen.
NEW_RUN = (0.25, 0.35)
# Priors for a ladder of finished runs along C. The exponents lie from 0.03 to 1, as those of the published laws in C
# do. One floor in ten is a few per cent of the loss of the largest runs, as of pure power laws; the others lie from 15
# to 90 % of it. The misfit is 0.5 % at the largest runs, and larger at small runs. benchmarks/reach/folds.py chose
# exponent, floor and misfit, for this kind and the next.
OF_LADDERS = {
    "alpha": dist.LogNormal(-2.0, 0.9),
    "logit_phi": TwoNormals(0.1, -2.5, 1.0, 0.3, 1.2),
    "noise_scale": dist.LogNormal(-5.6, 0.8),
    "matern_scale": dist.LogNormal(-5.2, 0.6),
    "matern_length_x": dist.LogNormal(0.7, 0.4),
    "matern_fade": 0.25,
}
# Priors for a ladder along N alone or D alone. What the other scale leaves is part of its floor, so that most fall fast
# towards it; but some are slow power laws, such as those of Kaplan et al. So the prior of the exponent has two parts
# too, and the runs decide between them. How a ladder goes on depends on the other scale, which isn't known: the misfit
# is 3 %.
OF_ONE_SCALE = OF_LADDERS | {
    "alpha": TwoLogNormals(0.2, -2.2, 0.7, -0.6, 0.45),
    "noise_scale": dist.LogNormal(-5.6, 0.9),
    "matern_scale": dist.LogNormal(-3.5, 0.7),
    "matern_length_x": dist.LogNormal(0.8, 0.4),
}


def recipe(
    runs: Runs, inputs: Mapping[str, str] | None = None, kind: str | None = None, law: str | Law | None = None
) -> Spec:
    """The spec that `forecaster` fits to runs of N and D, or of one input.

    Args:
        runs: The table of runs.

        inputs: {"x": column} for a forecast along one column of a table with several. The default is None: N and D, or
            the only input.

        kind: "ladder" or "curve", for runs of one input. The default is None: `kind_of` finds the kind.

        law: A law in place of those that are recommended; its spec isn't called the recommended one. The default is
            None.

    Raises:
        InputError: The runs have several inputs, none of them N and D, and neither `inputs` nor `law` says which;
            `kind` is given for runs of N and D, or beside `law`; or the kind or the law isn't known.

    >>> recipe(Runs(x=[1.0, 2.0], loss=[3.0, 2.0])).law.name
    'end_power'
    """
    if law is not None:
        if kind is not None:
            raise InputError(f"kind={kind!r} chooses among the recommended laws; leave it out, or leave law out")
        return of_law(runs, laws.get(law), inputs)
    there = set(runs.inputs)
    if not inputs and len({"N", "D", "C"} & there) >= 2:
        if kind is not None:
            raise InputError(
                f"kind={kind!r} is for runs of one input, and these are fitted in N and D; leave it out, or name one: "
                "inputs={'x': 'C'}"
            )
        few = len(runs) < FEW
        components = ("matern",) if few else ("matern", "bend", "drift")
        process = GP(*components, *_offset(runs), **OF_SWEEPS, **({} if few else DRIFT))
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


def of_law(runs: Runs, law: Law, inputs: Mapping[str, str] | None) -> Spec:
    """The spec for forecasts by a law: with a Gaussian process over its inputs, and the priors that go with them.

    Args:
        runs: The table of runs.

        law: The law.

        inputs: A mapping from law input to column, or None.
    """
    sizes = {"N", "D"} <= set(law.inputs)
    components = ("matern", "bend", "drift") if sizes and len(runs) >= FEW else ("matern",)
    lengths = {f"matern_length_{name}" for name in law.inputs}
    own = {name: prior for name, prior in OF_SWEEPS.items() if sizes or name in lengths}
    process = GP(*components, *_offset(runs), **own, **(DRIFT if "drift" in components else {}))
    return Spec(law, Normal(), process, None, {"noise_scale": NOISE}, dict(inputs) if inputs else None)


def _offset(runs: Runs) -> tuple[str, ...]:
    """The component of the process that runs in several groups have, and others don't."""
    groups = groups_of(runs.labels, runs.inputs)
    return ("offset",) if groups is not None and len(set(groups)) > 1 else ()


def _spec(law: str, *parts: Any, **more: Any) -> Spec:
    return Spec(laws.get(law), *parts, **more, recommended=True)
