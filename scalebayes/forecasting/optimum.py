"""This file has `optimum`, which gives the N and D that minimise the law, or its curve, for a budget C = 6 N D."""

from collections.abc import Mapping
from typing import Any, Literal

import jax
import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.fitting import bearing
from scalebayes.fitting.at_points import discrepancy_key
from scalebayes.fitting.groups import Group, Groups
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting import optimum_of_curve as departed
from scalebayes.forecasting.ask import ask, fits_of
from scalebayes.forecasting.distance import about, distance, exactness, outside, review
from scalebayes.forecasting.inputs import positive, with_groups
from scalebayes.forecasting.of_stack import Stack, farthest, mixed
from scalebayes.forecasting.optimum_of_law import closed_form, search
from scalebayes.forecasting.predict import curve
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import Seed


@known_settings
def optimum(
    fit: Fit | Fits | Stack | Recalibrated,
    *,
    C: Any,
    of: Literal["law", "curve"] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute the N and D with the least observable for each budget C = 6 N D, draw by draw.

    Args:
        fit: A `Fit` of a law of N and D. The answers of `Fits` are stacked along the dim dataset; fit i has the key
            `fold_in(seed, i)`. The members' draws of a `Stack` are mixed. A `Recalibrated` has the optimum of its fit,
            as backtests say nothing about where the optimum lies.

        C: The budgets in units of 6 N D, with N and D in the runs' own units: a number or an array (budget,).

        of: "law" for the optimum of the law alone; "curve" for that of what `predict` gives, the law times the
            exponential of its discrepancy. For "curve" each posterior draw takes one draw of the discrepancy given
            the runs, which all its budgets share; a fit with one draw takes the mean. The default is None: "curve"
            where the fit has a discrepancy, else "law".

        group: A group of the runs, where the discrepancy has an offset for each group; or a sequence with one group for
            each budget. A sequence is broadcast against the budgets, so that one budget may have several groups. None
            in a sequence is a new group. The default is None: a new group.

        seed: An int or a JAX key, for the draws of the discrepancy. The default is 0.

    Returns:
        A Dataset with `N`, `D`, `D_per_N`, the observable, `N_exponent` = d log N / d log C and `D_exponent` =
        1 - `N_exponent` (chain, draw, budget), in the runs' own units. They come from a closed form where the law has
        one, else from a search. `distance` (budget, axis) is that of the median optimum from the runs, in e-folds. A
        draw without a minimum has NaN; the coordinate `no_minimum` (budget,) is the share of such draws. The coordinate
        `group` (budget,) is there where each budget was given a group of its own. The attribute `of` is "law" or
        "curve"; where the fits differ in it, the coordinate `of` (dataset | draw,) says which it is. The exponents of a
        curve are NaN, since they need a second derivative that the discrepancy doesn't have: use `of="law"`, or log
        ratios of N between budgets. The attributes `failed` and `review` are those of `predict`.

    Raises:
        InputError: The law isn't one of N and D, a budget isn't positive and finite, `of` or a group isn't known, the
            numbers of budgets and groups differ, or no draw has a minimum.
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
    """
    if of not in (None, "law", "curve"):
        raise unknown("of", of, ("law", "curve"))
    best = ask(
        fit,
        lambda one, groups, key: _optimum(one, C, of, groups, key),
        group=group,
        seed=seed,
        mix=_of_mixture,
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
        raise InputError(f"law {law!r} has no minimum along C = 6 N D at any of these budgets{cure}")
    if isinstance(fit, Recalibrated):
        best = best.assign_attrs(recalibrated="the optimum is the fit's own: only forecasts are widened")
    return best


def _optimum(fit: Fit, C: Any, of: str | None, groups: Groups, key: Any) -> xr.Dataset:
    if set(fit.law.inputs) != {"N", "D"} or any(name != column for name, column in fit.problem.columns.items()):
        of_these = ", ".join(f"{n} = {c}" if n != c else n for n, c in fit.problem.columns.items())
        raise InputError(
            f"optimum splits a budget between N and D, and law {fit.law.name!r} takes {of_these}; fit runs that have "
            "N and D"
        )
    departs, params = _departs(fit, of), {name: x[..., None] for name, x in fit.law_draws.items()}
    named = [one for one in (groups if isinstance(groups, tuple) else (groups,)) if one is not None]
    if named and not departs:
        raise InputError(f"group={named[0]!r}: the law alone has no offset for a group; leave it out")
    arrays, codes = with_groups(fit, {"C": positive("C", C)}, groups)
    budget = arrays["C"]
    with jax.enable_x64():
        if fit.law.terms is None:
            log_N, exponent = search(fit.law.fn, params, budget, fit.reference.inputs)
        else:
            log_N, exponent = closed_form(fit.law.terms(**params), budget)
        log_N, exponent, loss = np.asarray(log_N), np.asarray(exponent), None
        if departs:
            log_N, loss = departed.least(fit, budget, log_N, codes, discrepancy_key(fit, key))
            exponent = np.nan
        N = np.exp(log_N)
        D = other_size(budget, N)
        if loss is None:
            loss = np.asarray(curve(fit.law.fn, {"N": N, "D": D}, params))
    values = {
        "N": N,
        "D": D,
        "D_per_N": D / N,
        fit.runs.observable: np.where(np.isnan(N), np.nan, loss),
        "N_exponent": exponent,
        "D_exponent": 1 - exponent,
    }
    middle = {"N": _median(N), "D": _median(D)}
    distances = distance(fit, middle)
    shape = (*fit.shape, len(budget))
    return xr.Dataset(
        {
            **{name: (("chain", "draw", "budget"), np.broadcast_to(x, shape)) for name, x in values.items()},
            "distance": (("budget", "axis"), np.column_stack(list(distances.values()))),
        },
        {
            "C": ("budget", budget),
            "no_minimum": ("budget", np.broadcast_to(np.isnan(N), shape).mean(axis=(0, 1))),
            "axis": list(distances),
        },
        {
            **{"cost": "C = 6 N D", "of": "curve" if departs else "law", "moments": 1, **about(fit)},
            "review": review(
                fit, exactness(fit, distances, of_law=not departs), bearing.of_optimum(outside(distances))
            ),
        },
    )


def _departs(fit: Fit, of: str | None) -> bool:
    """Whether the optimum is that of the law with its discrepancy."""
    return fit.discrepancy is not None and of != "law"


def _of_mixture(stack: Stack, answers: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Mix the optima of a stack's members. The distance is that of the median optimum of the mixture."""
    best = mixed(stack, answers)
    N, D = (best[name].values for name in ("N", "D"))
    middle = {"N": _median(N), "D": _median(D)}
    each = [distance(stack.members[name], middle) for name in answers]
    axes, far = farthest(
        [xr.DataArray(np.column_stack(list(x.values())), {"axis": list(x)}, ("budget", "axis")) for x in each]
    )
    best = best.assign(distance=(("budget", "axis"), far)).assign_coords(
        axis=axes, no_minimum=("budget", np.isnan(N).mean(axis=(0, 1)))
    )
    if best.attrs["of"] == "differs":
        best = best.assign_coords(of=("draw", [answers[name].attrs["of"] for name in best["model"].values]))
    return best


def _median(values: np.ndarray) -> np.ndarray:
    """The median over the draws with an optimum (budget,); NaN where no draw has one."""
    found = ~np.isnan(values).all(axis=(0, 1))
    middle = np.full(values.shape[-1], np.nan)
    middle[found] = np.nanmedian(values[..., found], axis=(0, 1))
    return middle
