"""This file has `strategies`, which compares named ways to split a budget with the optimum, draw by draw."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.groups import Groups
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import ask, fits_of
from scalebayes.forecasting.distance import about
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost, positive_number
from scalebayes.planning.doubts import distances_of, review_of
from scalebayes.planning.hardware import Hardware, budget
from scalebayes.planning.limits import Limits
from scalebayes.planning.optimum import optimum
from scalebayes.planning.optimum_of_fit import of_fit
from scalebayes.planning.question import Question, cost_of
from scalebayes.planning.recipes.least_loss import widened
from scalebayes.planning.strategies.result import Strategies
from scalebayes.planning.strategies.split import USUAL, splits_of
from scalebayes.seeds import Seed

# E-folds of N to both sides at which the observable is computed, too: a choice takes three candidates.
BESIDE = np.array([-0.1, 0.0, 0.1])


@known_settings
def strategies(
    fit: Fit | Stack | Recalibrated,
    strategies: Mapping[str, Any] | None = None,
    *,
    C: Any = None,
    dollars: Any = None,
    gpu_hours: Any = None,
    days: Any = None,
    on: Hardware | str | None = None,
    devices: float | None = None,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    of: Literal["law", "curve"] | None = None,
    group: str | None = None,
    seed: Seed = 0,
) -> Strategies:
    """Compare named strategies, such as a large model on little data, with the optimum of the same cost, draw by draw.

    A strategy is one of these, by a name of your choice:

    - `dict(N=7e10, D=1.4e12)`: a run;
    - `dict(N=7e10)` or `dict(D=1.4e12)`: one size, and the budget gives the other;
    - `dict(D_per_N=20)`: tokens a parameter, as Hoffmann et al. are mostly quoted;
    - `dict(share_N=0.7)`: 70/30, the share of the budget's growth that goes to N. From the middle of the runs on, N
      grows as C^0.7 and D, at the cost 6 N D, as C^0.3. `start=dict(N=1e8, D=2e9)` has it grow from another run.
    - "kaplan": N = 1.3e9 (C / PF-day)^0.73, as Kaplan et al. published it;
    - "optimum": the one choice of least expected loss.

    All but the first need a budget: of their own, as in `dict(C=1e22, share_N=0.7)`, or the budgets of the call.

    Args:
        fit: A `Fit` of a law of N and D, a `Stack`, or a `Recalibrated`, whose losses are widened.

        strategies: A mapping from name to strategy. The default is None: 25/75, 30/70, 50/50, 70/30, 75/25, Kaplan, 20
            tokens a parameter, and the optimum.

        C: The budgets in the unit of the cost: a number or an array (budget,).

        dollars: The budgets in dollars, in place of C.

        gpu_hours: The budgets in hours of one device, in place of C.

        days: The budgets in days on `devices` devices, in place of C.

        on: The hardware for dollars, hours and days: a name such as "h100", or a `Hardware`.

        devices: The number of devices, for days.

        cost: The cost of a run. The default is C = 6 N D.

        subject_to: Limits that the optimum obeys, as for `optimum`, and max_C, the most that a run may cost. A strategy
            is told as it is, and the limits that it breaks are named: its regret may be negative then. The default is
            None: no limit.

        of: "law" or "curve", as for `optimum`. The default is None: the curve where the fit has a discrepancy.

        group: The group of the runs whose offset is taken. The default is None: a new group.

        seed: An int or a JAX key, for the draws of the discrepancy. The default is 0.

    Returns:
        A `Strategies`, which prints as a table: each strategy's cost, N and D, its loss with an interval, and its
        regret, which is its loss less that of the optimum of the same cost in the same draw.

    Raises:
        InputError: A strategy isn't known, lacks a budget, or has settings that don't go together; `fit` is many fits;
            or as for `optimum`.
        SettingError: A keyword isn't known.

    Warns:
        FitWarning: The fit failed a check, as for `predict`.

    >>> import scalebayes as sb
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> held = sb.laws.published("besiroglu2024").values
    >>> fitted = sb.fit(runs, "chinchilla", priors=held, method="map", on_fail="ignore")
    >>> named = {"Gopher": dict(N=280e9, D=300e9), "Chinchilla": dict(N=70e9, D=1.4e12)}
    >>> strategies(fitted, named).table()[["strategy", "regret"]].round(4).values.tolist()
    [['Gopher', 0.0...], ['Chinchilla', 0.0...]]
    """
    if isinstance(fit, Fits):
        raise InputError("strategies takes one fit, not Fits; of many, ask each: fits[0], fits['name']")
    fits, money = fits_of(fit), (dollars, gpu_hours, days)
    limits, most = _limits(subject_to)
    question = Question.checked(None, cost, limits, of)
    for one in fits:
        cost_of(one, question)  # it refuses laws of other inputs
    budgets = None if C is None and all(x is None for x in money) else budget(C, *money, on, devices)
    if strategies is None and budgets is None:
        raise InputError("give a budget, C=1e22, or strategies: {'Gopher': dict(N=280e9, D=300e9)}")
    start = {name: float(fits[0].reference.inputs[name]) for name in ("N", "D")}
    splits = splits_of(USUAL if strategies is None else strategies, budgets, cost, start)
    C_of, N, D = (np.array([getattr(one, name) for one in splits]) for name in ("C", "N", "D"))
    if (open_ := np.isnan(N)).any():
        best = optimum(fit, C=C_of[open_], cost=cost, subject_to=limits, of=of, group=group, seed=seed)
        N[open_], D[open_] = best["N_best"].values, best["D_best"].values
        C_of[open_] = np.asarray(cost(N[open_], D[open_]))  # limits may leave a budget unspent
    asked = question._replace(C=C_of)
    found = ask(
        fit,
        lambda one, groups, key: _of_fit(one, asked, np.log(N), D, groups, key),
        group=group,
        seed=seed,
        widen=False,
    )
    if isinstance(fit, Recalibrated):
        loss = found["loss"].values
        found["loss"] = (found["loss"].dims, widened(fit, loss.reshape(-1, len(N))).reshape(loss.shape))
    coords = {
        "strategy": ("point", [one.name for one in splits]),
        "C": ("point", C_of),
        "N": ("point", N),
        "D": ("point", D),
        "breaks": ("point", [_broken(limits, most, *each) for each in zip(C_of, N, D, strict=True)]),
    }
    optima = list(dict.fromkeys(one.name for one in splits if np.isnan(one.N)))
    told = {"cost": cost.formula, "observable": fits[0].runs.observable, "optima": optima}
    return Strategies(found.assign_coords(coords).assign_attrs(told))


def _of_fit(fit: Fit, asked: Question, log_N: np.ndarray, D: np.ndarray, groups: Groups, key: Any) -> xr.Dataset:
    """The loss and the regret of each strategy (chain, draw, point), in the same draws of the discrepancy."""
    free = asked._replace(limits=Limits(unique_tokens=asked.limits.unique_tokens))
    found = of_fit(fit, free, groups, key, log_N[:, None] + BESIDE)
    loss, name = found["profile"].values[..., 1], fit.runs.observable
    best = found if asked.limits == free.limits else of_fit(fit, asked, groups, key)
    cost, N = cost_of(fit, asked), np.exp(log_N)
    distances = distances_of(fit, cost, N, D)
    dims, of_law = ("chain", "draw", "point"), found.attrs["of"] == "law"
    return xr.Dataset(
        {
            "loss": (dims, loss),
            "regret": (dims, loss - best[name].values),
            "distance": (("point", "axis"), np.column_stack(list(distances.values()))),
        },
        {"axis": list(distances)},
        {
            **{"of": found.attrs["of"], "moments": 1, **about(fit)},
            "review": review_of(fit, cost, distances, of_law=of_law),
        },
    )


def _limits(subject_to: Any) -> tuple[Limits, float]:
    """The limits of the optimum, and the largest cost of a run; inf for none."""
    if not isinstance(subject_to, Mapping) or "max_C" not in subject_to:
        return Limits.of(subject_to), np.inf
    rest = {name: value for name, value in subject_to.items() if name != "max_C"}
    return Limits.of(rest), positive_number("limit max_C", subject_to["max_C"])


def _broken(limits: Limits, most: float, C: float, N: float, D: float) -> str:
    """The names of the limits that a strategy breaks, with commas between them."""
    sizes = {"N": N, "D": D, "D_per_N": D / N, "C": C}
    slack = 1 + 1e-9  # a strategy on its limit may differ from it in the last digits
    broken = []
    for name, limit in (limits.named() | ({"max_C": most} if np.isfinite(most) else {})).items():
        kind, _, size = name.partition("_")
        above = kind == "max" and sizes[size] > limit * slack
        below = kind == "min" and sizes[size] * slack < limit
        other = name in ("N", "D") and not np.isclose(sizes[name], limit, rtol=1e-9)
        out = name == "N_in" and not np.isclose(N, limit, rtol=1e-9).any()
        if above or below or other or out:
            broken.append(name)
    return ", ".join(broken)
