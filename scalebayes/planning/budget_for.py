"""This file has `budget_for`, which gives the compute at which a loss is reached."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.at_points import discrepancy_key
from scalebayes.fitting.groups import Group, Groups
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.fitting.summary import check_prob
from scalebayes.forecasting.ask import ask
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.inputs import positive, with_groups
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.double import double
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.doubts import distance_of_median, review_of
from scalebayes.planning.limits import Limits
from scalebayes.planning.question import Question, cost_of, refuse_groups_of_law
from scalebayes.planning.reaching import reaching
from scalebayes.planning.reaching_of_curve import reaching_of_curve
from scalebayes.seeds import Seed


@known_settings
def budget_for(
    fit: Fit | Fits | Stack | Recalibrated,
    *,
    loss: Any,
    prob: float = 0.9,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute the least compute with which a loss is reached, draw by draw, and the budget that does it surely enough.

    In every draw the compute is split between N and D in the best way. It is a question about the curve: a new run
    scatters around it.

    Args:
        fit: A `Fit`, `Fits`, a `Stack`, or a `Recalibrated`, as for `optimum`.

        loss: The losses to reach, in the runs' unit: a number or an array (target,).

        prob: The probability with which the budget `enough` reaches the loss. The default is 0.9.

        cost: The cost of a run, one of `sb.costs` or a `Cost`. The default is C = 6 N D.

        subject_to: Limits by name, as for `optimum`. The default is None: no limit.

        of: "law" for the law alone, "curve" for the law with its discrepancy. The default is None: "curve" where the
            fit has a discrepancy, else "law". The compute of a law is exact; that of a curve is read off its optima at
            a few budgets, between which the log of the loss is interpolated in the log of the compute.

        group: A group of the runs whose offset is taken, or a sequence with one group for each loss, as for `optimum`:
            one loss may have several groups. None in a sequence is a new group. The default is None: a new group.

        seed: An int or a JAX key, for the draws of the discrepancy. The default is 0.

    Returns:
        A Dataset with `C`, and `N` and `D` there (chain, draw, target). A draw in which the loss is out of reach has
        an infinite `C`, and NaN as N and D: so has a loss below the draw's floor, or one that takes more than 1e40
        FLOPs (for a curve, more than the budgets at which it was computed). `out_of_reach` (target,) is the share of
        such draws, and `enough` (target,) the budget with which the loss is reached with probability `prob`: infinite
        where less than that share of the draws reaches it at all. `distance` (target, axis) is that of the median N and
        D from the runs, in e-folds. The coordinate `group` (target,) is there where each loss was given a group of its
        own.

    Raises:
        InputError: A loss isn't positive and finite, `prob` isn't between 0 and 1, a group isn't known, the numbers of
            losses and groups differ, or the cost, the limits or `of` are none, as for `optimum`.
        SettingError: A keyword isn't known.

    Warns:
        FitWarning: The fit, or a fit that the answer rests on, failed a check, as for `predict`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> needed = budget_for(fitted, loss=[2.0, 1.7])
    >>> needed["C"].values.ravel().tolist(), needed["out_of_reach"].values.tolist()
    ([4.178...e+24, inf], [0.0, 1.0])
    """
    check_prob(prob)
    question = Question.checked(None, cost, subject_to, of)
    if question.limits.N_in:
        raise InputError("N_in is no limit of budget_for; ask for each size: subject_to={'N': 1e9}")
    found = ask(
        fit,
        lambda one, groups, key: _budget_for(one, loss, question, groups, key),
        group=group,
        seed=seed,
        widen=False,
    )
    C = found["C"].transpose("chain", "draw", ...).values
    flat = C.reshape(-1, *C.shape[2:])
    dims = [str(dim) for dim in found["C"].dims if dim not in ("chain", "draw")]
    # An infinite compute is beyond every quantile that it is not needed for, so no interpolation reaches it.
    enough = np.quantile(flat, prob, axis=0, method="higher")
    return found.assign(out_of_reach=(dims, np.isinf(flat).mean(axis=0)), enough=(dims, enough)).assign_attrs(prob=prob)


def _budget_for(fit: Fit, loss: Any, question: Question, groups: Groups, key: Any) -> xr.Dataset:
    cost = cost_of(fit, question)
    departs = fit.discrepancy is not None and question.of != "law"
    refuse_groups_of_law(groups, departs)
    arrays, codes = with_groups(fit, {"loss": positive("loss", loss)}, groups)
    target = arrays["loss"]
    with double():
        params = {name: x.ravel() for name, x in fit.law_draws.items()}
        found = reaching(fit.law.fn, params, cost, target, question.limits)
        if departs:
            found = reaching_of_curve(fit, target, found, question.limits, cost, codes, discrepancy_key(fit, key))
    shape = (*fit.shape, len(target))
    C, N, D = (np.exp(x).reshape(shape) for x in found)
    distances = distance_of_median(fit, cost, N, D)
    return xr.Dataset(
        {
            **{name: (("chain", "draw", "target"), x) for name, x in (("C", C), ("N", N), ("D", D))},
            "distance": (("target", "axis"), np.column_stack(list(distances.values()))),
        },
        {fit.runs.observable: ("target", target), "axis": list(distances)},
        {
            **{"cost": cost.formula, "of": "curve" if departs else "law", "moments": 0, **about(fit)},
            "review": review_of(fit, cost, distances, of_law=not departs),
        },
    )
