"""This file has `compare_recipes`, which says which of two ways to train is better at which budget, draw by draw."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
import xarray as xr

from scalebayes.errors import known_settings
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import fits_of
from scalebayes.forecasting.of_fits import agreed, doubts
from scalebayes.forecasting.of_stack import Stack, farthest
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.hardware import Hardware, budget
from scalebayes.planning.limits import Limits, allowed
from scalebayes.planning.question import Question
from scalebayes.planning.recipes.budget_curve import crossing, nodes_of, reached
from scalebayes.planning.recipes.least_loss import LeastLoss, least_loss, ratio_of_groups
from scalebayes.planning.recipes.result import FURTHEST, RecipeComparison
from scalebayes.planning.recipes.sides import Recipe, check_alike, names_of, same_draws, two_recipes
from scalebayes.seeds import Seed, as_key

STEP = 0.2  # e-folds of compute between the nodes of a curve; the compute of a law is then right to 1e-8


@known_settings
def compare_recipes(
    a: Fit | Stack | Recalibrated,
    b: Fit | Stack | Recalibrated | None = None,
    *,
    groups: Sequence[str | None] | None = None,
    C: Any = None,
    dollars: Any = None,
    gpu_hours: Any = None,
    days: Any = None,
    on: Hardware | str | None = None,
    devices: float | None = None,
    cost: Cost | tuple[Cost, Cost] = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    of: Literal["law", "curve"] | None = None,
    names: Sequence[str] = (),
    seed: Seed = 0,
) -> RecipeComparison:
    """Compare two recipes, such as two data mixtures or optimisers, each at its own optimum of every budget.

    A recipe is a fit of its runs. The losses of both have to mean the same: one test set and one tokeniser. For each
    pair of posterior draws three things are computed: which recipe has the lower loss at each budget; the budget where
    the two cross, if they do; and the compute-equivalent gain, the compute that b needs to reach the loss that a
    reaches with C, over C. Above 1, a is better.

    Two fits are independent, so their draws are paired at random. Where a and b stem from one fit, draw i of one is
    compared with draw i of the other, so that what both share cancels. A fit against itself is a tie.

    Args:
        a: A `Fit` of a law of N and D, a `Stack`, or a `Recalibrated`, whose losses are widened.

        b: The other one. The default is None: two groups of `a`.

        groups: The group of the runs whose offset is taken, for a and for b, where a discrepancy has an offset for each
            group. None in it is a new group. The default is None: new groups.

        C: The budgets in the unit of the cost: a number or an array (budget,). The crossing is looked for between the
            smallest and the largest.

        dollars: The budgets in dollars, in place of C.

        gpu_hours: The budgets in hours of one device, in place of C.

        days: The budgets in days on `devices` devices, in place of C.

        on: The hardware for dollars, hours and days: a name such as "h100", or a `Hardware`.

        devices: The number of devices, for days.

        cost: The cost of a run, or one cost for each recipe, such as a mixture of experts against a dense model. The
            default is C = 6 N D.

        subject_to: Limits that both recipes obey, as for `optimum`. The default is None: no limit.

        of: "law" or "curve", as for `optimum`. The default is None: the curve where a fit has a discrepancy.

        names: What to call a and b. The default is () for their groups, or "a" and "b".

        seed: An int or a JAX key, for the pairing and the draws of the discrepancy. The default is 0.

    Returns:
        A `RecipeComparison`, which prints what it found. `table()` has a row for each budget, `crossing()` the budget
        where the two cross, and `data` the draws.

    Raises:
        InputError: The two have different observables or units, or N counts other parameters at one cost; `a` or `b` is
            many fits or none; or as for `optimum`.
        SettingError: A keyword isn't known.

    Warns:
        FitWarning: A fit failed a check, as for `predict`.

    >>> import scalebayes as sb
    >>> law, values = sb.laws.get("chinchilla"), sb.laws.published("besiroglu2024").values
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> old = sb.fit(runs, law, priors=values, method="map", on_fail="ignore")
    >>> new = sb.fit(runs, law, priors=values | {"A": values["A"] * 0.9}, method="map", on_fail="ignore")
    >>> compared = compare_recipes(new, old, C=[1e21, 1e24], names=("new", "old"))
    >>> compared.table()["gain"].round(2).tolist()
    [1.35, 1.35]
    """
    first, second = two_recipes(a, b, groups, cost)
    called = names_of(names, groups)
    check_alike(first, second, called)
    budgets = budget(C, dollars, gpu_hours, days, on, devices)
    limits = Limits.of(subject_to)
    nodes, inside = nodes_of(budgets, STEP, FURTHEST)
    # Where limits cost more than the smallest nodes, only the nodes that can pay for them are left.
    start = _affordable(nodes, inside.start, limits, second.cost)
    nodes, inside = nodes[start:], slice(inside.start - start, inside.stop - start)
    shared, key = same_draws(first.asked, second.asked), as_key(seed)

    def losses(recipe: Recipe, at: np.ndarray, part: int) -> LeastLoss:
        question = Question.checked(budgets, recipe.cost, limits, of)
        return least_loss(recipe.asked, at, question, recipe.group, jax.random.fold_in(key, part))

    of_b = losses(second, nodes, 0)
    if shared and first.cost is second.cost:
        of_a = of_b._replace(curve=of_b.curve[:, inside])
        if first.group != second.group:
            ratio = ratio_of_groups(first.asked, (second.group, first.group), jax.random.fold_in(key, 2))[:, None]
            of_a = of_a._replace(curve=of_a.curve * ratio, loss=of_a.loss * ratio)
    else:
        of_a = losses(first, nodes[inside], 0 if shared else 1)
    if not shared:
        of_a, of_b = _paired(of_a, of_b, jax.random.fold_in(key, 3))
    return _result(of_a, of_b, nodes, inside, budgets, called, shared, (first, second))


def _paired(a: LeastLoss, b: LeastLoss, key: Any) -> tuple[LeastLoss, LeastLoss]:
    """Pair the draws of two independent fits at random; the draws of the one with fewer come as evenly as possible."""
    count = max(len(a.loss), len(b.loss))
    order = []
    for one, own in zip((a, b), jax.random.split(key), strict=True):
        rng = np.random.default_rng(np.asarray(jax.random.key_data(own)).astype(np.uint64))
        order.append(np.resize(rng.permutation(len(one.loss)), count))
    one, other = (x._replace(curve=x.curve[i], loss=x.loss[i]) for x, i in zip((a, b), order, strict=True))
    return one, other


def _result(
    a: LeastLoss,
    b: LeastLoss,
    nodes: np.ndarray,
    inside: slice,
    budgets: np.ndarray,
    names: tuple[str, str],
    shared: bool,
    recipes: tuple[Recipe, Recipe],
) -> RecipeComparison:
    """Compare the losses of all pairs."""
    log_C, same = np.log(budgets), np.array_equal(a.loss, b.loss)
    gain = np.exp((log_C + 0 * b.loss if same else reached(nodes, b.curve, a.loss)) - log_C)
    # What b reaches at the ends of the search alone is out of reach, or reached with next to nothing.
    gain = np.where(np.isnan(b.loss), np.nan, np.where(gain > FURTHEST, np.inf, np.where(gain < 1 / FURTHEST, 0, gain)))
    found = crossing(nodes[inside], a.curve - b.curve[:, inside])
    answers = dict(zip(("a", "b"), (a.answer, b.answer), strict=True))
    axes, distance = farthest([one["distance"] for one in answers.values()])
    costs = list(dict.fromkeys(one.cost.formula for one in recipes))
    runs = fits_of(recipes[0].asked)[0].runs
    told = {
        "a": names[0],
        "b": names[1],
        "observable": runs.observable,
        "unit": runs.unit,
        "cost": " and ".join(costs),
        "of": agreed(one.attrs["of"] for one in answers.values()),
        "shared_draws": int(shared),
        **{what: doubts({names[0]: a.answer, names[1]: b.answer}, what) for what in ("failed", "review")},
    }
    data = xr.Dataset(
        {
            **{
                name: (("chain", "draw", "budget"), x[None])
                for name, x in (("loss_a", a.loss), ("loss_b", b.loss), ("gain", gain))
            },
            "crossing": (("chain", "draw"), np.exp(found.log_C)[None]),
            "crossings": (("chain", "draw"), found.times[None]),
            "a_wins_beyond": (("chain", "draw"), found.falls[None]),
            "distance": (("budget", "axis"), distance),
        },
        {"C": ("budget", budgets), "axis": axes},
        told,
    )
    return RecipeComparison(data)


def _affordable(nodes: np.ndarray, most: int, limits: Limits, cost: Cost) -> int:
    """The first node whose budget can pay for the limits, at most the node `most` of the smallest budget asked."""
    if not limits.named():
        return 0
    within = allowed(limits, cost, np.exp(nodes), refuse=False)
    return min(int(np.argmax(within.low <= within.high)), most)
