"""This file has `probability`, which says how surely a loss is reached."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Group
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import fits_of
from scalebayes.forecasting.inputs import positive
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.predict import predict
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import Limits
from scalebayes.planning.optimum import optimum
from scalebayes.seeds import Seed


@known_settings
def probability(
    fit: Fit | Fits | Stack | Recalibrated,
    *,
    loss: Any,
    C: Any = None,
    observed: bool = False,
    group: Group = None,
    seed: Seed = 0,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    **inputs: Any,
) -> xr.DataArray:
    """Compute the probability that a run, or the best run of a budget, reaches a loss.

    Args:
        fit: A `Fit`, `Fits`, a `Stack` or a `Recalibrated`.

        loss: The losses (target,), in the runs' unit: a number or an array. A run reaches a loss if its own is no
            higher.

        C: The budgets of runs that are split in the best way, in each draw anew. The default is None: the inputs are
            given, or `C` with one of N and D.

        observed: Whether it is asked of a new run with its noise, for which inputs are given. The default is False: of
            the curve.

        group: A group of the runs whose offset is taken; None (the default) for a new group.

        seed: An int or a JAX key. The default is 0.

        cost: The cost, where C alone is given. The default is C = 6 N D.

        subject_to: Limits, where C alone is given. The default is None: no limit.

        **inputs: The inputs of the runs, as for `predict`.

    Returns:
        The probabilities (point | budget, target). They are shares of draws, so with S draws they are known to
        .5 / sqrt(S) at best.

    Raises:
        InputError: A loss isn't positive and finite, neither inputs nor C are given, or what `predict` or `optimum`
            refuse.
        SettingError: A keyword isn't known.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> chance = probability(fitted, loss=[0.5, 1.3, 2.9], x=1000.0)
    >>> bool(chance[0, 0] < chance[0, 1] < chance[0, 2])
    True
    """
    if C is None or inputs:
        asked = inputs if C is None else {"C": C, **inputs}
        if not asked:
            raise InputError("say which run: N= and D=, or the budget C= that is split in the best way")
        if cost is not six_nd or subject_to is not None:
            raise InputError("cost and subject_to are for a budget that is split, C= alone; leave them out")
        answer = predict(fit, observed=observed, group=group, seed=seed, **asked)
    elif observed:
        raise InputError("observed=True is for a run whose inputs are given: N= and D=")
    else:
        answer = optimum(fit, C=C, cost=cost, subject_to=subject_to, group=group, seed=seed)
    target = positive("loss", loss)
    observables = {one.runs.observable for one in fits_of(fit)}
    name = next(str(one) for one in answer.data_vars if one in observables)
    reached = answer[name] <= xr.DataArray(target, dims="target")
    return reached.mean(("chain", "draw")).assign_coords({f"{name}_target": ("target", target)})
