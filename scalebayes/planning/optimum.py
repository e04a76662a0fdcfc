"""This file has `optimum`, which gives the N and D that minimise the law, or its curve, at a cost."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Group, groups_of
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import ask, fits_of
from scalebayes.forecasting.inputs import positive
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.hardware import Hardware, budget
from scalebayes.planning.limits import Limits
from scalebayes.planning.optimum_of_fit import of_fit, of_mixture
from scalebayes.planning.question import Question
from scalebayes.seeds import Seed


@known_settings
def optimum(
    fit: Fit | Fits | Stack | Recalibrated,
    *,
    C: Any = None,
    dollars: Any = None,
    gpu_hours: Any = None,
    days: Any = None,
    on: Hardware | str | None = None,
    devices: float | None = None,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    smaller: Any = None,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute the N and D with the least observable for each budget, draw by draw.

    Two optima are given. The posterior of the optimum says where the optimum may lie. `N_best` and `D_best` are the one
    choice of least expected loss, for who has to train one model; `regret` is what that choice is expected to lose
    against a choice that knew the true law.

    Args:
        fit: A `Fit` of a law of N and D. The answers of `Fits` are stacked along the dim dataset; fit i has the key
            `fold_in(seed, i)`. The members' draws of a `Stack` are mixed. A `Recalibrated` has the optimum of its fit,
            as backtests say nothing about where the optimum lies.

        C: The budgets in the unit of the cost, with N and D in the runs' own units: a number or an array (budget,).

        dollars: The budgets in dollars, in place of C.

        gpu_hours: The budgets in hours of one device, in place of C.

        days: The budgets in days on `devices` devices, in place of C.

        on: The hardware for dollars, hours and days: a name such as "h100", or a `Hardware`.

        devices: The number of devices, for days.

        cost: The cost of a run, one of `sb.costs` or a `Cost`. The default is C = 6 N D.

        subject_to: Limits by name: min_N, max_N, min_D, max_D, min_D_per_N, max_D_per_N; N or D where one is given;
            N_in, a list of the sizes that can be trained; unique_tokens, for a law that knows repetition. The default
            is None: no limit.

        smaller: How many times smaller than the optimum a model is whose price is asked for: a number or a list, each
            above 1. It is the price by the law alone, so a fit with a discrepancy takes of="law" with it. The default
            is None: no price.

        of: "law" for the optimum of the law alone; "curve" for that of what `predict` gives, the law times the
            exponential of its discrepancy. For "curve" each posterior draw takes one draw of the discrepancy given
            the runs, which all its budgets share; a fit with one draw takes the mean. The default is None: "curve"
            where the fit has a discrepancy, else "law".

        group: A group of the runs, where the discrepancy has an offset for each group; or a sequence with one group for
            each budget. A sequence is broadcast against the budgets, so that one budget may have several groups. None
            in a sequence is a new group. The default is None: a new group.

        seed: An int or a JAX key, for the draws of the discrepancy. The default is 0.

    Returns:
        A Dataset with `N`, `D`, `D_per_N` and the observable (chain, draw, budget), in the runs' own units. At the cost
        6 N D without limits it also has `N_exponent` = d log N / d log C and `D_exponent` = 1 - `N_exponent`; those of
        a curve are NaN, since they need a second derivative that the discrepancy doesn't have: use `of="law"`, or log
        ratios of N between budgets. With limits it has `paid` (chain, draw, budget), the value at the optimum within
        the limits less that at the optimum without them, of the same law or curve. It is NaN where a curve has no
        optimum without limits. And it has `binds` (limit, budget), the share of the draws in which a limit binds.

        With `smaller` it has `smaller_paid` and `smaller_compute` (chain, draw, budget, smaller), for the model that is
        so many times smaller than the draw's optimum. `smaller_paid` is its loss on the tokens that the rest of the
        budget pays for, less the loss of the optimum. `smaller_compute` is the factor of the budget with which more
        tokens take it to the loss of the optimum: infinite where no number of tokens does, or where a limit forbids
        them. `out_of_reach` (budget, smaller) is the share of the draws in which it is infinite, of those with an
        optimum. Upper limits of D and D / N hold for smaller models, too; lower limits of N don't.

        `N_best`, `D_best` and `regret` are (budget,). `distance` (budget, axis) is that of the median optimum from the
        runs, in e-folds. A draw without a minimum has NaN; the coordinate `no_minimum` (budget,) is the share of such
        draws. The coordinate `group` (budget,) is there where each budget was given a group of its own. The attribute
        `of` is "law" or "curve"; where the fits differ in it, the coordinate `of` (dataset | draw,) says which it is.
        The attributes `failed` and `review` are those of `predict`.

    Raises:
        InputError: The law isn't one of N and D, a budget isn't positive and finite, limits contradict each other, `of`
            or a group isn't known, `smaller` isn't above 1, the numbers of budgets and groups differ, or no draw has a
            minimum.
        SettingError: A keyword isn't known.

    Warns:
        FitWarning: The fit, or a fit that the answer rests on, failed a check, as for `predict`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> best = optimum(fitted, C=5.76e23)
    >>> best["N"].item() / 1e10, best.attrs["of"]
    (7.2..., 'law')
    >>> small = optimum(fitted, C=5.76e23, subject_to={"max_N": 8e9})
    >>> small["binds"].sel(limit="max_N").item(), round(small["paid"].item(), 4)
    (1.0, 0.0503)
    >>> half = optimum(fitted, C=5.76e23, smaller=2)
    >>> round(half["smaller_paid"].item(), 4), round(half["smaller_compute"].item(), 3)
    (0.0048, 1.259)
    """
    others = dollars, gpu_hours, days, on, devices
    C = budget(C, *others) if C is None or any(x is not None for x in others) else positive("C", C)
    question = Question.checked(C, cost, subject_to, of, smaller)
    best = ask(
        fit,
        lambda one, groups, key: of_fit(one, question, groups, key),
        group=group,
        seed=seed,
        mix=partial(of_mixture, question, groups_of(group), seed),
        widen=False,
    )
    if isinstance(fit, Fits) and best.attrs["of"] == "differs":
        best = best.assign_coords(
            of=("dataset", ["law" if of == "law" or one.discrepancy is None else "curve" for one in fit])
        )
    if np.isnan(best["N"].values).all():
        law = ", ".join(dict.fromkeys(one.law.name for one in fits_of(fit)))
        cure = (
            "" if best.attrs.get("of") == "law" else " with its discrepancy; of='law' is the optimum of the law alone"
        )
        raise InputError(f"law {law!r} has no minimum along {cost.formula} at any of these budgets{cure}")
    if question.smaller:
        compute, drawn = best["smaller_compute"], ("chain", "draw")
        best = best.assign(out_of_reach=np.isinf(compute).sum(drawn) / compute.notnull().sum(drawn))
    if isinstance(fit, Recalibrated):
        best = best.assign_attrs(recalibrated="the optimum is the fit's own: only forecasts are widened")
    return best
